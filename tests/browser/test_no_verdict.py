"""A report in which most rollouts have no verdict, in a browser."""

from __future__ import annotations

import json

import pytest

from tests.browser.waiting import until
from tests.report.test_no_verdict import open_curve
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
def test_the_share_stands_beside_the_value_and_the_text_is_hatched(open_report, width):
    page = open_report(page_of([open_curve(0.6)]), "#v1&t=40&p=1", width=width)
    until(page, "document.querySelector('.readout .noverdict') !== null")
    assert page.locator(".readout .noverdict").inner_text() == "60 % no verdict"
    drawn = page.locator("#tw-pane .u").nth(40)
    assert "open-half" in drawn.get_attribute("class") and "repeating" in drawn.evaluate("e => getComputedStyle(e).backgroundImage")
    legend = page.locator(".legend").inner_text()
    assert "half or more of the rollouts have no verdict" in legend
    assert "if those without a verdict hit" in page.locator(".stackbar").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_switch_shows_the_value_given_a_verdict_and_is_in_the_address(open_report):
    doc = open_curve(0.6)
    page = open_report(page_of([doc]), "#v1&t=40&p=1")
    until(page, "document.querySelector('.readout .noverdict') !== null")
    number = "document.querySelector('.readout .interval').parentElement.querySelector('data').value"
    assert float(page.evaluate(number)) == pytest.approx(doc.value[41], abs=1e-6)
    before = page.evaluate("document.querySelector('canvas.c-curve').toDataURL()")
    page.get_by_role("button", name="with a verdict").click()
    page.mouse.move(5, 5)
    until(page, "document.querySelector('.readout').innerText.includes('P(correct | verdict)')")
    assert float(page.evaluate(number)) == pytest.approx(doc.verdicts.given[41], abs=1e-6)
    until(page, "location.hash.includes('g=1')")
    until(page, f"document.querySelector('canvas.c-curve').toDataURL() !== {json.dumps(before)}")
    assert "if those without a verdict hit" not in page.locator(".stackbar").first.inner_text()
    again = open_report(page_of([doc]), "#v1&t=40&p=1&g=1")
    until(again, "document.querySelector('.readout').innerText.includes('P(correct | verdict)')")


def test_the_panel_and_the_download_hold_the_limits(open_report):
    view = page_of([open_curve(0.6)])
    page = open_report(view, "#v1&t=40&p=1")
    until(page, "document.querySelector('.detail') !== null")
    detail = page.locator(".detail").inner_text()
    assert "They are in the denominator" in detail and "P(correct | verdict)" in detail
    with page.expect_download() as download:
        page.get_by_text("Download JSON").click()
    found = json.loads(download.value.path().read_text())["trace"]["curve"]["verdicts"]
    wanted = view.traces[0].curve.verdicts
    for name in ("missing", "high_if_met", "given", "given_low", "given_high"):
        assert found[name] == pytest.approx(list(getattr(wanted, name)), rel=1e-5)


def test_a_share_that_does_not_matter_leaves_the_page_as_it_was(open_report):
    page = open_report(page_of([open_curve(0.04)]), "#v1&t=40&p=1&g=1")
    until(page, "document.querySelector('.readout .interval') !== null")
    assert page.locator(".noverdict, .open-half").count() == 0
    assert page.get_by_role("button", name="with a verdict").count() == 0
