"""What a page opens on: the clearest change, in words that fit the target, the unit and what is known."""

from __future__ import annotations

import dataclasses

import pytest

from tests.report import report_cases as cases
from tokenworth.core.document import TraceDoc
from tokenworth.methods.curve.document import CurveDoc, VerdictsDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.sections.traces.model import LeadView

BASE = cases.trace(pieces=("a", " b", " 14", " d"), ids=None, probabilities=(1.0, 0.5, 0.42, 0.001))


def curve(
    value: tuple[float | None, ...],
    limits: dict[int, tuple[float, float]],
    trace: TraceDoc = BASE,
    cuts: tuple[int, ...] = (0, 1, 2, 3, 4),
    **over: object,
) -> CurveDoc:
    """A curve with these values, whose change at a row has these limits; at others they hold 0."""
    n = len(cuts)
    found: list[float | None] = [None]
    for a, b in zip(value, value[1:], strict=False):
        found.append(None if a is None or b is None else b - a)
    low = [None if x is None else limits.get(i, (min(x, 0) - 0.01,))[0] for i, x in enumerate(found)]
    high = [None if x is None else limits.get(i, (0, max(x, 0) + 0.01))[1] for i, x in enumerate(found)]
    plain = cases.curve(trace=trace, plan="plain")
    return dataclasses.replace(
        plain,
        **{
            "cuts": cuts,
            "value": value,
            "low": tuple(None if v is None else max(0.0, v - 0.1) for v in value),
            "high": tuple(None if v is None else min(1.0, v + 0.1) for v in value),
            "change": tuple(found),
            "change_low": tuple(low),
            "change_high": tuple(high),
            "n_started": (20,) * n,
            "n_effective": (20.0,) * n,
            "outcomes": {},
            "branches": (),
            "samples": (),
        }
        | over,
    )


def lead(*documents: CurveDoc | ForcedDoc) -> LeadView:
    found = page_of(documents).traces[0].lead
    assert found is not None
    return dataclasses.replace(found, text=found.text.replace("\u00a0", " "), detail=found.detail.replace("\u00a0", " "))


SURE = {2: (0.02, 0.6), 3: (0.06, 0.22)}


def test_the_clearest_change_wins_over_a_larger_one():
    found = lead(curve((0.1, 0.1, 0.28 + 0.12, 0.54, 0.5), SURE))
    assert found.unit == 2, "the change at ' b' is twice as large, and its nearer limit is closer to 0"
    assert found.text == "After “ 14” the answer is right 54 % of the time, before it 40 %; the model gave this token 42 %."
    assert (
        found.detail
        == "Change +14 points, 95 % limits +6.0 to +22 (of the change itself). The clearest of 4: fresh rollouts will likely show less."
    )


def test_a_fall_counts_as_a_rise_does():
    found = lead(curve((0.9, 0.9, 0.9, 0.3, 0.35), {3: (-0.7, -0.4)}))
    assert (
        found.unit == 2 and "right 30 % of the time, before it 90 %" in found.text and "−60 points, 95 % limits −70 to −40" in found.detail
    )


def test_what_chance_can_explain_is_said_first():
    found = lead(curve((0.5, 0.5, 0.52, 0.6, 0.55), {}))
    assert found.unit == 2
    assert found.text.startswith(
        "No token is shown to matter. The largest change is at “ 14”: after it the answer is right 60 % of the time, before it 52 %"
    )
    assert found.text.endswith("which chance can explain.") and found.detail.endswith(
        "The largest of 4: fresh rollouts will likely show less."
    )


@pytest.mark.parametrize(
    ("label", "target", "words"),
    [
        ("P(own answer B)", "own", "After “ 14” the answer is B, the trace's own, 54 % of the time, before it 40 %"),
        ("P(C)", "label:C", "After “ 14” the answer is C 54 % of the time, before it 40 %"),
        ("P(refused)", "label:refused", "After “ 14” a rollout is refused 54 % of the time, before it 40 %"),
        ("P(mentions_units)", "mine:mentions_units", "After “ 14” P(mentions_units) is 54 %, before it 40 %"),
        ("P(hinted answer)", "gold", "After “ 14” P(hinted answer) is 54 %, before it 40 %"),
    ],
)
def test_each_target_has_its_words(label, target, words):
    assert lead(curve((0.1, 0.1, 0.4, 0.54, 0.5), SURE, value_label=label, target=target)).text.startswith(words)


