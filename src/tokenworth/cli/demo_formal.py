"""`demo --formal`: one maze, two models, one page. Where does P(plan correct) move, and where is the first formal error?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from tokenworth import __version__
from tokenworth.cli.demo_first_errors import FirstError, Measured, by_first_error, first_error_note, first_error_sheets, to_measure
from tokenworth.core.document import Document, Provenance
from tokenworth.report.html import render_html
from tokenworth.report.sections.sheet import SheetView, sheet_lines
from tokenworth.report.sections.traces.model import View
from tokenworth.report.view import join_views
from tokenworth.store.documents import write_whole
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case, Samples, utc_now
from tokenworth.workbench.formal import Checker, Tally, checker
from tokenworth.workbench.page import group_views
from tokenworth.workbench.progress import ProgressLine
from tokenworth.workbench.verified import verified_samples

MODELS = ("maze-correct", "maze-swapped")
TASK = "maze:searchformer/7"
ITEM = 3
"""A maze on which both models are sometimes right and sometimes wrong."""
DRAWS = 32
MAX_ROLLOUTS = 400
"""Of one curve. Where a trace may go on in many ways the half-width alone would take a thousand, and there are several curves."""
LEVEL = 0.95
TITLE = "One maze, two models: trained on right traces and on traces of other mazes"


@dataclass(frozen=True, slots=True, kw_only=True)
class MazeDemo:
    """What was measured: documents by file name, and a table of first errors for each model."""

    made: dict[str, Document]
    sheets: tuple[SheetView, ...]

    def write_page(self, path: Path) -> Path:
        """Writes the page of all documents with the tables of first errors; returns its path."""
        tables = View(title=TITLE, generator=f"tokenworth {__version__}", traces=(), sets=(), sheets=self.sheets)
        page = render_html(join_views([*group_views(list(self.made.values())), tables], title=TITLE)).encode()
        write_whole(path, lambda handle: handle.write(page))
        return path


def measure_maze(folder: Path, *, item: int | None, half_width: float, seed: int, command: str) -> MazeDemo:
    """Draws, verdicts and curves of both models on one maze. Every draw is verified; one draw of each common first error, and one
    without an error, has a curve. The tables go to standard error too."""
    check = checker("maze", "compact", "strict", limit=1000)
    made: dict[str, Document] = {}
    tally = Tally(group="model", keep=len(MODELS) * DRAWS)
    found: dict[str, tuple[FirstError, ...]] = {}
    for name in MODELS:
        click.echo(f"{name}:", err=True)
        with Workbench(name, store=folder / f"{name}.db", on_event=ProgressLine, command=command) as bench:
            case = bench.case(TASK, ITEM if item is None else item)
            samples = case.sample(DRAWS, seed=seed)
            made[f"{name}-sample.json"] = samples.document
            found[name] = _curves(case, samples, check, tally, made, half_width=half_width, seed=seed)
    provenance = Provenance(version=__version__, created=utc_now().isoformat(timespec="seconds"), command=command, source=TASK)
    made["verified.json"] = tally.document(check, level=LEVEL, provenance=provenance)
    facts = (("maze", f"{TASK}, item {ITEM if item is None else item}"), ("seed", str(seed)), ("version", f"tokenworth {__version__}"))
    sheets = first_error_sheets(found, level=LEVEL, facts=(*facts, ("command", command)))
    for sheet in sheets:
        click.echo("\n".join(sheet_lines(sheet)) + "\n", err=True)
    return MazeDemo(made=made, sheets=sheets)


def _curves(
    case: Case, samples: Samples, check: Checker, tally: Tally, made: dict[str, Document], *, half_width: float, seed: int
) -> tuple[FirstError, ...]:
    """Verifies every draw and measures the chosen ones into ``made``; returns the first errors with what was measured of them."""
    name = case.model.name
    judged = list(verified_samples(case, samples, check, group=name))
    for one in judged:
        tally.add(one)
    rows = by_first_error([one.verification for one in judged])
    chosen = to_measure(rows, len(judged))
    done: list[FirstError] = []
    for row in rows:
        if row in chosen:
            draw = row.draws[0]
            click.echo(f"draw {draw}, first error: {row.code or 'none'}", err=True)
            curve = case.curve(samples.trace(str(draw)), half_width=half_width, max_rollouts=MAX_ROLLOUTS, seed=seed).document
            row = replace(row, measured=Measured.of(curve, draw=draw, error=judged[draw].verification.first_error))
            note = first_error_note(row, len(judged))
            made[f"{name}-draw-{draw}-curve.json"] = replace(curve, notes=(*curve.notes, note))
        done.append(row)
    return tuple(done)
