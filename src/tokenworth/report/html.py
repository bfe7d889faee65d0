"""A view as one HTML file that needs nothing else: viewer, styles, data, and a policy that forbids everything more."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import quote

from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.report.blob import Json, dump
from tokenworth.report.lines import safe
from tokenworth.report.page import Page
from tokenworth.report.palette import css

SCHEMA = "tokenworth.view/5"
"""Of the header that the viewer reads."""
MEGABYTE = 1_000_000


BESIDE_MB = 2.0
"""The least size of a file beside a page, in 10⁶ bytes, but for the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPage:
    """A page whose data lies beside it: scripts that hand over their text, since a page opened from a disk may load nothing else."""

    html: str
    files: Mapping[str, str]
    """By name, relative to the page."""


def render_split(page: Page, folder: str, *, largest: int = 0) -> SplitPage:
    """The page, and the files of the ``folder`` beside it that hold its data; none for a page of at most ``largest`` characters."""
    header, blobs = _encoded(page, [None] * len(page.parts))
    if sum(len(body) for _, body in blobs) <= largest and len(whole := _written(page, header, blobs)) <= largest:
        return SplitPage(html=whole, files={})
    files: list[dict[str, str]] = []
    size = math.inf
    for name, body in blobs:
        if size > BESIDE_MB * MEGABYTE:
            files.append({})
            size = 0
        files[-1][name] = body
        size += len(body)
    names = [f"{quote(folder)}/{k}.js" for k in range(len(files))]
    beside: Json = {"files": names, "of": {name: k for k, file in enumerate(files) for name in file}}
    scripts = {
        f"{folder}/{k}.js": f"document.dispatchEvent(new CustomEvent({dump(f'tokenworth:{names[k]}')},{{detail:{dump(file)}}}))\n"
        for k, file in enumerate(files)
    }
    return SplitPage(html=_written(page, {**header, "beside": beside}, (), is_split=True), files=scripts)


def render_html(page: Page, *, max_mb: float | None = None) -> str:
    """The page. ``max_mb`` limits its size: rollout texts are left out first, evenly over cuts, then texts of verified traces, evenly
    over groups, and the page says so.

    Raises:
        InvalidInput: ``max_mb`` is not a size, or the page is larger (in 10⁶ bytes) even without these texts.
    """
    if max_mb is not None and not (math.isfinite(max_mb) and max_mb > 0):
        raise InvalidInput(f"size limit of the report: got {max_mb:g} MB, expected a finite number above 0")
    most: list[int | None] = [None] * len(page.parts)
    html = _page(page, most)
    if max_mb is None or _size(html) <= max_mb * MEGABYTE:
        return html
    for k, (section, part) in enumerate(page.parts):
        found = _largest(lambda n, k=k: _page(page, [*most[:k], n, *most[k + 1 :]]), section.most(part), int(max_mb * MEGABYTE))
        if found is not None:
            return found
        most[k] = 0
    names = list(dict.fromkeys(section.texts for section, _ in page.parts if section.texts)) or ["rollout text"]
    size = _size(_page(page, most)) / MEGABYTE
    raise InvalidInput(f"the report takes {size:.1f} MB without any {' or '.join(names)}; got a limit of {max_mb:g} MB; raise the limit")


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


def _size(page: str) -> int:
    return len(page.encode())


def _asset(name: str) -> str:
    file = resources.files("tokenworth") / "assets" / "viewer" / name
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFile(f"the built viewer {name} is not in the package; run `npm ci && npm run build` in web/") from error


def _parts(header: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of the viewer that the page needs: its frame, and those that its sections name."""
    return ("viewer", *dict.fromkeys(name for section in header["sections"] for name in section.get("scripts", ())))


def _source(text: str) -> str:
    """The CSP source of an inline script or style."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _encoded(page: Page, most: Sequence[int | None]) -> tuple[dict[str, Json], list[tuple[str, str]]]:
    """The header, with a hash of all data, and the blobs by name."""
    heads: list[Json] = []
    blobs: list[tuple[str, str]] = []
    for (section, part), n in zip(page.parts, most, strict=True):
        head, own = section.encode(part, n)
        heads.append({"kind": section.kind, **head})
        blobs += own
    whole: dict[str, Json] = {"schema": SCHEMA, "title": page.title, "generator": page.generator, "sections": heads}
    digest = hashlib.sha256(dump(whole).encode())
    for _, body in blobs:
        digest.update(body.encode())
    return whole | {"hash": digest.hexdigest()}, blobs


def _page(view: Page, most: Sequence[int | None]) -> str:
    return _written(view, *_encoded(view, most))


def _written(view: Page, header: Mapping[str, Json], blobs: Sequence[tuple[str, str]], *, is_split: bool = False) -> str:
    parts = _parts(header)
    scripts, styles = [_asset(f"{name}.js") for name in parts], [css(), *(_asset(f"{name}.css") for name in parts)]
    # The files beside the page are loaded by the page's own script, and nothing else is.
    trusted = " 'strict-dynamic'" if is_split else ""
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_source, scripts))}{trusted}; style-src {' '.join(map(_source, styles))}; "
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
<title>{safe(view.title)} · tokenworth</title>
<link rel="icon" href="data:,">
{"".join(f"<style>{style}</style>{chr(10)}" for style in styles)}</head>
<body>
<div id="tw-app"></div>
<noscript>
{"".join(_noscript(view))}</noscript>
<script type="application/json" id="tw-header">{dump(header)}</script>
{data}
{"".join(f"<script>{script}</script>{chr(10)}" for script in scripts)}</body>
</html>
"""


def _noscript(page: Page) -> Iterator[str]:
    """What every section says to readers without JavaScript."""
    yield f"<h1>{safe(page.title)}</h1>\n<p>This report draws with JavaScript, which is off. A summary:</p>\n"
    for section, part in page.parts:
        yield from section.noscript(part)
