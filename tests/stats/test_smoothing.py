"""Models of a curve: segments against all partitions, what cross-validation chooses, and PELT."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from tokenworth.errors import MissingExtra
from tokenworth.stats import smoothing
from tokenworth.stats.smoothing import pelt, segments, smooth


def cost(counts: np.ndarray) -> float:
    k = counts.sum(axis=0)
    return float(-sum(x * np.log(x / k.sum()) for x in k if x))


def test_segments_are_the_best_of_all_partitions() -> None:
    rng = np.random.default_rng(1)
    counts = rng.multinomial(6, [0.3, 0.7], size=7)
    counts[4:] = counts[4:, ::-1]
    best = min(
        (sum(cost(counts[a:b]) for a, b in pairwise((0, *inner, 7))) + 1.5 * 2 * len(inner), (0, *inner))
        for size in range(7)
        for inner in combinations(range(1, 7), size)
    )
    assert segments(counts, 1.5) == best[1]
    assert segments(counts, np.inf) == (0,) and segments(counts[:1], 1.5) == (0,)


def test_a_step_is_kept_and_a_flat_curve_is_pooled() -> None:
    rng, cuts = np.random.default_rng(2), np.arange(0, 101, 4)
    flat = rng.multinomial(30, [0.4, 0.6], size=len(cuts))
    found = smooth(cuts, flat, 100, 0)
    assert found.share.shape == (101, 2) and np.abs(found.share[:, 0] - 0.4).max() < 0.08 and not found.begins
    value = np.where(cuts < 50, 0.15, 0.85)
    step = np.stack([k := rng.binomial(30, value), 30 - k], axis=1)
    found = smooth(cuts, step, 100, 0)
    assert found.begins == (52,) and abs(found.share[50, 0] - 0.15) < 0.1 and abs(found.share[53, 0] - 0.85) < 0.1
    np.testing.assert_allclose(found.share.sum(axis=1), 1.0)


@pytest.mark.parametrize("n", [0, 1])
def test_one_cut_or_no_draw_is_a_flat_curve(n: int) -> None:
    found = smooth(np.asarray([0]), np.asarray([[n, 0]]), 3, 0)
    assert found.share.shape == (4, 2) and not found.begins and (found.share[:, 0] >= 0.5).all()


def test_pelt_finds_a_step_and_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    value = np.where(np.arange(60) < 25, 0.3, 0.7) + np.random.default_rng(1).normal(0, 0.02, 60)
    assert pelt(value, 0.02) == (25,) and pelt(value[:2], 0.02) == ()

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(smoothing, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"tokenworth\[pelt\]"):
        pelt(value, 0.02)
