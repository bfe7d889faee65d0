"""The items of a run: which problems of a task, and which of them a machine takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth.errors import InvalidInput

_MOST = 1_000_000
_MOST_SHARDS = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``of`` shares of a run, the ``number``-th from 1.

    An item belongs to one share whatever else is asked for: to number index mod ``of`` + 1, and an id that is no index by its hash.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str | None) -> Shard:
        """The share that ``i/n`` names; None: the whole. Raises InvalidInput."""
        if text is None:
            return cls()
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        number, of = (int(part) for part in found.groups()) if found else (0, 0)
        if not 1 <= number <= of <= _MOST_SHARDS:
            raise InvalidInput(f"shard {text[:40]!r}: expected I/N with I from 1 to N, such as 1/8 to 8/8")
        return cls(number, of)

    def items(self, items: Sequence[str]) -> list[str]:
        """The items of this share, in their order."""
        return [item for item in items if _slot(item) % self.of == self.number - 1]

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def _slot(item: str) -> int:
    if item.isdecimal():
        return int(item)
    return int.from_bytes(hashlib.sha256(item.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def parse_items(text: str) -> list[str]:
    """Items of ``--item``: an index or id, or indices and ranges such as ``0-9,12``."""
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", text) or text.isdecimal():
        return [text]
    items: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise InvalidInput(f"item {part}: a range runs from the smaller index to the larger")
        if len(items) + int(last or first) - int(first) >= _MOST:
            raise InvalidInput(f"items {text[:80]}: more than {_MOST:,}; run them in parts")
        items += [str(i) for i in range(int(first), int(last or first) + 1)]
    return list(dict.fromkeys(items))
