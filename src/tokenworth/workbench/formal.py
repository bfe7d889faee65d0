"""Formal traces in files: read line by line, verified, written as verdicts, counted, and made into a document."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import msgspec

from tokenworth import __version__
from tokenworth.core.documents import ProvenanceDoc
from tokenworth.core.verification import Domain, FormalText, Level, Verification, Violation
from tokenworth.core.verified import VerifiedDoc, VerifiedTraceDoc
from tokenworth.errors import InvalidInput, MismatchError, unknown_name
from tokenworth.methods.confusion import State, state_of, table_of
from tokenworth.tasks.sources.files import json_rows

DOMAINS: Mapping[str, str] = {
    "maze": "tokenworth.tasks.maze.domain",
    "sokoban": "tokenworth.tasks.sokoban.domain",
    "countdown": "tokenworth.tasks.countdown.domain",
    "blocksworld": "tokenworth.tasks.blocksworld.domain",
}
"""Formal domains by name: the module that holds each as ``DOMAIN``."""

LINE_SCHEMA = "tokenworth.verdict/1"
MAX_GROUPS = 1000
NO_GROUP = "(no value)"
"""Group of the texts that lack the field they are grouped by."""
_LONGEST_FIELD = 200
_OWN = ("id", "text", "prompt", "trace")

Scalar = str | int | float | bool


def domain_named(name: str) -> Domain:
    """The formal domain of this name. Raises UnknownName with close matches."""
    if name not in DOMAINS:
        raise unknown_name("domain", name, DOMAINS)
    return cast("Domain", importlib.import_module(DOMAINS[name]).DOMAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A domain's verifier with dialect and level chosen. ``limit``: how many violations it lists for a text; it counts all."""

    domain: Domain
    dialect: str
    level: Level
    limit: int

    def __call__(self, text: FormalText) -> Verification:
        """What is found in one text."""
        return self.domain.verify(text, dialect=self.dialect, level=self.level, limit=self.limit)


