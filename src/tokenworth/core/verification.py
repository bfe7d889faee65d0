"""What a verifier says of a formal trace: every violation of the rules, with its place, and the verdicts that follow.

A *verifier* judges a trace against formal rules; a *grader* judges an answer. A verifier is pure: it never executes, evaluates or
unpickles what it reads, and takes time linear in the length of the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np

from tokenworth.core.ending import extent_of
from tokenworth.core.grade import Grader
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, unknown_name

Cell = tuple[int, int]
"""(x, y) on a grid: x counts columns from the left, y rows from the top, both from 0."""


class Strictness(StrEnum):
    """How strictly a trace is checked, in one replay for all. Each reports what the one before it does, and more."""

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
    of its own, for domains that need it. ``is_cut``: whoever stored the text cut it, so its end is not an error of the model.
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
    at this strictness.
    ``plan_valid``: the plan solves the problem. ``plan_optimal``: it is valid and as short as can be. ``plan_follows_trace``: it is the
    plan that the trace itself found, whether or not the trace is valid. ``violations``: in the order of the text, at most as many as
    were asked for; ``counts`` holds the number of all by code. Errors after the first are those left when the state is repaired and
    the replay continues. ``n_events``: number of trace events. ``facts``: what else the domain reports, JSON-shaped. ``undecided``: the
    verifier could not follow a trace to its end and found nothing wrong, or (not ``parsed``) it is of a known format that is not read;
    ``trace_valid`` is then None though there is a trace.
    """

    domain: str
    dialect: str
    strictness: Strictness
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
    boxes: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A grid problem and what a trace does on it, in cells. ``plan``: the cells of the plan, in order."""

    rows: int
    cols: int
    walls: tuple[Cell, ...]
    start: Cell
    goals: tuple[Cell, ...]
    steps: tuple[Step, ...]
    plan: tuple[Cell, ...]
    boxes: tuple[Cell, ...] = ()


_LONGEST = 200


class Findings:
    """Broken rules as they are found: all that are active are counted, the first ``max_errors`` of them listed.

    ``always``: tiers that are listed beyond it, because what is found last may stand first in the text.
    """

    def __init__(
        self, codes: Mapping[str, Tier], max_errors: int, active: Collection[str] | None = None, always: Collection[Tier] = ()
    ) -> None:
        self._codes, self.max_errors, self._active, self._always = codes, max_errors, codes if active is None else active, always
        self.listed: list[Violation] = []
        self.counts: Counter[str] = Counter()

    def add(self, code: str, event: int | None, words: tuple[int, int], chars: tuple[int, int], expected: str, got: str) -> None:
        """One broken rule, as a `Violation` has it."""
        if code not in self._active:
            return
        self.counts[code] += 1
        if len(self.listed) < self.max_errors or self._codes[code] in self._always:
            told = {"expected": expected[:_LONGEST], "got": got[:_LONGEST]}
            self.listed.append(Violation(code=code, tier=self._codes[code], event=event, tokens=words, chars=chars, **told))


def whole_words(text: str, ends: tuple[str, ...] = ()) -> str:
    """A cut text up to its last word, which may be half of one; all of it where white space follows or it has come to its end.

    That is a mark of end (`extent_of`), or one of ``ends`` as the last word.
    """
    kept = text.rstrip()
    words = kept.rsplit(maxsplit=1)
    if kept != text or not words or words[-1] in ends or extent_of(words[-1]).is_ended:
        return text
    return kept[: len(kept) - len(words[-1])]


def whole_number(value: object) -> int | None:
    """The whole number that a field holds, also as ``12.0``, which tables write where a column has gaps; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and not value.is_integer()):
        return None
    return int(value)


def read_text(record: Mapping[str, object], source: str, ends: tuple[str, ...] = ()) -> FormalText:
    """A record of a JSON line as text: ``text``, or ``prompt`` and ``trace``. With a prompt, ``text`` is the trace where there is none.

    Raises InvalidInput that names ``source`` where fields are missing or not text.
    """
    prompt, written = record.get("prompt"), record.get("trace")
    body = record.get("text") if written is None else written
    head = "" if written is None and prompt is None else prompt
    if not isinstance(body, str) or not isinstance(head, str):
        got = ", ".join(sorted(map(str, record))) or "an empty object"
        raise InvalidInput(f"{source}: expected the fields id and text, or id, prompt and trace, all text; got {got[:200]}")
    is_cut = record.get("truncated") is True
    trace = whole_words(body, ends) if is_cut else body
    return FormalText(id=str(record.get("id", "")), prompt=head, trace=trace, is_cut=is_cut)


