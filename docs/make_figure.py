"""Draws a curve document as an SVG: the value with its band, and the trace with every token in the colour of its value.

python docs/make_figure.py CURVE.json docs/trace.svg
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

from tokenworth.core.document import Number
from tokenworth.core.inert import inert
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.report.palette import INK, NO_BIN, PAPER, bin_of, ramp
from tokenworth.store.documents import read_document

WIDTH, MARGIN, LEFT = 920, 28, 62
PLOT_HEIGHT = 170
CHAR, LINE, SIZE = 8.4, 24, 14
DIM, GRID, BAND, CURVE = "#59636E", "#E3E6EA", "#C9DCEF", "#1F4E79"
SANS = "font-family='-apple-system,Segoe UI,Helvetica,Arial,sans-serif'"
MONO = "font-family='ui-monospace,SFMono-Regular,Menlo,Consolas,monospace'"


def text(x: float, y: float, words: str, *, size: int = 12, colour: str = DIM, anchor: str = "start", extra: str = "") -> str:
    """One line of text."""
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' text-anchor='{anchor}' {extra or SANS}>{escape(words)}</text>"


def path(points: list[tuple[float, float]]) -> str:
    """Points as an SVG path."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def runs(doc: CurveDoc) -> Iterator[list[tuple[int, float, float, float]]]:
    """Stretches of neighbouring cuts with a value: (cut, value, low, high)."""
    run: list[tuple[int, float, float, float]] = []
    for cut, value, low, high in zip(doc.cuts, doc.value, doc.low, doc.high, strict=True):
        if value is None or low is None or high is None or (run and cut != run[-1][0] + 1):
            if run:
                yield run
            run = []
        if value is not None and low is not None and high is not None:
            run.append((cut, value, low, high))
    if run:
        yield run


def plot(doc: CurveDoc, top: float) -> Iterator[str]:
    """The curve with its band; a tick where rollouts began."""
    n, right, bottom = len(doc.trace.pieces), WIDTH - MARGIN, top + PLOT_HEIGHT

    def x(cut: float) -> float:
        return LEFT + (right - LEFT) * cut / max(n, 1)

    def y(value: float) -> float:
        return bottom - PLOT_HEIGHT * value

    for value in (0.0, 0.5, 1.0):
        yield f"<path d='M{LEFT} {y(value):.1f}H{right}' stroke='{GRID}'/>" + text(LEFT - 8, y(value) + 4, f"{value:g}", anchor="end")
    for run in runs(doc):
        if len(run) == 1:
            cut, value, low, high = run[0]
            yield f"<path d='M{x(cut):.1f} {y(high):.1f}V{y(low):.1f}' stroke='{BAND}' stroke-width='5'/>"
            yield f"<circle cx='{x(cut):.1f}' cy='{y(value):.1f}' r='3' fill='{CURVE}'/>"
            continue
        band = [(x(c), y(high)) for c, _, _, high in run] + [(x(c), y(low)) for c, _, low, _ in reversed(run)]
        line = path([(x(cut), y(value)) for cut, value, _, _ in run])
        yield f"<path d='{path(band)}Z' fill='{BAND}'/><path d='{line}' fill='none' stroke='{CURVE}' stroke-width='2'/>"
    yield from labels(doc, x, y)
    began = "".join(f"M{x(cut):.1f} {bottom + 3}v5" for cut, n_began in zip(doc.cuts, doc.n_started, strict=True) if n_began)
    yield f"<path d='{began or 'M0 0'}' stroke='{DIM}'/>"
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**6) if n / s <= 12)
    yield "".join(text(x(cut), bottom + 22, f"{cut}", size=11, anchor="middle") for cut in range(0, n + 1, step))
    yield text(
        right, bottom + 38, f"tokens kept; ticks: rollouts began here; band: {doc.level:.0%} pointwise interval", size=11, anchor="end"
    )


