"""The experiment of the spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tests.laws.toy_measure.result import SpreadResult
from tests.laws.toy_measure.settings import SpreadSettings
from tokenworth.core.measure import Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import TokenSequence


def spread(subject: Subject, settings: SpreadSettings) -> Experiment[SpreadResult]:
    """How often each answer is given in two rounds of draws."""
    start, found = TokenSequence(prompt=subject.prompt, completion=()), Counter[str]()
    for number in range(2):
        first = number * settings.samples
        answers = yield tuple(
            Sample(sequence=start, cut=0, params=subject.sampling, seed=settings.seed, index=first + i) for i in range(settings.samples)
        )
        for rollout in answers:
            assert isinstance(rollout, Rollout)
            outcome = subject.judge(rollout.ids, rollout.stop).outcome
            if outcome not in settings.without:
                found[outcome if settings.count == "outcomes" else str(rollout.ids)] += 1
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return SpreadResult(answers=tuple(answer for answer, _ in ranked), counts=np.asarray([n for _, n in ranked], dtype=np.int64))


def needs(settings: SpreadSettings) -> Iterator[Need]:
    """Rollouts."""
    del settings
    yield Need(able="sample", what="the spread")
