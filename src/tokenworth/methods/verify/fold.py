"""The pass of `verify` over records: a verdict for each, and counts of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tokenworth.core.document import About
from tokenworth.core.measure import Fold
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.methods.verify.lines import verdict_line
from tokenworth.methods.verify.records import Verifier, judged, verifier
from tokenworth.methods.verify.settings import VerifySettings
from tokenworth.methods.verify.table import state_of
from tokenworth.methods.verify.tally import Tally

_TOP_CODES = 8
_LENGTHS = {True: "optimal", False: "longer", None: "of unknown optimality"}


class VerifyFold(Fold):
    """One pass of `verify`."""

    def __init__(self, settings: VerifySettings) -> None:
        self._max_errors = settings.max_errors
        self._check = verifier(settings.domain, settings.dialect, settings.strictness, max_errors=max(1, settings.max_errors))
        self._tally = Tally()
        self._n_valid = self._n_undecided = 0
        self._lengths: Counter[bool | None] = Counter()
        self._states: Counter[tuple[int, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()

    def add(self, where: str, record: object) -> bytes:
        """The verdict on a record, as a line of JSON. Raises as `judged`."""
        one = judged(where, record, self._check)
        found = one.verification
        self._n_valid += found.is_valid
        self._n_undecided += found.undecided
        if found.plan_valid:
            self._lengths[found.plan_optimal] += 1
        self._states.update(enumerate(state_of(found)))
        self._errors.update(found.counts)
        self._texts.update(found.counts.keys())
        self._tally.add(one)
        return verdict_line(one, self._max_errors)

    def document(self, about: About) -> VerifiedDoc:
        """The tables of all texts, without the texts."""
        return self._tally.document(self._check, level=0.95, provenance=about.provenance)

    def summary(self) -> Iterator[str]:
        """Counts of verdicts and errors."""
        check, seen, n = self._check, self._states, self._tally.n
        yield f"{check.domain.name} · {check.dialect} · {check.strictness} · verifier {check.domain.version}"
        yield f"texts:  {n:,}, of which {self._n_valid:,} valid in every part"
        yield (
            "traces: "
            + ", ".join(
                f"{seen[0, state]:,} {told}"
                for state, told in (("valid", "valid"), ("invalid", "invalid"), ("unparsed", "unparsed"), ("none", "without a trace"))
                if seen[0, state] or state != "none"
            )
            + (f" ({self._n_undecided:,} of the unparsed undecided)" if self._n_undecided else "")
        )
        lengths = ", ".join(f"{k:,} {name}" for is_optimal, name in _LENGTHS.items() if (k := self._lengths[is_optimal]))
        told = f" ({lengths})" if lengths else ""
        yield f"plans:  {seen[2, 'correct']:,} valid{told}, {seen[2, 'incorrect']:,} invalid, {seen[2, 'unknown']:,} unknown"
        yield f"links:  {seen[1, 'follows']:,} follow from the trace, {seen[1, 'differs']:,} do not, {seen[1, 'unknown']:,} unknown"
        yield from self._tally.assumptions(check)
        if seen[0, "unparsed"] == n and not self._n_undecided:
            yield doubt(check)
        if self._errors:
            top = [
                f"{code} {k:,} in {self._texts[code]:,} text{'s' * (self._texts[code] > 1)}"
                for code, k in self._errors.most_common(_TOP_CODES)
            ]
            more = len(self._errors) - _TOP_CODES
            yield "errors: " + ", ".join(top) + (f", and {more} more codes" if more > 0 else "")

    def exit_code(self) -> int:
        """0 where every text is valid in every part."""
        return 0 if self._n_valid == self._tally.n else 1


def doubt(check: Verifier) -> str:
    """What to say where no text could be parsed: a wrong name is likelier than so many wrong texts."""
    domain = check.domain
    return f"no text could be parsed as {domain.name} · {check.dialect}: are domain and --dialect ({', '.join(domain.dialects)}) right?"
