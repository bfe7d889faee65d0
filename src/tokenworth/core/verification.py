"""What a verifier says of a formal trace: every violation of the rules, with its place, and the verdicts that follow.

A *verifier* judges a trace against formal rules; a *grader* judges an answer. A verifier is pure: it never executes, evaluates or
unpickles what it reads, and takes time linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from tokenworth.errors import unknown_name


class Level(StrEnum):
    """How strictly a trace is checked; all levels share one replay. Each reports what the one before it does, and more."""

    PAPER = "paper"
    """The error classes that the literature reports for the domain."""
    STRICT = "strict"
    """Every rule that holds whatever order a solver gives to equal choices."""
    TIES = "strict+ties"
    """As strict, and equal choices in the order of the dialect's solver."""


class Tier(StrEnum):
    """What kind of rule is broken. The last two are about the plan; all others are about the trace."""

    SYNTAX = "syntax"
    GEOMETRY = "geometry"
    ORDER = "order"
    NUMBERS = "numbers"
    LISTS = "lists"
    POLICY = "policy"
    COMPLETENESS = "completeness"
    END = "end"
    LINK = "link"
    ANSWER = "answer"

    @property
    def is_of_trace(self) -> bool:
        """Whether a violation of this tier makes the trace invalid."""
        return self not in (Tier.LINK, Tier.ANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalText:
    """A formal trace with its answer, as text. ``trace`` is what violations point into.

    ``prompt``: what came before it, empty where ``trace`` holds the prompt too. ``given``: what a data set says of the problem in fields
    of its own, for domains that need it. ``is_cut``: whoever stored the text cut it, so that its end is no error of the model.
    """

    id: str
    trace: str
    prompt: str = ""
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule.

    ``event``: index of the trace event from 0, None where the violation is not of one event. ``tokens`` and ``chars``: the words and the
    characters of `FormalText.trace` it is about, first and one past the last. ``expected`` and ``got`` are short texts for a reader.
    """

    code: str
    tier: Tier
    event: int | None
    tokens: tuple[int, int]
    chars: tuple[int, int]
    expected: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found. None is "does not apply, or not known": no trace, no plan, no notion of it in the domain, or cut off.

    ``parsed``: every part of the text follows the grammar. ``trace_valid``: prompt and trace follow it, and no rule of the trace is broken
    at this level.
    ``plan_valid``: the plan solves the problem. ``plan_optimal``: it is valid and as short as can be. ``plan_follows_trace``: it is the
    plan that the trace itself found, whether or not the trace is valid. ``violations``: in the order of the text, at most as many as
    were asked for; ``counts`` holds the number of all by code. Errors after the first are those left when the state is repaired and
    the replay goes on. ``n_events``: number of trace events. ``facts``: what else the domain reports, JSON-shaped. ``undecided``: the
    verifier could not follow a trace to its end and found nothing wrong; ``trace_valid`` is then None though there is a trace.
    """

    domain: str
    dialect: str
    level: Level
    version: str
    parsed: bool
    trace_valid: bool | None
    plan_valid: bool | None
    plan_optimal: bool | None
    plan_follows_trace: bool | None
    violations: tuple[Violation, ...]
    counts: Mapping[str, int]
    n_events: int
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    undecided: bool = False

    @property
    def first_error(self) -> Violation | None:
        """The first violation in the order of the text."""
        return self.violations[0] if self.violations else None

    @property
    def is_valid(self) -> bool:
        """Whether everything that applies was checked and nothing found wrong: the trace, and the plan."""
        return self.parsed and not self.undecided and self.trace_valid is not False and self.plan_valid is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event of a trace, to be drawn: what it does, to which cell, with which costs, and which characters write it."""

    verb: str
    x: int
    y: int
    g: int | None
    h: int | None
    chars: tuple[int, int]
    boxes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A grid problem and what a trace does on it, in cells (x, y) from the upper left. ``plan``: the cells of the plan, in order."""

    rows: int
    cols: int
    walls: tuple[tuple[int, int], ...]
    start: tuple[int, int]
    goals: tuple[tuple[int, int], ...]
    steps: tuple[Step, ...]
    plan: tuple[tuple[int, int], ...]
    boxes: tuple[tuple[int, int], ...] = ()


def whole_words(text: str, ends: tuple[str, ...] = ()) -> str:
    """A cut text up to its last word, which may be half of one; all of it where white space follows or the word is one of ``ends``."""
    kept = text.rstrip()
    words = kept.rsplit(maxsplit=1)
    if kept != text or not words or words[-1] in ends:
        return text
    return kept[: len(kept) - len(words[-1])]


@runtime_checkable
class Verify(Protocol):
    """Checks one text. ``limit``: how many violations are listed; all are counted. Raises nothing for any text."""

    def __call__(self, text: FormalText, *, dialect: str, level: Level, limit: int = 1000) -> Verification:
        """What was found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A formal domain: what its texts are called, and who checks them.

    ``dialects``: the exact grammars it knows, the default first. ``levels``: for each dialect, the levels that fit it. ``version``: of the
    verifier; it changes whenever a verdict can. ``read``: a record of a JSON line as text; raises InvalidInput where fields are missing.
    ``draw``: the trace as events on a grid, None where there is none to draw.
    """

    name: str
    version: str
    dialects: Mapping[str, tuple[Level, ...]]
    codes: Mapping[str, Tier]
    read: Callable[[Mapping[str, object], str], FormalText]
    verify: Verify
    draw: Callable[[FormalText, str], Drawing | None]

    def dialect_named(self, name: str | None) -> str:
        """The dialect of this name, the first one for None. Raises UnknownName with close matches."""
        if name is None:
            return next(iter(self.dialects))
        if name not in self.dialects:
            raise unknown_name(f"dialect of {self.name}", name, self.dialects)
        return name
