"""`probe`: what a linear probe of hidden states can tell of a trace."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.probe.arrays import tensors_of
from tokenworth.methods.probe.derive import probe_document
from tokenworth.methods.probe.document import ProbeDoc
from tokenworth.methods.probe.experiment import check_subject, most, needs, probe_of
from tokenworth.methods.probe.settings import ProbeSettings

MEASURE = Measure(
    name="probe",
    settings=ProbeSettings,
    document=ProbeDoc,
    run=Draws(
        experiment=probe_of,
        document=probe_document,
        needs=needs,
        joins=True,
        reads=("apply",),
        most=most,
        check=check_subject,
    ),
    subject=lambda doc: (doc.model, doc.task, doc.ask, doc.place, doc.questions),
    tensors=tensors_of,
)
