"""What all rows of a survey say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import numbers
from tokenworth.core.estimate import Estimate
from tokenworth.methods.survey.document import (
    Agreement,
    Commitment,
    LabelShare,
    MapCell,
    StartEnd,
    SubjectRow,
    SurveyRow,
)
from tokenworth.methods.survey.features import COMMITTED, NAMES
from tokenworth.methods.survey.labels import RULES, RuleDoc, matched
from tokenworth.stats.by_cluster import mean_of, quantile_of, ranks, share_of
from tokenworth.stats.commitment import DEFINITIONS

MAP_STEPS = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Thresholds of the map of shares."""
APART = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """The rows as arrays. ``question`` numbers questions, ``subject`` subjects."""

    rows: Sequence[SurveyRow]
    by_name: dict[str, Float[np.ndarray, " row"]]
    question: Int[np.ndarray, " row"]
    subject: Int[np.ndarray, " row"]
    has_curve: Bool[np.ndarray, " row"]
    has_gold: Bool[np.ndarray, " row"]

    @property
    def n_timed(self) -> int:
        """Rows whose readings are known one by one, so that commitments are."""
        return int(np.isfinite(self.by_name["readings"]).sum())

    @classmethod
    def of(cls, rows: Sequence[SurveyRow]) -> Columns:
        """The arrays of rows."""
        table = np.asarray([[np.nan if x is None else x for x in row.features] for row in rows], dtype=np.float64)
        table = table.reshape(len(rows), len(NAMES))
        columns = dict(zip(NAMES, table.T, strict=True))
        return cls(
            rows=rows,
            by_name=columns,
            question=_numbered([row.question for row in rows]),
            subject=_numbered([row.subject for row in rows]),
            has_curve=np.isfinite(columns["same_option"]),
            has_gold=np.isfinite(columns["ends_right"]),
        )


def _numbered(names: Sequence[str]) -> Int[np.ndarray, " row"]:
    known: dict[str, int] = {}
    return np.asarray([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def label_shares(
    rules: Sequence[RuleDoc],
    found: Int[np.ndarray, " row"],
    is_open: Bool[np.ndarray, " row"],
    question: Int[np.ndarray, " row"],
    level: float,
) -> tuple[LabelShare, ...]:
    """The share of each label among the rows that have one."""
    return tuple(
        LabelShare(
            label=rule.label, share=share_of(found == number, question, level), n_open=int(np.count_nonzero(is_open & (found == number)))
        )
        for number, rule in enumerate(rules)
    )


def share_map(columns: Columns, thresholds: dict[str, float]) -> tuple[MapCell, ...]:
    """Shares of the labels with gold over a grid of thresholds; empty where no row has gold."""
    which = columns.has_gold
    n = int(which.sum())
    some = {name: values[which] for name, values in columns.by_name.items()}

    def cells() -> Iterator[MapCell]:
        for gain in MAP_STEPS:
            for extent in MAP_STEPS:
                found = matched(RULES, {**thresholds, "gain": gain, "range": extent}, some, n)
                shares = np.bincount(found, minlength=len(RULES)) / n
                yield MapCell(gain=gain, range=extent, shares=tuple(float(x) for x in shares))

    return tuple(cells()) if n else ()


def start_end(columns: Columns, level: float) -> StartEnd:
    """Where traces begin and end, and how many never change."""
    curve, gold = columns.has_curve, columns.has_gold
    starts, ends = (columns.by_name[name][gold] > 0.5 for name in ("starts_right", "ends_right"))
    same, flips, question = columns.by_name["same_option"][curve] > 0.5, columns.by_name["flips"][curve], columns.question[curve]
    return StartEnd(
        right_right=int((starts & ends).sum()),
        right_wrong=int((starts & ~ends).sum()),
        wrong_right=int((~starts & ends).sum()),
        wrong_wrong=int((~starts & ~ends).sum()),
        n=int(gold.sum()),
        same_option=share_of(same, question, level),
        never_changes=share_of(flips == 0, question, level),
    )


def subject_rows(columns: Columns, level: float, rng: np.random.Generator) -> Iterator[SubjectRow]:
    """The traces with gold by their subject; nothing where they have one only."""
    names = sorted({row.subject for row, gold in zip(columns.rows, columns.has_gold.tolist(), strict=True) if gold})
    for name in names if len(names) > 1 else ():
        which = columns.has_gold & np.asarray([row.subject == name for row in columns.rows], dtype=np.bool_)
        starts, ends, flips = (columns.by_name[one][which] for one in ("starts_right", "ends_right", "flips"))
        question = columns.question[which]
        yield SubjectRow(
            subject=name,
            n=int(which.sum()),
            starts=share_of(starts > 0.5, question, level),
            ends=share_of(ends > 0.5, question, level),
            difference=mean_of(ends - starts, question, level=level, rng=rng),
            never_changes=share_of(flips == 0, question, level),
            labels=dict(Counter(columns.rows[i].label or "none" for i in np.flatnonzero(which).tolist()).most_common()),
        )


def closure(rows: Sequence[SurveyRow], question: Int[np.ndarray, " row"], level: float) -> Estimate:
    """Share of the rows whose leading option at the last cut is not the option that was written; over rows that have both."""
    both = np.asarray([row.own is not None and row.stated is not None and row.stated in row.options for row in rows], dtype=np.bool_)
    differs = np.asarray([row.own != row.stated for row in rows], dtype=np.bool_)
    return share_of(differs[both], question[both], level)


def commitment_tables(columns: Columns, level: float, rng: np.random.Generator) -> tuple[tuple[Commitment, ...], tuple[Agreement, ...]]:
    """Each definition over the traces with a curve, and each pair of definitions."""
    times = {name: columns.by_name[name] for name in COMMITTED}
    found = tuple(_commitment(columns, index, definition, level, rng) for index, definition in enumerate(DEFINITIONS) if columns.n_timed)
    pairs: list[Agreement] = []
    for (first, a), (second, b) in combinations(zip(DEFINITIONS, times.values(), strict=True), 2):
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            x, y = a[both], b[both]
            r = np.corrcoef(ranks(x), ranks(y))[0, 1] if np.ptp(x) > 0 and np.ptp(y) > 0 else np.nan
            (spearman,) = numbers([float(r)])
            apart = float((np.abs(x - y) > APART).mean())
            pairs.append(Agreement(first=first, second=second, n=int(both.sum()), spearman=spearman, apart=apart))
    return found, tuple(pairs)


def _commitment(columns: Columns, index: int, definition: str, level: float, rng: np.random.Generator) -> Commitment:
    times = columns.by_name[COMMITTED[index]]
    does = np.flatnonzero(np.isfinite(times))
    some, question = times[does], columns.question[does]
    quartiles = [quantile_of(some, question, q, level=level, rng=rng) for q in (0.25, 0.5, 0.75)]
    after = np.asarray([columns.rows[i].committed_after[index] or 0.0 for i in map(int, does)], dtype=np.float64)
    again = np.asarray([columns.rows[i].relapsed[index] for i in map(int, does)], dtype=np.bool_)
    return Commitment(
        definition=definition,
        n=len(does),
        n_never=columns.n_timed - len(does),
        lower=quartiles[0],
        median=quartiles[1],
        upper=quartiles[2],
        bracket=float(np.median(some - after)) if len(does) else None,
        relapse=share_of(again, question, level),
    )
