"""A critic that is wrong on purpose, to show in comparisons what an unsound verifier costs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tokenworth.errors import InvalidInput
from tokenworth.tasks.critics.critic import UNSOUND, Critic, Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsoundCritic:
    """Accepts what another critic accepts, and a ``share`` of what that one rejects, chosen by a hash of the text.

    One text always gets one verdict, whatever was asked before.
    """

    inner: Critic
    share: float
    salt: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidInput(f"share {self.share} of wrong answers to accept: expected a number above 0, at most 1")

    @property
    def name(self) -> str:
        """Says what it is."""
        return f"UNSOUND {self.share:g} of {self.inner.name}"

    @property
    def version(self) -> str:
        """The other critic's."""
        return self.inner.version

    @property
    def strictness(self) -> str:
        """Unsound."""
        return UNSOUND

    @property
    def reads_whole(self) -> bool:
        """As the other critic."""
        return self.inner.reads_whole

    def check(self, answer: str) -> Ruling:
        """The other critic's verdict, or an acceptance of what it rejects."""
        verdict = self.inner.check(answer)
        if verdict.accepted or self._draw(answer) >= self.share:
            return verdict
        return Ruling(accepted=True)

    def _draw(self, answer: str) -> float:
        digest = hashlib.blake2b((self.salt + "\0" + answer).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
