"""Texts that every kind of answer shares: constants, invisible separators, empty and enormous texts, frames of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

FRAMES = ("{}", "The answer is {}.", "\\boxed{{{}}}", "Let me see.\n\nFinal answer: {}", "**Answer:** {}")
"""Ways to state one answer that any reader of free text should know."""

SEPARATORS = (
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\x00",
    "\x08",
    "\x1b[2K",
    "\u2028",
    "\x0b",
    "\r",
    "\n" * 400,
    " " * 400,
)
"""What a reader does not see between two answers: zero-width, direction and control characters, and very much white space."""

HEDGES = (
    "{g} or {o}",
    "{o} or {g}",
    "The answer is {g} or {o}.",
    "The answer is either {o} or {g}.",
    "The answer is {o} and {g}.",
    "The answer is {g}, {o}.",
    "The answer is {g}/{o}",
    "\\boxed{{{g}}} \\boxed{{{o}}}",
    "\\boxed{{{o}}} or \\boxed{{{g}}}",
    "The answer is {o}. The answer is {g}.",
    "Final answer: {g}\nFinal answer: {o}",
)
"""Two answers, {g} the right one and {o} another, that are not one answer."""

NEGATIONS = (
    "The answer is not {g}.",
    "The answer isn't {g}.",
    "The answer is anything but {g}.",
    "The answer cannot be {g}.",
    "It is not {g}.",
    "The answer is definitely not {g}.",
    "\\boxed{{\\text{{not }}{g}}}",
)
"""Denials of the right answer."""

CORRECTIONS = (
    "The answer is {g}. Correction: the answer is {o}.",
    "\\boxed{{{g}}} is wrong. The answer is \\boxed{{{o}}}",
    "Answer: {g}\n\nThat was wrong.\n\nAnswer: {o}",
    "I first thought that the answer is {g}, but the answer is {o}.",
)
"""A text that takes the right answer back for another one."""

_EMPTY = (
    "",
    " ",
    "\n\n",
    "\t",
    "\u200b",
    "\x00",
    "\ufeff",
    ".",
    "?",
    "\\boxed{}",
    "The answer is",
    "The answer is .",
    "####",
    "$$",
    "()",
    "{}",
    "[]",
)
_CONSTANT = (
    "none",
    "null",
    "N/A",
    "undefined",
    "I do not know.",
    "yes",
    "True",
    "ok",
    "the answer",
    "error",
    "*",
    ".*",
    "%s",
    "{{answer}}",
)


def empty_texts() -> Iterable[str]:
    """Texts that say nothing, or nothing about any problem."""
    return (*_EMPTY, *_CONSTANT)


def enormous_texts() -> Iterator[str]:
    """Long texts without an answer; each would hang or crash a checker that is not linear in time and flat in depth."""
    size = 30_000
    yield "a" * size
    yield "(" * size
    yield "\\boxed{" * (size // 7)
    yield "The answer is " * (size // 14)
    yield "{" * size + "}" * size
    yield "9" * size
    yield "-" * size
    yield "1/" * (size // 2)
    yield "9**" * (size // 3) + "9"
    yield "9^{" * (size // 3)
    yield "\\frac{" * (size // 6)
    yield "((1)+" * (size // 5)
    yield "\u0663" * size
    yield "\U0010ffff" * (size // 4)
    yield "a\u0301" * (size // 2)


def stated(answer: str) -> Iterator[str]:
    """The answer in every frame."""
    for frame in FRAMES:
        yield frame.format(answer)


def hidden(other: str, gold: str) -> Iterator[str]:
    """A stated wrong answer, with the right one after something that a reader does not see, and the two run together."""
    for separator in SEPARATORS:
        yield f"The answer is {other}.{separator}{gold}"
        yield f"\\boxed{{{other}}}{separator}{gold}"


def two(templates: Iterable[str], gold: str, other: str) -> Iterator[str]:
    """Every template with both answers put in."""
    for template in templates:
        yield template.format(g=gold, o=other)
