"""The verb `demo`: the main job on the bundled model, from sampling to the report."""

from __future__ import annotations

from pathlib import Path

import click

from tokenworth.cli import options as shared
from tokenworth.core.documents import Document
from tokenworth.store.documents import write_document
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.page import write_report
from tokenworth.workbench.progress import ProgressLine

FAMILIES = ("steps", "recall", "guess")


@click.command()
@shared.config_option
@click.option("-o", "--out", default="demo", show_default=True, metavar="FOLDER", help="Where documents, store and report go.")
@click.option(
    "--item", type=click.IntRange(0), default=None, help="Index of the problem in each family [default: one that shows something]."
)
@click.option("--half-width", type=float, default=0.08, show_default=True, help="Target for every cut's interval.")
@shared.seed_option
def demo(out: str, item: int | None, half_width: float, seed: int) -> None:
    """Sample, measure and report three problems on the bundled model; prints the report's path."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    documents: list[Document] = []
    with Workbench("tiny", store=folder / "demo.db", on_event=ProgressLine) as bench:
        for family in FAMILIES:
            click.echo(f"{family}:", err=True)
            case = bench.case(f"world:{family}", DEMO_ITEMS[family] if item is None else item)
            samples = case.sample(32, seed=seed)
            trace = samples.trace(DEMO_BASES[family] if item is None else "any")
            measured = [samples.document, case.curve(trace, half_width=half_width, seed=seed).document, case.forced(trace).document]
            for document in measured:
                write_document(document, folder / f"{family}-{document.schema.split('.')[1].split('/')[0]}.json")
            documents += measured
    path = write_report(folder / "report.html", *documents, title="What each token is worth: three traces of the bundled model")
    click.echo(path)


DEMO_ITEMS = {"steps": 0, "recall": 0, "guess": 0}
DEMO_BASES = {"steps": "any", "recall": "any", "guess": "any"}
