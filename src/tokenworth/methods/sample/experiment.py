"""The experiment of `sample`: N answers to a problem."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tokenworth.core.estimate import check_level
from tokenworth.core.grade import Judge, Verdict
from tokenworth.core.measure import FindWall, Need, Subject
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput
from tokenworth.methods.sample.result import SampleResult
from tokenworth.methods.stopped import answered_first
from tokenworth.stats.correlation import point_biserial
from tokenworth.stats.proportion import wilson


def draws_of(what: str) -> Need:
    """That a model can be sampled, which ``what`` takes."""
    return Need(able="sample", what=what, instead={"read": "forced answers on a trace given by its ids still work"})


def sample(
    prompt: tuple[int, ...], *, n: int, sampling: Sampling, seed: int, judge: Judge, find_wall: FindWall, level: float
) -> Experiment[SampleResult]:
    """Draws ``n`` completions of ``prompt`` and grades them.

    Accuracy has a Wilson interval over all n. The length correlation is the point-biserial r of trace length with correctness over
    the answers whose verdict is known. If the budget ends first, n is the number drawn; without a single one ``BudgetSpent`` is
    raised again.
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


def answers_of(subject: Subject, n: int, *, seed: int, level: float, sampling: Sampling | None = None) -> Experiment[SampleResult]:
    """`sample` on a subject's problem, with the subject's own sampling unless another is given."""
    judge, wall = subject.judge, subject.find_wall
    return sample(subject.prompt, n=n, sampling=sampling or subject.sampling, seed=seed, judge=judge, find_wall=wall, level=level)
