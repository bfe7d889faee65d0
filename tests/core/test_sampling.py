"""The sampling distribution q against sums done by hand, and each filter at its edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.core.sampling import Sampling, sampling_distribution

P = np.asarray([0.4, 0.3, 0.2, 0.1])
NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": 9, "stop": ()}


def q(**changes: float) -> list[float]:
    return sampling_distribution(np.log(P), Sampling(**(NEUTRAL | changes))).tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(("changes", "weights"), [
    ({}, [4, 3, 2, 1]),
    ({"temperature": 0.0}, [1, 0, 0, 0]),
    ({"temperature": 0.5}, [16, 9, 4, 1]),
    ({"temperature": 1e-300}, [1, 0, 0, 0]),
    ({"top_k": 2}, [4, 3, 0, 0]),
    ({"top_k": 9}, [4, 3, 2, 1]),
    # The smallest set whose mass reaches top-p: the token that reaches it is kept.
    ({"top_p": 0.39}, [1, 0, 0, 0]),
    ({"top_p": 0.41}, [4, 3, 0, 0]),
    ({"top_p": 0.69}, [4, 3, 0, 0]),
    ({"top_p": 0.71}, [4, 3, 2, 0]),
    ({"top_p": 0.95}, [4, 3, 2, 1]),
    ({"min_p": 0.49}, [4, 3, 2, 0]),
    ({"min_p": 0.51}, [4, 3, 0, 0]),
    # In this order: of the two that top-k keeps, 4/7 reaches .5 alone; and min-p asks of what top-p left.
    ({"top_k": 2, "top_p": 0.5}, [1, 0, 0, 0]),
    ({"temperature": 0.5, "top_p": 0.6}, [16, 9, 0, 0]),
    ({"temperature": 0.5, "min_p": 0.3}, [16, 9, 0, 0]),
])  # fmt: skip
def test_filters_keep_what_their_definition_says(changes: dict[str, float], weights: list[float]) -> None:
    np.testing.assert_allclose(q(**changes), np.asarray(weights) / sum(weights), rtol=1e-12)


def test_ties_go_to_the_lower_id() -> None:
    tied = sampling_distribution(np.zeros(4), Sampling(**(NEUTRAL | {"top_k": 2})))  # type: ignore[arg-type]
    assert tied.tolist() == [0.5, 0.5, 0.0, 0.0]


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=12), st.floats(0, 5), st.integers(0, 13), st.floats(0.01, 1), st.floats(0, 0.99))
def test_it_is_a_distribution_whatever_the_filters(logits: list[float], temperature: float, top_k: int, top_p: float, min_p: float) -> None:
    found = sampling_distribution(
        np.asarray(logits), Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, max_tokens=1, stop=())
    )
    assert found.sum() == pytest.approx(1) and (found >= 0).all()
    # Logits that differ by less than rounding are tied, and the lower id is kept.
    assert found[np.isclose(logits, max(logits), rtol=0, atol=1e-12)].sum() > 0
