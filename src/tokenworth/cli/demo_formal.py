"""`demo --formal`: one maze, two models, one page. Where does P(plan correct) move, and where is the first formal error?"""

from __future__ import annotations

from pathlib import Path

import click

from tokenworth import __version__
from tokenworth.core.documents import Document, ProvenanceDoc
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import utc_now
from tokenworth.workbench.formal import Tally, checker
from tokenworth.workbench.progress import ProgressLine
from tokenworth.workbench.verified import verified_samples

MODELS = ("maze-correct", "maze-swapped")
TASK = "maze:searchformer/7"
ITEM = 3
"""A maze on which both models are sometimes right and sometimes wrong."""
DRAWS = 32
TITLE = "One maze, two models: trained on right traces and on traces of other mazes"


def measure_maze(folder: Path, *, item: int | None, half_width: float, seed: int, command: str) -> dict[str, Document]:
    """Draws, curve and verdicts of both models on one maze, by file name. Every draw is verified; the first one has a curve."""
    check = checker("maze", "compact", "strict", limit=1000)
    made: dict[str, Document] = {}
    tally = Tally(group="model", keep=len(MODELS) * DRAWS)
    for name in MODELS:
        click.echo(f"{name}:", err=True)
        with Workbench(name, store=folder / f"{name}.db", on_event=ProgressLine, command=command) as bench:
            case = bench.case(TASK, ITEM if item is None else item)
            samples = case.sample(DRAWS, seed=seed, choose="0")
            made[f"{name}-sample.json"] = samples.document
            made[f"{name}-curve.json"] = case.curve(samples.trace("0"), half_width=half_width, seed=seed).document
            for one in verified_samples(case, samples, check, group=name):
                tally.add(one)
    made["verified.json"] = tally.document(check, level=0.95, provenance=_provenance(command))
    return made


def _provenance(command: str) -> ProvenanceDoc:
    return ProvenanceDoc(version=__version__, created=utc_now().isoformat(timespec="seconds"), command=command, source=TASK)
