"""`sample`: N answers to a problem, and the choice of a base trace among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from tokenworth.core.grade import Judge, Verdict
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.settings import check_level
from tokenworth.methods.sample.result import SampleResult
from tokenworth.methods.stopped import answered_first
from tokenworth.stats.correlation import point_biserial
from tokenworth.stats.proportion import wilson

FindWall = Callable[[tuple[int, ...]], int]
"""Number of trace tokens in a completion: the position of its close marker, or its length when there is none."""


def sample(
    prompt: tuple[int, ...], *, n: int, sampling: Sampling, seed: int, judge: Judge, find_wall: FindWall, level: float
) -> Experiment[SampleResult]:
    """Draws ``n`` completions of ``prompt`` and grades them.

    Accuracy has a Wilson interval over all n. The length correlation is the point-biserial r of trace length with correctness over
    the answers whose verdict is known. Where the budget ends first, n is the number drawn; without a single one ``BudgetSpent`` goes on.
    """
    if n < 1:
        raise InvalidInput(f"samples {n}: expected at least 1")
    check_level(level)
    start = TokenSequence(prompt=prompt, completion=())
    requests = tuple(Sample(sequence=start, cut=0, params=sampling, seed=seed, index=index) for index in range(n))
    try:
        answers = yield requests
    except BudgetSpent as spent:
        answers = answered_first(spent)
        if not answers:
            raise
    rollouts = tuple(answer for answer in answers if isinstance(answer, Rollout))
    grades = tuple(judge(rollout.ids, rollout.stop) for rollout in rollouts)
    n_trace = np.asarray([find_wall(rollout.ids) for rollout in rollouts], dtype=np.int64)
    correct = np.asarray([grade.verdict is Verdict.CORRECT for grade in grades])
    known = np.asarray([grade.verdict is not Verdict.UNKNOWN for grade in grades])
    low, high = wilson(np.asarray([correct.sum()], dtype=np.float64), np.asarray([len(rollouts)], dtype=np.float64), level)
    return SampleResult(
        prompt=prompt,
        sampling=sampling,
        seed=seed,
        rollouts=rollouts,
        grades=grades,
        n_trace=n_trace,
        accuracy=float(correct.mean()),
        low=float(low[0]),
        high=float(high[0]),
        level=level,
        outcomes=dict(sorted(Counter(grade.outcome for grade in grades).items())),
        length_correlation=point_biserial(n_trace[known].astype(np.float64), correct[known], level),
        generated_tokens=sum(len(rollout.ids) for rollout in rollouts),
        unresolved="" if len(rollouts) == n else f"{len(rollouts):,} of {n:,} answers were drawn",
    )


CHOICES = {"correct": {Verdict.CORRECT}, "incorrect": {Verdict.INCORRECT}, "any": set(Verdict)}


def check_choice(choice: str, n: int) -> None:
    """Refuses a choice of base trace that no ``n`` samples could satisfy."""
    if choice not in CHOICES and not (choice.isdecimal() and int(choice) < n):
        raise InvalidInput(f"base trace {choice!r}: expected correct, incorrect, any or an index below {n}")


def choose_trace(result: SampleResult, choice: str) -> tuple[int, Trace]:
    """The first correct or incorrect answer (``"correct"``, ``"incorrect"``, ``"any"``) or the one with a given index.

    Raises InvalidInput when there is none, with the outcomes that were seen.
    """
    check_choice(choice, len(result.rollouts))
    if choice in CHOICES:
        matching = [i for i, grade in enumerate(result.grades) if grade.verdict in CHOICES[choice]]
        if not matching:
            seen = ", ".join(f"{label} × {count}" for label, count in result.outcomes.items())
            stopped = f"; stopped by the budget: {result.unresolved}" if result.unresolved else ""
            raise InvalidInput(
                f"no {choice} answer among {len(result.grades)} samples (seen: {seen}){stopped}; draw more or choose another"
            )
        index = matching[0]
    else:
        index = int(choice)
    rollout = result.rollouts[index]
    sequence = TokenSequence(prompt=result.prompt, completion=rollout.ids)
    return index, Trace(sequence=sequence, n_trace=int(result.n_trace[index]), stop=rollout.stop)


def complete_trace(
    prompt: tuple[int, ...], given: tuple[int, ...], *, sampling: Sampling, seed: int, is_ended: bool, find_wall: FindWall
) -> Experiment[Trace]:
    """A given completion as a base trace; where it does not end by itself, one sampled continuation ends it.

    The continuation's first token is drawn from the model, so the trace part may go on beyond what was given.
    """
    if not given:
        raise InvalidInput("the given trace is empty; expected at least one token id")
    sequence = TokenSequence(prompt=prompt, completion=given)
    if is_ended:
        return Trace(sequence=sequence, n_trace=find_wall(given), stop=StopReason.STOP)
    if len(given) >= sampling.max_tokens:
        return Trace(sequence=sequence, n_trace=find_wall(given), stop=StopReason.LENGTH)
    (rest,) = yield (Sample(sequence=sequence, cut=len(given), params=sampling, seed=seed, index=0),)
    assert isinstance(rest, Rollout)
    whole = given + rest.ids
    return Trace(sequence=TokenSequence(prompt=prompt, completion=whole), n_trace=find_wall(whole), stop=rest.stop)
