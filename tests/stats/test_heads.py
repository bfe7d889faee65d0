"""Heads whose profile is known: one-hot, flat, the token before."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworth.stats.heads import ceiling, kurtosis, peak, recency, trace_shares, vertical


@pytest.mark.parametrize("n", [2, 5, 12, 40])
def test_one_segment_that_all_look_at_is_the_ceiling(n: int) -> None:
    one = np.zeros(n)
    one[n // 2] = 0.7
    assert kurtosis(one) == pytest.approx((n * n - 3 * n + 3) / (n - 1)) == pytest.approx(ceiling(n))
    assert peak(one) == pytest.approx(1)
    rng = np.random.default_rng(n)
    assert n == 2 or (kurtosis(rng.normal(size=(500, n))) <= ceiling(n) + 1e-9).all()
    assert np.isnan(kurtosis(np.ones(n))) and np.isnan(peak(np.ones(1)))


def test_five_sentences_cannot_be_peaked_by_excess_kurtosis() -> None:
    assert ceiling(5) - 3 == pytest.approx(0.25)


def planted(n: int) -> np.ndarray:
    """Masses ``[3 heads, n, n + 2]`` with sink .5: the segment before, segment 2 (from there on), all alike."""
    mass = np.zeros((3, n, n + 2))
    mass[..., 0] = 0.5
    for i in range(n):
        mass[0, i, 2 + max(0, i - 1)] = 0.5
        mass[1, i, 2 + min(2, i)] = 0.5
        mass[2, i, 2 : 3 + i] = 0.5 / (i + 1)
    return mass


def test_a_head_of_the_segment_before_is_recent_and_no_receiver() -> None:
    shares = trace_shares(planted(16))
    assert np.allclose(shares.sum(axis=-1), 1)
    near, alike = recency(shares), float(np.mean([2 / (i + 1) for i in range(2, 16)]))
    assert near[0] == pytest.approx(1) and near[1] == pytest.approx(2 / 14) and near[2] == pytest.approx(alike)
    v = vertical(shares, 4)
    assert v.shape == (3, 12) and (v[0] == 0).all()
    assert np.isnan(peak(v)[0]), "nothing looks back so far"
    assert peak(v)[1] == pytest.approx(1) and peak(v)[2] < 0.3
    assert np.isfinite(peak(vertical(shares, 1))[0])


def test_scores_count_only_segments_from_the_gap_on() -> None:
    shares = np.zeros((6, 6))
    shares[5, 0], shares[4, 0], shares[3, 0] = 0.2, 0.4, 1.0
    assert vertical(shares, 4) == pytest.approx([0.3, 0.0])
    assert vertical(shares, 9).shape == (0,) and recency(np.ones((2, 2))).shape == ()
    assert np.isnan(recency(np.ones((2, 2))))
