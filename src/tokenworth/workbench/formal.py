"""Formal traces in files: read line by line, verified, written as verdicts, counted, and made into a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenworth import __version__
from tokenworth.core.document import Provenance
from tokenworth.core.verification import Domain, FormalText, Level, Verification
from tokenworth.errors import InvalidInput, MismatchError, TokenworthError, unknown_name
from tokenworth.methods.confusion.document import VerifiedDoc, VerifiedTraceDoc
from tokenworth.methods.confusion.table import State, state_of, table_of
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sources.files import Fault, json_records
from tokenworth.workbench.verdicts import LINE_SCHEMA, Judged, Scalar, read_verdict

MAX_GROUPS = 1000
NO_GROUP = "(no value)"
"""Group of the texts that lack the field they are grouped by."""
_LONGEST_FIELD = 200
_OWN = ("id", "text", "prompt", "trace")

Record = tuple[str, dict[str, Any] | Fault]
"""``file:line`` and what stands there, or what is wrong with it."""


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


def records_of(paths: Iterable[Path]) -> Iterator[Record]:
    """(``file:line``, object, or what is wrong with the line) of every line of the files that is not blank, in order, one at a time."""
    for path in paths:
        yield from json_records(path)


def judged(records: Iterable[Record], check: Checker, *, verdicts: bool = False) -> Iterator[Judged | TokenworthError]:
    """Each record with its verdict, or why it has none, in order, one at a time.

    ``verdicts``: lines that `verify` wrote are taken as they stand, where they hold no text; otherwise they are faults. A record without
    an id has the name of its file and its line for one; ids need not differ. Faults are those of `json_records`, InvalidInput for fields
    that are missing or of another type and for verdicts that contradict themselves, and MismatchError for a verdict of another domain,
    dialect, level or version. Raises nothing.
    """
    for where, record in records:
        if not isinstance(record, dict):
            yield record
            continue
        try:
            one = _from_verdict(record, check, where, verdicts) if _is_verdict(record) else _from_text(record, check, where)
        except TokenworthError as error:
            one = error
        yield one


def _is_verdict(record: Mapping[str, object]) -> bool:
    return record.get("schema") == LINE_SCHEMA and record.get("text") is None and record.get("trace") is None


def _from_text(record: Mapping[str, object], check: Checker, where: str) -> Judged:
    text = check.domain.read(_in_parts(record, where, check.domain.states_problem), where)
    name = record.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int | float | None):
        raise InvalidInput(f"{where}: the id is neither a string nor a number; mend it, or leave it out")
    own = "" if name is None else str(name)
    return Judged(id=own or text.id.strip("/") or Path(where).name, fields=_fields(record), verification=check(text), text=text)


def _in_parts(record: Mapping[str, object], where: str, states_problem: Sequence[str]) -> Mapping[str, object]:
    """The record with ``prompt`` and ``trace``, or with ``text`` alone, which holds both: one rule for all domains.

    Null is absent, and so is a blank prompt. With a prompt, ``text`` is the trace where there is no ``trace``. A trace without its prompt
    is taken only where other fields state the problem: what the model wrote could state an easier one.
    """
    told = {name: value for name, value in record.items() if value is not None}
    if not isinstance(told.get("truncated", False), bool):
        raise InvalidInput(f"{where}: 'truncated' is neither true nor false; mend it, or leave it out")
    prompt = told.get("prompt", "")
    if isinstance(prompt, str) and not prompt.strip():
        told.pop("prompt", None)
        if "text" in told:
            told.pop("trace", None)
        elif "trace" in told and not any(name in told for name in states_problem):
            raise InvalidInput(f"{where}: a trace without its prompt; expected id, prompt and trace, or id and text, which holds both")
    elif "text" in told:
        told.setdefault("trace", told["text"])
        del told["text"]
    return told


def _fields(record: Mapping[str, object]) -> dict[str, Scalar]:
    return {
        name: value
        for name, value in record.items()
        if name not in _OWN and (isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST_FIELD))
    }


def _from_verdict(record: Mapping[str, object], check: Checker, where: str, is_taken: bool) -> Judged:
    if not is_taken:
        raise InvalidInput(
            f"{where}: a verdict without its text, so that nothing can be verified; give the texts, or count it with confusion"
        )
    one = read_verdict(record, check.domain, where)
    found = one.verification
    made = (found.domain, found.dialect, str(found.level), found.version)
    wanted = (check.domain.name, check.dialect, str(check.level), check.domain.version)
    if made != wanted:
        raise MismatchError(
            f"{where}: a verdict of {', '.join(made)}; expected {', '.join(wanted)}; verify the texts again, or give --dialect and --level"
        )
    return one


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

    def document(self, check: Checker, *, level: float, provenance: Provenance) -> VerifiedDoc:
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


def verdict_settings(record: Record | None, domain: Domain) -> Mapping[str, str]:
    """Dialect and level of a record, if that is a verdict of this domain that `verify` wrote: those to count at."""
    if record is None or not isinstance(fields := record[1], dict) or fields.get("schema") != LINE_SCHEMA:
        return {}
    known = {"dialect": tuple(domain.dialects), "level": tuple(Level)}
    return {name: str(fields[name]) for name in known if fields.get(name) in known[name]}
