"""`anchors`: the sentences of a trace that change the value."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.anchors.document import AnchorsDoc, anchors_document, sentence_table
from tokenworth.methods.anchors.experiment import anchors_of, most, needs
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.tasks.target import check_label

MEASURE = Measure(
    name="anchors",
    settings=AnchorSettings,
    document=AnchorsDoc,
    run=Draws(
        experiment=anchors_of,
        document=lambda done, _, about: anchors_document(done[0].result, done[0].subject.codec, about),
        needs=needs,
        of_trace=True,
        roles=("reader",),
        most=most,
        check=lambda subject, settings: check_label(settings.target, subject.problem, subject.grader),
    ),
    table=sentence_table,
    subject=lambda doc: (
        doc.problem,
        doc.model,
        doc.provenance.reader,
        doc.target,
        doc.plan.segment,
        doc.trace.prompt_ids,
        doc.trace.pieces,
    ),
)
