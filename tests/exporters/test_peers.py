"""Files for other tools: what stands in them, and what comes back when they are imported."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import ROOT
from tests.core.document_cases import CURVE, FORCED
from tests.importers.peer_cases import FAST, TREE, written
from tests.methods import tabled_cases as tabled
from tokenworth import catalog
from tokenworth.cli.main import run as cli
from tokenworth.core.document import TraceDoc
from tokenworth.errors import InvalidInput
from tokenworth.exporters.lines import trace_text
from tokenworth.importers.importer import import_path
from tokenworth.methods.curve.document import BranchDoc, CurveDoc
from tokenworth.methods.pivots.document import PivotsDoc
from tokenworth.store.documents import write_document

FORMS = (".dpo.jsonl", ".pts.jsonl", "idx_tok_df.csv", "chunks_labeled.json")


def pivots() -> PivotsDoc:
    """Three tokens, of which the second is half a character, and a pair with a better side, one that is not told apart and one turned."""
    one = tabled.pivots("q", "a")
    (pair,), (claim,) = one.pairs, one.claims
    base = TraceDoc(
        unit="token", pieces=("So", "⟨E2 82⟩", "⟨AC⟩", " b"), ids=(1, 2, 3, 4), prompt="Q:", prompt_ids=(7, 8), verdict="correct"
    )
    turned = replace(pair, token=3, text=" b", k_token=10, k_other=30, delta=-0.5, low=-0.7, high=-0.3, better="other", other_text=" c")
    return replace(
        one,
        trace=base,
        claims=(replace(claim, token=3, text=" b", delta=0.4, before=0.3, low=0.2, high=0.6),),
        excluded=(),
        undecided=(),
        unlikely=(),
        family=1,
        pairs=(pair, replace(pair, better=None), turned),
    )


def exported(document: Any, path: Path, form: str) -> None:
    catalog.load(catalog.EXPORTERS, "format", form)(document, path)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_pairs_have_what_trl_reads_and_their_evidence(tmp_path: Path) -> None:
    exported(pivots(), tmp_path / "x.dpo.jsonl", ".dpo.jsonl")
    first, turned = lines(tmp_path / "x.dpo.jsonl")
    assert (first["prompt"], first["chosen"], first["rejected"]) == ("Q:", "a", "q")
    assert (turned["prompt"], turned["chosen"], turned["rejected"]) == ("Q:So€", " c", " b"), "bytes of a character are put together"
    assert (turned["prompt_ids"], turned["chosen_ids"], turned["rejected_ids"]) == ([7, 8, 1, 2, 3], [7], [4])
    evidence = turned["evidence"]
    assert (evidence["n_chosen"], evidence["k_chosen"], evidence["n_rejected"], evidence["k_rejected"]) == (40, 30, 40, 10)
    assert (evidence["difference"], evidence["low"], evidence["high"]) == (0.5, 0.3, 0.7) and not evidence["chosen_is_base"]
    assert (evidence["level"], evidence["false_discovery"], evidence["pairs"]) == (0.95, 0.05, 3)
    assert first["evidence"]["unknown_chosen"] == 1 and turned["evidence"]["unknown_rejected"] == 1


def test_a_text_that_is_no_text_is_said_to_be_none() -> None:
    assert trace_text(("a", "⟨E2 82⟩", "⟨AC⟩")) == ("a€", True)
    assert trace_text(("a", "⟨E2 82⟩")) == ("a\ufffd", False)
    assert trace_text(("⟨zz⟩",)) == ("⟨zz⟩", True)


def test_pivots_come_back_from_events_as_points(tmp_path: Path) -> None:
    doc = pivots()
    exported(doc, tmp_path / "x.pts.jsonl", ".pts.jsonl")
    (event,) = lines(tmp_path / "x.pts.jsonl")
    assert (event["event_type"], event["context"], event["label"], event["token_id"], event["position"]) == (
        "pivotal_token",
        "So€",
        " b",
        4,
        5,
    )
    assert event["prob_after"] - event["prob_before"] == pytest.approx(event["prob_delta"]) == 0.4 and event["is_positive"]
    assert event["metadata"]["low"] == 0.2 and event["metadata"]["prefix_ids"] == [7, 8, 1, 2, 3]
    (back,) = import_path(tmp_path / "x.pts.jsonl")
    assert isinstance(back, CurveDoc)
    assert back.trace.pieces == ("So€", " b") and back.value == (0.3, pytest.approx(0.7)) and back.model.name == doc.model.name


def test_branches_come_back_from_a_table(tmp_path: Path) -> None:
    (doc,) = import_path(written(tmp_path, {"row1.json": FAST}) / "row1.json")
    assert isinstance(doc, CurveDoc)
    exported(doc, tmp_path / "idx_tok_df.csv", "idx_tok_df.csv")
    rows = list(csv.DictReader((tmp_path / "idx_tok_df.csv").open(encoding="utf-8")))
    assert [(row["idx"], row["tok"], row["ans"], row["tok_p"]) for row in rows][:2] == [("0", "So", "A", "0.7"), ("0", "So", "B", "0.7")]
    assert float(rows[0]["weighted"]) == pytest.approx(0.7 * 0.25) and rows[0]["ext_p"] == ""
    (back,) = import_path(tmp_path / "idx_tok_df.csv")
    assert isinstance(back, CurveDoc)
    for label in ("A", "B", "Other"):
        assert back.outcomes[label][0] == pytest.approx(doc.outcomes[label][0])
    assert [(one.text, one.p, one.is_base) for one in back.branches] == [(one.text, one.p, one.is_base) for one in doc.branches]


def test_the_outcomes_of_a_base_that_nothing_began_with_are_those_after_it(tmp_path: Path) -> None:
    cut = CURVE.cuts[-1] - 1
    branches = (
        BranchDoc(cut=cut, token=1, text="a", p=0.6, is_base=True, n=0),
        BranchDoc(cut=cut, token=2, text="b", p=0.4, is_base=False, n=2, outcomes={"B": 2}),
        BranchDoc(cut=cut, token=3, text="c", p=0.1, is_base=False, n=0),
    )
    whole = replace(CURVE, branches=branches, outcomes={"A": (0.5, 0.3), "B": (0.5, 0.7), "C": (0.0, 0.0)})
    exported(whole, tmp_path / "idx_tok_df.csv", "idx_tok_df.csv")
    rows = list(csv.DictReader((tmp_path / "idx_tok_df.csv").open(encoding="utf-8")))
    assert [row["tok"] for row in rows].count("c") == 0
    assert {row["ans"]: float(row["ans_mean"]) for row in rows if row["tok"] == "a"} == {"A": 0.3, "B": 0.7}


def test_sentences_come_back_from_a_folder(tmp_path: Path) -> None:
    (doc,) = import_path(written(tmp_path / "a", TREE))
    assert isinstance(doc, CurveDoc)
    exported(doc, tmp_path / "b" / "chunks_labeled.json", "chunks_labeled.json")
    first, last = json.loads((tmp_path / "b" / "chunks_labeled.json").read_text())
    with pytest.raises(InvalidInput, match="exists already"):
        exported(doc, tmp_path / "a" / "chunks_labeled.json", "chunks_labeled.json")
    assert not (tmp_path / "a" / "chunks_labeled.json").exists(), "the source's folder is left alone"
    assert first["accuracy"] == 1.0 and first["resampling_importance_accuracy"] == pytest.approx(1 / 3 - 1), "after less before, as there"
    assert last["resampling_importance_accuracy"] is None and first["counterfactual_importance_accuracy"] is None, "not measured is not 0"
    (back,) = import_path(tmp_path / "b")
    assert isinstance(back, CurveDoc)
    assert (back.trace.pieces, back.trace.answer_pieces, back.trace.outcome, back.trace.verdict) == (
        doc.trace.pieces, doc.trace.answer_pieces, doc.trace.outcome, doc.trace.verdict,
    )  # fmt: skip
    assert back.value == pytest.approx(doc.value) and [one.outcome for one in back.samples] == [one.outcome for one in doc.samples]
    assert [one.verdict for one in back.samples] == [one.verdict for one in doc.samples]


def test_anchors_come_back_in_the_signs_of_the_source(tmp_path: Path) -> None:
    doc = tabled.anchors("One.", "Two. ")
    exported(doc, tmp_path / "chunks_labeled.json", "chunks_labeled.json")
    rows = json.loads((tmp_path / "chunks_labeled.json").read_text())
    assert [row["chunk_idx"] for row in rows] == list(range(len(doc.sentences))) and rows[0]["accuracy"] == 0.4
    first = doc.sentences[0]
    assert rows[0]["counterfactual_importance_accuracy"] == -(first.counterfactual.value or 0)
    assert rows[0]["resampling_importance_accuracy"] == first.resampling.value
    effects = json.loads((tmp_path / "step_importance.json").read_text())
    assert [row["source_chunk_idx"] for row in effects] == [row.sentence for row in doc.effects]
    assert effects[0]["target_impacts"][0]["target_chunk_idx"] > doc.effects[0].sentence
    (back,) = import_path(tmp_path)
    assert isinstance(back, CurveDoc) and back.value[0] == 0.4 and back.trace.verdict == doc.trace.verdict


@pytest.mark.parametrize("form", FORMS)
def test_what_a_format_does_not_hold_is_refused_in_one_line(tmp_path: Path, form: str) -> None:
    bare = replace(pivots(), pairs=(), claims=(), family=0)
    same = replace(pivots(), pairs=(replace(pivots().pairs[0], better=None),))
    for one in (FORCED, bare, [CURVE], *([same] if form == ".dpo.jsonl" else [replace(CURVE, branches=())])):
        with pytest.raises(InvalidInput) as error:
            exported(one, tmp_path / f"x{form}", form)
        assert str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_command_takes_the_longest_end_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    toy = ["--model", f"toy:{ROOT / 'examples' / 'toy.json'}", "--seed", "8"]
    assert cli(["pivots", *toy, "--pairs", "40", "--json", "p.json"]) == 0
    assert cli(["export", "p.json", "-o", "p.dpo.jsonl"]) == 0 and cli(["export", "p.json", "-o", "p.pts.jsonl"]) == 0
    assert {"prompt", "chosen", "rejected"} <= lines(tmp_path / "p.dpo.jsonl")[0].keys()
    assert cli(["curve", *toy, "--max-rollouts", "50", "--json", "c.json"]) == 0
    assert cli(["export", "c.json", "-o", "idx_tok_df.csv"]) == 0 and cli(["export", "c.json", "-o", "c.csv"]) == 0
    assert (tmp_path / "idx_tok_df.csv").read_text().startswith("idx,") and not (tmp_path / "c.csv").read_text().startswith("idx,")
    capsys.readouterr()
    assert cli(["export", "p.json", "-o", "p.jsonl"]) == 2
    assert "cannot tell the format of p.jsonl" in capsys.readouterr().err
    write_document(pivots(), tmp_path / "q.json")
    assert cli(["export", "q.json", "-o", "x.dpo.jsonl", "--traces"]) == 2
