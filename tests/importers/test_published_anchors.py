"""Published sentence importances are those of the imported success rates: every one, and no other sign."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.real_data import shared
from tokenworth.importers.thought_anchors import CHUNKS, thought_anchors_folder
from tokenworth.stats.difference import newcombe
from tokenworth.stats.selection import discovered


@pytest.mark.slow
def test_resampling_importance_is_recomputed_exactly_and_few_survive() -> None:
    ours, theirs, k, n = list[float](), list[float](), list[tuple[float, float]](), list[tuple[float, float]]()
    for path in sorted(shared("thought-anchors").rglob(CHUNKS)):
        document = thought_anchors_folder(path.parent)
        chunks = json.loads(path.read_text(encoding="utf-8"))
        known = zip(document.value, document.value[1:], document.n_effective, document.n_effective[1:], chunks, strict=False)
        for before, after, n0, n1, chunk in known:
            if before is not None and after is not None and n0 and n1:
                ours.append(after - before)
                theirs.append(chunk["resampling_importance_accuracy"])
                k.append((round(before * n0), round(after * n1)))
                n.append((n0, n1))
    assert len(ours) > 4000
    assert np.allclose(ours, theirs, rtol=0, atol=1e-9)
    assert not np.allclose(np.negative(ours), theirs, rtol=0, atol=1e-9), "the negative twin: with the other sign"
    (a, b), (m, r) = np.asarray(k, dtype=np.float64).T, np.asarray(n, dtype=np.float64).T
    low, high = newcombe(b, r, a, m, 0.95)
    assert 0.05 < np.mean((low > 0) | (high < 0)) < 0.08
    pooled = (a + b) / (m + r)
    error = np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / r))
    z = np.divide(b / r - a / m, error, out=np.zeros(len(a)), where=error > 0)
    from scipy.stats import norm

    assert 0.005 < np.mean(discovered(2 * norm.sf(np.abs(z)), 0.05)) < 0.02
