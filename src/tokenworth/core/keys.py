"""Content keys: the identity of a request, and the seed derived from it.

A key is the hash of (schema number, model fingerprint, kind, prefix ids, every parameter that changes the distribution,
sample index). A field missing here would silently merge different experiments: the field list has a golden test.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from tokenworth.core.request import NextToken, Request, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence

KEY_SCHEMA = 1
KEPT_SEQUENCES = 64
"""A keyer remembers the digests of this many sequences, the latest used: a run over thousands of problems forgets the first."""


def _sampling_fields(params: Sampling) -> list[object]:
    # 1 and 1.0 are one temperature; JSON would write them differently.
    return [float(params.temperature), params.top_k, float(params.top_p), float(params.min_p), params.max_tokens, list(params.stop)]


def _ids_digest(ids: Sequence[int]) -> str:
    return hashlib.sha256(np.asarray(ids, dtype="<i8").tobytes()).hexdigest()


class Keyer:
    """Keys requests of one model; remembers prefix digests, so that a key costs O(1) per request of a long sequence."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._digests: OrderedDict[TokenSequence, list[str]] = OrderedDict()
        self._last: tuple[int, TokenSequence, list[str]] | None = None

    def _prefix_digest(self, sequence: TokenSequence, cut: int) -> str:
        # Hashing a TokenSequence hashes all its ids; one identity check spares that for runs of requests on one object.
        if self._last is not None and self._last[1] is sequence:
            return self._last[2][cut]
        digests = self._digests.get(sequence)
        if digests is None:
            digests = _prefix_digests(sequence)
            self._digests[sequence] = digests
            if len(self._digests) > KEPT_SEQUENCES:
                self._digests.popitem(last=False)
        else:
            self._digests.move_to_end(sequence)
        self._last = (id(sequence), sequence, digests)
        return digests[cut]

    def fields(self, request: Request) -> list[object]:
        """The fields that make a key, in order."""
        head: list[object] = [KEY_SCHEMA, self.fingerprint, type(request).__name__]
        if isinstance(request, Sample):
            prefix = self._prefix_digest(request.sequence, request.cut)
            left = request.sequence.completion[request.cut] if request.leave else None
            return [
                *head,
                prefix,
                len(request.sequence.prompt) + request.cut,
                len(request.sequence.prompt),
                _sampling_fields(request.params),
                request.branch,
                left,
                request.seed,
                request.index,
            ]
        whole = self._prefix_digest(request.sequence, len(request.sequence.completion))
        body: list[object] = [*head, whole, len(request.sequence.prompt), _ids_digest(request.cuts)]
        if isinstance(request, NextToken):
            return [*body, _sampling_fields(request.params), request.top]
        return [*body, list(request.suffix), [list(ids) for ids in request.continuations]]

    def key(self, request: Request) -> str:
        """Hex digest of the fields (64 characters)."""
        text = json.dumps(self.fields(request), separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _prefix_digests(sequence: TokenSequence) -> list[str]:
    running = hashlib.sha256(np.asarray(sequence.prompt, dtype="<i8").tobytes())
    digests = [running.hexdigest()]
    for token in sequence.completion:
        running.update(int(token).to_bytes(8, "little", signed=True))
        digests.append(running.hexdigest())
    return digests


def rollout_seed(key: str) -> int:
    """A 63-bit seed for one rollout: independent of order, batch and machine."""
    return int(key[:16], 16) >> 1


def rollout_generator(key: str) -> np.random.Generator:
    """The generator of one rollout's uniforms: one keyed uniform a step, turned into a token by inverting the CDF."""
    return np.random.Generator(np.random.Philox(key=rollout_seed(key)))
