"""Importers of peers' files: what each number becomes, what is lost, and what is refused."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.importers.importer_cases import one_line
from tests.importers.peer_cases import ANCHOR, CACHED, DRAWS, FAST, HARNESS, LOG, PTS, PTS_1, SHARES, SOLUTIONS, TREE, written
from tokenworth.errors import InvalidInput
from tokenworth.importers.importer import import_path
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.stratified import stratified_share
from tokenworth.store.documents import document_json, parse_document


def curve_in(path: Path) -> CurveDoc:
    (doc,) = import_path(path)
    assert isinstance(doc, CurveDoc)
    assert parse_document(document_json(doc), "x") == doc and render_text(page_of([doc]))
    return doc


def set_in(path: Path, item: int = 0) -> SampleSetDoc:
    doc = import_path(path)[item]
    assert isinstance(doc, SampleSetDoc)
    assert parse_document(document_json(doc), "x") == doc and render_text(page_of([doc]))
    return doc


# -- branches ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_store_of_forking_fast_is_a_curve_with_branches(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("row000.json.gz" if packed else "row000.json")
    data = json.dumps(FAST).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    doc = curve_in(path)
    assert curve_in(tmp_path) == doc
    assert (doc.cuts, doc.trace.pieces, doc.trace.ids, doc.model.name) == ((0, 1), ("So", " B"), (5, 6), "m")
    assert doc.problem is not None and doc.problem.gold == "B" and doc.target == "gold"
    assert doc.value[0] == pytest.approx((0.7 * 0.75 + 0.2 * 0.25) / 0.9)
    assert doc.outcomes["A"][0] == pytest.approx((0.7 * 0.25 + 0.2 * 0.5) / 0.9)
    assert doc.low[0] is not None and doc.value[1] == 0.75 and doc.low[1] is None, "the second place has no draws, only the source's share"
    assert [(one.token, one.n, one.outcomes) for one in doc.branches] == [
        (5, 4, {"A": 1, "B": 3}),
        (9, 4, {"A": 2, "B": 1, "Other": 1}),
    ]
    assert doc.rollouts == 8 and doc.n_started == (8, 0)
    assert any("0.90 at least" in note for note in doc.notes)
    assert any(note.startswith("1 of the source's own shares differ") for note in doc.notes)


def test_rollouts_without_a_letter_have_no_verdict(tmp_path: Path) -> None:
    row = copy.deepcopy(FAST)
    row["branches"].append({"t": 1, "tok_id": 6, "tok_p": 1.0, "is_base": True, "answers": ["B", "Other", "Other", "Other"]})
    del row["o_t_full"]
    doc = curve_in(written(tmp_path, {"row1.json": row}) / "row1.json")
    assert doc.verdicts is not None
    assert doc.verdicts.missing == (pytest.approx(0.2 * 0.25 / 0.9), 0.75)
    assert doc.value[1] == 0.25 and doc.verdicts.given[1] == pytest.approx(1.0)
    assert (doc.verdicts.high_if_met[1] or 0) > (doc.high[1] or 1) - 1e-9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row["branches"][0].update(answers=["Z"]), "answer 'Z'"),
        (lambda row: row["branches"][0].update(t=7), "behind the last"),
        (lambda row: row["branches"][0].update(tok_p=1.5), "'tok_p' is 1.5"),
        (lambda row: row["branches"].append(row["branches"][0]), "stands twice"),
        (lambda row: row.update(idxs=[1, 0]), "'idxs' must rise"),
        (lambda row: row.update(o_t_full=[[1, 0, 0, 0, 0]]), "'o_t_full' must have 2 lists"),
        (lambda row: row["base"].update(gen_ids=[5]), "as many token_texts"),
        (lambda row: row.update(branches=7), "'branches' must be a list"),
        (lambda row: row["meta"].pop("question"), "'question' is missing"),
    ],
)
def test_a_damaged_store_of_forking_fast_is_refused_in_one_line(tmp_path: Path, change: Any, words: str) -> None:
    row = copy.deepcopy(FAST)
    change(row)
    with pytest.raises(InvalidInput, match=words) as error:
        import_path(written(tmp_path, {"row1.json": row}) / "row1.json", layout="forking-fast")
    assert "row1.json" in one_line(error)


def test_tables_of_forking_paths_are_a_curve(tmp_path: Path) -> None:
    folder = written(tmp_path / "aqua" / "7", {"ans_df.csv": DRAWS, "idx_tok_df.csv": SHARES})
    doc = curve_in(folder / "ans_df.csv")
    assert curve_in(folder) == doc and doc.provenance.source == "aqua/7/ans_df.csv"
    assert doc.trace.pieces == (" So", "", " B") and doc.cuts == (0, 2)
    assert doc.target == "label:B" and doc.value_label == "P(B)"
    assert doc.value == (pytest.approx((0.8 / 3 + 0.1) / 0.9), pytest.approx(2 / 3))
    assert [(one.text, one.n, one.is_base) for one in doc.branches] == [(" So", 3, True), (" No", 3, False), (" B", 3, True)]
    assert any("1 places have no row" in note for note in doc.notes)
    for told, gold in (
        ({"correct": "A"}, "A"),
        ({"answer": "1", "choices": []}, "B"),
        ({"answer": "x\n#### B"}, "B"),
        ({"correct": "Z"}, None),
    ):
        written(folder, {"args.json": {"row": {"question": "q", **told}}})
        again = curve_in(folder)
        assert again.problem is not None and (again.problem.gold, again.problem.question) == (gold, "q")
        assert again.value == again.outcomes[gold or "B"] and again.target == ("label:B" if gold is None else "gold")
    (folder / "args.json").unlink()
    (folder / "ans_df.csv").unlink()
    shares = curve_in(folder)
    assert shares.value == (pytest.approx((0.4 + 0.1) / 0.9), 1.0) and shares.low == (None, None)
    assert any("no limits" in note for note in shares.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("idx,tok,tok_p,ans\n-1, So,0.5,A\n", "idx is '-1'"),
        ("idx,tok,tok_p,ans\n99999999999, So,0.5,A\n", "idx is"),
        ("idx,tok,tok_p,ans\n0, So,nan,A\n", "tok_p is 'nan'"),
        ("idx,tok\n0, So\n", "columns tok_p, ans are missing"),
        ("idx,tok,tok_p,ans\n", "no rows"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as error:
        import_path(written(tmp_path, {"ans_df.csv": text}) / "ans_df.csv")
    assert "ans_df.csv" in one_line(error)


def coverage(weigh: bool) -> int:
    """Of 400 stratified shares, those whose limits hold the truth; without weights they are of another number."""
    rng, held = np.random.default_rng(6), 0
    for _ in range(400):
        w = rng.dirichlet(np.ones(3))
        p, n = rng.uniform(0.05, 0.95, 3), np.full(3, 30.0)
        k = rng.binomial(30, p) * 1.0
        found, _ = stratified_share(w if weigh else np.full(3, 1 / 3), k, n, 0.95)
        held += found.low <= w @ p <= found.high  # type: ignore[operator]
    return held


def test_limits_of_weighted_shares_hold_and_unweighted_ones_do_not() -> None:
    """A coverage of .95 falls short of this with a chance of 1e-6."""
    least = binom.ppf(1e-6, 400, 0.95)
    assert coverage(weigh=True) >= least > coverage(weigh=False)


# -- pivotal tokens ------------------------------------------------------------------------------------------------------------------


def test_events_of_one_trace_are_points_of_one_curve(tmp_path: Path) -> None:
    doc = curve_in(written(tmp_path, {"x.pts.jsonl": PTS}) / "x.pts.jsonl")
    assert curve_in(tmp_path) == doc
    assert doc.trace.pieces == ("So", " 4", " is", " not", " it. ", "Wait.") and doc.trace.ids is None
    assert doc.cuts == (1, 2, 3, 4, 5, 6) and doc.value == (0.2, 0.9, 0.9, 0.5, None, 0.6)
    assert [event.cut for event in doc.events] == [1, 3, 5] and "id 5) +0.70" in doc.events[0].label
    assert doc.low == (None,) * 6 and doc.change is not None and doc.change[1] == pytest.approx(0.7)
    assert any("nothing is claimed" in note for note in doc.notes) and any("anchor's change" in note for note in doc.notes)


def test_events_of_other_traces_stand_apart_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    other, latent = {**PTS_1, "pivot_context": "Hm"}, {"event_type": "latent_metatoken", "query": "q", "model_id": "m"}
    text = "".join(json.dumps(one) + "\n" for one in (PTS_1, other, latent))
    docs = import_path(written(tmp_path, {"a.jsonl": text}) / "a.jsonl")
    assert len(docs) == 2 and any("1 events of other kinds" in note for note in docs[0].notes)  # type: ignore[attr-defined]
    repeated = written(tmp_path, {"b.jsonl": json.dumps({**PTS_1, "query": "Why?", "pivot_context": "<u>Why?</u>So"})}) / "b.jsonl"
    whole = curve_in(repeated)
    assert (whole.trace.prompt, whole.trace.pieces) == ("<u>Why?", ("</u>So", " 4")) and any("a template" in n for n in whole.notes)
    with pytest.raises(InvalidInput, match="all of kinds"):
        import_path(written(tmp_path, {"c.jsonl": json.dumps(latent)}) / "c.jsonl")
    for change in ({"pivot_token": ""}, {"prob_before": 3}, {"query": None}):
        with pytest.raises(InvalidInput) as error:
            import_path(written(tmp_path, {"d.jsonl": json.dumps({**PTS_1, **change})}) / "d.jsonl")
        assert "d.jsonl:1" in one_line(error)
    assert ANCHOR["prefix_context"].startswith("So 4 is not")


# -- answers -------------------------------------------------------------------------------------------------------------------------


def test_samples_of_the_harness(tmp_path: Path) -> None:
    again = {**HARNESS, "filter": "flexible-extract"}
    repeats = {**HARNESS, "doc_id": 1, "resps": [["a", "b"]], "filtered_resps": ["a"]}
    text = "".join(json.dumps(one) + "\n" for one in (HARNESS, again, repeats))
    path = written(tmp_path, {"samples_gsm8k_2026.jsonl": text}) / "samples_gsm8k_2026.jsonl"
    doc, two = set_in(path), set_in(path, 1)
    assert (doc.n, doc.accuracy, doc.outcomes, doc.sampling, doc.seed) == (1, 1.0, {"4": 1}, None, None)
    (trace,) = doc.traces
    assert "".join(trace.pieces) == "<think>x\n\ny" and trace.answer_pieces == ("</think>4",) and trace.prompt == "Q: q\nA:"
    assert trace.verdict == "correct" and doc.problem is not None and doc.problem.id == "gsm8k_2026/0"
    assert any("flexible-extract" in note for note in doc.notes) and any("not token ids" in note for note in doc.notes)
    assert two.accuracy is None and two.n == 2 and {one.verdict for one in two.traces} == {"unknown"}
    assert any("all 2 repeats together" in note for note in two.notes)
    for change in ({"resps": [[1.0]]}, {"resps": [["a"], ["b"]]}, {"resps": []}, {"doc_id": None}):
        with pytest.raises(InvalidInput) as error:
            import_path(written(tmp_path, {"samples_x.jsonl": json.dumps({**HARNESS, **change})}) / "samples_x.jsonl")
        assert "samples_x.jsonl:1" in one_line(error)


def test_logs_of_inspect(tmp_path: Path) -> None:
    doc = set_in(written(tmp_path, {"log.json": LOG}) / "log.json")
    assert [one.verdict for one in doc.traces] == ["correct", "incorrect", "unknown"] and doc.accuracy == pytest.approx(1 / 3)
    assert doc.traces[0].pieces == ("so",) and doc.traces[0].answer_pieces == ("ANSWER: 4",) and doc.model.name == "openai/m"
    assert doc.outcomes == {"4": 1, "5": 1, "4?": 1}
    (tmp_path / "x.eval").write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidInput, match="inspect log dump"):
        import_path(tmp_path / "x.eval")


def test_a_cache_of_rollouts(tmp_path: Path) -> None:
    other = {**CACHED, "response": {"full": "<think>a\nb</think>c", "finish_reason": "length"}}
    files = {"m/t0.6/abc/0123/seed_00000.json": CACHED, "m/t0.6/abc/0123/seed_00001.json": other}
    doc = set_in(written(tmp_path, files))
    assert doc.n == 2 and doc.accuracy is None and doc.outcomes == {"not graded": 2}
    assert doc.traces[1].pieces == ("<think>a\n", "b") and doc.traces[1].stop == "length"
    assert any("temperature 0.6, top_p 0.95" in note for note in doc.notes)
    (tmp_path / "m/t0.6/abc/0123/seed_00001.json").write_text(json.dumps({**CACHED, "prompt": "r"}), encoding="utf-8")
    with pytest.raises(InvalidInput, match="2 prompts"):
        import_path(tmp_path)


# -- trees ---------------------------------------------------------------------------------------------------------------------------


def test_a_tree_of_rollouts_is_counted_as_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path / "correct_base_solution" / "problem_3", TREE)
    doc = curve_in(folder)
    assert curve_in(folder / "chunks.json") == doc
    assert doc.trace.pieces == ("One. ", "Two.") and doc.trace.answer_pieces == ("</think> 4",)
    assert doc.cuts == (0, 1) and doc.value == (1.0, pytest.approx(1 / 3)) and doc.n_started == (3, 3)
    assert doc.outcomes == {"4": (1.0, pytest.approx(1 / 3)), "5": (0.0, pytest.approx(1 / 3)), "no answer": (0.0, pytest.approx(1 / 3))}
    assert [one.verdict for one in doc.samples if one.cut == 1] == ["correct", "incorrect", "unknown"]
    assert doc.samples[-2].text == "No. 5" and any("2 rollouts failed" in note for note in doc.notes)
    assert not any("re-joined" in note for note in doc.notes)
    (folder / "chunk_1" / "solutions.json").write_text("[7]", encoding="utf-8")
    with pytest.raises(InvalidInput, match="rollout 0 is a int"):
        import_path(folder)
    (folder / "chunk_1" / "solutions.json").unlink()
    bare = curve_in(folder)
    assert bare.value[1] is None and any("1 sentences have no rollouts" in note for note in bare.notes)


def test_a_tree_of_scenarios_is_of_what_its_base_has(tmp_path: Path) -> None:
    told = [{**one, "contains_blackmail": number == 0} for number, one in enumerate(SOLUTIONS[:3])]
    for one in told:
        del one["is_correct"], one["answer"]
    base = {"solution": "One. Two.", "contains_blackmail": True}
    scenario = {"system_prompt": "s", "user_prompt": "u"}
    files = {"base_solution.json": base, "scenario.json": scenario, "chunks.json": TREE["chunks.json"], "chunk_0/solutions.json": told}
    doc = curve_in(written(tmp_path, files))
    assert doc.value_label == "P(contains_blackmail)" and doc.value[0] == pytest.approx(1 / 3)
    assert [one.hit for one in doc.samples] == [True, False, False]
