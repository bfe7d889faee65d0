"""`audit`: attacks on answer checkers."""

from tokenworth.core.measure import Measure, Reads
from tokenworth.methods.audit.document import AuditDoc
from tokenworth.methods.audit.fold import AuditFold, graders
from tokenworth.methods.audit.settings import AuditSettings

MEASURE = Measure(
    name="audit",
    settings=AuditSettings,
    document=AuditDoc,
    run=Reads(fold=AuditFold, source=graders),
    subject=lambda doc: tuple((card.grader, card.kind) for card in doc.cards),
)
