"""`forced`: the answer read when the trace is stopped at each cut."""

from tokenworth.core.measure import Measure
from tokenworth.methods.forced.document import ForcedDoc

MEASURE = Measure(name="forced", document=ForcedDoc)
