"""`patch`: what becomes of the answer when parts of the trace are hidden, or a state is moved."""

from tokenworth.core.measure import Draws, Measure, Need
from tokenworth.core.request.inside import NEEDS_WEIGHTS
from tokenworth.methods.patch.document import PatchDoc, patch_document, patch_table
from tokenworth.methods.patch.experiment import exit_of, most, patch_of
from tokenworth.methods.patch.settings import NEEDED, PatchSettings

MEASURE = Measure(
    name="patch",
    settings=PatchSettings,
    document=PatchDoc,
    run=Draws(
        experiment=patch_of,
        document=lambda done, settings, about: patch_document(done[0].result, settings, done[0].subject.codec, about),
        needs=lambda settings: [
            Need(able=NEEDED[way], what=f"patch ({way})", why=NEEDS_WEIGHTS, instead={"read": "forced still works"})
            for way in settings.ways
        ],
        of_trace=True,
        most=most,
        check=exit_of,
    ),
    table=patch_table,
    subject=lambda doc: (doc.problem, doc.model, doc.target, doc.trace.prompt_ids, doc.trace.pieces),
)
