"""Answer texts by kind of fault, with the verdicts that are right: ``grader_kinds.txt``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tasks.grader_cases import choice, free
from tokenworth.core.grade import Verdict
from tokenworth.core.problem import AnswerKind, Problem

_VERDICTS = {"C": Verdict.CORRECT, "I": Verdict.INCORRECT, "U": Verdict.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Case:
    """A text, its problem and the verdicts that are right, the best one first."""

    kind: str
    problem: Problem
    text: str
    right: tuple[Verdict, ...]


def _text(written: str) -> str:
    return re.sub("⟨([0-9a-f]{4})⟩", lambda one: chr(int(one[1], 16)), written.replace("⏎", "\n"))


def cases() -> Iterator[Case]:
    """Every case of the file."""
    options: dict[str, list[str]] = {}
    kind = verdicts = ""
    for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines():
        first, *rest = line.split(" | ")
        if not line or line.startswith("#"):
            continue
        if line.startswith("options "):
            options[first.split()[1]] = rest[0].split(" ; ")
        elif line.startswith("== "):
            kind, verdicts = first.removeprefix("== "), rest[0]
        else:
            grader = AnswerKind(kind.partition(",")[0])
            name, _, gold = first.rpartition(" ") if grader is AnswerKind.OPTION else ("", "", first)
            problem = choice(*options[name], gold=gold) if grader is AnswerKind.OPTION else free(gold, grader)
            right = tuple(_VERDICTS[letter] for letter in (rest[1] if len(rest) > 1 else verdicts))
            yield Case(kind=kind, problem=problem, text=_text(rest[0]), right=right)
