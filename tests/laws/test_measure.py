"""Laws of every measure of the catalogue: settings, documents, dry run, resume, refusal."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from tokenworth import catalog
from tokenworth.backends.model import Model
from tokenworth.cli.options import explained, parameters_of, taken
from tokenworth.cli.verb import verb_of
from tokenworth.core.document import Provenance
from tokenworth.core.measure import Derives, Draws, Measure
from tokenworth.core.ports import Capabilities
from tokenworth.errors import Unsupported
from tokenworth.run.progress import BatchStarted, RunEvent
from tokenworth.store.memory import MemoryStore
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.runner import Job

MEASURES: dict[str, Measure] = {name: catalog.load(catalog.MEASURES, "measure", name) for name in catalog.MEASURES}
DRAWING = [name for name, one in MEASURES.items() if isinstance(one.run, Draws)]
REQUIRED: dict[str, dict[str, Any]] = {
    "verify": {"domain": "maze"},
    "confusion": {"domain": "maze"},
    "replay": {"domain": "blocksworld"},
    "audit": {"grader": "option"},
}
"""Settings that have no default."""
CHOSEN: dict[str, dict[str, Any]] = {
    "sample": {"samples": 5},
    "curve": {"max_rollouts": 90, "half_width": 0.2},
    "pivots": {"max_rollouts": 90, "delta": 0.15},
    "forks": {"max_rollouts": 90, "half_width": 0.2, "samples": 4},
    "anchors": {"max_rollouts": 90, "delta": 0.15},
    "forced": {"stride": 4},
    "edits": {"codes": ("WALL", "repair"), "samples": 4, "trace_of": "model", "draws": 8},
    "intervene": {"edits": ("none", "swap", "insert", "strip", "hint-suggested"), "samples": 2, "strip": ("wait",)},
    "modulo": {"critic": "reference", "max_attempts": 3},
    "lens": {"stride": 4, "mass": "some"},
    "attention": {"spans": 1, "random_heads": 5},
    "probe": {"ask": "value", "samples": 4, "cuts": 2, "layers": ("0", "2")},
    "patch": {"ways": ("total", "regenerate", "transplant"), "samples": 3, "windows": 2, "donors": 12},
}
"""Settings of short runs; those of `curve` and `edits` go over several batches."""
MODELS = {"edits": ("maze-correct", "maze:searchformer/7", 3)}
PROBLEM = ("tiny", "world:steps", 3)


def settings_of(name: str, **more: Any) -> Any:
    return MEASURES[name].settings(**REQUIRED.get(name, {}), **more)


def parts_of(kind: Any, seen: set[type] | None = None) -> Iterator[type]:
    """The dataclasses that a document is made of."""
    seen = set() if seen is None else seen
    for part in (kind, *typing.get_args(kind)):
        if dataclasses.is_dataclass(part) and isinstance(part, type) and part not in seen:
            seen.add(part)
            yield part
            for hint in typing.get_type_hints(part).values():
                yield from parts_of(hint, seen)
        elif part is not kind:
            yield from parts_of(part, seen)


@pytest.mark.parametrize("name", MEASURES)
def test_it_is_called_as_it_is_listed(name: str) -> None:
    measure = MEASURES[name]
    assert measure.name == name
    assert re.fullmatch(r"tokenworth\.[a-z-]+/[1-9][0-9]*", measure.schema)
    assert catalog.MEASURES[name].partition(":")[0] == f"tokenworth.methods.{name.replace('-', '_')}"


@pytest.mark.parametrize("name", MEASURES)
def test_every_setting_is_explained_and_shown_in_the_help(name: str) -> None:
    kind = MEASURES[name].settings
    texts = explained(kind)
    shown = " ".join(
        CliRunner().invoke(verb_of(MEASURES[name]), ["--help-all"], terminal_width=10_000, max_content_width=10_000).output.split()
    )
    for one in fields(kind):
        assert texts[one.name].endswith((".", "]", ")")), one.name
        if not one.metadata.get("argument"):
            assert texts[one.name] in shown, one.name
    assert (kind.__doc__ or "").split("\n")[0] in shown


@pytest.mark.parametrize("name", MEASURES)
def test_settings_survive_options_and_json(name: str) -> None:
    kind = MEASURES[name].settings
    command = click.Command("it", params=parameters_of(kind))
    required = list(map(str, REQUIRED.get(name, {}).values()))
    with command.make_context("it", list(required)) as context:
        assert taken(kind, context.params) == settings_of(name)
    chosen = settings_of(name, **CHOSEN.get(name, {}))
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(chosen)), kind) == chosen
    words = list(required)
    for one in fields(kind):
        value = getattr(chosen, one.name)
        if one.metadata.get("argument") or value == one.default:
            continue
        several = [",".join(value)] if one.metadata.get("listed") else value if isinstance(value, tuple) else [value]
        words += [f"--{one.name.replace('_', '-')}={part}" for part in several] if value is not True else [f"--{one.name}"]
    with command.make_context("it", words) as context:
        assert taken(kind, context.params) == chosen


@pytest.mark.parametrize("name", MEASURES)
def test_a_document_is_made_of_frozen_keyword_records(name: str) -> None:
    for part in parts_of(MEASURES[name].document):
        assert part.__dataclass_params__.frozen, part  # type: ignore[attr-defined]
        assert part.__doc__ and not part.__doc__.startswith(f"{part.__name__}("), part
    names = [one.name for one in fields(MEASURES[name].document)]
    assert "provenance" in names and "schema" in names


@pytest.fixture(scope="module")
def benches() -> dict[str, Model]:
    """The models that the drawing measures need, loaded once."""
    return {name: Workbench(name).model for name in {PROBLEM[0], *(one[0] for one in MODELS.values())}}


def job_of(name: str) -> tuple[Job, tuple[str, str, int]]:
    where = MODELS.get(name, PROBLEM)
    return Job(measure=MEASURES[name], settings=settings_of(name, **CHOSEN[name]), task=where[1]), where


def document_of(bench: Workbench, name: str) -> Any:
    job, (_, task, item) = job_of(name)
    ended = list(bench.runner.run(job, [(str(item), lambda: bench.case(task, item))]))
    assert [one.error for one in ended if one.error is not None] == []
    return ended[-1].document


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWING)
def test_the_dry_run_is_exact_for_the_first_batch(name: str, benches: dict[str, Model]) -> None:
    job, (model, task, item) = job_of(name)
    seen: list[RunEvent] = []
    bench = Workbench(benches[model], on_event=lambda _: seen.append)
    plan = bench.runner.price(job, bench.case(task, item))
    document_of(bench, name)
    first = next(one for one in seen if isinstance(one, BatchStarted))
    assert (first.requests, first.missing) == (plan.requests, plan.requests - plan.stored)
    assert bench.runner.price(job, bench.case(task, item)).finished


class Half(MemoryStore):
    """Every other response of a run, as a run that was killed would leave it."""

    def __init__(self, whole: MemoryStore) -> None:
        super().__init__()
        for number, (key, response) in enumerate(whole._responses.items()):
            if number % 2 == 0:
                self._responses[key] = response


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWING)
def test_a_run_that_goes_on_gives_the_same_document(name: str, benches: dict[str, Model]) -> None:
    whole, blank = MemoryStore(), Provenance(version="")
    model = benches[job_of(name)[1][0]]
    first = document_of(Workbench(model, store=whole), name)
    again = document_of(Workbench(model, store=Half(whole)), name)
    once_more = document_of(Workbench(model, store=whole), name)
    assert replace(again, provenance=blank) == replace(first, provenance=blank)
    assert replace(once_more, provenance=blank) == replace(first, provenance=blank)
    assert once_more.provenance.drawn == 0 and once_more.provenance.reused == first.provenance.drawn + first.provenance.reused
    assert first.provenance.drawn > again.provenance.drawn > 0 or first.provenance.drawn == 1


class Unable:
    """A backend that answers nothing, and says why."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        kinds = (*catalog.REQUESTS, "leave")
        self.capabilities = Capabilities(kinds=frozenset(), leave=False, lacks=dict.fromkeys(kinds, "it is asleep"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


@pytest.mark.parametrize("name", DRAWING)
def test_a_model_that_cannot_is_refused_in_one_sentence(name: str, benches: dict[str, Model]) -> None:
    model = benches[job_of(name)[1][0]]
    bench = Workbench(replace(model, backend=Unable(model.backend)))  # type: ignore[arg-type]
    with pytest.raises(Unsupported, match=r"^[\w-]+ does not support .+: it is asleep; .+$") as caught:
        document_of(bench, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name, one in MEASURES.items() if isinstance(one.run, Derives)])
def test_a_derivation_that_finds_nothing_to_read_says_so(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tokenworth.cli.main import run

    assert run([name]) == 2
    assert capsys.readouterr().err == "error: nothing to read; name result files, or a store with --store\n"


def test_the_record_of_a_run_holds_every_setting(tmp_path: Path) -> None:
    with Workbench("tiny", store=tmp_path / "run.db") as bench:
        document_of(bench, "sample")
        (run,) = bench.store.runs()  # type: ignore[attr-defined]
        assert asdict(settings_of("sample", **CHOSEN["sample"])).items() <= run.config.items()
        assert run.config["task"] == PROBLEM[1] and run.has_document
