"""Models of a whole outcome curve from few plain draws: segments with a kernel inside each, and change points by PELT.

They borrow strength from neighbours: where the curve is as the model has it, they are sharper than the draws; where not, they are wrong,
and no interval says so. Everything here is a model, not a measurement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float, Int

from tokenworth.errors import MissingExtra

PRIOR = 0.5
"""Draws in all that a Dirichlet prior adds to each kernel mean, in equal shares."""
BANDWIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0, np.inf)
"""Candidates, in steps of the grid; ∞ pools a segment."""
PENALTIES = (2.0, 4.0, 8.0, np.inf)
"""Candidates for the price of a segment, in nats per label; ∞: one segment."""
FOLDS = 5

Counts = Int[np.ndarray, "cut label"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smoothed:
    """A smoothed curve at cuts 0…T, where its segments begin (0 aside), and what cross-validation chose."""

    share: Float[np.ndarray, "cutx label"]
    begins: tuple[int, ...]
    bandwidth: float
    penalty: float


def smooth(cuts: Int[np.ndarray, " cut"], counts: Counts, end: int, seed: int) -> Smoothed:
    """The outcome curve at cuts 0…``end`` from ``counts`` of plain draws at ``cuts``, by segments with a Gaussian kernel inside each.

    Segments minimise Σ_segment −Σ_l n_l log(n_l/n) + penalty. Bandwidth and penalty are those of the highest held-out likelihood over
    `FOLDS` folds of the draws of each cut. Assumption: between changes the curve is smooth.

    Source: after the ``segkernel`` reconstruction of Forking Fast (2026), from its description. Differs: exact optimal partitioning
    (Jackson et al. 2005) in place of PELT, which finds the same segments; penalty chosen by cross-validation, too.
    """
    folds = _folds(counts, np.random.default_rng([seed, len(cuts)]))
    step = float(np.median(np.diff(cuts))) if len(cuts) > 1 else 1.0
    scores: dict[tuple[float, float], float] = dict.fromkeys(product(PENALTIES, BANDWIDTHS), 0.0)
    for held in folds:
        rest = counts - held
        for penalty in PENALTIES:
            begins = segments(rest, penalty)
            for bandwidth in BANDWIDTHS:
                share = _kernel(cuts, rest, cuts, begins, bandwidth * step)
                scores[penalty, bandwidth] += float((held * np.log(share)).sum())
    penalty, bandwidth = max(scores, key=lambda pair: scores[pair])
    begins = segments(counts, penalty)
    share = _kernel(cuts, counts, np.arange(end + 1), begins, bandwidth * step)
    return Smoothed(share=share, begins=tuple(int(cuts[b]) for b in begins[1:]), bandwidth=bandwidth * step, penalty=penalty)


def segments(counts: Counts, penalty: float) -> tuple[int, ...]:
    """Where the best segments begin, the first 0: optimal partitioning with the multinomial cost; ``penalty`` is in nats per label."""
    n, n_labels = counts.shape
    if not np.isfinite(penalty) or n < 2:
        return (0,)
    before = np.append(np.zeros((1, n_labels)), np.cumsum(counts, axis=0), axis=0)
    best, last = np.zeros(n + 1), np.zeros(n + 1, dtype=np.int64)
    best[0] = -penalty * n_labels
    for end in range(1, n + 1):
        k = before[end] - before[:end]
        total = k.sum(axis=1, keepdims=True)
        cost = -(k * np.log(np.where(k > 0, k / np.maximum(total, 1.0), 1.0))).sum(axis=1)
        sums = best[:end] + cost + penalty * n_labels
        last[end] = int(np.argmin(sums))
        best[end] = sums[last[end]]
    found: list[int] = []
    while n > 0:
        n = int(last[n])
        found.append(n)
    return tuple(reversed(found))


def pelt(value: Float[np.ndarray, " cutx"], spread: float) -> tuple[int, ...]:
    """Cuts at which a curve of piecewise constant value changes, by PELT with squared error and the penalty 2 σ² log n.

    ``spread``: σ, the standard error of the curve. Assumption: constant pieces with independent noise, which an estimated curve has not.
    Source: Killick, Fearnhead and Eckley 2012, JASA 107:1590; by ruptures, loaded when used.
    """
    if len(value) < 3:
        return ()
    try:
        found = import_module("ruptures")
    except ImportError as error:
        raise MissingExtra("PELT needs ruptures, which is not installed; run: pip install 'tokenworth[pelt]'") from error
    penalty = max(2 * spread**2 * float(np.log(len(value))), 1e-3)
    ends: Iterable[int] = found.Pelt(model="l2", min_size=1, jump=1).fit(np.asarray(value)).predict(pen=penalty)
    return tuple(int(end) for end in ends if end < len(value))


def _folds(counts: Counts, rng: np.random.Generator) -> list[Counts]:
    """The draws of each cut, dealt into folds."""
    folds: list[Counts] = [np.zeros_like(counts) for _ in range(FOLDS)]
    for row, one in enumerate(counts):
        labels = rng.permutation(np.repeat(np.arange(len(one)), one))
        for position, label in enumerate(labels.tolist()):
            folds[(position + row) % FOLDS][row, label] += 1
    return folds


def _kernel(
    cuts: Int[np.ndarray, " cut"], counts: Counts, at: Int[np.ndarray, " x"], begins: tuple[int, ...], bandwidth: float
) -> Float[np.ndarray, "x label"]:
    """Kernel-weighted shares at the cuts ``at``, from the draws of their own segment only."""
    share = np.empty((len(at), counts.shape[1]))
    edges = [-np.inf, *(float(cuts[b]) for b in begins[1:]), np.inf]
    for (a, b), (low, high) in zip(pairwise([*begins, len(cuts)]), pairwise(edges), strict=True):
        mine = (at >= low) & (at < high)
        away = (at[mine][:, None] - cuts[a:b][None, :]) / bandwidth if np.isfinite(bandwidth) else np.zeros((int(mine.sum()), b - a))
        nearest = away**2 - (away**2).min(axis=1, keepdims=True, initial=np.inf)
        summed = np.exp(-0.5 * nearest) @ counts[a:b]
        share[mine] = summed + PRIOR / counts.shape[1]
    return share / share.sum(axis=1, keepdims=True)
