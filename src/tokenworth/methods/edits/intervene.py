"""`intervene`: a sequence is edited, and what follows the edit is drawn anew, beside what follows the same place without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.estimate import Estimate, check_level
from tokenworth.core.grade import Grade, Judge, Verdict
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput
from tokenworth.methods.stopped import MONEY_SPENT, answered_first
from tokenworth.stats.difference import newcombe
from tokenworth.stats.proportion import share

INTERVENE_STREAM = 1 << 49
"""Distance from a run's seed to the stream of these rollouts: a base chosen among draws of the seed is not a draw of its own side."""
LARGEST_BATCH = 4096

CheckTrace = Callable[[tuple[int, ...], StopReason], bool | None]
"""Whether the trace of a whole completion is valid; None where that is unknown or does not apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An edited completion. ``cut``: how many of its tokens are kept; ``base_cut``: the same place in the base.

    ``group``: what the edit is counted under when several instances are put together.
    """

    name: str
    group: str
    completion: tuple[int, ...]
    cut: int
    base_cut: int

    def __post_init__(self) -> None:
        if not 0 <= self.cut <= len(self.completion):
            raise InvalidInput(f"variant {self.name!r}: cut {self.cut}; expected 0 to {len(self.completion)}, the length of its completion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Rollouts from one place. ``grades`` and ``valid`` run parallel to them; ``valid`` is empty where nothing checks the trace.

    The probability of a correct answer counts correct over all rollouts; those whose outcome is unknown are in ``n_unknown``.
    """

    sequence: TokenSequence
    cut: int
    rollouts: tuple[Rollout, ...]
    grades: tuple[Grade, ...]
    valid: tuple[bool | None, ...]
    level: float

    @property
    def n(self) -> int:
        """Number of rollouts."""
        return len(self.rollouts)

    @property
    def n_correct(self) -> int:
        """Rollouts with a correct answer."""
        return sum(grade.verdict is Verdict.CORRECT for grade in self.grades)

    @property
    def n_unknown(self) -> int:
        """Rollouts whose outcome is unknown: cut by the limit, unreadable, refused."""
        return sum(grade.verdict is Verdict.UNKNOWN for grade in self.grades)

    @property
    def n_checked(self) -> int:
        """Rollouts whose trace has a verdict."""
        return sum(one is not None for one in self.valid)

    @property
    def n_valid(self) -> int:
        """Rollouts whose trace is valid."""
        return sum(one is True for one in self.valid)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many rollouts ended in each outcome."""
        return dict(sorted(Counter(grade.outcome for grade in self.grades).items()))

    @property
    def correct(self) -> Estimate:
        """P(correct) with its Wilson limits; no value and (0, 1) without rollouts."""
        return share(self.n_correct, self.n, self.level)

    @property
    def trace_valid(self) -> Estimate:
        """Share of valid traces among those with a verdict, with its Wilson limits; no value and (0, 1) without any."""
        return share(self.n_valid, self.n_checked, self.level)


def difference(before: tuple[int, int], after: tuple[int, int], level: float) -> Estimate:
    """k/n after less k/n before, with Newcombe's limits; no value and (−1, 1) where one has no draws."""
    (k1, n1), (k2, n2) = after, before
    first, of_first, second, of_second = np.asarray([[k1], [n1], [k2], [n2]], dtype=np.float64)
    low, high = newcombe(first, of_first, second, of_second, level)
    return Estimate.of(k1 / n1 - k2 / n2 if n1 and n2 else float("nan"), float(low[0]), float(high[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One variant with the rollouts from its base (``before``) and from itself (``after``)."""

    variant: Variant
    before: Side
    after: Side

    @property
    def change(self) -> Estimate:
        """P(correct) after less before, with Newcombe's limits for independent draws; no value where a side has no rollouts."""
        before, after = (self.before.n_correct, self.before.n), (self.after.n_correct, self.after.n)
        return difference(before, after, self.before.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterveneResult:
    """The effects of all variants of one base. ``samples``: rollouts asked for on each side; ``n_rollouts``: drawn in all.

    ``stopped``: why the run ended early, ``unresolved``: what was left undone; both empty where nothing was.
    """

    base: TokenSequence
    samples: int
    sampling: Sampling
    seed: int
    level: float
    effects: tuple[Effect, ...]
    n_rollouts: int
    generated_tokens: int
    stopped: str = ""
    unresolved: str = ""


def intervene(
    base: TokenSequence,
    variants: Sequence[Variant],
    *,
    n: int,
    sampling: Sampling,
    seed: int,
    judge: Judge,
    check: CheckTrace | None = None,
    level: float,
) -> Experiment[InterveneResult]:
    """Draws ``n`` rollouts from after each edit and from the same place in the base, and grades them.

    With k₁ of n correct after the edit and k₀ of n before: P(correct) = k/n with Wilson limits, and their difference k₁/n − k₀/n with
    Newcombe's. The draws of the two sides are independent; variants with one ``base_cut`` share the base's rollouts, so their
    differences are not independent of one another. ``judge`` and ``check`` see whole completions, kept tokens included.

    Where the budget ends first, each side holds the rollouts drawn until then; without a single one ``BudgetSpent`` is raised again.
    Raises InvalidInput for less than one rollout, for cuts outside of a completion, for kept tokens that hold a stop token or that leave
    no room under ``sampling.max_tokens``, and where two variants share a name.

    Source: Lanham et al. 2023, arXiv 2307.13702 (mistakes added to a trace). Differs: the place without the
    edit is sampled too, as the comparison; nothing is assumed of what the edit means.
    """
    _check(base, variants, n, sampling)
    check_level(level)
    places = places_of(base, variants)
    requests = [
        Sample(sequence=sequence, cut=cut, params=sampling, seed=INTERVENE_STREAM + seed, index=index)
        for sequence, cut in places
        for index in range(n)
    ]
    answers, stopped = yield from answers_in_order(requests)
    sides: dict[tuple[TokenSequence, int], Side] = {}
    for index, place in enumerate(places):
        rollouts = tuple(one for one in answers[index * n : (index + 1) * n] if isinstance(one, Rollout))
        sides[place] = _side(*place, rollouts, judge, check, level)
    return InterveneResult(
        base=base,
        samples=n,
        sampling=sampling,
        seed=seed,
        level=level,
        effects=tuple(Effect(variant=one, before=sides[base, one.base_cut], after=sides[_own_place(base, one)]) for one in variants),
        n_rollouts=sum(side.n for side in sides.values()),
        generated_tokens=sum(len(rollout.ids) for side in sides.values() for rollout in side.rollouts),
        stopped=stopped,
        unresolved="" if len(answers) == len(requests) else f"{len(answers):,} of {len(requests):,} rollouts were drawn",
    )


def answers_in_order(requests: Sequence[Request]) -> Experiment[tuple[list[Response], str]]:
    """The answers to the requests in order, up to where the budget ended, and the name of that end."""
    answers: list[Response] = []
    for begun in range(0, len(requests), LARGEST_BATCH):
        try:
            answers += yield tuple(requests[begun : begun + LARGEST_BATCH])
        except BudgetSpent as spent:
            answers += answered_first(spent)
            if not answers:
                raise
            return answers, MONEY_SPENT
    return answers, ""


def _check(base: TokenSequence, variants: Sequence[Variant], n: int, sampling: Sampling) -> None:
    if n < 1:
        raise InvalidInput(f"rollouts {n}: expected at least 1 on each side")
    repeated = [name for name, count in Counter(one.name for one in variants).items() if count > 1]
    if not variants or repeated:
        raise InvalidInput(
            f"variants: {'none' if not variants else f'{repeated[0]!r} twice'}; expected at least one, each with its own name"
        )
    for one in variants:
        if not 0 <= one.base_cut <= len(base.completion):
            raise InvalidInput(f"variant {one.name!r}: base cut {one.base_cut}; expected 0 to {len(base.completion)}, the base's length")
        for told, kept in (("it keeps", one.completion[: one.cut]), ("its base keeps", base.completion[: one.base_cut])):
            if len(kept) >= sampling.max_tokens:
                raise InvalidInput(f"variant {one.name!r}: {told} {len(kept)} tokens and a completion may have {sampling.max_tokens}")
            if not set(sampling.stop).isdisjoint(kept):
                raise InvalidInput(f"variant {one.name!r}: {told} a stop token; nothing follows it. Cut before the stop token")


def _own_place(base: TokenSequence, variant: Variant) -> tuple[TokenSequence, int]:
    return TokenSequence(prompt=base.prompt, completion=variant.completion), variant.cut


def places_of(base: TokenSequence, variants: Sequence[Variant]) -> list[tuple[TokenSequence, int]]:
    """Where rollouts begin, each place once; both sides of a variant stand together, so that a run that stops early has whole pairs."""
    both = [place for one in variants for place in ((base, one.base_cut), _own_place(base, one))]
    return list(dict.fromkeys(both))


def _side(sequence: TokenSequence, cut: int, rollouts: tuple[Rollout, ...], judge: Judge, check: CheckTrace | None, level: float) -> Side:
    kept = sequence.completion[:cut]
    whole = [(kept + rollout.ids, rollout.stop) for rollout in rollouts]
    return Side(
        sequence=sequence,
        cut=cut,
        rollouts=rollouts,
        grades=tuple(judge(ids, stop) for ids, stop in whole),
        valid=() if check is None else tuple(check(ids, stop) for ids, stop in whole),
        level=level,
    )


def groups_of(results: Iterable[InterveneResult]) -> tuple[str, ...]:
    """The groups of all variants, in the order in which they are met."""
    return tuple(dict.fromkeys(effect.variant.group for result in results for effect in result.effects))
