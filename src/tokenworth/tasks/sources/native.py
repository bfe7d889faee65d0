"""Problems in the project's own JSONL schema (docs/problems.md)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.grade.gold import with_usable_gold
from tokenworth.tasks.sources.files import Fault, each_row, label_field, letters, sound_rows, text_field

KEYS = ("id", "question", "options", "gold", "kind", "task")
_FOREIGN = {"answer_index": "mmlu-pro", "problem": "math", "answer": "gsm8k"}


def native_problems(path: Path) -> Iterator[Problem | Fault]:
    """The problems of a file in the documented schema; a key that is not in it is an error."""
    first: dict[str, str] = {}

    def made(row: dict[str, Any], where: str, number: int) -> Problem:
        del number
        problem = native_problem(row, where)
        if problem.id in first:
            raise InvalidInput(f"{where}: id {problem.id!r} was used before, at {first[problem.id]}; give each problem its own id")
        first[problem.id] = where
        return problem

    return each_row(sound_rows(path), made)


def native_problem(row: dict[str, Any], where: str) -> Problem:
    """The problem of one row. ``kind`` defaults to option where there are options, else to exact."""
    _check_keys(row, where)
    options = _options(row.get("options"), where)
    kind_name = row.get("kind", "option" if options else "exact")
    if kind_name not in tuple(AnswerKind):
        raise InvalidInput(f"{where}: {unknown_name('kind', str(kind_name), AnswerKind)}")
    kind = AnswerKind(kind_name)
    if kind is AnswerKind.OPTION and len(options) < 2:
        raise InvalidInput(f"{where}: kind 'option' with {len(options)} options; expected at least 2")
    gold = None if row.get("gold") is None else label_field(row, "gold", where)
    if kind is AnswerKind.OPTION and gold is not None:
        gold = _label_of(gold, options)
    try:
        problem = Problem(
            id=label_field(row, "id", where),
            question=text_field(row, "question", where),
            options=options,
            gold=gold,
            kind=kind,
            task="" if row.get("task") in (None, "") else text_field(row, "task", where),
        )
    except InvalidInput as error:
        raise error if str(error).startswith(where) else InvalidInput(f"{where}: {error}") from error
    return with_usable_gold(problem, where)


def _label_of(gold: str, options: tuple[Option, ...]) -> str:
    """The label of the option that a gold answer names: by its label, or else by its whole text where only one has it."""
    named = [one.label for one in options if one.text.strip() == gold.strip()]
    return named[0] if len(named) == 1 and gold not in {one.label for one in options} else gold


def _check_keys(row: dict[str, Any], where: str) -> None:
    for key in row:
        if key in KEYS:
            continue
        close = difflib.get_close_matches(key, KEYS, n=1)
        other = _FOREIGN.get(key)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(KEYS)}"
        if other:
            hint += f"; a file in another format is named with it, for example {other}:PATH"
        raise InvalidInput(f"{where}: unknown key {key!r}; {hint}")


def _options(value: object, where: str) -> tuple[Option, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: 'options' must be a list of texts or of objects with 'label' and 'text'")
    items = cast("list[object]", value)
    if all(isinstance(item, str) for item in items):
        texts = cast("list[str]", items)
        return tuple(Option(label=label, text=text) for label, text in zip(letters(len(texts), where), texts, strict=True))
    options: list[Option] = []
    for item in items:
        if not isinstance(item, dict) or set(cast("dict[str, object]", item)) != {"label", "text"}:
            raise InvalidInput(f"{where}: an option must be a text, or an object with exactly 'label' and 'text', all of one sort")
        fields = cast("dict[str, Any]", item)
        label = text_field(fields, "label", where).strip()
        if label.splitlines() != [label]:
            raise InvalidInput(f"{where}: option label {label[:40]!r} is not one line")
        options.append(Option(label=label, text=text_field(fields, "text", where)))
    return tuple(options)
