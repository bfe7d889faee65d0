"""Figures for a paper, by matplotlib (extra ``plot``): the curve with its interval, and the trace in the colours of the page.

    tw.plot.curve(result)                  # on the current axes of pyplot
    tw.plot.figure(result, width=85)       # both, one above the other, for `tw.plot.save`

What is drawn is what the page shows, from the same numbers. The bytes of a saved figure depend only on the result, the options and
the version of matplotlib.
"""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenworth.core.document import Document
from tokenworth.core.inert import one_line
from tokenworth.core.no_verdict import MATTERS
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.report.page import page_of
from tokenworth.report.palette import GROUND, INK, NO_BIN, STROKE, categorical, ramp
from tokenworth.report.sections.traces.model import MEASURED, CurveView, MetricView, StackView, TraceView
from tokenworth.report.sections.traces.verdicts import spread
from tokenworth.store.documents import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".pdf", ".png")
WIDTH = 85.0
"""Millimetres: one column of most journals and conferences."""
POINTS = 6.5
"""Size of all text: readable in one column."""
CURVE_HEIGHT = 42.0
"""Millimetres of the curve in a figure."""
_WIDE = 0.602
"""Width of a character of DejaVu Sans Mono, which comes with matplotlib, in sizes."""
_LINE = 1.45
"""Distance of two lines of text, in sizes."""
_MM = 1 / 25.4
_MARGIN = 1.5
"""Millimetres above and below."""
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": POINTS,
    "axes.linewidth": 0.5,
    "axes.edgecolor": STROKE["light"],
    "axes.labelcolor": INK["light"],
    "text.color": INK["light"],
    "xtick.color": INK["light"],
    "ytick.color": INK["light"],
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "hatch.linewidth": 0.35,
    "pdf.fonttype": 42,
    "svg.hashsalt": "tokenworth",
}

_HATCH: dict[str, Any] = {"hatch": "//////", "edgecolor": STROKE["light"] + "70"}
"""Thin and light enough for the text on it."""
_HATCHED = "   hatched: half have no verdict"


@dataclass(frozen=True)
class _Run:
    """Characters of one unit on one line: line, column, what stands there, its colour, and the unit."""

    line: int
    column: int
    text: str
    colour: str | None
    unit: int


