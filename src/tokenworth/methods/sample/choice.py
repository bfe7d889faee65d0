"""The choice of a base trace: among sampled answers, or given by its ids."""

from __future__ import annotations

from tokenworth.core.grade import Verdict
from tokenworth.core.measure import FindWall
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.sample.result import SampleResult

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

    The continuation's first token is drawn from the model, so the trace may continue beyond the given part.
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
