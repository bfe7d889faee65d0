"""Countdown as a formal domain: its dialects, its codes, and how its records are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokenworth.core.verification import Domain, FormalText, whole_number
from tokenworth.errors import InvalidInput
from tokenworth.tasks.countdown.instance import Puzzle
from tokenworth.tasks.countdown.rules import CODES, DIALECTS, SENTENCES
from tokenworth.tasks.countdown.verify import VERSION, verify


def read(record: Mapping[str, object], where: str) -> FormalText:
    """A record as text: ``trace`` with or without ``prompt``, or ``text``, which holds both; ``target`` and ``nums`` are the puzzle.

    The id is ``id``, or ``source`` and ``index``, or empty. ``truncated`` or ``is_cut``: whoever stored the text cut it.
    Raises: InvalidInput that names ``where``, the file and line, if there is no text, or the puzzle of the record is none.
    """
    trace, prompt = record.get("trace", record.get("text")), record.get("prompt", "")
    if not isinstance(trace, str) or not isinstance(prompt, str):
        raise InvalidInput(f"{where}: no text; expected a string in 'text', or in 'trace' with an optional 'prompt'")
    given = _given(record, where) if "target" in record or "nums" in record else {}
    is_cut = record.get("truncated") is True or record.get("is_cut") is True
    return FormalText(id=_id(record), trace=trace, prompt=prompt, given=given, is_cut=is_cut)


def _given(record: Mapping[str, object], where: str) -> dict[str, object]:
    listed = record.get("nums")
    numbers = [whole_number(number) for number in cast("list[object]", listed)] if isinstance(listed, list) else []
    target, whole = whole_number(record.get("target")), tuple(number for number in numbers if number is not None)
    if target is None or not isinstance(listed, list) or len(whole) != len(numbers):
        raise InvalidInput(f"{where}: a puzzle with numbers that are not whole; expected 'target' and a list 'nums'")
    try:
        puzzle = Puzzle(target=target, numbers=whole)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error
    return {"target": puzzle.target, "nums": puzzle.numbers}


def _id(record: Mapping[str, object]) -> str:
    if isinstance(record.get("id"), str | int):
        return str(record["id"])
    source, index = record.get("source"), record.get("index")
    return f"{source}-{index}" if isinstance(source, str) and isinstance(index, int) else ""


DOMAIN = Domain(
    name="countdown",
    version=VERSION,
    dialects=DIALECTS,
    codes=CODES,
    sentences=SENTENCES,
    read=read,
    verify=verify,
    states_problem=("target", "nums"),
)
"""Searches and answers of Countdown."""
