"""First errors as a document: a table for each model and problem."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.core.document import ModelDoc, Provenance
from tokenworth.methods.first_errors.rows import FirstError


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstErrorTable:
    """The draws of one model on one problem by their first error."""

    model: ModelDoc
    problem: str
    n: int
    """Draws."""
    rows: tuple[FirstError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstErrorsDoc:
    """How often each first error occurs, and P(correct) just before and just after it."""

    schema: str = "tokenworth.first-errors/1"
    level: float
    """Of the intervals of right answers; the curves have their own."""
    tables: tuple[FirstErrorTable, ...]
    provenance: Provenance
