"""`sample`: N answers to a problem."""

from tokenworth.core.measure import Draws, Measure
from tokenworth.methods.sample.document import SampleSetDoc, rollout_table, sample_document
from tokenworth.methods.sample.experiment import answers_of, draws_of
from tokenworth.methods.sample.settings import SampleSettings

MEASURE = Measure(
    name="sample",
    settings=SampleSettings,
    document=SampleSetDoc,
    run=Draws(
        experiment=lambda subject, settings: answers_of(subject, settings.samples, seed=settings.seed, level=settings.level),
        document=lambda done, settings, about: sample_document(done[0].result, settings.base, done[0].subject.codec, about),
        needs=lambda settings: [draws_of("answers")],
    ),
    table=rollout_table,
    subject=lambda doc: (doc.problem, doc.model),
)
