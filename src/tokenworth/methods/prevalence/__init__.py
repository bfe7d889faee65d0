"""`prevalence`: how often traces have pivots, where, and which tokens they are."""

from tokenworth.core.measure import Derives, Measure
from tokenworth.methods.prevalence.derive import gathers, prevalence_document
from tokenworth.methods.prevalence.document import PrevalenceDoc
from tokenworth.methods.prevalence.settings import PrevalenceSettings

MEASURE = Measure(
    name="prevalence",
    settings=PrevalenceSettings,
    document=PrevalenceDoc,
    run=Derives(document=prevalence_document, gathers=gathers),
    subject=lambda doc: tuple(sorted((group.model.name, row.id) for group in doc.groups for row in group.rows)),
)
