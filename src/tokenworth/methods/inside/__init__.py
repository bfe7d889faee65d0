"""`inside`: value, forced answer, layers, claims and a user's own numbers on one axis."""

from tokenworth.core.measure import Derives, Measure
from tokenworth.methods.inside.derive import inside_document
from tokenworth.methods.inside.document import InsideDoc, series_table
from tokenworth.methods.inside.settings import InsideSettings

MEASURE = Measure(
    name="inside",
    settings=InsideSettings,
    document=InsideDoc,
    run=Derives(document=inside_document, files=lambda settings: settings.files),
    table=series_table,
    subject=lambda doc: tuple((one.model, one.trace.prompt_ids, one.trace.pieces) for one in doc.traces),
)
