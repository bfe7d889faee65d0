"""Cuts that no request can start from: left out or moved, and said so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import PLAIN, answer_directly, ladder, settings, toy_trace
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, parse_automaton, toy_judge
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.document import curve_document
from tokenworth.methods.curve.experiment import curve
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.cuts import Missed, middle, nearest, reachable, restrict
from tokenworth.methods.forced.document import forced_document
from tokenworth.methods.forced.experiment import encode_exit, forced

CODEC = ToyCodec(vocab_size=8)
ABOUT = About(problem=None, model=ModelDoc(name="toy"), provenance=Provenance(version="0"))


def line(n: int, fork: int) -> tuple[ToyBackend, object, object]:
    """n certain tokens with one even fork."""
    states: dict[str, object] = {f"{i}": {"edges": [[i % 4, 1.0, f"{i + 1}"]]} for i in range(n) if i != fork}
    states |= {f"{fork}": {"edges": [[0, 0.5, f"{fork + 1}"], [1, 0.5, "w"]]}, f"{n}": {"outcome": "yes"}, "w": {"outcome": "no"}}
    automaton = parse_automaton({"vocab_size": 8, "start": "0", "states": states, "correct": "yes"})
    return ToyBackend(automaton), toy_trace(automaton, ids=tuple(0 if i == fork else i % 4 for i in range(n))), toy_judge(automaton)


def measured(allowed: tuple[int, ...] | None, *, snap: bool = False, n: int = 12, fork: int = 5, **choices: object) -> CurveResult:
    backend, trace, judge = line(n, fork)
    return answer_directly(
        curve(trace, judge=judge, sampling=PLAIN, settings=settings(**choices), cuts_allowed=allowed, snap=snap),  # type: ignore[arg-type]
        backend,
    )


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 30))
def test_the_nearest_cut_is_nearest_and_the_earlier_of_two(allowed: set[int], cut: int) -> None:
    found = nearest(cut, tuple(sorted(allowed)))
    assert found in allowed
    assert all((abs(found - cut), found) <= (abs(other - cut), other) for other in allowed)


def test_the_nearest_cut_of_a_few() -> None:
    assert [nearest(cut, (0, 3)) for cut in range(7)] == [0, 0, 3, 3, 3, 3, 3]
    assert nearest(1, (0, 2)) == 0


@pytest.mark.parametrize("n_trace", [0, 3])
def test_where_no_cut_can_be_reached_none_is_nearest(n_trace: int) -> None:
    with pytest.raises(InvalidInput, match=f"no cut from 0 to {n_trace} can be reached"):
        reachable(n_trace, ())


@given(st.sets(st.integers(-3, 40), min_size=1), st.integers(0, 30), st.integers(1, 9), st.booleans())
def test_restricted_plans_hold_only_cuts_that_can_be_reached(allowed: set[int], n_trace: int, stride: int, snap: bool) -> None:
    if not any(0 <= cut <= n_trace for cut in allowed):
        with pytest.raises(InvalidInput, match="no cut from 0 to"):
            reachable(n_trace, tuple(allowed))
        return
    there = reachable(n_trace, tuple(allowed))
    planned = tuple(sorted({*range(0, n_trace + 1, stride), n_trace}))
    cuts, missed = restrict(planned, there, snap=snap)
    can = {cut for cut in allowed if 0 <= cut <= n_trace}
    assert list(cuts) == sorted(set(cuts)) and set(cuts) <= can and set(planned) & can <= set(cuts)
    assert cuts[-1] == max(can), "the end of the trace is not left out"
    assert (missed.cuts if missed else ()) == tuple(cut for cut in planned if cut not in can)
    if not snap:
        assert set(cuts) <= set(planned) | {max(can)}


def test_a_middle_lies_strictly_between() -> None:
    assert middle(3, 4, None) is None and middle(3, 5, None) == 4
    assert middle(0, 10, (0, 10)) is None and middle(0, 10, (0, 1, 4, 6, 10)) == 4 and middle(0, 10, (0, 9, 10)) == 9


def test_cuts_that_cannot_be_reached_have_no_value_and_are_named() -> None:
    allowed = tuple(cut for cut in range(13) if cut not in (3, 7, 12))
    result = measured(allowed, plan="plain", samples=4)
    assert np.flatnonzero(np.isnan(result.value)).tolist() == [3, 7, 12] == np.flatnonzero(result.n_started == 0).tolist()
    assert result.missed == Missed(cuts=(3, 7, 12), planned=13, moved=False, last=11)
    doc = curve_document(result, CODEC, ABOUT)
    assert doc.value[3] is None
    assert doc.notes[-1] == "3 of 13 cuts cannot be reached by text and were not measured: 3, 7, 12 (the last that can: 11)"
    assert measured(tuple(range(13)), plan="plain", samples=1).missed is None


def test_planned_cuts_move_to_the_nearest_and_long_lists_are_cut_short() -> None:
    result = measured((1, 5, 7, 11), snap=True, plan="stride", stride=3, samples=4)  # 0 3 6 9 12 -> 1 1 5 7 11
    assert np.flatnonzero(result.n_started).tolist() == [1, 5, 7, 11]
    assert curve_document(result, CODEC, ABOUT).notes[-1] == (
        "5 of 5 cuts cannot be reached by text; the nearest that can were measured instead: 0, 3, 6, 9, 12 (the last that can: 11)"
    )
    many = curve_document(measured((0, 12), plan="plain", samples=1), CODEC, ABOUT)
    assert many.notes[-1].startswith("11 of 13 cuts") and ": 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … (" in many.notes[-1]


def test_the_end_moves_to_the_last_cut_that_can_be_reached_though_nothing_else_does() -> None:
    result = measured((0, 4, 7, 10), plan="stride", stride=4, samples=2)
    assert np.flatnonzero(result.n_started).tolist() == [0, 4, 10]


def test_refinement_uses_only_cuts_that_can_be_reached() -> None:
    allowed = (0, 10, 20, 22, 29, 30, 40)
    result = measured(allowed, n=40, fork=25, plan="stride", stride=10, samples=60, refine=0.3)
    assert np.flatnonzero(result.n_started).tolist() == [0, 10, 20, 22, 29, 30, 40]


def test_excursions_are_refused_where_a_cut_cannot_be_reached() -> None:
    with pytest.raises(InvalidInput, match="stride or plain"):
        measured((0, 1), max_rollouts=5)


def test_forced_reads_only_what_can_be_reached_and_claims_no_end_it_did_not_read() -> None:
    automaton = ladder()
    trace = toy_trace(automaton, ids=(0, 1, 3, 6))
    exits = (encode_exit("one", "t3 ", ("t6", "t7"), CODEC),)

    def run(allowed: tuple[int, ...] | None) -> object:
        experiment = forced(
            trace,
            options=("t6", "t7"),
            exits=exits,
            stride=1,
            judge=toy_judge(automaton),
            cuts_allowed=allowed,
            snap=allowed is not None,
            least_mass=0.0,
        )
        return answer_directly(experiment, ToyBackend(automaton))

    whole, part = run(None), run((0, 2))
    assert part.cuts.tolist() == [0, 2] and part.missed == Missed(cuts=(1, 3, 4), planned=5, moved=True, last=2)
    np.testing.assert_array_equal(part.readings[0].probability, whole.readings[0].probability[[0, 2]])
    doc = forced_document(part, "gold", CODEC, ABOUT)
    assert doc.forced_at_end is None and "3 of 5 cuts cannot be reached by text" in doc.notes[-1]
    assert forced_document(whole, "gold", CODEC, ABOUT).notes == tuple(n for n in doc.notes if "cannot be reached" not in n)
