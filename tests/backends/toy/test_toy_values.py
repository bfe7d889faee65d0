"""Exact values of automata against sums by hand and a second derivation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.toy.toy_cases import EMPTY, PLAIN, document, rollouts, sequence, with_state
from tokenworth.backends.toy.automaton import shaped_edges, states_along
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_outcomes, exact_values, random_automaton
from tokenworth.core.request.sample import Sample
from tokenworth.errors import InvalidInput


def test_exact_values_by_hand_on_a_cycle():
    automaton = parse_automaton(document())
    # V(s) = .75 V(a) + .25 · .1 and V(a) = .5 + .5 V(s) give V(s) = .4 / .625.
    s = 0.4 / 0.625
    got = exact_values(automaton, sequence(1, 4, 3, 5), PLAIN)
    np.testing.assert_allclose(got, [s, 0.5 + 0.5 * s, s, 0.1, 0.0], atol=1e-12)
    outcomes = exact_outcomes(automaton, sequence(1, 4, 3, 5), PLAIN)
    np.testing.assert_allclose(outcomes["yes"] + outcomes["no"], 1)
    assert outcomes["truncated"].tolist() == [0, 0, 0, 0, 0]


def test_cut_off_exits_count_as_truncated():
    # Top-k 1 keeps s -> a (.75) and, by the lower token, a -> A; forbid that by making the way back likelier.
    automaton = parse_automaton(with_state("a", {"edges": [[2, 0.4, "A"], [4, 0.6, "s"]]}))
    outcomes = exact_outcomes(automaton, sequence(3), replace(PLAIN, top_k=1))
    assert outcomes["truncated"].tolist() == [1.0, 0.0]
    assert outcomes["yes"].tolist() == [0.0, 0.0] and outcomes["no"].tolist() == [0.0, 1.0]


def test_exact_values_with_a_limit():
    automaton = parse_automaton(document())
    base = sequence(1, 4, 1, 2)
    params = replace(PLAIN, max_tokens=4)
    got = exact_outcomes(automaton, base, params, until_limit=True)
    # From cut 2 two tokens are left: s a A (.75 · .5) or s b A (.25 · .1); s b B (.25 · .9); else truncated.
    assert math.isclose(got["yes"][2], 0.75 * 0.5 + 0.25 * 0.1)
    assert math.isclose(got["no"][2], 0.25 * 0.9)
    assert math.isclose(got["truncated"][2], 0.75 * 0.5)
    assert got["yes"][4] == 1.0
    unlimited = exact_values(automaton, base, PLAIN)
    np.testing.assert_allclose(exact_values(automaton, base, PLAIN, until_limit=True), unlimited, atol=1e-12)
    judge = toy_judge(automaton)
    n = 2_000
    drawn = rollouts(ToyBackend(automaton), tuple(Sample(sequence=base, cut=0, params=params, seed=0, index=i) for i in range(n)))
    for label in ("yes", "no", "truncated"):
        share = sum(judge(rollout.ids, rollout.stop).outcome == label for rollout in drawn) / n
        assert abs(share - got[label][0]) < 0.062  # Hoeffding: below 5e-7 each


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0, 1), st.integers(1, 5))
def test_values_obey_the_recursion(seed, length, certain_share, lanes):
    """V(c) = Σ q(token) V(next): checked on the base path by asking for the value after every edge."""
    rng = np.random.default_rng(seed)
    automaton = random_automaton(rng, length=length, certain_share=certain_share, lanes=lanes)
    params = replace(PLAIN, temperature=0.7, top_p=0.9)
    (base,) = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=seed, index=0),))
    states = states_along(automaton, base.ids)
    values = exact_values(automaton, sequence(*base.ids), params)
    assert ((values >= 0) & (values <= 1)).all()
    for cut in range(0, len(base.ids), max(1, len(base.ids) // 5)):
        edges = shaped_edges(automaton, states[cut], params)
        following = [exact_values(automaton, sequence(*base.ids[:cut], edge.token), params)[-1] for edge in edges]
        assert math.isclose(values[cut], sum(e.probability * v for e, v in zip(edges, following, strict=True)), abs_tol=1e-12)


def test_random_automata_are_as_described():
    shares, lengths = [], []
    for seed in range(20):
        automaton = random_automaton(np.random.default_rng(seed), length=150)
        (base,) = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=0, index=0),))
        states = states_along(automaton, base.ids)
        shares.append(np.mean([len(automaton.edges[state]) == 1 for state in states[:-1]]))
        lengths.append(len(base.ids))
        assert len(automaton.edges) == 4 * 150
    assert 0.70 <= np.mean(shares) <= 0.80
    assert min(lengths) >= 120 and max(lengths) <= 150
    once, again = (random_automaton(np.random.default_rng(1), length=20) for _ in range(2))
    assert once == again
    with pytest.raises(InvalidInput):
        random_automaton(np.random.default_rng(1), length=1)
