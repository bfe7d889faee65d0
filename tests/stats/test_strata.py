"""Strata of forks and what is drawn from them, against sums written out and exact weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from tests.helpers import chi_square_p
from tokenworth.stats.excursions import Excursions, estimate_values
from tokenworth.stats.strata import OTHERS, Pieces, Strata, allocate, make_pieces, make_strata, stratum_reach

probabilities = st.lists(st.one_of(st.just(1.0), st.floats(0.0, 1.0)), min_size=1, max_size=40)


def no_tokens(strata: Strata) -> Pieces:
    """Pieces of forks alone."""
    return make_pieces(strata, np.zeros((strata.n_cuts, 0), dtype=np.int64), np.zeros((strata.n_cuts, 0)))


@given(probabilities, st.floats(0.001, 0.9))
def test_strata_partition_the_cuts(p: list[float], least: float) -> None:
    strata = make_strata(np.asarray(p), least)
    assert strata.start[0] == 0 and strata.stop[-1] == len(p)
    assert (strata.start[1:] == strata.stop[:-1]).all() and (strata.stop > strata.start).all()
    large = 1 - strata.p >= least
    for a, b in zip(strata.start.tolist(), strata.stop.tolist(), strict=True):
        assert not large[a:b].any() or (strata.p[a:b] < 1).sum() == 1, "a large fork shares its stratum with no other"
        full = strata.leave[a] >= least - 1e-12
        assert full or b == len(p) or large[b], "a stratum ends where it is full, or before a large fork"
    np.testing.assert_allclose(strata.reached * strata.follow, strata.follow[strata.start][strata.of_cut], atol=1e-12)


def test_a_large_fork_is_not_pooled_with_small_ones_before_it() -> None:
    strata = make_strata(np.asarray([0.99, 0.995, 0.5, 0.99, 1.0, 0.9, 0.999]), 0.02)
    assert strata.start.tolist() == [0, 2, 3, 5, 6]
    certain = make_strata(np.asarray([1.0, 1.0, 0.5, 1.0]), 0.02)
    assert certain.start.tolist() == [0, 3], "cuts where nothing leaves are no stratum of their own"


@given(probabilities, st.floats(0.001, 0.9), st.integers(0, 2**32 - 1))
def test_recursion_equals_the_sum_over_forks(p: list[float], least: float, seed: int) -> None:
    """Estimates from the backward pass equal the weights written out, fork by fork, for any draws."""
    strata = make_strata(np.asarray(p), least)
    rng = np.random.default_rng(seed)
    forks = np.flatnonzero(strata.p < 1)
    cut = rng.choice(forks, size=30) if len(forks) else np.zeros(0, dtype=np.int64)
    label = rng.integers(0, 2, size=len(cut))
    got = estimate_values(strata, Excursions(cut=cut, label=label), groups=np.eye(2), base_label=1, level=0.95, interval="wilson")
    n = len(p)
    for c in range(n + 1):
        known = float(np.prod(strata.p[c:]))
        total, sampled, kish = np.zeros(2), 0.0, 0.0
        follow = 1.0
        for a, b in zip(strata.start, strata.stop, strict=True):
            if b <= c:
                continue
            first = max(int(a), c)
            weight = follow * (1 - float(np.prod(strata.p[first:b])))
            follow *= float(np.prod(strata.p[first:b]))
            mine = (cut >= first) & (cut < b)
            if mine.any() and weight > 0:
                total += weight * np.bincount(label[mine], minlength=2) / mine.sum()
                sampled += weight
                kish += weight**2 / mine.sum()
        weights = got.weights
        assert weights.known[c] == pytest.approx(known, abs=1e-9)
        assert weights.sampled[c] == pytest.approx(sampled, abs=1e-9)
        assert weights.known[c] + weights.sampled[c] + weights.unsampled[c] == pytest.approx(1.0, abs=1e-9)
        if sampled == 0 and weights.leave[c] > 0:
            assert np.isnan(got.share[c]).all()
            np.testing.assert_allclose(got.low[c], [0, known], atol=1e-9)
            np.testing.assert_allclose(got.high[c], [1 - known, 1], atol=1e-9)
        if sampled > 1e-6:
            share = known * np.asarray([0, 1]) + (1 - known) * total / sampled
            np.testing.assert_allclose(got.share[c], share, atol=1e-6)
            assert weights.n_effective[c] == pytest.approx(sampled**2 / kish, rel=1e-6)
    some = ~np.isnan(got.share[:, 0])
    assert (got.low <= got.share + 1e-9)[some].all() and (got.share <= got.high + 1e-9)[some].all()
    np.testing.assert_allclose(got.share[some].sum(axis=1), 1.0, atol=1e-9)


def test_forks_are_drawn_in_proportion_to_leaving() -> None:
    """Systematic draws over random offsets: chi-square at 1e-6, and a twin with equal expected counts must fail."""
    p = np.asarray([0.9, 1.0, 0.5, 0.99, 0.7])
    strata = make_strata(p, 0.95)
    assert len(strata.start) == 1
    rng, pieces = np.random.default_rng(1), no_tokens(strata)
    counts = np.bincount([pieces.draw(0, int(i % 7), float(u))[0] for i, u in enumerate(rng.random(20_000))], minlength=5)
    follow = np.concatenate([[1.0], np.cumprod(p)[:-1]])
    weight = follow * (1 - p)
    expected = 20_000 * weight / weight.sum()
    used = expected > 0
    assert counts[~used].sum() == 0
    statistic = float((((counts - expected) ** 2)[used] / expected[used]).sum())
    assert statistic < reference.chi2.isf(1e-6, used.sum() - 1)
    even = 20_000 / used.sum()
    assert float(((counts[used] - even) ** 2 / even).sum()) > reference.chi2.isf(1e-6, used.sum() - 1)


def test_systematic_draws_are_more_even_than_chance() -> None:
    pieces = no_tokens(make_strata(np.full(20, 0.999), 0.9))
    assert len({pieces.draw(0, i, 0.3) for i in range(20)}) >= 18


def test_first_tokens_are_drawn_by_their_probability_and_the_rest_together() -> None:
    """Cut and token of one draw, over random starts: chi-square at 1e-6; the twin without the others' piece must fail."""
    p = np.asarray([0.9, 1.0, 0.4, 0.99])
    tokens = np.asarray([[7, 3], [3, 8], [1, 2], [5, 6]])
    q = np.asarray([[0.06, 0.04], [0.0, 0.0], [0.3, 0.1], [0.0, 0.004]])
    strata = make_strata(p, 0.95)
    pieces = make_pieces(strata, tokens, q)
    weights = {(0, 7): 0.06, (0, 3): 0.04, (2, 1): 0.9 * 0.3, (2, 2): 0.9 * 0.1, (2, OTHERS): 0.9 * 0.2, (3, 6): 0.36 * 0.004}
    weights[3, OTHERS] = 0.36 * 0.006
    assert list(zip(pieces.cut.tolist(), pieces.first.tolist(), strict=True)) == sorted(
        weights, key=lambda x: (x[0], x[1] == OTHERS, -weights[x])
    )
    rng, n = np.random.default_rng(2), 40_000
    drawn = [pieces.draw(0, i % 5, float(u)) for i, u in enumerate(rng.random(n))]
    counts = np.asarray([drawn.count(way) for way in weights], dtype=float)
    expected = np.asarray(list(weights.values()))
    assert counts.sum() == n and chi_square_p(counts, n * expected / expected.sum()) > 1e-6
    named = np.where([way[1] == OTHERS for way in weights], 0.0, expected)
    assert chi_square_p(counts, n * np.maximum(named, 1e-4) / np.maximum(named, 1e-4).sum()) < 1e-6


