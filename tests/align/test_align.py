"""Places of a kind on made traces with known effects, and on published sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_data import shared
from tests.survey.cases import ABOUT, NOWHERE, two
from tokenworth.cli.main import run
from tokenworth.core.document import ModelDoc, TraceDoc
from tokenworth.errors import InvalidInput
from tokenworth.importers.importer import import_path
from tokenworth.methods.align.derive import align_document
from tokenworth.methods.align.document import AlignDoc, EffectRow
from tokenworth.methods.align.patterns import finder, mentions
from tokenworth.methods.align.settings import AlignSettings
from tokenworth.methods.align.traces import traces_of
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.stats.matching import balance, nearest_controls

JUMP = 0.25


def curve(pieces: list[str], value: list[float], *, name: str, outcome: str | None = None, p: list[float] | None = None) -> CurveDoc:
    from tokenworth.core.problem import AnswerKind, Problem

    n = len(value)
    return CurveDoc(
        problem=Problem(id=name, question=f"{name}?", gold="1", kind=AnswerKind.EXACT),
        model=ModelDoc(name="m"),
        plan=PlanDoc(name="plain"),
        trace=TraceDoc(unit="token", pieces=tuple(pieces), outcome=outcome, probabilities=None if p is None else tuple(p)),
        cuts=tuple(range(n)),
        value=tuple(value),
        low=(0.0,) * n,
        high=(1.0,) * n,
        level=0.95,
        n_effective=(10.0,) * n,
        n_started=(10,) * n,
        budget=BudgetDoc(),
        provenance=NOWHERE,
    )


def with_wait(n_traces: int, jump: float, seed: int = 0) -> list[CurveDoc]:
    """Sentences of five words; the third one of each trace begins with Wait, over which the value jumps. All else is noise."""
    rng = np.random.default_rng(seed)
    made: list[CurveDoc] = []
    for number in range(n_traces):
        words = [word for k in range(8) for word in ("Wait " if k == 3 else f"So{number} ", "the ", "sum ", "is ", f"n{k}. ")]
        value = np.full(41, 0.4)
        value[16:] += jump
        made.append(curve(words, np.clip(value + rng.normal(0, 0.02, 41), 0, 1).tolist(), name=f"q{number}"))
    return made


def align(documents: list[Any], *patterns: str, **more: Any) -> AlignDoc:
    return align_document(documents, AlignSettings(pattern=patterns, **more), ABOUT)


def effect(doc: AlignDoc, quantity: str = "value") -> EffectRow:
    return next(one for one in doc.patterns[0].effects if one.quantity == quantity)


def test_a_jump_at_a_word_is_found_beside_its_controls() -> None:
    doc = align(with_wait(40, JUMP), "Wait")
    (row,) = doc.patterns
    assert (row.places, row.has_it.k, row.has_it.n, doc.traces) == (40, 40, 40, 40)
    found = effect(doc)
    assert found.difference.low < JUMP < found.difference.high and abs(found.control.value) < 0.02  # type: ignore[operator]
    assert found.size_difference.low > 0.15 and found.span == 1  # type: ignore[operator]
    at = found.offsets.index(0)
    assert found.profile[at] == pytest.approx(JUMP, abs=0.02) and abs(found.profile[at - 1]) < 0.02  # type: ignore[arg-type]


def test_a_word_that_does_nothing_is_not_said_to_do_something() -> None:
    """The negative twin: limits of 95 % hold 0 in at least 20 of 30 sets, which they miss once in a million if they cover at .93."""
    held = 0
    for seed in range(30):
        found = effect(align(with_wait(30, 0.0, seed), "Wait"))
        held += found.difference.low <= 0 <= found.difference.high  # type: ignore[operator]
    assert held >= 20


def test_controls_are_like_the_places() -> None:
    # Every Wait begins a sentence of five words, at 15 of 40; so do other words, which are taken.
    doc = align(with_wait(40, JUMP), "Wait")
    assert all(abs(gap) < 0.1 or name == "position" for name, gap in doc.patterns[0].balance.items() if gap is not None)
    rng = np.random.default_rng(0)
    candidates = rng.normal(0, 1, (500, 3))
    places = rng.normal(0.5, 0.5, (60, 3))
    chosen = nearest_controls(places, candidates, 3, rng)
    scale = candidates.std(axis=0)
    far = np.linalg.norm((places[:, None] - candidates[None]) / scale, axis=2)
    # Nearest up to the blur: no chosen one is much farther than the third nearest.
    assert (np.take_along_axis(far, chosen, axis=1).max(axis=1) <= np.sort(far, axis=1)[:, 2] + 0.8).all()
    assert np.abs(balance(np.repeat(places, 3, axis=0), candidates[chosen.ravel()])).max() < 0.2 < np.abs(balance(places, candidates)).max()


def test_a_pattern_that_matches_nothing_or_everything() -> None:
    nothing = align(with_wait(6, JUMP), "aha").patterns[0]
    assert (nothing.places, nothing.effects, nothing.note) == (0, (), "it matches nothing in 6 traces") and nothing.has_it.value == 0
    everything = align(with_wait(6, JUMP), r"\S+\s").patterns[0]
    assert everything.places == 240 and everything.note == "nothing is left to compare it with"
    assert everything.effects[0].difference.value is None and everything.effects[0].change.value is not None
    # An empty match is at no word.
    assert align(with_wait(6, JUMP), "x*").patterns[0].places == 0


@pytest.mark.parametrize(
    ("pattern", "said"), [("(", "not a regular expression"), ("", "1 to 500"), ("nosuchmodule:f", "cannot import module")]
)
def test_a_pattern_that_cannot_be_read_is_one_line(pattern: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        align(with_wait(2, JUMP), pattern)


def test_a_function_of_the_text_gives_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myplaces.py").write_text(
        "def waits(text):\n    at = text.find('Wait')\n    return [(at, at + 4)]\ndef broken(text):\n    return [1]\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    by_function, by_word = align(with_wait(9, JUMP), "myplaces:waits").patterns[0], align(with_wait(9, JUMP), "Wait").patterns[0]
    assert replace(by_function, pattern="") == replace(by_word, pattern="")
    with pytest.raises(InvalidInput, match="'myplaces:broken' failed: TypeError"):
        align(with_wait(2, JUMP), "myplaces:broken")


def test_a_config_file_cannot_name_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text('[align]\npattern = ["os:getcwd"]\n', encoding="utf-8")
    assert run(["align", "--config", str(tmp_path / "c.toml"), "none.json"]) == 2
    assert "would run code of the module 'os'" in capsys.readouterr().err


def test_the_probability_of_the_token_is_given_and_matched_by() -> None:
    made = [
        replace(one, trace=replace(one.trace, probabilities=tuple(0.2 if "Wait" in piece else 0.9 for piece in one.trace.pieces)))
        for one in with_wait(10, JUMP)
    ]
    row = align(made, "Wait").patterns[0]
    assert row.p.value == pytest.approx(0.2) and row.balance["log probability"] is not None and row.balance["log probability"] < -1


def test_forced_answers_and_values_of_one_trace_are_one_trace() -> None:
    value = with_wait(1, JUMP)[0]
    other = two(np.linspace(0.1, 0.9, 41).tolist())
    forced = replace(other, trace=value.trace, problem=other.problem)
    doc = align([value, forced], "Wait")
    assert doc.traces == 1 and {one.quantity for one in doc.patterns[0].effects} == {"value", "forced gold", "forced own"}


SAID = "Perhaps option B. Wait, the answer is (A). No: Option B it is. The option A was a trap."


def said(text: str, own: str = "B", gold: str = "B", name: str = "q") -> Any:
    words = [word + " " for word in text.split(" ")]
    one = two(np.linspace(0.1, 0.9, len(words) + 1).tolist(), name=name, gold=gold)
    return replace(one, trace=replace(one.trace, pieces=tuple(words), outcome=own))


def test_options_that_are_named_and_the_first_mention_of_the_last_answer() -> None:
    (trace,) = traces_of([said(SAID)])
    assert [label for label, _ in mentions(trace)] == ["B", "A", "B", "A"]
    assert list(finder("final")(trace)) == [(1, 3)]
    assert list(finder("option")(trace))[1] == (5, 8)
    (number,) = traces_of([curve(["It ", "is ", "14, ", "so ", "4 ", "fits."], [0.1] * 7, name="n", outcome="4")])
    assert list(finder("final")(number)) == [(4, 5)]


def test_how_often_a_stated_answer_is_gone_back_on() -> None:
    texts = [SAID, "The answer is B. Yes, the answer is B.", "Option A first. Then Option B.", "Nothing is said."]
    doc = align([said(text, name=f"q{i}") for i, text in enumerate(texts)], "Wait")
    back = doc.gone_back
    assert back is not None and (back.traces, back.stating) == (4, 3)
    assert (back.back.k, back.other_at_end.k, back.back_and_forth.k, back.rescued, back.lost) == (2, 1, 1, 1, 0)
    assert align(with_wait(2, JUMP), "Wait").gone_back is None


def test_no_curves_is_one_line() -> None:
    with pytest.raises(InvalidInput, match="no curves among the documents"):
        align([], "Wait")


@pytest.mark.slow
def test_published_sentences_by_function() -> None:
    root = shared("thought-anchors")
    doc = align(list(import_path(root)), "tags")
    expected: dict[str, list[float]] = {}
    for path in sorted(root.glob("*/*/*/chunks_labeled.json")):
        chunks = json.loads(path.read_text(encoding="utf-8"))
        for one, after in zip(chunks, chunks[1:], strict=False):
            for tag in one["function_tags"]:
                expected.setdefault(tag, []).append(after["accuracy"] - one["accuracy"])
    rows = {one.pattern.removeprefix("tag="): one for one in doc.patterns}
    assert set(expected) <= set(rows) and doc.traces == 28
    for tag, row in rows.items():
        # A few cuts have no stored resample, and a 0 that is no rate in the source.
        found, plain = row.effects[0], expected[tag]
        assert found.n >= 0.9 * len(plain) and abs(found.n - len(plain)) <= 0.1 * len(plain)
        assert found.change.value == pytest.approx(np.mean(plain), abs=0.006)
        assert found.size.value == pytest.approx(np.mean(np.abs(plain)), abs=0.01)
    # As published, values move more at uncertainty management than elsewhere; with limits over the 7 problems, not over sentences, 0 is
    # just about excluded or not.
    uncertain = rows["uncertainty_management"].effects[0].size_difference
    assert uncertain.value > 0.005 and uncertain.low > -0.01  # type: ignore[operator]
    assert rows["active_computation"].effects[0].size.value < rows["uncertainty_management"].effects[0].size.value  # type: ignore[operator]