@runtime_checkable
class Verify(Protocol):
    """Checks one text. ``max_errors``: how many violations are listed; all are counted. Raises nothing for any text."""

    def __call__(self, text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
        """What was found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeProblems:
    """The problems of a task that are made when they are asked for."""

    name: str
    """The task as in the ids of its problems, ``NAME/INDEX``; it begins with the name of what makes them and a colon."""
    problem: Callable[[int], Problem]
    """The problem of any index from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A formal domain, whole: all that the rest of the package knows of it. It is one folder of `tasks` and one line of the catalogue.

    Loading one is to stay cheap: what few callers need (a task, a solver, edits) is imported inside the function that uses it.
    """

    name: str
    """What it is called on the command line, and what stands before the colon in its tasks."""
    version: str
    """Version of the verifier; it changes whenever a verdict can."""
    dialects: Mapping[str, tuple[Strictness, ...]]
    """The exact grammars it knows, the default first, and how strictly traces in each can be checked, the least strict first."""
    codes: Mapping[str, Tier]
    """Every rule that a text can break."""
    sentences: Mapping[str, str]
    """What each code means, for a reader."""
    read: Callable[[Mapping[str, object], str], FormalText]
    """A record of a JSON line (and where it stands) as text; raises InvalidInput where fields are missing or of another type."""
    verify: Verify
    """The verifier."""
    draw: Callable[[FormalText, str], Drawing | None] = lambda text, dialect: None
    """The trace as events on a grid, None where there is none to draw."""
    states_problem: tuple[str, ...] = ()
    """Fields of records that state a problem without a prompt."""
    assumes: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is assumed where a text does not give it; a fact of this name is then the word ``assumed``."""
    reads_whole: bool = True
    """Whether the grammar covers the trace before an answer; otherwise a critic is shown the answer alone."""
    task_form: str = ""
    """What follows the colon in a task of this domain, for messages; empty where it has none."""
    task_example: str = ""
    """One of them that is small, as in ``maze:searchformer/7``."""
    task: Callable[[str], MadeProblems] | None = None
    """The problems of what follows the colon of a task spec; raises UnknownName or InvalidInput."""
    grade: Grader | None = None
    """Grades answers to the problems of its tasks."""
    solve: Callable[[Problem], FormalText] | None = None
    """What its solver writes for a problem of its tasks: a valid trace and a right plan."""
    given: Callable[[Problem], Mapping[str, object]] = lambda problem: {}
    """What a verifier needs to know of a problem and the question does not say; nothing for problems of other tasks."""
    dialect_of: Callable[[Problem], str | None] = lambda problem: None
    """The dialect that a problem is written in, None (the default dialect) for problems of other tasks."""
    is_machine_text: bool = False
    """Whether the questions of its tasks are for machines, so that a page is better titled with the problem's id."""
    edits: Callable[[FormalText, str, np.random.Generator], Iterator[tuple[str, FormalText]]] | None = None
    """Changes of a valid text of a dialect: the code that each breaks first, and the text after it."""

    def __post_init__(self) -> None:
        def refuse(got: str, do: str) -> InvalidInput:
            return InvalidInput(f"domain {self.name!r}: {got}; {do}")

        if not self.name or not self.name.replace("-", "_").isidentifier():
            raise refuse("the name is not a word", "expected letters, digits and hyphens, such as maze")
        if not self.dialects or not all(self.dialects.values()):
            raise refuse(
                "a dialect without a strictness, or no dialect", "expected at least one dialect, each with how strictly it can be checked"
            )
        odd = [name for name, fitting in self.dialects.items() if list(fitting) != [one for one in Strictness if one in fitting]]
        if odd:
            raise refuse(f"strictness of {odd[0]}: not in order", "expected each once, the least strict first")
        if not self.codes or set(self.codes) != set(self.sentences):
            names = ", ".join(sorted(set(self.codes) ^ set(self.sentences))) or "none are given"
            raise refuse(f"codes without a sentence, or sentences without a code: {names}", "expected a sentence for each code")
        hooks = {
            "task": self.task,
            "task_form": self.task_form,
            "task_example": self.task_example,
            "grade": self.grade,
            "solve": self.solve,
        }
        missing = [name for name, hook in hooks.items() if not hook]
        if missing and self.task is not None:
            raise refuse(f"a task without {', '.join(missing)}", f"expected {', '.join(hooks)} together")

    def dialect_named(self, name: str | None) -> str:
        """The dialect of this name, the first one for None. Raises UnknownName with close matches."""
        if name is None:
            return next(iter(self.dialects))
        if name not in self.dialects:
            raise unknown_name(f"dialect of {self.name}", name, self.dialects)
        return name

    def answered(self, problem: Problem, trace: str, name: str = "") -> FormalText:
        """What was written on a problem, as the text that the verifier reads; ``name`` is its id, by default that of the problem."""
        return FormalText(id=name or problem.id, prompt=problem.question, trace=trace, given=self.given(problem))
