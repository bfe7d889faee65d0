"""Edits of maze traces put to a model: which edits, on which base trace, and what they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from tokenworth.core.ports import Reaches
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.request import Experiment
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, StopReason, TokenSequence
from tokenworth.core.verification import FormalText, Level
from tokenworth.errors import InvalidInput, Unsupported, unknown_name
from tokenworth.methods.intervene import Arm, CheckTrace, InterveneResult, Variant, intervene
from tokenworth.methods.intervene_groups import Estimate, GroupEffect
from tokenworth.tasks.judge import answer_text
from tokenworth.tasks.maze.edits import EDIT_CODES, TIE_CODES, Edit, edit, paraphrase, swap
from tokenworth.tasks.maze.grammar import parse, render_trace
from tokenworth.tasks.maze.problems import DIALECT, maze_problem, parse_spec
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.verify import maze_of, verify
from tokenworth.workbench.case import Case

PARAPHRASE, SWAP = "paraphrase", "swap"
KINDS: tuple[str, ...] = (*EDIT_CODES, PARAPHRASE, SWAP)
"""What can be asked for: a code to be broken first, another valid order, or the trace of another maze."""
DEFAULT_KINDS: tuple[str, ...] = (*(code for code in EDIT_CODES if code not in (*TIE_CODES, "WRONG_H", "OOB")), PARAPHRASE, SWAP)
"""What is done unless named: all that the dialect of the bundled models can write in their vocabulary."""
BASES = ("solver", "model")
PLACES = ("edit", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One problem with its base trace and its edits. ``skipped``: kinds without an edit here, with the reason."""

    item: str
    base: TokenSequence
    text: FormalText
    edits: Mapping[str, Edit]
    variants: tuple[Variant, ...]
    skipped: Mapping[str, str]


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds, each once. Raises UnknownName with close matches, InvalidInput for none."""
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("edit", kind, KINDS)
    if not kinds:
        raise InvalidInput("no edits are named; give codes such as WALL,NOT_OPEN, or leave --codes out")
    return tuple(dict.fromkeys(kinds))


def base_text(case: Case, *, source: str, draws: int, sampling: Sampling, seed: int) -> FormalText:
    """The base trace of a maze: the solver's, or the model's first sampled answer with a valid trace and a right plan.

    Raises InvalidInput where the problem is no maze, and where none of the ``draws`` answers will do.
    """
    problem = _maze_of(case)
    empty = FormalText(id=problem.id, prompt=problem.question, trace="", given=_given(problem), is_cut=True)
    if source == "solver":
        maze = maze_of(empty, DIALECT, parse(empty, DIALECT))
        if maze is None:
            raise InvalidInput(f"problem {problem.id!r} is no maze in the {DIALECT.name} dialect; give a task such as maze:searchformer/7")
        found = solve(maze, DIALECT)
        return FormalText(
            id=problem.id, prompt=problem.question, trace=render_trace(maze, found.trace, found.plan, DIALECT), given=_given(problem)
        )
    samples = case.sample(draws, sampling=sampling, seed=seed).result
    for rollout in samples.rollouts:
        text = _text_of(problem, case.model.codec, rollout.ids)
        found = verify(text, dialect=DIALECT.name, level=Level.STRICT)
        if rollout.stop is StopReason.STOP and found.parsed and found.trace_valid and found.plan_valid:
            return text
    raise InvalidInput(
        f"problem {problem.id!r}: none of {draws} sampled answers has a valid trace and a right plan; raise --draws or use --base solver"
    )


def _maze_of(case: Case) -> Problem:
    problem = case.problem
    if problem is None or problem.kind is not AnswerKind.PLAN:
        raise InvalidInput("edits with known truth need a maze; give a task such as maze:searchformer/7")
    return problem


def _given(problem: Problem) -> dict[str, object]:
    _, _, rest = problem.task.partition("maze:")
    return {"rows": parse_spec(rest)[1], "cols": parse_spec(rest)[1]} if rest else {}


def _text_of(problem: Problem, codec: Codec, ids: tuple[int, ...]) -> FormalText:
    text = answer_text(ids, codec, None)
    return FormalText(id=problem.id, prompt=problem.question, trace=text or "", given=_given(problem))


def trace_check(case: Case) -> CheckTrace:
    """Whether the trace of a whole completion is valid at level strict; None for one that the limit cut or that is no reply."""
    problem = _maze_of(case)

    def check(ids: tuple[int, ...], stop: StopReason) -> bool | None:
        if stop is not StopReason.STOP:
            return None
        return verify(_text_of(problem, case.model.codec, ids), dialect=DIALECT.name, level=Level.STRICT).trace_valid

    return check


def plan_edits(case: Case, base: FormalText, kinds: Sequence[str], *, place: str, seed: int, alone: bool = False) -> Planned:
    """The edits of a base trace as token ids. ``place``: rollouts begin after the edit (``edit``), or where the plan begins (``plan``).

    A kind that this trace or the dialect has no place for, or that needs a word the model has no token for, is skipped with the reason.
    """
    if place not in PLACES:
        raise unknown_name("place of rollouts", place, PLACES)
    kinds = check_kinds(kinds)
    codec = case.model.codec
    lead = "" if base.prompt[-1:].isspace() else " "
    whole = _encode(codec, base.trace.split(), lead)
    if whole is None:
        raise InvalidInput(f"{case.model.name} cannot write the words of a maze trace; use a model of mazes, such as maze-correct")
    edits: dict[str, Edit] = {}
    skipped: dict[str, str] = {}
    variants: list[Variant] = []
    for kind in kinds:
        made = _make(case, base, kind, seed=seed, alone=alone)
        if isinstance(made, str):
            skipped[kind] = made
            continue
        cuts = (made.cut_before, made.cut_after) if place == "edit" else (made.plan_before, made.plan_after)
        variant = _variant(codec, made, kind, cuts, lead, whole)
        if variant is None:
            skipped[kind] = "the model has no token for a word of the edit"
            continue
        if not _is_reached(case, variant, whole):
            skipped[kind] = "the server cannot start at the edit"
            continue
        edits[kind] = made
        variants.append(variant)
    return Planned(
        item=base.id,
        base=TokenSequence(prompt=case.prompt, completion=whole),
        text=base,
        edits=edits,
        variants=tuple(variants),
        skipped=skipped,
    )


def _make(case: Case, base: FormalText, kind: str, *, seed: int, alone: bool) -> Edit | str:
    """The edit, or the reason why there is none. Each kind has a random stream of its own, so that the others do not move it."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    made: Edit | None
    if kind == SWAP:
        other = _other(_maze_of(case))
        if other is None:
            return "a swap needs a problem of a maze task"
        made = swap(base, other, dialect=DIALECT.name)
        return made if made.code is not None else "the trace of the next maze is valid here, too"
    if kind == PARAPHRASE:
        made = paraphrase(base, dialect=DIALECT.name, rng=rng)
    else:
        made = edit(base, kind, dialect=DIALECT.name, rng=rng, alone=alone)
    return made or "the dialect or this trace has no place for it"


