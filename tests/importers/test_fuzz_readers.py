"""Readers meet random, truncated and mutated files: a valid value or one line of error, never anything else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.document_cases import CURVE, FORCED, SAMPLES
from tests.importers import peer_cases as peers
from tests.importers.importer_cases import HEADER, ROW, page_of
from tokenworth.core.problem import Problem
from tokenworth.errors import TokenworthError
from tokenworth.importers.importer import import_path
from tokenworth.store.documents import document_json, parse_document
from tokenworth.tasks.load import Task, load_task

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file as it is, random bytes, a part of it, or the file with some bytes replaced, doubled or left out."""
    kind = draw(st.sampled_from(["random", "part", "flip", "drop", "double", "number"]))
    if kind == "random":
        return draw(st.binary(max_size=200))
    start = draw(st.integers(0, len(whole)))
    end = min(len(whole), start + draw(st.integers(0, 40)))
    if kind == "part":
        return whole[:start]
    if kind == "flip":
        return whole[:start] + draw(st.binary(min_size=end - start, max_size=end - start)) + whole[end:]
    if kind == "drop":
        return whole[:start] + whole[end:]
    if kind == "double":
        return whole[:end] + whole[start:]
    odd = draw(st.sampled_from([b"NaN", b"1e999", b"-1", b"9" * 400, b"null", b"[]", b"{}", b'""', b"\\ud800", b"true", b"1.5", b"\x00"]))
    return whole[:start] + odd + whole[end:]


@st.composite
def mutated_json(draw: st.DrawFn, value: Any) -> Any:
    """The value with one place somewhere in it replaced by random JSON, or left out."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 5)):
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: draw(mutated_json(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(mutated_json(value[at])), *value[at + 1 :]]
    return draw(JSON)


def check(read: Callable[[], Any]) -> Any:
    """What the reader gives, None where it refuses in one line."""
    said = ""
    try:
        return read()
    except TokenworthError as error:
        said = str(error)
    assert said and "\n" not in said
    return None


PROBLEM = {"id": "a", "question": "q?", "options": ["x", "y"], "gold": "A", "task": "t"}
TASKS: dict[str, bytes] = {
    "jsonl": json.dumps(PROBLEM).encode() + b"\n" + json.dumps({"id": "b", "question": "é?", "gold": "1", "kind": "numeric"}).encode(),
    "mmlu": b'"Which,\nnow?",red,"blue ""x""",C,D,A\nq,1,2,3,4,B\n',
    "mmlu-redux": b"question;choices;answer;error_type;source;correct_answer;potential_reason\nq;['a', \"b's\"];0;OK;s;;\n",
    "mmlu-pro": json.dumps({"question_id": 1, "question": "q", "options": ["a", "b"], "answer": "B", "answer_index": 1}).encode(),
    "gsm8k": json.dumps({"question": "q", "answer": "x\n#### 1,000"}).encode(),
    "math": json.dumps({"problem": "p", "answer": "\\frac12", "unique_id": "u"}).encode(),
}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("packed", [False, True])
@FUZZ
@given(data=st.data())
def test_task_files(tmp_path: Path, kind: str, packed: bool, data: st.DataObject) -> None:
    path = tmp_path / "problems.dat"
    path.write_bytes(data.draw(damaged(gzip.compress(TASKS[kind], mtime=0) if packed else TASKS[kind])))
    found = check(lambda: load_task(f"{kind}:{path}"))
    assert found is None or (isinstance(found, Task) and all(isinstance(problem, Problem) for problem in found))


