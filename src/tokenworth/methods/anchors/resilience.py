"""How often a sentence comes back when it is taken away, and what the answer is where it stays away: by draws of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tokenworth.core.measure import FindWall
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import Codec, TokenSequence
from tokenworth.methods.anchors.similarity import Similarity
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.segments import token_cuts
from tokenworth.methods.stopped import answered_first

RESILIENCE_STREAM = 1 << 52
"""Distance from a run's seed to the stream of these draws."""
AT_ONCE, TRIES = 4, 20
"""Rollouts that are asked for at once until one has another sentence, and at most."""
ROUNDS = 10
"""So often a sentence is taken away again at most."""


@dataclass(slots=True, kw_only=True)
class Fought:
    """A sentence that was taken away again and again. A run ends with the sentence away, back after `ROUNDS`, or stuck: no other in `TRIES`
    rollouts."""

    sentence: int
    away: int = 0
    hits: int = 0
    """Of those away, that meet the target."""
    back: int = 0
    stuck: int = 0
    unfinished: int = 0
    """Runs that a budget ended. Those that end early are no random part, so nothing is estimated beside them."""
    rounds: list[int] = field(default_factory=list[int])
    """Of each run that ended: how often the sentence was taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    of: Fought
    number: int
    kept: tuple[int, ...]
    """Tokens before the sentence that is taken away."""
    tried: int = 0
    round: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fight:
    """What a run needs to know. Private state of one generator."""

    reader: Reader
    sampling: Sampling
    codec: Codec
    find_wall: FindWall
    segment: str
    similarity: Similarity
    threshold: float
    seed: int

    def requests(self, run: _Run) -> tuple[Sample, ...]:
        """The next rollouts of a run, from just before the sentence."""
        sequence = TokenSequence(prompt=self.reader.trace.sequence.prompt, completion=run.kept)
        first = run.number * TRIES + run.tried
        one = Sample(sequence=sequence, cut=len(run.kept), params=self.sampling, seed=RESILIENCE_STREAM + self.seed, index=first)
        return tuple(replace(one, index=first + k) for k in range(AT_ONCE))

    def go_on(self, run: _Run, rollouts: Sequence[Rollout], sentence: str) -> _Run | None:
        """The run after these rollouts; None where it has ended."""
        for rollout in rollouts:
            ids = run.kept + rollout.ids
            own = ids[len(run.kept) : max(len(run.kept), self.find_wall(ids))]
            cuts = token_cuts(self.codec.piece_bytes(own), self.segment).tolist()
            bounds = [*cuts, len(own)]
            texts = [self.codec.decode(own[a:b]).strip() for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
            is_like = (self.similarity(texts, [sentence])[:, 0] >= self.threshold) if texts else np.zeros(0, dtype=bool)
            if len(is_like) and is_like[0]:
                continue
            again = np.flatnonzero(is_like)
            if not len(again):
                grade = self.reader.judge(ids, rollout.stop)
                run.of.away += 1
                run.of.hits += self.reader.hits(grade, ids) is True
            elif run.round < ROUNDS:
                return replace(run, kept=run.kept + own[: cuts[int(again[0])]], tried=0, round=run.round + 1)
            else:
                run.of.back += 1
            run.of.rounds.append(run.round)
            return None
        if run.tried + AT_ONCE < TRIES:
            return replace(run, tried=run.tried + AT_ONCE)
        run.of.stuck += 1
        run.of.rounds.append(run.round)
        return None


def resilience(
    fight: Fight, sentences: Sequence[tuple[int, int, int]], *, runs: int, most_rollouts: int | None, most_tokens: int | None
) -> Experiment[tuple[tuple[Fought, ...], int, int]]:
    """Each sentence (number, first cut, cut after it) taken away in so many runs, with the rollouts and tokens that took.

    A run resamples from the start of the sentence until another one stands there, and again wherever one like it comes back later.

    Source: Macar et al. 2025, "Thought Branches" (resilience, counterfactual++). Differs: on token ids; a run that cannot be rid of the
    sentence is counted and not dropped.
    """
    base = fight.reader.trace.sequence.completion
    found = tuple(Fought(sentence=number) for number, _, _ in sentences)
    text = {number: fight.codec.decode(base[a:b]).strip() for number, a, b in sentences}
    active = [_Run(of=of, number=k, kept=base[:a]) for of, (_, a, _) in zip(found, sentences, strict=True) for k in range(runs)]
    drawn = tokens = 0
    while active:
        if most_rollouts is not None:
            active = active[: max(0, (most_rollouts - drawn) // AT_ONCE)]
        if not active or (most_tokens is not None and tokens >= most_tokens):
            break
        batch = tuple(one for run in active for one in fight.requests(run))
        spent = False
        try:
            answers = yield batch
        except BudgetSpent as ended:
            answers, spent = answered_first(ended), True
        rollouts = [one for one in answers if isinstance(one, Rollout)]
        drawn += len(rollouts)
        tokens += sum(len(one.ids) for one in rollouts)
        whole = [rollouts[at : at + AT_ONCE] for at in range(0, len(rollouts) - AT_ONCE + 1, AT_ONCE)]
        after = [fight.go_on(run, mine, text[run.of.sentence]) for run, mine in zip(active, whole, strict=False)]
        active = [] if spent else [run for run in after if run is not None]
    for of in found:
        of.unfinished = runs - len(of.rounds)
    return found, drawn, tokens
