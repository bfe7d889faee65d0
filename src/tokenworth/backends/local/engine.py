"""Rollouts: requests of many cuts, and many sequences, decode together in one batch that refills as rows finish."""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.rows import DecodeStep, Rows
from tokenworth.backends.local.sampler import Support, draw, draw_of, support
from tokenworth.core.keys import rollout_generator
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.regenerate import hidden_from
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence

_WINDOW = 128

Keyed = tuple[str, Sample]
_Base = tuple[TokenSequence, tuple[int, int] | None]
"""A sequence, and the positions of it that are hidden."""
KeyedRollout = tuple[str, Rollout]


@dataclass(frozen=True, slots=True)
class RequestGroup:
    """Requests on one sequence and of one sampling; the sequence has a number in the run, and is computed up to the cut ``reach``."""

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
    params: Sampling
    limit: int
    first: int
    uniforms: np.random.Generator


class Engine:
    """Draws rollouts, of several samplings if need be."""

    def __init__(self, model: LocalModel, prefixes: PrefixStore, rows: Rows) -> None:
        self.model = model
        self.prefixes = prefixes
        self.rows = rows
        self.batch = batch = rows.capacity
        self.steps = 0
        self.row_steps = 0
        self._starts: list[Start | None] = [None] * batch
        self._ids = np.zeros((batch, _WINDOW), dtype=np.int64)
        self._count = np.zeros(batch, dtype=np.int64)
        self._limit = np.zeros(batch, dtype=np.int64)
        self._uniform = np.zeros((batch, _WINDOW))
        self._shape = np.zeros(batch, dtype=np.int64)
        self._shapes: dict[Sampling, int] = {}
        self._numbers: OrderedDict[_Base, int] = OrderedDict()
        self._next_number = itertools.count()

    def run(
        self, requests: Iterator[KeyedRequest | None], table: Callable[[Request], Response], *, whole: bool = False
    ) -> Iterator[tuple[str, Response]]:
        """Yields each rollout as it finishes, and what ``table`` gives for requests of other kinds as they come.

        Requests are taken as rows fall free, a batch at most; None means that there is nothing now. ``whole``: they are all there and
        taken together.
        """
        waiting: deque[RequestGroup] = deque()
        ready: deque[Start] = deque()
        while True:
            while self.rows.n + len(ready) < self.batch:
                if not waiting:
                    taken = [one for one in iter(lambda: next(requests, None), None)] if whole else self._take(requests)
                    if not taken:
                        break
                    yield from self._at_once(taken, table)
                    waiting.extend(self._groups(taken, whole=whole))
                    continue
                starts, finished = self._begin(waiting.popleft())
                ready.extend(starts)
                yield from finished
            while ready and self.rows.n < self.batch:
                self._seat(self.rows.n, ready.popleft())
            if not self.rows.n:
                return
            for row in self._step():
                yield self._finish(row)
                self._vacate(row, ready)

    def _take(self, requests: Iterator[KeyedRequest | None]) -> list[KeyedRequest]:
        return list(islice(iter(lambda: next(requests, None), None), self.batch))  # pyright: ignore[reportReturnType]

    def _at_once(self, taken: Sequence[KeyedRequest], table: Callable[[Request], Response]) -> Iterator[tuple[str, Response]]:
        """The answers for which nothing is drawn."""
        for keyed in taken:
            request = keyed.request
            if not isinstance(request, Sample):
                yield keyed.key, table(request)
            elif (over := _over(request)) is not None:
                yield keyed.key, Rollout(ids=(), stop=over)

    @torch.inference_mode()
    def _begin(self, group: RequestGroup) -> tuple[list[Start], list[KeyedRollout]]:
        """First tokens of a few requests on one sequence: forced, left, or sampled, from the base's hidden states."""
        finished: list[KeyedRollout] = []
        open_ = [(key, request, rollout_generator(key)) for key, request in group.requests]
        sequence, params = open_[0][1].sequence, open_[0][1].params
        ids, gap = sequence.prefix(group.reach), hidden_from(open_[0][1])
        prefix = self.prefixes.get(ids) if gap is None else self.prefixes.without(ids, gap)
        firsts = self._first_tokens(prefix, open_)
        starts: list[Start] = []
        for (key, request, uniforms), first in zip(open_, firsts, strict=True):
            limit = params.max_tokens - request.cut
            if first in params.stop or limit == 1:
                reason = StopReason.STOP if first in params.stop else StopReason.LENGTH
                finished.append((key, Rollout(ids=(first,), stop=reason)))
            else:
                length = len(sequence.prompt) + request.cut - prefix.shift
                starts.append(Start(key, group.number, prefix, length, params, limit, first, uniforms))
        return starts, finished

    def _first_tokens(self, prefix: Prefix, requests: Sequence[tuple[str, Sample, np.random.Generator]]) -> list[int]:
        samples = [request for _, request, _ in requests]
        uniform = torch.tensor([generator.random() for _, _, generator in requests], dtype=torch.float64, device=self.model.device)
        drawn = [i for i, request in enumerate(samples) if request.branch is None]
        tokens = [-1 if request.branch is None else request.branch for request in samples]

        def of(part: list[int]) -> tuple[Tensor, Support]:
            """Logits and q at some cuts of the prefix, from the hidden state before each cut."""
            chosen = [samples[i] for i in part]
            positions = np.asarray([s.cut for s in chosen], dtype=np.int64) + (len(chosen[0].sequence.prompt) - 1 - prefix.shift)
            logits = self.model.logits(prefix.states(positions))
            q = support(logits, samples[0].params)
            left = [(s.sequence.completion[s.cut], *s.avoid) if s.leave else () for s in chosen]
            if most := max(map(len, left)):
                q = q.without(torch.tensor([[*x, *[-1] * (most - len(x))] for x in left], device=self.model.device))
            return logits, q

        for begin in range(0, len(drawn), self.model.head_rows):
            part = drawn[begin : begin + self.model.head_rows]
            logits, q = of(part)
            ids, unsure = draw_of(q, logits, samples[0].params, uniform[part])
            for i, token in zip(part, ids.tolist(), strict=True):
                tokens[i] = token
            for at in torch.nonzero(unsure)[:, 0].tolist():  # Last bits depend on the rows beside a row: it is computed alone.
                tokens[part[at]] = int(of([part[at]])[1].draw(uniform[part[at : at + 1]])[0])
        return tokens

    def _alone(self, row: int, params: Sampling, uniform: Tensor) -> int:
        """The draw of a row from logits that depend on its tokens alone: computed as a prefix is, on top of the base's whole chunks."""
        start, size = self._starts[row], self.prefixes.size
        assert start is not None
        ids = np.concatenate([start.prefix.ids[: start.length], self._ids[row, : self._count[row]]])
        prefix = Prefix(start.prefix.gap)
        if whole := start.length // size * size:
            prefix.copy_chunks(start.prefix, whole)
        prefix.extend(self.model, ids, size)
        return int(support(self.model.logits(prefix.states([len(ids) - 1])), params).draw(uniform)[0])

    def _seat(self, row: int, start: Start) -> None:
        self.rows.place(row, start.prefix.kv, start.length, start.first, start.sequence, start.prefix.shift)
        self._starts[row] = start
        self._ids[row, 0] = start.first
        self._count[row] = 1
        self._limit[row] = start.limit
        self._shape[row] = self._shapes.setdefault(_shape(start.params), len(self._shapes))
        self._uniform[row, 1:] = start.uniforms.random(_WINDOW - 1)

    @torch.inference_mode()
    def _vacate(self, row: int, ready: deque[Start]) -> None:
        if ready:
            self._seat(row, ready.popleft())
            return
        last = self.rows.n - 1
        self.rows.drop(row)
        self._starts[row], self._starts[last] = self._starts[last], None
        for array in (self._ids, self._count, self._limit, self._uniform, self._shape):
            array[row] = array[last]

    def _finish(self, row: int) -> KeyedRollout:
        start = self._starts[row]
        assert start is not None
        ids = self._ids[row, : self._count[row]].tolist()
        stopped = ids[-1] in start.params.stop
        return start.key, Rollout(ids=tuple(ids), stop=StopReason.STOP if stopped else StopReason.LENGTH)

    @torch.inference_mode()
    def _step(self) -> list[int]:
        """One token for every row; returns the rows that are done, the highest first."""
        rows, n = self.rows, self.rows.n
        device = self.model.device
        tokens = torch.from_numpy(rows.token[:n]).to(device)
        step = DecodeStep(rows, device)
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
        done = count >= self._limit[:n]
        for params, rows_of in self._by_shape(n):
            done[rows_of] |= np.isin(drawn[rows_of], params.stop)
        return np.flatnonzero(done)[::-1].tolist()

    def _by_shape(self, n: int) -> list[tuple[Sampling, np.ndarray | slice]]:
        """The samplings of the active rows, limits apart, and whose rows they are."""
        if len(self._shapes) == 1:
            return [(next(iter(self._shapes)), slice(None))]
        shape = self._shape[:n]
        return [(params, np.flatnonzero(shape == number)) for params, number in self._shapes.items() if (shape == number).any()]

    def _uniforms(self, n: int) -> Tensor:
        place = self._count[:n] % _WINDOW
        for row in np.flatnonzero(place == 0).tolist():
            start = self._starts[row]
            assert start is not None
            self._uniform[row] = start.uniforms.random(_WINDOW)
        return torch.from_numpy(self._uniform[np.arange(n), place]).to(self.model.device)

    def _draw(self, hidden: Tensor, uniform: Tensor) -> np.ndarray:
        size, n = self.model.head_rows, len(hidden)
        drawn = np.zeros(n, dtype=np.int64)
        logits = [self.model.logits(hidden[i : i + size]) for i in range(0, n, size)]
        for params, rows in self._by_shape(n):
            active = np.arange(n)[rows]
            for i, part in enumerate(logits):
                here = active[(active >= i * size) & (active < (i + 1) * size)]
                if len(here):
                    at = torch.from_numpy(here).to(hidden.device)
                    mine = part if len(here) == len(part) else part[at - i * size]
                    ids, unsure = draw(mine, params, uniform[at])
                    drawn[here] = ids.cpu().numpy()
                    for place in torch.nonzero(unsure)[:, 0].tolist():
                        row = int(here[place])
                        drawn[row] = self._alone(row, params, uniform[row : row + 1])
        return drawn

    def _groups(self, taken: Sequence[KeyedRequest], *, whole: bool) -> list[RequestGroup]:
        """Requests by sequence, the earliest cuts (the longest rollouts) first, in groups of at most a batch.

        Where more may come, a sequence is computed to its end: rows on it attend to it together, whenever they began.
        """
        by_sequence: dict[tuple[_Base, Sampling], list[Keyed]] = {}
        last: list[Keyed] = []
        for keyed in taken:
            request = keyed.request
            if not isinstance(request, Sample) or _over(request) is not None:
                continue
            # Hashing a sequence hashes all its ids; requests of one sequence come together.
            before = last[-1][1] if last else None
            if before is None or before.sequence is not request.sequence or (before.params, hidden_from(before)) != _same(request):
                last = by_sequence.setdefault(((request.sequence, hidden_from(request)), request.params), [])
            last.append((keyed.key, request))
        groups: list[RequestGroup] = []
        # Which rows decode together decides last bits: it depends on what is asked, and not on the order in which it is asked.
        for (base, _), items in sorted(by_sequence.items(), key=lambda pair: min(key for key, _ in pair[1])):
            items.sort(key=lambda item: (item[1].cut, item[0]))
            reach = items[-1][1].cut if whole else len(base[0].completion)
            number = self._number(base)
            groups += [RequestGroup(number, reach, items[i : i + self.batch]) for i in range(0, len(items), self.batch)]
        return groups

    def _number(self, base: _Base) -> int:
        number = self._numbers.get(base)
        if number is None:
            number = self._numbers[base] = next(self._next_number)
            if len(self._numbers) > 4 * self.batch:
                self._numbers.popitem(last=False)
        return number


def _same(request: Sample) -> tuple[Sampling, tuple[int, int] | None]:
    return request.params, hidden_from(request)


def _shape(params: Sampling) -> Sampling:
    """What of a sampling says how one token is drawn: problems with prompts of different lengths differ in the limit alone."""
    return replace(params, max_tokens=1)


def _over(request: Sample) -> StopReason | None:
    """Why nothing is left to draw, if so."""
    if request.cut > 0 and request.sequence.completion[request.cut - 1] in request.params.stop:
        return StopReason.STOP
    return StopReason.LENGTH if request.cut >= request.params.max_tokens else None
