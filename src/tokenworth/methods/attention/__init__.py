"""`attention`: heads that look back, and what hiding what they look at does."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.attention.derive import attention_document
from tokenworth.methods.attention.document import AttentionDoc
from tokenworth.methods.attention.experiment import attention_of, most, needs
from tokenworth.methods.attention.settings import AttentionSettings

MEASURE = Measure(
    name="attention",
    settings=AttentionSettings,
    document=AttentionDoc,
    run=Draws(experiment=attention_of, document=attention_document, needs=needs, of_trace=True, joins=True, most=most),
    subject=lambda doc: (doc.model, doc.task, doc.procedure, doc.gap, tuple(one.question for one in doc.traces)),
)
