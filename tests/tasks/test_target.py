"""What a value is the probability of: gold, the base's own answer, an outcome, or a function of the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokenworth as tw
from tests.helpers import LADDER
from tokenworth.cli.main import run
from tokenworth.core.grade import Grade, Verdict
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.store.memory import MemoryStore
from tokenworth.tasks.target import target_of

RIGHT = (0, 1, 3, 6)
"""Ids of a base that ends in ``yes``: s, b, d, r."""
WRONG = (0, 2, 6)
PLANS: tuple[dict[str, Any], ...] = (
    {"max_rollouts": 60},
    {"plan": "plain", "samples": 12},
    {"plan": "stride", "stride": 2, "samples": 12},
)


@pytest.fixture
def ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("ladder.json").write_text(json.dumps(LADDER))
    Path("targets.py").write_text(
        "def long(text):\n    return len(text) > 40\n"
        "def never(text):\n    return None\n"
        "def broken(text):\n    raise ValueError('no such thing')\n"
        "def odd(text):\n    return 1\n"
    )
    return "toy:ladder.json"


def curve(model: str, store: MemoryStore, *, ids: tuple[int, ...] = RIGHT, **choices: Any) -> Any:
    with tw.Workbench(model, store=store) as bench:
        case = bench.case()
        return case.curve(case.given_trace(ids), **choices)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("ids", [RIGHT, WRONG])
def test_every_target_is_served_by_the_same_rollouts(ladder: str, plan: dict[str, Any], ids: tuple[int, ...]) -> None:
    store = MemoryStore()
    gold = curve(ladder, store, ids=ids, **plan).document
    held = len(store)
    found = {name: curve(ladder, store, ids=ids, target=name, **plan).document for name in ("own", "label:no", "label:yes", "targets:long")}
    assert len(store) == held and all(one.provenance.drawn == 0 for one in found.values())
    measured = [i for i, value in enumerate(gold.value) if value is not None]
    value = {name: np.asarray([one.value[i] for i in measured], dtype=float) for name, one in found.items()}
    right = np.asarray([gold.value[i] for i in measured], dtype=float)
    # Two outcomes: what is not yes is no, in the very same rollouts.
    np.testing.assert_allclose(value["label:yes"], right, rtol=0, atol=1e-12)
    np.testing.assert_allclose(value["label:no"], 1 - right, rtol=0, atol=1e-12)
    np.testing.assert_allclose(value["own"], value["label:yes"] if ids == RIGHT else value["label:no"], rtol=0, atol=1e-12)
    assert found["own"].outcomes == gold.outcomes
    other = curve(ladder, MemoryStore(), ids=ids, seed=1, target="label:no", **plan).document
    assert not np.allclose([other.value[i] for i in measured], value["label:no"], rtol=0, atol=1e-12)


def test_a_target_that_needs_more_goes_on_from_the_same_rollouts(ladder: str) -> None:
    """No rollout is ever correct here, so that the gold run ends early; the own answer still has a value to find."""
    Path("hopeless.json").write_text(json.dumps({**LADDER, "correct": "maybe", "states": {**LADDER["states"], "m": {"outcome": "maybe"}}}))
    store = MemoryStore()
    gold = curve("toy:hopeless.json", store, half_width=0.04).document
    own = curve("toy:hopeless.json", store, half_width=0.04, target="own").document
    assert max(gold.value) == 0.0 and own.provenance.drawn > 0 and own.provenance.reused >= gold.rollouts
    width = max((high - low) / 2 for low, high in zip(own.low, own.high, strict=True))
    assert width <= 0.04 and own.budget.stopped == "every cut reached its target"
    unmet = curve("toy:hopeless.json", store, max_rollouts=gold.rollouts, half_width=0.04, target="own").document
    assert unmet.budget.stopped == "budget spent" and unmet.notes[-1].startswith("stopped by the budget: ")


def test_documents_and_pages_say_what_the_value_is(ladder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["curve", "--model", ladder, "--max-rollouts", "40", "--target", "own", "--json", "own.json"]) == 0
    document = tw.read_document("own.json")
    assert document.target == "own" and document.value_label.startswith("P(own answer ")
    assert all(one.hit is not None for one in document.samples) and sum(one.n_hit for one in document.branches) > 0
    capsys.readouterr()
    assert run(["report", "own.json", "--text"]) == 0
    text = capsys.readouterr().out
    assert document.value_label in text and "P(correct)" not in text
    assert run(["report", "own.json", "-o", "own.html"]) == 0
    page = Path("own.html").read_text()
    assert document.value_label in page and "P(correct)" not in page.split("<noscript>")[1].split("</noscript>")[0]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("god", "target 'god': expected gold, own, label:X or module:callable"),
        ("label:", "target 'label:': expected gold, own, label:X or module:callable"),
        ("targets:lnog", "unknown attribute of targets 'lnog'; did you mean long?"),
        ("targets:broken", "target 'targets:broken' raised ValueError: no such thing; expected True, False or None"),
        ("targets:odd", "target 'targets:odd' returned a int; expected True, False or None"),
        ("nothing:here", "target 'nothing:here': cannot import module 'nothing': ModuleNotFoundError: No module named 'nothing'"),
    ],
)
def test_what_is_no_target_is_refused_in_one_line(ladder: str, target: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["curve", "--model", ladder, "--max-rollouts", "20", "--target", target]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {told}"


def test_a_function_that_cannot_tell_counts_as_no_hit(ladder: str) -> None:
    document = curve(ladder, MemoryStore(), target="targets:never", plan="plain", samples=5).document
    assert set(document.value) == {0.0} and document.value_label == "P(never)"
    assert document.verdicts is not None and set(document.verdicts.missing) == {1.0} and set(document.verdicts.given) == {None}
    assert set(document.verdicts.high_if_met) == {1.0}


@pytest.mark.parametrize(
    ("name", "outcome", "verdict", "hit"),
    [
        ("gold", "A", Verdict.CORRECT, True),
        ("gold", "B", Verdict.INCORRECT, False),
        ("gold", "truncated", Verdict.UNKNOWN, None),
        ("own", "A", Verdict.INCORRECT, True),
        ("own", "B", Verdict.UNKNOWN, False),
        ("own", "unparseable", Verdict.UNKNOWN, None),
        ("label:B", "truncated in trace", Verdict.UNKNOWN, None),
        ("label:refused", "refused", Verdict.UNKNOWN, True),
        ("label:refused", "truncated", Verdict.UNKNOWN, False),
    ],
)
def test_without_a_verdict_a_target_is_neither_met_nor_missed(name: str, outcome: str, verdict: Verdict, hit: bool | None) -> None:
    """An answer without a verdict (no gold) decides a target that names an answer; an outcome without an answer does not."""
    target = target_of(name, Grade(outcome="A", verdict=Verdict.CORRECT))
    assert target.hits(Grade(outcome=outcome, verdict=verdict), str) is hit


def test_the_own_answer_needs_a_base_that_answers() -> None:
    with pytest.raises(InvalidInput, match="the base trace has no answer \\(unparseable\\)"):
        target_of("own", Grade(outcome="unparseable", verdict=Verdict.UNKNOWN))
    with pytest.raises((InvalidInput, UnknownName)):
        target_of("tokenworth:nothing", Grade(outcome="A", verdict=Verdict.CORRECT))


@pytest.mark.slow
def test_forced_answers_colour_the_option_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with tw.Workbench("tiny") as bench:
        case = bench.case("world:steps", 3)
        trace = case.sample(8).trace("incorrect")
        found = {name: case.measure("forced", trace, target=name).document for name in ("gold", "own", "label:A")}
        assert (found["gold"].target, found["own"].target, found["label:A"].target) == ("B", found["own"].own_answer, "A")
        assert found["own"].target != "B"
        with pytest.raises(InvalidInput, match="target 'label:Z': expected one of the options A, B, C, D"):
            case.measure("forced", trace, target="label:Z")
        with pytest.raises(InvalidInput, match="a forced answer is one of the options"):
            case.measure("forced", trace, target="targets:long")
