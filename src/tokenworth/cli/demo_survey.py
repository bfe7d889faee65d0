"""`demo --survey`: many problems of the bundled model on one page. Which traces change the answer, and which families need one?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from tokenworth.cli.show import print_text
from tokenworth.core.document import About, Document
from tokenworth.core.measure import Derives
from tokenworth.errors import TokenworthError
from tokenworth.methods.survey import MEASURE
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.tasks.load import load_task
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.choices import SamplerSettings
from tokenworth.workbench.gather import Gathering, gathered
from tokenworth.workbench.progress import ProgressLine
from tokenworth.workbench.runner import provenance_now, utc_now

FAMILIES = ("steps", "recall", "guess")
PROBLEMS = 100
SURVEY_TITLE = "What traces do: {n} held-out problems of the bundled model"


def measure_survey(folder: Path, store: str | None, *, problems: int, seed: int, command: str) -> dict[str, Document]:
    """The survey of the first held-out problems of every family in turn, with the forced answers along each trace, by file name.

    All problems are in one stream of requests. The tables are printed on standard error too.
    """
    assert isinstance(MEASURE.run, Derives)
    with Workbench("tiny", store=store or folder / "demo.db", on_event=ProgressLine, command=command) as bench:
        gathering = Gathering(bench.runner, task="world", sampler=SamplerSettings(), config={}, on_error=_said)
        tasks = {family: load_task(f"world:{family}") for family in FAMILIES}
        named = [(family, number) for number in range(problems) for family in FAMILIES][:problems]
        cases = [(f"{family}/{number}", partial(bench.case, tasks[family], item=number)) for family, number in named]

        def about() -> About:
            return About(provenance=provenance_now(utc_now(), command, source=f"{problems} problems of world:{', world:'.join(tasks)}"))

        *_, document = gathered(gathering, MEASURE.run, SurveySettings(seed=seed), cases, about)
    print_text(document, err=True)
    return {"survey.json": document, **{f"forced-{k:03d}.json": one for k, one in enumerate(gathering.documents)}}


def _said(item: str, error: TokenworthError) -> None:
    click.echo(f"item {item}: {error}", err=True)
