"""`align`: what happens at a kind of place."""

from tokenworth.core.measure import Derives, Measure
from tokenworth.methods.align.derive import align_document
from tokenworth.methods.align.document import AlignDoc, effect_table
from tokenworth.methods.align.settings import AlignSettings

MEASURE = Measure(
    name="align",
    settings=AlignSettings,
    document=AlignDoc,
    run=Derives(document=align_document),
    table=effect_table,
    subject=lambda doc: tuple(one.pattern for one in doc.patterns),
)
