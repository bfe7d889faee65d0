"""The pass of `replay` over recorded loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokenworth import catalog
from tokenworth.core.document import About
from tokenworth.core.measure import Fold
from tokenworth.core.verification import Domain, Strictness
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.methods.replay.document import RecordedLoopDoc, ReplayDoc
from tokenworth.methods.replay.loops import ReplayedLoop, replay_loop, summary
from tokenworth.methods.replay.settings import ReplaySettings
from tokenworth.tasks.critics.critic import Acceptance


class ReplayFold(Fold):
    """One pass of `replay`."""

    def __init__(self, settings: ReplaySettings) -> None:
        self._domain = cast("Domain", catalog.load(catalog.DOMAINS, "domain", settings.domain))
        self._dialect = self._domain.dialect_named(settings.dialect)
        self._loops: list[ReplayedLoop] = []

    def add(self, where: str, record: object) -> None:
        """Judges one recorded loop. Raises InvalidInput for a record of another shape."""
        if isinstance(record, TokenworthError):
            raise record
        self._loops.append(replay_loop(cast("Mapping[str, object]", record), self._domain, dialect=self._dialect, where=where))

    def document(self, about: About) -> ReplayDoc:
        """All loops with their verdicts. Raises InvalidInput where there is none."""
        if not self._loops:
            raise InvalidInput(f"{about.provenance.source} holds no recorded loop; expected one per line")
        critic = f"{self._domain.name}/{self._dialect}"
        return ReplayDoc(
            verifier=Acceptance(critic=critic, version=self._domain.version, strictness=str(Strictness.STRICT)),
            summary=summary(self._loops),
            loops=tuple(
                RecordedLoopDoc(id=one.id, accepted_at=one.accepted_at, disagreements=one.disagreements, steps=one.steps)
                for one in self._loops
            ),
            provenance=about.provenance,
        )

    def exit_code(self) -> int:
        """0 where every recorded verdict was found again."""
        return 1 if any(one.disagreements for one in self._loops) else 0
