"""A model whose truth is known: from which layer and cut the answer is there, and the three clocks when the option's words are moved."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.local.local_models import ask_one
from tests.internals.planted import AT, LABELS, PROMPT, SUFFIX, planted, trace_of
from tokenworth.core.document import TraceDoc
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Option, Problem
from tokenworth.core.request.lens import Lens, LensTable
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.methods.lens.clocks import depths, leader, mentioned, settled, wins
from tokenworth.methods.lens.document import clocks_of
from tokenworth.methods.lens.result import LensResult

T = len(trace_of(0))
CUTS = tuple(range(T + 1))
OPTIONS = ("A", "B", "C", "D")
WORDS = ("mouse", "duck", "hen", "cat")
PROBLEM = Problem(
    id="p",
    question="?",
    options=tuple(Option(label=a, text=t) for a, t in zip(OPTIONS, WORDS, strict=True)),
    gold="A",
)


def read(answer: int, *, copies: bool = True, sink: bool = True) -> LensTable:
    sequence = TokenSequence(prompt=PROMPT, completion=trace_of(answer, copies))
    return ask_one(planted(sink), Lens(sequence=sequence, cuts=CUTS, place="exit", suffix=SUFFIX, tokens=LABELS, mass="all"))


@pytest.mark.parametrize("answer", range(4))
def test_the_answer_is_there_from_its_layer_and_its_cut_on(answer: int) -> None:
    share = read(answer).share
    known = np.zeros(share.shape[:2], dtype=bool)
    known[2:, AT + 1 :] = True
    np.testing.assert_allclose(share[~known], 0.25, atol=1e-6)
    np.testing.assert_allclose(share[known][:, answer], 1.0, atol=1e-6)
    assert depths(wins(share, answer)).tolist() == [4] * (AT + 1) + [2] * (T - AT)


def test_without_a_key_of_its_own_for_nothing_the_carrier_leaks() -> None:
    """The negative twin: uniform attention spreads the answer, and the lens sees it before the copy token."""
    share = read(1, sink=False).share
    assert np.abs(share[2:, 2 : AT + 1] - 0.25).max() > 0.05


def clocks(share: np.ndarray, word_at: int | None, target: str = "B"):
    """The clocks when the option's word is the trace's token ``word_at``."""
    pieces = tuple(" duck" if i == word_at else " so" for i in range(T))
    trace = Trace(sequence=TokenSequence(prompt=PROMPT, completion=trace_of(1)), n_trace=T, stop=StopReason.STOP)
    result = LensResult(
        trace=trace, place="exit", exit_text="", cuts=np.asarray(CUTS), options=OPTIONS, tokens=LABELS, share=share,
        mass=share[:, :, 0], forced=share[-1], forced_mass=share[-1, :, 0], own=Grade(outcome="B", verdict=Verdict.INCORRECT),
    )  # fmt: skip
    return clocks_of(result, TraceDoc(unit="token", pieces=pieces), target, PROBLEM, 0.8)


@pytest.mark.parametrize(("word_at", "lead"), [(AT + 3, 3), (AT, 0), (AT - 4, -4), (None, T - AT)])
def test_clocks_differ_by_how_far_the_words_are_moved(word_at: int | None, lead: int) -> None:
    """The model knows at the copy token; the text names the option k tokens later, at the same token, k tokens earlier, or never."""
    found = clocks(read(1).share, word_at)
    assert found.forced == AT + 1 and found.inside == (T + 1, T + 1, AT + 1, AT + 1)
    assert found.text - found.forced == lead
    assert found.at_end == (False, False, True, True)
    assert [one for one in found.depth if one is not None] == [2] * (T - AT)


def test_a_trace_that_never_copies_is_never_settled() -> None:
    found = clocks(read(1, copies=False).share, AT)
    assert found.forced == T + 1 and set(found.inside) == {T + 1} and set(found.depth) == {None} and found.text == AT + 1


def test_the_survivor_trap() -> None:
    """A layer that reads nothing names one option throughout. Never counts as T + 1, so over all answers it is behind; leaving out the
    traces where it ends wrong, it seems to know everything from the beginning."""
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 4, size=400)
    share = np.full((2, T + 1, 4), 0.1)
    share[0, :, 2] = 0.7
    cuts = np.asarray(CUTS)
    leads = []
    for answer in answers:
        share[1] = 0.1
        share[1, AT + 1 :, answer] = 0.7
        constant, forced = settled(wins(share, int(answer)), cuts, T + 1)
        leads.append((forced - constant) / T)
    leads = np.asarray(leads)
    honest, survivors = leads.mean(), leads[answers == 2].mean()
    assert honest < 0 < survivors and survivors == pytest.approx((AT + 1) / T)


def test_small_things() -> None:
    share = np.asarray([[[0.25] * 4, [0.4, 0.4, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1]]])
    assert leader(share).tolist() == [[-1, -1, 1]]
    assert wins(share, 0).tolist() == [[False, False, False]]
    assert settled(wins(share, 1), np.asarray([0, 2, 4]), 9).tolist() == [4]
    assert mentioned(("It", " is", " 18", "0", ". So", " 18", "."), ("18",)) == 6
    assert mentioned(("a", " duck"), ("DUCK", "(B)")) == 2 and mentioned(("(", "B", ")"), ("duck", "(B)")) == 3
    assert mentioned(("a ducks",), ("duck",)) is None and mentioned((), ("duck",)) is None
