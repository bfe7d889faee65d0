"""Answers that a trace states, and whether it goes back on the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.methods.align.document import BackRow
from tokenworth.methods.align.patterns import mentions
from tokenworth.methods.align.traces import AlignedTrace
from tokenworth.stats.by_cluster import quantile_of, share_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """What one trace states, in order."""

    question: str
    labels: list[str]
    last: str
    gold: str | None
    at: float


def gone_back(traces: Sequence[AlignedTrace], level: float, rng: np.random.Generator) -> BackRow | None:
    """Over the traces of problems with options; None where there is none. The answer at the end is the one that was written, or else the
    last one that is stated."""
    with_options = [one for one in traces if one.problem is not None and one.problem.labels]
    if not with_options:
        return None
    rows: list[_Stated] = []
    for trace in with_options:
        said = list(mentions(trace))
        if said and trace.problem is not None:
            last = trace.own if trace.own in trace.problem.labels else said[-1][0]
            labels = [label for label, _ in said]
            rows.append(
                _Stated(question=trace.question, labels=labels, last=last or "", gold=trace.problem.gold, at=said[0][1][0] / trace.n)
            )
    names = {name: number for number, name in enumerate(dict.fromkeys(row.question for row in rows))}
    question = np.asarray([names[row.question] for row in rows], dtype=np.int64)
    again = np.asarray([any(label != row.labels[0] for label in row.labels) for row in rows], dtype=np.bool_)
    other = np.asarray([row.labels[0] != row.last for row in rows], dtype=np.bool_)
    return BackRow(
        traces=len(with_options),
        stating=len(rows),
        back=share_of(again, question, level),
        other_at_end=share_of(other, question, level),
        back_and_forth=share_of(again & ~other, question, level),
        rescued=sum(row.labels[0] != row.last == row.gold for row in rows),
        lost=sum(row.last != row.labels[0] == row.gold for row in rows),
        at=quantile_of(np.asarray([row.at for row in rows], dtype=np.float64), question, 0.5, level=level, rng=rng),
    )
