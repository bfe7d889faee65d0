"""A view as one HTML file that needs nothing else: viewer, styles, data, and a policy that forbids everything more."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from importlib import resources

from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.report.encode import encode
from tokenworth.report.inert import one_line
from tokenworth.report.model import TraceView, View
from tokenworth.report.names import trace_labels
from tokenworth.report.palette import css

_NOSCRIPT_ROWS = 200
MEGABYTE = 1_000_000


def render_html(view: View, *, max_mb: float | None = None) -> str:
    """The page. ``max_mb`` limits its size: rollout texts are left out first, evenly over cuts, and the page says so.

    Raises:
        InvalidInput: ``max_mb`` is no size, or the page is larger (in 10⁶ bytes) even without rollout texts.
    """
    if max_mb is not None and not (math.isfinite(max_mb) and max_mb > 0):
        raise InvalidInput(f"size limit of the report: got {max_mb:g} MB, expected a finite number above 0")
    limit = None if max_mb is None else int(max_mb * MEGABYTE)
    most = max((len(ranks) and max(ranks) + 1 for ranks in map(_ranks, view.traces)), default=0)
    page = _page(view, most)
    if limit is None or _size(page) <= limit:
        return page
    low, best = 0, _page(view, 0)
    if _size(best) > limit:
        raise InvalidInput(
            f"the report takes {_size(best) / MEGABYTE:.1f} MB without any rollout text; got a limit of {max_mb:g} MB; raise the limit"
        )
    high = most
    while low + 1 < high:
        middle = (low + high) // 2
        page = _page(view, middle)
        if _size(page) <= limit:
            low, best = middle, page
        else:
            high = middle
    return best


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


def _page(view: View, texts_per_cut: int) -> str:
    header, blobs = encode(view, [[r < texts_per_cut for r in _ranks(t)] for t in view.traces])
    script, style, palette = _asset("viewer.js"), _asset("viewer.css"), css()
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)} {_source(palette)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    data = "\n".join(
        f'<script type="application/octet-stream" id="tw-{kind}-{i}">{body}</script>'
        for i, pair in enumerate(blobs)
        for kind, body in zip(("data", "texts"), pair, strict=True)
    )
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
