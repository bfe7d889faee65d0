"""`confusion`: trace validity against answers."""

from tokenworth.core.measure import Measure
from tokenworth.methods.confusion.document import VerifiedDoc

MEASURE = Measure(name="confusion", document=VerifiedDoc)
