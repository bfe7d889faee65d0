"""`intervene`: does the trace matter? Traces and prompts are edited, and the answers compared."""

from tokenworth.core.measure import Draws, Measure, Usual
from tokenworth.methods.intervene.document import InterveneDoc, falls_short, intervene_document
from tokenworth.methods.intervene.experiment import intervene_of, most, needs
from tokenworth.methods.intervene.plan import check_exit
from tokenworth.methods.intervene.settings import InterveneSettings

MEASURE = Measure(
    name="intervene",
    settings=InterveneSettings,
    document=InterveneDoc,
    run=Draws(
        experiment=intervene_of,
        document=intervene_document,
        needs=needs,
        of_trace=True,
        joins=True,
        usual=Usual(),
        roles=("reader",),
        most=most,
        check=check_exit,
        falls_short=falls_short,
    ),
    subject=lambda doc: (doc.model, doc.provenance.reader, doc.task, doc.item, doc.edits, doc.rest, doc.where),
)
