"""An exact model for servers under test: a seeded Markov chain over the bundled tokenizer's vocabulary.

What follows a token is one of a few words, the close marker or the stop token; everything else has probability e⁻⁴⁰. So nearly every
id that a fault makes up is one the model cannot have given, and a rollout can be judged by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tests.checkout import ROOT
from tokenworth.backends.tokenizer.files import TokenizerFiles, load_tokenizer
from tokenworth.core.request.sample import Rollout
from tokenworth.core.tokens import StopReason

TINY = ROOT / "src" / "tokenworth" / "assets" / "tiny"
STOP, OPEN, CLOSE = 2, 3, 4
FLOOR = -40.0
"""Log-probability, before normalising, of what never comes by chance. A bias can still force it."""


@cache
def tokenizer() -> TokenizerFiles:
    return load_tokenizer(str(TINY))


@cache
def words() -> tuple[int, ...]:
    """Tokens that are one word with its space: any text made of them becomes the same ids again."""
    codec = tokenizer().codec
    texts = {token: codec.decode((token,)) for token in range(codec.vocab_size)}
    return tuple(i for i, text in texts.items() if text.startswith(" ") and text[1:].isalpha() and codec.encode(text) == (i,))


class Chain:
    """Next-token probabilities after each token. ``sharp``: spread of the logits; ``ends``: logit of the stop token."""

    def __init__(self, seed: int = 0, *, sharp: float = 1.5, ends: float = 0.5) -> None:
        self.seed, self.sharp, self.ends = seed, sharp, ends
        self.size = tokenizer().vocab_size
        self._shift: np.ndarray | float = 0.0
        self._rows: dict[int, np.ndarray] = {}

    def logprobs(self, last: int) -> np.ndarray:
        """Log-probabilities of all tokens after ``last``."""
        if last not in self._rows:
            rng = np.random.default_rng([self.seed, last])
            logits = np.full(self.size, FLOOR) - np.arange(self.size) * 1e-3
            logits[rng.choice(words(), 20, replace=False)] = rng.normal(0, self.sharp, 20)
            logits[STOP], logits[CLOSE] = self.ends, 0.0
            logits = logits + self._shift
            self._rows[last] = logits - np.logaddexp.reduce(logits)
        return self._rows[last]

    def moved(self, nats: float, seed: int) -> Chain:
        """A chain whose log-probabilities are moved, each by up to so much in all, as rounding moves those of one request."""
        moved = Chain(self.seed, sharp=self.sharp, ends=self.ends)
        # Two requests are at most so much apart; what one request reads and draws has the same rounding.
        moved._shift = np.random.default_rng([self.seed, seed]).uniform(-nats / 2, nats / 2, self.size)
        return moved

    def draw(self, last: int, body: Mapping[str, Any], rng: np.random.Generator) -> int:
        """One token under a request's bias, temperature and filters, in vLLM's order (min-p before top-k and top-p)."""
        q = self.sampled_from(last, body)
        total = np.cumsum(q)
        return int(min(np.searchsorted(total, rng.random() * total[-1], side="right"), np.flatnonzero(q)[-1]))

    def sampled_from(self, last: int, body: Mapping[str, Any]) -> np.ndarray:
        """q of a request, from the definitions."""
        logits = self.logprobs(last).copy()
        for token, bias in (body.get("logit_bias") or {}).items():
            logits[int(token)] += bias
        if body.get("allowed_token_ids"):
            kept = np.full(self.size, -np.inf)
            kept[body["allowed_token_ids"]] = logits[body["allowed_token_ids"]]
            logits = kept
        temperature = body.get("temperature", 1.0)
        if temperature == 0:
            return (np.arange(self.size) == np.argmax(logits)).astype(float)
        q = np.exp((logits - logits.max()) / temperature)
        q = np.where(q >= body.get("min_p", 0.0) * q.max(), q, 0.0)
        order = np.argsort(-q, kind="stable")
        if body.get("top_k", -1) > 0:
            q[order[body["top_k"] :]] = 0.0
        q = q / q.sum()
        before = np.cumsum(q[order]) - q[order]
        q[order[before >= body.get("top_p", 1.0)]] = 0.0
        return q / q.sum()

    def complete(self, ids: Sequence[int], body: Mapping[str, Any], seed: int) -> tuple[list[int], str]:
        """A completion with its stop token, and the finish reason."""
        rng = np.random.default_rng(seed)
        made: list[int] = []
        stops = {STOP, *(body.get("stop_token_ids") or ())}
        last = int(ids[-1])
        for _ in range(body.get("max_tokens", 16)):
            last = self.draw(last, body, rng)
            made.append(last)
            if last in stops:
                return made, "stop"
        return made, "length"

    # -- judging what was stored -----------------------------------------------------------------------------------

    def can_give(self, prefix: Sequence[int], ids: Sequence[int]) -> bool:
        """Whether each token can follow the one before it."""
        path = [int(prefix[-1]), *ids]
        return all(self.logprobs(a)[b] > FLOOR / 2 for a, b in zip(path, path[1:], strict=False))

    def faults(self, prefix: Sequence[int], rollout: Rollout, room: int) -> list[str]:
        """What is impossible about a rollout with so much room; nothing for ERROR, whose ids are empty."""
        found: list[str] = []
        if rollout.stop is StopReason.ERROR:
            return ["an error with ids"] if rollout.ids else []
        if not self.can_give(prefix, rollout.ids):
            found.append("a step the model cannot take")
        if STOP in rollout.ids[:-1]:
            found.append("goes on after its stop token")
        if len(rollout.ids) > room:
            found.append("longer than its limit")
        if rollout.stop is StopReason.STOP and (not rollout.ids or rollout.ids[-1] != STOP):
            found.append("stops without a stop token")
        if rollout.stop is StopReason.LENGTH and (len(rollout.ids) != room or rollout.ids[-1] == STOP):
            found.append("cut off before its limit")
        return found
