"""What may be named of many differences, and how many draws it takes, against definitions and exact values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import binom

from tokenworth.backends.toy.forks import Forks
from tokenworth.errors import InvalidInput
from tokenworth.stats.search import Coefficients, coefficients, draws_for
from tokenworth.stats.selection import discovered, level_of_selected, most_steps, rate_of_look
from tokenworth.stats.strata import make_strata

p_values = st.lists(st.sampled_from([0.0, 1e-6, 0.001, 0.01, 0.02, 0.03, 0.2, 1.0]), max_size=12)


@given(p_values, st.sampled_from([0.01, 0.05, 0.2]))
def test_it_is_the_step_up_of_benjamini_and_hochberg(p: list[float], q: float) -> None:
    """By its definition: the largest r of which r p-values are at most q r / m; ties go together."""
    m = len(p)
    r = max((r for r in range(1, m + 1) if sum(x <= q * r / m for x in p) >= r), default=0)
    found = discovered(np.asarray(p), q)
    assert found.tolist() == [r > 0 and x <= q * r / m for x in p]
    strict = discovered(np.asarray(p), q, "any")
    assert (found | ~strict).all(), "any dependence names no more"


def test_rates_and_levels() -> None:
    assert sum(rate_of_look(0.05, k) for k in range(1, 10_000)) < 0.05
    assert rate_of_look(0.05, 1) == 0.025
    assert level_of_selected(0.05, 60, 60) == pytest.approx(0.95)
    assert level_of_selected(0.05, 0, 60) == pytest.approx(1 - 0.05 / 60)
    assert most_steps(0.5, 0.2) == pytest.approx(6.25)
    with pytest.raises(InvalidInput, match="false-discovery rate 1"):
        discovered(np.asarray([0.5]), 1.0)


def test_of_true_nulls_a_claim_is_as_rare_as_it_says_and_not_without_correction() -> None:
    """All 30 hypotheses true: any name is false. 3,000 families; a rate of .05 is passed with a chance of 1e-6."""
    p = np.random.default_rng(5).random((3000, 30))
    most = binom.ppf(1 - 1e-6, 3000, 0.05)
    assert sum(discovered(row, 0.05).any() for row in p) <= most
    assert sum((row <= 0.05).any() for row in p) > most


chances = st.lists(st.one_of(st.just(1.0), st.floats(0.02, 0.99)), min_size=2, max_size=20)


@given(chances, st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=50, deadline=None)
def test_coefficients_are_how_the_exact_difference_moves_with_each_stratum(p: list[float], seed: int) -> None:
    """Oracle: V(b) − V(a) of a base whose forks of one stratum are worth a little more, less that of the base itself."""
    rng, n = np.random.default_rng(seed), len(p)
    a, b = sorted(rng.choice(n + 1, 2, replace=False).tolist())
    ends = np.zeros(n, dtype=bool)
    ends[[cut for cut in (a, b) if cut < n]] = True
    strata = make_strata(np.asarray(p), 0.1, ends)
    found = coefficients(strata, np.asarray([a]), np.asarray([b])).square[0]
    worth = rng.uniform(0.2, 0.7, n)

    def difference(of: np.ndarray) -> float:
        base = Forks(p=strata.p, share=np.ones((n, 1)), worth=of[:, None], ends_right=True)
        return float(base.values[b] - base.values[a])

    for stratum in range(len(strata.start)):
        moved = difference(worth + 0.1 * (strata.of_cut == stratum)) - difference(worth)
        assert found[stratum] == pytest.approx((moved / 0.1) ** 2, abs=1e-9)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=40, deadline=None)
def test_draws_bring_what_is_open_to_its_target_and_a_smaller_number_is_their_beginning(rows: int, strata: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = Coefficients(square=rng.random((rows, strata)) ** 2 * (rng.random((rows, strata)) < 0.7))
    open_, drawn, cost = rng.random(rows) < 0.7, rng.integers(0, 5, strata), rng.uniform(1, 50, strata)
    more = {"target": 0.15, "open_": open_, "drawn": drawn, "cost": cost}
    chosen = draws_for(parts, most=100_000, **more)
    then = parts.variance(drawn + np.bincount(chosen, minlength=strata))
    assert (then[open_] <= 0.15**2).all()
    assert draws_for(parts, most=5, **more).tolist() == chosen[:5].tolist() or len(chosen) == 0
    if not open_.any():
        assert len(chosen) == 0
