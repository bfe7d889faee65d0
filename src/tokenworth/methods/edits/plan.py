"""Edits of maze traces put to a model: which edits, and on which base trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from tokenworth.core.measure import Subject
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import Codec, StopReason, TokenSequence
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.errors import InvalidInput
from tokenworth.methods.edits.intervene import CheckTrace, Variant
from tokenworth.methods.edits.settings import COMMON_CODES, KINDS, PARAPHRASE, REPAIR, SWAP, EditsSettings
from tokenworth.methods.sample.experiment import answers_of
from tokenworth.tasks.judge import answer_text
from tokenworth.tasks.maze.domain import DOMAIN, solve
from tokenworth.tasks.maze.edits import Edit, edit, first_of_trace, paraphrase, repair, swap
from tokenworth.tasks.maze.problems import DIALECT, maze_problem
from tokenworth.tasks.maze.spec import parse_spec
from tokenworth.tasks.maze.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One problem with a base trace and its edits. ``skipped``: kinds without an edit here, with the reason.

    ``code``: the first rule that the base breaks, None where it is valid; a base that breaks one has its repair as the only edit.
    """

    item: str
    base: TokenSequence
    text: FormalText
    edits: Mapping[str, Edit]
    variants: tuple[Variant, ...]
    skipped: Mapping[str, str]
    code: str | None = None


def _draws(subject: Subject, settings: EditsSettings) -> Experiment[tuple[Rollout, ...]]:
    """The answers in which a base is sought."""
    result = yield from answers_of(subject, settings.draws, seed=settings.seed, level=settings.level)
    return result.rollouts


def base_text(subject: Subject, settings: EditsSettings) -> Experiment[FormalText]:
    """The base trace of a maze: the solver's, or the model's first sampled answer with a valid trace and a right plan.

    Raises InvalidInput if the problem is not a maze, and where none of the ``draws`` answers will do.
    """
    problem = _maze_of(subject)
    if settings.trace_of == "solver":
        return solve(problem)
    for rollout in (yield from _draws(subject, settings)):
        text = _text_of(problem, subject.codec, rollout.ids)
        found = verify(text, dialect=DIALECT.name, strictness=Strictness.STRICT)
        if rollout.stop is StopReason.STOP and found.parsed and found.trace_valid and found.plan_valid:
            return text
    raise InvalidInput(
        f"problem {problem.id!r}: none of {settings.draws} sampled answers has a valid trace and a right plan; "
        "raise --draws or use --trace-of solver"
    )


def _maze_of(subject: Subject) -> Problem:
    problem = subject.problem
    if problem is None or problem.kind is not AnswerKind.PLAN:
        raise InvalidInput("edits with known truth need a maze; give a task such as maze:searchformer/7")
    return problem


def _text_of(problem: Problem, codec: Codec, ids: tuple[int, ...]) -> FormalText:
    text = answer_text(ids, codec, None)
    return DOMAIN.answered(problem, text or "")


def trace_check(subject: Subject) -> CheckTrace:
    """Whether the trace of a whole completion is valid, checked strictly; None for one that was cut off by the limit or is not a reply."""
    problem = _maze_of(subject)

    def check(ids: tuple[int, ...], stop: StopReason) -> bool | None:
        if stop is not StopReason.STOP:
            return None
        return verify(_text_of(problem, subject.codec, ids), dialect=DIALECT.name, strictness=Strictness.STRICT).trace_valid

    return check


def plan_edits(subject: Subject, base: FormalText, kinds: Sequence[str], settings: EditsSettings) -> Planned:
    """The edits of a valid trace as token ids.

    A kind that this trace or the dialect has no place for, or that needs a word the model has no token for, is skipped with the reason.
    """
    whole = _written(subject, base)
    edits: dict[str, Edit] = {}
    skipped: dict[str, str] = {}
    variants: list[Variant] = []
    for kind in kinds:
        made = _make(subject, base, kind, settings)
        variant = made if isinstance(made, str) else _placed(subject, made, kind, settings.at, whole)
        if isinstance(made, str) or isinstance(variant, str):
            skipped[kind] = str(variant)
            continue
        edits[kind] = made
        variants.append(variant)
    return Planned(
        item=base.id,
        base=TokenSequence(prompt=subject.prompt, completion=whole),
        text=base,
        edits=edits,
        variants=tuple(variants),
        skipped=skipped,
    )


def plan_repair(subject: Subject, settings: EditsSettings) -> Experiment[Planned]:
    """The repair of an invalid trace as token ids: the base is the trace that breaks a rule, the edit makes it valid.

    The base is the solver's trace with one of `COMMON_CODES` broken, drawn by the seed and the problem, or the model's first sampled
    answer with an invalid trace. One that cannot be repaired, written or begun at gives way to the next.

    Raises InvalidInput where none will do.
    """
    why = f"none of {settings.draws} sampled answers has an invalid trace; raise --draws or use --trace-of solver"
    # The problem is part of the seed: the mazes of one run are to break different rules.
    rng = np.random.default_rng([settings.seed, KINDS.index(REPAIR), crc32(_maze_of(subject).id.encode())])
    if settings.trace_of == "solver":
        base = yield from base_text(subject, settings)
        repairs = _solver_repairs(base, rng, alone=settings.alone)
    else:
        repairs = _model_repairs(subject, (yield from _draws(subject, settings)), rng)
    for made in repairs:
        base = made.before
        whole = _encode(subject.codec, base.trace.split(), _lead(base))
        variant = "the model has no token for a word of the trace" if whole is None else _placed(subject, made, REPAIR, settings.at, whole)
        if whole is None or isinstance(variant, str):
            why = str(variant)
            continue
        if max(variant.cut, variant.base_cut) >= subject.sampling.max_tokens:
            why = f"a trace to keep already reaches the limit of {subject.sampling.max_tokens} tokens"
            continue
        first = first_of_trace(verify(base, dialect=DIALECT.name, strictness=Strictness.STRICT))
        return Planned(
            item=base.id,
            base=TokenSequence(prompt=subject.prompt, completion=whole),
            text=base,
            edits={REPAIR: made},
            variants=(variant,),
            skipped={},
            code=None if first is None else first.code,
        )
    raise InvalidInput(f"problem {_maze_of(subject).id!r}: {why}")


