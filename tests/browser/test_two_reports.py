"""Two reports in one document: each has its own state, and what one of them does leaves the other as it is."""

from __future__ import annotations

import pytest

from tests.browser.waiting import until
from tests.report import formal_cases as formal
from tests.report import report_cases as cases
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser

OWN, OTHER = "#tw-app", "#second"
BASE = cases.trace()
WORDS = cases.trace(180)

MOUNT = """async (html) => {
  const data = new DOMParser().parseFromString(html, 'text/html');
  const root = document.createElement('div');
  root.id = 'second';
  root.style.setProperty('height', '100%');
  document.body.append(root);
  window.closeSecond = await tokenworthViewer.mount(root, (name) => data.getElementById('tw-' + name)?.textContent);
}"""

# Everything that a reader can see of a report: its elements, what is drawn and typed, and how far it is scrolled.
SEEN = """(root) => {
  const all = (selector, of) => [...document.querySelector(root).querySelectorAll(selector)].map(of);
  return JSON.stringify([
    document.querySelector(root).innerHTML,
    all('canvas', (c) => c.toDataURL()),
    all('input, select', (e) => [e.value, e.checked]),
    all('.scroller, .list, .panel', (e) => e.scrollTop),
  ]);
}"""


def measured(trace):
    return page_of([cases.curve(trace=trace), cases.forced(trace=trace)])


@pytest.fixture
def two(open_report):
    """A page of one report with another one below it."""

    def opened(own=None, other=None, place: str = "#v1&t=10&m=value"):
        page = open_report(own or measured(BASE), place)
        mount(page, render_html(other or measured(WORDS)))
        return page

    return opened


def mount(page, html: str) -> None:
    page.evaluate(MOUNT, html)
    # It listens to keys once its effects have run, after it is drawn.
    page.locator(f"{OTHER} .app").wait_for()
    page.wait_for_timeout(400)


def seen(page, root: str) -> str:
    return page.evaluate(SEEN, root)


def unit(page, root: str) -> int:
    return page.evaluate("(root) => document.querySelector(root + ' .pane .cur')?.unit ?? -1", root)


def focus(page, root: str) -> None:
    page.evaluate("(root) => document.querySelector(root + ' .pane').focus({preventScroll: true})", root)


def keys(*names: str):
    def act(page, root):
        focus(page, root)
        for name in names:
            page.keyboard.press(name)

    return act


def press(selector: str):
    return lambda page, root: page.locator(f"{root} {selector}").first.click()


def find(page, root):
    focus(page, root)
    page.keyboard.press("/")
    page.keyboard.type("the kidneys")


def zoom(page, root):
    page.locator(f"{root} canvas.c-curve").scroll_into_view_if_needed()
    box = page.locator(f"{root} canvas.c-curve").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 50, steps=5)
    page.mouse.up()


def hover(page, root):
    page.locator(f"{root} .pane .u").nth(40).hover()


ACTIONS = {
    "moves": keys("ArrowRight", "ArrowRight", "ArrowDown"),
    "pin": keys("p"),
    "events": keys("]", "]"),
    "colouring": keys("m"),
    "samples": keys("s"),
    "start": keys("Home"),
    "hover": hover,
    "click": press(".pane .u:nth-child(30)"),
    "tab": press('[id$="tab-data"]'),
    "metric": press('[data-metric="probability"]'),
    "renormalised": press(".seg.small button:nth-child(2)"),
    "find": find,
    "zoom": zoom,
    "help": keys("?"),
}


@pytest.mark.parametrize(("root", "other"), [(OWN, OTHER), (OTHER, OWN)])
def test_what_one_report_does_leaves_the_other_as_it_is(two, root, other):
    page = two()
    mine, yours = seen(page, root), seen(page, other)
    for name, act in ACTIONS.items():
        act(page, root)
        # Longer than the address, an announcement and a frame take.
        page.wait_for_timeout(350)
        before, mine = mine, seen(page, root)
        assert mine != before, f"{name} does nothing"
        assert seen(page, other) == yours, f"{name} changes the other report"


def test_each_report_reads_its_own_data(two):
    mine = [formal.row(6, k, group="mine") for k in range(3)]
    yours = [formal.row(6, 10 + k, group="yours", errors=("WALL",)) for k in range(3)]
    page = two(page_of([formal.document(mine)]), page_of([formal.document(yours)]), "#v1&i=1&o=0")
    assert page.locator(f"{OTHER} .entry").count() == 3
    page.locator(f"{OTHER} .entry").nth(1).click()
    page.locator(f"{OTHER} .pane .u").first.wait_for()
    for root, trace in ((OWN, mine[1]), (OTHER, yours[1])):
        assert page.locator(f"{root} .pane").evaluate("e => e.textContent.trim()") in trace.text
        assert page.locator(f"{root} .vcard").inner_text().startswith("First error" if trace is yours[1] else "No rule")


