"""The report of forced answers that are known only within bounds, in a browser."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.browser.waiting import until
from tests.report import report_cases as cases
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser

BASE = cases.trace()


def document():
    exact = cases.forced(trace=BASE)
    return dataclasses.replace(exact, exits=tuple(cases.unlisted(e) for e in exact.exits))


def test_options_that_were_not_listed_are_shown_by_their_upper_bound(open_report):
    doc = document()
    exit_doc = doc.exits[0]
    row = next(
        i for i, c in enumerate(exit_doc.cuts) if i > 20 and exit_doc.probability[0][i] is None and exit_doc.probability[1][i] is not None
    )
    page = open_report(page_of([doc]), f"#v1&t={exit_doc.cuts[row] - 1}&p=1")
    until(page, "document.querySelector('.shares') !== null")
    first = page.locator(".shares tbody tr").nth(0).locator(".num")
    assert first.inner_text().startswith("≤ ")
    assert (
        exit_doc.probability_high[0][row] <= float(first.locator("data").get_attribute("value")) <= exit_doc.probability_high[0][row] + 1e-3
    )
    second = page.locator(".shares tbody tr").nth(1).locator(".num data")
    assert float(second.get_attribute("value")) == pytest.approx(exit_doc.probability[1][row], abs=1e-6)
    rest = [float(x) for x in page.locator(".shares .rest data").evaluate_all("es => es.map(e => e.value)")]
    assert rest == pytest.approx([1 - exit_doc.mass_high[row], 1 - exit_doc.mass[row]], abs=1.1e-3)
    page.get_by_role("button", name="renormalised").click()
    page.mouse.move(5, 5)
    until(page, "document.querySelector('.shares').parentElement.querySelector('.aside').textContent === 'renormalised'")
    bounds = [float(x) for x in page.locator(".shares tbody tr").nth(1).locator(".num data").evaluate_all("es => es.map(e => e.value)")]
    p = exit_doc.probability[1][row]
    assert bounds == pytest.approx([p / exit_doc.mass_high[row], p / exit_doc.mass[row]], abs=1.1e-3)
    assert "not listed: up to" in page.locator(".stackbar", has_text="forced answer").inner_text()


def test_the_download_and_the_table_hold_the_bounds(open_report):
    doc = document()
    view = page_of([doc])
    page = open_report(view, "#v1&s=data")
    with page.expect_download() as download:
        page.get_by_text("Download JSON").click()
    stack, *_ = json.loads(download.value.path().read_text())["trace"]["stacks"]
    wanted = view.traces[0].stacks[0]
    assert stack["massHigh"] == pytest.approx(list(wanted.mass_high), rel=1e-5)
    for a, b in zip(stack["allHigh"], wanted.all_high, strict=True):
        assert a == pytest.approx(list(b), rel=1e-5)
    for a, b in zip(stack["share"], wanted.share, strict=True):
        assert [x is None for x in a] == [x is None for x in b]
        assert [x for x in a if x is not None] == pytest.approx([x for x in b if x is not None], rel=1e-5)
    page.locator("#tw-table-forced summary").first.click()
    until(page, "document.querySelectorAll('#tw-table-forced tbody tr').length > 0")
    text = page.locator("#tw-table-forced").first.locator("tbody").inner_text()
    assert text.count("≤ ") == sum(x is None for row in wanted.all_raw for x in row[:100])


def test_a_page_without_bounds_has_no_band(open_report):
    page = open_report(page_of([cases.forced(trace=BASE)]), "#v1&t=30&p=1")
    assert "not listed" not in page.locator(".stackbar", has_text="forced answer").inner_text()
    assert page.locator(".open").count() == 0
