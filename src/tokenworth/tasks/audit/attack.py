"""Attacks: classes of answers whose truth is known without the checker under audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, Generic, TypeVar

import numpy as np

from tokenworth.core.grade import Grader, Verdict
from tokenworth.core.problem import Problem

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
    """A class of answers to an item, in one of two forms: the same answers each time, or answers that are drawn."""

    name: str
    claim: Claim
    truth: str
    """Why the claim holds, whatever the checker says."""
    texts: Callable[[T], Iterable[str]] | None = None
    """The answers to an item."""
    drawn: Callable[[T, np.random.Generator], Iterable[str]] | None = None
    """The answers to an item, with draws from a generator."""

    def __post_init__(self) -> None:
        if (self.texts is None) is (self.drawn is None):
            raise ValueError(f"attack {self.name!r}: expected either texts or drawn")

    def answers(self, item: T, rng: np.random.Generator) -> Iterable[str]:
        """The answers to an item. Only an attack that draws touches the generator."""
        if self.texts is not None:
            return self.texts(item)
        assert self.drawn is not None
        return self.drawn(item, rng)


_Texts = Callable[[T], Iterable[str]]
_Part = _Texts[T] | Sequence[str]
"""Answers to an item, or the same ones to every item."""
_Drawn = Callable[[T, np.random.Generator], Iterable[str]]


def wrong_answers(name: str, truth: str, *texts: _Part[T], drawn: _Drawn[T] | None = None) -> Attack[T]:
    """An attack of wrong answers: those of each of ``texts`` in turn, or ``drawn`` ones."""
    return Attack(name=name, claim=Claim.WRONG, truth=truth, texts=_all_of(texts), drawn=drawn)


def right_answers(name: str, truth: str, *texts: _Part[T], drawn: _Drawn[T] | None = None) -> Attack[T]:
    """An attack of right answers in other forms."""
    return Attack(name=name, claim=Claim.RIGHT, truth=truth, texts=_all_of(texts), drawn=drawn)


def open_answers(name: str, truth: str, *texts: _Part[T], drawn: _Drawn[T] | None = None) -> Attack[T]:
    """An attack of answers whose truth is a matter of convention."""
    return Attack(name=name, claim=Claim.OPEN, truth=truth, texts=_all_of(texts), drawn=drawn)


def _all_of(texts: tuple[_Part[T], ...]) -> _Texts[T] | None:
    return (lambda item: chain.from_iterable(part(item) if callable(part) else part for part in texts)) if texts else None


@dataclass(frozen=True, slots=True)
class Wordings(Generic[T]):
    """Answers written as templates. ``fields``: what the names in braces stand for; ``frames``: what every answer is put into."""

    fields: Callable[[T], Mapping[str, str]]
    frames: Sequence[str] = ("{}",)

    def __call__(self, *templates: str, when: Callable[[T], bool] | None = None) -> _Texts[T]:
        """Every template, each in every frame; none for an item for which ``when`` does not hold."""
        return lambda item: () if when and not when(item) else framed(self.frames, filled(templates, **self.fields(item)))


def filled(templates: Iterable[str], **fields: str) -> Iterator[str]:
    """Every template with these fields put in."""
    return (template.format(**fields) for template in templates)


def framed(frames: Iterable[str], texts: Iterable[str]) -> Iterator[str]:
    """Every text in every frame, which has one pair of braces."""
    return (frame.format(text) for text in texts for frame in frames)


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
