"""Made curves whose every number is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tokenworth.core.document import About, ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import Option, Problem
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.methods.survey.derive import survey_document
from tokenworth.methods.survey.document import SurveyDoc
from tokenworth.methods.survey.settings import SurveySettings

ABOUT = About(provenance=Provenance(version="0"))
NOWHERE = Provenance(version="0")


def forced(
    columns: Sequence[Sequence[float | None]],
    *,
    name: str = "q",
    gold: str | None = "A",
    subject: str = "s",
    question: str | None = None,
    exits: int = 1,
    stop: str = "stop",
    answer: tuple[str, ...] = ("(", "A", ")"),
    held: Sequence[bool] | None = None,
    words: str = "w",
    **more: Any,
) -> ForcedDoc:
    """A trace with one reading at each of its cuts 0 to T; a column for each option."""
    n = len(columns[0]) - 1
    labels = tuple("ABCDEFGH"[: len(columns)])
    exit_ = ExitDoc(
        name="e",
        text=")",
        cuts=tuple(range(n + 1)),
        options=labels,
        probability=tuple(tuple(column) for column in columns),
        mass=tuple(float(sum(x or 0.0 for x in at)) for at in zip(*columns, strict=True)),
        held=None if held is None else tuple(held),
    )
    return ForcedDoc(
        problem=Problem(
            id=name,
            question=question or f"question {name}?",
            options=tuple(Option(label=x, text=x) for x in labels),
            gold=gold,
            task=subject,
        ),
        model=ModelDoc(name="m"),
        trace=TraceDoc(
            unit="token",
            pieces=tuple(f"{words}{i} " for i in range(n)),
            answer_pieces=answer,
            outcome="A",
            verdict="correct",
            stop=stop,
            **more,
        ),
        exits=(exit_,) * exits,
        provenance=NOWHERE,
    )


def two(first: Sequence[float], **more: Any) -> ForcedDoc:
    """Two options that share all of the mass."""
    return forced([list(first), [1 - x for x in first]], **more)


def survey(*documents: Any, **settings: Any) -> SurveyDoc:
    return survey_document(documents, SurveySettings(**settings), ABOUT)


def step(low: float, high: float, n: int = 100, at: float = 0.5) -> list[float]:
    return np.where(np.arange(n) < at * n, low, high).tolist()
