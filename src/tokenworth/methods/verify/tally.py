"""Verdicts of many traces, counted: what the tables and the document of `confusion` and `verify` are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tokenworth.core.document import Provenance
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.methods.verify.document import VerifiedDoc, VerifiedTraceDoc
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import Verifier
from tokenworth.methods.verify.table import JointState, state_of, table_of

MAX_GROUPS = 1000
NO_GROUP = "(no value)"
"""Group of the texts that lack the field they are grouped by."""


class Tally:
    """Counts of verdicts by group and state, and a few of the texts; takes memory for those only.

    The texts kept are the first of every combination of group and state, as evenly as ``keep`` of them allow.
    """

    def __init__(self, *, group: str | None = None, optimal: bool = False, keep: int = 0) -> None:
        self.group, self.optimal, self.keep = group, optimal, keep
        self.n = 0
        self._counts: dict[str, Counter[JointState]] = {}
        self._firsts: dict[str, Counter[str]] = {}
        self._kept: dict[tuple[str, JointState], list[tuple[int, Judged]]] = {}
        self._assumed: Counter[str] = Counter()
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
        self._assumed.update(name for name, value in one.verification.facts.items() if value == "assumed")
        if one.verification.first_error is not None:
            self._firsts[group][one.verification.first_error.code] += 1
        self._keep(group, state, one)
        self.n += 1

    def assumptions(self, check: Verifier) -> list[str]:
        """What had to be assumed of how many texts."""
        told = check.domain.assumes
        return [
            f"{name} not given in {n:,} of {self.n:,} texts; assumed: {told.get(name, 'see the domain')}"
            for name, n in self._assumed.items()
        ]

    def _group_of(self, one: Judged) -> str:
        if self.group is None:
            return ""
        if len(self._named) < MAX_GROUPS:
            self._named.update(one.fields)
        value = one.fields.get(self.group)
        return NO_GROUP if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    def _keep(self, group: str, state: JointState, one: Judged) -> None:
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

    def document(self, check: Verifier, *, level: float, provenance: Provenance) -> VerifiedDoc:
        """Tables of the groups and the texts kept, both in the order they came. ``level``: of the intervals.

        Raises: InvalidInput without a single text, or where no text has the field to group by.
        """
        if not self.n:
            raise InvalidInput("no texts: all lines of the files are blank")
        if self.group is not None and set(self._counts) == {NO_GROUP}:
            raise unknown_name("field to group by", self.group, self._named)
        traces = tuple(self._listed(check))
        notes = []
        if self.keep and len(traces) < self.n:
            notes = [f"{len(traces):,} of {self.n:,} texts are listed: the first of every group and state, as evenly as can be"]
        notes += self.assumptions(check)
        if self.optimal:
            notes.append("an answer counts as correct only if its plan is as short as can be")
        return VerifiedDoc(
            domain=check.domain.name,
            dialect=check.dialect,
            strictness=str(check.strictness),
            version=check.domain.version,
            level=level,
            tables=tuple(table_of(self._counts[g], self._firsts[g], level=level, group=g) for g in self._counts),
            traces=traces,
            provenance=provenance,
            notes=tuple(notes),
        )

    def _listed(self, check: Verifier) -> Iterator[VerifiedTraceDoc]:
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
