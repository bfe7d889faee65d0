"""The share of rollouts without a verdict, as it stands beside a value."""

from __future__ import annotations

MATTERS = 0.05
"""A share of this or more stands beside every value that counts all rollouts."""


def percent(x: float) -> str:
    """A share in whole percent; neither 0% nor 100% where it is not."""
    return "<1%" if 0 < x < 0.005 else ">99%" if 0.995 < x < 1 else f"{x:.0%}"


def beside(x: float | None) -> str:
    """What stands beside a value: the share without a verdict where it matters, or nothing."""
    return f"{percent(x)} no verdict" if x is not None and x >= MATTERS else ""
