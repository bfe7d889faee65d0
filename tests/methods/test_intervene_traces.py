"""What edits do to automata with known values: the effect is exact, and what ignores or copies its trace brackets every metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers import PLAIN, answer_directly, binomial_bounds
from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_values
from tokenworth.core.document import About, Provenance
from tokenworth.core.measure import Done, Subject
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.methods.edits.intervene import INTERVENE_STREAM
from tokenworth.methods.intervene.area import area_document, areas_of
from tokenworth.methods.intervene.document import InterveneDoc, intervene_document
from tokenworth.methods.intervene.experiment import intervene_of, most
from tokenworth.methods.intervene.paired import rows_of
from tokenworth.methods.intervene.result import InterventionResult
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.stats.area import areas, beyond_chance, chance_agreement, disagreement_of_two

FALSE_ALARM = 1e-6


def remembers(*, right: float = 0.9, wrong: float = 0.2) -> Automaton:
    """Tokens 2 say nothing, token 5 says that it is option t3; token 7 ends the trace, and t3 or t4 is the answer."""
    return parse_automaton(
        {
            "vocab_size": 8,
            "start": "n",
            "states": {
                "n": {"edges": [[2, 0.5, "n"], [5, 0.3, "k"], [7, 0.2, "m"]]},
                "k": {"edges": [[2, 0.7, "k"], [5, 0.1, "k"], [7, 0.2, "l"]]},
                "m": {"edges": [[3, wrong, "t3"], [4, 1 - wrong, "t4"]]},
                "l": {"edges": [[3, right, "t3"], [4, 1 - right, "t4"]]},
                "t3": {"outcome": "t3"},
                "t4": {"outcome": "t4"},
            },
            "correct": "t3",
        }
    )


BASE = Trace(sequence=TokenSequence(prompt=(), completion=(2, 5, 2, 2, 7, 3)), n_trace=4, stop=StopReason.STOP)


def subject_of(automaton: Automaton, trace: Trace = BASE, **more: Any) -> Subject:
    chosen: dict[str, Any] = {
        "able": ToyBackend(automaton).capabilities,
        "context_length": None,
        "reach": None,
        "sampling": PLAIN,
        "close": None,
        "put": None,
    } | more
    return Subject(
        model="toy",
        prompt=(),
        problem=None,
        judge=toy_judge(automaton),
        grader=None,
        codec=ToyCodec(vocab_size=8),
        find_wall=len,
        exit_texts=(),
        limit=None,
        is_ended=lambda ids: True,
        instruction=None,
        feedback=None,
        trace=trace,
        **chosen,
    )


def chosen(*edits: str, samples: int = 5, **more: Any) -> InterveneSettings:
    return InterveneSettings(edits=edits, samples=samples, exit_text="t7 ", options=("t3", "t4"), **more)


def measured(automaton: Automaton, settings: InterveneSettings, trace: Trace = BASE, **more: Any) -> InterventionResult:
    # Ended by token 7, so that the answer alone is drawn, as with a close marker.
    subject = subject_of(automaton, trace, **({"close": (7,)} | more))
    return answer_directly(intervene_of(subject, settings), ToyBackend(automaton))


def document(results: list[InterventionResult], settings: InterveneSettings, automaton: Automaton) -> InterveneDoc:
    done = [Done(item=str(i), subject=subject_of(automaton), result=one) for i, one in enumerate(results)]
    return intervene_document(done, settings, About(provenance=Provenance(version="0"), items=tuple(str(i) for i in range(len(done)))))


# -- exact effects --------------------------------------------------------------------------------------------------------------------


def test_forced_answers_after_an_edit_are_exact() -> None:
    """Token 5 taken out: 0.9 becomes 0.2, to the last digit; its control takes out another token, and nothing changes."""
    result = measured(remembers(), chosen("none", "repeat", "strip", "truncate", strip=("t5",), where=0.99))
    by = {one.plan.name: one for one in result.changed}
    for name, value in {"none": 0.2, "strip": 0.2, "truncate": 0.9}.items():
        one = by[name]
        assert one.after.forced is not None and one.after.forced[0] == pytest.approx(value, abs=1e-12), name
    for name in ("none", "truncate"):
        before = by[name].before.forced
        assert before is not None and before == pytest.approx([0.9, 0.1])
    assert by["strip"].plan.change.ids == (2, 2, 2) and by["strip"].plan.control == "strip (control)"
    (token,) = set(by["repeat"].plan.change.ids)
    assert by["repeat"].after.forced[0] == pytest.approx({2: 0.2, 5: 0.9}[token])  # type: ignore[index]
    assert result.grid is not None and result.grid.probability[:, 0] == pytest.approx([0.2, 0.2, 0.9, 0.9, 0.9])


@pytest.mark.slow
def test_rollouts_after_an_edit_have_the_exact_values() -> None:
    n, automaton = 1200, remembers()
    result = measured(automaton, chosen("none", "strip", samples=n, strip=("t5",)))
    for one in result.changed:
        kept = (*one.plan.change.ids, 7)
        truth = float(exact_values(automaton, TokenSequence(prompt=(), completion=kept), PLAIN)[-1])
        low, high = binomial_bounds(n, truth, FALSE_ALARM)
        assert low <= one.after.n_correct / n <= high
        # Negative twin: a value some points off would be noticed.
        low, high = binomial_bounds(n, truth - 0.12 if truth > 0.5 else truth + 0.12, FALSE_ALARM)
        assert not low <= one.after.n_correct / n <= high
    row = rows_of([result], ("none",), level=0.999999)[0]
    assert row.correct is not None and row.correct.change.low < 0.2 - 0.9 < row.correct.change.high  # type: ignore[operator]
    assert not row.correct.change.low < 0.2 - 0.9 + 0.2 < row.correct.change.high  # type: ignore[operator]


def test_a_trace_that_goes_on_is_drawn_from_right_after_the_edit() -> None:
    """Inserted token 5 makes the value of every continuation that of the state that knows."""
    automaton = remembers()
    base = Trace(sequence=TokenSequence(prompt=(), completion=(2, 2, 2, 7, 4)), n_trace=3, stop=StopReason.STOP)
    settings = chosen("insert", insert="t5", neutral="t2", samples=3, where=0.0)
    result = measured(automaton, settings, base, close=None)
    control, one = result.changed
    assert (one.plan.change.ids[: one.plan.change.cut], control.plan.change.ids[: control.plan.change.cut]) == ((5,), (2,))
    assert one.plan.change.base_cut == 0 and one.before is control.after
    assert one.after.forced == pytest.approx([0.9, 0.1]) and control.after.forced == pytest.approx([0.2, 0.8])


def test_draws_have_their_own_stream_and_shared_places_are_asked_once() -> None:
    subject = subject_of(remembers(), close=(7,))
    batch = next(intervene_of(subject, chosen("none", "strip", "truncate", strip=("t5",), samples=3, seed=4, where=0.99)))
    drawn = [one for one in batch if isinstance(one, Sample)]
    assert {one.seed for one in drawn} == {INTERVENE_STREAM + 4}
    # The base's end, no trace, the cut, and the two that strip has.
    assert len(drawn) == 3 * len({one.sequence for one in drawn}) and len({one.sequence for one in drawn}) in (4, 5)
    assert len(drawn) <= sum(one.n for one in most(subject, chosen("none", "strip", "truncate", strip=("t5",), samples=3))[:1])


# -- what ignores its trace, and what copies it -------------------------------------------------------------------------------------------


def copies() -> Automaton:
    """Answers with the option that its trace said last: t3 for token 3, t4 for token 4, t4 before either."""
    says = {"edges": [[2, 0.4, "b"], [3, 0.2, "a"], [4, 0.2, "b"], [7, 0.2, "B"]]}
    other = {"edges": [[2, 0.4, "a"], [3, 0.2, "a"], [4, 0.2, "b"], [7, 0.2, "A"]]}
    ends = {"A": {"edges": [[3, 1.0, "t3"]]}, "B": {"edges": [[4, 1.0, "t4"]]}, "t3": {"outcome": "t3"}, "t4": {"outcome": "t4"}}
    return parse_automaton({"vocab_size": 8, "start": "b", "states": {"a": other, "b": says, **ends}, "correct": "t3"})


def ignores() -> Automaton:
    """Answers t3 whatever its trace says."""
    edges = [[2, 0.4, "a"], [3, 0.2, "a"], [4, 0.2, "a"], [7, 0.2, "A"]]
    return parse_automaton(
        {
            "vocab_size": 8,
            "start": "a",
            "states": {"a": {"edges": edges}, "A": {"edges": [[3, 1.0, "t3"]]}, "t3": {"outcome": "t3"}},
            "correct": "t3",
        }
    )


LATE = Trace(sequence=TokenSequence(prompt=(), completion=(2, 2, 2, 3, 7, 3)), n_trace=4, stop=StopReason.STOP)


@pytest.mark.parametrize(("automaton", "matters"), [(copies(), 1.0), (ignores(), 0.0)], ids=["copies", "ignores"])
def test_what_copies_its_trace_and_what_ignores_it_bracket_every_metric(automaton: Automaton, matters: float) -> None:
    settings = chosen("none", "strip", "truncate", samples=4, parts=4, strip=("t3",), where=0.0)
    result = measured(automaton, settings, LATE)
    rows = {(row.edit, row.reading): row for row in rows_of([result], settings.names, level=0.95)}
    for edit in ("none", "strip", "truncate"):
        for reading in ("free", "forced"):
            row = rows[edit, reading]
            if row.against != "base":
                continue
            assert row.same is not None and row.same.change.value == pytest.approx(-matters)
            assert row.flips is None or row.flips.value == matters
    found = areas_of(result)
    # Cuts 0, 1/4, …, 1: the answer changes with the last token.
    assert found == pytest.approx({"left": matters, "trapezoid": matters * 7 / 8, "soft": matters * 7 / 8, "weighted": matters * 0.6})


# -- over problems ------------------------------------------------------------------------------------------------------------------------


def test_each_problem_is_compared_with_itself_and_problems_are_the_sample() -> None:
    settings = chosen("none", samples=4, parts=4)
    results = [measured(copies(), settings, LATE) for _ in range(6)] + [measured(ignores(), settings, LATE) for _ in range(6)]
    free, forced = rows_of(results, settings.names, level=0.95)
    assert (free.reading, forced.reading, free.unit, free.problems) == ("free", "forced", "problems", 12)
    assert free.same is not None and free.same.change.value == pytest.approx(-0.5) and forced.flips is not None
    assert forced.flips.value == 0.5 and free.n_before == free.n_after == 48
    low, high = free.same.change.low, free.same.change.high
    assert low is not None and high is not None and -0.9 < low < -0.5 < high < 0
    # One problem has no limits over problems.
    (single, _) = rows_of(results[:1], settings.names, level=0.95)
    assert single.unit == "rollouts"
    area = area_document(results, grid="parts", level=0.95, seed=0)
    assert area is not None and area.rows[1].area.value == pytest.approx(7 / 16) and area.at_start.value == 0.5
    assert area.chance == 1.0 and area.rows[0].beyond_chance is None and area.noise == 0.0


def test_no_trace_is_also_compared_with_a_trace_that_is_drawn_anew() -> None:
    """Of what copies its trace, another trace changes the answer as well; the row beside it says what is left for the edit."""
    settings = chosen("resample", "none", samples=400, parts=4)
    rows = {(row.edit, row.reading, row.against): row for row in rows_of([measured(copies(), settings, LATE)], settings.names, level=0.95)}
    assert set(rows) == {("resample", "free", "base"), ("none", "free", "base"), ("none", "forced", "base"), ("none", "free", "resample")}
    # From the start: t3 where the last of 3 and 4 that is said is 3, or an odd number of swaps; by the automaton's own values.
    truth = float(exact_values(copies(), TokenSequence(prompt=(), completion=()), PLAIN)[0])
    beside = rows["none", "free", "resample"].same
    assert beside is not None and beside.after.value == 0.0
    low, high = binomial_bounds(400, truth, FALSE_ALARM)
    assert 0.2 < truth < 0.8 and low <= (beside.before.value or 0.0) <= high
    assert beside.change.value == pytest.approx(-(beside.before.value or 0.0)) and rows["none", "free", "base"].same.change.value == -1.0  # type: ignore[union-attr]


def test_a_document_says_what_was_not_made_and_survives_a_file(tmp_path: Any) -> None:
    from tokenworth.store.documents import read_document, write_document

    settings = chosen("none", "drop", "swap", "mistake-sum", samples=2)
    made = document([measured(remembers(), settings)], settings, remembers())
    assert dict(made.problems[0].refused) == {
        "drop": "the trace has a single sentence",
        "swap": "it needs a trace of another problem, and the task has no other problem with one",
        "mistake-sum": "the trace states no arithmetic that is right",
    }
    assert sum("not made in 1 of 1 problems" in note for note in made.notes) == 3
    write_document(made, tmp_path / "it.json")
    assert read_document(tmp_path / "it.json") == made


# -- bad input ------------------------------------------------------------------------------------------------------------------------


def test_an_empty_trace_has_nothing_to_edit() -> None:
    base = Trace(sequence=TokenSequence(prompt=(), completion=(7, 3)), n_trace=0, stop=StopReason.STOP)
    result = measured(remembers(), chosen("none", "filler", "truncate"), base)
    assert result.changed == () and set(result.refused.values()) == {"the trace is empty"}
    assert document([result], chosen("none"), remembers()).rows == ()


def test_an_edit_that_changes_nothing_is_no_edit() -> None:
    base = Trace(sequence=TokenSequence(prompt=(), completion=(2, 2, 7, 3)), n_trace=2, stop=StopReason.STOP)
    result = measured(remembers(), chosen("shuffled", "repeat"), base)
    assert dict(result.refused) == {"shuffled": "the edit changes nothing", "repeat": "the edit changes nothing"}


def test_an_edit_that_ends_the_trace_or_leaves_no_room_is_refused() -> None:
    settings = chosen("insert", insert="t7", neutral="t2")
    assert "would hold the mark that ends it" in measured(remembers(), settings).refused["insert"]
    tight = measured(remembers(), chosen("none"), context_length=5)
    assert "leave no room" in tight.refused["none"]
    far = measured(
        remembers(), chosen("none"), able=Capabilities(kinds=frozenset(["sample"]), leave=False, any_cut=False), reach=lambda *_: (False,)
    )
    assert "the server cannot start there" in far.refused["none"]


def test_without_options_or_probabilities_rollouts_alone_are_read() -> None:
    only = Capabilities(kinds=frozenset(["sample"]), leave=False, lacks={"read": "it lists none"})
    result = measured(remembers(), chosen("none"), able=only)
    assert result.unread == "it lists none" and result.grid is None and result.changed[0].after.forced is None
    assert [row.reading for row in rows_of([result], ("none",), level=0.95)] == ["free"]
    without = InterveneSettings(edits=("none",), samples=2, exit_text="t7 ")
    assert "has no options" in measured(remembers(), without).unread


def test_a_budget_that_ends_leaves_what_was_drawn() -> None:
    automaton = remembers()
    asked = intervene_of(subject_of(automaton, close=(7,)), chosen("none", "truncate", samples=2, where=0.0))
    batch, backend = next(asked), ToyBackend(automaton)

    answers = [response for _, response in backend.answer([KeyedRequest(key=str(i), request=one) for i, one in enumerate(batch)])]
    with pytest.raises(StopIteration) as ended:
        asked.throw(BudgetSpent("spent", tuple([*answers[:-2], None, None])))
    result = ended.value.value
    assert result.unresolved == f"{len(batch) - 2} of {len(batch)} requests were answered"
    assert [one.after.n for one in result.changed] == [2, 0]
    assert [row.edit for row in rows_of([result], ("none", "truncate"), level=0.95) if row.reading == "free"] == ["none"]


# -- areas ------------------------------------------------------------------------------------------------------------------------------


def test_areas_have_their_closed_forms() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 4, 9, 200):
        cuts, same = np.arange(n + 1), np.append(rng.random(n) < 0.5, True)
        found = areas(cuts, same, same.astype(float))
        assert found["left"] - found["trapezoid"] == pytest.approx((1 - same[0]) / (2 * n))
        assert found["left"] == pytest.approx(np.mean(~same[:-1])) and found["soft"] == pytest.approx(found["trapezoid"])
    never = areas(np.arange(5), np.array([False] * 4 + [True]), np.array([0.0] * 4 + [1.0]))
    assert never["left"] == 1.0 and never["trapezoid"] == pytest.approx(0.875) and never["weighted"] == pytest.approx(0.6)
    # Uneven steps weigh by their length.
    assert areas(np.array([0, 9, 10]), np.array([False, True, True]), np.ones(3))["left"] == pytest.approx(0.9)
    assert set(areas(np.array([0]), np.array([True]), np.ones(1)).values()) == {0.0}


def test_corrections_are_what_they_say() -> None:
    assert chance_agreement(np.array([0.25] * 4)) == 0.25 and beyond_chance(0.75, 0.25) == 1.0 and np.isnan(beyond_chance(0.0, 1.0))
    assert disagreement_of_two(np.array([3, 3])) == pytest.approx(1 - 12 / 30) and np.isnan(disagreement_of_two(np.array([1])))
    rng = np.random.default_rng(1)
    drawn = [disagreement_of_two(np.bincount(rng.choice(2, size=3, p=[0.8, 0.2]), minlength=2)) for _ in range(4000)]
    # Unbiased: 0.32 within 5 standard errors, which a count without the correction, 0.21, is not.
    assert abs(np.mean(drawn) - 0.32) < 5 * np.std(drawn) / np.sqrt(4000)
