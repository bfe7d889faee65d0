"""What a user decides about a server, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


class Pricing(Protocol):
    """What tokens cost."""

    def cost(self, *, read: int, cached: int, generated: int) -> float:
        """Money for so many tokens; ``cached`` are among those read."""
        ...

    def at_most(self, *, read: int, generated: int) -> float:
        """The most that so many tokens can cost, whatever comes from a cache."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a request is tried. ``deadline_s``: for one whole reply; ``total_s``: for further attempts, from the first failure on."""

    deadline_s: float = 600.0
    connect_s: float = 10.0
    attempts: int = 8
    total_s: float = 300.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Limits of an endpoint, per minute; None is no limit. Tokens are those read and those that may be generated."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How a served model is reached.

    ``tokenizer``: folder or hub name; None: the model's own name is one. ``key_file``, ``key_variable``: where its key is.
    ``concurrency``: most requests in flight to one endpoint; ``n_most``: most rollouts of one request. ``switches``: variables of
    the chat template; ``now``: its clock, for templates that write the date into the prompt. ``price`` and ``max_usd``: what tokens
    cost, and the most that may be spent.
    """

    tokenizer: str | None = None
    key_file: str | None = None
    key_variable: str | None = None
    concurrency: int | None = None
    n_most: int | None = None
    patience: Patience = field(default_factory=Patience)
    rates: Rates = field(default_factory=Rates)
    switches: Mapping[str, Any] = field(default_factory=dict[str, Any])
    now: Callable[[], datetime] | None = None
    price: Pricing | None = None
    max_usd: float | None = None
