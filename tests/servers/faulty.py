"""A server that speaks vLLM's /v1/completions over an exact model, and does wrong on command.

`Ways` says what it lacks for good; a plan says which replies are faulty: a function of the reply's number and the request. Both may be
changed while it runs. Faults below HTTP (broken connections, garbage) are those of `servers.broken`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.servers.chain import CLOSE, OPEN, STOP, Chain, tokenizer

MODEL = "chain"
MOST_LISTED = 20
Plan = Callable[[int, Mapping[str, Any]], str | None]


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What the server is like. ``n``: honoured, ignored, refused or same (one completion n times); ``temperature``: honoured, greedy
    or fixed (0.7 whatever is asked); ``ids``: unique, constant or none; ``echo``: ok, off (by one place) or none; ``refuses``: fields
    it answers with 422; ``cap``: 400 above so many log-probabilities, 0 for none at all; ``hidden``: changes what is asked in silence;
    ``noise``: nats by which logits move from request to request; ``finishes``: other names for how completions end; ``drops``: tokens
    that leave no text; ``splits``: the field that takes the text before the close marker; ``unlisted``: ranks left out of lists, or put
    after their end (``replaced``); ``wraps``: ids put before and after every text, and with ``wraps_ids`` before and after ids."""

    ids_in: bool = True
    ids_out: bool = True
    n: str = "honoured"
    refuses: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    cap: int = MOST_LISTED
    by_text: bool = False
    processed: bool = False
    temperature: str = "honoured"
    echo: str = "ok"
    reopens: bool = False
    usage: bool = True
    ids: str = "unique"
    bos: bool = False
    shifted: int = 0
    owner: str = "vllm"
    length: int = 4096
    hidden: Callable[[dict[str, Any]], dict[str, Any]] = dict
    noise: float = 0.0
    finishes: Mapping[str, str | None] = field(default_factory=dict[str, Any])
    drops: tuple[int, ...] = ()
    splits: str = ""
    unlisted: tuple[int, ...] = ()
    replaced: bool = False
    wraps: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    wraps_ids: bool = False
    chain: Chain = field(default_factory=Chain)


GOOD = Ways()


# -- plans -------------------------------------------------------------------------------------------------------------


def never(number: int, body: Mapping[str, Any]) -> str | None:
    return None


def always(fault: str) -> Plan:
    return lambda number, body: fault


def first(count: int, fault: str) -> Plan:
    return lambda number, body: fault if number < count else None


def each(step: int, fault: str, start: int = 0) -> Plan:
    return lambda number, body: fault if number >= start and (number - start) % step == 0 else None


def sometimes(share: float, *faults: str, seed: int = 0) -> Plan:
    def plan(number: int, body: Mapping[str, Any]) -> str | None:
        dice = random.Random(f"{seed} {number}")
        return dice.choice(faults) if dice.random() < share else None

    return plan


# -- faults of a reply that comes with status 200 ----------------------------------------------------------------------


def _change(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], bytes]:
    def apply(reply: dict[str, Any]) -> bytes:
        change(reply)
        return json.dumps(reply).encode()

    return apply


def _choice(change: Callable[[dict[str, Any]], Any], at: int = -1) -> Callable[[dict[str, Any]], bytes]:
    return _change(lambda reply: change(reply["choices"][at]))


def _logprobs(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], bytes]:
    return _choice(lambda choice: change(choice["logprobs"]) if choice["logprobs"] else None)


def _value(value: object) -> Callable[[dict[str, Any]], bytes]:
    def change(logprobs: dict[str, Any]) -> None:
        logprobs["token_logprobs"][0] = value
        logprobs["top_logprobs"][0] = {token: value for token in logprobs["top_logprobs"][0]}

    return _logprobs(change)