def _other(problem: Problem) -> FormalText | None:
    """The solver's trace of the next maze of the same task."""
    _, _, rest = problem.task.partition("maze:")
    index = problem.id.rpartition("/")[2]
    if not rest or not (index.isascii() and index.isdecimal()):
        return None
    family, side, split = parse_spec(rest)
    other = maze_problem(family, side, int(index) + 1, split=split)
    text = FormalText(id=other.id, prompt=other.question, trace="", given=_given(other), is_cut=True)
    maze = maze_of(text, DIALECT, parse(text, DIALECT))
    assert maze is not None
    found = solve(maze, DIALECT)
    trace = render_trace(maze, found.trace, found.plan, DIALECT)
    return FormalText(id=other.id, prompt=other.question, trace=trace, given=_given(other))


def _encode(codec: Codec, words: Sequence[str], lead: str) -> tuple[int, ...] | None:
    """Words as they follow the prompt, as ids; None where they do not come back as they were."""
    text = lead + " ".join(words) if words else ""
    ids = codec.encode(text)
    return ids if codec.decode(ids) == text else None


def _variant(codec: Codec, made: Edit, kind: str, cuts: tuple[int, int], lead: str, whole: tuple[int, ...]) -> Variant | None:
    words = made.after.trace.split()
    completion, kept = _encode(codec, words, lead), _encode(codec, words[: cuts[1]], lead)
    before = _encode(codec, made.before.trace.split()[: cuts[0]], lead)
    if completion is None or kept is None or before is None:
        return None
    if completion[: len(kept)] != kept or whole[: len(before)] != before:
        return None
    return Variant(name=kind, group=kind, completion=completion, cut=len(kept), base_cut=len(before))


