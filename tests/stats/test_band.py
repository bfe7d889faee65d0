"""The band of a whole curve: what it holds, how often, and a twin that misses somewhere."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.helpers import PLAIN, settings
from tokenworth.backends.toy.backend import ToyCodec
from tokenworth.backends.toy.forks import Forks
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.methods.curve.document import curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.band import forks_before, level_of_each
from tokenworth.store.documents import document_json, parse_document


def bump(seed: int = 0) -> Forks:
    """A sixth of the trace is worth .9, the rest .2; half of the tokens are forks."""
    rng, length = np.random.default_rng([3, seed]), 60
    p = np.where(rng.random(length) < 0.5, rng.beta(4, 1.2, length).clip(0.05, 0.99), 1.0)
    worth = np.where((np.arange(length) >= 20) & (np.arange(length) < 30), 0.9, 0.2)
    return Forks(p=p, share=np.full((length, 2), 0.5), worth=np.tile(worth[:, None], 2), ends_right=False)


def run(base: Forks, seed: int, **choices: object) -> CurveResult:
    made = curve(base.trace, judge=base.judge, sampling=PLAIN, settings=settings(seed=seed, **choices))
    return base.run(made, np.random.default_rng([8, seed]))


def test_the_level_of_each_is_shared_by_the_forks() -> None:
    assert forks_before(np.asarray([1.0, 0.5, 1 - 1e-12, 0.0, 0.3]), 4) == 2
    assert level_of_each(0.95, 10) == pytest.approx(0.995)
    assert level_of_each(0.95, 0) == 0.95, "a trace without a fork has one value"


@given(st.integers(0, 1000), st.integers(1, 150))
@hypothesis_settings(max_examples=25, deadline=None)
def test_it_holds_the_pointwise_limits_and_what_is_possible(seed: int, budget: int) -> None:
    result = run(bump(seed % 7), seed, max_rollouts=budget)
    band = result.band
    assert band is not None
    assert (band.low <= result.low + 1e-12).all() and (band.high >= result.high - 1e-12).all()
    assert (band.low >= 0).all() and (band.high <= 1).all()


RUNS = 120
LEAST = int(binom.ppf(1e-6, RUNS, 0.95))
"""A band that holds in .95 of the runs is below this with a chance of 1e-6."""


@lru_cache(maxsize=1)
def _whole() -> tuple[int, int]:
    """Of 120 runs, those whose whole curve is in the band, and in the pointwise limits."""
    base = bump()
    got = [run(base, seed, max_rollouts=150) for seed in range(RUNS)]

    def holds(low: np.ndarray, high: np.ndarray) -> bool:
        return bool(((low - 1e-9 <= base.values) & (base.values <= high + 1e-9)).all())

    return sum(r.band is not None and holds(r.band.low, r.band.high) for r in got), sum(holds(r.low, r.high) for r in got)


@pytest.mark.slow
def test_the_whole_curve_is_inside_and_pointwise_limits_miss_it_somewhere() -> None:
    band, pointwise = _whole()
    assert band >= LEAST
    assert pointwise < LEAST


def test_document_text_and_page_name_both_levels() -> None:
    result = run(bump(), 0, max_rollouts=80)
    doc = curve_document(result, ToyCodec(vocab_size=8), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")))
    assert parse_document(document_json(doc), "x") == doc
    assert doc.band_low is not None and doc.band_level == pytest.approx(1 - 0.05 / forks_before(bump().p, 60))
    page = page_of([doc])
    text = render_text(page, width=200)
    assert "95% pointwise beta" in text and "95% simultaneous band, which holds the whole curve (beta limits of 99." in text
    assert "\n  upper " in text and "\n  lower " in text
    html = render_html(page)
    assert "low of the band of the whole curve" in html and '"band_low":{' in html


def test_a_plain_plan_counts_the_cuts_it_measured() -> None:
    base = bump()
    made = settings(plan="stride", stride=20, samples=5)
    rng = np.random.default_rng(1)
    values = base.values

    class Any(Forks):
        """Rollouts from any cut, of one token."""

        def _rollout(self, request, first, last):  # type: ignore[no-untyped-def]
            from tokenworth.core.request.sample import Rollout
            from tokenworth.core.tokens import StopReason

            return Rollout(ids=(3, 1 if last < values[request.cut] else 2), stop=StopReason.STOP)

    known = Any(p=base.p, share=base.share, worth=base.worth, ends_right=False)
    result = known.run(curve(base.trace, judge=base.judge, sampling=PLAIN, settings=made), rng)
    assert result.band is not None and result.band.each == pytest.approx(1 - 0.05 / 4)
    assert np.isnan(result.band.low[1]) and not np.isnan(result.band.low[[0, 20, 40, 60]]).any()
