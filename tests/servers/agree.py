"""Whether two curves of independent rollouts, n at each cut, are of one model."""

import numpy as np

FALSE_ALARM = 1e-7


def agree(first: np.ndarray, second: np.ndarray, n: int) -> bool:
    """Whether the mean values of two plain curves are no further apart than `FALSE_ALARM` allows.

    Hoeffding: with m rollouts in all of each curve, P(|difference| ≥ t) ≤ 2 exp(-m t²).
    """
    return bool(abs(np.mean(first) - np.mean(second)) < np.sqrt(np.log(2 / FALSE_ALARM) / (n * len(first))))