def test_several_targets_of_a_trace_have_a_sentence_each():
    first = curve((0.1, 0.1, 0.4, 0.54, 0.5), SURE)
    other = curve((0.9, 0.9, 0.9, 0.9, 0.2), {4: (-0.8, -0.5)}, value_label="P(C)", target="label:C")
    assert [t.lead.unit for t in page_of([first, other]).traces if t.lead] == [2, 3]


def test_sentences_and_cuts_that_are_apart():
    said = cases.trace(pieces=("One.", " Then two.", " So three."), unit="sentence", ids=None, probabilities=None)
    text = lead(curve((0.1, 0.1, 0.6, 0.6), {2: (0.3, 0.7)}, said, (0, 1, 2, 3))).text
    assert text == "After the sentence “Then two.” the answer is right 60 % of the time, before it 10 %."
    text = lead(curve((0.1, 0.6), {1: (0.3, 0.7)}, cuts=(0, 4))).text
    assert text == "After “ d” the answer is right 60 % of the time; 4 tokens earlier, at the last cut measured before, 10 %."


def test_shares_are_as_exact_as_they_must_be_and_never_certain():
    found = lead(curve((0.9991, 0.9991, 0.9991, 0.9991, 0.0004), {4: (-1.0, -0.9)}))
    assert "right <1 % of the time, before it >99 %; the model gave this token <1 %." in found.text
    found = lead(curve((0.301, 0.301, 0.301, 0.301, 0.304), {4: (0.001, 0.005)}))
    assert "30.4 % of the time, before it 30.1 %" in found.text and "+0.3 points" in found.detail


def test_the_share_without_a_verdict_stands_beside_both_numbers():
    five = (0.0, 0.0, 0.3, 0.12, 0.0)
    some = VerdictsDoc(
        missing=five, missing_low=five, missing_high=five, high_if_met=(1.0,) * 5, given=five, given_low=five, given_high=five
    )
    found = lead(curve((0.1, 0.1, 0.4, 0.54, 0.5), SURE, verdicts=some))
    assert "54 % of the time (12 % no verdict), before it 40 % (30 % no verdict);" in found.text


def test_a_curve_that_does_not_move_has_no_token():
    found = lead(curve((1.0,) * 5, {}))
    assert found.unit == -1 and found.text == "No token changes anything: the answer is right 100 % of the time at every cut."


def test_without_a_curve_the_last_turn_of_the_forced_answer():
    forced = cases.forced(trace=cases.trace())
    found = lead(forced)
    flips = [e.cut for e in page_of([forced]).traces[0].events if e.kind == "flip" and e.stack == 0]
    assert found.unit == flips[-1] - 1
    assert found.text == "Stopped after “ the” the model answers B, which is right, with 27 %; stopped just before, A with 28 %."
    n = len(forced.exits[0].cuts)
    still = dataclasses.replace(forced.exits[0], probability=((0.1,) * n,) * 3 + ((0.6,) * n,))
    assert page_of([dataclasses.replace(forced, exits=(still,))]).traces[0].lead is None
    assert page_of([cases.sample_set()]).traces[0].lead is None
    assert page_of([cases.curve(0)]).traces[0].lead is None


def test_hostile_pieces_stay_text():
    bad = cases.trace(pieces=("a", "<b>\u202e\n", " 14", " d"), ids=None, probabilities=None)
    page = page_of([curve((0.1, 0.1, 0.9, 0.9, 0.9), {2: (0.5, 0.9)}, bad)])
    assert page.traces[0].lead and "“<b>\\u202e↵”" in page.traces[0].lead.text
    assert "“&lt;b&gt;" in render_html(page)
