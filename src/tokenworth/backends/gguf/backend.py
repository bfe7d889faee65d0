"""The backend over our own llama.cpp: what a probe would find out of it is known."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from tokenworth.backends.http.backend import EmitPair, HttpBackend, Served
from tokenworth.backends.http.client import Client
from tokenworth.backends.http.contact import Contact
from tokenworth.backends.http.loop import LoopThread
from tokenworth.backends.http.probe import ProbedModel
from tokenworth.backends.http.record import ServerRecord
from tokenworth.backends.http.supply import Jobs, ServerJob, Supply
from tokenworth.backends.http.tables import LARGEST_TOP
from tokenworth.backends.llama.process import LlamaProcess
from tokenworth.errors import MismatchError, ServerError

PROBED_VERSION = "2026.10.11549"
"""The xllamacpp of which `known_record` says what a probe finds; a test holds them against each other. Any other is probed."""
TEXTS = (
    "The quick brown fox, 12,345 caf\u00e9s \u2014 na\u00efve?\n\n\tdef f(x): return x ** 2  # done",
    "   leading and trailing   ",
    "I'll say we're 'quoted', DON'T; ('ll) http://a.b/c?d=e&f=g",
    "0123456789 3.14159 1/2 \u00bd \u0664\u0665",
    "line\r\n\r\n  indented\n\n\n\ttabbed \t x",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u6771\u4eac\u30bf\u30ef\u30fc \ud55c\uad6d\uc5b4 \u0939\u093f\u0928\u094d\u0926\u0940",
    "\ufdfa e\u0301 \U0001f600\U0001f469\u200d\U0001f4bb",
    "ABCdefGHI iPhone XMLHttp_a-b.c \u00a0\u2003\u3000x\u200by",
    "<think>a</think> {[(<|x|>)]} !!!???... ~`^",
)  # fmt: skip
"""Texts of which llama.cpp must make the same ids as the tokenizer that is read from the file."""


def known_record(who: Contact, subject: ProbedModel, *, is_rounded: bool) -> ServerRecord:
    """What a probe finds of llama.cpp as it is set up here. ``is_rounded``: whether weights are fewer bits than 32-bit floats."""
    return ServerRecord(
        dialect="llama.cpp",
        server=who.server,
        model=who.model,
        context_length=who.context_length,
        order="min-p last",
        ids_in=True,
        ids_out=True,
        text_counts=True,
        tokenizer_agrees=True,
        bos_added=False,
        prompt_added=0,
        n_most=who.n_to_try[0],
        n_honoured=who.n_to_try[0] > 1,
        temperature_honoured=True,
        top_k_honoured=True,
        top_p_honoured=True,
        min_p_honoured=True,
        not_sent=(),
        logprobs="ids",
        logprobs_cap=min(subject.vocab_size, LARGEST_TOP),
        logprobs_raw=True,
        noise=None,
        sampler_agrees=True,
        bias_honoured=True,
        bias_keeps_logprobs=True,
        allowed_token_ids=False,
        prompt_logprobs=False,
        echo="none",
        stops_at=subject.stop,
        stop_in_ids=bool(subject.stop),
        stop_text_trimmed=True,
        limit_told=True,
        close_in_text=None,
        continues_open_trace=True,
        seeds="none" if is_rounded else "together",
        counts_all_choices=True if who.n_to_try[0] > 1 else None,
        counts_cached=True,
        reply_ids="none",
    )


class GgufBackend(HttpBackend):
    """Answers requests with the llama.cpp of this process, and ends it when it is closed."""

    def __init__(self, served: Served, client: Client, loop: LoopThread, n_most: int, *, name: str, process: LlamaProcess) -> None:
        self.process, settings = process, process.settings
        # Not of its path: a file that is moved is the same model. Slots and threads only round.
        text = json.dumps(["tokenworth gguf 1", process.file.digest, settings.cache], separators=(",", ":"))
        rollouts = f"{settings.slots} {'rollout' if settings.slots == 1 else 'rollouts'} at once"
        served = replace(
            served,
            name=name,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            context_length=settings.context,
            description=f"llama.cpp, {rollouts}, context {settings.context:,}",
            kept=(),
        )
        super().__init__(served, client, loop, n_most=n_most)

    def close(self) -> None:
        """Closes the connections and ends llama.cpp."""
        super().close()
        self.process.close()

    async def _run(self, jobs: Jobs[ServerJob], supply: Supply, emit: EmitPair) -> None:
        try:
            await super()._run(jobs, supply, emit)
        except ServerError as error:
            raise self.process.fault() or error from None

    def check_tokenizer(self, encode: Callable[[str], Sequence[int]]) -> None:
        """Returns if llama.cpp makes the same ids of texts. Raises: `MismatchError` with the text where it does not."""
        for text, theirs in zip(TEXTS, self._loop.run(self._tokenized(TEXTS)), strict=True):
            ours = list(encode(text))
            if ours != theirs:
                at = next((i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
                raise MismatchError(
                    f"{self.process.file.path}: of the text {text!r} llama.cpp makes other ids than the tokenizer read from the file, "
                    f"from token {at} on: this kind of tokenizer is not read rightly here; serve the file (tokenworth serve-model) and "
                    "give the model's own --tokenizer"
                )

    async def _tokenized(self, texts: Sequence[str]) -> list[list[int]]:
        endpoint, transport = self.client.endpoints[0], self.client.transport
        url = f"{endpoint.root}/tokenize"

        async def one(text: str) -> list[int]:
            body = json.dumps({"content": text, "add_special": False, "parse_special": True}).encode()
            return json.loads(await transport.post(endpoint, url, lambda: body, 0, 1))["tokens"]

        return await asyncio.gather(*map(one, texts))
