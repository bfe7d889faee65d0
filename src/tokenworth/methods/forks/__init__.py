"""`forks`: what each branch at a fork is worth, and where the value changes."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.forks.document import ForksDoc
from tokenworth.methods.forks.experiment import forks_of, most, needs
from tokenworth.methods.forks.rows import forks_document
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.tasks.target import check_label

MEASURE = Measure(
    name="forks",
    settings=ForkSettings,
    document=ForksDoc,
    run=Draws(
        experiment=forks_of,
        document=lambda done, _, about: forks_document(done[0].result, done[0].subject.codec, about),
        needs=needs,
        of_trace=True,
        roles=("reader",),
        most=most,
        check=lambda subject, settings: check_label(settings.target, subject.problem, subject.grader),
    ),
    subject=lambda doc: (doc.problem, doc.model, doc.provenance.reader, doc.target, doc.trace.prompt_ids, doc.trace.pieces),
)
