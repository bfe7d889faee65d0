"""`edits`: traces edited with known truth, and what the edit does."""

from tokenworth.core.measure import Measure
from tokenworth.methods.edits.document import EditsDoc

MEASURE = Measure(name="edits", document=EditsDoc)
