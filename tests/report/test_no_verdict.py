"""The share of rollouts without a verdict stands beside every value that counts them, once it matters."""

from __future__ import annotations

import dataclasses

import pytest

from tests.report import report_cases as cases
from tokenworth import plot
from tokenworth.core.no_verdict import beside, percent
from tokenworth.methods.curve.document import CurveDoc, VerdictsDoc
from tokenworth.methods.first_errors.rows import ValueAt
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text


def open_curve(share: float, **over: object) -> CurveDoc:
    """A curve whose rollouts have no verdict with this probability at every cut but the last."""
    plain = cases.curve(**over)
    missing = (*(share,) * (len(plain.cuts) - 1), 0.0)
    value = tuple(v * (1 - m) for v, m in zip(plain.value, missing, strict=True))
    high = tuple(h * (1 - m) for h, m in zip(plain.high, missing, strict=True))
    verdicts = VerdictsDoc(
        missing=missing,
        missing_low=tuple(max(0.0, m - 0.1) for m in missing),
        missing_high=tuple(min(1.0, m + 0.1) for m in missing),
        high_if_met=tuple(min(1.0, h + m) for h, m in zip(high, missing, strict=True)),
        given=plain.value,
        given_low=plain.low,
        given_high=plain.high,
    )
    low = tuple(x * (1 - m) for x, m in zip(plain.low, missing, strict=True))
    return dataclasses.replace(plain, value=value, low=low, high=high, verdicts=verdicts)


def test_a_share_is_never_rounded_to_none_or_all() -> None:
    assert [percent(x) for x in (0.0, 0.001, 0.05, 0.6, 0.999, 1.0)] == ["0%", "<1%", "5%", "60%", ">99%", "100%"]
    assert [beside(x) for x in (None, 0.049, 0.05)] == ["", "", "5% no verdict"]


def test_a_share_that_matters_is_in_text_facts_marks_and_the_page() -> None:
    doc = open_curve(0.6)
    view = page_of([doc])
    trace = view.traces[0]
    text = render_text(view, width=160, colour=False)
    assert "no verdict: 0% to 60% of the rollouts from a cut; they are in the denominator of P(correct)" in text
    assert "P(correct | verdict) over cuts" in text and "half or more of the rollouts have no verdict" in text
    assert "no verdict 0% to 60%" in text
    changes = [e.label for e in trace.events if e.kind == "change"]
    assert changes and all("no verdict: 60%" in label for label in changes)
    assert "<th>no verdict</th>" in render_html(view)
    named = {m.key: m for m in trace.metrics}
    assert named["given"].name == "P(correct | verdict)" and sum(named["value"].hatched) == len(trace.pieces) - 1
    assert named["given"].hatched == named["delta"].hatched == named["value"].hatched and not named["probability"].hatched
    assert str(ValueAt.of(doc, 3)).endswith("(60% no verdict)")


def test_in_colour_what_is_hatched_is_underlined() -> None:
    view = page_of([open_curve(0.6)])
    assert "\x1b[4;38" in render_text(view, width=120, colour=True)
    assert "\x1b[4;38" not in render_text(page_of([open_curve(0.4)]), width=120, colour=True)


@pytest.mark.parametrize("doc", [cases.curve(), open_curve(0.04)])
def test_a_share_that_does_not_matter_is_not_shown(doc: CurveDoc) -> None:
    view = page_of([doc])
    text = render_text(view, width=160, colour=False)
    assert "no verdict" not in text and "| verdict" not in text and view.traces[0].curve.verdicts is None
    assert "given" not in {m.key for m in view.traces[0].metrics} and "no verdict" not in str(ValueAt.of(doc, 3))


def test_samples_say_how_many_have_none() -> None:
    doc = cases.sample_set(12)
    doc = dataclasses.replace(
        doc, traces=tuple(dataclasses.replace(t, verdict="unknown") if i < 3 else t for i, t in enumerate(doc.traces))
    )
    unknown = sum(t.verdict == "unknown" for t in doc.traces)
    view = page_of([doc])
    text = render_text(view, width=200, colour=False)
    right = sum(t.verdict == "correct" for t in doc.traces)
    assert f"{percent(unknown / 12)} no verdict; P(correct | verdict) {right / (12 - unknown):.2f} [" in text


def test_a_base_that_is_never_sampled_is_a_fact() -> None:
    base = cases.trace()
    never = dataclasses.replace(base, probabilities=(0.0, *base.probabilities[1:]))
    facts = [{f.label: f.value for f in page_of([cases.curve(trace=t)]).traces[0].facts} for t in (never, base)]
    assert facts[0]["base trace"] == "never sampled" and facts[1]["base trace"].startswith("probability ")


def test_no_option_leads_where_the_options_have_little_mass() -> None:
    doc = cases.forced()
    scarce = dataclasses.replace(doc, exits=tuple(scaled(e, 0.3) for e in doc.exits))
    for document, leads in ((doc, True), (scarce, False), (dataclasses.replace(scarce, least_mass=0.0), True)):
        trace = page_of([document]).traces[0]
        assert any(e.kind == "flip" for e in trace.events) is leads
        assert any(k >= 0 for k in trace.stacks[0].top) is leads
    assert "no option leads: the mass is below 0.5" in render_text(page_of([scarce]), width=120, colour=False)


def scaled(doc, by: float):
    """The reading with so much of its mass."""
    rows = tuple(tuple(x * by for x in row) for row in doc.probability)
    return dataclasses.replace(doc, probability=rows, mass=tuple(x * by for x in doc.mass))


def test_a_figure_hatches_what_is_left_open_and_says_so(tmp_path) -> None:
    doc = open_curve(0.6, n=40)
    page = plot.figure(doc)
    curve_axes, text_axes = page.axes
    band = next(one for one in curve_axes.collections if one.get_hatch())
    corners = {tuple(x) for path in band.get_paths() for x in path.vertices.tolist()}
    assert {(cut, most) for cut, most in zip(doc.cuts[:-1], doc.verdicts.high_if_met[:-1], strict=True)} <= corners
    assert sum(one.get_hatch() is not None for one in text_axes.patches) >= 39
    assert "0% to 60% of the rollouts from a cut have no verdict" in plot.caption(doc)
    made = [plot.save(plot.figure(doc), tmp_path / f"{k}.svg").read_bytes() for k in range(2)]
    assert made[0] == made[1]
    plain = plot.figure(open_curve(0.04, n=40))
    assert not any(one.get_hatch() for ax in plain.axes for one in (*ax.collections, *ax.patches))
    assert "no verdict" not in plot.caption(open_curve(0.04, n=40))
