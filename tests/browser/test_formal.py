"""Verified traces in a browser: the tables as a filter, the grid, the marks on the words, and the curve beside them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.browser.waiting import until
from tests.report import formal_cases as formal
from tests.report import report_cases as cases
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser

DOC = formal.mixed(60)
WRONG = formal.row(6, 5, group="swapped", errors=("WALL", "NOT_OPEN", "PLAN_STEP"))


def rows(page) -> int:
    return int(page.locator(".tracelist h2").inner_text().split()[0].replace(",", ""))


def one(*traces, **over):
    return page_of([formal.document(list(traces), **over)])


def both(*traces):
    return page_of([*(formal.measured(t) for t in traces), formal.document(list(traces))], title="one maze")


def event(page) -> str:
    return page.locator("svg.grid").get_attribute("aria-label")


def closed(page) -> int:
    return (page.locator(".g-closed").get_attribute("d") or "").count("M")


def expected_closed(trace, last: int) -> int:
    state = {}
    for step in trace.drawing.steps[: last + 1]:
        state[step.x, step.y] = step.verb
    return sum(v == "close" for v in state.values())


def test_a_page_of_verified_traces_opens_with_its_tables(open_report):
    page = open_report(page_of([DOC]))
    assert page.locator(".tcard").count() == 2
    assert rows(page) == len(DOC.traces)
    for k, table in enumerate(DOC.tables):
        card = page.locator(f'.tcard[data-table="{k}"]')
        assert f"not parsed {table.n_unparsed}" in card.locator("header").inner_text()
        counts = [int(x) for x in card.locator(".pick.cell b").all_inner_texts()]
        assert sum(counts) == table.n
        assert [int(x) for x in card.locator(".pick.row > b").all_inner_texts()] == sorted(table.first_errors.values(), reverse=True)
        assert card.locator(".conditionals tbody tr").count() == len(table.shares)


@pytest.mark.parametrize(
    ("label", "keep", "hash_"),
    [
        ("trace invalid, answer correct: ", lambda t: formal.state(t) == "invalid" and t.answer == "correct", "f=g1.ti.ac"),
        (
            "trace invalid, answer correct, plan differs: ",
            lambda t: formal.state(t) == "invalid" and t.answer == "correct" and formal.link(t) == "differs",
            "f=g1.ti.ld.ac",
        ),
        ("not parsed", lambda t: formal.state(t) == "unparsed", "f=g1.tu"),
        ("answer incorrect", lambda t: t.answer == "incorrect", "f=g1.ai"),
        (
            "first error WALL: ",
            lambda t: bool(t.verification.violations) and t.verification.violations[0].code == "WALL",
            "f=g1&c=WALL",
        ),
    ],
)
def test_a_number_of_the_table_filters_the_list(open_report, label, keep, hash_):
    page = open_report(page_of([DOC]))
    wanted = [t.id for t in DOC.traces if t.group == "swapped traces" and keep(t)]
    assert 0 < len(wanted) < len(DOC.traces) / 2
    page.locator(f'.tcard[data-table="1"] [aria-label^="{label}"]').first.focus()
    page.keyboard.press("Enter")
    until(page, "(n) => document.querySelector('.tracelist h2').textContent.startsWith(n + ' ')", str(len(wanted)))
    assert page.locator(".entry b").all_inner_texts() == wanted[: page.locator(".entry").count()]
    until(page, "(h) => location.hash.endsWith(h)", hash_)
    page.reload()
    until(page, "Boolean(window.__tw)")
    assert rows(page) == len(wanted)
    while page.locator(".filterchips .chip").count():
        page.locator(".filterchips .chip").first.click()
    assert rows(page) == len(DOC.traces)
    until(page, "!location.hash.includes('f=')")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_name_leaves_the_number_of_the_draw(open_report, width):
    long = "maze:searchformer/" + "a-long-name-of-a-task/" * 5
    listed = [formal.row(6, k, id=f"{long}{k} draw {k}", group=("a rather long name of a group", "b")[k % 2]) for k in range(12)]
    page = open_report(page_of([formal.document(listed)]), width=width)
    for k, name in enumerate(page.locator(".entry b").all()):
        seen = name.evaluate("""(b) => {
          const range = document.createRange();
          range.selectNodeContents(b.lastChild);
          const [text, line] = [range.getBoundingClientRect(), b.closest('.line1').getBoundingClientRect()];
          return [b.lastChild.textContent, text.left >= line.left && text.right <= line.right && text.width > 40];
        }""")
        assert seen == [f" draw {k}", True]


def test_a_trace_opens_at_its_first_error(open_report):
    page = open_report(one(WRONG))
    page.locator(".entry").click()
    until(page, "document.querySelector('.vcard') !== null")
    first = WRONG.verification.violations[0]
    card = page.locator(".vcard").inner_text()
    assert first.code in card and "The cell is a wall of the problem." in card and first.expected in card and first.got in card
    units = page.locator("#tw-pane .vfirst")
    assert "".join(units.evaluate_all("es => es.map(e => e.textContent)")).strip() == first.got
    assert page.locator("#tw-pane .vstart .vm").first.evaluate("e => getComputedStyle(e, '::before').content") == '"✗ first error"'
    assert page.locator("#tw-pane .pin").count() == 1
    assert event(page) == "grid of 6 columns and 6 rows, event 3: " + event(page).split(": ")[1] and event(page).endswith("breaks a rule")
    assert page.locator(".g-wrong").count() == 1


def test_the_words_are_the_text(open_report):
    page = open_report(one(WRONG), "#v1&i=0&o=0")
    page.evaluate("window.__tw.pane.hydrateAll()")
    head, tail = WRONG.drawing.steps[0].chars[0], WRONG.drawing.steps[-1].chars[1]
    assert page.evaluate("document.getElementById('tw-pane').textContent") == WRONG.text[head:tail]
    assert page.evaluate("document.getElementById('tw-answer').textContent") == WRONG.text[tail:]
    page.locator("#tab-data").click()
    assert page.evaluate("document.querySelector('.prompt').textContent") == WRONG.text[:head]


def test_stepping_moves_the_grid(open_report):
    page = open_report(one(WRONG), "#v1&i=0&o=0")
    last = len(WRONG.drawing.steps) - 1
    page.locator(".gridbox").focus()
    page.keyboard.press("Home")
    assert event(page).endswith("before the first event") and closed(page) == 0
    for k in range(6):
        page.keyboard.press("ArrowRight")
        step = WRONG.drawing.steps[k]
        assert f"event {k}: {step.verb} ({step.x}, {step.y}) g {step.g} h {step.h}" in event(page)
        assert closed(page) == expected_closed(WRONG, k)
    page.keyboard.press("ArrowLeft")
    assert "event 4:" in event(page)
    page.keyboard.press("End")
    assert f"event {last}:" in event(page) and closed(page) == expected_closed(WRONG, last)
    page.locator("input.slider").fill("2")
    assert "event 2:" in event(page)
    page.get_by_role("button", name="next event").click()
    assert "event 3:" in event(page)
    page.get_by_role("button", name="play").click()
    until(page, "document.querySelector('svg.grid').getAttribute('aria-label').includes('event 5:')")
    page.get_by_role("button", name="pause").click()


def test_a_word_moves_the_grid_and_a_cell_lists_its_events(open_report):
    page = open_report(one(WRONG), "#v1&i=0&o=0")
    page.evaluate("() => { const e = window.__tw.pane.span(5 * 7 + 2); e.dataset.test = 1; e.scrollIntoView({block: 'center'}); }")
    page.locator("[data-test]").click()
    assert "event 7:" in event(page)
    step = WRONG.drawing.steps[7]
    on = page.evaluate("[...document.querySelectorAll('#tw-pane .ev-on')].map(e => e.textContent).join('').trim()")
    assert on == WRONG.text[slice(*step.chars)]
    box = page.locator(".g-frame").bounding_box()
    page.mouse.click(box["x"] + (step.x + 0.5) * box["width"] / 6, box["y"] + (step.y + 0.5) * box["height"] / 6)
    until(page, "document.querySelector('.cellevents') !== null")
    about = [k for k, s in enumerate(WRONG.drawing.steps) if (s.x, s.y) == (step.x, step.y)]
    assert [int(x) for x in page.locator(".cellevents .cut").all_inner_texts()] == about
    page.locator(".cellevents button").last.click()
    assert f"event {about[-1]}:" in event(page)


def test_violations_are_walked_through(open_report):
    page = open_report(one(WRONG), "#v1&i=0&o=0")
    codes = [v.code for v in WRONG.verification.violations]
    seen = [page.locator(".vcode .code").inner_text()]
    for _ in codes[1:]:
        page.get_by_role("button", name="next violation").click()
        seen.append(page.locator(".vcode .code").inner_text())
    assert seen == codes
    assert page.locator("#tw-answer .viol.cur").count() > 0
    page.locator("#tw-pane").focus()
    page.keyboard.press("V")
    assert page.locator(".vcode .code").inner_text() == codes[-2]
    page.locator("#tab-events").click()
    assert page.locator(".event b").all_inner_texts().count("first error") == 1
    assert page.locator(".event").count() == len(codes)


def test_the_listed_traces_are_walked_through(open_report):
    page = open_report(page_of([DOC]), "#v1&o=0&i=0&f=g0.ti")
    wanted = [f"{t.group} · {t.id}" for t in DOC.traces if t.group == "correct traces" and formal.state(t) == "invalid"]
    page.get_by_role("button", name="next trace of the list").click()
    until(page, "(h) => document.querySelector('h1').textContent === h", wanted[0])
    page.locator("#tw-pane").focus()
    page.keyboard.press("j")
    until(page, "(h) => document.querySelector('h1').textContent === h", wanted[1])
    page.keyboard.press("o")
    until(page, "document.querySelector('.tracelist') !== null")
    assert page.locator(".entry.on b").inner_text() == wanted[1].split(" · ")[1]


def test_a_curve_and_its_first_error_stand_on_one_page(open_report):
    wrong = dataclasses.replace(WRONG, id="wrong")
    page = open_report(both(wrong, formal.row(6, 6, group="correct", id="right")), "#v1&t=0")
    labels = page.locator(".picker option").all_inner_texts()
    assert [x.split(" · B")[0] for x in labels] == ["swapped · wrong", "correct · right"]
    assert page.locator("#tab-grid").get_attribute("aria-selected") == "true"
    page.keyboard.press("]")
    first = wrong.verification.violations[0]
    at = len(wrong.text[wrong.drawing.steps[0].chars[0] : first.chars[0]].split())
    assert page.evaluate("document.querySelector('#tw-pane .cur').unit") == at
    assert page.evaluate("window.__tw.trace.formal.violations[0].from") == at
    assert first.code in page.locator(".readout").inner_text() and "P(plan correct)" in page.locator(".readout").inner_text()
    page.locator(".picker select").select_option("1")
    until(page, "document.querySelector('.vcard.ok') !== null")
    page.get_by_role("button", name="tables").click()
    until(page, "document.querySelectorAll('.strip').length === 2")
    strips = page.locator(".strip").all_inner_texts()
    assert f"WALL at token {at}" in strips[0] and "no error" in strips[1]
    assert page.locator(".strip .s-rule").count() == 1


def stepped(row, at):
    """A curve of the trace with a value at each cut: 0.5 up to cut ``at``, 0.75 after."""
    curve = formal.measured(row)
    n = len(curve.trace.pieces) + 1
    value = tuple(0.5 if cut <= at else 0.75 for cut in range(n))
    lists = {"value": value, "low": tuple(v - 0.1 for v in value), "high": tuple(v + 0.1 for v in value)}
    lists |= {"n_started": (4,) * n, "n_effective": (4.0,) * n, "cuts": tuple(range(n))}
    bare = {"outcomes": {}, "outcomes_low": {}, "outcomes_high": {}, "branches": (), "samples": (), "events": ()}
    return dataclasses.replace(curve, **lists, **bare, leave=None, unsampled=None, widened=None)


def test_the_change_across_an_event_is_told_and_its_token_pinned(open_report):
    first = WRONG.verification.violations[0]
    at = len(WRONG.text[WRONG.drawing.steps[0].chars[0] : first.chars[0]].split())
    page = open_report(page_of([stepped(WRONG, at + 2), formal.document([WRONG])], title="one maze"))
    until(page, "document.querySelector('.vcard') !== null")
    assert page.evaluate("document.querySelector('#tw-pane .pin').unit") == at + 2
    told = "0.50 → 0.75, Δ +0.25 [+0.05, +0.45]"
    assert f"across this event: P(plan correct) {told}" in page.locator(".vcard").inner_text()
    assert f"across this event: {told}" in page.locator(".readout").inner_text()
    assert page.locator(".vcard .link").count() == 0
    page.get_by_role("button", name="next violation").click()
    assert "across this event: P(plan correct) 0.75 → 0.75, Δ ±0.00 [−0.20, +0.20]" in page.locator(".vcard").inner_text()
    page.get_by_role("button", name="tables").click()
    until(page, "document.querySelectorAll('.strip').length === 1")
    assert f"across the first error: {told}" in page.locator(".strip").inner_text()


def test_a_trace_without_a_grid_or_with_its_text_left_out(open_report):
    plain = formal.renamed(WRONG, drawing=None)
    page = open_report(one(plain), "#v1&i=0&o=0")
    assert page.locator("#tab-grid").inner_text() == "Checks"
    assert page.locator("svg.grid").count() == 0 and page.locator(".vcard").count() == 1
    assert page.evaluate("document.getElementById('tw-pane').textContent") == plain.text


def test_hostile_text_does_nothing(open_report):
    page = open_report(page_of([formal.poisoned()]))
    page.locator(".entry").click()
    until(page, "document.querySelector('.vcard') !== null")
    for tab in ("token", "events", "data", "grid"):
        page.locator(f"#tab-{tab}").click()
        page.wait_for_timeout(30)
        assert page.locator("#tw-app img, #tw-app script, #tw-app style, #tw-app a, #tw-app svg:not(.grid)").count() == 0
    assert page.evaluate("window.pwned") is None
    assert page.locator("#tw-app *").evaluate_all("es => es.some(e => [...e.attributes].some(a => a.name.startsWith('on')))") is False
    assert cases.HOSTILE[0] in page.locator(".vcard dd").first.inner_text()


def test_the_download_has_the_violations(open_report):
    page = open_report(one(WRONG), "#v1&i=0&o=0")
    with page.expect_download() as download:
        page.get_by_text("Download JSON").click()
    found = json.loads(download.value.path().read_text())["trace"]["formal"]
    assert [v["code"]["name"] for v in found["violations"]] == [v.code for v in WRONG.verification.violations]
    assert found["grid"]["steps"]["x"] == [s.x for s in WRONG.drawing.steps]


def test_narrow_and_dark_and_paper(open_report):
    page = open_report(page_of([DOC]), "#v1&i=1&o=0", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".sheets button", has_text="Grid").click()
    box = page.locator("svg.grid").bounding_box()
    assert 250 < box["width"] <= 390
    page.locator("#tw-pane").evaluate("e => e.focus()")
    page.get_by_role("button", name="tables").click()
    until(page, "document.querySelector('.tracelist') !== null")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"


def test_a_thousand_traces_open_and_filter_at_once(open_report):
    some = [formal.row(10, i, group="ab"[i % 2], errors=("WALL", "NOT_OPEN") * (i % 3 > 0)) for i in range(30)]
    traces = [formal.renamed(some[i % 30], id=f"maze-{i}") for i in range(1000)]
    page = open_report(one(*traces))
    assert page.processor_ms() <= 2500
    assert page.locator(".entry").count() < 60
    before = page.processor_ms()
    page.evaluate(
        """() => new Promise((done) => { document.querySelectorAll('.pick.cell')[0].click();
        requestAnimationFrame(() => requestAnimationFrame(done)); })"""
    )
    assert page.processor_ms() - before <= 500
    page.locator(".entry").first.click()
    until(page, "document.querySelector('svg.grid') !== null")
