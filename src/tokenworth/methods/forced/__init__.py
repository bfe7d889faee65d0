"""`forced`: the answer read when the trace is stopped at each cut."""

from tokenworth.core.measure import Measure
from tokenworth.methods.forced.document import ForcedDoc, reading_table

MEASURE = Measure(name="forced", document=ForcedDoc, table=reading_table)
