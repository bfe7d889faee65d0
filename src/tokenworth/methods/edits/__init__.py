"""`edits`: traces edited with known truth, and what the edit does."""

from tokenworth.core.measure import Draws, Measure, Usual
from tokenworth.methods.edits.document import EditsDoc, edits_document
from tokenworth.methods.edits.experiment import edits_of, most
from tokenworth.methods.edits.settings import EditsSettings
from tokenworth.methods.sample.experiment import draws_of

MEASURE = Measure(
    name="edits",
    settings=EditsSettings,
    document=EditsDoc,
    run=Draws(
        experiment=edits_of,
        document=edits_document,
        needs=lambda settings: [draws_of("edits")],
        joins=True,
        usual=Usual(model="maze-correct", task="maze:searchformer/7", tasks="Where problems come from: maze:FAMILY/SIDE."),
        most=most,
    ),
    subject=lambda doc: (doc.model, doc.task, doc.item, doc.place, doc.trace_of, doc.codes, doc.alone),
)
