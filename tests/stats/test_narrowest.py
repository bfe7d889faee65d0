"""Change intervals: every pair as `pairs_of` has it, limits that hold together, and the shortest of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom

from tokenworth.stats.changes import Changes, Pairs, pairs_of
from tokenworth.stats.excursions import backward
from tokenworth.stats.narrowest import AllPairs, all_pairs, narrowest
from tokenworth.stats.strata import Strata, make_strata

probabilities = st.lists(st.one_of(st.just(1.0), st.floats(0.05, 1.0)), min_size=1, max_size=20)


def drawn(p: list[float], n: int, seed: int) -> tuple[Strata, np.ndarray, np.ndarray]:
    """Any draws at any forks."""
    strata, rng = make_strata(np.asarray(p), 0.02), np.random.default_rng(seed)
    number, hits = np.zeros(len(p)), np.zeros(len(p))
    forks = np.flatnonzero(strata.p < 1)
    for cut in rng.choice(forks, size=n) if len(forks) else ():
        number[cut] += 1
        hits[cut] += rng.random() < 0.5
    return strata, number, hits


def found(strata: Strata, number: np.ndarray, hits: np.ndarray, level: float = 0.95, slack: np.ndarray | None = None) -> AllPairs:
    weights, mean = backward(strata, number, hits[:, None])
    more = {"weights": weights, "base": weights.known, "later": mean[:, 0], "end": strata.n_cuts, "slack": slack}
    return all_pairs(strata, number=number, hits=hits, level=level, seed=0, **more)  # type: ignore[arg-type]


@hypothesis_settings(max_examples=40)
@given(probabilities, st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_every_pair_of_boundaries_is_as_it_is_by_itself(p: list[float], n: int, seed: int) -> None:
    strata, number, hits = drawn(p, n, seed)
    weights, mean = backward(strata, number, hits[:, None])
    slack = np.random.default_rng(seed).uniform(0, 0.1, len(p))
    all_ = found(strata, number, hits, slack=slack)
    count = len(strata.start)
    assert len(all_.first) == count * (count + 1) // 2 and (all_.first < all_.second).all()
    more = {"weights": weights, "base": weights.known, "later": mean[:, 0], "slack": slack}
    one: Pairs = pairs_of(strata, number=number, hits=hits, first=all_.first, second=all_.second, **more)  # type: ignore[arg-type]
    for name in ("scale", "missing", "mean", "n", "base", "sampled", "unsampled", "later_mean", "later_n", "moved", "most"):
        np.testing.assert_allclose(getattr(all_.pairs, name), getattr(one, name), atol=1e-6, err_msg=name)


def test_z_is_between_that_of_one_pair_and_bonferroni_s() -> None:
    strata, number, hits = drawn([0.8] * 15, 200, 1)
    all_ = found(strata, number, hits)
    assert ndtri(0.975) < all_.z <= -ndtri(0.025 / len(all_.first))
    assert found(strata, number, hits).z == all_.z, "the same draws give the same z"
    assert found(strata, number, hits, level=0.6).z < all_.z


def test_many_boundaries_leave_lengths_of_powers_of_two() -> None:
    strata, number, hits = drawn([0.8] * 300, 300, 1)
    all_ = found(strata, number, hits)
    assert set((all_.second - all_.first).tolist()) == {1, 2, 4, 8, 16, 32, 64, 128, 256}


def test_no_token_no_pair() -> None:
    all_ = found(make_strata(np.zeros(0), 0.02), np.zeros(0), np.zeros(0))
    assert not len(all_.first) and not len(narrowest(all_, all_.changes()))


def pairs_at(rows: list[tuple[int, int, float, float]]) -> tuple[AllPairs, Changes]:
    first, second = (np.asarray([row[k] for row in rows], dtype=np.int64) for k in (0, 1))
    low, high = (np.asarray([row[k] for row in rows]) for k in (2, 3))
    empty = np.zeros(len(rows))
    names = ("scale", "missing", "mean", "n", "base", "sampled", "unsampled", "later_mean", "later_n", "moved", "most")
    pairs = Pairs(**dict.fromkeys(names, empty))
    return AllPairs(first=first, second=second, pairs=pairs, z=3.0), Changes(value=(low + high) / 2, low=low, high=high)


def test_the_shortest_come_first_and_do_not_overlap() -> None:
    rows = [(0, 9, 0.1, 0.3), (2, 5, 0.05, 0.2), (4, 6, 0.01, 0.2), (6, 8, -0.3, -0.02), (7, 9, -0.4, -0.1), (9, 10, -0.1, 0.1)]
    all_, changes = pairs_at(rows)
    kept = [rows[one][:2] for one in narrowest(all_, changes)]
    assert kept == [(4, 6), (7, 9)], "of two as short the clearer one, and what touches nothing that is taken"
    assert [rows[one][:2] for one in narrowest(all_, changes, 0.05)] == [(7, 9)]


RUNS = 200


@lru_cache(maxsize=1)
def _missed() -> tuple[int, int, int]:
    """Of runs on a curve with a step, how often limits miss a pair somewhere: ours, score limits, Gaussian ones with plug-in variance."""
    p, worth, end = np.full(24, 0.75), np.where(np.arange(24) < 12, 0.05, 0.95), 1.0
    value = np.full(25, end)
    for cut in range(23, -1, -1):
        value[cut] = p[cut] * value[cut + 1] + (1 - p[cut]) * worth[cut]
    strata, rng, ours, score, plug = make_strata(p, 0.02), np.random.default_rng(2), 0, 0, 0
    number = np.full(24, 8.0)
    for _ in range(RUNS):
        hits = rng.binomial(8, worth).astype(np.float64)
        all_ = found(strata, number, hits)
        limits, truth = all_.changes(), value[all_.second] - value[all_.first]
        ours += bool(((limits.low > truth + 1e-9) | (limits.high < truth - 1e-9)).any())
        low, high = all_.pairs.limits(all_.each, "score")
        score += bool(((low > truth + 1e-9) | (high < truth - 1e-9)).any())
        one = all_.second == all_.first + 1
        x, later = all_.pairs.mean[one], all_.pairs.base[one] + all_.pairs.sampled[one] * np.nan_to_num(all_.pairs.later_mean[one])
        spread = 0.25 * np.sqrt(x * (1 - x) / 8)
        plug += bool((np.abs(0.25 * (later - x) - truth[one]) > all_.z * spread + 1e-9).any())
    return ours, score, plug


@pytest.mark.slow
def test_all_pairs_hold_together_and_neither_score_nor_plug_in_limits_do() -> None:
    """A rate of misses of .05 is passed with a chance of 1e-6."""
    ours, score, plug = _missed()
    most = binom.ppf(1 - 1e-6, RUNS, 0.05)
    assert ours <= most < min(score, plug), (ours, score, plug)
