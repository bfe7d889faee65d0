"""Draws of single branches, beyond those of the curve: which ones, and how they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator

import numpy as np

from tokenworth.core.request.experiment import Answers, Batch, BudgetSpent, Foreseen
from tokenworth.core.request.next_token import NextTokenTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.methods.curve.excursions import Ledger
from tokenworth.methods.curve.result import GradedRollout
from tokenworth.methods.forks.result import ForkFamily
from tokenworth.methods.forks.settings import ForkSettings
from tokenworth.methods.stopped import BUDGET_SPENT, MONEY_SPENT, answered_first
from tokenworth.stats.mixture import shared_out
from tokenworth.stats.strata import NEGLIGIBLE, OTHERS

LARGEST_BATCH = 512
"""Rollouts that are asked for at once, so that a budget of tokens knows their length."""
ROUNDING = 1e-9


def family(table: NextTokenTable | None, completion: tuple[int, ...], n_trace: int, floor: float) -> ForkFamily:
    """The forks of the trace and their named branches: 1 − p + s of at least the floor, and q of at least the floor."""
    size = 0 if table is None else min(n_trace, len(table.p))
    p = np.zeros(0) if table is None else np.asarray(table.p[:size], dtype=np.float64)
    known = table is None or table.slack is None
    slack = np.zeros(size) if known else np.nan_to_num(np.asarray(table.slack[:size]), nan=1.0)  # type: ignore[union-attr]
    cuts = np.flatnonzero(1.0 - p + slack >= floor - ROUNDING)
    fork: list[int] = []
    token: list[int] = []
    q: list[float] = []
    for number, cut in enumerate(cuts.tolist()):
        assert table is not None
        for one, share in zip(table.top_ids[cut].tolist(), table.top_p[cut].tolist(), strict=True):
            if one >= 0 and one != completion[cut] and share >= floor - ROUNDING:
                fork.append(number)
                token.append(one)
                q.append(share)
    named = np.bincount(np.asarray(fork, dtype=np.int64), weights=q, minlength=len(cuts))
    return ForkFamily(
        cut=cuts,
        p=p[cuts],
        rest=np.maximum(1.0 - p[cuts] - named, 0.0),
        slack=slack[cuts],
        fork=np.asarray(fork, dtype=np.int64),
        token=np.asarray(token, dtype=np.int64),
        q=np.asarray(q, dtype=np.float64),
    )


def top_up(
    ledger: Ledger, table: NextTokenTable | None, found: ForkFamily, settings: ForkSettings, *, name_first: bool
) -> Generator[Batch, Answers, tuple[list[GradedRollout], str, int]]:
    """Draws until each named branch has ``settings.samples``; returns the draws, the budget that ended first, and how many are missing.

    The requests go on where the curve's own left off at the same fork and token, so a later curve takes them for its next ones.
    """
    wanted = list(_wanted(ledger, table, found, settings, name_first=name_first))
    draws, tokens, ended = list[GradedRollout](), ledger.generated, ""
    while wanted:
        room = _room(settings, len(ledger.draws) + len(draws), tokens, len(ledger.strata.p))
        if room < 1:
            return draws, BUDGET_SPENT, len(wanted)
        now, wanted = wanted[:room], wanted[room:]
        batch = ledger.requests(now)
        try:
            answers = yield Foreseen(batch, ahead=len(wanted))
        except BudgetSpent as spent:
            answers, ended = answered_first(spent), MONEY_SPENT
        graded = [_graded(ledger, one, answer) for one, answer in zip(batch, answers, strict=False)]
        tokens += sum(len(one.rollout.ids) for one in graded)
        draws += graded
        if ended:
            return draws, ended, len(wanted) + len(batch) - len(graded)
    return draws, ended, 0


def _graded(ledger: Ledger, request: Sample, answer: object) -> GradedRollout:
    assert isinstance(answer, Rollout)
    return ledger.reader.draw(answer, cut=request.cut, index=request.index, leaves=True)


def _wanted(
    ledger: Ledger, table: NextTokenTable | None, found: ForkFamily, settings: ForkSettings, *, name_first: bool
) -> Iterator[tuple[int, int]]:
    """(cut, first token) of each draw that is missing: the likeliest branches first, then what is pooled."""
    have = Counter((draw.cut, draw.rollout.ids[0]) for draw in ledger.draws if draw.rollout.ids)
    for branch in np.argsort(-found.q, kind="stable").tolist():
        cut, token = int(found.cut[found.fork[branch]]), int(found.token[branch])
        yield from [(cut, token)] * max(0, settings.samples - have[cut, token])
    if name_first and table is not None and table.slack is None:
        for number in np.flatnonzero(np.isin(np.arange(len(found.cut)), found.fork)).tolist():
            yield from _of_rest(ledger, found, number, settings)


def _of_rest(ledger: Ledger, found: ForkFamily, number: int, settings: ForkSettings) -> Iterator[tuple[int, int]]:
    """Draws of what is below the floor at a fork, as many as its probability is worth beside that of a branch at the floor."""
    cut, rest = int(found.cut[number]), float(found.rest[number])
    tokens, q = ledger.named.tokens[cut], ledger.named.q[cut]
    small = (q > 0) & (q < settings.floor - ROUNDING)
    others = 1.0 - float(ledger.strata.p[cut]) - float(q.sum())
    pieces = [(int(one), float(share)) for one, share in zip(tokens[small], q[small], strict=True)]
    if others > NEGLIGIBLE:
        pieces.append((OTHERS, others))
    named = {int(one) for one in tokens[~small & (q > 0)]}
    have = sum(draw.cut == cut and bool(draw.rollout.ids) and draw.rollout.ids[0] not in named for draw in ledger.draws)
    more = round(settings.samples * min(1.0, rest / settings.floor)) - have
    if pieces and more > 0:
        chosen = shared_out(np.asarray([share for _, share in pieces]), have, more, float(ledger.offsets[ledger.strata.of_cut[cut]]))
        yield from ((cut, pieces[one][0]) for one in chosen.tolist())


def _room(settings: ForkSettings, drawn: int, tokens: int, longest: int) -> int:
    """How many rollouts the budget still allows; until one is drawn it is as long as the base."""
    budget, room = settings.budget, LARGEST_BATCH
    if budget.max_rollouts is not None:
        room = min(room, budget.max_rollouts - drawn)
    if budget.max_tokens is not None:
        room = min(room, int((budget.max_tokens - tokens) / max(tokens / drawn if drawn else longest, 1.0)))
    return room
