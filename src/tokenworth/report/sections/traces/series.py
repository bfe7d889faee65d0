"""Features of per-cut numbers: differences with outer intervals, states, outcome colours, metric bins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tokenworth.core.document import Number
from tokenworth.core.problem import Problem
from tokenworth.methods.curve.document import CurveDoc, VerdictsDoc
from tokenworth.report.palette import OTHER, STATES, bin_of
from tokenworth.report.sections.traces.model import FOLLOWS, MEASURED, MISSING, CurveView, MetricView, OutcomeView

OWN, OUTER = "limits of the change itself", "limits: most extreme combination of the two pointwise intervals"
NARROW = 0.05
"""Bounds that are no farther apart than this fall into one colour or two neighbours: their middle is coloured."""
SHOWN = 8
"""Series with a colour of their own; the rest are drawn together."""


def known(x: Number) -> Number:
    """``x``, or None where it is not a finite number."""
    return x if x is not None and math.isfinite(x) else None


def curve_view(doc: CurveDoc, verdicts: VerdictsDoc | None = None) -> CurveView:
    """The curve of a document with states and differences; ``verdicts``: what is shown of rollouts without one."""
    value = tuple(known(x) for x in doc.value)
    state = tuple(MISSING if v is None else MEASURED if n > 0 else FOLLOWS for v, n in zip(value, doc.n_started, strict=True))
    low, high = tuple(known(x) for x in doc.low), tuple(known(x) for x in doc.high)
    sums = _log_kept(doc)
    if doc.change is None or doc.change_low is None or doc.change_high is None:
        (delta, delta_low, delta_high, delta_from), limits = _differences(doc, value, low, high, sums), OUTER
    else:
        delta, delta_low, delta_high = (tuple(known(x) for x in part) for part in (doc.change, doc.change_low, doc.change_high))
        delta_from, limits = _before(doc.cuts, low), OWN
    recursion = doc.plan.name == "excursions"
    return CurveView(
        label=doc.value_label,
        level=doc.level,
        interval=doc.plan.interval,
        assumption=doc.plan.assumption,
        follows="follows from later cuts" if recursion else "from rollouts that began at other cuts",
        cuts=doc.cuts,
        value=value,
        low=low,
        high=high,
        n_started=doc.n_started,
        n_effective=tuple(known(x) for x in doc.n_effective),
        state=state,
        delta=delta,
        delta_low=delta_low,
        delta_high=delta_high,
        delta_from=delta_from,
        delta_limits=limits,
        leave=doc.leave,
        unsampled=doc.unsampled,
        band_low=None if doc.band_low is None else tuple(known(x) for x in doc.band_low),
        band_high=None if doc.band_high is None else tuple(known(x) for x in doc.band_high),
        band_level=doc.band_level,
        log_kept=None if sums is None else tuple(float(sums[cut]) for cut in doc.cuts),
        widened=None if sums is None else doc.widened,
        verdicts=verdicts,
    )


Numbers = tuple[Number, ...]


def _before(cuts: tuple[int, ...], low: Numbers) -> Numbers:
    """The cut with limits before each that has them."""
    found: list[Number] = []
    last: Number = None
    for cut, x in zip(cuts, low, strict=True):
        found.append(None if x is None else last)
        last = last if x is None else cut
    return tuple(found)


def within_limits(values: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Numbers to colour by: the middle of the limits where no draw gives a number and they are at most `NARROW` apart."""
    return tuple(
        (a + b) / 2 if x is None and a is not None and b is not None and b - a <= NARROW else x
        for x, a, b in zip(values, low, high, strict=True)
    )


