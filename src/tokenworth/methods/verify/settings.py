"""Which formal traces are checked, and how: what a user decides."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth import catalog
from tokenworth.core.measure import option
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """Check formal traces against the rules of their domain.

    A line is an object with id and text, or id, prompt and trace, or a data set's own fields; the file - is standard input. Exit code 0:
    all are valid; 1: some are not; 2: could not run, or some lines could not be read. Unreadable lines are reported and skipped; all
    others are checked. The JSON is a line for each text.
    """

    domain: str = option(argument=True, metavar="|".join(catalog.DOMAINS))
    """The formal domain of the traces."""
    dialect: str | None = None
    """Exact grammar of the texts. [default: the first of the domain; an unknown name lists them]"""
    strictness: str | None = option(None, metavar="|".join(Strictness))
    """How strictly traces are checked: paper, the error classes of the literature; strict, every rule; strict+ties, also the order of equal
    choices. [default: strict, where it fits the dialect]"""
    max_errors: int = 100
    """Errors listed per text; all are counted."""
    table: bool = False
    """Print the table of trace validity by answer, as confusion does."""

    def __post_init__(self) -> None:
        if self.max_errors < 0:
            raise InvalidInput(f"max errors {self.max_errors}: expected 0 or more errors listed per text")
