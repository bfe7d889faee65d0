"""What a reader sees first: the place that matters most, the whole question, a legend of every mark; and the figure to take away."""

from __future__ import annotations

import dataclasses
import re
import struct
from xml.etree import ElementTree

import pytest

from tests.browser.test_page import both, shown
from tests.browser.waiting import until
from tests.report import report_cases as cases
from tests.report.test_lead import BASE as SMALL
from tests.report.test_lead import SURE, curve
from tokenworth.core.problem import Problem
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser

VALUES = (0.1, 0.1, 0.4, 0.54, 0.5)
SVG = "{http://www.w3.org/2000/svg}"


def test_a_page_opens_on_the_token_that_matters_most(open_report):
    page = open_report(page_of([curve(VALUES, SURE)]))
    assert shown(page) == 2 and page.locator("#tw-pane .pin").count() == 1
    assert page.locator(".lead b").inner_text().replace("\u00a0", " ").startswith("After “ 14” the answer is right 54 % of the time")
    assert "+6.0 to +22" in page.locator(".lead small").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    assert shown(page) == -1
    page.locator(".lead").click()
    assert shown(page) == 2 and page.locator("#tw-pane .pin").count() == 1


@pytest.mark.parametrize(("place", "unit"), [("#v1&t=-1", -1), ("#v1&t=3", 3), ("#v1&m=delta", 2)])
def test_an_address_that_names_a_token_is_followed(open_report, place, unit):
    page = open_report(page_of([curve(VALUES, SURE)]), place)
    assert shown(page) == unit


def test_the_scale_is_stretched_to_the_data_and_the_address_keeps_it(open_report):
    page = open_report(page_of([curve(VALUES, SURE)]), "#v1&t=0&m=value")
    bins = "[...document.querySelectorAll('#tw-pane .u')].map(e => +/\\bb(\\d+)\\b/.exec(e.className)[1])"
    assert page.evaluate(bins) == [2, 8, 11, 10]
    page.locator(".legend .chip").click()
    assert page.evaluate(bins) == [0, 14, 20, 18]
    assert page.locator(".legend > span").all_inner_texts()[0] == "0.10" and page.locator(".legend > span").all_inner_texts()[2] == "0.54"
    until(page, "location.hash === '#v1&t=0&m=value&z=1'")
    page.reload()
    until(page, "Boolean(window.__tw)")
    assert page.evaluate(bins) == [0, 14, 20, 18]
    page.locator('[data-metric="delta"]').click()
    ends = page.locator(".legend > span").all_inner_texts()
    assert ends[0] == "−0.30" and ends[2] == "+0.30", "0 stays in the middle"


def test_the_whole_question_can_be_read(open_report):
    question = "One line of a question.\n" * 12 + "How many?"
    free = Problem(id="q", question=question, options=(), gold=None)
    page = open_report(page_of([cases.curve(trace=cases.trace(), problem=free)]))
    heading = page.locator(".top h1")
    hidden = "(e => e.scrollHeight - e.clientHeight)(document.querySelector('.top h1'))"
    until(page, f"{hidden} > 100")
    page.get_by_role("button", name="whole question").click()
    assert heading.inner_text() == question and page.evaluate(hidden) <= 2
    assert open_report(both()).get_by_role("button", name="whole question").count() == 0


def test_every_mark_of_the_page_is_in_a_legend(open_report):
    page = open_report(both())
    kinds = {e.kind for e in both().traces[0].events if e.stack <= 0}
    assert page.locator(".lanekeys .glyph").count() == len(kinds)
    words = page.locator(".keys").all_inner_texts()
    for mark in ("rollouts began here", "pointwise interval", "not on options", "B ✓ correct", "end of the trace", "underlined", "cursor"):
        assert any(mark in line for line in words), mark