def curve(result: Any, ax: Axes | None = None, *, exit: int = 0) -> Axes:
    """Draws a curve with its pointwise interval or, of a result without one, the shares of the options of a forced answer.

    ``result``: what a measure gave, a document, or several of one trace. ``ax``: where to draw; pyplot's current axes if None.
    ``exit``: which exit text of forced answers. The horizontal axis is the cut, in units of the trace. Returns the axes.

    Raises:
        InvalidInput: the documents are not of one trace, or hold neither curve nor forced answers; matplotlib is missing.
    """
    trace = view_of(result)
    ax = _axes(ax)
    if trace.curve is not None:
        _draw_curve(ax, trace.curve)
    else:
        _draw_shares(ax, _stack(trace, exit))
    ax.set_xlim(0, max(1, len(trace.pieces)))
    ax.set_ylim(0, 1)
    ax.set_xlabel(f"cut (after this many {trace.unit}s)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def text(result: Any, ax: Axes | None = None, *, colour: str | None = None, units: tuple[int, int] | None = None) -> Axes:
    """Writes the trace, each token in the colour of a metric of the page, with the scale of colours below. Returns the axes.

    ``colour``: ``value``, ``delta``, ``probability`` or ``forced``; the first that the result has if None. ``units``: the first unit
    and the one after the last, all if None. Lines are as long as the axes are wide now.

    Raises:
        InvalidInput: as `curve`, and for a colour that the result does not have or units that are not there.
    """
    trace = view_of(result)
    ax = _axes(ax)
    metric = _metric(trace, colour)
    start, end = _units(trace, units)
    box = ax.get_window_extent()
    width, height = (box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi)
    runs = list(_runs(trace.pieces[start:end], _colours(metric)[start:end], _columns(width)))
    _write(ax, runs, metric.hatched[start:end], width, height)
    _scale(ax, metric, (runs[-1].line + 1 if runs else 0) * _LINE * POINTS, width)
    return ax


def figure(
    result: Any,
    *,
    width: float = WIDTH,
    show: Sequence[str] = ("curve", "text"),
    colour: str | None = None,
    units: tuple[int, int] | None = None,
) -> Figure:
    """A figure of ``width`` millimetres with ``curve``, ``text`` or both, as high as the text needs.

    Raises:
        InvalidInput: as `curve` and `text`, and for a width below 30 mm.
    """
    if not 30 <= width <= 1000:
        raise InvalidInput(f"a figure {width:g} mm wide; expected 30 to 1,000")
    matplotlib = _matplotlib()
    from matplotlib.figure import Figure

    trace = view_of(result)
    start, end = _units(trace, units)
    inner = (width - 2) * _MM * 72
    lines = max((run.line for run in _runs(trace.pieces[start:end], [None] * (end - start), _columns(inner))), default=0) + 1
    heights = {"curve": CURVE_HEIGHT, "text": ((lines + 1.8) * _LINE * POINTS) / 72 / _MM}
    total = sum(heights[name] for name in show) + 2 * _MARGIN
    with matplotlib.rc_context(_STYLE):
        page = Figure(figsize=(width * _MM, total * _MM), dpi=300)
        top = total - _MARGIN
        for name in show:
            top -= heights[name]
            left, below, right = (11, 10, 2.5) if name == "curve" else (1, 0, 1)
            place = (left / width, (top + below) / total, (width - left - right) / width, (heights[name] - below) / total)
            ax = page.add_axes(place)
            if name == "curve":
                curve(trace, ax)
            else:
                text(trace, ax, colour=colour, units=units)
    return page


def caption(result: Any) -> str:
    """What a figure of a result shows, as a sentence for the text below it."""
    trace = view_of(result)
    if trace.curve is None:
        stack = _stack(trace, 0)
        return f"Shares of the forced answers by cut, after the exit text {one_line(stack.text)!r}, and the mass on all options."
    view = trace.curve
    open_ = (
        ""
        if view.verdicts is None
        else f" Hatched: {spread(view.verdicts.missing)} of the rollouts from a cut have no verdict; they are in the denominator, and the "
        "limit would be so high if all were hits. Tokens: half or more have none."
    )
    return (
        f"{view.label} by cut, with {view.level:.0%} {view.interval} intervals ({view.assumption}). "
        f"Ticks: the {sum(n > 0 for n in view.n_started)} cuts where the {sum(view.n_started):,} rollouts began.{open_}"
    )


def save(page: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a figure as SVG, PDF or PNG by the end of its name, whole or not at all, with no date in it; returns the path.

    Raises:
        InvalidInput: another end.
        StoreError: the disk refuses.
    """
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise InvalidInput(f"cannot tell the format of {path}; expected a name that ends in one of {', '.join(FORMATS)}")
    kind = target.suffix.lower()[1:]
    bare: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    held = io.BytesIO()
    with _matplotlib().rc_context(_STYLE):
        page.savefig(held, format=kind, metadata=bare)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, lambda handle: handle.write(held.getvalue()))
    return target


# -- what is drawn -----------------------------------------------------------------------------------------------------


def _draw_curve(ax: Axes, view: CurveView) -> None:
    blue, nan = categorical("light")[0], float("nan")
    x = list(view.cuts)
    low, value, high = ([nan if v is None else v for v in part] for part in (view.low, view.value, view.high))
    # A band ends where a cut was not measured; a line does too.
    ax.fill_between(x, low, high, color=blue, alpha=0.2, linewidth=0, label=f"{view.level:.0%} interval")
    if view.verdicts is not None:
        shown = [m is not None and m >= MATTERS for m in view.verdicts.missing]
        most = [nan if v is None else v for v in view.verdicts.high_if_met]
        ax.fill_between(x, high, most, where=shown, facecolor="none", linewidth=0, label="if those without a verdict hit", **_HATCH)
    sparse = any(b - a > 1 for a, b in pairwise(x))
    ax.plot(x, value, color=blue, linewidth=1, marker="o" if sparse else None, markersize=2, label=view.label, clip_on=False)
    lone = [i for i, v in enumerate(value) if v == v and not any(value[j] == value[j] for j in (i - 1, i + 1) if 0 <= j < len(value))]
    for i in lone:
        ax.errorbar([x[i]], [value[i]], [[value[i] - low[i]], [high[i] - value[i]]], color=blue, linewidth=0.8)
    drawn = [cut for cut, state in zip(view.cuts, view.state, strict=True) if state == MEASURED]
    ax.plot(drawn, [0.0] * len(drawn), linestyle="none", marker="|", markersize=3, color=STROKE["light"], clip_on=False)
    ax.set_ylabel(view.label, parse_math=False)


def _draw_shares(ax: Axes, stack: StackView) -> None:
    colours = categorical("light")
    for label, place, gold, share in zip(stack.labels, stack.colours, stack.gold, stack.share, strict=True):
        shown = one_line(label) + (" (gold)" if gold else "")
        colour = colours[place] if 0 <= place < len(colours) else STROKE["light"]
        line = [float("nan") if x is None else x for x in share]
        ax.plot(stack.cuts, line, color=colour, linewidth=1.2 if gold else 0.8, label=shown)
    mass = [float("nan") if x is None else x for x in stack.mass]
    ax.plot(stack.cuts, mass, color=STROKE["light"], linewidth=0.6, linestyle=":", label="mass on the options")
    ax.set_ylabel("share of the forced answer")
    legend = ax.legend(loc="best", fontsize="small", frameon=False)
    for entry in legend.get_texts():
        entry.set_parse_math(False)


def _write(ax: Axes, runs: Sequence[_Run], hatched: Sequence[int], width: float, height: float) -> None:
    """Coloured runs of a text on axes that become as many points wide and high as they are. ``hatched``: 1 a unit; empty: none."""
    from matplotlib.patches import Rectangle

    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    wide, line = _WIDE * POINTS, _LINE * POINTS
    for run in runs:
        x, y = run.column * wide, run.line * line
        if run.colour is not None:
            hatch = _HATCH if hatched and hatched[run.unit] else {}
            ax.add_patch(Rectangle((x, y), len(run.text) * wide, line, facecolor=run.colour, linewidth=0, **hatch))
        if run.text.strip():
            # A glyph at a time would be safer for other scripts, and a thousand times the objects.
            ax.text(
                x, y + 0.72 * line, run.text, fontfamily="DejaVu Sans Mono", fontsize=POINTS, parse_math=False, verticalalignment="baseline"
            )  # fmt: skip


def _scale(ax: Axes, metric: MetricView, y: float, width: float) -> None:
    """The scale of colours, below the text."""
    from matplotlib.patches import Rectangle

    colours, line, step = ramp("light", metric.palette), _LINE * POINTS, 0.01 * width
    y += 0.8 * line
    at = 0.0
    for words in (
        f"{one_line(metric.name)}  {metric.low:g}",
        None,
        f"{metric.high:g}" + "   no colour: not measured" * (NO_BIN in metric.bins) + _HATCHED * any(metric.hatched),
    ):
        if words is None:
            for k, colour in enumerate(colours):
                ax.add_patch(Rectangle((at + k * step, y), step, 0.8 * line, color=colour, linewidth=0))
            ax.add_patch(Rectangle((at, y), len(colours) * step, 0.8 * line, fill=False, edgecolor=GROUND["light"], linewidth=0.4))
            at += len(colours) * step + 2
        else:
            ax.text(at, y + 0.62 * line, words, fontfamily="DejaVu Sans Mono", fontsize=POINTS - 1, parse_math=False)
            at += len(words) * _WIDE * (POINTS - 1) + 2


def _runs(pieces: Sequence[str], colours: Sequence[str | None], columns: int) -> Iterator[_Run]:
    """The units laid in lines of so many characters: broken at white space where one is near, and at newlines."""
    line = column = 0
    for unit, (piece, colour) in enumerate(zip(pieces, colours, strict=True)):
        for k, part in enumerate(piece.split("\n")):
            if k:
                yield _Run(line, column, "↵", colour, unit)
                line, column = line + 1, 0
            for word in _words(one_line(part), columns):
                if column and column + len(word) > columns:
                    line, column = line + 1, 0
                yield _Run(line, column, word, colour, unit)
                column += len(word)


def _words(shown: str, columns: int) -> Iterator[str]:
    """A unit as pieces that may stand on lines of their own: of a sentence its words, of a token the whole."""
    if len(shown) <= 24:
        yield from textwrap.wrap(shown, columns, drop_whitespace=False, break_on_hyphens=False) or ([shown] if shown else [])
        return
    rest = shown
    while rest:
        end = rest.find(" ", 1)
        word = rest if end < 0 else rest[:end]
        yield from (word[i : i + columns] for i in range(0, len(word), columns))
        rest = rest[len(word) :]


def _columns(width: float) -> int:
    # One less, for the sign of a newline.
    return max(8, int(width / (_WIDE * POINTS)) - 1)


def _colours(metric: MetricView) -> list[str | None]:
    colours = ramp("light", metric.palette)
    return [None if k == NO_BIN else colours[k] for k in metric.bins]


# -- what of a result ---------------------------------------------------------------------------------------------------


def view_of(result: Any) -> TraceView:
    """The view of the one trace of a result, which is made once where several figures are drawn of it: they take it as a result, too.

    Raises InvalidInput for results of several traces or of none.
    """
    if isinstance(result, TraceView):
        return result
    several = result if isinstance(result, (list, tuple)) else [result]
    documents: list[Document] = [getattr(one, "document", one) for one in several]
    traces = page_of(documents).traces
    if len(traces) != 1:
        raise InvalidInput(f"a figure is of one measured trace; got results of {len(traces)}")
    return traces[0]


def _stack(trace: TraceView, number: int) -> StackView:
    forced = [stack for stack in trace.stacks if stack.kind == "forced"]
    if not 0 <= number < len(forced):
        raise InvalidInput(f"no curve and {len(forced)} exit texts of forced answers; nothing to draw" + f" at {number}" * bool(forced))
    return forced[number]


def _metric(trace: TraceView, colour: str | None) -> MetricView:
    by_name = {metric.key.partition("/")[0]: metric for metric in reversed(trace.metrics)}
    names = [metric.key.partition("/")[0] for metric in trace.metrics]
    if colour is None and names:
        return trace.metrics[0]
    if colour is None or colour not in by_name:
        raise InvalidInput(f"no colour {colour!r} in this result; it has {', '.join(dict.fromkeys(names)) or 'none'}")
    return by_name[colour]


def _units(trace: TraceView, units: tuple[int, int] | None) -> tuple[int, int]:
    start, end = units or (0, len(trace.pieces))
    if not 0 <= start < end <= len(trace.pieces):
        raise InvalidInput(f"{trace.unit}s {start} to {end}; the trace has {len(trace.pieces)}")
    return start, end


def _axes(ax: Axes | None) -> Axes:
    _matplotlib()
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.gca()


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtra("figures need matplotlib, which is not installed; run: pip install 'tokenworth[plot]'") from error
    return matplotlib
