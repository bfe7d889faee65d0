"""Prefixes as a server takes them: lists of ids where it accepts ids, or else text.

A sequence is encoded once; the prefix at a cut is a slice of that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from tokenworth.backends.http.wire import Prompt
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.core.tokens import TokenSequence

_KEPT = 32
"""Sequences whose encoded ids are kept: as many traces as are in flight together."""


class _EncodedIds:
    """``1,2,3`` of a sequence with the place where each id ends."""

    def __init__(self, ids: Sequence[int]) -> None:
        words = [str(int(token)) for token in ids]
        self.text = ",".join(words).encode()
        self.ends = [0, *accumulate((len(word) + 1 for word in words), initial=0)][1:]

    def first(self, count: int) -> bytes:
        """The first ``count`` ids, apart by commas."""
        return self.text[: max(0, self.ends[count] - 1)]


class Prompts:
    """Makes prompts of prefixes. ``as_text``: the server takes text only; ``drop``: ids it puts in front itself (BOS)."""

    def __init__(self, codec: TokenizerCodec, *, as_text: bool = False, drop: tuple[int, ...] = ()) -> None:
        self.codec, self.as_text, self.drop = codec, as_text, drop
        self._encoded: OrderedDict[TokenSequence, _EncodedIds] = OrderedDict()
        self._last: tuple[TokenSequence, _EncodedIds] | None = None

    def at(self, sequence: TokenSequence, cut: int, tail: Sequence[int] = ()) -> Prompt:
        """The prefix at a cut with more ids after it."""
        count = len(sequence.prompt) + cut
        if self.as_text:
            ids = sequence.prefix(cut) + tuple(tail)
            return Prompt(length=count + len(tail), encode=lambda: self.text(ids))
        return Prompt(length=count + len(tail), encode=lambda: self._ids(sequence, count, tail))

    def of(self, ids: Sequence[int]) -> Prompt:
        """A prompt of these ids."""
        return self.at(TokenSequence(prompt=tuple(ids), completion=()), 0)

    def text(self, ids: tuple[int, ...]) -> msgspec.Raw:
        """The ids as a JSON string, without what the server puts in front itself."""
        if self.drop and ids[: len(self.drop)] == self.drop:
            ids = ids[len(self.drop) :]
        return msgspec.Raw(msgspec.json.encode(self.codec.decode(ids)))

    def _ids(self, sequence: TokenSequence, count: int, tail: Sequence[int]) -> msgspec.Raw:
        # Looking a sequence up hashes all its ids; runs of requests on one object are spared that.
        if self._last is not None and self._last[0] is sequence:
            known = self._last[1]
        else:
            known = self._encoded.get(sequence) or _EncodedIds(sequence.prompt + sequence.completion)
            self._encoded[sequence] = known
            self._last = (sequence, known)
            if len(self._encoded) > _KEPT:
                self._encoded.popitem(last=False)
        parts = known.first(count)
        if tail:
            more = ",".join(str(int(token)) for token in tail).encode()
            parts = parts + b"," + more if parts else more
        return msgspec.Raw(b"[" + parts + b"]")
