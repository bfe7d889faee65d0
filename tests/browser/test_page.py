"""The report in a browser: every number, every key, every kind of document."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from tests.browser.waiting import until
from tests.report import report_cases as cases
from tokenworth.report.page import page_of
from tokenworth.report.palette import bin_of, ramp, rgb

pytestmark = pytest.mark.browser

BASE = cases.trace()


def both():
    return page_of([cases.curve(trace=BASE), cases.forced(trace=BASE)])


def unit(page, i: int):
    """The element of a unit, made visible."""
    page.evaluate("(i) => { const e = window.__tw.pane.span(i); e.dataset.test = i; e.scrollIntoView({block: 'center'}); }", i)
    return page.locator(f'[data-test="{i}"]')


def shown(page) -> int:
    return page.evaluate("(() => { const e = document.querySelector('#tw-pane .cur'); return e ? e.unit : -1; })()")


def numbers(page, selector: str) -> list[float]:
    return [float(x) for x in page.locator(f"{selector} data").evaluate_all("es => es.map(e => e.value)")]


def test_hover_previews_and_click_pins(open_report):
    page = open_report(both())
    curve = cases.curve(trace=BASE)
    unit(page, 120).hover()
    until(page, "document.querySelector('.detail .sub').textContent.includes('token 120 ')")
    value = numbers(page, ".detail .big")
    assert value == pytest.approx([curve.value[121], curve.low[121], curve.high[121]], abs=1e-6)
    unit(page, 120).click()
    unit(page, 140).hover()
    until(page, "document.querySelector('.detail .sub').textContent.includes('token 140 ')")
    page.mouse.move(5, 5)
    until(page, "document.querySelector('.detail .sub').textContent.includes('token 120 ')")
    page.keyboard.press("Escape")
    assert page.locator(".pinbtn.on").count() == 0


def test_the_detail_panel_shows_the_documents_numbers(open_report):
    curve, forced = cases.curve(trace=BASE), cases.forced(trace=BASE)
    cut = next(b.cut for b in curve.branches if b.cut > 20)
    page = open_report(page_of([curve, forced]), f"#v1&t={cut}&m=value&p=1")
    view = page_of([curve, forced]).traces[0]
    shares = numbers(page, ".shares")
    exit_doc = forced.exits[0]
    assert shares == pytest.approx([*(row[cut + 1] for row in exit_doc.probability), 1 - exit_doc.mass[cut + 1]], abs=1e-6)
    rows = [b for b in view.branches if b.cut == cut]
    assert page.locator(".forks tbody tr").count() == len(rows)
    for i, branch in enumerate(rows):
        row = page.locator(".forks tbody tr").nth(i)
        wanted = [x for x in (branch.p, branch.value, branch.low, branch.high, branch.delta) if x is not None]
        assert [float(x) for x in row.locator("data").evaluate_all("es => es.map(e => e.value)")] == pytest.approx(wanted, abs=1e-6)
        assert row.locator("td").nth(2).inner_text() == str(branch.n)


def test_a_measured_cut_says_so_and_another_says_what_it_follows_from(open_report):
    curve = cases.curve(trace=BASE)
    page = open_report(page_of([curve]))
    measured = next(i for i, n in enumerate(curve.n_started) if n and i > 1)
    follows = next(i for i, n in enumerate(curve.n_started) if not n and i > 1)
    for cut, text in ((measured, f"measured here: {curve.n_started[measured]} rollouts"), (follows, "follows from later cuts")):
        page.evaluate("(t) => { location.hash = `v1&t=${t}&m=value` }", cut - 1)
        until(page, "(t) => document.querySelector('.detail .tag').textContent === t", text)


def test_what_was_not_measured_is_never_coloured(open_report):
    curve = cases.curve(trace=BASE, plan="stride", stride=10)
    page = open_report(page_of([curve]), "#v1&t=3&m=value")
    page.evaluate("window.__tw.pane.hydrateAll()")
    classes = page.evaluate(
        "[...document.querySelectorAll('#tw-pane .u')].map(e => [e.unit, e.className, getComputedStyle(e).backgroundColor])"
    )
    measured = {c - 1: v for c, v in zip(curve.cuts, curve.value, strict=True)}
    assert len(classes) == len(BASE.pieces)
    for i, name, colour in classes:
        if i in measured:
            wanted = ramp("light", "value")[bin_of(measured[i], 0, 1)]
            assert f"b{bin_of(measured[i], 0, 1)}" in name.split()
            assert [int(x) for x in re.findall(r"\d+", colour)] == [round(255 * x) for x in rgb(wanted)]
        else:
            assert "nm" in name.split() and colour == "rgba(0, 0, 0, 0)"
    assert "not measured" in page.locator(".detail").inner_text()


@pytest.mark.parametrize("metric", ["value", "delta", "forced", "probability"])
def test_metrics_colour_by_the_bins_of_the_view(open_report, metric):
    view = both()
    page = open_report(view, "#v1&t=0&m=value")
    page.locator(f'[data-metric="{metric}"]').click()
    page.evaluate("window.__tw.pane.hydrateAll()")
    found = next(m for m in view.traces[0].metrics if m.key.startswith(metric))
    bins = page.evaluate("[...document.querySelectorAll('#tw-pane .u')].map(e => +(/\\bb(\\d+)\\b/.exec(e.className) ?? [0, 255])[1])")
    assert tuple(bins) == found.bins
    assert found.scale.split()[0] in page.locator(".legend").inner_text()
    assert page.locator("#tw-pane").get_attribute("data-palette") == found.palette


def test_the_keys(open_report):
    page = open_report(both(), "#v1&t=10&m=value")
    page.locator("#tw-pane").focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == 11
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown(page) == 9
    page.keyboard.press("Shift+ArrowRight")
    word = shown(page)
    assert word > 9 and BASE.pieces[word][:1].isspace()
    page.keyboard.press("ArrowDown")
    below = shown(page)
    page.keyboard.press("ArrowUp")
    assert below > word + 3 and abs(shown(page) - word) <= 2
    page.keyboard.press("End")
    assert shown(page) == len(BASE.pieces) - 1
    page.keyboard.press("ArrowRight")
    assert shown(page) == len(BASE.pieces) - 1
    page.keyboard.press("Home")
    assert shown(page) == -1
    cuts = [e.cut for e in both().traces[0].events if e.kind in {"change", "flip", "answer", "note"} and e.stack <= 0]
    page.keyboard.press("]")
    assert shown(page) == cuts[0] - 1
    page.keyboard.press("p")
    assert page.locator(".pinbtn.on").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    assert page.locator('[data-metric="delta"]').get_attribute("aria-pressed") == "true"
    page.keyboard.press("s")
    assert page.locator(".samples").count() == 1
    page.keyboard.press("g")
    page.keyboard.type("42")
    assert shown(page) == 42
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    until(page, "document.querySelectorAll('dialog[open]').length === 1")


def test_a_move_by_key_is_announced(open_report):
    page = open_report(both(), "#v1&t=10&m=value")
    page.locator("#tw-pane").focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('[role=status]').textContent.startsWith('token 11, ')")
    assert "interval" in page.locator("[role=status]").inner_text()


def test_a_link_restores_the_state(open_report):
    page = open_report(both(), "#v1&t=77&m=delta&p=1&s=events&r=40-160&x=1&n=1")

    def state():
        return (
            shown(page),
            page.locator('[data-metric="delta"]').get_attribute("aria-pressed"),
            page.locator("#tab-events").get_attribute("aria-selected"),
            page.locator("#tw-pane .pin").count(),
        )

    assert state() == (77, "true", "true", 1)
    page.keyboard.press("ArrowRight")
    until(page, "location.hash === '#v1&t=78&m=delta&p=1&x=1&n=1&s=events&r=40-160'")
    page.reload()
    until(page, "Boolean(window.__tw)")
    assert state() == (78, "true", "true", 1)


def test_dark_and_light(open_report):
    page = open_report(both())
    back = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    page.keyboard.press("t")
    assert page.evaluate(back) == "rgb(21, 24, 28)"
    page.reload()
    until(page, "Boolean(window.__tw)")
    assert page.evaluate(back) == "rgb(21, 24, 28)"
    page.keyboard.press("t")
    page.keyboard.press("t")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(back) == "rgb(21, 24, 28)"


def test_find(open_report):
    page = open_report(both())
    page.keyboard.press("/")
    page.keyboard.type("THE KIDNEYS")
    text = "".join(BASE.pieces).lower()
    n = text.count("the kidneys")
    assert page.locator(".found").inner_text() == f"1 of {n}"
    first = shown(page)
    page.keyboard.press("Enter")
    assert page.locator(".found").inner_text() == f"2 of {n}" and shown(page) > first
    assert page.locator("#tw-pane .hit").count() >= 2


def test_the_text_is_the_pieces_and_so_is_a_copy(open_report):
    page = open_report(both())
    wanted = "".join(BASE.pieces)
    assert page.evaluate("document.getElementById('tw-pane').textContent") == wanted
    assert page.evaluate("document.getElementById('tw-answer').textContent") == "".join(BASE.answer_pieces)
    page.locator("#tw-pane").focus()
    page.keyboard.press("Control+a")
    copied = page.evaluate(
        "() => { const data = new DataTransfer();"
        " document.dispatchEvent(new ClipboardEvent('copy', {clipboardData: data})); return data.getData('text/plain'); }"
    )
    assert copied == wanted
    page.locator("#tw-copy").click()
    page.wait_for_timeout(50)
    assert page.evaluate("navigator.clipboard.readText()").replace("\r\n", "\n") == wanted


def test_samples_can_be_filtered_and_read(open_report):
    curve = cases.curve(trace=BASE)
    page = open_report(page_of([curve]), "#v1&t=20&s=samples")
    assert f"{len(curve.samples)} of {len(curve.samples)}" in page.locator(".facets").inner_text()
    assert page.locator(".sample").count() < 60
    chip = page.locator(".chip", has_text="unparseable")
    chip.click()
    n = sum(s.outcome == "unparseable" for s in curve.samples)
    assert f"{n} of {len(curve.samples)}" in page.locator(".facets").inner_text()
    page.locator(".sample").first.click()
    first = next(s for s in sorted(curve.samples, key=lambda s: (s.cut, s.index)) if s.outcome == "unparseable")
    assert page.evaluate("document.querySelector('.full pre').textContent") == first.text
    same = page.evaluate("document.querySelector('.full .same').textContent")
    rest = "".join(BASE.pieces[first.cut :])
    assert rest.startswith(same) and first.text.startswith(same)


def test_a_branch_opens_its_samples(open_report):
    curve = cases.curve(trace=BASE)
    view = page_of([curve]).traces[0]
    row = next(i for i, b in enumerate(view.branches) if b.n and sum(s.branch == i for s in view.samples) > 1)
    page = open_report(page_of([curve]), f"#v1&t={view.branches[row].cut}")
    at = sum(b.cut == view.branches[row].cut for b in view.branches[:row])
    page.locator(".forks tbody tr").nth(at).click()
    assert f"{sum(s.branch == row for s in view.samples)} of" in page.locator(".facets").inner_text()


def test_the_download_holds_every_number(open_report):
    curve, forced = cases.curve(trace=BASE), cases.forced(trace=BASE)
    page = open_report(page_of([curve, forced]))
    with page.expect_download() as download:
        page.get_by_text("Download JSON").click()
    data = json.loads(download.value.path().read_text())["trace"]
    assert tuple(data["pieces"]) == BASE.pieces
    assert data["curve"]["value"] == pytest.approx(list(curve.value), rel=1e-6)
    assert data["curve"]["nStarted"] == list(curve.n_started)
    view = page_of([curve, forced]).traces[0]
    for k, stack in enumerate(view.stacks):
        for a, b in zip(data["stacks"][k]["share"], stack.share, strict=True):
            assert a == pytest.approx(list(b), rel=1e-5)
    assert [m["bins"] for m in data["metrics"]] == [list(m.bins) for m in view.metrics]
    assert data["samples"]["texts"] == [s.text for s in view.samples]


def test_every_plot_has_a_table(open_report):
    curve = cases.curve(trace=BASE)
    page = open_report(both(), "#v1&t=3&s=data")
    page.locator("#tw-table-curve summary").click()
    until(page, "document.querySelectorAll('#tw-table-curve tbody tr').length === 100")
    rows = page.locator("#tw-table-curve tbody tr")
    value = float(rows.nth(50).locator("data").first.get_attribute("value"))
    assert value == pytest.approx(curve.value[50], abs=1e-6)
    page.locator("#tw-table-forced summary").first.click()
    until(page, "document.querySelectorAll('#tw-table-forced tbody tr').length === 100")


def test_zoom_by_drag_and_back(open_report):
    page = open_report(both())
    box = page.locator("canvas.c-curve").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 50, steps=5)
    page.mouse.up()
    until(page, "/&r=\\d+-\\d+/.test(location.hash)")
    assert page.locator(".unzoom").is_visible()
    page.keyboard.press("0")
    until(page, "!location.hash.includes('r=')")


def test_print_makes_every_unit(open_report):
    base = cases.trace(6000)
    page = open_report(page_of([cases.curve(trace=base)]))
    assert page.locator("#tw-pane .u").count() < 6000
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#tw-pane .u").count() == 6000


def test_a_selection_holds_its_text_and_is_coloured_afterwards(open_report):
    base = cases.trace(6000)
    page = open_report(page_of([cases.curve(trace=base)]), "#v1&t=0&m=value")
    page.evaluate("getSelection().selectAllChildren(document.getElementById('tw-pane'))")
    page.evaluate("document.querySelector('.scroller').scrollTop = 6000")
    page.wait_for_timeout(300)
    assert page.evaluate("getSelection().toString().length > 20000")
    before = page.locator("#tw-pane .u").count()
    page.evaluate("getSelection().removeAllRanges()")
    until(page, f"document.querySelectorAll('#tw-pane .u').length > {before}")


def test_accessible_structure(open_report):
    page = open_report(both())
    assert page.locator("canvas:not([role=img][aria-label])").count() == 0
    assert page.locator("[title]").count() == 0
    assert page.locator("#tw-pane [tabindex]").count() == 0
    assert page.evaluate("[...document.querySelectorAll('button')].every(b => b.textContent.trim() || b.ariaLabel)")


@pytest.mark.parametrize(("width", "columns"), [(1280, 2), (1000, 2), (800, 1), (390, 1)])
def test_layout_fits(open_report, width, columns):
    page = open_report(both(), "#v1&t=100", width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".side").is_visible() == (columns == 2)
    if columns == 1:
        page.locator(".sheets").get_by_text("Samples").click()
        assert page.locator(".samples").is_visible() and not page.locator("#tw-pane").is_visible()


def test_the_readout_stays_within_a_narrow_page(open_report):
    page = open_report(both(), "#v1&t=60&m=forced&p=1&r=40-160", width=390, height=844)
    frame = page.locator(".readout").bounding_box()
    parts = [part.bounding_box() for part in page.locator(".readout > *").all()]
    shown = [box for box in parts if box is not None]
    assert len(shown) >= 5
    for box in shown:
        assert frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]
    page.locator(".unzoom").click()
    assert page.locator(".readout").bounding_box()["height"] == frame["height"], "the text below stays where it is"


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_traces(open_report, n):
    base = cases.trace(n)
    page = open_report(page_of([cases.curve(trace=base), cases.forced(trace=base)]))
    for key in ("ArrowRight", "ArrowDown", "End", "]", "[", "m", "p", "ArrowUp"):
        page.keyboard.press(key)
    assert shown(page) < max(n, 1)
    assert page.evaluate("document.getElementById('tw-pane').textContent") == "".join(base.pieces)


@pytest.mark.parametrize("k", [1, 9, 26])
def test_any_number_of_options(open_report, k):
    page = open_report(page_of([cases.forced(40, k)]), "#v1&t=12")
    assert page.locator(".shares tbody tr").count() == k + 1
    assert page.locator(".options li").count() == k


def test_documents_alone_and_several_traces(open_report):
    failed = cases.curve(30, plan="plain")
    zero = (0.0,) * 31
    failed = dataclasses.replace(failed, value=zero, low=zero, outcomes={"truncated": (1.0,) * 31}, branches=(), samples=())
    page = open_report(page_of([failed]), "#v1&t=4")
    assert numbers(page, ".detail .big")[0] == 0
    page = open_report(page_of([cases.sample_set()]), "#v1&t=4")
    assert page.locator(".picker option").count() == 12
    page.locator(".picker select").select_option("3")
    until(page, "document.querySelector('#tw-pane').textContent.length > 0")
    wanted = "".join(cases.sample_set().traces[3].pieces)
    until(page, "(t) => document.querySelector('#tw-pane').textContent === t", wanted)
    two = page_of([cases.curve(trace=BASE), cases.forced(trace=BASE), cases.forced(30)], title="two")
    page = open_report(two, "#v1&i=1&t=2&m=forced")
    assert page.locator("canvas.c-curve").count() == 0 and shown(page) == 2
    empty = dataclasses.replace(cases.sample_set(), traces=(), n=0, outcomes={}, accuracy=None)
    page = open_report(page_of([cases.curve(3), empty], title="x"), "#v1&t=-1")
    assert shown(page) == -1


def test_each_problem_has_its_own_accuracy(open_report):
    page = open_report(page_of(cases.two_problems(), title="two"))
    groups = page.locator(".picker optgroup").evaluate_all("es => es.map(e => [e.label, e.children.length])")
    assert groups == [["measured traces", 2], [f"samples · {cases.problem().id}", 11], ["samples · other", 5]]
    assert page.locator(".picker option").nth(1).inner_text().startswith("other · measured trace · ")

    def line() -> str:
        assert page.locator(".setline").count() == 1
        return page.locator(".setline").inner_text()

    assert "12 samples" in line() and "0.111" not in line()
    samples = page.locator('.picker optgroup[label="samples · other"] option')
    for index in ("1", samples.first.get_attribute("value")):
        page.locator(".picker select").select_option(index)
        until(page, "document.querySelector('.top h1').textContent.includes('bile')")
        assert "6 samples" in line() and "T 0.31" in line() and "accuracy 0.111" in line()
        assert page.locator(".picker select").input_value() == index
    # The group has the problem's name: what is left is short enough to show the number.
    assert samples.first.inner_text().startswith("sample ")
    page.locator("#tab-data").click()
    assert "only of the other" in page.locator(".notes").inner_text()
    page.locator(".picker select").select_option("0")
    until(page, "!document.querySelector('.top h1').textContent.includes('bile')")
    page.locator("#tab-data").click()
    assert "12 samples" in line() and "only of the other" not in page.locator(".data").inner_text()
    page = open_report(page_of([cases.curve(3), cases.sample_set()]))
    assert page.locator(".picker optgroup").count() == 0 and page.locator(".picker option").count() == 13


def test_the_header_of_a_repeated_run_says_where_its_numbers_are_from(open_report):
    again = dataclasses.replace(cases.PROVENANCE, drawn=0, reused=4210)
    page = open_report(page_of([cases.curve(trace=BASE, provenance=again)]))
    assert "requests 0 drawn, 4,210 from the store" in " ".join(page.locator(".facts").inner_text().split())


def test_samples_without_traces_are_named(open_report):
    loose = dataclasses.replace(cases.sample_set(), traces=(), problem=cases.other_problem())
    page = open_report(page_of([cases.curve(trace=BASE), cases.forced(trace=BASE), loose], title="x"), "#v1&t=1&s=data")
    assert page.locator(".top .setline").count() == 0
    assert "12 samples of other, " in page.locator(".data .setline").inner_text()


# The mean brightness of what is drawn: dark lines on paper, light ones on black.
TONE = """(() => {
  const c = document.querySelector('canvas.c-curve');
  const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', {willReadFrequently: true});
  copy.drawImage(c, 0, 0);
  const d = copy.getImageData(0, 0, c.width, c.height).data;
  let [sum, n] = [0, 0];
  for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) { sum += d[i] + d[i + 1] + d[i + 2]; n++; }
  return sum / n / 3;
})()"""


@pytest.mark.parametrize("chosen", [True, False])
def test_dark_prints_light(open_report, chosen):
    page = open_report(both())
    if chosen:
        page.keyboard.press("t")
    else:
        page.emulate_media(color_scheme="dark")
    back = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--line').trim()"
    assert page.evaluate(back) == "rgb(21, 24, 28)"
    page.wait_for_timeout(100)
    dark = page.evaluate(TONE)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    light = page.evaluate(TONE)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(100)
    assert page.evaluate(back) == "rgb(21, 24, 28)" and page.evaluate(TONE) == pytest.approx(dark)
    assert abs(light - dark) > 20
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(back) == "rgb(255, 255, 255)" and page.evaluate(ink) == "#23507a"


def test_sentences(open_report):
    sentences = ("First, the liver.", " Then the kidneys!", " So B.")
    base = cases.trace(pieces=sentences, unit="sentence", ids=None, probabilities=None)
    page = open_report(page_of([cases.curve(trace=base, plan="plain")]), "#v1&t=1")
    assert "sentence 1 of 3" in page.locator(".detail").inner_text()
    assert page.evaluate("document.getElementById('tw-pane').textContent") == "".join(sentences)
