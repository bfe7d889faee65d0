"""The torch sampler against the numpy reference, and the inverse CDF."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.local import local_models  # noqa: F401  (skips without torch)
from tests.backends.local.local_models import sampling
from tokenworth.backends.local import sampler
from tokenworth.backends.local.sampler import Support, draw, support
from tokenworth.core.sampling import Sampling, sampling_distribution
from tokenworth.errors import InvalidInput

PARAMETERS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 0.6, 1.0, 1.7]),
    top_k=st.sampled_from([0, 1, 2, 5, 20, 1000]),
    top_p=st.sampled_from([1.0, 0.95, 0.5, 0.01]),
    min_p=st.sampled_from([0.0, 0.05, 0.3]),
    max_tokens=st.just(1),
    stop=st.just(()),
)


def dense(found: Support, vocabulary: int) -> np.ndarray:
    """q over the whole vocabulary."""
    q = torch.zeros(found.q.shape[0], vocabulary, dtype=torch.float64)
    if found.ids is None:
        return found.q.numpy()
    return q.scatter_(1, found.ids, found.q).numpy()


@settings(max_examples=250, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    vocabulary=st.sampled_from([2, 7, 63, 64, 65, 300]),
    spread=st.sampled_from([0.0, 0.1, 3.0, 50.0]),
    coarse=st.booleans(),
    params=PARAMETERS,
)
def test_support_equals_the_reference(seed: int, vocabulary: int, spread: float, coarse: bool, params: Sampling):
    """Coarse logits are full of ties, which must fall to the lower id in both."""
    logits = np.random.default_rng(seed).normal(size=(4, vocabulary)).astype(np.float32) * np.float32(spread)
    if coarse:
        logits = np.round(logits)
    got = dense(support(torch.from_numpy(logits), params), vocabulary)
    for row, expected in zip(got, [sampling_distribution(row, params) for row in logits], strict=True):
        # A cumulated mass within rounding of top-p may fall on either side; the sets then differ by one token there.
        if ((row > 0) != (expected > 0)).any():
            assert params.top_p < 1 and _borderline(logits, params)
        else:
            np.testing.assert_allclose(row, expected, atol=1e-12)


def _borderline(logits: np.ndarray, params: Sampling) -> bool:
    shifted = [Sampling(**{**_fields(params), "top_p": params.top_p + d}) for d in (-1e-12, 1e-12)]
    return any(((sampling_distribution(row, shifted[0]) > 0) != (sampling_distribution(row, shifted[1]) > 0)).any() for row in logits)


def _fields(params: Sampling) -> dict[str, object]:
    return {name: getattr(params, name) for name in ("temperature", "top_k", "top_p", "min_p", "max_tokens", "stop")}


@pytest.mark.parametrize("changes", [{}, {"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.1}, {"temperature": 0.7, "top_k": 20, "top_p": 0.95}])
def test_draw_inverts_the_cdf_over_ascending_ids(changes: dict[str, float]):
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 50)).astype(np.float32) * 2)
    params = sampling(1, **changes)
    q = sampling_distribution(logits[0].numpy(), params)
    uniform = (np.arange(2000) + 0.5) / 2000
    found = support(logits.expand(2000, -1), params).draw(torch.from_numpy(uniform)).numpy()
    expected = np.searchsorted(np.cumsum(q), uniform, side="right")
    assert (found == expected).mean() > 0.999 and (q[found] > 0).all() and (np.diff(found) >= 0).all()


def test_extreme_uniforms_stay_in_the_support():
    q = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]], dtype=torch.float64)
    assert Support(None, q).draw(torch.tensor([0.0], dtype=torch.float64)).item() == 1
    assert Support(None, q).draw(torch.tensor([np.nextafter(1.0, 0.0)], dtype=torch.float64)).item() == 3
    thirds = torch.full((1, 3), 1 / 3, dtype=torch.float64) * 3.0000000001
    assert Support(None, thirds).draw(torch.tensor([np.nextafter(1.0, 0.0)], dtype=torch.float64)).item() == 2


@pytest.mark.parametrize("params", [sampling(1), sampling(1, top_k=5), sampling(1, top_p=0.9), sampling(1, min_p=0.05)])
def test_tokens_that_are_left_out_lose_their_probability_and_no_other_does(params):
    """Two rows with different numbers of tokens, -1 where there are fewer; some are not in the support at all."""
    logits = torch.from_numpy(np.random.default_rng(3).normal(size=(3, 12)) * 2)
    tokens = torch.tensor([[7, 2, 11], [0, -1, -1], [-1, -1, -1]])
    whole, rest = (torch.zeros(3, 12, dtype=torch.float64) for _ in range(2))
    full = support(logits, params)
    for found, out in ((full, whole), (full.without(tokens), rest)):
        ids = torch.arange(12).expand(3, 12) if found.ids is None else found.ids
        out.scatter_(1, ids, found.q)
    for row, gone in enumerate(({7, 2, 11}, {0}, set())):
        for token in range(12):
            assert rest[row, token] == (0.0 if token in gone else whole[row, token])


def test_nothing_left_is_an_error():
    sure = support(torch.tensor([[9.0, 0.0, 0.0]]), sampling(1, temperature=0.0))
    with pytest.raises(InvalidInput, match="nothing to sample"):
        sure.without(torch.tensor([[0]])).draw(torch.tensor([0.5], dtype=torch.float64))
    for params in (sampling(1), sampling(1, temperature=0.0), sampling(1, top_k=1), sampling(1, top_p=0.5)):
        with pytest.raises(InvalidInput, match="nothing to sample"):
            support(torch.tensor([[float("nan"), 0.0]]), params).draw(torch.tensor([0.5], dtype=torch.float64))


def test_top_lists_the_most_likely_first_and_pads():
    ids, q = support(torch.tensor([[0.0, 2.0, 1.0, 2.0]]), sampling(1, top_k=3)).top(5)
    assert ids.tolist() == [[1, 3, 2, -1, -1]] and q[0, 3:].tolist() == [0.0, 0.0] and abs(float(q.sum()) - 1) < 1e-12


def test_ties_at_the_edge_of_top_p_and_tiny_temperatures_are_as_in_the_core() -> None:
    """Equal halves: the smallest set that reaches top-p is the first id alone; and 1e-320 is greedy, not a division by zero."""
    for logits in ([0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [2.0, 5.0, 5.0, -1.0]):
        for temperature, top_p in ((1.0, 0.5), (1.0, 0.25), (0.7, 0.75), (1e-320, 1.0), (1e-300, 0.9)):
            params = Sampling(temperature=temperature, top_k=0, top_p=top_p, min_p=0.0, max_tokens=5, stop=())
            q = support(torch.tensor([logits], dtype=torch.float32), params)
            ours = np.zeros(len(logits))
            ids = np.arange(len(logits)) if q.ids is None else q.ids[0].numpy()
            ours[ids] = q.q[0].numpy()
            np.testing.assert_allclose(ours, sampling_distribution(np.asarray(logits), params), atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"top_p": 0.9}, {"top_p": 0.999}, {"temperature": 1.3, "min_p": 0.01}, {"top_k": 20}])
def test_rows_are_drawn_a_few_at_a_time_as_together(monkeypatch: pytest.MonkeyPatch, changes: dict[str, float]):
    logits = torch.from_numpy(np.random.default_rng(4).normal(size=(9, 3000)).astype(np.float32))
    uniform = torch.from_numpy(np.random.default_rng(5).random(9))
    together = support(logits, sampling(1, **changes)).draw(uniform)
    monkeypatch.setattr(sampler, "_AT_ONCE", 6001)
    drawn, unsure = draw(logits, sampling(1, **changes), uniform)
    assert torch.equal(drawn, together) and unsure.shape == (9,)