def _is_reached(case: Case, variant: Variant, whole: tuple[int, ...]) -> bool:
    """Whether the backend can start at both cuts of a variant."""
    backend = case.model.backend
    if backend.capabilities.any_cut or not isinstance(backend, Reaches):
        return True
    places = ((whole, variant.base_cut), (variant.completion, variant.cut))
    return all(backend.reachable(TokenSequence(prompt=case.prompt, completion=ids), (cut,))[0] for ids, cut in places)


def experiment(case: Case, planned: Planned, *, n: int, sampling: Sampling, seed: int, level: float) -> Experiment[InterveneResult]:
    """The experiment behind `measure`. Raises Unsupported for a model that draws no rollouts."""
    able = case.model.backend.capabilities
    if not able.sample:
        raise Unsupported(f"edits cannot be measured on {case.model.name}: {able.lacks.get('sample', 'it draws no rollouts')}")
    return intervene(
        planned.base,
        planned.variants,
        n=n,
        sampling=sampling,
        seed=seed,
        judge=case.judge,
        check=trace_check(case),
        level=level,
    )


def measure(case: Case, planned: Planned, *, n: int, sampling: Sampling, seed: int, level: float) -> InterveneResult:
    """Draws and grades the rollouts of one problem's edits."""
    made = experiment(case, planned, n=n, sampling=sampling, seed=seed, level=level)
    return case._run("edits", made)[0]  # pyright: ignore[reportPrivateUsage]


# -- as JSON -------------------------------------------------------------------------------------------------------------


def _estimate(value: Estimate | None) -> dict[str, float | None] | None:
    if value is None:
        return None
    return {name: one if isfinite(one) else None for name, one in zip(("value", "low", "high"), value, strict=True)}


def _arm_record(arm: Arm) -> dict[str, Any]:
    return {
        "cut": arm.cut,
        "n": arm.n,
        "correct": arm.n_correct,
        "unknown": arm.n_unknown,
        "p": _estimate(arm.correct),
        "trace_valid": _estimate(arm.trace_valid) if arm.n_checked else None,
        "trace_checked": arm.n_checked,
        "outcomes": dict(arm.outcomes),
    }


def instance_record(planned: Planned, result: InterveneResult) -> dict[str, Any]:
    """One problem's edits as JSON: what was changed and what followed."""
    rows: list[dict[str, Any]] = []
    for effect in result.effects:
        made = planned.edits[effect.variant.name]
        rows.append(
            {
                "edit": effect.variant.name,
                "code": made.code,
                "kind": made.kind,
                "event": made.event,
                "along": list(made.along),
                "words": list(made.words),
                "words_changed": made.n_changed,
                "trace": made.after.trace,
                "before": _arm_record(effect.before),
                "after": _arm_record(effect.after),
                "difference": _estimate(effect.change),
            }
        )
    return {
        "item": planned.item,
        "base_trace": planned.text.trace,
        "edits": rows,
        "skipped": dict(planned.skipped),
        "unresolved": result.unresolved,
    }


def group_record(group: GroupEffect) -> dict[str, Any]:
    """One row of the table as JSON."""
    return {
        "edit": group.group,
        "unit": group.unit,
        "instances": group.n_instances,
        "variants": group.n_variants,
        "missing": group.n_missing,
        "rollouts_before": group.n_before,
        "rollouts_after": group.n_after,
        "unknown_before": group.unknown_before,
        "unknown_after": group.unknown_after,
        "before": _estimate(group.before),
        "after": _estimate(group.after),
        "difference": _estimate(group.change),
        "trace_valid_before": _estimate(group.valid_before),
        "trace_valid_after": _estimate(group.valid_after),
    }
