"""A 30,000-token trace opens and answers quickly. Bounds are loose, on processor time; `bench/report_size.py` has figures."""

from __future__ import annotations

import random

import pytest

from tests.report import report_cases as cases
from tokenworth.report.page import page_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_thirty_thousand_tokens(open_report):
    n = 30_000
    base = cases.trace(n)
    page = open_report(page_of([cases.curve(n, trace=base), cases.forced(n, trace=base)]))
    assert page.processor_ms() <= 2500
    page.wait_for_timeout(300)
    box = page.locator(".scroller").bounding_box()
    rng = random.Random(0)
    before = page.processor_ms()
    for _ in range(60):
        page.mouse.move(box["x"] + rng.uniform(80, 700), box["y"] + rng.uniform(8, box["height"] - 8))
        page.wait_for_timeout(20)
    assert 0 < page.processor_ms() - before <= 60 * 60
    assert page.locator("#tw-pane *").count() < 8000
    page.keyboard.press("End")
    assert page.evaluate("document.querySelector('#tw-pane .cur').unit") == n - 1
    size = page.evaluate("document.documentElement.outerHTML.length")
    assert size < 4_000_000
