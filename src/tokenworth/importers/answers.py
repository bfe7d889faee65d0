"""Sampled answers of other tools as sets of samples: what their importers share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import Problem
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.stats.proportion import share

LEVEL = 0.95
NOT_GRADED = "not graded"
"""Outcome of an answer of which the source does not say what it came to."""
NO_IDS = (
    "The source keeps texts, not token ids: a unit is a line or more, and encoded again it need not be what the model wrote. "
    "Say so where you measure on it."
)
_WALL = re.compile(r"</think>|<\|end_of_thinking\|>|</thinking>")
_OPEN = re.compile(r"\s*<think(?:ing)?>\n?")
_PARAGRAPH = re.compile(r"(?<=\n)(?=[^\n])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. ``correct``: None where the source does not say."""

    trace: str
    text: str
    outcome: str
    correct: bool | None
    stop: str = ""


def parted(text: str) -> tuple[str, str]:
    """(trace, answer) of a completion: what stands before the mark that closes a trace; without one all of it is the answer."""
    wall = _WALL.search(text)
    return ("", text) if wall is None else (text[: wall.start()], text[wall.start() :])


def pieces_of(text: str) -> tuple[str, ...]:
    """The text cut where a line begins after others have ended; the pieces join to it again."""
    return tuple(_PARAGRAPH.split(text)) if text else ()


def set_of(
    answers: Sequence[Answer], *, problem: Problem | None, prompt: str, model: str, source: str, notes: Sequence[str]
) -> SampleSetDoc:
    """The answers to one problem. Accuracy is that of all answers, as `sample` counts it; none where no answer has a verdict."""
    right, known = sum(one.correct is True for one in answers), sum(one.correct is not None for one in answers)
    found = share(right, len(answers), LEVEL)
    return SampleSetDoc(
        problem=problem,
        model=ModelDoc(name=model or "unknown"),
        sampling=None,
        seed=None,
        accuracy=found.value if known else None,
        low=found.low if known else None,
        high=found.high if known else None,
        level=LEVEL,
        n=len(answers),
        outcomes=dict(Counter(one.outcome for one in answers)),
        length_correlation=None,
        length_correlation_low=None,
        length_correlation_high=None,
        chosen=None,
        traces=tuple(_trace(one, prompt) for one in answers),
        rollouts=len(answers),
        generated_tokens=0,
        provenance=Provenance(version=__version__, source=source),
        notes=(
            *notes,
            NO_IDS,
            *([f"{len(answers) - known} of {len(answers)} answers have no verdict in the source"] * (known < len(answers))),
        ),
    )


def _trace(one: Answer, prompt: str) -> TraceDoc:
    verdict = "unknown" if one.correct is None else "correct" if one.correct else "incorrect"
    return TraceDoc(
        unit="sentence",
        pieces=pieces_of(one.trace),
        answer_pieces=pieces_of(one.text),
        prompt=prompt,
        outcome=one.outcome,
        verdict=verdict,
        stop=one.stop,
    )
