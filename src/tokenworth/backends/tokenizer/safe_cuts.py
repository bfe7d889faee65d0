"""Cuts that survive the way through text: where a server that is sent text, not ids, sees the same tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.seams import SEAM, has_seams
from tokenworth.errors import InvalidInput


def reachable(
    ids: Sequence[int], codec: TokenizerCodec, *, cuts: Sequence[int], before: int, suffix: tuple[int, ...] = ()
) -> Bool[np.ndarray, " cut"]:
    """Whether each cut of a completion is reached by text: encoding the text of its prefix gives the prefix's ids back.

    The prefix at cut c is ``ids[: before + c] + suffix``, where ``before`` is the length of the prompt. Its text is
    ``codec.decode`` of it, to be sent as it is; the server is assumed to add no special tokens.
    Exact. Where the tokenizer has seams (see `seams`) the time is about linear in the length, else quadratic: every prefix is
    encoded in full then.

    Raises: `InvalidInput` for a cut outside the completion.
    """
    whole = tuple(int(i) for i in ids)
    bad = [cut for cut in cuts if not 0 <= cut <= len(whole) - before]
    if before < 0 or bad:
        raise InvalidInput(
            f"cut {bad[0] if bad else 0} with a prompt of {before} tokens in {len(whole)}; expected 0 to {len(whole) - before}"
        )
    found = np.zeros(len(cuts), dtype=bool)
    if codec.kind != "bytes" or not has_seams(codec.spec):
        for i, cut in enumerate(cuts):
            found[i] = _survives(whole[: before + cut] + suffix, codec)
        return found
    seams = _Seams(whole, codec)
    for i, cut in enumerate(cuts):
        found[i] = seams.reach(before + cut, suffix)
    return found


def _survives(ids: tuple[int, ...], codec: TokenizerCodec) -> bool:
    return codec.encode_whole(codec.decode(ids)) == ids


class _Seams:
    """Prefixes of one sequence, each checked from its last seam on; what comes before that seam is checked once for all."""

    def __init__(self, ids: tuple[int, ...], codec: TokenizerCodec) -> None:
        self._ids, self._codec = ids, codec
        pieces = codec.piece_bytes(ids)
        self._ends = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces], dtype=np.int64)])
        self._bytes = b"".join(pieces)
        matches = list(SEAM.finditer(self._bytes))
        self._starts = np.array([0, *(match.start() for match in matches)], dtype=np.int64)
        # A seam of the whole is a seam of every prefix that holds its second character.
        self._known_from = np.array([0, *(match.end() for match in matches)], dtype=np.int64)
        self._compare()

    def _compare(self) -> None:
        """``_counts[k]``: ids of the text before seam k; ``_agreed``: how many of all these ids are those of the sequence."""
        counts, agreed, same = [0], 0, True
        for start, end in zip(self._starts[:-1], self._starts[1:], strict=True):
            part = self._codec.encode_whole(_text(self._bytes[start:end]))
            if same:
                expected = self._ids[counts[-1] : counts[-1] + len(part)]
                same = expected == part
                agreed += len(part) if same else _agreement(part, expected)
            counts.append(counts[-1] + len(part))
        self._counts, self._agreed = counts, agreed

    def reach(self, kept: int, suffix: tuple[int, ...]) -> bool:
        """Whether the first ``kept`` ids with ``suffix`` come back from their text."""
        end = int(self._ends[kept])
        k = int(np.searchsorted(self._known_from, end, side="right")) - 1
        done = self._counts[k]
        if self._agreed < min(done, kept):
            return False
        if done > kept:
            # More ids than there were: they could only go on as the suffix does. Rare, so no shortcut.
            return _survives(self._ids[:kept] + suffix, self._codec)
        tail = self._bytes[self._starts[k] : end] + b"".join(self._codec.piece_bytes(suffix))
        return self._codec.encode_whole(_text(tail)) == self._ids[done:kept] + suffix


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", errors="replace")


def _agreement(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
