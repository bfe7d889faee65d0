"""A view as one HTML file that needs nothing else: viewer, styles, data, and a policy that forbids everything more."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from importlib import resources

from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.methods.confusion.document import ANSWER_STATES, TRACE_STATES
from tokenworth.report.encode import encode
from tokenworth.report.formal_model import FormalTableView, FormalView
from tokenworth.report.inert import one_line
from tokenworth.report.model import TraceView, View
from tokenworth.report.names import trace_labels
from tokenworth.report.palette import css
from tokenworth.report.sheet_model import SheetView

_NOSCRIPT_ROWS = 200
MEGABYTE = 1_000_000


def render_html(view: View, *, max_mb: float | None = None) -> str:
    """The page. ``max_mb`` limits its size: rollout texts are left out first, evenly over cuts, then texts of verified traces, evenly
    over groups, and the page says so.

    Raises:
        InvalidInput: ``max_mb`` is no size, or the page is larger (in 10⁶ bytes) even without these texts.
    """
    if max_mb is not None and not (math.isfinite(max_mb) and max_mb > 0):
        raise InvalidInput(f"size limit of the report: got {max_mb:g} MB, expected a finite number above 0")
    limit = None if max_mb is None else int(max_mb * MEGABYTE)
    most = _levels(map(_ranks, view.traces))
    most_formal = _levels([_formal_ranks(view)])
    page = _page(view, most, most_formal)
    if limit is None or _size(page) <= limit:
        return page
    found = _largest(lambda n: _page(view, n, most_formal), most, limit) or _largest(lambda n: _page(view, 0, n), most_formal, limit)
    if found is None:
        size = _size(_page(view, 0, 0)) / MEGABYTE
        texts = "any rollout text or text of a verified trace" if view.formal else "any rollout text"
        raise InvalidInput(f"the report takes {size:.1f} MB without {texts}; got a limit of {max_mb:g} MB; raise the limit")
    return found


def _largest(page_of: Callable[[int], str], most: int, limit: int) -> str | None:
    """The page of the largest number below ``most``, found by halving, that fits; None where even 0 does not."""
    low, high, best = 0, max(most, 1), page_of(0)
    if _size(best) > limit:
        return None
    while low + 1 < high:
        middle = (low + high) // 2
        page = page_of(middle)
        if _size(page) <= limit:
            low, best = middle, page
        else:
            high = middle
    return best


def _levels(ranks: Iterable[Sequence[int]]) -> int:
    return max((max(r) + 1 for r in ranks if r), default=0)


def _formal_ranks(view: View) -> list[int]:
    """The place of each verified trace among those of its group; a measured one is always among the first."""
    seen: defaultdict[tuple[int, str], int] = defaultdict(int)
    ranks: list[int] = []
    for number, formal in enumerate(view.formal):
        for trace in formal.traces:
            measured = trace.measured >= 0 and view.traces[trace.measured].measured
            ranks.append(0 if measured else seen[number, trace.group])
            seen[number, trace.group] += 1
    return ranks


def _size(page: str) -> int:
    return len(page.encode())


def _ranks(trace: TraceView) -> list[int]:
    """The place of each sample among those of its cut."""
    seen: defaultdict[int, int] = defaultdict(int)
    ranks: list[int] = []
    for sample in trace.samples:
        ranks.append(seen[sample.cut])
        seen[sample.cut] += 1
    return ranks


def _asset(name: str) -> str:
    file = resources.files("tokenworth") / "assets" / "viewer" / name
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFile(f"the built viewer {name} is not in the package; run `npm ci && npm run build` in web/") from error


def _source(text: str) -> str:
    """The CSP source of an inline script or style."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _page(view: View, texts_per_cut: int, texts_per_group: int) -> str:
    keep = [[r < texts_per_cut for r in _ranks(t)] for t in view.traces]
    header, blobs = encode(view, keep, [r < texts_per_group for r in _formal_ranks(view)])
    script, style, palette = _asset("viewer.js"), _asset("viewer.css"), css()
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)} {_source(palette)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    data = "\n".join(f'<script type="application/octet-stream" id="tw-{name}">{body}</script>' for name, body in blobs)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{escape(view.generator)}">
<title>{escape(one_line(view.title))} · tokenworth</title>
<link rel="icon" href="data:,">
<style>{palette}</style>
<style>{style}</style>
</head>
<body>
<div id="tw-app"></div>
<noscript>
{"".join(_noscript(view))}</noscript>
<script type="application/json" id="tw-header">{header}</script>
{data}
<script>{script}</script>
</body>
</html>
"""


def _noscript(view: View) -> Iterator[str]:
    """The facts and the curve as plain tables, for readers without JavaScript."""
    yield f"<h1>{escape(one_line(view.title))}</h1>\n<p>This report draws with JavaScript, which is off. A summary:</p>\n"
    for trace, label in list(zip(view.traces, trace_labels(view), strict=True))[:20]:
        yield f"<h2>{escape(one_line(label))}</h2>\n<table>\n"
        for fact in trace.facts:
            yield f"<tr><th>{escape(one_line(fact.label))}</th><td>{escape(one_line(fact.value))}</td></tr>\n"
        yield "</table>\n"
        if trace.curve is not None:
            yield from _noscript_curve(trace)
    for formal in view.formal:
        for table in formal.tables:
            yield from _noscript_table(formal, table)
    for sheet in view.sheets:
        yield from _noscript_sheet(sheet)


def _noscript_table(formal: FormalView, table: FormalTableView) -> Iterator[str]:
    name = " · ".join(x for x in (table.group, formal.domain, formal.dialect, formal.strictness) if x)
    yield f"<h2>{escape(one_line(name))}: {table.n} trace{'s' * (table.n != 1)}</h2>\n<table>\n<tr><th>trace</th>"
    yield "".join(f"<th>answer {answer}</th>" for answer in ANSWER_STATES) + "</tr>\n"
    for trace in TRACE_STATES:
        counts = "".join(f"<td>{cell.n}</td>" for cell in table.joint if cell.trace == trace)
        yield f"<tr><th>{trace}</th>{counts}</tr>\n"
    yield "</table>\n"


def _noscript_sheet(sheet: SheetView) -> Iterator[str]:
    yield f"<h2>{escape(one_line(sheet.title))}</h2>\n"
    yield "".join(f"<p>{escape(one_line(text))}</p>\n" for text in (*sheet.lead, sheet.caption))
    yield "<table>\n<tr>" + "".join(f"<th>{escape(one_line(column.name))}</th>" for column in sheet.columns) + "</tr>\n"
    for row in sheet.rows:
        yield "<tr>" + "".join(f"<td>{escape(one_line(cell.text))}</td>" for cell in row) + "</tr>\n"
    yield "</table>\n" + "".join(f"<p>{escape(one_line(note))}</p>\n" for note in sheet.notes)


def _noscript_curve(trace: TraceView) -> Iterator[str]:
    curve = trace.curve
    assert curve is not None
    step = max(1, -(-len(curve.cuts) // _NOSCRIPT_ROWS))
    yield f"<table>\n<tr><th>cut</th><th>{escape(one_line(curve.label))}</th><th>low</th><th>high</th><th>rollouts begun here</th></tr>\n"
    for i in range(0, len(curve.cuts), step):
        numbers = (curve.value[i], curve.low[i], curve.high[i])
        cells = "".join(f"<td>{'not measured' if x is None else f'{x:.3f}'}</td>" for x in numbers)
        yield f"<tr><td>{curve.cuts[i]}</td>{cells}<td>{curve.n_started[i]}</td></tr>\n"
    yield "</table>\n"
