"""Files of other tools, as small as they can be, and ways to look at what became of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tokenworth.core.document import Document
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc

HEADER = "pn,sentence,cue_score,cue_p,cue_score_prev,cue_p_prev,sentence_num,gt_answer,cue_answer,pn_sentence"
"""Of a table of hinted questions."""


def forced(docs: list[Document]) -> list[ForcedDoc]:
    return [doc for doc in docs if isinstance(doc, ForcedDoc)]


def curves(docs: list[Document]) -> list[CurveDoc]:
    return [doc for doc in docs if isinstance(doc, CurveDoc)]


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


ROW: dict[str, Any] = {
    "id": "colours/3",
    "subject": "colours",
    "question_id": 3,
    "prompt": "<|User|>Question: Which?\nChoices:\n\n1: red\n2: blue, green.\n\nPlease give me your choice right after.<think>\n",
    "correct": "2",
    "thinking_tokens": ["So", ",", " blue", " <b", "</", "&amp;"],
    "answer_tokens": ["The correct answer is ", "2", "."],
    "thinking_closed": True,
    "prob_runs": [[1, [0.5, 0.48]], [3, [0.3, 0.7]], [2, [0.1, 0.9]]],
    "prob_at_end": [0.0, 1.0],
    "stated_choice": "2",
}


def page_of(row: dict[str, Any]) -> str:
    readings = [p for n, p in row["prob_runs"] for _ in range(n)]
    tokens = [*row["thinking_tokens"], "|End of Thinking|", *row["answer_tokens"]]
    readings += [row["prob_at_end"]] * (len(tokens) - len(readings))
    spans = "".join(
        f'<span style="color: #6C9C77;" title="{", ".join(f"{k}: {p:.2f}" for k, p in enumerate(reading, start=1))}">{token}</span>'
        for token, reading in zip(tokens, readings, strict=True)
    )
    legend = '<span style="background-color: #D2042D;">1</span>'
    return f"<html><pre>{row['prompt']}</pre>{legend}<div>{spans}</div><pre>The correct answer is choice {row['correct']}</pre></html>"


def rows_file(folder: Path, *rows: object) -> Path:
    path = folder / "curves-x.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def same_but_for_source(first: ForcedDoc, second: ForcedDoc) -> bool:
    return dataclasses.replace(first, provenance=second.provenance) == second


def anchors_folder(root: Path, **files: object) -> Path:
    folder = root / "some-model" / "correct_base_solution" / "problem_7"
    folder.mkdir(parents=True)
    solution = "One  two.\n\nThree.\nFour.\n</think>\n\nAnswer 4"
    base = {"prompt": "Solve.\n<think>\n", "solution": solution, "answer": "4", "is_correct": True}
    chunks = [
        {"chunk": "One two.", "chunk_idx": 0, "function_tags": ["plan_generation"], "accuracy": 0.5},
        {"chunk": "Three.", "chunk_idx": 1, "function_tags": [], "accuracy": 2 / 3},
        {"chunk": "Four.", "chunk_idx": 2, "function_tags": ["a", "b"], "accuracy": 0.0},
    ]
    content: dict[str, object] = {
        "base_solution.json": base,
        "chunks_labeled.json": chunks,
        "problem.json": {"problem": "2+2?", "type": "Algebra", "level": "Level 1", "gt_answer": "4"},
        "chunks_resampled.json": {"0": ["x"] * 10, "1": ["y"] * 10, "2": []},
        **{name.replace("__", "."): value for name, value in files.items()},
    }
    for name, value in content.items():
        if value is not None:
            (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder
