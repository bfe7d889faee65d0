"""The spread as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.laws.toy_measure.result import SpreadResult
from tests.laws.toy_measure.settings import SpreadSettings
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.estimate import Estimate
from tokenworth.core.measure import Done
from tokenworth.core.problem import Problem
from tokenworth.core.table import Table
from tokenworth.errors import InvalidInput
from tokenworth.stats.proportion import share


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDoc:
    """One answer."""

    answer: str
    share: Estimate
    """Of all answers counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadDoc:
    """The answers to one problem."""

    schema: str = "tokenworth.spread/1"
    problem: Problem | None
    model: ModelDoc
    n: int
    """Answers counted."""
    answers: tuple[AnswerDoc, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        if self.n < len(self.answers):
            raise InvalidInput(f"n is {self.n}, expected at least the number of different answers, {len(self.answers)}")


def spread_document(done: Sequence[Done], settings: SpreadSettings, about: About) -> SpreadDoc:
    """The document of one problem."""
    result: SpreadResult = done[0].result
    n = int(result.counts.sum())
    answers = tuple(
        AnswerDoc(answer=answer, share=share(int(k), n, settings.level)) for answer, k in zip(result.answers, result.counts, strict=True)
    )
    return SpreadDoc(problem=about.problem, model=about.model, n=n, answers=answers, provenance=about.provenance)


def answer_table(doc: SpreadDoc) -> Table:
    """A row for each answer."""
    return Table(columns={"answer": "text", "share": "float"}, rows=((one.answer, one.share.value) for one in doc.answers))
