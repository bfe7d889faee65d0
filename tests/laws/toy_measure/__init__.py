"""A measure of one's own, made of the files that every measure has: how much do answers to one problem differ?"""

from tests.laws.toy_measure.document import SpreadDoc, answer_table, spread_document
from tests.laws.toy_measure.experiment import needs, spread
from tests.laws.toy_measure.settings import SpreadSettings
from tokenworth.core.measure import Draws, Measure

MEASURE = Measure(
    name="spread",
    settings=SpreadSettings,
    document=SpreadDoc,
    run=Draws(experiment=spread, document=spread_document, needs=needs),
    table=answer_table,
    subject=lambda doc: (doc.problem, doc.model),
)
