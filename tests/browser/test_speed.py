"""A 30,000-token trace opens and answers quickly. Bounds are loose for busy machines; `bench/report_size.py` has the figures."""

from __future__ import annotations

import random

import pytest

from tests.report import report_cases as cases
from tokenworth.report.page import page_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WATCH = """() => { window.__t = [];
  window.addEventListener('pointerover', (e) => requestAnimationFrame(() => {
    const c = new MessageChannel(); c.port1.onmessage = () => window.__t.push(performance.now() - e.timeStamp); c.port2.postMessage(0);
  }), true); }"""


def test_thirty_thousand_tokens(open_report):
    n = 30_000
    base = cases.trace(n)
    page = open_report(page_of([cases.curve(n, trace=base), cases.forced(n, trace=base)]))
    assert page.evaluate("window.__tw.ready") <= 2500
    page.wait_for_timeout(300)
    box = page.locator(".scroller").bounding_box()
    rng = random.Random(0)
    page.evaluate(WATCH)
    for _ in range(60):
        page.mouse.move(box["x"] + rng.uniform(80, 700), box["y"] + rng.uniform(8, box["height"] - 8))
        page.wait_for_timeout(20)
    times = sorted(page.evaluate("window.__t"))
    assert len(times) >= 30 and times[int(0.95 * len(times))] <= 120
    assert page.locator("#tw-pane *").count() < 8000
    page.keyboard.press("End")
    assert page.evaluate("document.querySelector('#tw-pane .cur').unit") == n - 1
    size = page.evaluate("document.documentElement.outerHTML.length")
    assert size < 4_000_000
