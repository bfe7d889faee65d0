"""A server that answers at once, in vLLM's shape: ``python bench/servers_dummy.py [--prompt N] [--tokens N]`` prints its address.

It looks at no more of a request than it must: how many choices, and whether log-probabilities are asked for. As vLLM does, it repeats
the prompt's ids in every choice when ids are asked for: 40,000 of them for 20 choices of a prompt of 2,000.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import json
import re
from typing import Any

import numpy as np

VOCABULARY = 150_000
STOP = 2
LISTED = 20
_N = re.compile(rb'"n":(\d+)')
_TAIL = 1000
"""Bytes at the end of a request in which its fields stand, whatever the length of the prompt before them."""


def ids(n: int, seed: int = 0) -> list[int]:
    """Token ids as a large vocabulary has them."""
    return np.random.default_rng(seed).integers(10, VOCABULARY, size=n).tolist()


def choice(index: int, n_tokens: int, prompt: list[int] | None) -> dict[str, Any]:
    """One completion that ends with the stop token."""
    return {
        "index": index,
        "text": " word" * n_tokens,
        "logprobs": None,
        "finish_reason": "stop",
        "stop_reason": None,
        "token_ids": [*ids(n_tokens - 1, index + 1), STOP],
        "prompt_logprobs": None,
        "prompt_token_ids": prompt,
    }


def reading(prompt: list[int] | None) -> dict[str, Any]:
    """One token with the likeliest ones."""
    share = 0.5 ** np.arange(1, LISTED + 1)
    top = {f"token_id:{token}": float(value) for token, value in zip(ids(LISTED, 99), np.log(share), strict=True)}
    first = next(iter(top))
    logprobs = {"text_offset": [0], "token_logprobs": [top[first]], "tokens": [first], "top_logprobs": [top]}
    token = int(first.removeprefix("token_id:"))
    return choice(0, 1, prompt) | {"text": " word", "logprobs": logprobs, "finish_reason": "length", "token_ids": [token]}


@functools.cache
def reply(n: int, listed: bool, n_prompt: int, n_tokens: int, repeat: bool) -> bytes:
    """Everything of a reply that comes after its id."""
    prompt = ids(n_prompt) if repeat else None
    choices = [reading(prompt)] if listed else [choice(i, n_tokens, prompt) for i in range(n)]
    made = sum(len(one["token_ids"]) for one in choices)
    usage = {"prompt_tokens": n_prompt, "completion_tokens": made, "total_tokens": n_prompt + made}
    body = {"object": "text_completion", "created": 1, "model": "dummy", "choices": choices, "usage": usage}
    return json.dumps(body, separators=(",", ":")).encode()[1:]


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    count = itertools.count()

    def __init__(self, n_prompt: int, n_tokens: int, repeat: bool) -> None:
        self.shape = (n_prompt, n_tokens, repeat)
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = re.search(rb"content-length: *(\d+)", self.buffer[:head], re.IGNORECASE)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < end:
                return
            fields = bytes(self.buffer[max(head, end - _TAIL) : end])
            del self.buffer[:end]
            self.answer(fields)

    def answer(self, fields: bytes) -> None:
        n = _N.search(fields)
        rest = reply(int(n[1]) if n else 1, b'"logprobs":' in fields, *self.shape)
        # A number of its own in each reply: a client may refuse one that came before.
        first = b'{"id":"cmpl-%032x",' % next(self.count)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (len(first) + len(rest))
        self.transport.write(head + first)
        self.transport.write(rest)


async def serve(args: argparse.Namespace) -> None:
    """Serves until it is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(args.prompt, args.tokens, not args.plain), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1#dummy", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", type=int, default=2000, help="ids of a prompt, in every choice")
    parser.add_argument("--tokens", type=int, default=30, help="ids of a completion")
    parser.add_argument("--plain", action="store_true", help="do not repeat the prompt in every choice")
    asyncio.run(serve(parser.parse_args()))
