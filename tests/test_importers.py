"""Other people's results: what the documents say must be what the files say, and the notes must say the rest."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.core.documents import CurveDoc, Document, ForcedDoc
from tokenworth.errors import InvalidInput, MissingFile, UnknownName
from tokenworth.stats.proportion import wilson
from tokenworth.store.documents import document_json, parse_document, write_document
from tokenworth.store.import_exit_curves import exit_curve_page
from tokenworth.store.import_sentences import answered, rejoined, split_text
from tokenworth.store.importers import KINDS, import_path


def shared(*parts: str) -> Path:
    root = Path(os.environ.get("TOKENWORTH_SHARED") or Path(__file__).parents[2] / "shared" / "data")
    path = root.joinpath(*parts)
    if not path.exists() and not os.environ.get("TOKENWORTH_REQUIRE_ALL"):
        pytest.skip(f"real data {'/'.join(parts)} is not here; set TOKENWORTH_SHARED to its folder")
    return path


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


# Exit curves


def test_exit_curve_cuts_and_held_readings(tmp_path: Path) -> None:
    (doc,) = forced(import_path(rows_file(tmp_path, ROW)))
    (reading,) = doc.exits
    assert reading.cuts == (1, 2, 3, 4, 5, 6)  # token i shows the reading after it: cut i + 1
    assert reading.held == (False, False, True, True, False, False)
    assert reading.probability == ((0.5, 0.3, 0.3, 0.3, 0.1, 0.0), (0.48, 0.7, 0.7, 0.7, 0.9, 1.0))
    assert reading.mass == (0.98, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert doc.trace.pieces == tuple(ROW["thinking_tokens"]) and doc.trace.unit == "token"
    assert doc.problem is not None and doc.problem.question == "Which?"
    assert [(o.label, o.text) for o in doc.problem.options] == [("1", "red"), ("2", "blue, green")]
    assert (doc.own_answer, doc.forced_at_end, doc.trace.verdict) == ("2", "2", "correct")
    assert doc.provenance.source == "curves-x.jsonl" and any("not renormalised" in note for note in doc.notes)


def test_page_and_row_agree_also_on_hostile_tokens(tmp_path: Path) -> None:
    page = tmp_path / "colours_questionID_3_correct_answer_logit_vis.html"
    page.write_text(page_of(ROW), encoding="utf-8")
    (from_page,), (from_row,) = forced(import_path(page)), forced(import_path(rows_file(tmp_path, ROW)))
    assert same_but_for_source(from_page, from_row)


def test_trace_without_an_end(tmp_path: Path) -> None:
    open_row = {**ROW, "thinking_closed": False, "prob_at_end": None, "answer_tokens": [], "stated_choice": None}
    (doc,) = forced(import_path(rows_file(tmp_path, open_row)))
    assert doc.exits[0].held == (False, False, True, True, False, True)
    assert (doc.trace.stop, doc.forced_at_end, doc.own_answer, doc.trace.verdict) == ("length", None, None, "unknown")
    assert "token limit" in doc.notes[-1]


def test_empty_trace_has_the_reading_at_cut_0(tmp_path: Path) -> None:
    (doc,) = forced(import_path(rows_file(tmp_path, {**ROW, "thinking_tokens": [], "prob_runs": []})))
    assert doc.exits[0].cuts == (0,) and doc.exits[0].mass == (1.0,)
    document_json(doc)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"prob_runs": [[1, [0.5, 0.5]]]}, "1 readings for 6 trace tokens"),
        ({"prob_runs": [[6, [0.5, 1.5]]]}, "expected a number from 0 to 1"),
        ({"prob_runs": [[0, [0.5, 0.5]]]}, "prob_runs"),
        ({"prob_runs": [[5, [0.5, 0.5]], [1, [0.5]]]}, "different lengths"),
        ({"prob_runs": "x"}, "prob_runs"),
        ({"prob_at_end": [1.0]}, "different lengths"),
        ({"thinking_tokens": "x"}, "list of strings"),
        ({"correct": 2}, "'correct' is a int"),
        ({"id": None}, "'id' is missing"),
    ],
)
def test_exit_curve_faults(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(rows_file(tmp_path, ROW, {**ROW, **change}), kind="exit-curves")
    assert expected in one_line(error) and "curves-x.jsonl:2" in one_line(error)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("The correct answer is choice 2", "", "as the correct answer"),
        ('title="1: 0.30, 2: 0.70">,', 'title="1: 0.30">,', "labels change"),
        ('title="1: 0.30, 2: 0.70">,', 'title="nonsense">,', "a token's title"),
        ('title="1: 0.30, 2: 0.70">,', 'title="1: 1.30, 2: 0.70">,', "from 0 to 1"),
        ("<span", "<spam", "no token spans"),
    ],
)
def test_page_faults(tmp_path: Path, old: str, new: str, expected: str) -> None:
    page = tmp_path / "x.html"
    page.write_text(page_of(ROW).replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        import_path(page)
    assert expected in one_line(error)
    page.write_text(page_of(ROW).split("</span></div>")[0], encoding="utf-8")
    with pytest.raises(InvalidInput, match="cut short"):
        import_path(page)


def test_real_pages_agree_with_the_rows_made_from_them() -> None:
    rows = {doc.problem.id: doc for doc in forced(import_path(shared("exit-curves", "curves-seed-subjects.jsonl.gz"))) if doc.problem}
    pages = forced(import_path(shared("exit-curves", "raw")))
    assert len(pages) == 2
    for page in pages:
        assert page.problem is not None
        assert same_but_for_source(page, rows[page.problem.id])


def test_real_exit_curves() -> None:
    docs = forced(import_path(shared("exit-curves")))
    assert len(docs) == 622
    agree = 0
    with gzip.open(shared("exit-curves", "curves-other-subjects.jsonl.gz"), "rt", encoding="utf-8") as handle:
        source = [json.loads(line) for line in handle]
    for doc, row in zip(docs, source, strict=False):  # the folder's files in order of name: "other" first
        (reading,) = doc.exits
        assert doc.problem is not None and reading.held is not None
        assert len(reading.cuts) == len(doc.trace.pieces) == len(row["thinking_tokens"])
        assert "".join(doc.trace.pieces) == "".join(row["thinking_tokens"])
        assert all(option.text for option in doc.problem.options), doc.problem.id
        starts = np.cumsum([0] + [n for n, _ in row["prob_runs"]])[:-1]
        at = int(starts[len(starts) // 2])
        if at + 1 < len(reading.cuts):
            assert [p[at] for p in reading.probability] == row["prob_runs"][len(starts) // 2][1] and not reading.held[at]
        assert [p[-1] for p in reading.probability] == row["prob_at_end"] and not reading.held[-1]
        mass = [m for m in reading.mass if m is not None]
        assert len(mass) == len(reading.mass) and min(mass) > 0 and max(mass) <= 1.02
        agree += doc.own_answer in (None, doc.forced_at_end)
    assert agree >= 0.97 * len(source)
    first = docs[0]
    assert parse_document(document_json(first), "x") == first


# Thought anchors


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


def test_thought_anchors_values_and_counts(tmp_path: Path) -> None:
    (doc,) = curves(import_path(anchors_folder(tmp_path)))
    assert doc.trace.unit == "sentence" and doc.trace.pieces == ("One  two.\n\n", "Three.\n", "Four.\n")
    assert doc.trace.answer_pieces == ("</think>\n\nAnswer 4",)
    assert doc.cuts == (0, 1, 2) and doc.value == (0.5, 2 / 3, None)  # no resample: not measured, whatever the 0 says
    assert doc.n_started == (10, 10, 0) and doc.n_effective == (10.0, 9.0, None)  # 2/3 is 6 of 9
    low, high = wilson(np.array([5.0, 6.0]), np.array([10.0, 9.0]), 0.95)
    assert doc.low == (*low.tolist(), None) and doc.high == (*high.tolist(), None)
    assert doc.model.name == "some-model" and doc.provenance.source == "some-model/correct_base_solution/problem_7"
    assert doc.problem is not None and (doc.problem.gold, doc.problem.task) == ("4", "MATH, Algebra, Level 1")
    assert [(e.cut, e.label) for e in doc.events] == [(0, "plan_generation"), (2, "a"), (2, "b")]
    assert len(doc.samples) == 20 and {s.outcome for s in doc.samples} == {"not recorded"}
    assert doc.rollouts == 20 and any("1 cuts have no stored resample" in note for note in doc.notes)


def test_thought_anchors_without_resamples_assumes_and_says_so(tmp_path: Path) -> None:
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_resampled__json=None, problem__json=None)))
    assert doc.n_started == (100, 100, 100) and doc.n_effective == (100.0, 99.0, 100.0)
    assert doc.value == (0.5, 2 / 3, 0.0) and not doc.samples and doc.problem is None
    assert any("100 are assumed" in note for note in doc.notes)


def test_thought_anchors_whose_sentences_are_not_in_the_text(tmp_path: Path) -> None:
    chunks = [{"chunk": "Something.", "accuracy": 0.5}, {"chunk": "Else.", "accuracy": 0.5}]
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_labeled__json=chunks)))
    assert doc.trace.pieces == ("Something. ", "Else.") and any("were not found" in note for note in doc.notes)


def test_sentences_of_the_answer_are_behind_the_wall(tmp_path: Path) -> None:
    chunks = [{"chunk": c, "accuracy": 0.5} for c in ("One two.", "Three.", "Four.", "</think> Answer 4")]
    (doc,) = curves(import_path(anchors_folder(tmp_path, chunks_labeled__json=chunks)))
    assert doc.cuts == (0, 1, 2) and len(doc.trace.pieces) == 3


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("chunks_labeled__json", {"a": 1}, "list of sentences"),
        ("chunks_labeled__json", [], "list of sentences"),
        ("chunks_labeled__json", [{"chunk_idx": 1, "chunk": "x"}], "in order from 0"),
        ("chunks_labeled__json", [{"chunk": 3}], "'chunk' is a int"),
        ("chunks_labeled__json", [{"chunk": "One two.", "accuracy": 7}], "'accuracy' is 7"),
        ("base_solution__json", [], "expected a JSON object"),
        ("base_solution__json", {"prompt": "x"}, "'solution' is missing"),
        ("chunks_resampled__json", {"x": []}, "not the number of a sentence"),
        ("chunks_resampled__json", {"0": "x"}, "not the number of a sentence"),
        ("problem__json", {}, "'problem' is missing"),
    ],
)
def test_thought_anchors_faults(tmp_path: Path, name: str, content: object, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(anchors_folder(tmp_path, **{name: content}))
    assert expected in one_line(error) and name.replace("__", ".") in one_line(error)


def test_thought_anchors_without_base(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"base_solution\.json"):
        import_path(anchors_folder(tmp_path, base_solution__json=None))


def test_real_thought_anchors() -> None:
    docs = curves(import_path(shared("thought-anchors", "deepseek-r1-distill-llama-8b")))
    assert len(docs) == 14
    for doc in docs:
        model, solved, problem = doc.provenance.source.split("/")
        folder = shared("thought-anchors", model, solved, problem)
        chunks = json.loads((folder / "chunks_labeled.json").read_text(encoding="utf-8"))
        solution = json.loads((folder / "base_solution.json").read_text(encoding="utf-8"))["solution"]
        assert "".join(doc.trace.pieces + doc.trace.answer_pieces) == solution  # no text was lost or re-joined
        assert len(doc.trace.pieces) == len(chunks) == len(doc.cuts)
        for i, (value, low, high, n) in enumerate(zip(doc.value, doc.low, doc.high, doc.n_effective, strict=True)):
            assert value is None or value == chunks[i]["accuracy"]
            if value is not None:
                assert low is not None and high is not None and n is not None
                assert low <= value <= high and 1 <= n <= doc.n_started[i] and abs(value * n - round(value * n)) < 1e-6
            else:
                assert doc.n_started[i] == 0
        assert doc.trace.verdict == ("correct" if solved.startswith("correct") else "incorrect")
        # What upstream calls the importance of sentence i is the step from its cut to the next one.
        steps = [chunk["resampling_importance_accuracy"] for chunk in chunks[:-1]]
        for i, step in enumerate(steps):
            here, after = doc.value[i], doc.value[i + 1]
            if here is not None and after is not None:
                assert abs((after - here) - step) < 1e-9
    smallest = min(docs, key=lambda doc: len(doc.samples))
    assert parse_document(document_json(smallest), "x") == smallest


# Hinted questions

HEADER = "pn,sentence,cue_score,cue_p,cue_score_prev,cue_p_prev,sentence_num,gt_answer,cue_answer,pn_sentence"


def hinted_folder(root: Path, rows: list[str] | None = None, *, paired: bool = True) -> Path:
    rows = rows if rows is not None else ["5,First.,0,0.0,10,0.2,0,C,D,5_0", '5,"Then, second.",24,0.5,0,0.0,1,C,D,5_1']
    path = root / "cue-curve-some-model.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    if paired:
        record = {
            "pn": 5,
            "question": "user: Which?\nAnswer choices:\n(A) a\n(B) b\n(C) c\n(D) d\nPlease think step by step.",
            "reasoning_text": "First.\n\nThen, second. So D.\n",
            "post_reasoning": "\n\nTherefore: (D).",
            "answer": "D",
        }
        (root / "x-paired.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    return path


def test_hinted_curve(tmp_path: Path) -> None:
    (doc,) = curves(import_path(hinted_folder(tmp_path)))
    assert doc.value_label == "P(hinted answer)" and doc.cuts == (0, 1, 2) and doc.value == (0.2, 0.0, 0.5)
    assert doc.n_started == (50, 48, 48)  # 10/.2, the smallest known where the score is 0, 24/.5
    assert doc.trace.pieces == ("First.\n\n", "Then, second.", " So D.\n") and doc.trace.answer_pieces == ("\n\nTherefore: (D).",)
    assert doc.problem is not None and doc.problem.gold == "C" and doc.problem.question == "Which?"
    assert [o.text for o in doc.problem.options] == ["a", "b", "c", "d"]
    assert (doc.trace.outcome, doc.trace.verdict, doc.model.name) == ("D", "incorrect", "some-model")
    low, high = wilson(np.array([10.0, 0.0, 24.0]), np.array([50.0, 48.0, 48.0]), 0.95)
    assert doc.low == tuple(low.tolist()) and doc.high == tuple(high.tolist())
    assert any("smallest n of this trace" in note for note in doc.notes)
    assert [(e.cut, e.kind) for e in doc.events] == [(2, "change")]


def test_hinted_curve_without_the_traces(tmp_path: Path) -> None:
    (doc,) = curves(import_path(hinted_folder(tmp_path, paired=False)))
    assert doc.trace.pieces == ("First. ", "Then, second.") and any("was not found" in note for note in doc.notes)
    document_json(doc)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("5,First.,1,0.0,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,1,1e-9,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,x,0.1,0,0.0,0,C,D,5_0", "cue_score is 'x'"),
        ("5,First.,nan,0.1,0,0.0,0,C,D,5_0", "do not fit together"),
        ("5,First.,1,nan,0,0.0,0,C,D,5_0", "from 0 to 1"),
        ("5,First.,1,0.1,0,0.0,3,C,D,5_0", "sentence_num is '3', expected 0"),
        ("5,First.,1", "3 columns, expected 10"),
        ('5,"First.,1', "not valid CSV"),
    ],
)
def test_hinted_faults(tmp_path: Path, row: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        import_path(hinted_folder(tmp_path, [row]))
    assert expected in one_line(error) and "cue-curve-some-model.csv:2" in one_line(error)


def test_real_hinted_curves() -> None:
    docs = curves(import_path(shared("hinted-mcq")))
    assert len(docs) == 31 and sum(len(doc.cuts) - 1 for doc in docs) == 720
    with gzip.open(shared("hinted-mcq", "cue-curve-r1-distill-qwen-14b.csv.gz"), "rt", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(io.StringIO(handle.read())))
    scores = [int(row["cue_score"]) for row in rows]
    ours = [round((v or 0) * n) for doc in docs for v, n in zip(doc.value[1:], doc.n_started[1:], strict=True)]
    assert ours == scores
    for doc in docs:
        assert len(doc.trace.pieces) == len(doc.cuts)  # one piece more than the sentences: the unmeasured end
        assert doc.problem is not None and len(doc.problem.options) >= 3 and doc.trace.verdict == "incorrect"
        assert set(doc.n_started[1:]) <= {48, 49, 50}
        assert not any("not found" in note for note in doc.notes)
        assert parse_document(document_json(doc), "x") == doc


# Choosing and refusing


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    anchors = anchors_folder(tmp_path)
    for path in (anchors, anchors.parent, anchors.parent.parent, tmp_path, anchors / "chunks_labeled.json"):
        (doc,) = import_path(path)
        assert isinstance(doc, CurveDoc) and doc.trace.unit == "sentence"
    (doc,) = import_path(rows_file(tmp_path, ROW), limit=1)
    write_document(doc, tmp_path / "own.json")
    assert import_path(tmp_path / "own.json") == [doc]
    other = shutil.copy(rows_file(tmp_path, ROW), tmp_path / "renamed.data")
    with pytest.raises(InvalidInput):
        import_path(other)
    assert import_path(other, kind="exit-curves") == import_path(other, kind="exit-curves", limit=1)


def test_unknown_layouts_list_what_can_be_read(tmp_path: Path) -> None:
    for name, content in (("a.csv", "x,y\n1,2\n"), ("b.jsonl", '{"x": 1}\n'), ("c.txt", "hello"), ("d.jsonl", "")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput) as error:
            import_path(tmp_path / name)
        assert all(kind in one_line(error) for kind in KINDS)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="layout is not known"):
        import_path(empty)
    with pytest.raises(UnknownName, match="did you mean exit-page"):
        import_path(empty, kind="exit-pages")
    with pytest.raises(InvalidInput, match="nothing to import"):
        import_path(empty, kind="exit-page")
    with pytest.raises(MissingFile):
        import_path(tmp_path / "no")
    with pytest.raises(MissingFile):
        import_path("a\0b")


def test_gzip_faults(tmp_path: Path) -> None:
    path = tmp_path / "curves-x.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode())[:-9])
    with pytest.raises(InvalidInput, match="cut short"):
        import_path(path)
    path.write_bytes(b"\x1f\x8b" + b"\0" * 30)
    with pytest.raises(InvalidInput, match="damaged gzip"):
        import_path(path)
    (tmp_path / "x.html").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        import_path(tmp_path / "x.html")


# The pieces


WORDS = st.lists(st.text(st.sampled_from("ab. \n"), min_size=1, max_size=8).filter(str.strip), max_size=6)


@given(WORDS, st.data())
def test_split_text_loses_nothing(sentences: list[str], data: st.DataObject) -> None:
    gaps = [data.draw(st.sampled_from(["", " ", "\n\n"])) for _ in sentences]
    whole = "".join(sentence + gap for sentence, gap in zip(sentences, gaps, strict=True))
    folded = [" ".join(sentence.split()) for sentence in sentences]
    pieces = split_text(whole, folded)
    assert pieces is not None and "".join(pieces) == whole and len(pieces) == len(sentences)
    tail = split_text(whole + "zz end.", folded)
    assert tail is not None and "".join(tail) == whole + "zz end." and len(tail) == len(sentences) + 1
    if sentences:
        assert split_text(whole, [*folded, "zz"]) is None
        assert "".join(rejoined(folded)) == " ".join(folded)


@given(st.integers(1, 120), st.data())
def test_answered_finds_a_count_that_gives_the_rate(stored: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, stored))
    right = data.draw(st.integers(0, count))
    found = answered(right / count, stored)
    assert count <= found <= stored and abs(right / count * found - round(right / count * found)) < 1e-6


def test_a_page_of_open_spans_is_read_in_linear_time(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    page.write_text('<span style="' * 60_000 + '<span style="" title="1: 0.5, 2: 0.5">' * 20_000, encoding="utf-8")
    with pytest.raises(InvalidInput):
        exit_curve_page(page)