def _solver_repairs(base: FormalText, rng: np.random.Generator, *, alone: bool) -> Iterator[Edit]:
    """Repairs of the solver's trace with a rule broken, in the order in which they are to be tried."""
    for at in rng.permutation(len(COMMON_CODES)):
        broken = edit(base, COMMON_CODES[int(at)], dialect=DIALECT.name, rng=rng, alone=alone)
        if broken is not None:
            yield repair(broken.after, dialect=DIALECT.name, rng=rng)


def _model_repairs(subject: Subject, rollouts: Sequence[Rollout], rng: np.random.Generator) -> Iterator[Edit]:
    """Repairs of sampled answers with an invalid trace, in the order of the draws."""
    for rollout in rollouts:
        text = _text_of(_maze_of(subject), subject.codec, rollout.ids)
        if rollout.stop is not StopReason.STOP or verify(text, dialect=DIALECT.name, strictness=Strictness.STRICT).trace_valid is not False:
            continue
        try:
            made = repair(text, dialect=DIALECT.name, rng=rng)
        except InvalidInput:
            continue
        # Without the word that begins the plan the two places of rollouts are not in the trace.
        if made.plan_before <= len(made.before.trace.split()):
            yield made


def plan_item(subject: Subject, settings: EditsSettings) -> Experiment[tuple[Planned, ...]]:
    """All that is asked for of one problem: the edits of its valid base, then the repair, which has another base.

    Where one of the two bases is missing, its kinds are skipped with the reason. Raises InvalidInput where both are.
    """
    edits = tuple(kind for kind in settings.kinds if kind != REPAIR)
    made: list[Planned] = []
    missing: dict[str, str] = {}
    failures: list[InvalidInput] = []
    for wanted in filter(None, (edits, tuple(kind for kind in settings.kinds if kind == REPAIR))):
        try:
            if wanted is edits:
                base = yield from base_text(subject, settings)
                made.append(plan_edits(subject, base, edits, settings))
            else:
                made.append((yield from plan_repair(subject, settings)))
        except InvalidInput as error:
            failures.append(error)
            missing |= dict.fromkeys(wanted, str(error).removeprefix(f"problem {_maze_of(subject).id!r}: "))
    if not made:
        raise failures[0]
    return (replace(made[0], skipped={**made[0].skipped, **missing}), *made[1:])


def _make(subject: Subject, base: FormalText, kind: str, settings: EditsSettings) -> Edit | str:
    """The edit, or the reason why there is none. Each kind has a separate random stream, so the others do not affect it."""
    rng = np.random.default_rng([settings.seed, KINDS.index(kind)])
    if kind == REPAIR:
        return "the trace is valid; a repair starts from an invalid trace"
    made: Edit | None
    if kind == SWAP:
        other = _other(_maze_of(subject))
        if other is None:
            return "a swap needs a problem of a maze task"
        made = swap(base, other, dialect=DIALECT.name)
        return made if made.code is not None else "the trace of the next maze is also valid here"
    if kind == PARAPHRASE:
        made = paraphrase(base, dialect=DIALECT.name, rng=rng)
    else:
        made = edit(base, kind, dialect=DIALECT.name, rng=rng, alone=settings.alone)
    return made or "the dialect or this trace has no place for it"


def _other(problem: Problem) -> FormalText | None:
    """The solver's trace of the next maze of the same task."""
    _, _, rest = problem.task.partition("maze:")
    index = problem.id.rpartition("/")[2]
    if not rest or not (index.isascii() and index.isdecimal()):
        return None
    family, side, split = parse_spec(rest)
    return solve(maze_problem(family, side, int(index) + 1, split=split))


def _lead(text: FormalText) -> str:
    """What stands between the prompt and the first word of the trace."""
    return "" if text.prompt[-1:].isspace() else " "


def _written(subject: Subject, base: FormalText) -> tuple[int, ...]:
    whole = _encode(subject.codec, base.trace.split(), _lead(base))
    if whole is None:
        raise InvalidInput(f"{subject.model} cannot write the words of a maze trace; use a model of mazes, such as maze-correct")
    return whole


def _placed(subject: Subject, made: Edit, kind: str, place: str, whole: tuple[int, ...]) -> Variant | str:
    """The edit with the places where its rollouts begin, or the reason why there are none."""
    cuts = (made.cut_before, made.cut_after) if place == "edit" else (made.plan_before, made.plan_after)
    variant = _variant(subject.codec, made, kind, cuts, _lead(made.before), whole)
    if variant is None:
        return "the model has no token for a word of the edit"
    return variant if _is_reached(subject, variant, whole) else "the server cannot start at the edit"


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


def _is_reached(subject: Subject, variant: Variant, whole: tuple[int, ...]) -> bool:
    """Whether the model can be asked at both cuts of a variant."""
    reach = subject.reach
    if subject.able.any_cut or reach is None:
        return True
    places = ((whole, variant.base_cut), (variant.completion, variant.cut))
    return all(reach(TokenSequence(prompt=subject.prompt, completion=ids), (cut,), ())[0] for ids, cut in places)
