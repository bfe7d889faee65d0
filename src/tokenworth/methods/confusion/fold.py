"""The pass of `confusion` over records: verdicts counted by group and state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tokenworth import catalog
from tokenworth.core.document import About
from tokenworth.core.measure import Fold
from tokenworth.core.verification import Domain
from tokenworth.errors import InvalidInput, MismatchError, TokenworthError
from tokenworth.methods.confusion.settings import ConfusionSettings
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.methods.verify.fold import doubt
from tokenworth.methods.verify.records import Verifier, judged, verdict_settings, verifier
from tokenworth.methods.verify.tally import Tally

_LISTED = 1000
"""Errors listed of each text."""


class ConfusionFold(Fold):
    """One pass of `confusion`. Verdicts that `verify` wrote are counted at the dialect and strictness of the first."""

    def __init__(self, settings: ConfusionSettings) -> None:
        self._settings = settings
        self._domain = cast("Domain", catalog.load(catalog.DOMAINS, "domain", settings.domain))
        self._check: Verifier | None = None
        self._tally = Tally(group=settings.group, optimal=settings.optimal, keep=settings.max_traces)
        self._n_undecided = self._n_unparsed = 0

    def _verifier(self, first: object = None) -> Verifier:
        """The verifier, chosen by the settings and, where they leave it open, by the first record."""
        if self._check is None:
            written = verdict_settings(first, self._domain)
            dialect, strictness = self._settings.dialect or written.get("dialect"), self._settings.strictness
            if dialect == written.get("dialect"):
                strictness = strictness or written.get("strictness")
            self._check = verifier(self._settings.domain, dialect, strictness, max_errors=_LISTED)
        return self._check

    def add(self, where: str, record: object) -> None:
        """Counts one record. Raises as `judged`, and says how to count the others."""
        try:
            one = judged(where, record, self._verifier(record), verdicts=True)
        except MismatchError:
            raise
        except TokenworthError as error:
            if not self._tally.n:
                raise
            raise InvalidInput(f"{error}; mend it, or count what verify --json writes of the other lines") from error
        self._tally.add(one)
        self._n_undecided += one.verification.undecided and one.verification.parsed
        self._n_unparsed += one.verification.undecided or not one.verification.parsed

    def document(self, about: About) -> VerifiedDoc:
        """Tables of the groups, and a few of the texts."""
        return self._tally.document(self._verifier(), level=self._settings.level, provenance=about.provenance)

    def summary(self) -> Iterator[str]:
        """What a reader of the tables should know."""
        if self._n_undecided:
            yield f"{self._n_undecided:,} traces counted as unparsed were parsed, but what decides is too much or not known (undecided)"
        elif self._n_unparsed == self._tally.n:
            yield doubt(self._verifier())
