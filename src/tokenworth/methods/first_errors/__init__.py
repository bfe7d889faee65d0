"""`first-errors`: where sampled formal traces begin to go wrong, and what that is worth."""

from tokenworth.core.measure import Derives, Measure
from tokenworth.methods.first_errors.derive import first_errors_document
from tokenworth.methods.first_errors.document import FirstErrorsDoc
from tokenworth.methods.first_errors.settings import FirstErrorsSettings

MEASURE = Measure(
    name="first-errors",
    settings=FirstErrorsSettings,
    document=FirstErrorsDoc,
    run=Derives(document=first_errors_document),
    subject=lambda doc: tuple((table.model, table.problem) for table in doc.tables),
)
