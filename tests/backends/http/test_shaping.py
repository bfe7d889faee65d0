"""q from a capped list of log-probabilities always holds the true q, and is exact where it says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.backends.http.shaping import shape, with_known
from tokenworth.core.sampling import Sampling, sampling_distribution

SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 0.6, 1.0, 1.5, 3.0]),
    top_k=st.sampled_from([0, 1, 3, 8, 12, 30]),
    top_p=st.sampled_from([1.0, 0.95, 0.8, 0.3]),
    min_p=st.sampled_from([0.0, 0.05, 0.3]),
    max_tokens=st.just(10),
    stop=st.just(()),
)


def min_p_first(logits: np.ndarray, sampling: Sampling) -> np.ndarray:
    """The order of vLLM, straight from its definition: temperature, min-p, top-k, top-p."""
    if sampling.temperature == 0:
        return sampling_distribution(logits, sampling)
    tempered = np.exp((logits - logits.max()) / sampling.temperature)
    kept = np.where(tempered >= sampling.min_p * tempered.max(), logits, -np.inf)
    with np.errstate(invalid="ignore"):
        from dataclasses import replace

        return sampling_distribution(kept, replace(sampling, min_p=0.0))


@pytest.mark.parametrize("order", ["min-p last", "min-p first"])
@settings(max_examples=400)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.3, 1.0, 3.0, 8.0]), k=st.integers(1, 40), sampling=SAMPLINGS)
def test_bounds_hold_the_true_distribution(order: str, seed: int, spread: float, k: int, sampling: Sampling) -> None:
    vocabulary = 40
    logits = np.random.default_rng(seed).normal(0, spread, vocabulary)
    logprobs = logits - np.logaddexp.reduce(logits)
    ranked = np.argsort(-logprobs)[:k]
    q = (sampling_distribution if order == "min-p last" else min_p_first)(logprobs, sampling)
    shaped = shape(logprobs[ranked], sampling, vocab_size=vocabulary, order=order)
    assert (shaped.low <= q[ranked] + 1e-9).all()
    assert (shaped.high >= q[ranked] - 1e-9).all()
    rest = q.sum() - q[ranked].sum()
    assert rest <= shaped.rest + 1e-9
    if shaped.is_exact:
        np.testing.assert_allclose(shaped.middle, q[ranked], atol=1e-9)
        assert rest < 1e-9
    for token in np.argsort(-logprobs)[k:]:
        low, high = with_known(shaped, logprobs[ranked], float(logprobs[token]), sampling)
        assert low - 1e-9 <= q[token] <= high + 1e-9


@given(seed=st.integers(0, 1000), k=st.integers(5, 40))
def test_listed_filters_are_exact(seed: int, k: int) -> None:
    """Top-k within the list, and any list of a whole vocabulary, leave nothing to guess."""
    logits = np.random.default_rng(seed).normal(0, 2, 40)
    logprobs = np.sort(logits - np.logaddexp.reduce(logits))[::-1]
    within = Sampling(temperature=0.6, top_k=5, top_p=0.95, min_p=0.0, max_tokens=1, stop=())
    assert shape(logprobs[:k], within, vocab_size=40, order="min-p last").is_exact
    whole = Sampling(temperature=1.7, top_k=0, top_p=0.9, min_p=0.1, max_tokens=1, stop=())
    assert shape(logprobs, whole, vocab_size=40, order="min-p last").is_exact


def test_a_flat_distribution_is_not_called_exact() -> None:
    """The negative twin: with a nucleus beyond the list the bounds must stay open."""
    logprobs = np.full(10, -np.log(100.0))
    nucleus = Sampling(temperature=1.0, top_k=0, top_p=0.95, min_p=0.0, max_tokens=1, stop=())
    shaped = shape(logprobs, nucleus, vocab_size=100, order="min-p last")
    assert not shaped.is_exact
    assert shaped.rest > 0.8
