"""`modulo`: generate, test, feed back."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.modulo.document import ModuloDoc, modulo_document
from tokenworth.methods.modulo.experiment import check_subject, modulo_of, most
from tokenworth.methods.modulo.settings import ModuloSettings
from tokenworth.methods.sample.experiment import draws_of

MEASURE = Measure(
    name="modulo",
    settings=ModuloSettings,
    document=ModuloDoc,
    run=Draws(
        experiment=modulo_of,
        document=modulo_document,
        needs=lambda settings: [draws_of("the loop")],
        joins=True,
        most=most,
        check=check_subject,
    ),
    subject=lambda doc: (doc.model, doc.task, tuple(one.id for one in doc.items), doc.verifiers, doc.plan.feedback),
)
