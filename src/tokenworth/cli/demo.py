"""The verb `demo`: the main job on the bundled model, from sampling to the report."""

from __future__ import annotations

from pathlib import Path

import click

from tokenworth.cli.choices import command_line
from tokenworth.cli.demo_formal import MAX_ROLLOUTS, MAZE_DRAWS, MAZE_TITLE, MODELS, measure_maze
from tokenworth.cli.demo_survey import FAMILIES, PROBLEMS, SURVEY_TITLE, measure_survey
from tokenworth.cli.help import MADE, Verb, dry_run_option, json_option, verb_option
from tokenworth.cli.options import config_option, is_shared
from tokenworth.cli.show import write_facts
from tokenworth.core.document import Document
from tokenworth.core.measure import check_seed
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.store.documents import read_document, write_document
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.page import write_report
from tokenworth.workbench.progress import ProgressLine

ITEMS = {"recall": 43, "steps": 6, "guess": 19}
"""Of the first 60 held-out problems of each family the one whose trace has the largest sure rise and fall (recipes/tiny/choose.py)."""
DRAWS = 32
SHIPPED = Path(__file__).parent.parent / "assets" / "demo"
"""An automaton, and the demo's own documents of one problem, for installations without torch."""
TITLE = "What each token is worth: three traces of the bundled model"
PLAIN_TITLE = "What each token is worth: an automaton, and a trace of the bundled model"


@click.command(cls=Verb)
@config_option
@verb_option("-o", "--out", default="demo", show_default=True, metavar="FOLDER", heading="Output", help="Where to write.")
@verb_option("--store", metavar="FILE.db", heading="Output", help="SQLite file of rollouts and results.  [default: demo.db in the folder]")
@verb_option(
    "--item", metavar="ITEM", heading="Problem", help="Index or id of the problem.  [default: one of each family that shows something]"
)
@verb_option(
    "--half-width",
    type=float,
    metavar="X",
    default=0.08,
    show_default=True,
    heading="Budget",
    help="Stop when every cut's interval is ± this.",
)
@verb_option("--formal", is_flag=True, heading="Demo", help="Two models on one maze, every step of their traces verified.")
@verb_option("--survey", is_flag=True, heading="Demo", help=f"The shapes of {PROBLEMS} traces, one problem each, in a gallery.")
@json_option(help=MADE)
@dry_run_option
@verb_option("--seed", type=int, metavar="N", default=0, show_default=True, heading="Demo", help="Names the stream of random draws.")
def demo(
    out: str,
    store: str | None,
    item: str | None,
    half_width: float,
    formal: bool,
    survey: bool,
    json_path: str | None,
    dry_run: bool,
    seed: int,
) -> None:
    """Sample, measure and report on the bundled model.

    Three problems, one trace of each. Prints the path of the report.
    """
    check_seed(seed)
    if survey and (formal or item is not None):
        raise InvalidInput(f"--survey with {'--formal' if formal else '--item'}: it measures {PROBLEMS} problems; give one of them")
    folder = Path(out)
    if dry_run:
        until = f"excursions until every interval is ± {half_width}"
        if survey:
            click.echo(f"would draw one answer to each of {PROBLEMS} problems of {len(FAMILIES)} families and read forced answers along it")
        elif formal:
            where = f"one draw of each common first error, {until}, at most {MAX_ROLLOUTS} a draw"
            click.echo(f"would draw {MAZE_DRAWS} answers of each of {len(MODELS)} models on one maze, and from {where}")
        else:
            click.echo(f"would draw {DRAWS} answers to each of {len(ITEMS)} problems and {until}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = command_line()
    if formal and store is not None and not is_shared("store"):
        raise InvalidInput("--store holds the draws of one model and --formal has two; leave it out, they go into the folder")
    if survey:
        made, page = measure_survey(folder, store, problems=PROBLEMS, seed=seed, command=command), "gallery.html"
        title = SURVEY_TITLE.format(n=PROBLEMS)
    elif formal:
        made, page, title = measure_maze(folder, item=item, half_width=half_width, seed=seed, command=command), "formal.html", MAZE_TITLE
    else:
        page, title = "report.html", TITLE
        try:
            made = _measure(folder, store, item=item, half_width=half_width, seed=seed, command=command)
        except MissingExtra as error:
            click.echo(f"note: {error}; instead: an automaton, measured now, and a shipped result of the bundled model", err=True)
            made, title = _without_model(folder, half_width=half_width, seed=seed, command=command), PLAIN_TITLE
    for name, document in made.items():
        write_document(document, folder / name)
    path = write_report(folder / page, *made.values(), title=title)
    if not write_facts({"report": str(path), "documents": [str(folder / name) for name in made]}, json_path):
        click.echo(path)


def _measure(folder: Path, store: str | None, *, item: str | None, half_width: float, seed: int, command: str) -> dict[str, Document]:
    """Draws, curve and forced answers of a problem of each family, by file name."""
    made: dict[str, Document] = {}
    with Workbench("tiny", store=store or folder / "demo.db", on_event=ProgressLine, command=command) as bench:
        for family, number in ITEMS.items():
            click.echo(f"{family}:", err=True)
            case = bench.case(f"world:{family}", number if item is None else item)
            samples = case.sample(DRAWS, seed=seed, base="any")
            trace = samples.trace("any")
            made[f"{family}-sample.json"] = samples.document
            made[f"{family}-curve.json"] = case.curve(trace, half_width=half_width, seed=seed).document
            made[f"{family}-forced.json"] = case.forced(trace).document
    return made


def _without_model(folder: Path, *, half_width: float, seed: int, command: str) -> dict[str, Document]:
    """What can be shown without torch: the curve of an automaton, and documents that were made with the bundled model."""
    made: dict[str, Document] = {}
    with Workbench(f"toy:{SHIPPED / 'automaton.json'}", on_event=ProgressLine, command=command) as bench:
        case = bench.case()
        trace = case.sample(1, seed=seed, base="any").trace("any")
        made["automaton-curve.json"] = case.curve(trace, half_width=half_width, seed=seed).document
    return made | {path.name: read_document(path) for path in sorted(SHIPPED.glob("*-*.json"))}
