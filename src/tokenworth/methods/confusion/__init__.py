"""`confusion`: trace validity against answers."""

from tokenworth.core.measure import Measure, Reads
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.confusion.fold import ConfusionFold
from tokenworth.methods.confusion.settings import ConfusionSettings

MEASURE = Measure(
    name="confusion",
    settings=ConfusionSettings,
    document=VerifiedDoc,
    run=Reads(fold=ConfusionFold),
    subject=lambda doc: (doc.domain, doc.dialect, doc.strictness, doc.provenance.source),
)
