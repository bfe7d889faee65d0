"""`confusion`: trace validity against answers."""

from tokenworth.core.measure import Measure, Reads
from tokenworth.methods.confusion.fold import ConfusionFold
from tokenworth.methods.confusion.settings import ConfusionSettings
from tokenworth.methods.verify.document import VerifiedDoc

MEASURE = Measure(
    name="confusion",
    settings=ConfusionSettings,
    document=VerifiedDoc,
    run=Reads(fold=ConfusionFold),
    subject=lambda doc: (doc.domain, doc.dialect, doc.strictness, doc.provenance.source),
)