def test_the_address_is_that_of_the_page_s_own_report(two):
    page = two()
    keys("ArrowRight", "ArrowRight")(page, OWN)
    until(page, "location.hash.includes('t=12&')")
    here = page.evaluate("location.hash")
    before = unit(page, OTHER)
    keys("ArrowRight", "m")(page, OTHER)
    page.wait_for_timeout(500)
    assert unit(page, OTHER) == before + 1 and page.evaluate("location.hash") == here
    kept = seen(page, OTHER)
    page.evaluate("location.hash = 'v1&t=33&m=delta'")
    until(page, "document.querySelector('#tw-app .pane .cur')?.unit === 33")
    page.wait_for_timeout(350)
    assert seen(page, OTHER) == kept
    assert page.evaluate("window.__tw.pane.root.id") == "tw-pane", "the page's own"


def test_keys_go_where_the_focus_is_and_else_to_the_page_s_own_report(two):
    page = two()
    keys("Home")(page, OTHER)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert (unit(page, OWN), unit(page, OTHER)) == (11, -1)
    # A press on what takes no focus by itself.
    page.locator(f"{OTHER} .facts").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (unit(page, OWN), unit(page, OTHER)) == (11, 1)
    page.keyboard.press("g")
    page.keyboard.type("42")
    assert page.locator(f"{OWN} .find input").input_value() == "" and (unit(page, OWN), unit(page, OTHER)) == (11, 42)
    page.keyboard.press("Escape")
    assert page.evaluate("(root) => document.activeElement === document.querySelector(root + ' .pane')", OTHER)
    page.locator(f"{OWN} .facts").click()
    page.keyboard.press("ArrowRight")
    assert (unit(page, OWN), unit(page, OTHER)) == (12, 42)


def test_keys_of_the_tables_go_where_the_focus_is(two):
    tables = page_of([cases.curve(trace=WORDS), formal.mixed(20)], title="both")
    page = two(tables, tables, "#v1&o=1")
    page.locator(f"{OTHER} .facts").click()
    # To the tables, and back.
    for shown in (".cards", ".pane", ".cards"):
        page.keyboard.press("o")
        page.locator(f"{OTHER} {shown}").wait_for()
        assert page.locator(f"{OWN} .pane").count() == 0
    page.locator(f"{OWN} .facts").click()
    page.keyboard.press("o")
    page.locator(f"{OWN} .pane").wait_for()
    assert page.locator(f"{OTHER} .pane").count() == 0


def test_the_theme_is_the_page_s(two):
    page = two()
    drawn = {root: page.locator(f"{root} canvas.c-curve").evaluate("c => c.toDataURL()") for root in (OWN, OTHER)}
    keys("t")(page, OTHER)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_timeout(100)
    for root in (OWN, OTHER):
        assert page.locator(root).get_by_text("◐ dark").count() == 1
        assert page.locator(f"{root} canvas.c-curve").evaluate("c => c.toDataURL()") != drawn[root]
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_no_id_is_there_twice_and_none_points_into_the_other_report(two):
    page = two(place="#v1&t=10&s=data")
    page.locator(f"{OTHER} .tabs button").last.click()
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 20
    for root in (OWN, OTHER):
        lost = page.locator(root).evaluate(
            """(root) => ['controls', 'labelledby', 'describedby'].flatMap((k) => [...root.querySelectorAll(`[aria-${k}]`)]
              .map((e) => e.getAttribute('aria-' + k)).filter((id) => !root.contains(document.getElementById(id))))"""
        )
        assert lost == []


def test_a_copy_is_of_the_report_it_is_made_in(two):
    page = two()
    for root, trace in ((OTHER, WORDS), (OWN, BASE)):
        focus(page, root)
        page.keyboard.press("Control+a")
        copied = page.evaluate(
            "() => { const data = new DataTransfer();"
            " document.dispatchEvent(new ClipboardEvent('copy', {clipboardData: data})); return data.getData('text/plain'); }"
        )
        assert copied == "".join(trace.pieces)


def test_a_report_can_be_taken_away_and_put_back(two):
    page = two()
    focus(page, OTHER)
    page.evaluate("window.closeSecond()")
    assert page.evaluate("document.getElementById('second').innerHTML") == ""
    keys("ArrowRight", "t")(page, OWN)
    assert unit(page, OWN) == 11
    page.evaluate("document.getElementById('second').remove()")
    mount(page, render_html(measured(WORDS)))
    keys("Home", "ArrowRight")(page, OTHER)
    assert (unit(page, OWN), unit(page, OTHER)) == (11, 0)


def test_a_report_that_cannot_be_read_says_so_in_its_place(two):
    page = two()
    page.evaluate("window.closeSecond(), document.getElementById('second').remove()")
    before = seen(page, OWN)
    page.evaluate(MOUNT, "<p></p>")
    assert page.locator(f"{OTHER} .fatal").inner_text() == (
        "The report could not be opened: this viewer reads tokenworth.view/5, the page holds nothing"
    )
    assert seen(page, OWN) == before
