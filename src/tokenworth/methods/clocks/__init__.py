"""`clocks`: when text, forced answer and layers come to an answer, over many traces."""

from tokenworth.core.measure import Derives, Gather, Measure
from tokenworth.methods.clocks.derive import clocks_document
from tokenworth.methods.clocks.document import ClocksDoc, clock_table
from tokenworth.methods.clocks.settings import ClocksSettings
from tokenworth.methods.lens.settings import LensSettings

MEASURE = Measure(
    name="clocks",
    settings=ClocksSettings,
    document=ClocksDoc,
    run=Derives(
        document=clocks_document,
        gathers=lambda settings: [
            Gather(measure="lens", settings=LensSettings(place=settings.place, seed=settings.seed), base=str(base))
            for base in range(settings.samples)
        ],
    ),
    table=clock_table,
    subject=lambda doc: tuple((group.model, group.task, group.place, group.traces) for group in doc.groups),
)
