"""Content keys: the identity of a request, and the seed derived from it.

A key is the hash of (schema number, model fingerprint, kind, prefix ids, every parameter that changes the distribution,
sample index). A field missing here would silently merge different experiments: the field list has a golden test.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from tokenworth.core.request.kind import SUBJECT, Request
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import unknown_name

KEY_SCHEMA = 1
KEPT_SEQUENCES = 64
"""A keyer remembers the digests of this many sequences, the latest used: a run over thousands of problems forgets the first."""


class Keyer:
    """Keys requests of one model (the subject), or of a model for each role.

    It remembers prefix digests, so that a key costs O(1) per request of a long sequence.
    """

    def __init__(self, fingerprints: Mapping[str, str] | str) -> None:
        self.fingerprints = {SUBJECT: fingerprints} if isinstance(fingerprints, str) else dict(fingerprints)
        self._digests: OrderedDict[TokenSequence, list[str]] = OrderedDict()
        self._last: tuple[TokenSequence, list[str]] | None = None

    def prefix(self, sequence: TokenSequence, cut: int) -> str:
        """The digest of the prompt and the first ``cut`` completion tokens."""
        # Hashing a TokenSequence hashes all its ids; one identity check spares that for runs of requests on one object.
        if self._last is not None and self._last[0] is sequence:
            return self._last[1][cut]
        digests = self._digests.get(sequence)
        if digests is None:
            digests = _prefix_digests(sequence)
            self._digests[sequence] = digests
            if len(self._digests) > KEPT_SEQUENCES:
                self._digests.popitem(last=False)
        else:
            self._digests.move_to_end(sequence)
        self._last = (sequence, digests)
        return digests[cut]

    def fields(self, request: Request) -> list[object]:
        """The fields that make a key, in order.

        Raises ``UnknownName`` for a request to a role that no model has.
        """
        fingerprint = self.fingerprints.get(request.role)
        if fingerprint is None:
            raise unknown_name("role", request.role, self.fingerprints)
        return [KEY_SCHEMA, fingerprint, type(request).__name__, *request.key_fields(self)]

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
