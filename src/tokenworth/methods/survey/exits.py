"""Rules that stop a trace early, on all traces of a survey: what they would have answered, and what they would have saved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.methods.survey.document import ExitRow
from tokenworth.methods.survey.readings import Readings
from tokenworth.methods.survey.tables import Columns
from tokenworth.stats.by_cluster import mean_of, share_of
from tokenworth.stats.exits import RULES, stops_at
from tokenworth.stats.shapes import at_positions, leaders

MOST_READINGS = 200
"""A rule reads at most so many cuts of a trace, evenly spaced."""


def exits_of(readings: Readings, gold: int | None, n_trace: int, least_mass: float) -> tuple[tuple[float, ...], tuple[bool | None, ...]]:
    """Of each rule the share of the trace that is written, and whether the answer there is gold; the last reading where it never stops."""
    some = readings.at(np.unique(at_positions(readings.cuts, min(MOST_READINGS, len(readings.cuts)))))
    leader, says = leaders(some.probability), some.mass >= least_mass
    stops = [stops_at(rule, some.shares, says) for rule in RULES]
    shares = tuple(float(some.cuts[stop]) / n_trace if stop >= 0 else 1.0 for stop in stops)
    return shares, tuple(None if gold is None else bool(leader[stop] == gold) for stop in stops)


def exit_rows(columns: Columns, level: float, rng: np.random.Generator) -> Iterator[ExitRow]:
    """Accuracy and tokens saved of each rule, over the traces with gold and a curve; the difference to the whole trace is paired."""
    which = [i for i, row in enumerate(columns.rows) if row.exits and row.correct is not None]
    if not which:
        return
    question = columns.question[which]
    whole = np.asarray([bool(columns.rows[i].correct) for i in which], dtype=np.bool_)
    for number, rule in enumerate(RULES):
        right = np.asarray([bool(columns.rows[i].exit_right[number]) for i in which], dtype=np.bool_)
        written = np.asarray([columns.rows[i].exits[number] for i in which], dtype=np.float64)
        yield ExitRow(
            rule=str(rule),
            accuracy=share_of(right, question, level),
            difference=mean_of(right.astype(np.float64) - whole.astype(np.float64), question, level=level, rng=rng),
            saved=mean_of(1 - written, question, level=level, rng=rng),
            lost=int((whole & ~right).sum()),
            gained=int((right & ~whole).sum()),
        )