def labels(doc: CurveDoc, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    """The tokens with the largest changes, beside the curve."""
    points = [(cut, v) for cut, v in zip(doc.cuts, doc.value, strict=True) if v is not None]
    jumps = sorted(((abs(b[1] - a[1]), a, b) for a, b in pairwise(points) if b[0] == a[0] + 1), reverse=True)
    placed: list[int] = []
    for size, (_, before), (cut, value) in jumps:
        near = (len(doc.trace.pieces) + 7) // 8
        if size < 0.1 or len(placed) == 5 or any(abs(cut - other) < near for other in placed):
            continue
        placed.append(cut)
        word = f"“{inert(doc.trace.pieces[cut - 1]).strip()}” {value - before:+.2f}".replace("-", "−")
        at = y(value) + (22 if value < before and value > 0.15 else -14)
        side = "end" if cut > 0.9 * len(doc.trace.pieces) else "start" if cut < 0.1 * len(doc.trace.pieces) else "middle"
        yield f"<circle cx='{x(cut):.1f}' cy='{y(value):.1f}' r='3.5' fill='{CURVE}'/>"
        halo = f"{SANS} paint-order='stroke' stroke='{PAPER['light']}' stroke-width='4'"
        yield text(x(cut), max(at, y(1) - 2), word, colour=INK["light"], anchor=side, extra=halo)


def trace(doc: CurveDoc, top: float) -> tuple[list[str], float]:
    """The tokens in lines, coloured by the value after them, and the height used."""
    colours, after = ramp("light", "value"), dict(zip(doc.cuts, doc.value, strict=True))
    parts: list[str] = []
    per_line, column, line = int((WIDTH - 2 * MARGIN) / CHAR), 0, 0

    def put(piece: str, value: Number, ink: str) -> None:
        nonlocal column, line
        shown = inert(piece).replace("\n", "⏎")
        if column + len(shown) > per_line:
            column, line = 0, line + 1
        x, y, width = MARGIN + column * CHAR, top + line * LINE, len(shown) * CHAR
        at = bin_of(value, 0, 1)
        if at != NO_BIN:
            parts.append(f"<rect x='{x:.1f}' y='{y:.1f}' width='{width - 0.8:.1f}' height='{LINE - 4}' fill='{colours[at]}'/>")
        lead = len(shown) - len(shown.lstrip(" "))
        if word := shown.strip(" "):
            length = f"textLength='{len(word) * CHAR:.1f}' lengthAdjust='spacingAndGlyphs' {MONO}"
            parts.append(text(x + lead * CHAR, y + LINE - 9, word, size=SIZE, colour=ink, extra=length))
        column += len(shown)

    for i, piece in enumerate(doc.trace.pieces):
        put(piece, after.get(i + 1), INK["light"])
    column, line = 0, line + bool(doc.trace.answer_pieces)
    for piece in doc.trace.answer_pieces:
        put(piece, None, DIM)
    return parts, (line + 1) * LINE


def scale(x: float, y: float) -> str:
    """The colour scale."""
    boxes = "".join(
        f"<rect x='{x + 14 + 6 * i}' y='{y - 10}' width='6' height='12' fill='{c}'/>" for i, c in enumerate(ramp("light", "value"))
    )
    return text(x, y, "0") + boxes + text(x + 146, y, "1")


def figure(doc: CurveDoc) -> str:
    """The whole picture."""
    question = "" if doc.problem is None else inert(doc.problem.question)
    options = (
        []
        if doc.problem is None
        else [f"({o.label}) {inert(o.text)}{' ✓' if o.label == doc.problem.gold else ''}" for o in doc.problem.options]
    )
    heads = textwrap.wrap(question, 112)[:3] + ["\u2003".join(options)] * bool(options)
    y = MARGIN + 8.0
    parts = []
    for k, words in enumerate(heads):
        parts.append(text(MARGIN, y, words, size=14, colour=INK["light"] if k < len(heads) - bool(options) else DIM))
        y += 20
    parts += [text(MARGIN, y + 8, f"{doc.value_label} of a rollout that keeps the trace up to a cut"), *plot(doc, y + 24)]
    y += 24 + PLOT_HEIGHT + 66
    parts += [text(MARGIN, y, "Each token in the colour of the value after it:"), scale(MARGIN + 300, y)]
    tokens, height = trace(doc, y + 14)
    parts += tokens
    bottom = y + 14 + height + MARGIN - 12
    frame = f"<rect x='.5' y='.5' width='{WIDTH - 1}' height='{bottom - 1:.0f}' rx='8' fill='{PAPER['light']}' stroke='{GRID}'/>"
    title = f"<title>{escape(f'{doc.value_label} along a trace of {doc.model.name}')}</title>"
    size = f"width='{WIDTH}' height='{bottom:.0f}' viewBox='0 0 {WIDTH} {bottom:.0f}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'>{title}\n" + "\n".join([frame, *parts]) + "\n</svg>\n"


def main() -> int:
    """Reads the curve and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curve", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    doc = read_document(arguments.curve)
    if not isinstance(doc, CurveDoc):
        sys.stderr.write(f"error: {arguments.curve} is no curve document\n")
        return 2
    arguments.out.write_text(figure(doc), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
