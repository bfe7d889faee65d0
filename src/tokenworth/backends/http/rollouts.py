"""Rollouts over a server: n completions per request, and the ways to draw a first token that leaves the base.

A reply that cannot be used is the outcome ``error`` of its rollouts, not a reason to ask again: a fault that comes with some
answers and not with others (a filter, a length) would otherwise choose among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import gather
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.shaping import is_neutral
from tokenworth.backends.http.tables import Tables
from tokenworth.backends.http.wire import Ask, Choice, Listing, Malformed
from tokenworth.core.keys import rollout_generator, rollout_seed
from tokenworth.core.request.sample import Rollout
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import ServerError, TokenworthError, Unsupported

MOST_IN_VAIN = 20_000
"""One-token draws in a row that may all fall on the base's token before a fork is called closed."""
TROUBLE = 8
"""Unusable replies in a row that end a run: a server that never answers is not an outcome of the model."""

Emit = Callable[[str, Rollout], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutJob:
    """Rollouts of one distribution, to be asked for together. ``leave``: the first token is not the base's."""

    sequence: TokenSequence
    cut: int
    params: Sampling
    branch: int | None
    leave: bool
    keys: tuple[str, ...]


class Trouble:
    """Counts unusable replies in a row, over all batches of a run."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def over(self) -> None:
        """A reply could be used."""
        self._in_a_row = 0

    def note(self, fault: str) -> None:
        """A reply could not be used. Raises `ServerError` when there were too many; whoever goes on after that starts anew."""
        self._in_a_row += 1
        if self._in_a_row >= TROUBLE:
            self._in_a_row = 0
            raise ServerError(
                f"{TROUBLE} replies in a row could not be used, the last because: {fault}; "
                "what was drawn before is stored, run again when the server answers"
            )


class RolloutSink:
    """Passes rollouts on. Errors wait until a reply that could be used, or the end of the batch."""

    def __init__(self, emit: Emit, trouble: Trouble) -> None:
        self._emit, self._trouble = emit, trouble
        self._errors: list[tuple[str, ...]] = []

    def known(self, key: str, rollout: Rollout) -> None:
        """A rollout that no reply was needed for."""
        self._emit(key, rollout)

    def usable(self) -> None:
        """A reply could be used."""
        self._trouble.over()
        self.settle()

    def drawn(self, key: str, rollout: Rollout) -> None:
        """A rollout of a reply."""
        self.usable()
        self._emit(key, rollout)

    def failed(self, keys: tuple[str, ...], fault: str) -> None:
        """An unusable reply. Raises `ServerError` when there were too many in a row; none of those that wait is passed on."""
        self._errors.append(keys)
        self._trouble.note(fault)

    def settle(self) -> None:
        """Passes on the errors that wait."""
        waiting, self._errors = self._errors, []
        for keys in waiting:
            for key in keys:
                self._emit(key, Rollout(ids=(), stop=StopReason.ERROR))


class Sampler:
    """Draws rollouts of one model."""

    def __init__(self, client: Client, prompts: Prompts, tables: Tables, record: ServerRecord, *, n_most: int) -> None:
        self.client, self.prompts, self.tables, self.record, self.n_most = client, prompts, tables, record, n_most

    async def draw(self, job: RolloutJob, sink: RolloutSink) -> None:
        """Draws them all; what cannot be drawn is an error outcome."""
        if not job.leave or _finished(job, ()) is not None:
            await self._continue(job, sink)
            return
        by_token: dict[int, list[str]] = {}
        for key, token in zip(job.keys, await self._first_tokens(job, sink), strict=True):
            if token is not None:
                by_token.setdefault(token, []).append(key)
        groups = [
            RolloutJob(sequence=job.sequence, cut=job.cut, params=job.params, branch=token, leave=False, keys=tuple(keys))
            for token, keys in by_token.items()
        ]
        stopped: list[TokenworthError] = []

        async def go_on(group: RolloutJob) -> None:
            # One group that fails, or may not be asked for, must not cancel others that were: short answers would stay, long ones go.
            try:
                await self._continue(group, sink)
            except TokenworthError as fault:
                stopped.append(fault)

        await gather([(group.branch, lambda group=group: go_on(group)) for group in groups])
        if stopped:
            raise stopped[0]

    async def _continue(self, job: RolloutJob, sink: RolloutSink) -> None:
        """Rollouts whose first token, if any is forced, is known."""
        params, tail = job.params, () if job.branch is None else (job.branch,)
        done = _finished(job, tail)
        if done is not None:
            for key in job.keys:
                sink.known(key, done)
            return
        room = params.max_tokens - job.cut - len(tail)
        prompt = self.prompts.at(job.sequence, job.cut, tail)
        place = self.client.place(job.sequence)
        # vLLM refuses more than one greedy completion a request.
        for keys in _chunks(job.keys, self.n_most if params.temperature > 0 else 1):
            ask = Ask(prompt=prompt, n=len(keys), max_tokens=room, params=params, seed=rollout_seed(keys[0]))
            try:
                reply = await self.client.ask(ask, place)
                rollouts = [self._rollout(choice, tail, params) for choice in reply.choices]
            except Malformed as fault:
                sink.failed(keys, str(fault))
                continue
            for key, rollout in zip(keys, rollouts, strict=True):
                sink.drawn(key, rollout)

    def _rollout(self, choice: Choice, tail: tuple[int, ...], params: Sampling) -> Rollout:
        """A completion as ids with its stop token; where the server gives text only, our tokenizer's ids of it."""
        ids = choice.ids if choice.ids is not None else self.prompts.codec.encode(choice.text)
        # A server that knows fewer stop tokens than the model's files goes on after them; what comes then is not the rollout's.
        end = next((i for i, token in enumerate(ids) if token in params.stop), None)
        if end is not None:
            return Rollout(ids=(*tail, *ids[: end + 1]), stop=StopReason.STOP)
        if choice.finish == "refused":
            return Rollout(ids=(*tail, *ids), stop=StopReason.REFUSED)
        if choice.finish == "length":
            return Rollout(ids=(*tail, *ids), stop=StopReason.LENGTH)
        if choice.ids is not None and self.record.stop_in_ids:
            # It ended at a token that the model's files do not call a stop token: nothing is missing at its end.
            return Rollout(ids=(*tail, *ids), stop=StopReason.STOP)
        stop = choice.stop_id if choice.stop_id in params.stop else params.stop[0] if params.stop else None
        return Rollout(ids=(*tail, *ids) if stop is None else (*tail, *ids, stop), stop=StopReason.STOP)

    # -- first tokens ----------------------------------------------------------------------------------------------

    async def _first_tokens(self, job: RolloutJob, sink: RolloutSink) -> Sequence[int | None]:
        """A first token other than the base's for each key, drawn from q_c restricted to the others; None for errors passed on.

        Where the listed tokens settle q, from the key alone. Else the server draws it: with the base's token banned where that leaves
        the others as they are, or by drawing until another token comes.
        """
        base, params = job.sequence.completion[job.cut], job.params
        can_ban = self.record.bias_honoured
        listing = await self.tables.at(job.sequence, job.cut, None if can_ban and is_neutral(params) else params)
        shaped = self.tables.shaped(listing, params)
        if shaped.is_exact:
            others = [(token, q) for token, q in zip(listing.ids, shaped.low.tolist(), strict=True) if token != base and q > 0]
            if not others:
                raise Unsupported(f"cut {job.cut}: no other token than {base} can be drawn under this sampling, so none leaves")
            total = np.cumsum([q for _, q in others])
            picks = [rollout_generator(key).random() * total[-1] for key in job.keys]
            return [others[min(int(np.searchsorted(total, pick, side="right")), len(others) - 1)][0] for pick in picks]
        banning = _without(base, listing, params) if can_ban else None
        return await self._drawn_tokens(job, base, banning, sink)

    async def _drawn_tokens(self, job: RolloutJob, base: int, banning: Sampling | None, sink: RolloutSink) -> list[int | None]:
        """One token a key: with the base's banned under the sampling ``banning``, or (None) what else comes under the draws' own."""
        prompt, place = self.prompts.at(job.sequence, job.cut), self.client.place(job.sequence)
        params, bias = (job.params, {}) if banning is None else (banning, {base: -math.inf})
        found: list[int | None] = []
        in_vain = 0
        while len(found) < len(job.keys):
            n = min(self.n_most, len(job.keys) - len(found)) if bias else self.n_most
            # Each round has its own seed: a repeated one would repeat its job.
            seed = _first_seed(job.keys[len(found)]) + in_vain
            ask = Ask(prompt=prompt, n=n, max_tokens=1, params=params, seed=seed, bias=bias)
            try:
                reply = await self.client.ask(ask, place)
                others = [token for token in (self._one_id(choice, params) for choice in reply.choices) if token != base]
            except Malformed as fault:
                # It was to give each of these its token, or the next one another try.
                lost = job.keys[len(found) : len(found) + (n if bias else 1)]
                sink.failed(lost, str(fault))
                found += [None] * len(lost)
                continue
            sink.usable()
            found += others
            in_vain = 0 if others else in_vain + n
            if in_vain > MOST_IN_VAIN:
                raise Unsupported(f"cut {job.cut}: {in_vain} draws in a row all took the base's token {base}; use --plan stride or plain")
        return found[: len(job.keys)]

    def _one_id(self, choice: Choice, params: Sampling) -> int:
        ids = self._rollout(choice, (), params).ids
        if not ids:
            raise Malformed("a completion of one token is empty")
        return ids[0]


def _finished(job: RolloutJob, tail: tuple[int, ...]) -> Rollout | None:
    """The rollout where nothing is left to be drawn: after a stop token, or at the limit."""
    params, cut = job.params, job.cut
    ended = cut > 0 and job.sequence.completion[cut - 1] in params.stop
    if ended or cut >= params.max_tokens:
        return Rollout(ids=(), stop=StopReason.STOP if ended else StopReason.LENGTH)
    if tail and (tail[-1] in params.stop or cut + len(tail) >= params.max_tokens):
        return Rollout(ids=tail, stop=StopReason.STOP if tail[-1] in params.stop else StopReason.LENGTH)
    return None


def _without(base: int, listing: Listing, params: Sampling) -> Sampling | None:
    """The sampling that, with ``base`` banned, draws from q restricted to the others; None where a ban would let others in."""
    if is_neutral(params):
        return params
    only_top_k = params.temperature > 0 and params.top_k > 1 and params.top_p == 1 and params.min_p == 0
    # Of the k likeliest, k − 1 are left; a base that is none of them leaves all k, and is too unlikely to be worth a ban.
    return replace(params, top_k=params.top_k - 1) if only_top_k and base in listing.ids[: params.top_k] else None


def _first_seed(key: str) -> int:
    """A seed from other bits of the key than the rollout's own: with one seed for both, the first token's uniform would also choose
    the second.
    """
    return rollout_seed(key[16:])


def _chunks(keys: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(keys[i : i + size]) for i in range(0, len(keys), size)]
