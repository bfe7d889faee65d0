"""What the lens reads for an option, what it refuses, and clocks over many traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.methods.tabled_cases import lens
from tests.methods.test_forced import Merging
from tokenworth.core.document import About, Provenance
from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput
from tokenworth.methods.clocks.derive import clocks_document
from tokenworth.methods.clocks.settings import ClocksSettings
from tokenworth.methods.lens.document import LensDoc, TraceClocks
from tokenworth.methods.lens.settings import LensSettings
from tokenworth.methods.lens.tokens import first_different, own_words

ABOUT = About(provenance=Provenance(version="0"))
LABELS = ("A", "B")


def problem(*texts: str) -> Problem:
    return Problem(id="p", question="?", options=tuple(Option(label=a, text=t) for a, t in zip("ABCD", texts, strict=False)))


def test_an_option_is_its_first_token_that_differs() -> None:
    assert first_different(LABELS, [(5, 7), (5, 8, 9)], "there") == ((5,), (7, 8))
    assert first_different(LABELS, [(7,), (8,)], "there") == ((), (7, 8))
    for ids in ([(5, 7), (5, 7, 9)], [(5,), (5, 6)], [(1, 2), (1, 2)]):
        with pytest.raises(InvalidInput, match="there options 'A' and 'B' begin with the same token"):
            first_different(LABELS, ids, "there")
    with pytest.raises(InvalidInput, match="options 'B' and 'C' begin with the same token"):
        first_different(("A", "B", "C"), [(1,), (2, 3), (2, 4)], "at the trace")


def test_own_words_are_read_with_the_space_before_them() -> None:
    assert own_words(LABELS, problem("cat", "dog"), Merging()) == (ord("c"), ord("d"))
    with pytest.raises(InvalidInput, match="the options' words all begin with ' do', so a lens cannot tell them apart"):
        own_words(LABELS, problem("dove", "dog"), Merging())
    with pytest.raises(InvalidInput, match="options 'dove' and 'dog' begin with the same token"):
        own_words(("A", "B", "C"), problem("dove", "dog", "cat"), Merging())
    for given in (None, problem("cat", " ")):
        with pytest.raises(InvalidInput, match="has no words of its own, which the place trace reads"):
            own_words(LABELS, given, Merging())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"place": "trace", "exit_text": "So ("}, "leave out --exit-text"),
        ({"sure": 0.5}, "sure 0.5: expected a share above 0.5"),
        ({"stride": 0}, "stride 0"),
        ({"max_cuts": 1}, "max cuts 1"),
        ({"target": "best"}, "target 'best': expected gold, own or label:X"),
    ],
)
def test_settings_that_say_nothing_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        LensSettings(**settings)  # type: ignore[arg-type]


def traces(n: int, seed: int = 0, ahead: int = 0) -> list[LensDoc]:
    """Layer 0 names B throughout; layer 1 comes to the answer ``ahead`` cuts before the last one, which does so at cut 10 of 20."""
    rng, made = np.random.default_rng(seed), []
    for i in range(n):
        target = "AB"[int(rng.integers(2))]
        sure = (0.9, 0.1) if target == "A" else (0.1, 0.9)
        never = target == "A"
        clocks = TraceClocks(
            target=target, text=15, forced=10, inside=(21 if never else 0, 10 - ahead, 10), at_end=(not never, True, True),
            ahead=(-0.5, ahead / 20, 0.0), depth=(None, 1),
        )  # fmt: skip
        base = lens(f"question {i // 2}", "x")
        pieces = (f"{i}", *"abcdefghijklmnopqrs")
        made.append(
            replace(
                base, trace=replace(base.trace, pieces=pieces, ids=None), cuts=(0, 20), clocks=clocks,
                share=(((0.1, 0.9),) * 2, ((0.5, 0.5), sure), ((0.5, 0.5), sure)), forced=((0.5, 0.5), sure), model=lens("m", "x").model,
                problem=Problem(id=f"q{i // 2}", question=f"question {i // 2}", task="t"),
            )
        )  # fmt: skip
    return made


@pytest.mark.parametrize("ahead", [-3, 0, 4])
def test_the_lead_of_a_layer_is_what_was_planted(ahead: int) -> None:
    (group,) = clocks_document(traces(40, ahead=ahead), ClocksSettings(), ABOUT).groups
    nothing, early, last = group.layers
    assert (group.traces, group.questions, group.text, group.forced) == (40, 20, 15, 10)
    assert early.eligible and last.eligible and not nothing.eligible
    assert early.lead.value == pytest.approx(ahead / 20) and last.lead.value == 0
    assert nothing.lead.value is None, "a layer that reads nothing has no lead, however often it ends right"
    assert nothing.null == pytest.approx(nothing.at_end.value, abs=0.03)
    assert early.null is not None and early.null < 0.6 and early.at_end.value == 1


def test_one_question_has_no_limits_and_says_so() -> None:
    doc = clocks_document(traces(2), ClocksSettings(), ABOUT)
    assert doc.groups[0].layers[1].lead.low is None and doc.groups[0].layers[0].null is None
    assert any("one question only" in note for note in doc.notes)
    again = clocks_document([*traces(2), *traces(2)], ClocksSettings(), ABOUT)
    assert again == doc, "a trace counts once"


def test_lenses_without_a_target_are_left_out_or_refused() -> None:
    without = replace(traces(1)[0], clocks=None, place="trace")
    with pytest.raises(InvalidInput, match="no lens with clocks among the documents"):
        clocks_document([without], ClocksSettings(), ABOUT)
    assert clocks_document([without, *traces(4)], ClocksSettings(), ABOUT).notes[0].startswith("1 of 5 lenses have no target")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": (0, 2, 1)}, "layers are"),
        ({"reads": ("A",)}, "reads has 1 entries"),
        ({"share": lens("x", "y").share[:2]}, "share has 2 entries"),
        ({"options": ("A", "C")}, "clocks are of 'B'"),
        ({"mass": ((None, 2.0),) * 3}, "mass of layer 0 holds 2.0"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        replace(lens("x", "y"), **changes)  # type: ignore[arg-type]