@given(probabilities, st.floats(0.001, 0.9), st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_every_piece_gets_its_share_of_any_number_of_draws(p: list[float], least: float, n: int, offset: float) -> None:
    """Golden-ratio steps: a piece of share s has within 2.2 log₂(n + 2) of s n draws, whatever n is; by chance alone it would be √n."""
    strata = make_strata(np.asarray(p), least)
    rng = np.random.default_rng(n)
    q = rng.dirichlet(np.ones(3), size=len(p))[:, :2] * (1 - strata.p)[:, None]
    pieces = make_pieces(strata, np.tile([4, 9], (len(p), 1)), q)
    for stratum in range(len(strata.start)):
        a, b = pieces.begin[stratum : stratum + 2].tolist()
        if a == b:
            continue
        drawn = [pieces.draw(stratum, i, offset) for i in range(n)]
        ways = list(zip(pieces.cut[a:b].tolist(), pieces.first[a:b].tolist(), strict=True))
        assert set(drawn) <= set(ways)
        for way, share in zip(ways, np.diff(np.append(0.0, pieces.edge[a:b])), strict=True):
            assert abs(drawn.count(way) - share * n) <= 2.2 * np.log2(n + 2)


@given(probabilities, st.sampled_from([1e-12, 0.02, 0.3, 0.95]))
def test_reach_is_the_sum_of_squared_weights(p: list[float], least: float) -> None:
    strata = make_strata(np.asarray(p), least)
    wanted = np.ones(len(p) + 1, dtype=bool)
    reach = stratum_reach(strata, wanted)
    for index, (a, b) in enumerate(zip(strata.start, strata.stop, strict=True)):
        leave = float(strata.leave[a])
        expected = sum((float(np.prod(strata.p[c:a])) * leave) ** 2 for c in range(a + 1))
        for c in range(a + 1, b):
            # Of m draws of the stratum an inner cut can use the share that leaves at c or later.
            usable = float(np.prod(strata.p[a:c])) * float(strata.leave[c]) / leave if leave > 0 else 0.0
            expected += float(strata.leave[c]) ** 2 / usable if usable > 0 else 0.0
        assert reach[index] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("least", "twin"), [(0.02, 0.995), (0.3, 0.9), (0.95, 0.4)])
