"""A gallery in a browser: what is shown is what was chosen, labels follow their thresholds, and thousands of traces are quick."""

from __future__ import annotations

import numpy as np
import pytest

from tests.report import gallery_cases as cases
from tokenworth.report.html import render_split

pytestmark = pytest.mark.browser


def counts(page) -> dict[str, int]:
    """By label, the number on its chip."""
    texts = [one.split() for one in page.locator(".labels .chip").all_inner_texts()]
    return {one[0]: int(one[1].replace(",", "")) for one in texts}


def shown(page) -> int:
    return int(page.locator(".controls b").inner_text().split()[0].replace(",", ""))


def rows(page) -> list[str]:
    return page.locator(".rows tbody th").all_inner_texts()


def test_labels_follow_their_thresholds(open_report):
    gallery = cases.view(200)
    page = open_report(cases.page(gallery))
    for gain in (cases.GAIN, 0.05, 0.9):
        if gain != cases.GAIN:
            page.locator(".thresholds summary").click() if not page.locator(".sliders").is_visible() else None
            page.locator(".sliders input").fill(str(gain))
        wanted = cases.labels(gallery, gain)
        assert counts(page) == {name: wanted.count(name) for name in ("rises", "falls", "stays")}
    assert "moved thresholds" in page.locator(".controls").inner_text()
    page.get_by_role("button", name="as in the survey").click()
    wanted = cases.labels(gallery, cases.GAIN)
    assert counts(page)["rises"] == wanted.count("rises")
    page.locator(".labels .chip").first.click()
    assert shown(page) == wanted.count("rises")


def test_the_table_has_the_rows_of_the_thumbnails_in_their_order(open_report):
    gallery = cases.view(60)
    page = open_report(cases.page(gallery))
    page.get_by_role("button", name="table").click()
    page.locator(".controls select").first.select_option(label="change")
    change = gallery.features[2].values
    assert rows(page)[:20] == [gallery.ids[k] for k in np.argsort(change, kind="stable")[:20]]
    page.get_by_role("button", name="smallest first").click()
    assert rows(page)[0] == gallery.ids[int(np.argmax(change))]
    page.locator(".controls input[type=search]").fill("question 17?")
    assert rows(page) == ["trace/17"] and shown(page) == 1
    page.get_by_role("button", name="show all").click()
    page.get_by_label("subject").select_option(label="odd")
    assert shown(page) == 30


def test_keys_choose_and_the_address_keeps_the_choice(open_report):
    page = open_report(cases.page(cases.view(60)))
    page.locator(".thumbs").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(".chosen h2").inner_text() == "trace/2"
    page.locator(".segments button", has_text="line").click()
    page.wait_for_timeout(400)
    assert "y=" in page.evaluate("location.hash")
    again = open_report(cases.page(cases.view(60)), page.evaluate("location.hash"))
    assert again.locator(".chosen h2").inner_text() == "trace/2"
    assert again.locator(".segments .on").inner_text() == "line"


def test_a_box_on_the_plot_leaves_what_lies_in_it(open_report):
    gallery = cases.view(200)
    page = open_report(cases.page(gallery), "#v1&y=y2")
    frame = page.locator(".scatterframe").bounding_box()
    page.mouse.move(frame["x"] + 41, frame["y"] + 9)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] - 9, frame["y"] + 100, steps=4)
    page.mouse.up()
    left = shown(page)
    page.wait_for_timeout(400)
    x0, x1, y0, y1 = (float(x) for x in page.evaluate("/b([^,&]*)/.exec(location.hash)[1]").split("~"))
    start, change = (gallery.features[k].values for k in (0, 2))
    assert x0 < start.min() and x1 > start.max() and y1 > change.max() - 0.05
    # The lower edge is where the pointer was, give or take a pixel or two: 92 of 192 pixels below the upper end of the axis.
    room = 0.02 * (change.max() - change.min())
    assert abs(y0 - (change.max() + room - 92 / 192 * (change.max() - change.min() + 2 * room))) < 0.03
    assert left == int(((change >= y0) & (change <= y1)).sum()) and 0 < left < 200
    page.get_by_role("button", name="clear box").click()
    assert shown(page) == 200


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_are_shown_and_do_nothing(open_report, width):
    hostile = ("<img src=x onerror=alert(1)></script>", "b\u202e", "c", "d")
    page = open_report(cases.page(cases.view(4, ids=hostile)), "#v1&y=a0,k3,s99,l77,h3~1,x9,q%E0", width=width)
    page.locator(".chosen h2").wait_for()
    assert page.locator(".chosen h2").inner_text() == hostile[0] and page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_data_beside_the_page_is_loaded(context, tmp_path):
    split = render_split(cases.page(cases.view(60)), "my data")
    (tmp_path / "my data").mkdir()
    for name, text in {**split.files, "page.html": split.html}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(".thumbs").wait_for()
    assert shown(page) == 60
    (tmp_path / "my data" / "0.js").unlink()
    page.reload()
    assert "keep page and folder together" in page.locator(".fatal").inner_text()
    page.close()


@pytest.mark.slow
def test_eight_thousand_are_quick(open_report):
    """On processor time, with room for a slow machine; `bench/gallery.py` has the figures."""
    page = open_report(cases.page(cases.view(8000, 300)))
    assert page.processor_ms() <= 1500
    page.wait_for_timeout(300)
    before = page.processor_ms()
    for k in range(3):
        page.locator(".controls select").first.select_option(value=str(k))
        page.wait_for_timeout(60)
    assert page.processor_ms() - before <= 3 * 200
