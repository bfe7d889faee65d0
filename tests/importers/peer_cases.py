"""Files of peers, as small as they can be: each layout with what it becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FAST: dict[str, Any] = {
    "meta": {"row_id": 0, "question": "q", "choices": ["a", "b", "c", "d"], "answer_letter": "B", "model": "m"},
    "s": 4,
    "idxs": [0, 1],
    "categories": ["A", "B", "C", "D", "Other"],
    "base": {"gen_ids": [5, 6], "token_texts": ["So", " B"], "base_text": "So B"},
    "branches": [
        {"t": 0, "tok_id": 5, "tok_p": 0.7, "is_base": True, "answers": ["B", "B", "A", "B"]},
        {"t": 0, "tok_id": 9, "tok_p": 0.2, "is_base": False, "answers": ["A", "A", "Other", "B"]},
    ],
    "o_t_full": [[0.2777778, 0.6388889, 0, 0, 0.0555556], [0.25, 0.75, 0, 0, 0]],
}
"""Its first row of ``o_t_full`` is not that of the draws: (.7 · ¼ + .2 · ½)/.9 of A."""
DRAWS = "idx,tok,tok_p,ans,ans_raw\n" + "".join(
    f"{idx},{tok},{p},{ans},x\n"
    for idx, tok, p, answers in ((0, " So", 0.8, "AAB"), (0, " No", 0.1, "BBB"), (2, " B", 0.9, "BBA"))
    for ans in answers
)
SHARES = "idx,tok,ans,tok_p,ans_mean,ext_p,weighted\n0, So,A,0.8,0.5,,\n0, So,B,0.8,0.5,,\n0, No,B,0.1,1.0,,\n2, B,B,0.9,1.0,,\n"
PTS_1: dict[str, Any] = {
    "query": "q",
    "pivot_context": "So",
    "pivot_token": " 4",
    "pivot_token_id": 5,
    "prob_before": 0.2,
    "prob_after": 0.9,
    "prob_delta": 0.7,
    "model_id": "m",
    "task_type": "gsm8k",
    "is_positive": True,
}
PTS_2: dict[str, Any] = {
    "schema_version": "2.0",
    "event_id": "x",
    "event_type": "pivotal_token",
    "granularity": "token",
    "model_id": "m",
    "query": "q",
    "context": "So 4 is",
    "label": " not",
    "position": 9,
    "token_id": 7,
    "prob_before": 0.9,
    "prob_after": 0.5,
    "prob_delta": -0.4,
    "task_type": "gsm8k",
}
ANCHOR: dict[str, Any] = {
    "query": "q",
    "sentence": "Wait.",
    "prefix_context": "So 4 is not it. ",
    "prob_with_sentence": 0.6,
    "prob_without_sentence": 0.4,
    "model_id": "m",
    "task_type": "gsm8k",
}
PTS = "".join(json.dumps(one) + "\n" for one in (PTS_2, PTS_1, ANCHOR))
HARNESS: dict[str, Any] = {
    "doc_id": 0,
    "doc": {"question": "q", "answer": "#### 4"},
    "target": "4",
    "arguments": {"gen_args_0": {"arg_0": "Q: q\nA:", "arg_1": {"temperature": 0.0}}},
    "resps": [["<think>x\n\ny</think>4"]],
    "filtered_resps": ["4"],
    "filter": "strict-match",
    "exact_match": 1.0,
}
LOG: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "gsm", "model": "openai/m"},
    "samples": [
        {
            "id": 1,
            "epoch": epoch,
            "input": "q",
            "target": "4",
            "output": {
                "choices": [
                    {
                        "message": {"content": [{"type": "reasoning", "reasoning": "so"}, {"type": "text", "text": f"ANSWER: {answer}"}]},
                        "stop_reason": "stop",
                    }
                ]
            },
            "scores": {"match": {"value": value, "answer": answer}},
        }
        for epoch, value, answer in ((1, "C", "4"), (2, "I", "5"), (3, "P", "4?"))
    ],
}
CACHED: dict[str, Any] = {
    "response": {"full": "<think>so</think>4", "content": "4", "reasoning": "so", "finish_reason": "stop", "seed": 0},
    "prompt": "q",
    "model": "m",
    "temperature": 0.6,
    "top_p": 0.95,
    "max_tokens": 100,
}
SOLUTIONS: list[Any] = [
    {"chunk_removed": "Two.", "chunk_resampled": "So 4.", "rollout": "So 4. Then.", "answer": "4", "is_correct": True},
    {"chunk_removed": "Two.", "chunk_resampled": "No.", "rollout": "No. 5", "answer": "5", "is_correct": False},
    {"chunk_removed": "Two.", "chunk_resampled": "Cut", "rollout": "Cut", "answer": "", "is_correct": False},
    {"chunk_removed": "Two.", "error": "timeout"},
    None,
]
TREE: dict[str, Any] = {
    "base_solution.json": {"prompt": "p", "solution": "One. Two.</think> 4", "answer": "4", "is_correct": True},
    "chunks.json": {"source_text": "One. Two.", "chunks": ["One.", "Two."], "separators": [" ", ""]},
    "problem.json": {"problem": "p", "type": "t", "level": "l", "gt_answer": "4"},
    "chunk_0/solutions.json": [SOLUTIONS[0]] * 3,
    "chunk_1/solutions.json": SOLUTIONS,
}


def written(folder: Path, files: dict[str, Any]) -> Path:
    """The folder with these files, each a JSON value or a text."""
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder
