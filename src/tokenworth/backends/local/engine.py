"""Rollouts: requests of many cuts, and many sequences, decode together in one batch that refills as rows finish."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.rows import DecodeStep, Rows
from tokenworth.backends.local.sampler import Support, support
from tokenworth.core.keys import rollout_generator
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence

_WINDOW = 128

Keyed = tuple[str, Sample]
Finished = tuple[str, Rollout]


@dataclass(frozen=True, slots=True)
class Group:
    """Requests on one sequence, which has a number in the run; ``reach`` is the last cut that anything on it is drawn from."""

    number: int
    reach: int
    requests: list[Keyed]


@dataclass(slots=True)
class Start:
    """A rollout whose first token is known and that needs more."""

    key: str
    sequence: int
    prefix: Prefix
    length: int
    limit: int
    first: int
    uniforms: np.random.Generator


def first_supports(model: LocalModel, prefix: Prefix, n_prompt: int, cuts: Sequence[int], params: Sampling) -> Support:
    """q at some cuts of a prefix, from the hidden state before each cut."""
    positions = np.asarray(cuts, dtype=np.int64) + (n_prompt - 1)
    return support(model.logits(prefix.states(positions)), params)


class Engine:
    """Draws rollouts of one sampling distribution."""

    def __init__(self, model: LocalModel, prefixes: PrefixStore, params: Sampling, rows: Rows) -> None:
        self.model = model
        self.prefixes = prefixes
        self.params = params
        self.rows = rows
        self.batch = batch = rows.capacity
        self.steps = 0
        self.row_steps = 0
        self.stop = np.asarray(sorted(params.stop), dtype=np.int64)
        self._starts: list[Start | None] = [None] * batch
        self._ids = np.zeros((batch, _WINDOW), dtype=np.int64)
        self._count = np.zeros(batch, dtype=np.int64)
        self._limit = np.zeros(batch, dtype=np.int64)
        self._uniform = np.zeros((batch, _WINDOW))

    def run(self, requests: Sequence[Keyed]) -> Iterator[Finished]:
        """Yields each rollout as it finishes."""
        open_: list[Keyed] = []
        for key, request in requests:
            over = self._over(request)
            if over is None:
                open_.append((key, request))
            else:
                yield key, Rollout(ids=(), stop=over)
        waiting = deque(_groups(open_, self.batch))
        ready: deque[Start] = deque()
        while waiting or ready or self.rows.n:
            while waiting and self.rows.n + len(ready) < self.batch:
                starts, finished = self._begin(waiting.popleft())
                ready.extend(starts)
                yield from finished
            while ready and self.rows.n < self.batch:
                self._seat(self.rows.n, ready.popleft())
            if self.rows.n:
                for row in self._step():
                    yield self._finish(row)
                    self._vacate(row, ready)

    def _over(self, request: Sample) -> StopReason | None:
        """Why nothing is left to draw, if so."""
        if request.cut > 0 and request.sequence.completion[request.cut - 1] in self.params.stop:
            return StopReason.STOP
        return StopReason.LENGTH if request.cut >= self.params.max_tokens else None

    @torch.inference_mode()
    def _begin(self, group: Group) -> tuple[list[Start], list[Finished]]:
        """First tokens of a few requests on one sequence: forced, left, or sampled, from the base's hidden states."""
        finished: list[Finished] = []
        open_ = [(key, request, rollout_generator(key)) for key, request in group.requests]
        sequence = open_[0][1].sequence
        prefix = self.prefixes.get(sequence.prefix(group.reach))
        firsts = self._first_tokens(prefix, open_)
        starts: list[Start] = []
        for (key, request, uniforms), first in zip(open_, firsts, strict=True):
            limit = self.params.max_tokens - request.cut
            if first in self.params.stop or limit == 1:
                reason = StopReason.STOP if first in self.params.stop else StopReason.LENGTH
                finished.append((key, Rollout(ids=(first,), stop=reason)))
            else:
                starts.append(Start(key, group.number, prefix, len(sequence.prompt) + request.cut, limit, first, uniforms))
        return starts, finished

    def _first_tokens(self, prefix: Prefix, requests: Sequence[tuple[str, Sample, np.random.Generator]]) -> list[int]:
        samples = [request for _, request, _ in requests]
        uniform = torch.tensor([generator.random() for _, _, generator in requests], dtype=torch.float64, device=self.model.device)
        drawn = [i for i, request in enumerate(samples) if request.branch is None]
        tokens = [-1 if request.branch is None else request.branch for request in samples]
        for begin in range(0, len(drawn), self.model.head_rows):
            part = drawn[begin : begin + self.model.head_rows]
            chosen = [samples[i] for i in part]
            q = first_supports(self.model, prefix, len(chosen[0].sequence.prompt), [s.cut for s in chosen], self.params)
            left = [s.sequence.completion[s.cut] if s.leave else -1 for s in chosen]
            if any(s.leave for s in chosen):
                q = q.without(torch.tensor(left, device=self.model.device))
            for i, token in zip(part, q.draw(uniform[part]).tolist(), strict=True):
                tokens[i] = token
        return tokens

    def _seat(self, row: int, start: Start) -> None:
        self.rows.place(row, start.prefix.kv, start.length, start.first, start.sequence)
        self._starts[row] = start
        self._ids[row, 0] = start.first
        self._count[row] = 1
        self._limit[row] = start.limit
        self._uniform[row, 1:] = start.uniforms.random(_WINDOW - 1)

    @torch.inference_mode()
    def _vacate(self, row: int, ready: deque[Start]) -> None:
        if ready:
            self._seat(row, ready.popleft())
            return
        last = self.rows.n - 1
        self.rows.drop(row)
        self._starts[row], self._starts[last] = self._starts[last], None
        for array in (self._ids, self._count, self._limit, self._uniform):
            array[row] = array[last]

    def _finish(self, row: int) -> Finished:
        start = self._starts[row]
        assert start is not None
        ids = self._ids[row, : self._count[row]].tolist()
        stopped = ids[-1] in self.params.stop
        return start.key, Rollout(ids=tuple(ids), stop=StopReason.STOP if stopped else StopReason.LENGTH)

    @torch.inference_mode()
    def _step(self) -> list[int]:
        """One token for every row; returns the rows that are done, the highest first."""
        rows, n = self.rows, self.rows.n
        device = self.model.device
        tokens = torch.from_numpy(rows.token[:n]).to(device)
        step = DecodeStep(rows, device, self.model.context_length)
        positions = torch.from_numpy(step.positions).to(device)
        hidden = self.model.hidden(tokens[:, None], positions[:, None], step)[:, -1]
        drawn = self._draw(hidden, self._uniforms(n))
        rows.token[:n] = drawn
        count = self._count[:n]
        if int(count.max()) == self._ids.shape[1]:
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)], axis=1)
        self._ids[np.arange(n), count] = drawn
        count += 1
        self.steps += 1
        self.row_steps += n
        done = (count >= self._limit[:n]) | np.isin(drawn, self.stop)
        return np.flatnonzero(done)[::-1].tolist()

    def _uniforms(self, n: int) -> Tensor:
        place = self._count[:n] % _WINDOW
        for row in np.flatnonzero(place == 0).tolist():
            start = self._starts[row]
            assert start is not None
            self._uniform[row] = start.uniforms.random(_WINDOW)
        return torch.from_numpy(self._uniform[np.arange(n), place]).to(self.model.device)

    def _draw(self, hidden: Tensor, uniform: Tensor) -> np.ndarray:
        size = self.model.head_rows
        parts = [
            support(self.model.logits(hidden[i : i + size]), self.params).draw(uniform[i : i + size]) for i in range(0, len(hidden), size)
        ]
        return torch.cat(parts).cpu().numpy()


def _groups(requests: Sequence[Keyed], size: int) -> list[Group]:
    """Requests by sequence, the earliest cuts (the longest rollouts) first, in groups of at most ``size``.

    Which rows decode together decides last bits: it depends on what is asked, and not on the order in which it is asked.
    """
    by_sequence: dict[TokenSequence, list[Keyed]] = {}
    last: list[Keyed] = []
    for item in requests:
        # Hashing a sequence hashes all its ids; requests of one sequence come together.
        if not last or last[-1][1].sequence is not item[1].sequence:
            last = by_sequence.setdefault(item[1].sequence, [])
        last.append(item)
    groups: list[Group] = []
    for number, items in enumerate(sorted(by_sequence.values(), key=lambda items: min(key for key, _ in items))):
        items.sort(key=lambda item: (item[1].cut, item[0]))
        groups += [Group(number, items[-1][1].cut, items[i : i + size]) for i in range(0, len(items), size)]
    return groups
