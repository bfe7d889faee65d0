"""One number with its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with the limits of its interval; None where there is no number."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None = None
    """What the limits rest on: draws, or whatever the unit of the sample is."""
    k: int | None = None
    """How many of the ``n``, where the value is their share."""

    @classmethod
    def of(cls, value: float, low: float, high: float, *, n: int | None = None, k: int | None = None) -> Estimate:
        """The estimate of floats; NaN and infinities become None."""
        known = [float(x) if isfinite(x) else None for x in (value, low, high)]
        return cls(value=known[0], low=known[1], high=known[2], n=n, k=k)

    def __iter__(self) -> Iterator[float | None]:
        return iter((self.value, self.low, self.high))


def check_level(level: float) -> None:
    """Refuses a level that intervals cannot have."""
    if not (isfinite(level) and 0.5 <= level < 1):
        raise InvalidInput(f"level {level}: expected a number from 0.5 to below 1, such as 0.95")
