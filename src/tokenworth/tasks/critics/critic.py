"""The port of a critic, and a bank: an answer is accepted where every critic of it accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tokenworth.errors import InvalidInput

UNSOUND = "unsound"
"""Strictness of a critic that may accept wrong answers on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Whether an answer is accepted, and what is wrong with it: one short text a fault, in the order of the answer."""

    accepted: bool
    messages: tuple[str, ...] = ()


@runtime_checkable
class Critic(Protocol):
    """Judges the text of an answer to one problem. Pure; never executes what it reads; takes time linear in the text."""

    @property
    def name(self) -> str:
        """What judged, as ``blocksworld/pddl`` or ``z3-solver``."""
        ...

    @property
    def version(self) -> str:
        """Of what judged; it changes whenever a verdict can."""
        ...

    @property
    def strictness(self) -> str:
        """How strictly, in the words of the critic's kind; `UNSOUND` where wrong answers may be accepted."""
        ...

    @property
    def reads_whole(self) -> bool:
        """Whether it judges the whole completion, trace and close marker included, and not the answer alone."""
        ...

    def check(self, answer: str) -> Ruling:
        """The verdict on a text. Raises nothing for any text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who accepted an answer."""

    critic: str
    version: str
    strictness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRuling:
    """A bank's verdict."""

    accepted: bool
    messages: tuple[str, ...]
    """The faults, the first one first; each names its critic."""
    by: tuple[Acceptance, ...]
    """Every critic of the bank where all accepted, else empty."""

    def __post_init__(self) -> None:
        if self.accepted != bool(self.by):
            raise InvalidInput("an acceptance without a verifier, or a verifier without an acceptance; each needs the other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """Critics that judge together. With sound critics every accepted answer is right, as far as they go."""

    critics: tuple[Critic, ...]

    def __post_init__(self) -> None:
        if not self.critics:
            raise InvalidInput("a bank of no critics would accept everything; give at least one")

    @property
    def names(self) -> tuple[Acceptance, ...]:
        """Name, version and strictness of each critic."""
        return tuple(Acceptance(critic=one.name, version=one.version, strictness=str(one.strictness)) for one in self.critics)

    @property
    def is_sound(self) -> bool:
        """Whether no critic says of itself that it is not."""
        return all(one.strictness != UNSOUND for one in self.critics)

    def check(self, answer: str, whole: str | None = None) -> BankRuling:
        """The verdict of all critics; every one is asked, so that every fault is reported. ``whole``: the completion, where it is more."""
        messages: list[str] = []
        accepted = True
        for critic in self.critics:
            verdict = critic.check(answer if whole is None or not critic.reads_whole else whole)
            accepted = accepted and verdict.accepted
            messages += [f"{critic.name}: {text}" for text in verdict.messages]
            if not verdict.accepted and not verdict.messages:
                messages.append(f"{critic.name}: not accepted")
        return BankRuling(accepted=accepted, messages=tuple(messages), by=self.names if accepted else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCritic:
    """A critic made of a function of the answer's text, with constraints that the caller writes in Python."""

    name: str
    version: str
    strictness: str
    judge: Callable[[str], Ruling]
    reads_whole: bool = False

    def check(self, answer: str) -> Ruling:
        """What the function says."""
        return self.judge(answer)
