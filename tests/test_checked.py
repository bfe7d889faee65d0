"""The type checks of the tests themselves: a wrong array is caught at first, and later too."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from tests.checked import EVERY, FIRST
from tokenworth.core.estimate import Estimate
from tokenworth.stats.by_cluster import ranks


def test_wrong_arrays_are_caught_now_and_then() -> None:
    wrong = np.zeros((2, 3))
    caught = 0
    for _ in range(FIRST + 2 * EVERY):
        try:
            ranks(wrong)
        except TypeCheckError:
            caught += 1
        except Exception:  # noqa: BLE001 - what numpy makes of it
            continue
    assert 2 <= caught <= FIRST + 3


def test_wrong_fields_are_caught() -> None:
    def made() -> None:
        for _ in range(2 * EVERY):
            Estimate(value="a half", low=0.0, high=1.0)  # pyright: ignore[reportArgumentType]

    with pytest.raises(TypeCheckError):
        made()
