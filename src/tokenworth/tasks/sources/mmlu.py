"""Multiple-choice files as they are published: MMLU, MMLU-Redux and MMLU-Pro."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sources.files import Fault, each_row, label_field, letters, sound_rows, stem, text_field, text_lines, text_list

_REDUX_COLUMNS = ("question", "choices", "answer", "error_type", "correct_answer")
_MAX_CHOICES_TEXT = 20_000


def choice_problem(*, ident: str, question: str, texts: Sequence[str], gold: str | None, task: str, where: str) -> Problem:
    """A problem with lettered options. Raises InvalidInput naming ``where``."""
    options = tuple(Option(label=label, text=text) for label, text in zip(letters(len(texts), where), texts, strict=True))
    try:
        return Problem(id=ident, question=question, options=options, gold=gold, task=task)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error


def _csv_rows(path: Path, delimiter: str) -> Iterator[tuple[str, list[str] | Fault]]:
    """The rows that are not empty. Where a quote is open no later row can be told from it: the file ends there."""
    reader = csv.reader((line for _, line in text_lines(path)), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row:
                yield f"{path}:{reader.line_num}", row
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        yield where, InvalidInput(f"{where}: not valid CSV: {error}")


def mmlu_problems(path: Path) -> Iterator[Problem | Fault]:
    """MMLU as published: no header; question, the options, the letter of the right one."""
    name = stem(path)

    def made(row: list[str], where: str, number: int) -> Problem:
        if len(row) < 4:
            raise InvalidInput(f"{where}: {len(row)} columns; expected a question, at least two options and the letter of the right one")
        gold = row[-1].strip()
        return choice_problem(
            ident=f"{name}/{number}", question=row[0].strip(), texts=row[1:-1], gold=gold, task=f"mmlu:{name}", where=where
        )

    return each_row(_csv_rows(path, ","), made)


def redux_problems(path: Path) -> Iterator[Problem | Fault]:
    """MMLU-Redux: a header, comma or semicolon between columns, choices as a list in one field.

    The gold answer is the corrected one where the annotators gave one; None where they found the question or its options
    broken.
    """
    name = stem(path)
    _, header = next(text_lines(path), (1, ""))
    delimiter = ";" if header.count(";") > header.count(",") else ","
    rows = _csv_rows(path, delimiter)
    nothing: tuple[str, list[str] | Fault] = (f"{path}:1", [])
    where, columns = next(rows, nothing)
    if not isinstance(columns, list):
        raise columns
    missing = [column for column in _REDUX_COLUMNS if column not in columns]
    if missing:
        raise InvalidInput(f"{where}: columns {', '.join(missing)} are missing; expected the header of MMLU-Redux, got {columns[:8]}")

    def made(row: list[str], where: str, number: int) -> Problem:
        if len(row) != len(columns):
            raise InvalidInput(f"{where}: {len(row)} columns, expected {len(columns)} as in the header")
        fields = dict(zip(columns, row, strict=True))
        texts = _choices(fields["choices"], where)
        return choice_problem(
            ident=f"{name}/{number}",
            question=text_field(fields, "question", where).strip(),
            texts=texts,
            gold=_redux_gold(fields, texts, where),
            task=f"mmlu-redux:{name}",
            where=where,
        )

    yield from each_row(rows, made)


def _choices(text: str, where: str) -> list[str]:
    # literal_eval reads constants only and runs nothing; its length is bounded because deep nesting exhausts the parser.
    try:
        if len(text) > _MAX_CHOICES_TEXT:
            raise ValueError("the list is too long")
        value: object = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise InvalidInput(f"{where}: 'choices' is not a list of quoted texts: {error}") from error
    return text_list(value, "choices", where)


def _redux_gold(fields: dict[str, str], texts: list[str], where: str) -> str | None:
    verdict = fields["error_type"].strip().casefold().replace("_", " ")
    chosen = fields["answer"] if verdict == "ok" else fields["correct_answer"] if verdict == "wrong groundtruth" else None
    if chosen is None:
        return None
    chosen = chosen.strip()
    labels = "".join(letters(len(texts), where))
    if chosen.isdecimal() and int(chosen) < len(labels):
        return labels[int(chosen)]
    if chosen in texts:
        return labels[texts.index(chosen)]
    if len(chosen) == 1 and chosen in labels:
        return chosen
    if verdict == "ok":
        raise InvalidInput(f"{where}: answer {chosen!r} is not the index of one of {len(texts)} choices")
    return None


def mmlu_pro_problems(path: Path) -> Iterator[Problem | Fault]:
    """MMLU-Pro: ``question_id``, ``question``, up to ten ``options``, ``answer`` (a letter), ``category``."""
    return each_row(sound_rows(path), lambda row, where, _: mmlu_pro_problem(row, where))


def mmlu_pro_problem(row: dict[str, Any], where: str) -> Problem:
    """The problem of one row; its ``answer`` and ``answer_index`` must agree."""
    texts = text_list(row.get("options"), "options", where)
    gold = text_field(row, "answer", where).strip()
    labels = list(letters(len(texts), where))
    index: object = row.get("answer_index")
    if isinstance(index, int) and (not 0 <= index < len(labels) or labels[index] != gold):
        raise InvalidInput(f"{where}: answer {gold!r} and answer_index {index} disagree")
    category: object = row.get("category")
    return choice_problem(
        ident=label_field(row, "question_id", where),
        question=text_field(row, "question", where),
        texts=texts,
        gold=gold,
        task=f"mmlu-pro:{category}" if isinstance(category, str) else "mmlu-pro",
        where=where,
    )
