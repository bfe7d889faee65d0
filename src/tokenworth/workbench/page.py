"""Results or documents to one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import InvalidInput, StoreError
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.report.html import MEGABYTE, SplitPage, render_html, render_split
from tokenworth.report.page import page_of
from tokenworth.store.documents import write_whole
from tokenworth.workbench.runner import Measured, provenance_now, utc_now

LARGEST = 5 * MEGABYTE
"""Characters of a page with a gallery; a larger one has its data in files beside it."""


def write_report(
    path: str | os.PathLike[str], *measured: Measured[Any, Any] | Document, title: str | None = None, max_mb: float | None = None
) -> Path:
    """Writes one self-contained HTML page of results or documents; returns its path.

    Documents of one trace share a view, and several traces share the page; a verified trace of the same words as a measured one is
    shown with it. Traces of formal problems are verified here unless verdicts are given. ``max_mb`` leaves out rollout texts, and last the
    texts of verified traces, until the page is no larger; the page says what is missing. Without it, the page of a survey that would be
    larger than 5 MB has its data in a folder beside it (``survey.html``, ``survey_data``), and both belong together.

    Raises:
        InvalidInput: nothing to report, or a ``max_mb`` that cannot be kept.
        StoreError: the disk refuses; a report that was there before stays as it was.
    """
    documents = [item.document if isinstance(item, Measured) else item for item in measured]
    if not documents:
        raise InvalidInput("nothing to report; expected at least one result")
    target = Path(path)
    page = page_of(with_verdicts(documents), title=title)
    # A page of one trace is one file, however large; that of a survey grows without end.
    if max_mb is None and any(section.kind == "gallery" for section, _ in page.parts):
        made = render_split(page, f"{target.stem}_data", largest=LARGEST)
    else:
        made = SplitPage(html=render_html(page, max_mb=max_mb), files={})
    for name, text in {**made.files, target.name: made.html}.items():
        _write(target.parent / name, text.encode())
    return target


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    write_whole(path, lambda handle: handle.write(data))


def with_verdicts(documents: Sequence[Document]) -> list[Document]:
    """The documents, and the verdicts on their traces of formal problems where none are among them.

    The verifier is not even loaded where there is no such problem.
    """
    formal = any((problem := getattr(one, "problem", None)) is not None and problem.kind is AnswerKind.PLAN for one in documents)
    if not formal or any(isinstance(one, VerifiedDoc) for one in documents):
        return list(documents)
    from tokenworth.methods.verify.traces import verified_documents

    return [*documents, *verified_documents(documents, provenance=provenance_now(utc_now(), ""))]
