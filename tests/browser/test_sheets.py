"""Tables over many problems in a browser: alone, beside a measured trace, and with hostile names."""

from __future__ import annotations

import pytest

from tests.methods import tabled_cases as tabled
from tests.report import report_cases as cases
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser

EDITS = tabled.document(tabled.edits())
MODULO = tabled.document(tabled.modulo())


def test_a_table_alone_opens_with_its_numbers_and_their_intervals(open_report):
    page = open_report(page_of((EDITS, MODULO), title="both"))
    assert page.locator(".sheet").count() == 2 and page.locator(".tracelist").count() == 0
    first = page.locator(".sheet").first
    assert first.locator("tbody th").all_inner_texts() == ["WALL", "paraphrase"]
    cell = first.locator("tbody tr").first.locator("td").nth(4)
    assert cell.inner_text().split() == ["−0.50", "[−0.80,", "−0.20]"]
    # From −1 to 1 the interval lies between a tenth and four tenths of the scale, the value at a quarter.
    track, bar, mark = (cell.locator(f".whisker{part}").bounding_box() for part in ("", " i", " b"))
    for box, part, share in ((bar, 0, 0.1), (bar, 1, 0.4), (mark, 0.5, 0.25)):
        assert abs((box["x"] + part * box["width"] - track["x"]) / track["width"] - share) < 0.01
    assert "9f2c61d07ab1443e" in first.locator(".run").inner_text() and "tokenworth edits" in first.locator(".run").inner_text()
    assert first.locator(".notes li").count() == 1
    page.keyboard.press("o")
    assert page.locator(".sheet").count() == 2, "there is no trace to go to"


@pytest.mark.parametrize("width", [1280, 420])
def test_a_table_beside_a_trace_is_one_key_away(open_report, width):
    page = open_report(page_of([cases.curve(), EDITS], title="both"), width=width)
    assert page.locator(".sheet").count() == 1 and page.locator("#tw-pane").count() == 0
    page.keyboard.press("o")
    page.locator("#tw-pane").wait_for()
    assert page.locator(".sheet").count() == 0
    page.get_by_role("button", name="‹ tables").click()
    page.locator(".sheet").wait_for()
    page.keyboard.press("o")
    page.locator("#tw-pane").wait_for()
    page.keyboard.press("o")
    page.locator(".sheet").wait_for()
    # The page itself never scrolls sideways; the table does within its own frame.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_trace_without_tables_has_no_way_to_them(open_report):
    page = open_report(page_of([cases.curve()], title="one"))
    page.keyboard.press("o")
    assert page.locator("#tw-pane").count() == 1 and page.get_by_role("button", name="‹ tables").count() == 0


def test_hostile_names_are_shown_and_do_nothing(open_report):
    hostile = "<img src=x onerror=alert(1)></script>"
    facts = tabled.edits(tabled.group(hostile), task=hostile, notes=[hostile])
    page = open_report(page_of([tabled.document(facts)]))
    assert page.locator(".sheet tbody th").inner_text() == hostile and page.locator("img").count() == 0
