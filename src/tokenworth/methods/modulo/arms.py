"""Ways to pick an answer from one stream of draws, each within the same token budget, and how they compare over problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.errors import InvalidInput
from tokenworth.methods.modulo.paired import Paired, paired
from tokenworth.stats.proportion import share


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDraw:
    """One draw of a problem's stream. ``correct``: None where no one knows.

    ``accepted``: by the sound bank; ``passed``: by the unsound one. ``n_tokens``: tokens generated for it.
    """

    outcome: str
    correct: bool | None
    accepted: bool
    passed: bool
    n_tokens: int


DrawStream = tuple[JudgedDraw, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What an arm answers: the index of the draw whose answer it gives, None where it gives none, and what it read of the stream.

    ``n_tokens``: generated tokens: of what was read, and what is left of the budget where the next draw was begun and cut by it.
    """

    draw: int | None
    n_read: int
    n_tokens: int


Arm = Callable[[DrawStream, int | None, int | None], Picked]
"""(stream, token budget, most draws) -> what is picked. None: no limit."""


def within(stream: DrawStream, budget: int | None, most: int | None) -> int:
    """How many draws fit the budgets whole; the one that the budget cuts has no answer, and nothing after it is looked at."""
    total, n = 0, 0
    for draw in stream[:most]:
        total += draw.n_tokens
        if budget is not None and total > budget:
            break
        n += 1
    return n


def _spent(stream: DrawStream, budget: int | None, most: int | None) -> int:
    """Tokens that reading all of the stream costs within the budgets."""
    total = sum(draw.n_tokens for draw in stream[:most])
    return total if budget is None else min(total, budget)


def single(stream: DrawStream, budget: int | None, most: int | None) -> Picked:
    """The first draw, unseen by any verifier; none where it has no answer."""
    n = min(1, within(stream, budget, most))
    return Picked(draw=_vote(stream, range(n)), n_read=n, n_tokens=_spent(stream, budget, 1))


def majority(stream: DrawStream, budget: int | None, most: int | None) -> Picked:
    """Self-consistency: the most frequent answer of all draws, the earlier one of equals; draws without an answer have no vote.

    Source: Wang et al. 2022, "Self-consistency improves chain of thought reasoning in language models".
    """
    n = within(stream, budget, most)
    return Picked(draw=_vote(stream, range(n)), n_read=n, n_tokens=_spent(stream, budget, most))


def best_of_n(stream: DrawStream, budget: int | None, most: int | None) -> Picked:
    """All draws are checked: the most frequent of the accepted answers; the first accepted where none of these has a vote; else of all."""
    n = within(stream, budget, most)
    accepted = [index for index in range(n) if stream[index].accepted]
    voted = _vote(stream, accepted or range(n))
    return Picked(draw=accepted[0] if voted is None and accepted else voted, n_read=n, n_tokens=_spent(stream, budget, most))


def loop(stream: DrawStream, budget: int | None, most: int | None) -> Picked:
    """Generate and test: the first draw that the sound bank accepts, and no answer where there is none. It reads no further."""
    return _first(stream, budget, most, tuple(draw.accepted for draw in stream))


def unsound_loop(stream: DrawStream, budget: int | None, most: int | None) -> Picked:
    """The same loop with the unsound bank."""
    return _first(stream, budget, most, tuple(draw.passed for draw in stream))


ARMS: Mapping[str, Arm] = {
    "single draw": single,
    "majority vote": majority,
    "best of n": best_of_n,
    "loop": loop,
    "loop, UNSOUND verifier": unsound_loop,
}
"""The arms that are compared, by the name they have in results."""


def _first(stream: DrawStream, budget: int | None, most: int | None, accepts: tuple[bool, ...]) -> Picked:
    n = within(stream, budget, most)
    found = next((index for index in range(n) if accepts[index]), None)
    return Picked(
        draw=found, n_read=n if found is None else found + 1, n_tokens=_spent(stream, budget, most if found is None else found + 1)
    )


def _vote(stream: DrawStream, voters: Sequence[int]) -> int | None:
    votes = Counter(stream[index].outcome for index in voters if stream[index].outcome not in RESERVED_OUTCOMES)
    if not votes:
        return None
    # A counter keeps the order of first appearance, and max the first of equals.
    winner = max(votes, key=lambda outcome: votes[outcome])
    return next(index for index in voters if stream[index].outcome == winner)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm over all problems.

    ``solved``: right answers among all problems; no answer is not right. ``answered``: answers given among all problems.
    ``right_of_answered``: right among the answers given whose truth is known; ``n_unknown``: those whose truth is not. ``tokens``,
    ``draws``: of all problems together. ``versus``: this arm against the loop, problem by problem; None for the loop itself.
    """

    name: str
    solved: Estimate
    answered: Estimate
    right_of_answered: Estimate
    n_unknown: int
    n_wrong: int
    tokens: int
    draws: int
    versus: Paired | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one arm told of one problem. ``correct``: None where it gave no answer or no one knows."""

    answered: bool
    correct: bool | None
    n_read: int
    n_tokens: int


def told(stream: DrawStream, picked: Picked) -> Told:
    """The answer an arm picked of a stream."""
    correct = None if picked.draw is None else stream[picked.draw].correct
    return Told(answered=picked.draw is not None, correct=correct, n_read=picked.n_read, n_tokens=picked.n_tokens)


def compare(
    streams: Sequence[DrawStream], *, budget: int | None, most: int | None, level: float, others: Mapping[str, Sequence[Told]] | None = None
) -> tuple[ArmResult, ...]:
    """Every arm on the same streams, one a problem, within the same budget of generated tokens for each problem.

    Each arm reads a prefix of the stream and pays for all of it; a draw that the budget cuts is paid for and has no answer.
    ``others``: arms with separate draws on the same problems, such as a loop with feedback.
    """
    if not streams:
        raise InvalidInput("no problems to compare the arms on; expected at least one stream of draws")
    rows = {name: tuple(told(stream, arm(stream, budget, most)) for stream in streams) for name, arm in ARMS.items()}
    for name, row in (others or {}).items():
        if len(row) != len(streams):
            raise InvalidInput(f"arm {name!r} has {len(row)} problems; expected {len(streams)}, as the others")
        rows[name] = tuple(row)
    right = {name: np.asarray([one.correct is True for one in row]) for name, row in rows.items()}
    return tuple(
        _arm(name, row, level, None if name == "loop" else paired(right[name], right["loop"], level)) for name, row in rows.items()
    )


def _arm(name: str, row: Sequence[Told], level: float, versus: Paired | None) -> ArmResult:
    n, k = len(row), sum(one.correct is True for one in row)
    wrong, answered = sum(one.correct is False for one in row), sum(one.answered for one in row)
    return ArmResult(
        name=name,
        solved=share(k, n, level),
        answered=share(answered, n, level),
        right_of_answered=share(k, k + wrong, level),
        n_unknown=answered - k - wrong,
        n_wrong=wrong,
        tokens=sum(one.n_tokens for one in row),
        draws=sum(one.n_read for one in row),
        versus=versus,
    )
