"""How the length of a trace goes with being right, with how hard the question is, and with what a solver writes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.methods.survey.document import LengthRow
from tokenworth.methods.survey.tables import Columns
from tokenworth.stats.by_cluster import correlation_of, in_mixed, ranks, within

LEAST = 4
"""Traces, or questions, from which on a correlation is given."""


def length_rows(columns: Columns, level: float, rng: np.random.Generator) -> Iterator[LengthRow]:
    """Correlations of the length of the traces that ended by themselves; a trace that was cut off is longer than it is known to be."""
    rows = columns.rows
    closed = np.asarray([row.closed and row.tokens > 0 for row in rows], dtype=np.bool_)
    tokens = np.asarray([row.tokens for row in rows], dtype=np.float64)
    ends = np.asarray([np.nan if row.correct is None else float(row.correct) for row in rows], dtype=np.float64)
    verdict = np.asarray([{"correct": 1.0, "incorrect": 0.0}.get(row.verdict, np.nan) for row in rows], dtype=np.float64)
    stated = np.asarray([row.gold is not None or row.kind == "length" for row in rows], dtype=np.bool_)
    outcomes = (("right at the last cut", ends, closed), ("right as written", verdict, closed & stated))
    copies = np.asarray(["#" in row.id for row in rows], dtype=np.bool_)
    for of, right, which in outcomes:
        known = which & np.isfinite(right)
        yield from _with_outcome(of, tokens, right, known, columns, level, rng)
        # A trace that is listed under two problems is one sample of its question.
        known &= ~copies
        yield from _within_questions(of, tokens[known], right[known], columns.question[known], level, rng)
    solver = np.asarray([np.nan if row.solver_length is None else row.solver_length for row in rows], dtype=np.float64)
    yield from _with_solver(tokens, solver, closed & np.isfinite(solver), columns.question, level, rng)


def _with_outcome(
    of: str,
    tokens: Float[np.ndarray, " row"],
    right: Float[np.ndarray, " row"],
    which: Bool[np.ndarray, " row"],
    columns: Columns,
    level: float,
    rng: np.random.Generator,
) -> Iterator[LengthRow]:
    if which.sum() < LEAST:
        return
    x, y, question, subject = tokens[which], right[which], columns.question[which], columns.subject[which]

    def row(how: str, a: Float[np.ndarray, " x"], b: Float[np.ndarray, " x"], cluster: Int[np.ndarray, " x"], note: str = "") -> LengthRow:
        return LengthRow(of=of, how=how, r=correlation_of(a, b, cluster, level=level, rng=rng), note=note)

    yield row("point-biserial", x, y, question)
    yield row("point-biserial, log length", np.log(x), y, question)
    yield row("Spearman", ranks(x), y, question)
    several = in_mixed(x, subject)
    if len(np.unique(subject)) > 1 and several.sum() >= LEAST:
        single = int((~several).sum())
        note = f"left out, alone in the subject or as long as all others in it: {single:,}" if single else ""
        yield row("within subject", within(x[several], subject[several]), within(y[several], subject[several]), question[several], note)


def _within_questions(
    of: str, x: Float[np.ndarray, " x"], y: Float[np.ndarray, " x"], question: Int[np.ndarray, " x"], level: float, rng: np.random.Generator
) -> Iterator[LengthRow]:
    """Over repeated samples: within each question, and its mean length against 1 - accuracy; one trace says nothing of difficulty."""
    mixed = in_mixed(y, question)
    if mixed.sum() >= LEAST:
        within_x, within_y = (within(part[mixed], question[mixed]) for part in (x, y))
        r = correlation_of(within_x, within_y, question[mixed], level=level, rng=rng)
        note = f"{len(np.unique(question[mixed])):,} questions with right and wrong traces"
        yield LengthRow(of=of, how="within question", r=r, note=note)
    _, index, count = np.unique(question, return_inverse=True, return_counts=True)
    several = count > 1
    if several.sum() < LEAST:
        return
    length, hard = (np.bincount(index, x) / count)[several], 1 - (np.bincount(index, y) / count)[several]
    each = np.arange(len(length))
    note = f"difficulty is 1 - accuracy over the traces of a question; {len(each):,} questions with several"
    for how, a, b in (("difficulty, Pearson", length, hard), ("difficulty, Spearman", ranks(length), ranks(hard))):
        yield LengthRow(of=of, how=how, r=correlation_of(a, b, each, level=level, rng=rng), note=note)


def _with_solver(
    tokens: Float[np.ndarray, " row"],
    solver: Float[np.ndarray, " row"],
    which: Bool[np.ndarray, " row"],
    question: Int[np.ndarray, " row"],
    level: float,
    rng: np.random.Generator,
) -> Iterator[LengthRow]:
    if which.sum() < LEAST:
        return
    x, y, cluster = tokens[which], solver[which], question[which]
    for how, a, b in (("Pearson", x, y), ("Spearman", ranks(x), ranks(y))):
        yield LengthRow(of="words of the solver's trace", how=how, r=correlation_of(a, b, cluster, level=level, rng=rng))
