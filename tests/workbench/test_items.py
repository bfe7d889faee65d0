"""Several items of one run: which they are, how each ends, and what the command line says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LADDER
from tokenworth import catalog
from tokenworth.cli import verb
from tokenworth.cli.choices import OutputChoice
from tokenworth.errors import BudgetExceeded, InvalidInput
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case
from tokenworth.workbench.items import parse_items
from tokenworth.workbench.runner import EndedCase, Job


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    path = tmp_path / "toy.json"
    path.write_text(json.dumps(LADDER))
    return Workbench(f"toy:{path}")


def job() -> Job:
    measure = catalog.load(catalog.MEASURES, "measure", "sample")
    return Job(measure=measure, settings=measure.settings(samples=3))


def cases(bench: Workbench, begun: list[str], items: str, fails: dict[str, Exception]) -> list[tuple[str, Callable[[], Case]]]:
    def make(item: str) -> Case:
        begun.append(item)
        if item in fails:
            raise fails[item]
        return bench.case()

    return [(item, lambda item=item: make(item)) for item in parse_items(items)]


def test_the_others_go_on_and_each_failure_is_one_line(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[str] = []
    code = verb._run(bench, job(), OutputChoice(), cases(bench, begun, "0-3", {"1": InvalidInput("no\nsuch \x1b[31mthing")}))
    captured = capsys.readouterr()
    assert code == 1 and begun == ["0", "1", "2", "3"] and captured.out.count("3 draws") in (0, 3)
    assert captured.err.count("\n") == 2 and captured.err.startswith("item 1: no")
    assert "1 of 4 items failed" in captured.err and "\x1b" not in captured.err


def test_the_error_of_the_only_item_is_that_of_the_run(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match="wrong"):
        verb._run(bench, job(), OutputChoice(), cases(bench, [], "4", {"4": InvalidInput("wrong")}))
    assert capsys.readouterr().err == ""


def test_nothing_failed(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[str] = []
    assert verb._run(bench, job(), OutputChoice(), cases(bench, begun, "0-9", {})) == 0
    assert begun == parse_items("0-9") and capsys.readouterr().err == ""


def test_faults_of_the_program_are_not_counted_as_failures(bench: Workbench) -> None:
    with pytest.raises(ZeroDivisionError):
        verb._run(bench, job(), OutputChoice(), cases(bench, [], "0-1", {"0": ZeroDivisionError()}))


@pytest.mark.parametrize(("left", "told"), [(0, []), (1, ["1 more item could not be paid for either"]), (1200, ["1,200 more items could"])])
def test_spent_money_is_told_once(left: int, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ended = [EndedCase(item=str(i), error=BudgetExceeded("spent")) for i in range(left + 1)] + [
        EndedCase(item="x", error=InvalidInput("wrong"))
    ]
    bench = cast("Workbench", SimpleNamespace(runner=SimpleNamespace(run=lambda *_: iter(ended))))
    cases: Any = [(one.item, None) for one in ended]
    assert verb._run(bench, job(), OutputChoice(), cases) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["item 0: spent", "item x: wrong"] and len(lines) == 2 + len(told)
    assert all(line.startswith(said) for line, said in zip(lines[2:], told, strict=True))


def test_a_reader_that_stops_begins_no_further_problem(bench: Workbench) -> None:
    begun: list[str] = []
    running = bench.runner.run(job(), cases(bench, begun, "0-999", {}))
    assert next(iter(running)).document is not None
    running.close()  # type: ignore[attr-defined]
    assert len(begun) < 200


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=6))
def test_ranges_name_each_item_once_in_order(parts: list[tuple[int, int]]) -> None:
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in parts)
    wanted = list(dict.fromkeys(str(i) for first, more in parts for i in range(first, first + more + 1)))
    assert parse_items(text) == wanted


def test_an_id_is_no_range() -> None:
    assert parse_items("maze-7a") == ["maze-7a"] and parse_items("12") == ["12"]
    with pytest.raises(InvalidInput, match="smaller index"):
        parse_items("5-3,9")


def test_wrong_settings_are_one_line_in_python(bench: Workbench) -> None:
    case = bench.case()
    for call, told in (
        (lambda: case.measure("verify"), "verify draws nothing from a model"),
        (lambda: case.measure("sample", samples="5"), "settings of sample: "),
        (lambda: list(bench.measure("confusion")), "confusion draws nothing from a model"),
    ):
        with pytest.raises(InvalidInput, match=told):
            call()
    samples = case.sample(3)
    assert samples.trace(2) == samples.trace("2")


def test_a_limit_on_money_holds_for_one_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="max_usd 1 with a reader"):
        Workbench("tiny", reader="http://127.0.0.1:1/v1#m", max_usd=1.0)
