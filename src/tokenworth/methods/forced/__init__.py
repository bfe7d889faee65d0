"""`forced`: the answer read when the trace is stopped at each cut."""

from tokenworth.core.measure import Draws, Measure, Need
from tokenworth.methods.forced.document import ForcedDoc, forced_document, reading_table
from tokenworth.methods.forced.experiment import exits_of, forced_of, most
from tokenworth.methods.forced.settings import ForcedSettings

MEASURE = Measure(
    name="forced",
    settings=ForcedSettings,
    document=ForcedDoc,
    run=Draws(
        experiment=forced_of,
        document=lambda done, settings, about: forced_document(done[0].result, settings.target, done[0].subject.codec, about),
        needs=lambda settings: [Need(able="read", what="forced answers", instead={"sample": "sample and curve --plan stride still work"})],
        of_trace=True,
        roles=("reader",),
        most=most,
        check=exits_of,
    ),
    table=reading_table,
    subject=lambda doc: (doc.problem, doc.model, doc.provenance.reader, doc.trace.prompt_ids, doc.trace.pieces),
)
