"""The view model of verified traces: their tables, and each trace with its violations and its grid."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.document import Number
from tokenworth.core.verification import Drawing, Violation
from tokenworth.methods.verify.document import CellDoc, OddsDoc, ShareDoc
from tokenworth.report.facts import FactView


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeView:
    """An error code: its tier, and in a sentence what it means."""

    name: str
    tier: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JointView:
    """How many traces of a group are in a trace state and an answer state, whatever the link, and their share of all with its interval."""

    trace: str
    answer: str
    n: int
    share: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalTableView:
    """The table of one group. ``joint``: the two-way cells; ``cells``: the same split by link. ``first_errors``: most frequent first.

    ``listed``: how many of the group's ``n`` traces the page lists.
    """

    group: str
    n: int
    listed: int
    n_unparsed: int
    n_unknown: int
    level: float
    joint: tuple[JointView, ...]
    cells: tuple[CellDoc, ...]
    shares: tuple[ShareDoc, ...]
    odds: tuple[OddsDoc, ...]
    first_errors: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalTraceView:
    """One verified trace. ``state``, ``link`` and ``answer`` are its place in the table; ``table`` the index of that, or -1.

    ``text`` from ``head`` to ``tail`` is the trace, what is before it the prompt, what is after it the answer. ``measured``: index of the
    view's trace that is this one, or -1; ``skip``: how many words of ``text`` come before that trace.
    """

    id: str
    group: str
    table: int
    state: str
    link: str
    answer: str
    plan_valid: bool | None
    plan_optimal: bool | None
    prompt: str
    text: str
    head: int
    tail: int
    violations: tuple[Violation, ...]
    counts: tuple[tuple[str, int], ...]
    n_events: int
    drawing: Drawing | None
    facts: tuple[tuple[str, str], ...]
    measured: int = -1
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalView:
    """What one document of verified traces says."""

    domain: str
    dialect: str
    strictness: str
    version: str
    codes: tuple[CodeView, ...]
    tables: tuple[FormalTableView, ...]
    traces: tuple[FormalTraceView, ...]
    facts: tuple[FactView, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedView:
    """The verified traces of a page."""

    documents: tuple[FormalView, ...]
    n_measured: int = 0
    """How many traces of the page have results of their own; they are its first ones."""

    @property
    def titles(self) -> tuple[str, ...]:
        """Domain, dialect and strictness of each document."""
        return tuple(f"{one.domain}: traces against the rules ({one.dialect}, {one.strictness})" for one in self.documents)
