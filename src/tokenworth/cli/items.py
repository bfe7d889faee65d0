"""The items of a run, one after another: what fails is told in one line and counted, and the others go on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import click

from tokenworth.core.inert import one_line
from tokenworth.errors import BudgetExceeded, InvalidInput, TokenworthError

T = TypeVar("T")


class Items:
    """The items that ``--item`` names, in order. ``failed``: how many of those begun so far could not be done to the end."""

    def __init__(self, named: object) -> None:
        self.names = parse_items(str(named))
        self.failed = 0

    def __len__(self) -> int:
        return len(self.names)

    @property
    def exit_code(self) -> int:
        """1 where an item failed, else 0."""
        return 1 if self.failed else 0

    def results(self, work: Callable[[str], Iterable[T]]) -> Iterator[T]:
        """What ``work`` yields for each item, as it comes.

        An item that fails is told in one line and counted; what it yielded before stays, and the others go on, unless the money is spent:
        then no further item is begun. The error of the only item is raised, unless it yielded a result before.
        """
        for name in self.names:
            has_result = False
            try:
                for result in work(name):
                    has_result = True
                    yield result
            except TokenworthError as error:
                if len(self.names) == 1 and not has_result:
                    raise
                self.failed += 1
                click.echo(one_line(f"item {name}: {error}"), err=True)
                if isinstance(error, BudgetExceeded):
                    return


def parse_items(text: str) -> list[str]:
    """Items of ``--item``: an index or id, or indices and ranges such as ``0-9,12``."""
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", text) or text.isdecimal():
        return [text]
    items: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise InvalidInput(f"item {part}: a range runs from the smaller index to the larger")
        items += [str(i) for i in range(int(first), int(last or first) + 1)]
    return list(dict.fromkeys(items))
