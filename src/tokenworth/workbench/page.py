"""Result documents to one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tokenworth.core.document import Document
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput, StoreError
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.edits.document import EditsDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.modulo.document import ModuloDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.html import render_html
from tokenworth.report.model import View
from tokenworth.report.view import build_view, join_views, tabled_view, verified_view
from tokenworth.store.documents import write_whole
from tokenworth.workbench.case import Curve, Forced, Samples


def write_report(
    path: str | os.PathLike[str],
    *measured: Samples | Curve | Forced | Document,
    title: str | None = None,
    max_mb: float | None = None,
) -> Path:
    """Writes one self-contained HTML page of results or documents; returns its path.

    Documents of one trace share a view, and several traces share the page; a verified trace of the same words as a measured one is
    shown with it. Traces of maze problems are verified here unless verdicts are given. ``max_mb`` leaves out rollout texts, and last the
    texts of verified traces, until the page is no larger; the page says what is missing.

    Raises:
        InvalidInput: nothing to report, or a ``max_mb`` that cannot be kept.
        StoreError: the disk refuses; a report that was there before stays as it was.
    """
    documents = [item.document if isinstance(item, Samples | Curve | Forced) else item for item in measured]
    if not any(isinstance(document, VerifiedDoc) for document in documents):
        documents += _verdicts([d for d in documents if isinstance(d, CurveDoc | ForcedDoc | SampleSetDoc)])
    views = group_views(documents)
    if not views:
        raise InvalidInput("nothing to report; expected at least one result")
    view = views[0] if len(views) == 1 and title is None else join_views(views, title=title or _title(views))
    target = Path(path)
    page = render_html(view, max_mb=max_mb).encode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    write_whole(target, lambda handle: handle.write(page))
    return target


def _verdicts(documents: Sequence[CurveDoc | ForcedDoc | SampleSetDoc]) -> list[VerifiedDoc]:
    """The verdicts on the traces of formal problems; no verifier is loaded where there is none."""
    if not any(document.problem is not None and document.problem.kind == AnswerKind.PLAN for document in documents):
        return []
    from tokenworth.workbench.verified import verified_documents

    return list(verified_documents(documents))


def _title(views: Sequence[View]) -> str:
    titles = list(dict.fromkeys(v.title for v in views))
    return titles[0] if len(titles) == 1 else f"{titles[0]} (and {len(titles) - 1} more)"


def group_views(documents: Sequence[Document]) -> list[View]:
    """One view a measured trace: a curve with the forced answers of its trace and the samples of its problem; then the samples left,
    then each document of verified traces, then each table over many problems."""
    forceds = [d for d in documents if isinstance(d, ForcedDoc)]
    sets = [d for d in documents if isinstance(d, SampleSetDoc)]
    pairs: list[tuple[CurveDoc | None, ForcedDoc | None]] = []
    for curve in (d for d in documents if isinstance(d, CurveDoc)):
        partner = next((f for f in forceds if _same_trace(f, curve)), None)
        forceds = [f for f in forceds if f is not partner]
        pairs.append((curve, partner))
    pairs += [(None, forced) for forced in forceds]
    owned = [(curve, forced, _set_of(curve or forced, sets)) for curve, forced in pairs]
    views: list[View] = []
    listed: list[int] = []
    for curve, forced, samples in owned:
        # The other traces of a set are listed once, after the first measured one.
        elsewhere = None if id(samples) in listed else [d.trace for c, f, s in owned if s is samples and (d := c or f) is not None]
        views.append(build_view(curve, forced, samples, elsewhere=elsewhere))
        listed.append(id(samples))
    views += [build_view(None, None, one) for one in sets if id(one) not in listed]
    views += [verified_view(d) for d in documents if isinstance(d, VerifiedDoc)]
    return views + [tabled_view(d) for d in documents if isinstance(d, EditsDoc | ModuloDoc)]


def _set_of(measured: CurveDoc | ForcedDoc | None, sets: Sequence[SampleSetDoc]) -> SampleSetDoc | None:
    """The sample set of a trace: the one that holds it, else the first of its problem and model."""
    if measured is None:
        return None
    trace = measured.trace
    same = [s for s in sets if s.problem == measured.problem and s.model == measured.model]
    for one in same:
        if any(t.pieces == trace.pieces and t.answer_pieces == trace.answer_pieces for t in one.traces):
            return one
    return next((s for s in same if s.problem is not None), None)


def _same_trace(forced: ForcedDoc, curve: CurveDoc) -> bool:
    a, b = forced.trace, curve.trace
    return a.unit == b.unit and a.pieces == b.pieces and a.prompt_ids == b.prompt_ids and forced.model == curve.model
