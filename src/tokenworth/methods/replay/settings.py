"""Which recorded loops are judged again, and by whom: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth import catalog
from tokenworth.core.measure import option


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """Judge recorded generate-and-test loops again.

    The verifier of a formal domain judges. A line is an object with prompt and steps, each with its plan and the verifier's recorded
    verdict. Exit code 0: every recorded verdict was found again; 1: one was not.
    """

    domain: str = option(argument=True, metavar="|".join(catalog.DOMAINS))
    """The formal domain of the plans."""
    dialect: str | None = None
    """Exact grammar of the texts. [default: the first of the domain]"""
