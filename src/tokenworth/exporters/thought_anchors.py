"""A curve of sentences as a folder of Thought Anchors, in its own sign conventions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document, Number
from tokenworth.errors import InvalidInput
from tokenworth.exporters.lines import one_of, write_text
from tokenworth.methods.curve.document import CurveDoc

NO_IMPORTANCE = ("resampling_importance_kl", "counterfactual_importance_accuracy", "counterfactual_importance_kl")


def write_chunks(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes `chunks_labeled.json`, and `base_solution.json`, `problem.json` and `chunks_resampled.json` beside it.

    ``accuracy`` of sentence i is the value before it, and its ``resampling_importance_accuracy`` the value after it less that. What was
    not measured is null, where the source writes 0. Raises: InvalidInput for a curve that is not of sentences; StoreError when the disk
    refuses.
    """
    doc = one_of(document, CurveDoc, "sentences", "a curve of sentences")
    if doc.trace.unit != "sentence":
        raise InvalidInput("this curve is of tokens, and chunks_labeled.json holds sentences; export it as idx_tok_df.csv, or as JSON")
    folder = Path(path).parent
    what = doc.target.removeprefix("label:") if doc.target.startswith("label:") else "is_correct"
    files = {"base_solution.json": _base(doc, what), "chunks_resampled.json": _resampled(doc, what), Path(path).name: list(_chunks(doc))}
    if doc.problem is not None:
        problem = {"problem": doc.problem.question, "gt_answer": doc.problem.gold}
        files["problem.json"] = {key: value for key, value in problem.items() if value is not None}
    for name, value in files.items():
        write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", folder / name)


def _base(doc: CurveDoc, what: str) -> dict[str, Any]:
    trace = doc.trace
    told = {"correct": True, "incorrect": False}.get(trace.verdict)
    has_it = {f"{what}: yes": True, f"{what}: no": False}.get(trace.outcome or "") if what != "is_correct" else told
    found = {"prompt": trace.prompt, "solution": "".join((*trace.pieces, *trace.answer_pieces)), what: has_it}
    if trace.outcome is not None and what == "is_correct":
        found["answer"] = trace.outcome
    return {key: value for key, value in found.items() if value is not None}


def _chunks(doc: CurveDoc) -> Iterator[dict[str, Any]]:
    value = dict(zip(doc.cuts, doc.value, strict=True))
    for index, piece in enumerate(doc.trace.pieces):
        if not piece.strip():
            continue
        now, after = value.get(index), value.get(index + 1)
        tags = [event.label for event in doc.events if event.cut == index and event.kind == "note"]
        yield {
            "chunk": piece.strip(),
            "chunk_idx": index,
            "function_tags": tags,
            "accuracy": now,
            "resampling_importance_accuracy": _difference(now, after),
            **dict.fromkeys(NO_IMPORTANCE),
        }


def _difference(now: Number, after: Number) -> Number:
    return None if now is None or after is None else after - now


def _resampled(doc: CurveDoc, what: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in doc.samples:
        has_it = {"correct": True, "incorrect": False}.get(one.verdict) if what == "is_correct" else one.hit
        row = {"chunk_resampled": one.text, "answer": one.outcome, what: has_it}
        found.setdefault(str(one.cut), []).append({key: value for key, value in row.items() if value is not None})
    return found
