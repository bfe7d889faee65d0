"""Interventions against automata with known values, and against a scripted maze model whose plans follow from its trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import LADDER, PLAIN, answer_directly, binomial_bounds, ladder
from tests.run.scripted import drive_counted
from tokenworth.backends.model import Model
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_values
from tokenworth.cli.main import run
from tokenworth.core.document import About, Provenance
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.measure import Done, Subject
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.problem import AnswerKind
from tokenworth.core.request.experiment import BudgetSpent
from tokenworth.core.request.kind import Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence, pieces_text
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.methods.edits.document import edits_document
from tokenworth.methods.edits.experiment import EditsResult
from tokenworth.methods.edits.groups import by_group
from tokenworth.methods.edits.intervene import INTERVENE_STREAM, InterveneResult, Variant, intervene
from tokenworth.methods.edits.plan import Planned, base_text, plan_edits, plan_item, plan_repair, trace_check
from tokenworth.methods.edits.settings import COMMON_CODES, DEFAULT_KINDS, EditsSettings
from tokenworth.store.documents import document_json
from tokenworth.store.memory import MemoryStore
from tokenworth.store.sqlite import open_existing
from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.edit_course import Course
from tokenworth.tasks.maze.edits import EDIT_CODES, edit, read
from tokenworth.tasks.maze.grammar import render_trace
from tokenworth.tasks.maze.verify import verify
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case

FALSE_ALARM = 1e-6

# -- automata ------------------------------------------------------------------------------------------------------------

BASE = TokenSequence(prompt=(), completion=(0, 1, 3, 6))
"""s, a, b, d, r of the ladder."""
OFF = Variant(name="off", group="fork", completion=(0, 2, 5), cut=2, base_cut=2)
"""At a: c in place of b."""
LATE = Variant(name="late", group="late", completion=(0, 1, 4, 5), cut=3, base_cut=3)
"""At b: c in place of d."""


def run_ladder(variants: Sequence[Variant] = (OFF, LATE), *, n: int = 2000, seed: int = 0, **more: Any) -> InterveneResult:
    automaton = ladder()
    made = intervene(BASE, variants, n=n, sampling=more.pop("sampling", PLAIN), seed=seed, judge=toy_judge(automaton), level=0.95, **more)
    return answer_directly(made, ToyBackend(automaton))


def exact(sequence: TokenSequence, cut: int) -> float:
    return float(exact_values(ladder(), sequence, PLAIN)[cut])


@pytest.mark.slow
def test_both_arms_have_the_exact_values() -> None:
    n = 1500
    result = run_ladder(n=n)
    for effect in result.effects:
        own = TokenSequence(prompt=(), completion=effect.variant.completion)
        truth = (exact(BASE, effect.variant.base_cut), exact(own, effect.variant.cut))
        for arm, value in zip((effect.before, effect.after), truth, strict=True):
            low, high = binomial_bounds(n, value, FALSE_ALARM)
            assert low <= arm.correct.value <= high
            # Negative twin: a value some points off would be noticed.
            low, high = binomial_bounds(n, value - 0.15, FALSE_ALARM)
            assert not low <= arm.correct.value <= high
        assert effect.change.value == pytest.approx(effect.after.correct.value - effect.before.correct.value)
    assert exact(BASE, 2) == pytest.approx(0.77) and exact(BASE, 3) == pytest.approx(0.8)
    assert result.n_rollouts == 4 * n and result.stopped == result.unresolved == ""


@pytest.mark.slow
def test_difference_intervals_cover_and_shifted_ones_do_not() -> None:
    truth, held, shifted, runs = 0.5 - 0.77, 0, 0, 120
    for seed in range(runs):
        _, low, high = run_ladder((OFF,), n=30, seed=seed).effects[0].change
        held += low <= truth <= high
        shifted += low <= truth + 0.25 <= high
    low, high = binomial_bounds(runs, 0.95, FALSE_ALARM)
    assert low - 0.01 <= held / runs <= high + 0.01 and shifted / runs < low


def test_arms_are_drawn_anew_and_shared_ones_once() -> None:
    twin = Variant(name="off again", group="fork", completion=(0, 2, 6), cut=2, base_cut=2)
    result = run_ladder((OFF, twin), n=50)
    assert result.effects[0].before is result.effects[1].before
    assert result.n_rollouts == 150
    made = intervene(BASE, (OFF,), n=3, sampling=PLAIN, seed=7, judge=toy_judge(ladder()), level=0.95)
    asked = next(made)
    assert {one.seed for one in asked if isinstance(one, Sample)} == {INTERVENE_STREAM + 7}
    assert [(one.cut, one.index) for one in asked if isinstance(one, Sample)] == [(2, 0), (2, 1), (2, 2)] * 2


def test_a_longer_run_draws_only_what_is_missing_and_repeats_itself() -> None:
    store, backend = MemoryStore(), ToyBackend(ladder())

    def once(n: int) -> tuple[InterveneResult, int]:
        made = intervene(BASE, (OFF, LATE), n=n, sampling=PLAIN, seed=0, judge=toy_judge(ladder()), level=0.95)
        result, counts = drive_counted(made, backend=backend, store=store)
        return result, counts.drawn

    first, drawn = once(20)
    assert drawn == 80 and once(20) == (first, 0)
    more, drawn = once(30)
    assert drawn == 40 and more.effects[0].after.rollouts[:20] == first.effects[0].after.rollouts


def test_unknown_outcomes_are_counted_and_shown() -> None:
    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        del stop
        known = {6: Verdict.CORRECT, 7: Verdict.INCORRECT}.get(ids[-1], Verdict.UNKNOWN)
        return Grade(outcome=str(ids[-1]), verdict=known)

    def check(ids: tuple[int, ...], stop: StopReason) -> bool | None:
        del stop
        return None if ids[-1] == 7 else 4 not in ids

    made = intervene(BASE, (LATE,), n=400, sampling=PLAIN, seed=0, judge=judge, check=check, level=0.95)
    (effect,) = answer_directly(made, ToyBackend(ladder())).effects
    after, before = effect.after, effect.before
    assert after.n == 400 and 0 < after.n_unknown == after.outcomes["5"] < 400 and after.n_correct == after.outcomes["6"]
    assert after.n_checked == 400 and after.n_valid == 0 and before.n_valid == before.n_checked == 400 - before.outcomes["7"]
    assert after.trace_valid.value == 0.0 and before.trace_valid.value == 1.0
    (group,) = by_group([InterveneResult(**_fields(effect))], level=0.95)
    assert group.unknown_after == after.n_unknown and group.rollouts_after == 400 and group.unit == "rollouts"
    assert group.before == before.correct and group.difference == effect.change


def _fields(*effects: Any) -> dict[str, Any]:
    return {
        "base": BASE, "samples": 1, "sampling": PLAIN, "seed": 0, "level": 0.95, "effects": effects, "n_rollouts": 0, "generated_tokens": 0,
    }  # fmt: skip


def test_what_the_budget_left_is_told() -> None:
    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        del ids, stop
        return Grade(outcome="yes", verdict=Verdict.CORRECT)

    made = intervene(BASE, (OFF, LATE), n=4, sampling=PLAIN, seed=0, judge=judge, level=0.95)
    requests = next(made)
    drawn = [Rollout(ids=(5,), stop=StopReason.STOP)] * 10
    with pytest.raises(StopIteration) as ended:
        made.throw(BudgetSpent("spent", tuple([*drawn, *[None] * (len(requests) - 10)])))
    result = ended.value.value
    assert result.stopped == "money spent" and result.unresolved == "10 of 16 rollouts were drawn"
    assert [(effect.before.n, effect.after.n) for effect in result.effects] == [(4, 4), (2, 0)]
    assert tuple(result.effects[1].change) == (None, -1.0, 1.0)
    fork, late = by_group([result], level=0.95)
    assert (fork.instances, fork.missing, late.instances, late.missing) == (1, 0, 0, 1)
    other = intervene(BASE, (OFF,), n=4, sampling=PLAIN, seed=0, judge=judge, level=0.95)
    nothing = BudgetSpent("spent", (None,) * len(next(other)))
    with pytest.raises(BudgetSpent):
        other.throw(nothing)


def test_refusals() -> None:
    stops = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100, stop=(2,))
    short = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=2, stop=())
    cases: list[tuple[str, dict[str, Any]]] = [
        ("rollouts 0", {"n": 0}),
        ("none", {"variants": ()}),
        ("twice", {"variants": (OFF, OFF)}),
        ("base cut 9", {"variants": (Variant(name="x", group="x", completion=(0, 1), cut=1, base_cut=9),)}),
        ("stop token", {"sampling": stops, "variants": (OFF,)}),
        ("a completion may have 2", {"sampling": short}),
    ]
    for message, more in cases:
        with pytest.raises(InvalidInput, match=message):
            run_ladder(more.pop("variants", (OFF, LATE)), **more)
    with pytest.raises(InvalidInput, match="cut 5"):
        Variant(name="x", group="x", completion=(0, 1), cut=5, base_cut=0)


@pytest.mark.slow
def test_groups_over_instances_cover_the_mean_difference() -> None:
    """Instances are automata with probabilities of their own; pooling their rollouts is the negative twin."""
    rng = np.random.default_rng(3)
    held = pooled = 0
    runs, units = 80, 6
    for run_number in range(runs):
        results: list[InterveneResult] = []
        for unit in range(units):
            before, after = rng.beta(2, 1), rng.beta(1, 2)
            automaton = parse_automaton(_two_ways(before, after))
            base, other = TokenSequence(prompt=(), completion=(0, 2)), Variant(name="v", group="g", completion=(1, 2), cut=1, base_cut=1)
            seed = run_number * units + unit
            made = intervene(base, (other,), n=12, sampling=PLAIN, seed=seed, judge=toy_judge(automaton), level=0.95)
            results.append(answer_directly(made, ToyBackend(automaton)))
        (group,) = by_group(results, level=0.95)
        assert (group.unit, group.instances, group.rollouts_before, group.rollouts_after) == ("instances", units, 72, 72)
        held += group.difference.low <= 1 / 3 - 2 / 3 <= group.difference.high
        counts = [sum(effect.after.n_correct for r in results for effect in r.effects), 72]
        spread = 1.96 * (counts[0] / 72 * (1 - counts[0] / 72) / 72) ** 0.5
        pooled += abs(counts[0] / 72 - 1 / 3) <= spread
    assert held / runs >= binomial_bounds(runs, 0.95, 1e-4)[0] and pooled / runs < 0.86


def _two_ways(before: float, after: float) -> dict[str, Any]:
    edges = {"x": [[2, before, "r"], [3, 1 - before, "w"]], "y": [[2, after, "r"], [3, 1 - after, "w"]]}
    states = {name: {"edges": edge} for name, edge in edges.items()}
    ends = {"r": {"outcome": "yes"}, "w": {"outcome": "no"}}
    return {"vocab_size": 4, "start": "s", "states": {"s": {"edges": [[0, 0.5, "x"], [1, 0.5, "y"]]}, **states, **ends}, "correct": "yes"}


def test_the_ladder_is_the_one_meant() -> None:
    assert LADDER["correct"] == "yes"


# -- a scripted model of mazes ---------------------------------------------------------------------------------------------

WORDS = ["<unk>", "query", *(f" {word}" for word in ("start", "goal", "wall", "reasoning", "close", "create", "solution", "end"))]
WORDS += [f" {x},{y}" for x in range(5) for y in range(5)] + [f" c{g}" for g in range(26)]


@dataclass(frozen=True)
class WordCodec:
    """One id a word with the space before it; what it does not know is one id."""

    vocab_size: int = len(WORDS)

    def encode(self, text: str) -> tuple[int, ...]:
        words = [f" {word}" for word in text.split(" ")]
        words[0] = words[0][1:]
        return tuple(WORDS.index(word) if word in WORDS else 0 for word in (words if words[0] else words[1:]))

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(WORDS[i] for i in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(WORDS[i].encode() for i in ids)


class Believer:
    """Goes on as the solver from a trace that is a legal beginning and writes its plan; from any other it writes one step."""

    name, fingerprint = "believer", "believer-1"
    capabilities = Capabilities(kinds=frozenset({"sample"}), leave=False)

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        codec = WordCodec()
        for keyed in requests:
            request = keyed.request
            assert isinstance(request, Sample)
            prompt = codec.decode(request.sequence.prompt)
            kept = codec.decode(request.sequence.completion[: request.cut]).strip()
            text = codec.encode(" " + self.go_on(prompt, kept))
            yield keyed.key, Rollout(ids=text, stop=StopReason.STOP)

    def go_on(self, prompt: str, kept: str) -> str:
        text = FormalText(id="", prompt=prompt, trace=kept, given={"rows": 5, "cols": 5}, is_cut=True)
        found = verify(text, dialect="compact", strictness=Strictness.STRICT)
        is_over = kept.endswith("solution")
        base = read(FormalText(id="", prompt=prompt, trace=f"{kept} solution", given={"rows": 5, "cols": 5}), "compact")
        closed = {event.cell for event in base.events if event.verb == "close"}
        goal_left_out = is_over and base.maze.goal not in closed
        if found.trace_valid is False or goal_left_out:
            x, y = base.maze.start
            return f"{'' if is_over else 'solution '}{x},{y} end"
        course = Course(base.maze, DIALECTS["compact"])
        for event in base.events:
            course.apply(event)
        rest = tuple(course.finish())
        written = render_trace(base.maze, rest, course.plan() or (), DIALECTS["compact"])
        return written.removeprefix("solution ") if is_over else written


class Careless(Believer):
    """The same, but each second whole answer, or each one, breaks a rule and plans wrongly."""

    def __init__(self, *, always: bool = False) -> None:
        self.always = always

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        codec = WordCodec()
        for keyed, (key, response) in zip(requests, super().answer(requests), strict=True):
            request = keyed.request
            assert isinstance(request, Sample) and isinstance(response, Rollout)
            if request.cut == 0 and (self.always or request.index % 2):
                prompt, trace = codec.decode(request.sequence.prompt), codec.decode(response.ids).strip()
                text = FormalText(id="", prompt=prompt, trace=trace, given={"rows": 5, "cols": 5})
                broken = edit(text, "WALL", dialect="compact", rng=np.random.default_rng(request.index))
                assert broken is not None
                words = broken.after.trace.split()
                response = Rollout(ids=codec.encode(" " + " ".join([*words[: broken.plan_after + 1], "end"])), stop=StopReason.STOP)
            yield key, response


def maze_model(backend: Believer | None = None) -> Model:
    from tokenworth.core.formats import format_named

    codec = WordCodec()
    return Model(
        name="believer", backend=backend or Believer(), codec=codec, stop=(WORDS.index(" end"),),
        render=lambda turns: codec.encode(turns[-1]["content"]), context_length=None,
        format=format_named("maze"), instruction="",
    )  # fmt: skip


def asked(case: Case, experiment: Any) -> Any:
    """What an experiment that asks the model of a case returns."""
    return answer_directly(experiment, case.model.backend)


def measured(case: Case, planned: Planned, settings: EditsSettings) -> InterveneResult:
    subject: Subject = case.subject()
    made = intervene(
        planned.base, planned.variants, n=settings.samples, sampling=subject.sampling, seed=settings.seed, judge=subject.judge,
        check=trace_check(subject), level=settings.level,
    )  # fmt: skip
    return asked(case, made)


def record_of(case: Case, planned: Planned, result: InterveneResult, settings: EditsSettings) -> dict[str, Any]:
    """What the document holds of one base."""
    done = Done(item="0", subject=case.subject(), result=EditsResult(planned=(planned,), measured=((planned, result),)))
    document = edits_document([done], settings, About(provenance=Provenance(version="0"), items=("0",)))
    return json.loads(document_json(document))["instances"][0]


def test_the_codec_of_the_scripted_model_is_one() -> None:
    codec = WordCodec()
    text = " close 0,1 c2 solution 4,4 end"
    assert codec.decode(codec.encode(text)) == text and pieces_text(codec.piece_bytes(codec.encode(text)))[0] == " close"


@pytest.mark.slow
@pytest.mark.parametrize("place", ["edit", "plan"])
@pytest.mark.parametrize("source", ["solver", "model"])
def test_a_model_that_believes_its_trace_plans_rightly_before_and_never_after(place: str, source: str) -> None:
    kinds = (*EDIT_CODES, "paraphrase", "swap")
    results: list[InterveneResult] = []
    skipped: set[str] = set()
    with Workbench(maze_model()) as bench:
        for item in range(4):
            case = bench.case("maze:searchformer/5", item)
            chosen = EditsSettings(trace_of=source, draws=2, at=place, samples=3)  # type: ignore[arg-type]
            base = asked(case, base_text(case.subject(), chosen))
            planned = plan_edits(case.subject(), base, kinds, chosen)
            results.append(measured(case, planned, chosen))
            skipped |= set(planned.skipped)
            record = record_of(case, planned, results[-1], chosen)
            assert record["skipped"]["WRONG_H"].startswith("the dialect") and "no token" in record["skipped"]["OOB"]
            assert all(row["code"] in (row["edit"], None) or row["edit"] == "swap" for row in record["edits"])
    groups = {group.edit: group for group in by_group(results, level=0.95)}
    assert set(groups) >= set(EDIT_CODES) - {"WRONG_H", "OOB", "TIE_ORDER", "CHILD_ORDER", "REOPEN", "NOT_MIN_F"} and "WRONG_H" in skipped
    for name, group in groups.items():
        keeps = name == "paraphrase" or (place == "edit" and name in ("TIE_ORDER", "CHILD_ORDER"))
        assert group.before.value == 1.0 and group.trace_valid_before is not None and group.trace_valid_before.value == 1.0
        if name not in ("TIE_ORDER", "CHILD_ORDER"):
            assert group.after.value == float(keeps) and group.difference.value == float(keeps) - 1.0, name
            assert group.trace_valid_after is not None and group.trace_valid_after.value == float(keeps)


@pytest.mark.parametrize("place", ["edit", "plan"])
@pytest.mark.parametrize("source", ["solver", "model"])
def test_a_repair_mends_the_plan(place: str, source: str) -> None:
    results: list[InterveneResult] = []
    broken: list[str | None] = []
    with Workbench(maze_model(Careless())) as bench:
        for item in range(8):
            case = bench.case("maze:searchformer/5", item)
            chosen = EditsSettings(trace_of=source, draws=2, at=place, samples=3)  # type: ignore[arg-type]
            planned = asked(case, plan_repair(case.subject(), chosen))
            made, (variant,) = planned.edits["repair"], planned.variants
            before = verify(made.before, dialect="compact", strictness=Strictness.STRICT)
            assert before.trace_valid is False and before.first_error is not None and planned.code == before.first_error.code
            assert verify(made.after, dialect="compact", strictness=Strictness.STRICT).is_valid and made.code is None
            codec = case.model.codec
            assert codec.decode(planned.base.completion).split() == made.before.trace.split()
            assert codec.decode(variant.completion).split() == made.after.trace.split()
            results.append(measured(case, planned, chosen))
            broken.append(planned.code)
            record = record_of(case, planned, results[-1], chosen)
            assert (record["base_valid"], record["base_code"]) == (False, planned.code) and record["base_trace"] == made.before.trace
            assert [(row["edit"], row["before"]["correct"], row["after"]["correct"]) for row in record["edits"]] == [("repair", 0, 3)]
    (group,) = by_group(results, level=0.95)
    assert (group.edit, group.instances, group.rollouts_before, group.rollouts_after) == ("repair", 8, 24, 24)
    assert (group.before.value, group.after.value, group.difference.value) == (0.0, 1.0, 1.0)
    assert group.trace_valid_before is not None and group.trace_valid_after is not None
    assert (group.trace_valid_before.value, group.trace_valid_after.value) == (0.0, 1.0)
    if source == "model":
        assert set(broken) == {"WALL"}
    else:
        assert set(broken) <= set(COMMON_CODES) and len(set(broken)) >= 4, "mazes are to break different rules"


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 400), st.integers(0, 3), st.sampled_from(["edit", "plan"]), st.booleans())
def test_repairs_begin_invalid_end_valid_and_repeat_themselves(item: int, seed: int, place: str, alone: bool) -> None:
    with Workbench(maze_model()) as bench:
        case = bench.case("maze:searchformer/5", item)
        chosen = EditsSettings(trace_of="solver", draws=1, at=place, seed=seed, alone=alone, codes=("repair", "WALL"))  # type: ignore[arg-type]
        planned = asked(case, plan_repair(case.subject(), chosen))
        assert planned == asked(case, plan_repair(case.subject(), chosen))
        (variant,), made, codec = planned.variants, planned.edits["repair"], case.model.codec
        kept = [codec.decode(planned.base.completion[: variant.base_cut]), codec.decode(variant.completion[: variant.cut])]
        told = [replace(made.before, trace=text.strip(), is_cut=True) for text in kept]
        if planned.code != "GOAL_NOT_CLOSED":
            assert verify(told[0], dialect="compact", strictness=Strictness.STRICT).trace_valid is False, (
                "what is kept breaks the rule already"
            )
        assert verify(told[1], dialect="compact", strictness=Strictness.STRICT).trace_valid is not False
        if place == "plan":
            assert all(text.endswith(" solution") for text in kept)
        both = asked(case, plan_item(case.subject(), chosen))
        assert [tuple(one.edits) for one in both] == [("WALL",), ("repair",)] and both[0].code is None and both[1] == planned


def test_a_missing_base_leaves_the_other() -> None:
    def planned_by(backend: Believer, kinds: tuple[str, ...], sampling: Sampling | None = None, **more: Any) -> tuple[Planned, ...]:
        with Workbench(maze_model(backend)) as bench:
            case = bench.case("maze:searchformer/5", 0)
            chosen = EditsSettings(codes=kinds, draws=2, **({"trace_of": "model"} | more))
            return asked(case, plan_item(case.subject(sampling), chosen))

    (valid,) = planned_by(Believer(), ("WALL", "repair"))
    assert valid.code is None and "has an invalid trace" in valid.skipped["repair"] and "problem" not in valid.skipped["repair"]
    (repaired,) = planned_by(Careless(always=True), ("WALL", "paraphrase", "repair"))
    assert repaired.code == "WALL" and set(repaired.skipped) == {"WALL", "paraphrase"} and set(repaired.edits) == {"repair"}
    assert len(planned_by(Careless(), ("WALL", "repair"))) == 2
    with pytest.raises(InvalidInput, match="invalid trace"):
        planned_by(Believer(), ("repair",))
    with pytest.raises(InvalidInput, match="right plan"):
        planned_by(Careless(always=True), ("WALL",))
    short = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=4, stop=())
    with pytest.raises(InvalidInput, match="limit of 4 tokens"):
        planned_by(Careless(), ("repair",), trace_of="solver", sampling=short, at="plan")
    assert "repair" in DEFAULT_KINDS
    with Workbench(maze_model()) as bench:
        case = bench.case("maze:searchformer/5", 0)
        base = asked(case, base_text(case.subject(), EditsSettings()))
        assert "starts from an invalid trace" in plan_edits(case.subject(), base, ("repair",), EditsSettings()).skipped["repair"]


def test_what_cannot_be_edited_is_refused() -> None:
    with pytest.raises(UnknownName, match="WALL"):
        EditsSettings(codes=("WALLS",))
    with pytest.raises(InvalidInput, match="no edits"):
        EditsSettings(codes=())
    with Workbench(maze_model()) as bench:
        case = bench.case("maze:searchformer/5", 0)
        assert case.problem is not None
        other = replace(case.subject(), problem=replace(case.problem, kind=AnswerKind.EXACT))
        for kinds in (("WALL",), ("repair",), ("WALL", "repair")):
            with pytest.raises(InvalidInput, match="need a maze"):
                asked(case, plan_item(other, EditsSettings(codes=kinds)))


def test_command_line_refusals(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments, message in (
        (["--task", "maze:searchformer/5", "--codes", "WALLS"], "WALL"),
        (["--task", "maze:searchformer/5", "--codes", ""], "no edits are named"),
        (["--task", "maze:searchformer/5", "--codes", " , "], "no edits are named"),
        (["--task", "maze:nowhere/5"], "nowhere"),
        ([], "--task"),
        (["--task", "maze:searchformer/5", "--json", str(tmp_path / "no" / "out.json")], "cannot write"),
        (["--task", "maze:searchformer/5", "--level", "2"], "level"),
    ):
        assert run(["edits", "--model", "tiny", *arguments]) == 2
        assert message in capsys.readouterr().err


def bench_of(backend: Believer) -> Any:
    """What opens the workbench of a command line, with a scripted model."""
    return lambda model, use, server, run, **_: Workbench(maze_model(backend), store=run.store)


@pytest.mark.slow
def test_command_line_prints_the_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenworth.cli.verb.open_bench", bench_of(Believer()))
    out = tmp_path / "out.json"
    arguments = ["edits", "--task", "maze:searchformer/5", "--item", "0-2", "--samples", "2", "--codes", "WALL,paraphrase,OOB"]
    assert run([*arguments, "--store", str(tmp_path / "s.db"), "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line and not line.startswith("note")}
    assert "1.00" in rows["WALL"] and "-1.00" in rows["WALL"] and "+0.00" in rows["paraphrase"] and "OOB skipped in 3 of 3" in shown
    record = json.loads(out.read_text())
    assert record["schema"] == "tokenworth.edits/2" and [group["edit"] for group in record["groups"]] == ["WALL", "paraphrase"]
    assert len(record["instances"]) == 3 and record["groups"][0]["difference"]["value"] == -1.0
    assert run([*arguments, "--store", str(tmp_path / "s.db"), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("nothing to draw") == 3
    with open_existing(tmp_path / "s.db") as store:
        (made,) = store.runs()
        payload = store.document(made.id)
        assert made.verb == "edits" and made.config["codes"] == ["WALL", "paraphrase", "OOB"] and made.finished and payload
        assert json.loads(payload) == record and record["model"]["fingerprint"] == store.owner.fingerprint
    assert run(["report", str(out), "--text"]) == 0
    assert shown in capsys.readouterr().out, "the report says what the verb printed"
    assert run([*arguments, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == record["groups"]


@pytest.mark.slow
def test_command_line_repairs(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenworth.cli.verb.open_bench", bench_of(Careless()))
    out = tmp_path / "out.json"
    arguments = ["edits", "--task", "maze:searchformer/5", "--item", "0-1", "--samples", "2"]
    assert run([*arguments, "--codes", "repair,WALL", "--trace-of", "model", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line and not line.startswith("note")}
    assert "+1.00" in rows["repair"] and "-1.00" in rows["WALL"] and "break first: WALL 2" in shown
    assert "of repair the model's invalid ones" in shown
    record = json.loads(out.read_text())
    assert [(one["base_valid"], one["base_code"]) for one in record["instances"]] == [(True, None), (False, "WALL")] * 2
    groups = {group["edit"]: group for group in record["groups"]}
    assert groups["repair"]["difference"]["value"] == 1.0 and groups["repair"]["instances"] == 2
    assert run([*arguments, "--dry-run"]) == 0
    assert "edits, item 1, next batch" in capsys.readouterr().out
    assert run([*arguments, "--json", "-"]) == 0
    assert "repair" in json.loads(capsys.readouterr().out)["codes"], "it is done unless other edits are named"
