"""`modulo`: generate, test, feed back."""

from tokenworth.core.measure import Measure
from tokenworth.methods.modulo.document import ModuloDoc

MEASURE = Measure(name="modulo", document=ModuloDoc)
