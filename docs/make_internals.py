"""Draws the way of one request, from the command line to the page, for docs/internals.md. It follows the reader's light or dark setting.

python docs/make_internals.py docs/internals.svg
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 920, 470
STYLE = """
text { font-family: -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2328; }
.file { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 11px; fill: #59636e; }
.said { font-size: 12px; fill: #59636e; }
.box { fill: #ffffff; stroke: #8c959f; } .pure { fill: #ddeaf7; } .outside { fill: #f6e7cf; }
.paper { fill: #ffffff; stroke: #e3e6ea; } .line { stroke: #59636e; stroke-width: 1.5; fill: none; } .tip { fill: #59636e; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .file, .said { fill: #9da7b3; }
  .box { fill: #161b22; stroke: #6e7681; } .pure { fill: #12304d; } .outside { fill: #45330f; }
  .paper { fill: #0d1117; stroke: #30363d; } .line { stroke: #9da7b3; } .tip { fill: #9da7b3; }
}
"""
BOXES = (
    (20, 30, 190, "tokenworth curve …", "cli/verb.py", ""),
    (254, 30, 204, "settings", "methods/curve/settings.py", ""),
    (488, 30, 190, "Subject", "workbench/case.py", ""),
    (254, 160, 204, "experiment: a generator", "methods/curve/experiment.py", "pure"),
    (488, 160, 190, "driver", "run/drive.py", ""),
    (722, 110, 178, "store", "store/sqlite.py", "outside"),
    (722, 210, 178, "backend", "backends/*/backend.py", "outside"),
    (20, 300, 190, "result: arrays", "methods/curve/result.py", "pure"),
    (254, 300, 204, "document", "methods/curve/document.py", "pure"),
    (488, 300, 190, "section: view", "report/sections/traces/", "pure"),
    (722, 280, 178, "text", "report/text.py", ""),
    (722, 350, 178, "HTML page", "report/html.py", ""),
    (254, 390, 204, "JSON file, store record", "store/documents.py", ""),
)
ARROWS = (
    ("M210 57H250", "", 0, 0),
    ("M458 57H485", "", 0, 0),
    ("M583 84V122H349V156", "subject and settings", 466, 116),
    ("M458 178H486", "batch", 473, 152),
    ("M488 200H462", "responses", 473, 228),
    ("M678 172L718 146", "key", 690, 150),
    ("M678 200L718 228", "request", 722, 204),
    ("M254 187H115V296", "returns", 120, 240),
    ("M210 327H250", "", 0, 0),
    ("M458 327H486", "", 0, 0),
    ("M678 322L718 310", "", 0, 0),
    ("M678 334L718 366", "", 0, 0),
    ("M349 354V386", "", 0, 0),
)


def box(x: int, y: int, width: int, name: str, file: str, kind: str) -> str:
    """A box with what it is and where it is."""
    return (
        f"<rect class='box {kind}' x='{x}' y='{y}' width='{width}' height='54' rx='6'/>"
        f"<text x='{x + 12}' y='{y + 23}'>{escape(name)}</text><text class='file' x='{x + 12}' y='{y + 42}'>{escape(file)}</text>"
    )


def arrow(way: str, words: str, x: int, y: int) -> str:
    """A line with a tip, and what goes along it."""
    anchor = "start" if x in (120, 722) else "middle"
    said = f"<text class='said' text-anchor='{anchor}' x='{x}' y='{y}'>{escape(words)}</text>" * bool(words)
    return f"<path class='line' d='{way}' marker-end='url(#tip)'/>{said}"


def figure() -> Iterator[str]:
    """The lines of the SVG."""
    yield f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>"
    yield f"<title>One request, from the command line to the page</title><style>{STYLE}</style>"
    yield "<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' markerHeight='8' orient='auto'>"
    yield "<path class='tip' d='M0 0L8 4L0 8Z'/></marker></defs>"
    yield f"<rect class='paper' x='.5' y='.5' width='{WIDTH - 1}' height='{HEIGHT - 1}' rx='8'/>"
    yield from (box(*one) for one in BOXES)
    yield from (arrow(*one) for one in ARROWS)
    yield f"<text class='said' x='20' y='{HEIGHT - 8}'>blue: pure functions of values · yellow: what answers requests</text></svg>"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(figure()) + "\n", encoding="utf-8")
