"""A curve of sentences as a folder of Thought Anchors, in its own sign conventions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document, Number
from tokenworth.errors import InvalidInput, StoreError
from tokenworth.exporters.lines import one_of, trace_text, write_text
from tokenworth.methods.anchors.chunks import labeled_chunks
from tokenworth.methods.anchors.document import AnchorsDoc
from tokenworth.methods.curve.document import CurveDoc

NO_IMPORTANCE = ("resampling_importance_kl", "counterfactual_importance_accuracy", "counterfactual_importance_kl")


def write_chunks(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes `chunks_labeled.json`, and `base_solution.json`, `problem.json` and what else there is beside it.

    ``accuracy`` of sentence i is the value before it, and its ``resampling_importance_accuracy`` the value after it less that. The
    counterfactual columns, which the result of anchors has, are turned (`labeled_chunks`). What was not measured is null, where the source
    writes 0. The folder is made, and no file in it is written over.

    Raises: InvalidInput for a curve that is not of sentences, and where one of these files is there; StoreError when the disk refuses.
    """
    if isinstance(document, AnchorsDoc):
        effects = list(_effects(document))
        _write(document, path, list(labeled_chunks(document)), {"step_importance.json": effects} if effects else {})
        return
    doc = one_of(document, CurveDoc, "sentences", "the result of anchors, or a curve of sentences")
    if doc.trace.unit != "sentence":
        raise InvalidInput("this curve is of tokens, and chunks_labeled.json holds sentences; export the result of anchors on its trace")
    _write(doc, path, list(_chunks(doc)), {"chunks_resampled.json": _resampled(doc, _what(doc))})


def _write(doc: AnchorsDoc | CurveDoc, path: str | Path, chunks: list[dict[str, Any]], more: dict[str, Any]) -> None:
    files = {"base_solution.json": _base(doc, _what(doc)), Path(path).name: chunks, **more}
    if doc.problem is not None:
        problem = {"problem": doc.problem.question, "gt_answer": doc.problem.gold}
        files["problem.json"] = {key: value for key, value in problem.items() if value is not None}
    folder = Path(path).parent
    there = next((name for name in files if (folder / name).exists()), None)
    if there is not None:
        raise InvalidInput(f"{folder / there} exists already, and may be somebody's data; name a folder without {', '.join(files)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; give a path in a folder that can be made") from error
    for name, value in files.items():
        write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", folder / name)


def _what(doc: AnchorsDoc | CurveDoc) -> str:
    """What the rates are of, as the source names it."""
    return doc.target.removeprefix("label:") if doc.target.startswith("label:") else "is_correct"


def _effects(doc: AnchorsDoc) -> Iterator[dict[str, Any]]:
    """Effects on later sentences; those that were not measured are left out."""
    for row in doc.effects:
        impacts = [
            {"target_chunk_idx": row.sentence + 1 + i, "importance_score": effect}
            for i, effect in enumerate(row.effect)
            if effect is not None
        ]
        text = doc.sentences[row.sentence].text.strip()
        yield {"source_chunk_idx": row.sentence, "source_chunk_text": text, "target_impacts": impacts}


def _base(doc: AnchorsDoc | CurveDoc, what: str) -> dict[str, Any]:
    trace = doc.trace
    told = {"correct": True, "incorrect": False}.get(trace.verdict)
    has_it = {f"{what}: yes": True, f"{what}: no": False}.get(trace.outcome or "") if what != "is_correct" else told
    found = {"prompt": trace.prompt, "solution": trace_text((*trace.pieces, *trace.answer_pieces))[0], what: has_it}
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