def checker(domain: str, dialect: str | None, level: str | None, *, limit: int) -> Checker:
    """The verifier that these names stand for; by default the domain's first dialect, and strict where that fits it.

    Raises: UnknownName with close matches; InvalidInput for a level that does not fit the dialect.
    """
    found = domain_named(domain)
    chosen = found.dialect_named(dialect)
    fitting = found.dialects[chosen]
    if level is None:
        return Checker(domain=found, dialect=chosen, level=Level.STRICT if Level.STRICT in fitting else fitting[-1], limit=limit)
    if level not in tuple(Level):
        raise unknown_name("level", level, tuple(Level))
    if Level(level) not in fitting:
        raise InvalidInput(f"level {level} does not fit dialect {chosen} of {domain}; it has {', '.join(fitting)}")
    return Checker(domain=found, dialect=chosen, level=Level(level), limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictLine:
    """One line of `verify`'s output. ``errors``: the first violations; ``n_errors``: the number of all by code.

    ``fields``: the numbers, short texts and truth values of the record that was verified, for grouping.
    """

    schema: Literal["tokenworth.verdict/1"] = LINE_SCHEMA
    id: str
    domain: str
    dialect: str
    level: Level
    version: str
    parsed: bool
    trace_valid: bool | None
    plan_valid: bool | None
    plan_optimal: bool | None
    plan_follows_trace: bool | None
    first_error: Violation | None
    errors: tuple[Violation, ...]
    n_errors: Mapping[str, int]
    n_events: int
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    fields: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A line of a file with its verdict. ``text``: None where the line held a verdict and no text."""

    id: str
    fields: Mapping[str, Scalar]
    verification: Verification
    text: FormalText | None


def judged(paths: Iterable[Path], check: Checker) -> Iterator[Judged]:
    """Each line of the files with its verdict, in order, one at a time. Lines that hold a verdict already are not verified again.

    A line without an id has the name of its file and its number for one; ids need not differ.

    Raises: MissingFile; InvalidInput that names file and line: no JSON object, fields that are missing or of another type;
    MismatchError for a verdict of another domain, dialect, level or version.
    """
    for path in paths:
        for where, record in json_rows(path):
            if record.get("schema") == LINE_SCHEMA:
                yield _from_verdict(record, check, where)
                continue
            text = check.domain.read(record, where)
            name = text.id or f"{path.name}:{where.rpartition(':')[2]}"
            yield Judged(id=name, fields=_fields(record), verification=check(text), text=text)


def _fields(record: Mapping[str, object]) -> dict[str, Scalar]:
    return {
        name: value
        for name, value in record.items()
        if name not in _OWN and (isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST_FIELD))
    }


def verdict_line(one: Judged, limit: int) -> bytes:
    """The line of JSON that `judged` reads back, at most ``limit`` errors in it."""
    found = one.verification
    line = VerdictLine(
        id=one.id,
        domain=found.domain,
        dialect=found.dialect,
        level=found.level,
        version=found.version,
        parsed=found.parsed,
        trace_valid=found.trace_valid,
        plan_valid=found.plan_valid,
        plan_optimal=found.plan_optimal,
        plan_follows_trace=found.plan_follows_trace,
        first_error=found.first_error,
        errors=found.violations[:limit],
        n_errors=found.counts,
        n_events=found.n_events,
        facts=found.facts,
        fields=one.fields,
    )
    return msgspec.json.encode(line) + b"\n"


def _from_verdict(record: Mapping[str, object], check: Checker, where: str) -> Judged:
    try:
        line = msgspec.convert(record, VerdictLine)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"{where}: not a verdict as verify writes it: {error}") from error
    made = (line.domain, line.dialect, str(line.level), line.version)
    wanted = (check.domain.name, check.dialect, str(check.level), check.domain.version)
    if made != wanted:
        raise MismatchError(
            f"{where}: a verdict of {', '.join(made)}; expected {', '.join(wanted)}; verify the texts again, or give --dialect and --level"
        )
    verification = Verification(
        domain=line.domain,
        dialect=line.dialect,
        level=line.level,
        version=line.version,
        parsed=line.parsed,
        trace_valid=line.trace_valid,
        plan_valid=line.plan_valid,
        plan_optimal=line.plan_optimal,
        plan_follows_trace=line.plan_follows_trace,
        # With no errors listed the first one is still known.
        violations=line.errors or (() if line.first_error is None else (line.first_error,)),
        counts=line.n_errors,
        n_events=line.n_events,
        facts=line.facts,
    )
    return Judged(id=line.id, fields=line.fields, verification=verification, text=None)


class Tally:
    """Counts of verdicts by group and state, and a few of the texts; takes memory for those only.

    The texts kept are the first of every combination of group and state, as evenly as ``keep`` of them allow.
    """

    def __init__(self, *, group: str | None = None, optimal: bool = False, keep: int = 0) -> None:
        self.group, self.optimal, self.keep = group, optimal, keep
        self.n = 0
        self._counts: dict[str, Counter[State]] = {}
        self._firsts: dict[str, Counter[str]] = {}
        self._kept: dict[tuple[str, State], list[tuple[int, Judged]]] = {}
        self._n_kept = self._most = 0
        self._named: set[str] = set()

    def add(self, one: Judged) -> None:
        """Counts one text. Raises InvalidInput for more groups than `MAX_GROUPS`."""
        group = self._group_of(one)
        if group not in self._counts:
            if len(self._counts) >= MAX_GROUPS:
                raise InvalidInput(f"field {self.group!r} has more than {MAX_GROUPS:,} values; group by one with few")
            self._counts[group], self._firsts[group] = Counter(), Counter()
        state = state_of(one.verification, optimal=self.optimal)
        self._counts[group][state] += 1
        if one.verification.first_error is not None:
            self._firsts[group][one.verification.first_error.code] += 1
        self._keep(group, state, one)
        self.n += 1

    def _group_of(self, one: Judged) -> str:
        if self.group is None:
            return ""
        if len(self._named) < MAX_GROUPS:
            self._named.update(one.fields)
        value = one.fields.get(self.group)
        return NO_GROUP if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    def _keep(self, group: str, state: State, one: Judged) -> None:
        if self.keep == 0:
            return
        here = self._kept.setdefault((group, state), [])
        if self._n_kept >= self.keep:
            if self._most and len(here) + 1 >= self._most:
                return
            # Once all places are taken the longest list never grows, so that this is rarely asked.
            fullest = max(self._kept.values(), key=len)
            self._most = len(fullest)
            if len(here) + 1 >= self._most:
                return
            fullest.pop()
            self._n_kept -= 1
        here.append((self.n, one))
        self._n_kept += 1

    def document(self, check: Checker, *, level: float, provenance: ProvenanceDoc) -> VerifiedDoc:
        """Tables of the groups and the texts kept, both in the order they came. ``level``: of the intervals.

        Raises: InvalidInput without a single text, or where no text has the field to group by.
        """
        if not self.n:
            raise InvalidInput("no texts: the files hold no line that is not blank")
        if self.group is not None and set(self._counts) == {NO_GROUP}:
            raise unknown_name("field to group by", self.group, self._named)
        traces = tuple(self._listed(check))
        notes = []
        if self.keep and len(traces) < self.n:
            notes = [f"{len(traces):,} of {self.n:,} texts are listed: the first of every group and state, as evenly as can be"]
        if self.optimal:
            notes.append("an answer counts as correct only if its plan is as short as can be")
        return VerifiedDoc(
            domain=check.domain.name,
            dialect=check.dialect,
            strictness=str(check.level),
            version=check.domain.version,
            level=level,
            tables=tuple(table_of(self._counts[g], self._firsts[g], level=level, group=g) for g in self._counts),
            traces=traces,
            provenance=replace(provenance, version=__version__),
            notes=tuple(notes),
        )

    def _listed(self, check: Checker) -> Iterator[VerifiedTraceDoc]:
        kept = sorted((number, group, state, one) for (group, state), ones in self._kept.items() for number, one in ones)
        for _, group, state, one in kept:
            text = one.text
            yield VerifiedTraceDoc(
                id=one.id,
                group=group,
                prompt="" if text is None else text.prompt,
                text="" if text is None else text.trace,
                answer=state[2],
                verification=one.verification,
                drawing=None if text is None else check.domain.draw(text, check.dialect),
            )


def first_verdict(path: Path, domain: Domain) -> Mapping[str, str]:
    """Dialect and level of a file's first line, if that is a verdict of this domain that `verify` wrote: those to count at."""
    known = {"dialect": tuple(domain.dialects), "level": tuple(Level)}
    for _, record in json_rows(path):
        is_verdict = record.get("schema") == LINE_SCHEMA
        return {name: str(record[name]) for name in known if record.get(name) in known[name]} if is_verdict else {}
    return {}
