"""The report in a terminal: whole, within its width, and inert."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import report_cases as cases
from tokenworth.core.inert import inert, one_line, whole
from tokenworth.report.page import page_of
from tokenworth.report.sections.traces.text import trace_lines
from tokenworth.report.text import render_text

SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


def both():
    base = cases.trace()
    return page_of([cases.curve(trace=base), cases.forced(trace=base)])


@pytest.mark.parametrize("width", [56, 80, 133])
def test_no_line_is_wider_than_asked(width):
    for line in render_text(both(), width=width, colour=True).splitlines():
        assert len(SEQUENCE.sub("", line)) <= width


def test_it_says_the_same_as_the_view():
    view = both()
    text = render_text(view, width=100)
    found = view.traces[0]
    assert "✓ B. the kidneys" in text
    assert "95% pointwise wilson" in text
    ranked = max(range(1, len(found.curve.cuts)), key=lambda i: abs(found.curve.delta[i]))
    assert re.search(rf"\n +{found.curve.cuts[ranked]} +{re.escape(format(found.curve.delta[ranked], '+.2f'))}", text)
    for event in found.events:
        if event.kind == "flip":
            assert f"cut {event.cut}:" in text
    assert "not on options" in text


def test_the_whole_trace_is_there():
    view = both()
    lines = render_text(view, width=60).splitlines()
    body = "".join(re.sub(r"\s", "", line[12:]) for line in lines if re.match(r" +\d+ +(·|\d\.\d\d) ", line))
    assert body == re.sub(r"\s", "", "".join(view.traces[0].pieces))


def test_colour_is_an_option_and_ends_on_every_line():
    plain, painted = render_text(both(), colour=False), render_text(both(), colour=True)
    assert "\x1b" not in plain
    assert SEQUENCE.search(painted)
    for line in painted.splitlines():
        found = SEQUENCE.findall(line)
        assert not found or found[-1] == "\x1b[0m"


def test_hostile_text_shows_and_does_nothing():
    base = cases.trace(pieces=cases.HOSTILE, ids=None, probabilities=(0.5,) * len(cases.HOSTILE), answer_pieces=cases.HOSTILE)
    bad = "".join(cases.HOSTILE)
    curve = cases.curve(trace=base, problem=dataclasses.replace(cases.problem(), question=bad, id=bad), notes=(bad,))
    curve = dataclasses.replace(curve, model=dataclasses.replace(cases.MODEL, name=bad), value_label=bad)
    text = render_text(page_of([curve], title=bad), width=80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", text)
    assert "\\x1b" in text and "<script>" in text


@given(st.text())
def test_inert_text_cannot_act(text):
    shown = inert(text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert "\n" not in one_line(text)
    whole(text).encode()


@pytest.mark.slow
@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_pieces_can_be_printed(pieces):
    base = cases.trace(pieces=tuple(pieces) or ("x",), ids=None, probabilities=None)
    render_text(page_of([cases.curve(trace=base, plan="plain", each=4)]), width=50, colour=True)


@pytest.mark.parametrize("n", [0, 1])
def test_tiny_traces(n):
    base = cases.trace(n)
    assert render_text(page_of([cases.curve(trace=base), cases.forced(trace=base)]))


def test_a_text_names_the_samples_of_its_own_trace():
    view = page_of(cases.two_problems(), title="two")
    ((_, part),) = view.parts
    first, other = ("\n".join(trace_lines(part, at, 80, False)) for at in (0, 1))
    assert "samples: 12 " in first and "0.11 [" not in first and "only of the other" not in first
    assert "samples: 6 · accuracy 0.11 [" in other and "· T 0.31" in other and "note on the samples: only of the other" in other
    assert "trace 1 of 18: other · measured trace" in other
    loose = dataclasses.replace(cases.sample_set(), traces=(), problem=cases.other_problem())
    assert "samples of other: 12" in render_text(page_of([cases.curve(), loose], title="x"))


def test_documents_alone():
    assert "accuracy" in render_text(page_of([cases.sample_set()]))
    assert "forced answer" in render_text(page_of([cases.forced(k=26)]))
    assert "·" in render_text(page_of([cases.curve(plan="stride", stride=50)]))


@pytest.mark.parametrize(
    ("probabilities", "told"),
    [
        ((0.5, 0.5), "probability 0.25 (of being sampled whole; 0.5 per token, geometric mean)"),
        ((1e-200, 1e-200), "probability 1.0e-400"),
        ((0.5, 0.0), "never sampled"),
    ],
)
def test_the_probability_of_the_base_trace_is_told(probabilities: tuple[float, ...], told: str) -> None:
    doc = cases.curve(2)
    doc = dataclasses.replace(doc, trace=dataclasses.replace(doc.trace, probabilities=probabilities), widened=None)
    assert told in " ".join(render_text(page_of([doc])).split())
