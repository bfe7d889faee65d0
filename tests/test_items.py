"""The loop over items: what fails is told and counted, what was found is kept, and spent money ends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.cli.items import Items, parse_items
from tokenworth.errors import BudgetExceeded, InvalidInput


def worker(begun: list[str], fails: dict[str, Exception], partial: frozenset[str] = frozenset()):
    def work(item: str) -> Iterator[str]:
        begun.append(item)
        if item in partial:
            yield f"part of {item}"
        if item in fails:
            raise fails[item]
        yield item

    return work


def test_the_others_go_on_and_each_failure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[str] = []
    items = Items("0-3")
    assert list(items.results(worker(begun, {"1": InvalidInput("no\nsuch \x1b[31mthing")}))) == ["0", "2", "3"]
    assert begun == ["0", "1", "2", "3"] and items.failed == 1 and items.exit_code == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.startswith("item 1: no") and "\x1b" not in told


def test_spent_money_begins_no_further_item(capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[str] = []
    items = Items("0-3")
    assert list(items.results(worker(begun, {"1": BudgetExceeded("spent")}, frozenset("1")))) == ["0", "part of 1"]
    assert begun == ["0", "1"] and items.failed == 1 and "item 1: spent" in capsys.readouterr().err


def test_the_error_of_the_only_item_is_raised_unless_it_left_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match="wrong"):
        list(Items("4").results(worker([], {"4": InvalidInput("wrong")})))
    assert capsys.readouterr().err == ""
    items = Items("4")
    assert list(items.results(worker([], {"4": InvalidInput("wrong")}, frozenset("4")))) == ["part of 4"]
    assert items.exit_code == 1 and "item 4: wrong" in capsys.readouterr().err


def test_nothing_failed_and_a_reader_that_stops() -> None:
    begun: list[str] = []
    items = Items("0-9")
    for result in items.results(worker(begun, {})):
        if result == "2":
            break
    assert begun == ["0", "1", "2"] and items.exit_code == 0


def test_faults_of_the_program_are_not_counted_as_failures() -> None:
    items = Items("0-1")
    with pytest.raises(ZeroDivisionError):
        list(items.results(worker([], {"0": ZeroDivisionError()})))
    assert items.failed == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=6))
def test_ranges_name_each_item_once_in_order(parts: list[tuple[int, int]]) -> None:
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in parts)
    wanted = list(dict.fromkeys(str(i) for first, more in parts for i in range(first, first + more + 1)))
    assert parse_items(text) == wanted


def test_an_id_is_no_range() -> None:
    assert parse_items("maze-7a") == ["maze-7a"] and parse_items("12") == ["12"]
    with pytest.raises(InvalidInput, match="smaller index"):
        parse_items("5-3,9")