@pytest.mark.parametrize("kind", ["jsonl", "mmlu-pro", "gsm8k", "math"])
@FUZZ
@given(data=st.data())
def test_task_rows(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    row = json.loads(TASKS[kind].split(b"\n")[0])
    path = tmp_path / "problems.dat"
    path.write_text(json.dumps(data.draw(mutated_json(row))), encoding="utf-8")
    check(lambda: load_task(f"{kind}:{path}"))


@FUZZ
@given(kind=st.sampled_from(["", "world:", "math:", "jsonl:", "mmlu:", "world:steps/"]), rest=st.text(max_size=40))
def test_task_specs(kind: str, rest: str) -> None:
    if not rest.startswith("hf:"):
        check(lambda: load_task(kind + rest))


DOCUMENTS = {"curve": document_json(CURVE), "forced": document_json(FORCED), "samples": document_json(SAMPLES)}


@pytest.mark.parametrize("kind", DOCUMENTS)
@FUZZ
@given(data=st.data())
def test_document_bytes(kind: str, data: st.DataObject) -> None:
    raw = data.draw(damaged(DOCUMENTS[kind]))
    found = check(lambda: parse_document(raw, "x"))
    if found is not None:
        document_json(found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(FUZZ, max_examples=200)
@given(data=st.data())
def test_document_values(kind: str, data: st.DataObject) -> None:
    value = data.draw(mutated_json(json.loads(DOCUMENTS[kind])))
    found = check(lambda: parse_document(json.dumps(value).encode(), "x"))
    if found is not None:
        document_json(found)


CSV = (HEADER + '\n5,First.,0,0.0,10,0.2,0,C,D,5_0\n5,"Then, x",24,0.5,0,0.0,1,C,D,5_1\n').encode()
FILES: dict[str, tuple[str, str, bytes]] = {
    "rows": ("exit-curves", "curves.jsonl", json.dumps(ROW).encode()),
    "page": ("exit-page", "x.html", page_of(ROW).encode()),
    "hinted": ("hinted-mcq", "cue-curve-x.csv", CSV),
    "own": ("document", "x.json", document_json(CURVE)),
    "fast": ("forking-fast", "row000.json", json.dumps(peers.FAST).encode()),
    "paths": ("forking-paths", "ans_df.csv", peers.DRAWS.encode()),
    "shares": ("forking-paths", "idx_tok_df.csv", peers.SHARES.encode()),
    "pivotal": ("pivotal-tokens", "x.pts.jsonl", peers.PTS.encode()),
    "harness": ("lm-eval", "samples_x.jsonl", json.dumps(peers.HARNESS).encode()),
    "inspect": ("inspect", "log.json", json.dumps(peers.LOG).encode()),
    "cached": ("rollouts", "seed_00000.json", json.dumps(peers.CACHED).encode()),
}
VALUES: dict[str, tuple[str, Any]] = {
    "exit-curves": ("curves.jsonl", ROW),
    "forking-fast": ("row000.json", peers.FAST),
    "pivotal-tokens": ("x.pts.jsonl", peers.PTS_1),
    "lm-eval": ("samples_x.jsonl", peers.HARNESS),
    "inspect": ("log.json", peers.LOG),
    "rollouts": ("seed_00000.json", peers.CACHED),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
@FUZZ
@given(data=st.data())
def test_imported_files(tmp_path: Path, name: str, packed: bool, data: st.DataObject) -> None:
    kind, file, whole = FILES[name]
    path = tmp_path / file
    path.write_bytes(data.draw(damaged(gzip.compress(whole, mtime=0) if packed else whole)))
    for doc in [*(check(lambda: import_path(path, layout=kind)) or []), *(check(lambda: import_path(path)) or [])]:
        document_json(doc)


@pytest.mark.parametrize("layout", VALUES)
@FUZZ
@given(data=st.data())
def test_imported_values(tmp_path: Path, layout: str, data: st.DataObject) -> None:
    file, value = VALUES[layout]
    (tmp_path / file).write_text(json.dumps(data.draw(mutated_json(value))), encoding="utf-8")
    for doc in check(lambda: import_path(tmp_path / file, layout=layout)) or []:
        document_json(doc)


ANCHORS: dict[str, Any] = {
    "base_solution.json": {"prompt": "p", "solution": "One. Two.</think> 4", "answer": "4", "is_correct": True},
    "chunks_labeled.json": [
        {"chunk": "One.", "chunk_idx": 0, "function_tags": ["t"], "accuracy": 0.5},
        {"chunk": "Two.", "chunk_idx": 1, "function_tags": [], "accuracy": 0.25},
    ],
    "chunks_resampled.json": {"0": ["a", "b"], "1": ["c"] * 4},
    "problem.json": {"problem": "p", "type": "t", "level": "l", "gt_answer": "4"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ANCHORS)
@settings(FUZZ, max_examples=120)
@given(data=st.data())
def test_imported_folders(tmp_path: Path, name: str, data: st.DataObject) -> None:
    for file, value in ANCHORS.items():
        (tmp_path / file).write_text(json.dumps(value), encoding="utf-8")
    if data.draw(st.booleans()):
        (tmp_path / name).write_text(json.dumps(data.draw(mutated_json(ANCHORS[name]))), encoding="utf-8")
    else:
        (tmp_path / name).write_bytes(data.draw(damaged(json.dumps(ANCHORS[name]).encode())))
    for doc in check(lambda: import_path(tmp_path)) or []:
        document_json(doc)


@pytest.mark.slow
@pytest.mark.parametrize("name", peers.TREE)
@settings(FUZZ, max_examples=60)
@given(data=st.data())
def test_imported_trees(tmp_path: Path, name: str, data: st.DataObject) -> None:
    peers.written(tmp_path, {**peers.TREE, name: data.draw(mutated_json(peers.TREE[name]))})
    for doc in check(lambda: import_path(tmp_path)) or []:
        document_json(doc)


@FUZZ
@given(data=st.data())
def test_hinted_traces(tmp_path: Path, data: st.DataObject) -> None:
    record = {"pn": 5, "question": "user: q\nAnswer choices:\n(A) a\n(B) b", "reasoning_text": "First. Then, x End.", "answer": "D"}
    (tmp_path / "cue-curve-x.csv").write_bytes(CSV)
    (tmp_path / "x-paired.jsonl").write_text(json.dumps(data.draw(mutated_json(record))), encoding="utf-8")
    for doc in check(lambda: import_path(tmp_path)) or []:
        document_json(doc)
