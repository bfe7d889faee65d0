"""The loop: a model proposes, a bank of verifiers accepts or says what is wrong, up to a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT
from tokenworth.tasks.critics.critic import BankRuling

ACCEPTED = "accepted"
"""The run ended because an answer was accepted."""
ATTEMPTS_SPENT = "attempts spent"
"""The run ended because the last attempt was rejected."""
NO_ROOM = "no room"
"""The run ended because the prompt with its feedback leaves the model no room to answer."""


CheckCompletion = Callable[[tuple[int, ...], StopReason], BankRuling]
"""A bank of verifiers, given a whole completion. A completion that the limit cut, or that has no answer, is not accepted."""
Feedback = Callable[[tuple[int, ...], tuple[int, ...], tuple[str, ...]], tuple[int, ...] | None]
"""(prompt ids, completion ids, messages) -> ids of the next prompt, None where none would leave room. What the model gets to see of its
former answers is the caller's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One proposal. ``prompt``: what it was drawn from."""

    prompt: tuple[int, ...]
    rollout: Rollout
    checked: BankRuling


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """Budgets and sampling of one loop.

    ``max_tokens``: tokens generated in all attempts together; what an attempt has beyond them is cut off and not read. None: no limit.
    """

    sampling: Sampling
    seed: int
    max_attempts: int
    max_tokens: int | None

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise InvalidInput(f"attempts {self.max_attempts}: expected at least 1")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidInput(f"token budget {self.max_tokens}: expected at least 1, or none")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """All attempts in order; at most the last one is accepted. ``stopped``: why the loop ended.

    ``unresolved``: what a budget that ended the run left undone, empty where nothing is.
    """

    settings: LoopSettings
    attempts: tuple[Attempt, ...]
    stopped: str
    unresolved: str = ""

    @property
    def generated_tokens(self) -> int:
        """Of all attempts."""
        return sum(len(attempt.rollout.ids) for attempt in self.attempts)

    @property
    def read_tokens(self) -> int:
        """Lengths of the prompts together, whether or not a cache spared reading them."""
        return sum(len(attempt.prompt) for attempt in self.attempts)

    @property
    def accepted(self) -> Attempt | None:
        """The accepted attempt, with its provenance in ``checked.by``; None where there is none."""
        return self.attempts[-1] if self.attempts and self.attempts[-1].checked.accepted else None


def _attempt(settings: LoopSettings, prompt: tuple[int, ...], index: int, limit: int) -> Sample:
    """The draw of an attempt, of at most ``limit`` tokens."""
    params = replace(settings.sampling, max_tokens=min(limit, settings.sampling.max_tokens))
    return Sample(sequence=TokenSequence(prompt=prompt, completion=()), cut=0, params=params, seed=settings.seed, index=index)


def loop(prompt: tuple[int, ...], *, settings: LoopSettings, check: CheckCompletion, feedback: Feedback | None) -> Experiment[LoopResult]:
    """Draws attempts one after another until one is accepted or a budget is spent.

    ``feedback`` None: plain rejection; attempt k is draw k of the prompt, the one that `sample` draws with the same seed, so that both
    share a store and a comparison is of the same samples. Else each next prompt is made of the last one, its completion and the messages.

    The attempt that does not fit the token budget is cut where it ends. The first attempt, and in plain rejection each one, is the same
    draw as without a budget, so that up to its own length more may have been generated than is counted; what follows feedback is asked
    for no longer than the budget has left.

    With acceptance probability a and no token budget, plain rejection accepts with probability 1 − (1 − a)^K in K attempts and takes
    (1 − (1 − a)^K)/a attempts on average.

    Source: Kambhampati et al. 2024, "LLMs can't plan, but can help planning in LLM-Modulo frameworks". Differs: each acceptance carries its
    provenance; the budget is one of tokens, too; plain rejection is a setting of the same loop.
    """
    attempts: list[Attempt] = []
    stopped, unresolved = ATTEMPTS_SPENT, ""
    current: tuple[int, ...] | None = prompt
    generated = 0
    for index in range(settings.max_attempts):
        room = settings.sampling.max_tokens if settings.max_tokens is None else settings.max_tokens - generated
        if current is None or room < 1:
            stopped = NO_ROOM if current is None else BUDGET_SPENT
            break
        # What follows feedback is drawn for this loop alone; it need be no longer than the budget has left.
        limit = room if feedback is not None and attempts else settings.sampling.max_tokens
        try:
            (rollout,) = yield (_attempt(settings, current, index, limit),)
        except BudgetSpent:
            if not attempts:
                raise
            stopped, unresolved = MONEY_SPENT, f"{len(attempts):,} of at most {settings.max_attempts:,} attempts were drawn"
            break
        assert isinstance(rollout, Rollout)
        if len(rollout.ids) > room:
            rollout = Rollout(ids=rollout.ids[:room], stop=StopReason.LENGTH)
        generated += len(rollout.ids)
        attempts.append(Attempt(prompt=current, rollout=rollout, checked=check(rollout.ids, rollout.stop)))
        if attempts[-1].checked.accepted:
            stopped = ACCEPTED
            break
        if feedback is not None and index + 1 < settings.max_attempts:
            current = feedback(current, rollout.ids, attempts[-1].checked.messages)
    return LoopResult(
        settings=settings,
        attempts=tuple(attempts),
        stopped=stopped,
        unresolved=unresolved,
    )
