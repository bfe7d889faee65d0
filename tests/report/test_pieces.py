"""Drawings of tables: as text, as markup, on the page, with hostile text in every place, and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import zlib
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest

from tests.report import report_cases as cases
from tokenworth.core.estimate import Estimate
from tokenworth.errors import InvalidInput
from tokenworth.report.html import render_html
from tokenworth.report.page import Page
from tokenworth.report.palette import STATES
from tokenworth.report.pieces.bars import Bar, Bars, colours_of, drawn, letters_of
from tokenworth.report.pieces.beside import Beside, TextSide, changes
from tokenworth.report.pieces.marked import Mark, Marked
from tokenworth.report.pieces.matrix import HeatMap
from tokenworth.report.pieces.piece import Piece
from tokenworth.report.pieces.series import Bracket, LineChart, ReferenceLine, Series
from tokenworth.report.pieces.texts import Texts
from tokenworth.report.sections.sheet import SheetColumn, SheetView, bar_cell, cell, number_cell, sheet_section
from tokenworth.report.text import render_text

BAD = "".join(cases.HOSTILE) + "\ud83d\u202e\x1b[31m"
ACTIVE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def bars(text: str) -> Bars:
    rows = (Bar(shares=(0.5, 0.25), low=(0.4, None), high=(0.6, None), n=40, name=text, detail=text), Bar(shares=(None, 1.0)))
    return Bars(labels=(text, "truncated"), rows=rows, title=text, gold=text, level=0.95)


def matrix(text: str) -> HeatMap:
    values = np.array([[0.5, np.nan], [-0.95, 0.04]])
    return HeatMap(
        values=values, low=values - 0.1, high=values + 0.1, scale="difference", rows=(text, "b"), columns=("0", text), row_axis=text,
        column_axis="cut", what=text, title=text, level=0.9, keys=("t1", "t2"),
    )  # fmt: skip


def lines(text: str) -> LineChart:
    y = np.array([0.1, np.nan, 0.9])
    one = Series(name=text, x=np.array([0, 3, 4]), y=y, low=y - 0.1, high=y + 0.1, outer_low=y - 0.2, outer_high=y + 0.2)
    return LineChart(
        series=(one,), length=4, what=text, title=text, band="95 % pointwise", outer="95 % simultaneous", pieces=(text,) * 4,
        brackets=(Bracket(start=1, stop=3, at=2, label=text, row="t1"),), rules=(ReferenceLine(y=0.5, label=text),),
    )  # fmt: skip


def marked(text: str) -> Marked:
    marks = (Mark(start=1, stop=2, kind="up", label=text, row="t1"), Mark(start=0, stop=3, kind="span", label=text))
    return Marked(pieces=("a", text, "c"), marks=marks, title=text, claims=text, colour=(0.5, None, 1.0), what=text)


def beside(text: str) -> Beside:
    left, right = changes(("a", text, "c"), ("a", "new", "c"))
    bar = Bar(shares=(0.5,), n=20)
    return Beside(
        left=TextSide(name=text, parts=left, bar=bar, lines=(text,)),
        right=TextSide(name="b", parts=right),
        labels=(text,),
        title=text,
    )


def texts(text: str) -> Texts:
    return Texts(lines=(text,), samples=((text, text),), title=text)


PIECES: dict[str, Callable[[str], Piece]] = {
    "bars": bars, "matrix": matrix, "lines": lines, "marked": marked, "beside": beside, "texts": texts,
}  # fmt: skip


def sheet(*pieces: Piece, **more: Any) -> SheetView:
    rows = ((cell("1"), number_cell(Estimate(value=0.2, low=0.1, high=0.3)), bar_cell(Bar(shares=(0.5, 0.2)), text="n 5")),)
    columns = (SheetColumn(name="token", kind="count"), SheetColumn(name="Δ", kind="difference"), SheetColumn(name="outcomes", kind="text"))
    return SheetView(title="one", columns=columns, rows=rows, facts=(), pieces=pieces, labels=("A", "B"), **more)


def page(*sheets: SheetView) -> Page:
    section = sheet_section(lambda found: [found])
    return Page(title="page", generator="test", parts=((section, section.view(sheets)),))


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("text", ["plain", BAD])
def test_a_piece_renders_and_hostile_text_does_nothing(name: str, text: str) -> None:
    piece = PIECES[name](text)
    assert piece.kind == name
    shown = render_text(page(sheet(piece, details=((piece,),))), width=90)
    assert not ACTIVE.search(shown) and ("plain" if text == "plain" else "\\x1b[31m") in shown
    html = render_html(page(sheet(piece, details=((piece,),))))
    html.encode()
    data = re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    assert "<script>window.pwned" not in data and "\u202e" not in data.split("<noscript>")[1].split("</noscript>")[0]
    assert html.count("tokenworth_pieces=") == 1
    head = json.loads(re.search(r'id="tw-header">(.*?)</script>', html, re.S).group(1))  # type: ignore[union-attr]
    (section,) = head["sections"]
    assert section["scripts"] == ["pieces"] and section["sheets"][0]["pieces"][0]["kind"] == name
    assert section["sheets"][0]["details"][0][0]["kind"] == name and zlib.decompress(base64.b64decode(section["packed"])) is not None


def test_a_page_of_plain_tables_carries_no_part_that_draws_pieces() -> None:
    plain = SheetView(title="one", columns=(SheetColumn(name="a", kind="text"),), rows=((cell("b"),),), facts=())
    html = render_html(page(plain))
    assert "tokenworth_pieces=" not in html and "tokenworth_gallery=" not in html and "tokenworthViewer=" in html
    with_bar = render_html(page(sheet()))
    assert "tokenworth_pieces=" in with_bar
    policy = unescape(re.search(r'Security-Policy" content="(.*?)"', with_bar).group(1))  # type: ignore[union-attr]
    scripts, styles = (policy.split(name)[1].split(";")[0].count("sha256-") for name in ("script-src", "style-src"))
    assert (scripts, styles) == (2, 3), "the frame and the pieces; their styles and the colours"


def test_outcomes_have_a_colour_and_a_letter_each() -> None:
    labels = ("A", "truncated", "Answer", "", *map(str, range(9)))
    letters, colours = letters_of(labels), colours_of(labels)
    assert len(set(letters)) == len(labels) and letters[0] == "A"
    assert colours[1] == STATES["truncated"] and [c for c in colours if c >= 0] == list(range(8)) and colours[-1] == -1


def test_what_is_missing_of_a_bar_is_drawn_and_nothing_is_not_zero() -> None:
    assert drawn(Bar(shares=(0.5, 0.25)), ("A", "B"), 8) == "[AAAABB??]"
    assert drawn(Bar(shares=(None, None)), ("A", "B"), 4) == "[????]"
    shown = "\n".join(matrix("x").text(60))
    assert "5·" in shown and "j0" in shown and "-0.95 [-1.05, -0.85]" in shown


def test_a_wide_matrix_shows_the_largest_of_neighbours() -> None:
    values = np.zeros((1, 400))
    values[0, 203] = 0.91
    wide = HeatMap(values=values, scale="share", rows=("r",), columns=tuple(map(str, range(400))), row_axis="r", column_axis="c", what="w")
    assert all(len(line) <= 80 for line in wide.text(80)) and "9" in "\n".join(wide.text(80))


def test_an_edit_is_what_it_adds_and_removes() -> None:
    left, right = changes(("a", "b", "c", "d"), ("a", "x", "c", "d"))
    assert left == (("a", "kept"), ("b", "removed"), ("cd", "kept")) and right == (("a", "kept"), ("x", "added"), ("cd", "kept"))
    shown = "\n".join(beside("b").text(80))
    assert "[-b-]" in shown and "{+new+}" in shown


def test_a_claim_has_a_sign_in_every_form() -> None:
    assert "▲⟦" in "\n".join(marked("word").text(80)) and "claim, upwards" in "\n".join(marked("word").text(80))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Bars(labels=("A",), rows=(Bar(shares=(0.1, 0.2)),)), "has 2 entries, expected 1"),
        (lambda: Bar(shares=(0.1,), low=(0.1, 0.2)), "low has 2 entries"),
        (lambda: dataclasses.replace(matrix("a"), columns=("b",)), "shape"),
        (lambda: Series(name="s", x=np.array([1, 0]), y=np.zeros(2)), "must ascend"),
        (lambda: Series(name="s", x=np.array([0, 1]), y=np.zeros(3)), "3 points, expected 2"),
        (lambda: Marked(pieces=("a",), marks=(Mark(start=0, stop=2, kind="up"),)), "within 0 to 1"),
        (lambda: sheet(keys=("a b",)), "letters, digits"),
        (lambda: sheet(keys=("a", "b")), "2 keys for 1 rows"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as error:
        make()
    assert "\n" not in str(error.value)


def test_several_documents_are_called_by_one_title_each_and_count_their_rows_apart() -> None:
    section = sheet_section(lambda found: found)
    part = section.view([[sheet(), sheet()], [], [sheet()]])
    assert part.titles == ("one", "one") and part.starts == (0, 2)
    head, _ = section.encode(part, None)
    assert [one["document"] for one in head["sheets"]] == [1, 1, 2] and head["documents"] == 2
