"""The items of a run: which problems of a task."""

from __future__ import annotations

import re

from tokenworth.errors import InvalidInput

_MOST = 1_000_000


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
