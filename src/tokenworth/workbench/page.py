"""Result documents to one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tokenworth.core.documents import CurveDoc, Document, ForcedDoc, SampleSetDoc
from tokenworth.errors import InvalidInput, StoreError
from tokenworth.report.html import render_html
from tokenworth.report.model import View
from tokenworth.report.view import build_view, join_views
from tokenworth.workbench.case import Curve, Forced, Samples


def write_report(
    path: str | os.PathLike[str],
    *measured: Samples | Curve | Forced | Document,
    title: str | None = None,
    max_mb: float | None = None,
) -> Path:
    """Writes one self-contained HTML page of results or documents; returns its path.

    Documents of one trace share a view, and several traces share the page. ``max_mb`` leaves out rollout texts until the page
    is no larger; the page says what is missing.
    """
    documents = [item.document if isinstance(item, Samples | Curve | Forced) else item for item in measured]
    views = group_views(documents)
    if not views:
        raise InvalidInput("nothing to report; expected at least one result")
    view = views[0] if len(views) == 1 and title is None else join_views(views, title=title or views[0].title)
    target = Path(path)
    page = render_html(view, max_mb=max_mb)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def group_views(documents: Sequence[Document]) -> list[View]:
    """One view a trace: a curve with the forced answers of its trace and the samples of its problem, then what is left."""
    curves = [d for d in documents if isinstance(d, CurveDoc)]
    forceds = [d for d in documents if isinstance(d, ForcedDoc)]
    sets = [d for d in documents if isinstance(d, SampleSetDoc)]
    views: list[View] = []
    for one in curves:
        partner = next((f for f in forceds if _same_trace(f, one)), None)
        samples = next((s for s in sets if s.problem == one.problem and s.model == one.model), None)
        forceds = [f for f in forceds if f is not partner]
        sets = [s for s in sets if s is not samples]
        views.append(build_view(one, partner, samples))
    views += [build_view(None, one, None) for one in forceds]
    views += [build_view(None, None, one) for one in sets]
    return views


def _same_trace(forced: ForcedDoc, curve: CurveDoc) -> bool:
    a, b = forced.trace, curve.trace
    return a.unit == b.unit and a.pieces == b.pieces and a.prompt_ids == b.prompt_ids and forced.model == curve.model
