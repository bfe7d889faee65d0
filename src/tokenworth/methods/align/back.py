"""Answers that a trace states, and whether it goes back on the first of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokenworth.methods.align.document import BackRow
from tokenworth.methods.align.patterns import mentions
from tokenworth.methods.align.traces import AlignedTrace
from tokenworth.stats.by_cluster import quantile_of, share_of


def gone_back(traces: Sequence[AlignedTrace], level: float, rng: np.random.Generator) -> BackRow | None:
    """Over the traces of problems with options; None where there is none. The answer at the end is the one that was written, or else the
    last one that is stated."""
    with_options = [one for one in traces if one.problem is not None and one.problem.labels]
    if not with_options:
        return None
    rows: list[tuple[str, bool, str, str | None, float]] = []
    for trace in with_options:
        said = list(mentions(trace))
        if not said or trace.problem is None:
            continue
        first, last = said[0][0], trace.own if trace.own in trace.problem.labels else said[-1][0]
        rows.append(
            (trace.question, any(label != first for label, _ in said), f"{first}\0{last}", trace.problem.gold, said[0][1][0] / trace.n)
        )
    names = {name: number for number, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    question = np.asarray([names[row[0]] for row in rows], dtype=np.int64)
    again = np.asarray([row[1] for row in rows], dtype=np.bool_)
    ends = [row[2].split("\0") for row in rows]
    other = np.asarray([first != last for first, last in ends], dtype=np.bool_)
    gold = [row[3] for row in rows]
    return BackRow(
        traces=len(with_options),
        stating=len(rows),
        back=share_of(again, question, level),
        other_at_end=share_of(other, question, level),
        back_and_forth=share_of(again & ~other, question, level),
        rescued=sum(first != last == right for (first, last), right in zip(ends, gold, strict=True)),
        lost=sum(last != first == right for (first, last), right in zip(ends, gold, strict=True)),
        at=quantile_of(np.asarray([row[4] for row in rows], dtype=np.float64), question, 0.5, level=level, rng=rng),
    )
