"""Words of a text with their places, and the numbers among them; anything but a plain ASCII number is not a number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tokenworth.core.verification import Cell
from tokenworth.tasks.maze.instance import MAX_SIDE

NUMBERS: Mapping[str, int] = {str(number): number for number in range(MAX_SIDE)}
"""Coordinates: 0 to 999 without leading zeros. Looking up a word cannot be fooled by signs, underscores or digits of other scripts."""
_COSTS: Mapping[str, int] = {f"c{number}": number for number in range(10_000)}
_LONG_COST = re.compile(r"c[1-9][0-9]{4,6}")
_CELL = re.compile(r"(0|[1-9][0-9]{0,2}),(0|[1-9][0-9]{0,2})")

_BREAKS = re.compile(r"[ \t\n\r]+")
_OTHER_SPACE = "\x0b\x0c\x1c\x1d\x1e\x1f"


def words_of(text: str) -> list[str]:
    """The words of a text; only space, tab, line feed and carriage return part them."""
    if text.isascii() and not any(mark in text for mark in _OTHER_SPACE):
        return text.split()
    return [word for word in _BREAKS.split(text) if word]


def places_of(text: str, wanted: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """Characters (first, one past the last) of the words with these indices; an index past the end has the text's end."""
    if not wanted:
        return {}
    missing = (len(text), len(text))
    found = dict.fromkeys(wanted, missing)
    for index, match in enumerate(re.finditer(r"[^ \t\n\r]+", text)):
        if index in found:
            found[index] = match.span()
    return found


def cost_of(word: str) -> int | None:
    """The cost a word such as ``c12`` stands for; None for any other word."""
    known = _COSTS.get(word)
    if known is not None:
        return known
    return int(word[1:]) if _LONG_COST.fullmatch(word) else None


def costs_of(words: Sequence[str]) -> list[int | None]:
    """The costs of many words at once."""
    costs = list(map(_COSTS.get, words))
    return costs if None not in costs else [cost_of(word) for word in words]


_SHORT_CELLS: Mapping[str, Cell] = {f"{x},{y}": (x, y) for y in range(50) for x in range(50)}


def cell_of(word: str) -> Cell | None:
    """The cell a word such as ``3,4`` stands for; None for any other word."""
    known = _SHORT_CELLS.get(word)
    if known is not None:
        return known
    match = _CELL.fullmatch(word)
    return (int(match[1]), int(match[2])) if match else None
