"""Tables over many problems in a browser: alone, beside a measured trace, and with hostile names."""

from __future__ import annotations

import pytest

from tests.browser.waiting import until
from tests.methods import tabled_cases as tabled
from tests.report import report_cases as cases
from tests.report import test_pieces as made
from tokenworth.core.estimate import Estimate
from tokenworth.report.page import page_of
from tokenworth.report.sections.sheet import SheetColumn, SheetView, cell, number_cell

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


def pieces_page():
    claims = [(12, -0.5), (9, 0.25), (103, 0.75)]
    rows = tuple((cell(f"{token:,}"), number_cell(Estimate(value=x, low=x - 0.1, high=x + 0.1), form="+.2f")) for token, x in claims)
    one = SheetView(
        title="claims",
        columns=(SheetColumn(name="token", kind="count"), SheetColumn(name="Δ", kind="difference")),
        rows=rows,
        keys=("t12", "t9", "t1"),
        details=((), (), (made.texts("<b>sample</b>"),)),
        facts=(),
        pieces=tuple(make("<b>plain</b>") for make in made.PIECES.values()),
    )
    return made.page(one, one)


def test_a_table_is_sorted_by_click_and_by_key(open_report):
    page = open_report(page_of((EDITS,), title="one"))
    head = page.locator(".sheet thead th").first
    assert head.get_attribute("aria-sort") is None
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    first = page.locator(".sheet tbody th").all_inner_texts()
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert first == ["paraphrase", "WALL"] and page.locator(".sheet tbody th").all_inner_texts() == first[::-1]


def test_a_row_has_an_address_that_opens_marks_and_shows_it(open_report):
    page = open_report(pieces_page(), place="#v1&w=1.t1")
    row = page.locator("tr.here")
    row.wait_for()
    assert row.count() == 1 and row.locator("th").inner_text() == "103"
    box = row.bounding_box()
    assert 0 <= box["y"] <= 900, "it is in view"
    assert page.locator("tr.detail pre").inner_text() == "<b>sample</b>"
    other = page.locator(".sheet").nth(0).locator("tbody tr").nth(1)
    other.locator(".to").focus()
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('w=0.t9')")
    assert page.locator("tr.here th").inner_text() == "9"
    page.evaluate("location.hash = '#v1&w=0.t12'")
    until(page, "document.querySelector('tr.here th')?.innerText === '12'")


@pytest.mark.parametrize("width", [1280, 390])
def test_pieces_are_read_by_key_and_lead_to_their_rows(open_report, width):
    page = open_report(pieces_page(), width=width)
    first = page.locator(".sheet").first
    assert page.evaluate("document.documentElement.scrollWidth") <= width and page.locator("b:text-is('plain')").count() == 0
    map_ = first.get_by_label("heat map")
    map_.focus()
    page.keyboard.press("ArrowRight")
    told = lambda name: first.locator(f".piecebox:has(canvas[aria-label*='{name}']) .told").inner_text()  # noqa: E731
    assert "+0.50 [+0.40, +0.60]" in told("heat map")
    page.keyboard.press("ArrowRight")
    assert "not measured" in told("heat map")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert "−0.95" in told("heat map")
    first.get_by_label("arrow keys read their numbers").focus()
    page.keyboard.press("ArrowRight")
    assert "0.100 [0.000, 0.200]" in told("lines")
    first.get_by_role("button", name="95 % simultaneous").click()
    assert first.get_by_role("button", name="95 % simultaneous").get_attribute("aria-pressed") == "true"
    assert "[-0.100, 0.300]" in told("lines")
    mark = first.locator(".markedtext [role=link]")
    mark.focus()
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('w=0.t1')")
    assert page.locator("tr.here th").inner_text() == "103"
