"""Figures: the numbers of the result, the same bytes each time, and no text that acts."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import tokenworth as tw
from tests.report import report_cases as cases
from tokenworth import plot
from tokenworth.cli.main import run
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.report.palette import NO_BIN, bin_of, ramp


def axes() -> Any:
    return Figure(figsize=(3.3, 2)).add_subplot()


def test_the_line_and_the_band_are_the_numbers_of_the_result() -> None:
    doc = cases.curve(40)
    ax = plot.curve(doc, axes())
    line = ax.get_lines()[0]
    assert line.get_xdata().tolist() == list(doc.cuts)
    np.testing.assert_array_equal(line.get_ydata(), np.array(doc.value, float))
    corners = ax.collections[0].get_paths()[0].vertices
    assert {(cut, low) for cut, low in zip(doc.cuts, doc.low, strict=True)} <= {tuple(corner) for corner in corners.tolist()}
    assert {(cut, high) for cut, high in zip(doc.cuts, doc.high, strict=True)} <= {tuple(corner) for corner in corners.tolist()}
    ticks = ax.get_lines()[-1].get_xdata()
    assert list(ticks) == [cut for cut, n in zip(doc.cuts, doc.n_started, strict=True) if n]
    assert (ax.get_ylabel(), ax.get_ylim()) == (doc.value_label, (0, 1))


def test_forced_answers_are_drawn_by_option() -> None:
    doc = cases.forced(30)
    ax = plot.curve(doc, axes())
    names = [one.get_text() for one in ax.get_legend().get_texts()]
    assert len(names) == len(doc.exits[0].options) + 1 and sum("(gold)" in name for name in names) == 1
    with pytest.raises(InvalidInput, match="exit texts"):
        plot.curve(doc, axes(), exit=9)


@pytest.mark.parametrize("colour", [None, "value", "delta"])
def test_tokens_have_the_colours_of_the_page(colour: str | None) -> None:
    doc = cases.curve(40)
    ax = plot.text(doc, axes(), colour=colour)
    written = "".join(one.get_text() for one in ax.texts)
    assert "".join(doc.trace.pieces).replace(" ", "").replace("\n", "↵")[:30] in written.replace(" ", "")
    if colour != "delta":
        bins = [bin_of(doc.value[cut], 0, 1) for cut in range(1, 41)]
        shown = {one.get_facecolor() for one in ax.patches}
        assert len({ramp("light", "value")[k] for k in bins if k != NO_BIN}) <= len(shown)


@pytest.mark.parametrize("name", ["a.svg", "a.pdf", "a.png"])
def test_the_bytes_are_the_same_each_time(name: str, tmp_path: Path) -> None:
    made = [plot.save(plot.figure([cases.curve(40), cases.forced(40)]), tmp_path / str(k) / name).read_bytes() for k in range(2)]
    assert made[0] == made[1] and b"202" not in made[0][:400]


@pytest.mark.parametrize("width", [40, 85, 300])
def test_text_stays_in_the_figure(width: float) -> None:
    page = plot.figure(cases.curve(120), width=width, show=("text",))
    for one in page.axes[0].texts:
        box, frame = one.get_window_extent(), page.bbox
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


HOSTILE = ("$\\frac{1}{0}$", "\x1b[31m", "$", "</text><script>", "\u202e", "\n", "", " ", "\ud800", "x" * 500, "漢字", "\\n", "$x$\n$y")


def test_text_of_a_model_is_shown_and_does_nothing(tmp_path: Path) -> None:
    doc = cases.curve(len(HOSTILE))
    doc = dataclasses.replace(doc, trace=dataclasses.replace(doc.trace, pieces=HOSTILE))
    for name in ("a.svg", "a.pdf", "a.png"):
        plot.save(plot.figure(doc), tmp_path / name)
    tree = ET.fromstring((tmp_path / "a.svg").read_bytes())
    assert not [node for node in tree.iter() if "script" in node.tag]


def test_pyplot_axes_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    assert tw.plot.curve(cases.curve(20)) is ax
    pyplot.close(figure)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: plot.figure(cases.curve(9), width=5), "5 mm"),
        (lambda: plot.figure(cases.curve(9), units=(4, 12)), "the trace has 9"),
        (lambda: plot.figure(cases.curve(9), colour="forced"), "it has value, delta"),
        (lambda: plot.figure(cases.sample_set()), "one measured trace"),
        (lambda: plot.save(plot.figure(cases.curve(9)), "a.gif"), ".svg, .pdf, .png"),
    ],
)
def test_what_cannot_be_drawn_is_said(make: Callable[[], object], told: str) -> None:
    with pytest.raises(TokenworthError, match=told):
        make()


def test_the_verb_writes_a_file_and_a_caption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    tw.write_document(cases.curve(40), "curve.json")
    assert run(["figure", "curve.json", "--out", "one.pdf", "--dry-run"]) == 0 and not Path("one.pdf").exists()
    capsys.readouterr()
    assert run(["figure", "curve.json", "--out", "one.pdf", "--units", "0-9", "--show", "text"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("wrote one.pdf: 85 × ") and "95%" in said and Path("one.pdf").read_bytes().startswith(b"%PDF")
    assert run(["figure", "curve.json", "--out", "one.pdf", "--units", "9"]) == 2
