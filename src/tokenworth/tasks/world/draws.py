"""A stream of random draws that is a pure function of a text key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_WORDS_A_BLOCK = 8
_SPAN = 2**64


class KeyedDraws:
    """Draws that depend on their key alone, the same in every Python version and on every machine.

    The key is hashed together with a block number, so two keys that differ anywhere give unrelated streams:
    item 3 of seed 1 never equals item 1 of seed 3, which adding seed and index would allow.
    """

    __slots__ = ("_block", "_key", "_left")

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._block = 0
        self._left: list[int] = []

    def _word(self) -> int:
        if not self._left:
            message = b"tokenworth-world\x00" + self._block.to_bytes(8, "big") + self._key
            digest = hashlib.blake2b(message, digest_size=8 * _WORDS_A_BLOCK).digest()
            self._left = [int.from_bytes(digest[8 * i : 8 * i + 8], "big") for i in range(_WORDS_A_BLOCK)]
            self._block += 1
        return self._left.pop()

    def below(self, n: int) -> int:
        """An integer in 0…n−1, uniform up to a bias of n/2⁶⁴."""
        return self._word() * n // _SPAN

    def between(self, low: int, high: int) -> int:
        """An integer in low…high, both ends included."""
        return low + self.below(high - low + 1)

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self._word() < p * _SPAN

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, each equally likely."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[T], weights: Sequence[float]) -> T:
        """One of the items, with probability in proportion to its weight."""
        at = self._word() / _SPAN * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            at -= weight
            if at < 0:
                return item
        return items[-1]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a uniformly random order."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """``k`` different items in random order."""
        return self.shuffled(items)[:k]