def test_outcomes_come_by_their_share(open_report):
    page = open_report(page_of([cases.curve(trace=cases.trace()), cases.sample_set()]), "#v1&t=20&s=samples")
    counts = [int(x) for x in page.locator(".chips small").all_inner_texts()]
    assert counts == sorted(counts, reverse=True) and "✓" in page.locator(".chips").inner_text()
    totals = [int(x) for x in re.findall(r"(\d+)(?: ·|$)", page.locator(".setline small", has_text="✓").inner_text())]
    assert totals == sorted(totals, reverse=True)
    page.locator("#tab-token").click()
    shares = [float(x) for x in page.locator(".shares tr:not(.rest) data").evaluate_all("es => es.map(e => e.value)")]
    assert len(shares) == 6 and shares == sorted(shares, reverse=True)


def test_a_narrow_page_has_room_to_search_and_to_read(open_report):
    page = open_report(page_of([cases.curve(trace=cases.trace()), cases.sample_set()]), width=390, height=844)
    field = page.locator(".find input")
    assert float(field.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 16
    boxes = [one.bounding_box() for one in page.locator(".acts, .picker, .find, .subject").all()]
    for k, a in enumerate(boxes):
        assert a and a["x"] >= 0 and a["x"] + a["width"] <= 390
        for b in boxes[:k]:
            assert (
                a["x"] + a["width"] <= b["x"] + 0.5
                or b["x"] + b["width"] <= a["x"] + 0.5
                or a["y"] >= b["y"] + b["height"] - 0.5
                or b["y"] >= a["y"] + a["height"] - 0.5
            )
    assert page.evaluate("document.querySelector('.app').scrollTop") == 0, "the sentence is at the top"
    field.fill("should be B")
    until(page, "document.querySelector('.found').textContent.startsWith('1 of')")
    until(page, "(b => b.top > 52 && b.bottom < innerHeight)(document.querySelector('#tw-pane .cur').getBoundingClientRect())")
    assert page.locator(".readout").bounding_box()["y"] == 0, "the numbers stay in sight"
    page.locator(".lead").click()
    until(page, "document.querySelector('.app').scrollTop > 400")
    page.wait_for_timeout(100)
    assert page.locator(".readout").bounding_box()["y"] == 0 and page.evaluate("scrollY") == 0


HOSTILE = "<script>x()</script>&\"'\x00\x1b\ufffe\u202e"


def test_the_figure_as_svg_and_png(open_report):
    bad = dataclasses.replace(SMALL, pieces=("a ", HOSTILE, "\n 14", " d"))
    page = open_report(page_of([curve(VALUES, SURE, bad)]))
    page.keyboard.press("t")
    page.locator(".acts button", has_text="Figure").click()
    sizes = {}
    for mm in (85, 170):
        page.get_by_role("button", name=f"{mm} mm").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="SVG", exact=True).click()
        text = download.value.path().read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.get("width") == f"{mm}mm" and not re.search(r"(href|url\((?!#)|<style|<script|<image)", text)
        written = "".join(e.text or "" for e in root.iter(f"{SVG}text"))
        assert "<script>x()</script>&\"'⟨U+0000⟩" in written.replace("\u00a0", " ") and "14" in written and "P(correct)" in written
        # Paper is light, whatever the page is.
        assert root.get("fill").lower() == "#1f2328" and "(after this many tokens)" in written
        with page.expect_download() as download:
            page.get_by_role("button", name="PNG").click()
        data = download.value.path().read_bytes()
        sizes[mm] = struct.unpack(">II", data[16:24])
        assert data[37:41] == b"pHYs" and struct.unpack(">IIB", data[41:50]) == (11811, 11811, 1)
        assert download.value.suggested_filename.endswith(f"{mm}mm.png")
    assert [size[0] for size in sizes.values()] == [1004, 2008]
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog.figure[open]')")


def test_the_figure_of_forced_answers_and_of_a_part(open_report):
    page = open_report(page_of([cases.forced(trace=cases.trace())]), "#v1&t=100&m=forced&r=90-160")
    page.keyboard.press("f")
    svg = page.locator(".paper svg")
    texts = svg.locator("text").all_text_contents()
    assert "B (gold)" in texts and "mass on the options" in texts and "share of the forced answer" in texts
    assert "tokens 90 to 159 of" in svg.locator("title").text_content(), "of the part that is zoomed to"
