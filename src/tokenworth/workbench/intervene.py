"""Edits of maze traces put to a model: which edits, on which base trace, and what they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from tokenworth.core.ports import Reaches
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.request import Experiment
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, StopReason, TokenSequence
from tokenworth.core.verification import FormalText, Level
from tokenworth.errors import InvalidInput, Unsupported, unknown_name
from tokenworth.methods.edits.intervene import CheckTrace, InterveneResult, Variant, intervene
from tokenworth.tasks.judge import answer_text
from tokenworth.tasks.maze.domain import DOMAIN, solve
from tokenworth.tasks.maze.edits import EDIT_CODES, TIE_CODES, Edit, edit, first_of_trace, paraphrase, repair, swap
from tokenworth.tasks.maze.problems import DIALECT, maze_problem, parse_spec
from tokenworth.tasks.maze.verify import verify
from tokenworth.workbench.case import Case

PARAPHRASE, SWAP, REPAIR = "paraphrase", "swap", "repair"
KINDS: tuple[str, ...] = (*EDIT_CODES, PARAPHRASE, SWAP, REPAIR)
"""What can be asked for: a code to be broken first, another valid order, the trace of another maze, or an invalid trace made valid."""
COMMON_CODES: tuple[str, ...] = tuple(code for code in EDIT_CODES if code not in (*TIE_CODES, "WRONG_H", "OOB"))
"""The codes that a solver's trace may break before it is repaired."""
DEFAULT_KINDS: tuple[str, ...] = (*COMMON_CODES, PARAPHRASE, SWAP, REPAIR)
"""What is done unless named: all that the dialect of the bundled models can write in their vocabulary."""
BASES = ("solver", "model")
PLACES = ("edit", "plan")


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
    if source == "solver":
        return solve(problem)
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


def _text_of(problem: Problem, codec: Codec, ids: tuple[int, ...]) -> FormalText:
    text = answer_text(ids, codec, None)
    return DOMAIN.answered(problem, text or "")


def trace_check(case: Case) -> CheckTrace:
    """Whether the trace of a whole completion is valid at level strict; None for one that the limit cut or that is no reply."""
    problem = _maze_of(case)

    def check(ids: tuple[int, ...], stop: StopReason) -> bool | None:
        if stop is not StopReason.STOP:
            return None
        return verify(_text_of(problem, case.model.codec, ids), dialect=DIALECT.name, level=Level.STRICT).trace_valid

    return check


def plan_edits(case: Case, base: FormalText, kinds: Sequence[str], *, place: str, seed: int, alone: bool = False) -> Planned:
    """The edits of a valid trace as token ids. ``place``: rollouts begin after the edit (``edit``), or where the plan begins (``plan``).

    A kind that this trace or the dialect has no place for, or that needs a word the model has no token for, is skipped with the reason.
    """
    kinds = check_kinds(kinds)
    whole = _written(case, base)
    edits: dict[str, Edit] = {}
    skipped: dict[str, str] = {}
    variants: list[Variant] = []
    for kind in kinds:
        made = _make(case, base, kind, seed=seed, alone=alone)
        variant = made if isinstance(made, str) else _placed(case, made, kind, place, whole)
        if isinstance(made, str) or isinstance(variant, str):
            skipped[kind] = str(variant)
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


def plan_repair(case: Case, *, source: str, draws: int, sampling: Sampling, place: str, seed: int, alone: bool = False) -> Planned:
    """The repair of an invalid trace as token ids: the base is the trace that breaks a rule, the edit makes it valid.

    The base is the solver's trace with one of `COMMON_CODES` broken, drawn by ``seed`` and the problem, or the model's first sampled
    answer with an invalid trace. One that cannot be repaired, written or begun at gives way to the next.

    Raises InvalidInput where none will do.
    """
    why = f"none of {draws} sampled answers has an invalid trace; raise --draws or use --base solver"
    for made in _repairs(case, source=source, draws=draws, sampling=sampling, seed=seed, alone=alone):
        base = made.before
        whole = _encode(case.model.codec, base.trace.split(), _lead(base))
        variant = "the model has no token for a word of the trace" if whole is None else _placed(case, made, REPAIR, place, whole)
        if whole is None or isinstance(variant, str):
            why = str(variant)
            continue
        if max(variant.cut, variant.base_cut) >= sampling.max_tokens:
            why = f"a trace to keep leaves no room under the limit of {sampling.max_tokens} tokens"
            continue
        first = first_of_trace(verify(base, dialect=DIALECT.name, level=Level.STRICT))
        return Planned(
            item=base.id,
            base=TokenSequence(prompt=case.prompt, completion=whole),
            text=base,
            edits={REPAIR: made},
            variants=(variant,),
            skipped={},
            code=None if first is None else first.code,
        )
    raise InvalidInput(f"problem {_maze_of(case).id!r}: {why}")


