"""One trace as a row: its features and its curve, before any label."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from tokenworth.core.document import TraceDoc, numbers
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.table import trace_id
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.survey.document import SurveyRow
from tokenworth.methods.survey.exits import exits_of
from tokenworth.methods.survey.features import COMMITTED, NAMES
from tokenworth.methods.survey.packed import packed
from tokenworth.methods.survey.readings import Readings, of_curve, of_exit
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.stats.commitment import commitments, relapses
from tokenworth.stats.shapes import (
    EDGE,
    at_positions,
    decimals_of,
    entropy,
    filled,
    leaders,
    n_changes,
    rounded_bounds,
    shape_of,
    smoothed,
    variation,
)
from tokenworth.tasks.domains import domain_of

TITLE = 100


def rows_of(document: ForcedDoc | CurveDoc | SampleSetDoc, settings: SurveySettings) -> list[SurveyRow]:
    """The rows of a document: one of a curve, one for each answer of a sample."""
    if isinstance(document, SampleSetDoc):
        return [_row(document.problem, document.model.name, trace, "length") for trace in document.traces]
    if isinstance(document, ForcedDoc):
        exits, kind = [of_exit(one).known() for one in document.exits], "forced"
    else:
        exits, kind = [of_curve(document).known()], "value"
    row = _row(document.problem, document.model.name, document.trace, kind)
    if not exits or not len(exits[0].cuts) or not exits[0].options:
        return [row]
    return [_with_curve(row, exits, settings)]


def question_key(problem: Problem | None, fallback: str) -> str:
    """16 hex digits that name a question by its words and options."""
    words = fallback if problem is None else "\n".join([problem.question, *(f"{one.label} {one.text}" for one in problem.options)])
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _row(problem: Problem | None, model: str, trace: TraceDoc, kind: str) -> SurveyRow:
    ident = trace_id(model, trace)
    title = "" if problem is None else " ".join(problem.question.split())
    return SurveyRow(
        id=ident,
        problem=ident if problem is None else problem.id,
        question=question_key(problem, ident),
        subject="" if problem is None else problem.task,
        title=title if len(title) <= TITLE else title[: TITLE - 1] + "…",
        model=model,
        kind=kind,
        gold=None if problem is None else problem.gold,
        own=None,
        stated=trace.outcome,
        correct=None,
        verdict=trace.verdict,
        tokens=len(trace.pieces),
        answer_tokens=len(trace.answer_pieces),
        closed=_is_closed(trace),
        label=None,
        margin=None,
        is_open=False,
        twin=None,
        twin_margin=None,
        features=tuple(float(len(trace.pieces)) if name == "tokens" else None for name in NAMES),
        committed_after=(None,) * len(COMMITTED),
        relapsed=(False,) * len(COMMITTED),
        solver_length=None if problem is None else _solver_length(problem),
    )


def _is_closed(trace: TraceDoc) -> bool:
    """Whether a trace has an end: a sampled one that has no close marker is followed by a stop token or by nothing."""
    if trace.stop == "length":
        return bool(trace.answer_pieces)
    return trace.stop != "stop" or trace.ids is None or len(trace.answer_pieces) > 1


@lru_cache(maxsize=4096)
def _solver_length(problem: Problem) -> int | None:
    """Words of what the solver writes on a formal problem; None for others."""
    domain = domain_of(problem)
    if domain is None or domain.solve is None or problem.kind is not AnswerKind.PLAN:
        return None
    return len(domain.solve(problem).trace.split())


# -- with a curve ---------------------------------------------------------------------------------------------------------------------


def _with_curve(bare: SurveyRow, exits: Sequence[Readings], settings: SurveySettings) -> SurveyRow:
    """The row with features and curve; labels rest on the first exit text."""
    readings = exits[0]
    leader = leaders(readings.probability)
    own = int(leader[-1])
    gold = readings.options.index(bare.gold) if bare.gold is not None and bare.gold in readings.options else None
    found, after, relapsed = _features(readings, leader, own, gold, max(1, bare.tokens), settings)
    found["tokens"] = float(bare.tokens)
    found["spread"] = _spread(exits, own if gold is None else gold, settings.points)
    where = at_positions(readings.cuts, settings.points)
    shares = readings.shares[where]
    held = "" if readings.held is None else "".join("01"[int(one)] for one in readings.held[where])
    stops, right = exits_of(readings, gold, max(1, bare.tokens), settings.least_mass)
    return replace(
        bare,
        exits=stops,
        exit_right=right,
        own=readings.options[own],
        correct=None if gold is None else own == gold,
        features=numbers(found.get(name, np.nan) for name in NAMES),
        committed_after=numbers(after),
        relapsed=relapsed,
        options=readings.options,
        probability=tuple(packed(column) for column in readings.probability[where].T),
        curve="" if gold is None else packed(shares[:, gold]),
        own_curve=packed(shares[:, own]),
        mass=packed(np.minimum(readings.mass[where], 1.0)),
        held=held,
    )


def _features(
    readings: Readings, leader: Int[np.ndarray, " cut"], own: int, gold: int | None, n_trace: int, settings: SurveySettings
) -> tuple[dict[str, float], Float[np.ndarray, " definition"], tuple[bool, ...]]:
    """Features by name, the lower ends of the commitment times, and whether the trace relapses after each."""
    cuts, index = filled(readings.cuts, np.arange(len(readings.cuts), dtype=np.float64))
    even = readings.at(index.astype(np.int64))
    shares, leads = even.shares, leader[index.astype(np.int64)]
    found = _of_share(shares[:, own], "own_")
    if gold is not None:
        found |= _of_share(shares[:, gold], "")
        found |= {"starts_right": float(leader[0] == gold), "ends_right": float(leader[-1] == gold), "slack": _slack(even, gold)}
    differs = (leads != leads[-1]).astype(np.float64)
    found |= {
        "same_option": float(leader[0] == leader[-1]),
        "flips": float(n_changes(leader)),
        "variation": variation(shares),
        "entropy": float(entropy(shares).mean()),
        "aoc": float((differs[1:] + differs[:-1]).mean() / 2) if len(differs) > 1 else 0.0,
        "mass_median": float(np.median(even.mass)),
        "mass_min": float(even.mass.min()),
        "low_mass": float((even.mass < settings.least_mass).mean()),
        "readings": float(len(readings.cuts) if readings.held is None else np.count_nonzero(~readings.held)),
        "held": 0.0 if readings.held is None else float(readings.held.mean()),
    }
    measured = readings.cuts if readings.held is None else readings.cuts[~readings.held]
    voting = np.where(even.mass >= settings.least_mass, leads, -1)
    at = commitments(shares[:, own], voting)
    times, after = _committed(cuts, at, measured, n_trace)
    relapsed = tuple(one >= 0 and relapses(shares[:, own], one) for one in at.tolist())
    return found | dict(zip(COMMITTED, times.tolist(), strict=True)), after, relapsed


def _of_share(share: Float[np.ndarray, " cut"], prefix: str) -> dict[str, float]:
    shape = shape_of(share)
    named = {"start": shape.start, "end": shape.end, "gain": shape.gain, "range": shape.range}
    if not prefix:
        named |= {"path": shape.length, "efficiency": shape.efficiency, "rise": shape.rise, "fall": shape.fall}
    return {f"{prefix}{name}": value for name, value in named.items()}


def _slack(readings: Readings, gold: int) -> float:
    """By how much gain or range can be off because probabilities are rounded; 0 where they are not.

    A running median keeps the order of curves, so that those of the bounds bound the median of the truth.
    """
    decimals = decimals_of(readings.probability)
    if decimals is None:
        return 0.0
    least, most = (smoothed(side[:, gold]) for side in rounded_bounds(readings.probability, 0.5 * 10**-decimals))
    edge = max(1, round(EDGE * len(least)))
    shape = shape_of(readings.shares[:, gold])
    gains = (least[-edge:].mean() - most[:edge].mean(), most[-edge:].mean() - least[:edge].mean())
    ranges = (max(0.0, least.max() - most.min()), most.max() - least.min())
    return float(max(abs(side - value) for sides, value in ((gains, shape.gain), (ranges, shape.range)) for side in sides))


def _committed(
    cuts: Int[np.ndarray, " cut"], at: Int[np.ndarray, " definition"], measured: Int[np.ndarray, " reading"], n_trace: int
) -> tuple[Float[np.ndarray, " definition"], Float[np.ndarray, " definition"]]:
    """Commitment times as shares of the trace, and the last cuts that were measured before them; NaN for never."""
    cut = cuts[np.maximum(at, 0)]
    before = np.searchsorted(measured, cut, side="left") - 1
    after = np.where(before >= 0, measured[np.maximum(before, 0)], cut) if len(measured) else cut
    return np.where(at >= 0, cut / n_trace, np.nan), np.where(at >= 0, after / n_trace, np.nan)


def _spread(exits: Sequence[Readings], option: int, points: int) -> float:
    """Mean range over the exit texts of the share of an option; NaN for one exit text."""
    fitting = [one for one in exits if len(one.cuts) and one.options == exits[0].options]
    if len(fitting) < 2:
        return float("nan")
    curves = np.stack([one.shares[at_positions(one.cuts, points), option] for one in fitting])
    return float(np.ptp(curves, axis=0).mean())
