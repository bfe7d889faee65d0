"""Result documents to one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokenworth.core.document import Document
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import StoreError
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.store.documents import write_whole

if TYPE_CHECKING:
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
    documents: list[Document] = [getattr(item, "document", item) for item in measured]
    if not any(isinstance(document, VerifiedDoc) for document in documents):
        documents += _verdicts([d for d in documents if isinstance(d, CurveDoc | ForcedDoc | SampleSetDoc)])
    page = render_html(page_of(documents, title=title), max_mb=max_mb).encode()
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    write_whole(target, lambda handle: handle.write(page))
    return target


def _verdicts(documents: Sequence[CurveDoc | ForcedDoc | SampleSetDoc]) -> list[VerifiedDoc]:
    """The verdicts on the traces of maze problems; the verifier is not even loaded where there is none."""
    if not any(document.problem is not None and document.problem.kind == AnswerKind.PLAN for document in documents):
        return []
    from tokenworth.workbench.verified import verified_documents

    found = verified_documents(documents)
    return [] if found is None else [found]