def _repairs(case: Case, *, source: str, draws: int, sampling: Sampling, seed: int, alone: bool) -> Iterator[Edit]:
    """Repairs of invalid traces, in the order in which they are to be tried."""
    problem = _maze_of(case)
    # The problem is part of the seed: the mazes of one run are to break different rules.
    rng = np.random.default_rng([seed, KINDS.index(REPAIR), crc32(problem.id.encode())])
    if source == "solver":
        base = base_text(case, source=source, draws=draws, sampling=sampling, seed=seed)
        for at in rng.permutation(len(COMMON_CODES)):
            broken = edit(base, COMMON_CODES[int(at)], dialect=DIALECT.name, rng=rng, alone=alone)
            if broken is not None:
                yield repair(broken.after, dialect=DIALECT.name, rng=rng)
        return
    for rollout in case.sample(draws, sampling=sampling, seed=seed).result.rollouts:
        text = _text_of(problem, case.model.codec, rollout.ids)
        if rollout.stop is not StopReason.STOP or verify(text, dialect=DIALECT.name, level=Level.STRICT).trace_valid is not False:
            continue
        try:
            made = repair(text, dialect=DIALECT.name, rng=rng)
        except InvalidInput:
            continue
        # Without the word that begins the plan the two places of rollouts are not in the trace.
        if made.plan_before <= len(made.before.trace.split()):
            yield made


def plan_item(
    case: Case, kinds: Sequence[str], *, source: str, draws: int, sampling: Sampling, place: str, seed: int, alone: bool = False
) -> tuple[Planned, ...]:
    """All that is asked for of one problem: the edits of its valid base, then the repair with a base of its own.

    Where one of the two bases is missing, its kinds are skipped with the reason. Raises InvalidInput where both are.
    """
    kinds = check_kinds(kinds)
    edits = tuple(kind for kind in kinds if kind != REPAIR)
    made: list[Planned] = []
    missing: dict[str, str] = {}
    failures: list[InvalidInput] = []
    for wanted in filter(None, (edits, tuple(kind for kind in kinds if kind == REPAIR))):
        try:
            if wanted is edits:
                base = base_text(case, source=source, draws=draws, sampling=sampling, seed=seed)
                made.append(plan_edits(case, base, edits, place=place, seed=seed, alone=alone))
            else:
                made.append(plan_repair(case, source=source, draws=draws, sampling=sampling, place=place, seed=seed, alone=alone))
        except InvalidInput as error:
            failures.append(error)
            missing |= dict.fromkeys(wanted, str(error).removeprefix(f"problem {_maze_of(case).id!r}: "))
    if not made:
        raise failures[0]
    return (replace(made[0], skipped={**made[0].skipped, **missing}), *made[1:])


def _make(case: Case, base: FormalText, kind: str, *, seed: int, alone: bool) -> Edit | str:
    """The edit, or the reason why there is none. Each kind has a random stream of its own, so that the others do not move it."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == REPAIR:
        return "the trace is valid; a repair has a base of its own"
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
    return solve(maze_problem(family, side, int(index) + 1, split=split))


def _lead(text: FormalText) -> str:
    """What stands between the prompt and the first word of the trace."""
    return "" if text.prompt[-1:].isspace() else " "


def _written(case: Case, base: FormalText) -> tuple[int, ...]:
    whole = _encode(case.model.codec, base.trace.split(), _lead(base))
    if whole is None:
        raise InvalidInput(f"{case.model.name} cannot write the words of a maze trace; use a model of mazes, such as maze-correct")
    return whole


def _placed(case: Case, made: Edit, kind: str, place: str, whole: tuple[int, ...]) -> Variant | str:
    """The edit with the places where its rollouts begin, or the reason why there are none."""
    if place not in PLACES:
        raise unknown_name("place of rollouts", place, PLACES)
    cuts = (made.cut_before, made.cut_after) if place == "edit" else (made.plan_before, made.plan_after)
    variant = _variant(case.model.codec, made, kind, cuts, _lead(made.before), whole)
    if variant is None:
        return "the model has no token for a word of the edit"
    return variant if _is_reached(case, variant, whole) else "the server cannot start at the edit"


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
