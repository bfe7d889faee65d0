"""Mathematics files as they are published: GSM8K and MATH-500 (and sets of the same shape, such as AIME)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.tasks.grade.gold import with_usable_gold
from tokenworth.tasks.grade.number import number_label, parse_number
from tokenworth.tasks.sources.files import Fault, each_row, label_field, sound_rows, stem, text_field

_MARK = "####"


def gsm8k_problems(path: Path) -> Iterator[Problem | Fault]:
    """GSM8K: ``question``, and ``answer`` with the number after ``####``."""
    return each_row(sound_rows(path), lambda row, where, number: gsm8k_problem(row, where, f"{stem(path)}/{number}"))


def gsm8k_problem(row: dict[str, Any], where: str, ident: str) -> Problem:
    """The problem of one row, its gold answer without thousands separators and currency signs."""
    answer = text_field(row, "answer", where)
    if _MARK not in answer:
        raise InvalidInput(f"{where}: no {_MARK} in 'answer'; expected the number after it, as in GSM8K")
    said = answer.rsplit(_MARK, 1)[1].strip()
    gold = parse_number(said)
    if gold is None:
        raise InvalidInput(f"{where}: got {said[:40]!r} after {_MARK}, expected a number")
    return Problem(id=ident, question=text_field(row, "question", where), gold=number_label(gold), kind=AnswerKind.NUMERIC, task="gsm8k")


def math_problems(path: Path) -> Iterator[Problem | Fault]:
    """MATH-500: ``problem`` and ``answer`` in LaTeX, ``unique_id`` or ``id`` where there is one."""
    return each_row(sound_rows(path), lambda row, where, number: math_problem(row, where, f"{stem(path)}/{number}"))


def math_problem(row: dict[str, Any], where: str, ident: str) -> Problem:
    """The problem of one row."""
    for key in ("unique_id", "id"):
        if row.get(key) is not None:
            ident = label_field(row, key, where)
            break
    subject: object = row.get("subject")
    problem = Problem(
        id=ident,
        question=text_field(row, "problem" if "problem" in row else "question", where),
        gold=label_field(row, "answer", where).strip(),
        kind=AnswerKind.LATEX,
        task=f"math:{subject}" if isinstance(subject, str) else "math",
    )
    return with_usable_gold(problem, where)
