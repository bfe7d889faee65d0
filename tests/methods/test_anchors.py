"""Sentences of automata whose every importance is known: what is measured, what is claimed, bad input, document and page."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.checkout import ROOT
from tests.helpers import PLAIN
from tests.helpers import settings as curve_settings
from tests.methods.sentence_models import PIECES, Spelling, Story, find_wall
from tokenworth.cli.main import run as cli
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput, MissingExtra, UnknownName
from tokenworth.methods.anchors.chunks import labeled_chunks
from tokenworth.methods.anchors.document import AnchorsDoc, anchors_document, sentence_table
from tokenworth.methods.anchors.experiment import ANCHOR_STREAM, anchors
from tokenworth.methods.anchors.result import AnchorResult
from tokenworth.methods.anchors.settings import AnchorSettings
from tokenworth.methods.anchors.similarity import by_words, similarity_of
from tokenworth.methods.curve.experiment import curve
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.run.drive import drive
from tokenworth.store.documents import document_json, parse_document
from tokenworth.store.memory import MemoryStore

STORY = Story(
    q=((0.4, 0.1, 0.3, 0.2), (0.5, 0.0, 0.25, 0.25), (0.3, 0.3, 0.2, 0.2), (0.6, 0.0, 0.4, 0.0)),
    turns={(0, 2): 0.1, (1, 1): 0.9, (1, 4): 0.2, (2, 3): 0.6},
)
"""The word "A" of the first sentence says what "a" does and ends otherwise; "a" of the second is worth most."""
WORDS = (1, 1, 1, 1)
SURE = 1 - 1e-6
NULL = Story(q=((0.5, 0.0, 0.25, 0.25),) * 5)


def run(
    story: Story = STORY, seed: int = 0, words: tuple[int, ...] = WORDS, *, judge: Any = None, store: Any = None, **choices: Any
) -> AnchorResult:
    made = anchors(
        story.trace(words),
        judge=judge or story.judge,
        sampling=PLAIN,
        settings=AnchorSettings(seed=seed, **choices),
        codec=Spelling(),
        find_wall=find_wall,
        chosen="any",
    )
    return drive(made, backend=story.backend, store=MemoryStore() if store is None else store)


def document(result: AnchorResult) -> AnchorsDoc:
    return anchors_document(result, Spelling(), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")))


# -- importances ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def precise() -> AnchorResult:
    """Limits that miss one truth in a million."""
    return run(level=SURE, half_width=0.09, claims=False)


def test_every_importance_lies_within_limits_that_hardly_ever_miss(precise: AnchorResult) -> None:
    rows = precise.sentences
    for i in range(4):
        with_, without = STORY.value(WORDS[: i + 1]), STORY.value(WORDS[:i])
        total, instead = STORY.instead(WORDS, i)
        for mean, truth in ((rows.value, without), (rows.resampling, with_ - without), (rows.counterfactual, with_ - instead)):
            assert mean.low[i] <= truth <= mean.high[i]
            assert mean.high[i] - mean.low[i] < 0.45
        assert rows.unlike[i] == pytest.approx(total, abs=0.1)
        assert rows.kept[i] == pytest.approx(STORY.q[i][0])
    assert abs(rows.counterfactual.value[1] - (STORY.value((1, 1)) - STORY.instead(WORDS, 1)[1])) < 0.1
    assert not rows.counterfactual.low[1] <= STORY.value((1, 1)) - STORY.instead(WORDS, 1)[1] - 0.45, "the negative twin"


def test_the_other_sentences_are_listed_with_what_they_came_to(precise: AnchorResult) -> None:
    others = precise.sentences.others[1]
    assert {one.text for one in others} == {"note b.", "note c."} and sum(one.n for one in others) == precise.sentences.n_unlike[1]
    share = {one.text: one.n_hit / one.n for one in others}
    assert share["note c."] < share["note b."], "c turns the story to .2"


def test_another_spelling_of_the_sentence_is_the_same_sentence(precise: AnchorResult) -> None:
    """Leaving by the word A, 1 in 6 of what leaves the first sentence, is not another sentence: its outcome counts for resampling alone."""
    assert precise.sentences.unlike[0] == pytest.approx(0.5, abs=0.06) and 1 - precise.sentences.kept[0] == pytest.approx(0.6)
    strict = run(claims=False, threshold=1.0, similarity=f"{__name__}:exactly")
    assert strict.sentences.unlike[0] == pytest.approx(0.6)


def exactly(first: list[str], second: list[str]) -> list[list[float]]:
    """Alike if the same to the letter."""
    return [[float(a == b) for b in second] for a in first]


def test_effects_on_later_sentences_lie_within_their_limits(precise: AnchorResult) -> None:
    for i in range(4):
        for j in range(i + 1, 4):
            assert precise.effects.low[i, j] <= STORY.effect(WORDS, i, j) <= precise.effects.high[i, j]
    assert np.isnan(precise.effects.value[np.tril_indices(4)]).all()


def test_a_sentence_that_makes_another_likelier_is_seen() -> None:
    """In a story whose second word is always c unless the first is a, the first sentence makes the second likelier by nearly all."""

    class Bound(Story):
        @property
        def automaton(self) -> Any:  # type: ignore[override]
            from tokenworth.backends.toy.backend import parse_automaton

            states: dict[str, object] = {"yes": {"outcome": "yes"}, "no": {"outcome": "no"}, "s": {"edges": [[0, 1.0, "w"]]}}
            states["w"] = {"edges": [[1, 0.5, ".a"], [3, 0.5, ".b"]]}
            for kind, q in (("a", 0.9), ("b", 0.05)):
                states[f".{kind}"] = {"edges": [[5, 1.0, f"s{kind}"]]}
                states[f"s{kind}"] = {"edges": [[0, 1.0, f"w{kind}"]]}
                states[f"w{kind}"] = {"edges": [[1, q, ".e"], [4, 1 - q, ".e"]]}
            states[".e"] = {"edges": [[5, 1.0, "e"]]}
            states["e"] = {"edges": [[6, 0.5, "yes"], [7, 0.5, "no"]]}
            return parse_automaton({"vocab_size": 8, "start": "s", "states": states, "correct": "yes"})

    found = run(Bound(q=()), words=(1, 1), claims=False, half_width=0.05, level=SURE)
    assert found.effects.low[0, 1] <= 0.85 <= found.effects.high[0, 1] and found.effects.low[0, 1] > 0.4


def test_kl_is_beside_its_null_and_alpha_makes_it_finite(precise: AnchorResult) -> None:
    rows = precise.sentences
    assert len(precise.outcomes) == 2
    turned, still = rows.counterfactual_kl[1], run(NULL, words=(1,) * 5, claims=False, half_width=0.05).sentences.counterfactual_kl[2]
    assert turned is not None and still is not None
    assert turned.value > turned.null_high > turned.null > 0 and turned.p < 0.01
    assert still.p > 1e-2 and still.value < 0.1
    assert np.isfinite(run(claims=False, alpha=1e-3).sentences.counterfactual_kl[1].value)


# -- draws ---------------------------------------------------------------------------------------------------------------------------


def test_a_stored_curve_gives_the_importances_for_nothing() -> None:
    store = MemoryStore()
    made = curve(STORY.trace(WORDS), judge=STORY.judge, sampling=PLAIN, settings=curve_settings(top=20, half_width=0.06))
    drive(made, backend=STORY.backend, store=store)
    before = len(store._responses)
    result = run(store=store, claims=False, half_width=0.08)
    assert len(store._responses) == before and result.n_rollouts > 50
    run(store=store, half_width=0.08)
    assert len(store._responses) > before, "claims rest on draws of their own"
    assert ANCHOR_STREAM > 1 << 50


def test_a_budget_is_shared_and_never_passed() -> None:
    doc = document(run(max_rollouts=60))
    assert doc.rollouts <= 60 and doc.claim_rollouts >= 30 and doc.undecided
    assert any(note.startswith("stopped by the budget: ") for note in doc.notes)
    assert document(run(max_rollouts=60, claims=False)).claim_rollouts == 0


@pytest.mark.slow
def test_an_eighth_of_the_tokens_of_plain_resampling_gives_a_smaller_error() -> None:
    """100 rollouts at each cut have a known mean squared error; the mean over streams must be below half of it."""
    words = (1,) * 8
    story = Story(q=((0.92, 0.0, 0.05, 0.03),) * 8, turns={(1, 3): 0.9, (3, 4): 0.1, (4, 3): 0.95, (6, 4): 0.05})
    value = np.asarray([story.value(words[:i]) for i in range(9)])
    step, noise = np.diff(value), value * (1 - value) / 100
    plain, whole = float((noise[1:] + noise[:-1]).mean()), 100 * sum(25 - 3 * i for i in range(9))

    def error(tokens: int) -> float:
        found = [run(story, seed, words, claims=False, max_tokens=tokens) for seed in range(6)]
        assert all(one.generated_tokens <= tokens + 100 for one in found)
        return float(np.nanmean([(one.sentences.resampling.value - step) ** 2 for one in found]))

    rng = np.random.default_rng(7)
    few = np.diff(rng.binomial(12, value, (60, 9)) / 12, axis=1)
    assert error(whole // 8) < plain / 2 < plain < float(((few - step) ** 2).mean()), "plain resampling of as few tokens is no match"


# -- claims --------------------------------------------------------------------------------------------------------------------------


def test_the_sentence_that_changes_the_value_is_claimed_and_no_other() -> None:
    doc = document(run())
    truth = [STORY.value(WORDS[: i + 1]) - STORY.value(WORDS[:i]) for i in range(4)]
    assert [abs(x) > 0.1 for x in truth] == [False, True, False, False]
    (claim,) = doc.claims
    assert claim.sentence == 1 and claim.low <= truth[1] <= claim.high and (claim.p_value or 1) < 0.01
    assert len(doc.claims) + len(doc.excluded) + len(doc.undecided) == doc.family == 4
    assert doc.claim_rollouts > 0 and doc.rollouts > doc.claim_rollouts


@pytest.mark.slow
def test_stories_without_an_anchor_have_no_claim() -> None:
    """A rate of .05 is passed with a chance of 1e-6; taking the larger of 5 raw importances does pass it."""
    n = 20
    results = [run(NULL, seed, words=(1,) * 5, max_rollouts=200) for seed in range(n)]
    most = binom.ppf(1 - 1e-6, n, 0.05)
    assert sum("claim" in result.claims.rows.verdict for result in results) <= most
    rng = np.random.default_rng(5)
    raw = rng.binomial(20, 0.5, (n, 6)) / 20
    assert (np.abs(np.diff(raw, axis=1)) >= 0.2).any(axis=1).sum() > most


# -- resilience ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sentence_is_taken_away_until_it_stays_away() -> None:
    """Every later word is then one that is not a: the exact value and number of rounds are a line each. Bounds of five standard errors."""
    n = 150
    result = run(claims=False, resilience=n)
    second = result.fought[1]
    assert len(result.fought) == 4 and second.away == n and not second.back and not second.stuck
    # After b or c: b sets .6 for good, c leaves what is there, .5 or .2; then the third word is b, which says nothing.
    assert second.hits / n == pytest.approx(0.5 * 0.6 + 0.5 * 0.35, abs=0.2)
    assert np.mean(second.rounds) == pytest.approx(1 + 0.6 + 0.6, abs=5 * (0.48 / n) ** 0.5)
    doc = document(result)
    row = doc.resilience[1]
    truth = STORY.value((1, 1)) - 0.475
    assert row.counterfactual.low is not None and row.counterfactual.high is not None
    assert row.counterfactual.low - 0.1 <= truth <= row.counterfactual.high + 0.1
    assert np.mean(result.fought[3].rounds) == 1, "nothing comes after the last sentence"
    assert "Sentences taken away" in render_text(page_of([doc])) and parse_document(document_json(doc), "x") == doc


def test_claimed_sentences_alone_are_taken_away_and_a_budget_leaves_runs_open() -> None:
    assert [of.sentence for of in run(resilience=3).fought] == [1]
    short = document(run(claims=False, resilience=50, max_rollouts=150))
    assert short.rollouts <= 150 and any(row.unfinished for row in short.resilience)
    assert all(row.counterfactual.value is None for row in short.resilience if row.unfinished)
    assert any("the budget ended runs without" in note for note in short.notes)


def test_a_sentence_that_always_comes_back_or_cannot_leave_is_counted() -> None:
    always = Story(q=((0.5, 0.0, 0.5, 0.0),) + ((0.97, 0.0, 0.03, 0.0),) * 3)
    found = run(always, claims=False, resilience=20).fought
    assert found[0].stuck > 0 and found[0].stuck + found[0].away + found[0].back == 20
    sure = run(Story(q=((1.0, 0.0, 0.0, 0.0),) * 2), words=(1, 1), claims=False, resilience=3)
    assert [(of.stuck, of.away) for of in sure.fought] == [(3, 0)] * 2
    assert document(sure).resilience[0].counterfactual.value is None


# -- bad input -----------------------------------------------------------------------------------------------------------------------


def test_no_rollout_is_no_importance_and_not_zero() -> None:
    doc = document(run(max_tokens=1))
    assert doc.rollouts == 0
    for row in doc.sentences:
        assert row.counterfactual.value is None and row.resampling.value is None and row.p is None and row.counterfactual_kl is None
        assert row.resampling.low is not None and row.resampling.low < 0 < (row.resampling.high or 0)
    assert not doc.claims and len(doc.undecided) == doc.family
    assert "?" in render_text(page_of([doc]))


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_one_outcome_only_changes_nothing(end: float) -> None:
    story = Story(q=((0.5, 0.0, 0.25, 0.25),) * 3, start=end)
    result = drive(
        anchors(
            story.trace((1, 1, 1), end=6 if end else 7),
            judge=story.judge,
            sampling=PLAIN,
            settings=AnchorSettings(),
            codec=Spelling(),
            find_wall=find_wall,
        ),
        backend=story.backend,
        store=MemoryStore(),
    )
    doc = document(result)
    assert not doc.claims and not doc.undecided
    for row in doc.sentences:
        assert row.counterfactual.value == pytest.approx(0, abs=1e-12) and row.p == 1
        assert row.counterfactual_kl is not None and row.counterfactual_kl.value == 0 and row.counterfactual_kl.p == 1
    assert doc.baselines.position is None, "ties alone are no correlation"
    assert any("nothing can change the outcome" in note for note in doc.notes)


def test_rollouts_without_a_verdict_are_named_and_claim_nothing() -> None:
    doc = document(run(judge=lambda ids, stop: Grade(outcome="truncated", verdict=Verdict.UNKNOWN)))
    assert not doc.claims and "no rollout has a verdict: nothing can be said of the value" in doc.notes


def test_one_sentence_and_an_empty_trace() -> None:
    one = document(run(segment="newline", max_rollouts=200))
    assert len(one.sentences) == 1 and not one.effects and one.sentences[0].end == 12
    assert any("finds one sentence" in note for note in one.notes)
    empty = Trace(sequence=TokenSequence(prompt=(), completion=(0, 1, 5) * 4 + (6,)), n_trace=0, stop=StopReason.STOP)
    made = anchors(empty, judge=STORY.judge, sampling=PLAIN, settings=AnchorSettings(), codec=Spelling(), find_wall=find_wall)
    doc = document(drive(made, backend=STORY.backend, store=MemoryStore()))
    assert not doc.sentences and doc.family == 0 and "the trace is empty" in doc.notes[0]
    assert parse_document(document_json(doc), "x") == doc and render_text(page_of([doc])) and render_html(page_of([doc]))


def test_a_trace_that_is_certain_costs_nothing_and_has_no_counterfactual() -> None:
    story = Story(q=((1.0, 0.0, 0.0, 0.0),) * 3)
    doc = document(run(story, words=(1, 1, 1)))
    assert doc.family == 0 and all(row.resampling.value == 0 and row.counterfactual.value is None for row in doc.sentences)
    assert any("is missing, not 0" in note for note in doc.notes)


def test_ties_of_similarity_at_the_threshold_are_alike() -> None:
    assert run(claims=False, similarity=f"{__name__}:all_at_the_edge").sentences.unlike.max() == 0.0


def all_at_the_edge(first: list[str], second: list[str]) -> Any:
    """Every pair just alike enough."""
    return np.full((len(first), len(second)), 0.8)


def not_a_number(first: list[str], second: list[str]) -> Any:
    """NaN for one pair."""
    found = np.ones((len(first), len(second)))
    found[-1, 0] = np.nan
    return found


def of_one(first: list[str], second: list[str]) -> Any:
    """One number for all."""
    return 1.0


def broken(first: list[str], second: list[str]) -> Any:
    """Never returns."""
    raise KeyError(first[0])


@pytest.mark.parametrize(
    ("name", "words"), [("not_a_number", "returned nan for"), ("of_one", r"returned the shape \(\)"), ("broken", "raised KeyError")]
)
def test_a_similarity_that_fails_is_one_line(name: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        run(claims=False, similarity=f"{__name__}:{name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"segment": "sentences"}, UnknownName, "sentence"),
        ({"segment": "fixed:0"}, InvalidInput, "fixed:N"),
        ({"segment": "regex:("}, InvalidInput, "not a regular expression"),
        ({"similarity": "cosine"}, InvalidInput, "expected words"),
        ({"threshold": 1.5}, InvalidInput, "threshold 1.5"),
        ({"alpha": 0.0}, InvalidInput, "can be infinite"),
        ({"delta": 1.0}, InvalidInput, "delta 1.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(choices: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        AnchorSettings(**choices)


# -- similarity ----------------------------------------------------------------------------------------------------------------------


def test_words_are_alike_by_their_counts_and_numbers_must_agree() -> None:
    texts = ["17 minus 3 is 14.", "17 minus 3 is 13.", "So 17 minus 3 is 14", "Wait!", "", "wait"]
    found = by_words(texts, texts)
    assert np.allclose(np.diag(found), [1, 1, 1, 1, 0, 1])
    assert found[0, 1] == 0 and found[0, 2] > 0.8 and found[3, 5] == 1 and found[3, 4] == 0


def test_embeddings_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"tokenworth\[similarity\]"):
        similarity_of("sentence-transformers:some-model")


def test_embeddings_are_compared_by_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def __init__(self, name: str) -> None:
            if name == "gone":
                raise OSError("not a folder\nsecond line")

        def encode(self, texts: list[str], **_: Any) -> Any:
            return np.asarray([[1.0, 0.0] if "a" in text else [0.0, 1.0] for text in texts])

    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Encoder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    assert similarity_of("sentence-transformers:x")(["a", "b"], ["a"]).tolist() == [[1.0], [0.0]]
    with pytest.raises(InvalidInput, match=r"cannot be loaded: OSError: not a folder$"):
        similarity_of("sentence-transformers:gone")


# -- document, page, command ---------------------------------------------------------------------------------------------------------


def test_it_survives_a_file_and_a_claim_looks_like_no_other_row() -> None:
    doc = document(run())
    assert parse_document(document_json(doc), "x") == doc
    text = render_text(page_of([doc]), width=170)
    assert text.count("ANCHOR ") == 2, "in the claims, and beside its sentence"
    assert "false-discovery rate at most 5%" in text and "no claim" in text
    assert "ANCHOR" in render_html(page_of([doc]))
    quiet = render_text(page_of([document(run(claims=False))]), width=170)
    assert "ANCHOR" not in quiet and "importances are no claims" in quiet
    table = sentence_table(doc)
    assert [row[-1] for row in table.rows] == ["excluded", "claim", "excluded", "excluded"]


def test_a_document_whose_sentences_leave_a_gap_is_refused() -> None:
    doc = document(run(claims=False))
    with pytest.raises(InvalidInput, match="end to end"):
        replace(doc, sentences=doc.sentences[:1] + doc.sentences[2:])


def test_the_command_measures_an_automaton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    toy = ["anchors", "--model", f"toy:{ROOT / 'examples' / 'toy.json'}", "--segment", "fixed:6", "--max-rollouts", "200"]
    assert cli([*toy, "--dry-run"]) == 0 and "at most 201 rollouts" in capsys.readouterr().out
    assert cli([*toy, "--json", "a.json", "--report", "a.html", "--store", "a.db"]) == 0
    doc = parse_document((tmp_path / "a.json").read_bytes(), "a.json")
    assert isinstance(doc, AnchorsDoc) and doc.rollouts <= 200 and {row.end - row.start for row in doc.sentences[:-1]} == {6}
    capsys.readouterr()
    assert cli([*toy, "--forced"]) == 2 and capsys.readouterr().err.count("\n") == 1
    (tmp_path / "c.toml").write_text('[anchors]\nsimilarity = "os:system"\n')
    assert cli([*toy, "--config", "c.toml"]) == 2
    assert "would run code of the module 'os'" in capsys.readouterr().err


def test_pieces_of_the_tests_spell_what_they_say() -> None:
    assert Spelling().decode((0, 1, 5, 6)) == " note a. yes" and len(PIECES) == 8


def test_signs_of_the_published_format_are_turned_and_no_data_stays_none(precise: AnchorResult) -> None:
    rows = list(labeled_chunks(document(precise)))
    ours = document(precise).sentences[1]
    assert rows[1]["counterfactual_importance_accuracy"] == -(ours.counterfactual.value or 0) < -0.2
    assert rows[1]["resampling_importance_accuracy"] == ours.resampling.value
    nothing = list(labeled_chunks(document(run(max_tokens=1))))
    assert nothing[0]["counterfactual_importance_accuracy"] is None and nothing[0]["counterfactual_importance_kl"] is None