REPLIES: Mapping[str, Callable[[dict[str, Any]], bytes]] = {
    "truncated json": lambda reply: json.dumps(reply).encode()[: len(json.dumps(reply)) // 2],
    "empty": lambda reply: b"",
    "null": lambda reply: b"null",
    "html": lambda reply: b"<html><body>it works</body></html>",
    "error object": lambda reply: json.dumps({"error": {"message": "out of memory", "code": 500}}).encode(),
    "error beside": _change(lambda reply: reply.update(error={"message": "partial"})),
    "no choices": _change(lambda reply: reply.update(choices=[])),
    "too few": _change(lambda reply: reply["choices"].pop()),
    "too many": _change(lambda reply: reply["choices"].append({**reply["choices"][-1], "index": len(reply["choices"])})),
    "same index": _change(lambda reply: [choice.update(index=1) for choice in reply["choices"]]),
    "null text": _choice(lambda choice: choice.update(text=None)),
    "null ids": _choice(lambda choice: choice.update(token_ids=None)),
    "empty ids": _choice(lambda choice: choice.update(token_ids=[])),
    "lost end": _choice(lambda choice: choice["token_ids"].pop()),
    "foreign id": _choice(lambda choice: choice["token_ids"].__setitem__(-1, 10**6)),
    "negative id": _choice(lambda choice: choice["token_ids"].__setitem__(-1, -1)),
    "too long": _choice(lambda choice: choice["token_ids"].extend([9] * 500)),
    "no finish": _choice(lambda choice: choice.update(finish_reason=None)),
    "odd finish": _choice(lambda choice: choice.update(finish_reason="abort")),
    "filtered": _choice(lambda choice: choice.update(finish_reason="content_filter")),
    "no logprobs": _choice(lambda choice: choice.update(logprobs=None)),
    "logprob above 0": _value(0.7),
    "logprob NaN": _value(float("nan")),
    "logprob null": _value(None),
    "logprobs sum": _value(-0.1),
    "short logprobs": _logprobs(lambda logprobs: logprobs["token_logprobs"].clear()),
    "same reply id": _change(lambda reply: reply.update(id="cmpl-again")),
    "other prompt": _change(lambda reply: reply["usage"].update(prompt_tokens=reply["usage"]["prompt_tokens"] + 3)),
    "negative usage": _change(lambda reply: reply["usage"].update(prompt_tokens=-(10**9))),
    "prompt once a choice": _change(
        lambda reply: reply["usage"].update(prompt_tokens=reply["usage"]["prompt_tokens"] * len(reply["choices"]))
    ),
    "absurd prompt": _change(lambda reply: reply["usage"].update(prompt_tokens=10**9)),
    "other model": _change(lambda reply: reply.update(model="a-smaller-one")),
    "huge usage": _change(lambda reply: reply["usage"].update(completion_tokens=10**12)),
    "10 MB": _change(lambda reply: reply.update(padding="x" * 10_000_000)),
    "10 MB junk": lambda reply: b"[" + b"1," * 5_000_000 + b"1]",
    "deep json": lambda reply: b'{"choices":' + b"[" * 100_000,
    "bad utf-8": lambda reply: b'{"id":"\xff\xfe","choices":[]}',
}


@dataclass(frozen=True)
class Seen:
    """A request that came: what the tests ask about."""

    number: int
    path: str
    authorization: str
    n: int
    seed: int | None
    prompt: int
    at: float


class FaultyServer:
    """The application and what it has seen. ``url`` is set once it runs."""

    def __init__(self, ways: Ways = GOOD) -> None:
        self.ways, self.url, self.elsewhere = ways, "", ""
        self.plan: Plan = never
        self.seen: list[Seen] = []
        self.asked = 0
        self.flying = self.most_flying = 0
        self.said_date = 2.0
        self._made = 0
        self._chain = ways.chain
        routes = [
            Route("/v1/completions", self._completions, methods=["POST"]),
            Route("/v1/models", self._models),
            Route("/version", lambda request: JSONResponse({"version": "0.99-chain"})),
        ]
        self.app = Starlette(routes=routes)

    def do(self, plan: Plan) -> None:
        """Follows a plan from the next request on, which has number 0."""
        self.seen, self.asked, self.plan = [], 0, plan

    async def _models(self, request: Request) -> Response:
        about = {"id": MODEL, "object": "model", "owned_by": self.ways.owner, "max_model_len": self.ways.length}
        return JSONResponse({"object": "list", "data": [about]})

    async def _completions(self, request: Request) -> Response:
        body = json.loads(await request.body())
        number, self.asked = self.asked, self.asked + 1
        key = request.headers.get("authorization", "")
        prompt = body["prompt"]
        self.seen.append(Seen(number, request.url.path, key, body.get("n", 1), body.get("seed"), len(prompt), time.monotonic()))
        fault = self.plan(number, body) or ""
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        try:
            return await self._reply(fault, body, key)
        finally:
            self.flying -= 1

    async def _reply(self, fault: str, body: dict[str, Any], key: str) -> Response:
        status = self._status(fault, key)
        if status is not None:
            return status
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault.startswith("slow "):
            await asyncio.sleep(float(fault.removeprefix("slow ")))
        code, reply = self.answer(body)
        if code != 200:
            return JSONResponse(reply, status_code=code)
        text = REPLIES[fault](reply) if fault in REPLIES else json.dumps(reply).encode()
        if fault == "key in text":
            text = json.dumps({"error": f"your key is {key}"}).encode()
        if fault == "drip":
            return StreamingResponse(_drip(text), media_type="application/json")
        headers = {"content-encoding": "gzip"} if fault in ("bad gzip", "gzip") else {}
        text = gzip.compress(text) if fault == "gzip" else text
        return Response(text, media_type="application/json", headers=headers)

    def _status(self, fault: str, key: str) -> Response | None:
        """Replies that are not 200: a number, with ``after`` and seconds or ``date`` for Retry-After."""
        word, _, more = fault.partition(" ")
        if len(word) != 3 or not word.isdigit():
            return None
        headers: dict[str, str] = {}
        if more.startswith("after "):
            headers["retry-after"] = more.removeprefix("after ")
        if more == "date":
            headers["retry-after"] = formatdate(time.time() + self.said_date, usegmt=True)
        if word.startswith("3"):
            return RedirectResponse(f"{self.elsewhere}/v1/completions", status_code=int(word))
        said = f"<html>\x1b[31m\n<h1>{word}</h1>\r\n it broke; your key is {key}</html>" if more in ("html", "key") else "it broke"
        return Response(said, status_code=int(word), headers=headers, media_type="text/html")

    # -- what vLLM does --------------------------------------------------------------------------------------------

    def answer(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the reply to a request."""
        ways, prompt = self.ways, body["prompt"]
        refused = [name for name in ways.refuses if name in body]
        if refused:
            return 422, {"detail": [{"loc": ["body", refused[0]], "msg": "Extra inputs are not permitted"}]}
        if not isinstance(prompt, str) and not ways.ids_in:
            return 400, {"error": {"message": "prompt must be a string", "code": 400}}
        if body.get("logprobs") is not None and body["logprobs"] > ways.cap > 0:
            return 400, {"error": {"message": f"Requested logprobs of {body['logprobs']}, greater than {ways.cap}", "code": 400}}
        if ways.n == "refused" and body.get("n", 1) > 1:
            return 400, {"error": {"message": "n must be 1", "code": 400}}
        if body.get("temperature", 1.0) > 2:
            return 400, {"error": {"message": f"temperature must be in [0, 2], got {body['temperature']}.", "code": 400}}
        if body.get("temperature", 1.0) == 0 and body.get("n", 1) > 1:
            return 400, {"error": {"message": f"n must be 1 when using greedy sampling, got {body['n']}.", "code": 400}}
        ids = [(token + ways.shifted) % ways.chain.size for token in self._ids(prompt)]
        self._chain = ways.chain.moved(ways.noise, self.asked) if ways.noise else ways.chain
        body = ways.hidden({name: value for name, value in body.items() if name not in ways.ignores})
        if ways.temperature != "honoured":
            body["temperature"] = 0.0 if ways.temperature == "greedy" else 0.7
        count = body.get("n", 1) if ways.n != "ignored" else 1
        seed = body.get("seed") if body.get("seed") is not None else random.getrandbits(40)
        choices = [self._choice(ids, body, i, seed if ways.n == "same" else seed + i) for i in range(count)]
        self._made += 1
        reply = {"id": f"cmpl-{self._made}" if ways.ids == "unique" else "cmpl", "object": "text_completion", "model": MODEL}
        reply |= {"choices": [choice for choice, _ in choices]}
        if ways.ids == "none":
            del reply["id"]
        if ways.usage:
            usage = {"prompt_tokens": len(ids), "completion_tokens": sum(made for _, made in choices)}
            reply["usage"] = usage | {"prompt_tokens_details": {"cached_tokens": max(0, len(ids) - 1) // 16 * 16}}
        return 200, reply

    def _ids(self, prompt: str | list[int]) -> list[int]:
        if isinstance(prompt, str):
            ids = ([9] if self.ways.bos else []) + list(tokenizer().codec.encode_whole(prompt))
        else:
            ids = list(prompt)
        if isinstance(prompt, str) or self.ways.wraps_ids:
            ids = [*self.ways.wraps[0], *ids, *self.ways.wraps[1]]
        # A server that renders the chat template again closes the trace and opens another turn.
        return [*ids, CLOSE, STOP, OPEN] if self.ways.reopens and OPEN in ids[:-1] else ids

    def _choice(self, ids: list[int], body: Mapping[str, Any], index: int, seed: int) -> tuple[dict[str, Any], int]:
        ways, codec = self.ways, tokenizer().codec
        made, finish = self._chain.complete(ids, body, seed)
        shown = [(token - ways.shifted) % ways.chain.size for token in (made[:-1] if finish == "stop" else made)]
        text = codec.decode(tuple(token for token in shown if token not in ways.drops))
        for word in body.get("stop") or ():
            text = text.split(word)[0]
        finish = ways.finishes.get(finish, finish)
        choice: dict[str, Any] = {"index": index, "text": text, "finish_reason": finish, "stop_reason": None, "logprobs": None}
        if ways.splits:
            choice[ways.splits], _, choice["text"] = text.rpartition("</think>")
        listed = body.get("logprobs") if ways.cap else None
        if listed is not None:
            echoed = len(ids) if body.get("echo") and ways.echo != "none" else 0
            choice["logprobs"] = self._listed([*ids[len(ids) - echoed :], *made], ids, echoed, body)
        if body.get("prompt_logprobs") is not None:
            given = [self._place(ids[i - 1], ids[i], 1) for i in range(1, len(ids))]
            choice["prompt_logprobs"] = [None, *({str(t): {"logprob": v} for t, v in place.items()} for place in given)]
        if ways.ids_out and body.get("return_token_ids"):
            choice["token_ids"] = made
        return choice, len(made)

    def _listed(self, shown: list[int], ids: list[int], echoed: int, body: Mapping[str, Any]) -> dict[str, Any]:
        by_id = body.get("return_tokens_as_token_ids") and not self.ways.by_text
        name = (lambda t: f"token_id:{t}") if by_id else (lambda t: tokenizer().codec.decode((t,)))
        path = [*ids, *shown[echoed:]]
        places: list[dict[int, float] | None] = []
        for i in range(len(ids) - echoed, len(path)):
            at = i - 1 if self.ways.echo == "off" and i < len(ids) else i
            places.append(None if at < 1 else self._place(path[at - 1], path[i], body["logprobs"], body if self.ways.processed else None))
        values = [None if place is None else place[token] for place, token in zip(places, shown, strict=True)]
        tops = [None if place is None else {name(t): v for t, v in place.items()} for place in places]
        return {"tokens": [name(t) for t in shown], "token_logprobs": values, "top_logprobs": tops, "text_offset": [0] * len(shown)}

    def _place(self, last: int, token: int, top: int, body: Mapping[str, Any] | None = None) -> dict[int, float]:
        """The likeliest tokens and the one that came, as vLLM lists them: raw, minus infinity as −9999."""
        row = self._chain.logprobs(last)
        if body is not None:
            row = np_log(self._chain.sampled_from(last, body))
        ranked = (-row).argsort(kind="stable")[: top + len(self.ways.unlisted) * self.ways.replaced]
        ids = {int(t): None for rank, t in enumerate(ranked) if rank not in self.ways.unlisted} | {token: None}
        return {t: max(-9999.0, float(row[t])) for t in ids}


def np_log(q: Any) -> Any:
    """log q with −inf for 0, in silence."""
    import numpy as np

    with np.errstate(divide="ignore"):
        return np.log(q)


async def _drip(text: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(text), 3):
        yield text[start : start + 3]
        await asyncio.sleep(0.02)


@contextmanager
def faulty_server(ways: Ways = GOOD) -> Iterator[FaultyServer]:
    """A running server on a free port of this machine."""
    made = FaultyServer(ways)
    server = uvicorn.Server(uvicorn.Config(made.app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)
