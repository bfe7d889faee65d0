"""Attacks: classes of answers whose truth is known without the checker under audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np

from tokenworth.core.grade import Grader, Verdict
from tokenworth.core.problem import Problem
from tokenworth.core.verification import Domain, FormalText, Level

Check = Callable[[Problem, str], bool | None]
"""A checker of answers: True accepts, False refuses, None reads no answer. What it raises is counted, never fatal."""


class Claim(StrEnum):
    """What is known of the answers of an attack before any checker sees them."""

    WRONG = "wrong"
    """Wrong, or no single answer at all: accepting one is unsound."""
    RIGHT = "right"
    """The right answer in another form: not accepting one is incomplete."""
    OPEN = "open"
    """A matter of convention: what the checker does is shown, and counts for nothing; crashes and hangs still do."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack(Generic[T]):
    """A class of answers to an item.

    ``truth``: why the claim holds, whatever the checker says. ``texts``: the answers; it may draw from the generator it is given.
    """

    name: str
    claim: Claim
    truth: str
    texts: Callable[[T, np.random.Generator], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Generic[T]):
    """What is attacked: one kind of answer.

    ``make``: that many items with known answers, drawn at random. ``of``: the item of a problem from elsewhere, None where its gold
    answer cannot be read with certainty; ``problem``: the problem that the checker is shown.
    """

    name: str
    make: Callable[[int, np.random.Generator], Sequence[T]]
    of: Callable[[Problem], T | None]
    problem: Callable[[T], Problem]
    attacks: tuple[Attack[T], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A checker to audit, with the kind of answer it is for and the version of what judges."""

    name: str
    version: str
    surface: Surface[Any]
    check: Check


def grading(grader: Grader) -> Check:
    """A grader as a check: correct accepts, incorrect refuses, unknown reads nothing."""
    said = {Verdict.CORRECT: True, Verdict.INCORRECT: False, Verdict.UNKNOWN: None}
    return lambda problem, text: said[grader(problem, text).verdict]


def verifying(
    domain: Domain, surface: Surface[Any], text: Callable[[str, str], FormalText], *, name: str = "", dialect: str | None = None
) -> Checker:
    """A formal domain as a checker: an answer is accepted iff its plan is valid. ``text``: question and answer as they are verified."""
    spoken = domain.dialect_named(dialect)

    def check(problem: Problem, answer: str) -> bool | None:
        return domain.verify(text(problem.question, answer), dialect=spoken, level=Level.STRICT, limit=1).plan_valid

    version = f"{domain.name} {domain.version}, dialect {spoken}"
    return Checker(name=name or domain.name, version=version, surface=surface, check=check)


def as_prompted(prompt: str, answer: str) -> FormalText:
    """Question and answer as they are."""
    return FormalText(id="audit", prompt=prompt, trace=answer)
