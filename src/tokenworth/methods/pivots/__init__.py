"""`pivots`: the tokens of a trace that change the value."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.pivots.document import PivotsDoc, pivots_document
from tokenworth.methods.pivots.experiment import most, needs, pivots_of
from tokenworth.methods.pivots.settings import PivotSettings
from tokenworth.tasks.target import check_label

MEASURE = Measure(
    name="pivots",
    settings=PivotSettings,
    document=PivotsDoc,
    run=Draws(
        experiment=pivots_of,
        document=lambda done, _, about: pivots_document(done[0].result, done[0].subject.codec, about),
        needs=needs,
        of_trace=True,
        reads=("screen",),
        roles=("reader",),
        most=most,
        forecasts="the base trace and its next-token probabilities",
        check=lambda subject, settings: check_label(settings.target, subject.problem, subject.grader),
    ),
    subject=lambda doc: (doc.problem, doc.model, doc.provenance.reader, doc.target, doc.plan.name, doc.trace.prompt_ids, doc.trace.pieces),
)
