"""The gallery as a page carries it: one blob of columns, and a head that says what they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tokenworth.report.blob import Blob
from tokenworth.report.section import Encoded
from tokenworth.report.sections.gallery.model import GalleryView
from tokenworth.report.sections.sheet import encoded_sheet

BLOB = "gallery"


def encode(view: GalleryView, most: int | None) -> Encoded:
    """Everything: no text of it may be left out."""
    del most
    blob = Blob()
    columns: dict[str, Any] = {
        "ids": blob.texts(view.ids),
        "texts": blob.texts(view.texts),
        "answers": blob.texts(view.answers),
        "subject": blob.integers(view.subject.tolist()),
        "correct": blob.small(view.correct.tolist()),
        "tokens": blob.integers(view.tokens.tolist()),
        "cluster": blob.integers(view.cluster.tolist()),
        "trace": blob.integers(view.trace or [-1] * len(view.ids)),
        "label": blob.small(view.label.tolist()),
        "held": blob.small(view.held.tolist()),
        "offsets": blob.integers(np.diff(view.offsets).tolist()),
        "points": blob.small(view.points.tolist()),
        "features": [blob.numbers([None if np.isnan(x) else float(x) for x in one.values]) for one in view.features],
    }
    head = {name: getattr(view, name) for name in ("title", "lead", "what", "subjects", "medoids", "notes")}
    return head | {
        "n": len(view.ids),
        "columns": columns,
        "features": [{"name": one.name, "note": one.note} for one in view.features],
        "thresholds": [asdict(one) for one in view.thresholds],
        "rules": [asdict(one) for one in view.rules],
        "sheets": [encoded_sheet(one, blob) for one in view.sheets],
        "facts": [asdict(one) for one in view.facts],
        "scripts": ["gallery"],
    }, [(BLOB, blob.packed())]
