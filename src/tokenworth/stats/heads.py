"""Which heads look back at a few segments of a trace, from masses between segments."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def trace_shares(mass: Float[np.ndarray, "*head segment part"]) -> Float[np.ndarray, "*head segment segment"]:
    """Of the mass on segments, the share of each: sink and what stands before the first segment are left out, and rows sum to 1.

    The first two parts are those. A row without any mass on segments is 0.
    """
    inside = mass[..., 2:]
    total = inside.sum(axis=-1, keepdims=True)
    return np.divide(inside, total, out=np.zeros_like(inside), where=total > 0)


def vertical(matrix: Float[np.ndarray, "*head segment segment"], gap: int) -> Float[np.ndarray, "*head scored"]:
    """How much later segments look at each: v_j = mean over i ≥ j + gap of matrix[i, j]; of segments that so late a segment follows.

    Source: Bogdan, Macar, Nanda and Conmy 2025 (arXiv 2506.19143), vertical attention scores, gap 4.
    """
    n = matrix.shape[-1]
    columns = [matrix[..., j + gap :, j].mean(axis=-1) for j in range(max(0, n - gap))]
    return np.stack(columns, axis=-1) if columns else np.zeros((*matrix.shape[:-2], 0))


def kurtosis(v: Float[np.ndarray, "*head scored"]) -> Float[np.ndarray, "*head"]:
    """m₄/m₂², biased; NaN where all are alike. Fisher's excess is this less 3."""
    centred = v - v.mean(axis=-1, keepdims=True)
    second, fourth = (centred**2).mean(axis=-1), (centred**4).mean(axis=-1)
    return np.asarray(np.divide(fourth, second**2, out=np.full(np.shape(second), np.nan), where=second > 1e-24))


def ceiling(n: int) -> float:
    """The most that the kurtosis of n numbers can be, (n² − 3n + 3)/(n − 1): that of one number unlike n − 1 equal ones.

    It is about n − 2: averaged over traces, kurtosis itself ranks heads by the longest of them.
    """
    return (n * n - 3 * n + 3) / (n - 1)


def peak(v: Float[np.ndarray, "*head scored"]) -> Float[np.ndarray, "*head"]:
    """Kurtosis as a share of its `ceiling`: 1 for a head whose later segments look at a single one."""
    n = v.shape[-1]
    return np.asarray(kurtosis(v) / ceiling(n)) if n > 1 else np.full(v.shape[:-1], np.nan)


def recency(shares: Float[np.ndarray, "*head segment segment"]) -> Float[np.ndarray, "*head"]:
    """The share of the mass on segments that is on the looking one and the one before: 1 for a head that looks at the token before.

    Mean over segments from the third on; the first two can look nowhere else.
    """
    n = shares.shape[-1]
    near = [shares[..., i, i] + shares[..., i, i - 1] for i in range(2, n)]
    return np.asarray(np.stack(near, axis=-1).mean(axis=-1)) if near else np.full(shares.shape[:-2], np.nan)
