"""`lens`: what each layer would answer when the trace is stopped at each cut."""

from tokenworth.core.measure import Draws, Measure, Need
from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.methods.lens.document import LensDoc, lens_document, lens_table
from tokenworth.methods.lens.experiment import lens_of, place_of
from tokenworth.methods.lens.settings import LensSettings

MEASURE = Measure(
    name="lens",
    settings=LensSettings,
    document=LensDoc,
    run=Draws(
        experiment=lens_of,
        document=lambda done, settings, about: lens_document(done[0].result, settings, done[0].subject.codec, about),
        needs=lambda settings: [Need(able="lens", what="the lens", why=NEEDS_WEIGHTS, instead={"read": "forced still works"})],
        of_trace=True,
        check=place_of,
    ),
    table=lens_table,
    subject=lambda doc: (doc.problem, doc.model, doc.place, doc.trace.prompt_ids, doc.trace.pieces),
)
