"""What the driver needs from the outside world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tokenworth.core.request.kind import Request, Response
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can answer. A method that needs more refuses, by name."""

    kinds: frozenset[str]
    """Names of the request kinds that it answers (`tokenworth.catalog.REQUESTS`)."""
    leave: bool
    """Can draw a first token other than the base's, exactly."""
    avoid: bool = False
    """Can draw a first token outside a given set, too, and gives q_c of the likeliest ones exactly."""
    any_cut: bool = True
    """Can start at every cut; False where prefixes travel as text, which not every cut survives."""
    exact_ids: bool = True
    """Rollouts come as the ids that were sampled; False where they come as text, encoded again: other boundaries are possible."""
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Request kind that is not answered, or field that is False -> why: what the server or model does not do."""

    def can(self, what: str) -> bool:
        """Whether it answers the request kind, or has the feature, of that name."""
        return what in self.kinds or getattr(self, what, False) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a backend has used since it was made. Tokens are those of the model: read (cached ones included), generated.

    ``retried``: requests sent again after a transport failure. ``errors``: replies that could not be used. ``money``: in the unit
    of the price table, None without one. ``in_flight``: requests under way now.
    """

    requests: int = 0
    retried: int = 0
    errors: int = 0
    tokens_read: int = 0
    tokens_cached: int = 0
    tokens_generated: int = 0
    money: float | None = None
    in_flight: int = 0

    @classmethod
    def together(cls, several: Sequence[Spent]) -> Spent:
        """What several backends have used."""
        names = ("requests", "retried", "errors", "tokens_read", "tokens_cached", "tokens_generated", "in_flight")
        money = [one.money for one in several if one.money is not None]
        return cls(money=sum(money) if money else None, **{name: sum(getattr(one, name) for one in several) for name in names})


@runtime_checkable
class Recorded(Protocol):
    """A backend that knows its model by what a server does, and keeps a record of that."""

    def record(self) -> Mapping[str, object]:
        """The capability record, JSON-shaped."""
        ...

    def is_same_model(self, record: object) -> bool:
        """Whether an earlier record can be of the same model: its readings agree with the present ones."""
        ...

    def changes(self, record: object) -> tuple[str, ...]:
        """The findings of an earlier record that are others now, each as what was and what is; readings are not among them."""
        ...

    def kept(self) -> Sequence[Mapping[str, object]]:
        """What a later run needs to know so as not to find everything out again, JSON-shaped."""
        ...

    @property
    def warning(self) -> str:
        """What is to be told before anything is drawn; nothing as a rule."""
        ...

    @property
    def probed(self) -> Spent:
        """What finding it out used."""
        ...


@runtime_checkable
class Reaches(Protocol):
    """A backend that cannot start at every cut (`Capabilities.any_cut` is False) and knows at which it can."""

    def reachable(self, sequence: TokenSequence, cuts: Sequence[int], suffix: tuple[int, ...] = ()) -> tuple[bool, ...]:
        """Whether the prefix at each cut, with ``suffix`` after it, reaches the model as these ids."""
        ...


@runtime_checkable
class Weighs(Protocol):
    """A backend that says how many tokens a request can cost; one that answers each cut with a separate request reads more."""

    def most_tokens(self, request: Request) -> tuple[int, int]:
        """Tokens read and tokens generated, at most."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A backend that keeps count of what it uses."""

    def spent(self) -> Spent:
        """The counts so far."""
        ...


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


def check_kind(backend: Backend, request: Request) -> None:
    """Nothing where the backend answers requests of this kind.

    Raises ``Unsupported`` naming the kind, the model and what it does answer.
    """
    able, kind = backend.capabilities, request.name
    if kind not in able.kinds:
        why = able.lacks.get(kind) or request.without
        why = f" ({why})" if why else ""
        raise Unsupported(
            f"{backend.name} cannot answer a {kind} request{why}; it answers {', '.join(sorted(able.kinds)) or 'none that is known'}"
        )


@runtime_checkable
class Streaming(Protocol):
    """A backend that takes requests one by one as it has room, so that it stays full while experiments come and go."""

    def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        """As `Backend.answer`; takes no more requests than it can soon begin, in order.

        None means that there is nothing now: the next answer may bring more. It is asked for an answer only while one is due.
        """
        ...


@runtime_checkable
class Checks(Protocol):
    """A backend that can say beforehand that it will not answer a request, which then spoils no others."""

    def check(self, request: Request) -> None:
        """Raises what `Backend.answer` would."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A backend that can be asked to begin nothing more, and to give what is under way.

    Breaking off what is under way would keep the answers that came quickly and lose the others: drawn anew by a server that does
    not repeat its draws, they would favour short rollouts.
    """

    def stop(self) -> None:
        """Begins nothing more; the iterator of answers gives what is under way and ends."""
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