def test_reach_is_the_variance_that_draws_of_a_stratum_leave(least: float, twin: float) -> None:
    """W is a fair coin at every fork: the summed variance of x̄ w over 2,000 runs of 4,000 draws is S_G /(4·4,000), within 2 %.

    Without the factor 1/Π p at inner cuts the sum falls short of it by what ``twin`` says, more so the larger a stratum is.
    """
    p = np.full(1600, 0.998)
    strata = make_strata(p, least)
    a, b = int(strata.start[0]), int(strata.stop[0])
    rng, runs, m = np.random.default_rng(3), 2000, 4000
    weight = strata.reached[a:b] * (1 - p[a:b])
    counts = rng.multinomial(m, weight / weight.sum(), size=runs)
    hits = rng.binomial(counts, 0.5)
    usable = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    mean = np.cumsum(hits[:, ::-1], axis=1)[:, ::-1] / np.maximum(usable, 1)
    inner = usable.min(axis=0) > 50
    found = float((mean[:, inner].var(axis=0) * strata.leave[a:b][inner] ** 2).sum())
    wanted = np.append(np.append(np.zeros(a, bool), inner), np.zeros(len(p) + 1 - b, bool))
    told = float(stratum_reach(strata, wanted)[0]) * 0.25 / m
    without = float(strata.leave[a] * strata.leave[a:b][inner].sum()) * 0.25 / m
    assert found == pytest.approx(told, rel=0.02)
    assert without / told < twin + 0.005


def test_allocation_spends_all_and_prefers_variance_per_cost() -> None:
    strata: dict[str, Any] = {
        "reach": np.asarray([1.0, 1.0, 4.0, 0.0]),
        "cost": np.asarray([10.0, 100.0, 10.0, 1.0]),
        "drawn": np.zeros(4, dtype=np.int64),
    }
    chosen = allocate(**strata, size=90)
    for size in (0, 1, 17, 60):
        np.testing.assert_array_equal(allocate(**strata, size=size), chosen[:size], "a batch that breaks off is a smaller batch")
    added = np.bincount(chosen, minlength=4)
    assert added.sum() == 90 and added[3] == 0
    # Optimal counts go as sqrt(reach / cost): ratios 1 : 1/√10 : 2.
    assert added[2] / added[0] == pytest.approx(2.0, rel=0.1) and added[1] / added[0] == pytest.approx(0.316, rel=0.25)


def test_allocation_is_optimal_against_brute_force() -> None:
    """Of three strata that have a draw already: the counts with the least Σ S/(m + ½)."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        reach = rng.random(3)
        chosen = allocate(reach=reach, cost=np.ones(3), drawn=np.ones(3, dtype=np.int64), size=8)
        added = np.bincount(chosen, minlength=3)

        def spread(m: tuple[int, ...], weight: np.ndarray = reach) -> float:
            return float(sum(w / (k + 1.5) for w, k in zip(weight, m, strict=True)))

        best = min(spread((i, j, 8 - i - j)) for i in range(9) for j in range(9 - i))
        assert spread(tuple(int(a) for a in added)) == pytest.approx(best)


def test_every_stratum_is_visited_before_the_rest_is_shared_out() -> None:
    """Reaches that differ by up to 4 times: with as many rollouts as strata each has one, and none where there is nothing to gain."""
    rng = np.random.default_rng(4)
    reach = np.append(rng.uniform(0.25, 1.0, size=40), 0.0)
    chosen = allocate(reach=reach, cost=np.ones(41), drawn=np.zeros(41, dtype=np.int64), size=40)
    assert sorted(chosen.tolist()) == list(range(40))