def _differences(
    doc: CurveDoc, value: Numbers, low: Numbers, high: Numbers, sums: NDArray[np.float64] | None
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Δ to the previous cut with a value, its outer limits, and that cut.

    The limits are low − high' and high − low' (no independence assumed). Under the recursion |Δ| cannot exceed the
    probability of leaving the trace between the two cuts, so there they are clipped to it.
    """
    blank: list[Number] = [None] * len(value)
    delta, d_low, d_high, origin = blank[:], blank[:], blank[:], blank[:]
    last: int | None = None
    for i, v in enumerate(value):
        if v is None:
            continue
        if last is not None and (before := value[last]) is not None:
            # With p known within bounds, leaving is known to within what widens the limits: the same recursion bounds both.
            slack = 0.0 if doc.widened is None else doc.widened[last] or 0.0
            most = (1.0 if sums is None else float(-np.expm1(sums[doc.cuts[i]] - sums[doc.cuts[last]]))) + slack
            a, b, c, d = low[i], high[i], low[last], high[last]
            delta[i], origin[i] = v - before, doc.cuts[last]
            if a is not None and b is not None and c is not None and d is not None:
                d_low[i], d_high[i] = max(a - d, -most), min(b - c, most)
        last = i
    return tuple(delta), tuple(d_low), tuple(d_high), tuple(origin)


def _log_kept(doc: CurveDoc) -> NDArray[np.float64] | None:
    """The log probability of the trace up to each cut; None without the recursion or with a probability that is not known."""
    p = doc.trace.probabilities
    if doc.plan.name != "excursions" or p is None or any(x is None for x in p):
        return None
    filled = np.clip(np.array(p, dtype=np.float64), 1e-300, 1.0)
    return np.concatenate([[0.0], np.cumsum(np.log(filled))])


def metric(
    key: str,
    name: str,
    palette: str,
    values: Sequence[Number],
    *,
    scale: str,
    note: str,
    low: float = 0.0,
    high: float = 1.0,
    coloured: Sequence[Number] | None = None,
) -> MetricView:
    """A metric with its bins on the scale ``low`` to ``high``. ``coloured``: what the bins are of, where it is not the values."""
    return MetricView(
        key=key,
        name=name,
        scale=scale,
        note=note,
        low=low,
        high=high,
        palette=palette,  # pyright: ignore[reportArgumentType]
        values=tuple(values),
        bins=tuple(bin_of(x, low, high) for x in (values if coloured is None else coloured)),
    )


def per_unit(cuts: Sequence[int], values: Sequence[Number], n_units: int) -> list[Number]:
    """Numbers at cuts laid on the units before them: unit i has the number at cut i + 1, None where there is none."""
    laid: list[Number] = [None] * n_units
    for cut, x in zip(cuts, values, strict=True):
        if 1 <= cut <= n_units:
            laid[cut - 1] = known(x)
    return laid


def nice_limit(values: Iterable[Number]) -> float:
    """The smallest of 0.05, 0.1, 0.2, 0.5 and 1 that no value exceeds in size."""
    most = max((abs(x) for x in values if x is not None), default=0.0)
    return next((x for x in (0.05, 0.1, 0.2, 0.5) if most <= x), 1.0)


def outcome_views(totals: Mapping[str, int], verdicts: Mapping[str, str], problem: Problem | None) -> tuple[OutcomeView, ...]:
    """Outcomes in a fixed order: options, then other answers by count, then the unknown states; colours follow the order."""
    options = [o.label for o in problem.options] if problem else []
    # An option, or an answer with a verdict in an older file, may be called like a state.
    states = [x for x in STATES if x in totals and x not in options and verdicts.get(x, "unknown") == "unknown"]
    free = sorted((x for x in totals if x not in states and x not in options), key=lambda x: (-totals[x], x))
    places = {label: place if place < SHOWN else OTHER for place, label in enumerate([*options, *free])} | {x: STATES[x] for x in states}
    return tuple(
        OutcomeView(
            label=label,
            verdict="unknown" if label in states else _verdict(label, verdicts, problem),
            colour=colour,
            total=totals[label],
        )
        for label, colour in places.items()
        if label in totals
    )


def _verdict(label: str, verdicts: Mapping[str, str], problem: Problem | None) -> str:
    if label in verdicts:
        return verdicts[label]
    if problem is not None and problem.gold is not None:
        return "correct" if label == problem.gold else "incorrect"
    return "unknown"
