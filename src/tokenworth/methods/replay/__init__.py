"""`replay`: recorded generate-test loops, judged again."""

from tokenworth.core.measure import Measure, Reads
from tokenworth.methods.replay.document import ReplayDoc
from tokenworth.methods.replay.fold import ReplayFold
from tokenworth.methods.replay.settings import ReplaySettings

MEASURE = Measure(
    name="replay",
    settings=ReplaySettings,
    document=ReplayDoc,
    run=Reads(fold=ReplayFold),
    subject=lambda doc: (doc.verifier, doc.provenance.source),
)
