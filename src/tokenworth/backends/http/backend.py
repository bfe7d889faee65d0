"""The backend port over a pool of endpoints of one model."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokenworth.backends.http.able import refuse_sampling, table, warning
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.noise import is_same
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.record import ServerRecord, findings, record_json
from tokenworth.backends.http.rollouts import RolloutJob, RolloutSink, Sampler, Trouble
from tokenworth.backends.http.supply import Jobs, ServerJob, Supply
from tokenworth.backends.http.tables import Tables
from tokenworth.backends.http.transport import Transport
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.safe_cuts import reachable
from tokenworth.core.ports import Capabilities, KeyedRequest, Spent, check_kind
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence, check_vocabulary
from tokenworth.errors import BudgetExceeded, InvalidInput, TokenworthError, Unsupported

EmitPair = Callable[[tuple[str, Response]], None]

_MOST_TAKEN = 512
"""Requests of one sequence that are planned together where more may come."""
_GROUP = 64
"""Rollouts that leave one cut and share the draws of their first tokens; all others are one request a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is known of a served model beside its address."""

    name: str
    record: ServerRecord
    fingerprint: str
    codec: TokenizerCodec
    vocab_size: int
    context_length: int | None
    capabilities: Capabilities
    description: str
    bos: tuple[int, ...] = ()
    """The beginning-of-sequence token: not sent to a server that puts it before text itself."""
    kept: tuple[Mapping[str, object], ...] = ()
    """The probes of its endpoints, for a later run to begin with."""
    probed: Spent = field(default_factory=Spent)
    """What they used."""


class HttpBackend:
    """Answers requests over HTTP. Close it, or let the process end."""

    def __init__(self, served: Served, client: Client, loop: LoopThread, *, n_most: int) -> None:
        self.served, self.client, self._loop = served, client, loop
        self._trouble = Trouble()
        self._stopping = False
        self._checked: TokenSequence | None = None
        self._table_turn = asyncio.Lock()
        # At the latest when the process ends: connections that nobody closed would be complained about.
        self._shut = weakref.finalize(self, _shut, loop, client.transport)
        prompts = Prompts(served.codec, as_text=not served.record.ids_in, drop=served.bos if served.record.bos_added else ())
        self.tables = Tables(client, prompts, served.record, served.vocab_size)
        self._tables: dict[str, Callable[[Any], Awaitable[Response]]] = {
            NextToken.name: self.tables.next_token,
            Read.name: self.tables.read,
        }
        self._weigh: dict[str, Callable[[Any], tuple[int, int]]] = {
            Sample.name: self._most_of_sample,
            NextToken.name: lambda request: _most_of_cuts(request.sequence, request.cuts, each=1, extra=0),
            Read.name: lambda request: _most_of_cuts(
                request.sequence,
                request.cuts,
                each=sum(len(ids) for ids in request.continuations),
                extra=len(request.suffix) + max(len(ids) for ids in request.continuations),
            ),
        }
        self.sampler = Sampler(client, prompts, self.tables, served.record, n_most=n_most)

    @property
    def name(self) -> str:
        """How the user named the model."""
        return self.served.name

    @property
    def fingerprint(self) -> str:
        """Hash of the model's name, its tokenizer and the kind of its server."""
        return self.served.fingerprint

    @property
    def capabilities(self) -> Capabilities:
        """What the probe found."""
        return self.served.capabilities

    @property
    def description(self) -> str:
        """The server in one line."""
        return self.served.description

    def record(self) -> Mapping[str, object]:
        """The capability record, JSON-shaped."""
        return record_json(self.served.record)

    def is_same_model(self, record: object) -> bool:
        """Whether the readings in an earlier record, or its greedy texts, agree with those of this probe."""
        return not isinstance(record, dict) or is_same(record, record_json(self.served.record))

    def changes(self, record: object) -> tuple[str, ...]:
        """The findings of an earlier record that are others now, readings and number of requests apart."""
        now = findings(record_json(self.served.record))
        before = findings(record) if isinstance(record, dict) else {}
        return tuple(f"{name} {before[name]!r}, now {now[name]!r}" for name in now if name in before and before[name] != now[name])

    def kept(self) -> Sequence[Mapping[str, object]]:
        """The probes of its endpoints, JSON-shaped."""
        return self.served.kept

    @property
    def warning(self) -> str:
        """What is to be told before anything is drawn."""
        return warning(self.served.record)

    @property
    def probed(self) -> Spent:
        """What the probe used; it is not in `spent`."""
        return self.served.probed

    def findings(self) -> list[tuple[str, str, str]]:
        """The record for people: what was tried, what was found, and advice or nothing."""
        return table(self.served.record)

    def spent(self) -> Spent:
        """The counts since the probe."""
        return self.client.spent

    def close(self) -> None:
        """Closes the connections and ends the thread."""
        self._shut()

    def most_tokens(self, request: Request) -> tuple[int, int]:
        """Tokens read and generated at most: every cut of a table is a separate request, and every rollout may be one."""
        weigh = self._weigh.get(request.name)
        return request.most_tokens() if weigh is None else weigh(request)

    def _most_of_sample(self, request: Sample) -> tuple[int, int]:
        read, generated = request.most_tokens()
        # A rollout that leaves reads the cut's listing, perhaps draws its first token, and goes on from there.
        return (read * 3 + 1, generated + 2 * self.sampler.n_most) if request.leave else (read, generated)

    def reachable(self, sequence: TokenSequence, cuts: Sequence[int], suffix: tuple[int, ...] = ()) -> tuple[bool, ...]:
        """Whether each cut can be the end of a prompt: always where prompts are ids, else where text gives the ids back."""
        if self.served.record.ids_in:
            return (True,) * len(cuts)
        ids = sequence.prompt + sequence.completion
        found = reachable(ids, self.served.codec, cuts=cuts, before=len(sequence.prompt), suffix=suffix)
        return tuple(bool(one) for one in found)

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        """Yields (key, response) as replies come.

        Raises: `InvalidInput` for a request beyond the context; `MismatchError` for ids the model does not have; `ServerError` when no
        endpoint answers; `BudgetExceeded` at the limit, once everything under way has been yielded.
        """
        for keyed in requests:
            self.check(keyed.request)
        return self._stream(iter(requests), room=None)

    def stream(self, requests: Iterator[KeyedRequest | None]) -> Iterator[tuple[str, Response]]:
        """As `answer`, for requests that are taken as the server has room, of one sequence after the other."""
        return self._stream(requests, room=self._width // 2)

    @property
    def _width(self) -> int:
        return 2 * sum(endpoint.limit.most for endpoint in self.client.endpoints)

    def _stream(self, requests: Iterator[KeyedRequest | None], *, room: int | None) -> Iterator[tuple[str, Response]]:
        self._stopping = False
        jobs = Jobs[ServerJob](self._width)
        supply = Supply(requests, room=room, most=_MOST_TAKEN, check=lambda keyed: self.check(keyed.request))

        def refill() -> None:
            supply.refill(self._loop, jobs, lambda taken: _jobs(taken, self.sampler.n_most, in_order=self.client.is_limited))

        return self._loop.stream(lambda emit: self._run(jobs, supply, emit), refill)

    def stop(self) -> None:
        """Begins nothing more of what is being answered; what is under way still comes, and then the answers end."""
        self._stopping = True

    async def _run(self, jobs: Jobs[ServerJob], supply: Supply, emit: EmitPair) -> None:
        faults: list[TokenworthError] = []

        def tell(key: str, response: Response) -> None:
            supply.answered(response)
            emit((key, response))

        sink = RolloutSink(tell, self._trouble)

        async def do(job: ServerJob) -> None:
            # What is under way when something fails is waited for: dropping it would keep the short answers and lose the long.
            try:
                await self._do(job, sink, tell)
            except TokenworthError as fault:
                faults.append(fault)

        await jobs.run(do, lambda: bool(faults) or self._stopping, sink.settle)
        if not faults or isinstance(faults[0], BudgetExceeded):
            sink.settle()
        faults += [] if supply.fault is None else [supply.fault]
        if faults:
            raise faults[0]

    async def _do(self, job: ServerJob, sink: RolloutSink, tell: Callable[[str, Response], None]) -> None:
        if isinstance(job, RolloutJob):
            await self.sampler.draw(job, sink)
        else:
            # One table at a time: the readings of several sequences would push each other out of the server's cache.
            async with self._table_turn:
                tell(job.key, await self._tables[job.request.name](job.request))

    def check(self, request: Request) -> None:
        """Raises for a request that it cannot answer, as `answer` does."""
        able, sequence = self.capabilities, request.sequence
        # Looking through all ids costs more than sending them; requests of one sequence come together.
        if sequence is not self._checked:
            check_vocabulary(sequence.prompt, self.served.vocab_size)
            check_vocabulary(sequence.completion, self.served.vocab_size)
            self._checked = sequence
        if not sequence.prompt:
            raise InvalidInput("empty prompt: a model needs at least one token before the first cut")
        check_kind(self, request)
        if isinstance(request, Sample) and request.leave and not able.leave:
            raise Unsupported(f"{self.name} cannot answer a sample request that leaves the base: {able.lacks['leave']}")
        if isinstance(request, Sample) and request.avoid:
            raise Unsupported(
                f"{self.name} cannot answer a sample request that avoids tokens besides the base's: a server has no way to ask for it"
            )
        if isinstance(request, Sample | NextToken):
            with_q = isinstance(request, NextToken) or request.leave
            refusal = refuse_sampling(self.served.record, request.params, with_q=with_q)
            if refusal is not None:
                raise Unsupported(f"{self.name}: {refusal}")
        limit = self.served.context_length
        if limit is None:
            return
        needed = len(sequence.prompt) + sum(request.beyond_prompt().values())
        if needed > limit:
            raise InvalidInput(f"{needed} tokens of prompt and completion exceed the server's context of {limit}; lower --limit")


def _shut(loop: LoopThread, transport: Transport) -> None:
    loop.close(transport.close)


def _most_of_cuts(sequence: TokenSequence, cuts: Sequence[int], *, each: int, extra: int) -> tuple[int, int]:
    """What ``each`` requests at every cut, ``extra`` tokens after it, read and generate at most."""
    return sum(len(sequence.prompt) + cut + extra for cut in cuts) * each, len(cuts) * each


def _jobs(requests: Sequence[KeyedRequest], n_most: int, *, in_order: bool) -> list[ServerJob]:
    """Work in the order it is begun: tables first, then rollouts of one distribution together.

    Longest prefix first within a sequence: it fills a server's cache for all shorter ones, whether it keeps blocks (vLLM) or
    single tokens. ``in_order``: as asked, only neighbours together; where a run may stop at a limit, what was drawn must be
    a beginning of what was asked for.
    """
    tables: list[ServerJob] = [keyed for keyed in requests if not isinstance(keyed.request, Sample)]
    numbers: dict[TokenSequence, int] = {}
    groups: dict[tuple[int, int, Sampling, int | None, bool, int], list[KeyedRequest]] = {}
    last: tuple[TokenSequence, int] | None = None
    before: tuple[int, int, Sampling, int | None, bool] | None = None
    run = 0
    for keyed in requests:
        sample = keyed.request
        if not isinstance(sample, Sample):
            continue
        if last is None or last[0] is not sample.sequence:
            last = (sample.sequence, numbers.setdefault(sample.sequence, len(numbers)))
        kind = (last[1], -sample.cut, sample.params, sample.branch, sample.leave)
        run += in_order and kind != before
        before = kind
        groups.setdefault((*kind, run), []).append(keyed)
    ordered = groups.values() if in_order else (group for _, group in sorted(groups.items(), key=lambda item: item[0][:2]))
    return tables + [job for group in ordered for job in _rollout_jobs(group, n_most, in_order)]


def _rollout_jobs(group: Sequence[KeyedRequest], n_most: int, in_order: bool) -> Iterator[RolloutJob]:
    one = group[0].request
    assert isinstance(one, Sample)
    size = _GROUP if one.leave and not in_order else n_most
    for start in range(0, len(group), size):
        keys = tuple(keyed.key for keyed in group[start : start + size])
        yield RolloutJob(sequence=one.sequence, cut=one.cut, params=one.params, branch=one.branch, leave=one.leave, keys=keys)
