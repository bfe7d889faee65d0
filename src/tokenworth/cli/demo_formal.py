"""`demo --formal`: one maze, two models, one page. Where does P(plan correct) move, and where is the first formal error?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tokenworth.cli.show import print_text
from tokenworth.core.document import About, Document
from tokenworth.core.verification import Verification
from tokenworth.methods.first_errors.derive import first_errors_document
from tokenworth.methods.first_errors.rows import MeasuredError, by_first_error, first_error_note, to_measure
from tokenworth.methods.first_errors.settings import FirstErrorsSettings
from tokenworth.methods.verify.traces import verdicts_of, verified_documents
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.progress import ProgressLine
from tokenworth.workbench.runner import Measured, provenance_now, utc_now

MODELS = ("maze-correct", "maze-swapped")
TASK = "maze:searchformer/7"
ITEM = 3
"""A maze on which both models are sometimes right and sometimes wrong."""
MAZE_DRAWS = 32
MAX_ROLLOUTS = 400
"""Of one curve. Where a trace may go on in many ways the half-width alone would take a thousand, and there are several curves."""
MAZE_TITLE = "One maze, two models: trained on right traces and on traces of other mazes"


def measure_maze(folder: Path, *, item: str | None, half_width: float, seed: int, command: str) -> dict[str, Document]:
    """Draws, curves and verdicts of both models on one maze, and the table of first errors, by file name.

    Every draw is verified; one draw of each common first error, and one without an error, has a curve. The table is printed on standard
    error too.
    """
    made: dict[str, Document] = {}
    for name in MODELS:
        click.echo(f"{name}:", err=True)
        with Workbench(name, store=folder / f"{name}.db", on_event=ProgressLine, command=command) as bench:
            case = bench.case(TASK, ITEM if item is None else item)
            samples = case.sample(MAZE_DRAWS, seed=seed)
            made[f"{name}-sample.json"] = samples.document
            made |= _curves(case, samples, verdicts_of(samples.document), half_width=half_width, seed=seed)
    provenance = provenance_now(utc_now(), command, source=TASK)
    (verified,) = verified_documents([one for name, one in made.items() if name.endswith("-sample.json")], provenance=provenance)
    errors = first_errors_document(list(made.values()), FirstErrorsSettings(), About(provenance=provenance))
    print_text(errors, err=True)
    return {**made, "verified.json": verified, "first-errors.json": errors}


def _curves(
    case: Case, samples: Measured[Any, Any], verdicts: Sequence[Verification], *, half_width: float, seed: int
) -> dict[str, Document]:
    """The curve of the first draw of each common first error, with a note on what it stands for."""
    made: dict[str, Document] = {}
    rows = by_first_error(verdicts)
    for row in to_measure(rows, len(verdicts)):
        draw = row.draws[0]
        click.echo(f"draw {draw}, first error: {row.code or 'none'}", err=True)
        curve = case.curve(samples.trace(str(draw)), half_width=half_width, max_rollouts=MAX_ROLLOUTS, seed=seed).document
        row = replace(row, measured=MeasuredError.of(curve, draw=draw, error=verdicts[draw].first_error))
        made[f"{case.model.name}-draw-{draw}-curve.json"] = replace(curve, notes=(*curve.notes, first_error_note(row, len(verdicts))))
    return made
