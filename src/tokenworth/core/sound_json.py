"""JSON that says one thing: no key twice in an object, no whole number that a float cannot hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON takes as it is."""
_LONG = re.compile(r"(?<![.0-9])[0-9]{16}")


def check_keys(text: str) -> None:
    """Raises ValueError for an object with a key that stands twice, which readers take in different ways. Nothing too deep is looked at."""
    try:
        json.loads(text, object_pairs_hook=_unique, parse_int=len, parse_float=len)
    except RecursionError:
        return


def check_numbers(text: str) -> None:
    """Raises ValueError for a whole number beyond `LARGEST`."""
    if _LONG.search(text):
        json.loads(text, parse_int=_held, parse_float=len)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {twice[:80]!r} stands twice in one object")


def _held(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise ValueError(f"the whole number {digits[:24]}{'…' * (len(digits) > 24)} is too large; expected at most {LARGEST}")
    return 0
