"""`verify`: formal traces against the rules of their domain."""

from tokenworth.core.measure import Measure, Reads
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.methods.verify.fold import VerifyFold
from tokenworth.methods.verify.settings import VerifySettings

MEASURE = Measure(
    name="verify",
    settings=VerifySettings,
    document=VerifiedDoc,
    run=Reads(fold=VerifyFold, gives_lines=True, skips=True, shows=lambda settings: settings.table),
    subject=lambda doc: (doc.domain, doc.dialect, doc.strictness, doc.provenance.source),
)
