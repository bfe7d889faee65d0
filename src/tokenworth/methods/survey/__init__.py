"""`survey`: the shapes of many traces."""

from tokenworth.core.measure import Derives, Measure
from tokenworth.methods.survey.derive import survey_document
from tokenworth.methods.survey.document import SurveyDoc, row_table
from tokenworth.methods.survey.drawn import gathers, refines
from tokenworth.methods.survey.settings import SurveySettings

MEASURE = Measure(
    name="survey",
    settings=SurveySettings,
    document=SurveyDoc,
    run=Derives(document=survey_document, gathers=gathers, refines=refines),
    table=row_table,
    subject=lambda doc: tuple(sorted(row.id for row in doc.rows)),
)
