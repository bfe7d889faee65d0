"""The puzzle that a record or its prompt states. It is never taken from what a model wrote while either of them stands apart.

A prompt states a puzzle as the first state of a search, or as a line with one list of whole numbers in brackets and one target:
``Make 24 with the numbers [4, 6, 1]``, ``Using the numbers [4, 6, 1], create an equation that equals 24``. The last line that holds
a list or a target must state the puzzle whole. Otherwise an example that can be read would stand for a puzzle that cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import cast

from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.countdown.grammar import GRAMMARS, MAX_LINE, CountdownEvent, LineKind, read_events
from tokenworth.tasks.countdown.instance import MAX_NUMBERS, Puzzle

UNDERSTOOD = (
    "'Current State: 24:[4, 6, 1], Operations: []', or a last line with one list and one target: 'Make 24 with the numbers [4, 6, 1]'"
)
"""What a prompt must say, for messages."""

_N = r"(?:0|[1-9][0-9]{0,17})"
_S = r"[ \t]{0,4}"
_WHOLE = re.compile(_N)
_LIST = re.compile(rf"\[{_S}({_N}(?:{_S},{_S}{_N}){{0,{MAX_NUMBERS - 1}}}){_S}\]")
_LIST_BEGINS = re.compile(rf"\[{_S}[-+.]?[0-9]")
_TARGET = re.compile(
    r"\b(?:makes?|reach(?:es)?|gets?|equals?|equal to|target(?: value| number)?(?: is| of)?:?)[ \t]{1,4}"
    r"([-+]?[0-9](?:[0-9.,]*[0-9])?)(?![0-9A-Za-z_])",
    re.IGNORECASE | re.ASCII,
)
_STATES = tuple(GRAMMARS[name] for name in ("stream-of-search", "react"))


def is_apart(text: FormalText) -> bool:
    """Whether the problem of a text stands apart from it, in a prompt or in fields, so that the text itself cannot state it."""
    return bool(text.prompt.strip() or text.given)


def puzzle_of(text: FormalText) -> tuple[Puzzle | None, CountdownEvent | None]:
    """The puzzle that is stated apart from a text, and the first state of the search where the prompt ends with it.

    The fields ``target`` and ``nums`` go before the prompt, the last puzzle of a prompt before earlier ones. The puzzle is None where
    none is stated, or not so that it can be read.
    """
    stated = _state_of(text.prompt.rstrip().rpartition("\n")[2])
    if "target" in text.given or "nums" in text.given:
        target, numbers = text.given.get("target"), text.given.get("nums")
        is_read = isinstance(target, int) and isinstance(numbers, list | tuple)
        return _puzzle(target, cast("Sequence[object]", numbers)) if is_read else None, stated
    return _of_prompt(text.prompt), stated


def _of_prompt(prompt: str) -> Puzzle | None:
    for line in reversed(prompt.split("\n")):
        state = _state_of(line)
        if state is not None:
            return _puzzle(state.target, state.numbers)
        lists, targets = set(_LIST.findall(line)), set(_TARGET.findall(line))
        n_begun = len(_LIST_BEGINS.findall(line))
        if not n_begun and not targets:
            continue
        if n_begun != len(_LIST.findall(line)) or len(lists) != 1 or len(targets) != 1:
            return None
        target, listed = str(targets.pop()), str(lists.pop())
        return _puzzle(int(target), [int(number) for number in listed.split(",")]) if _WHOLE.fullmatch(target) else None
    return None


def _state_of(line: str) -> CountdownEvent | None:
    """The line as the first state of a search, with its target and no operations; None where it is anything else."""
    if "Current State" not in line or len(line) > MAX_LINE:
        return None
    for grammar in _STATES:
        event = next(read_events(line, grammar), None)
        if event is not None and event.kind is LineKind.STATE and event.target is not None and not event.operations:
            return event
    return None


def _puzzle(target: object, numbers: Iterable[object]) -> Puzzle | None:
    written = tuple(numbers)
    whole = tuple(number for number in written if isinstance(number, int))
    try:
        return Puzzle(target=target, numbers=whole) if isinstance(target, int) and len(whole) == len(written) else None
    except InvalidInput:
        return None
