"""`curve`: the value of a trace at every cut."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.curve.document import CurveDoc, curve_document, rollout_table
from tokenworth.methods.curve.experiment import curve_of, most, needs
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.tasks.target import check_label

MEASURE = Measure(
    name="curve",
    settings=CurveSettings,
    document=CurveDoc,
    run=Draws(
        experiment=curve_of,
        document=lambda done, _, about: curve_document(done[0].result, done[0].subject.codec, about),
        needs=needs,
        of_trace=True,
        roles=("reader",),
        most=most,
        check=lambda subject, settings: check_label(settings.target, subject.problem, subject.grader),
    ),
    table=rollout_table,
    subject=lambda doc: (doc.problem, doc.model, doc.provenance.reader, doc.target, doc.trace.prompt_ids, doc.trace.pieces),
)
