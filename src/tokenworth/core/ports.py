"""What the driver needs from the outside world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tokenworth.core.request import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can answer. A method that needs more refuses, by name."""

    leave: bool
    """Can draw a first token other than the base's, exactly."""
    next_token: bool
    """Gives q_c, exactly."""
    read: bool
    """Gives log-probabilities of continuations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request and its content key; a rollout's randomness comes from the key alone."""

    key: str
    request: Request


@runtime_checkable
class Backend(Protocol):
    """Answers requests of one model."""

    @property
    def name(self) -> str:
        """How the user named the model."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides the model's distribution."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this backend can answer."""
        ...

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        """Yields (key, response) in any order, each as soon as it is known."""
        ...


@runtime_checkable
class Store(Protocol):
    """Keeps responses by content key, append-only."""

    def get(self, keys: Sequence[str]) -> Mapping[str, Response]:
        """The stored responses among ``keys``."""
        ...

    def put(self, key: str, request: Request, response: Response) -> None:
        """Keeps a response; a key that is already there stays as it is."""
        ...

    def flush(self) -> None:
        """Returns once everything put so far survives a crash of this process."""
        ...
