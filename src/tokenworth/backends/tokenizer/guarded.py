"""A model's tokenizer and chat template of unknown origin, run in a guarded process: neither can take this one's time or memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tokenworth.core.guard import Guard, JsonObject
from tokenworth.errors import InvalidInput

MOST_BYTES = 1 << 28
"""Longest tokenizer.json that is read."""
_PROGRAM = Path(__file__).with_name("worker.py")
_LIMIT_S = 10.0
_LOAD_S = 60.0
_PER_CHARACTER_S = 1e-5
_MEMORY = 512 << 20
_MEMORY_PER_BYTE = 40
"""What the library needs for each byte of a tokenizer.json, at most: measured 12 to 25."""
_REPLY = 64 << 20
_MORE = "it needs more time or memory than {what} needs"


class GuardedFiles:
    """The guarded process of one model. ``n_bytes``: size of its tokenizer.json, which decides how much memory the process gets."""

    def __init__(self, n_bytes: int) -> None:
        loads = self._loads = dict[str, JsonObject]()
        self._digests: dict[str, str] = {}
        self._guard = Guard(
            _PROGRAM,
            workers=1,
            limit_s=_LIMIT_S,
            memory=_MEMORY + _MEMORY_PER_BYTE * n_bytes,
            most_reply=_REPLY,
            most_calls=1 << 30,
            first=lambda: tuple(loads.values()),  # Not of self: a model that is dropped takes its process with it.
        )

    def tokenizer(self, name: str, spec: str, texts: Sequence[str] = ()) -> GuardedTokenizer:
        """The tokenizer of a tokenizer.json; ``texts`` are tried at once. Raises: `InvalidInput` for one that is none, or is too costly."""
        if self._digests.get(name) == hashlib.sha256(spec.encode()).hexdigest():
            return GuardedTokenizer(self._guard, name)
        request: JsonObject = {"name": name, "spec": spec, "texts": list(texts)}
        reply = self._guard.call(request, limit_s=_LOAD_S)
        if reply is None or reply["failed"]:
            raise InvalidInput(_said(reply, "a tokenizer"))
        self._loads[name], self._digests[name] = request, reply["digest"]
        return GuardedTokenizer(self._guard, name)

    def render(self, template: str, variables: Mapping[str, Any], now: datetime) -> str:
        """What a template writes. Raises: `InvalidInput`."""
        reply = self._guard.call({"template": template, "variables": dict(variables), "now": now.timestamp()})
        if reply is None or reply["failed"]:
            told = _said(reply, "a chat template")
            raise InvalidInput(told if told.startswith("template ") else f"template fails: {told}")
        return reply["text"]

    def close(self) -> None:
        """Ends the process; another starts where it is needed again."""
        self._guard.close()


@cache
def prompt_guard() -> GuardedFiles:
    """The process of prompts that are templates; it begins with the first, and all of this process share it."""
    return GuardedFiles(0)


class GuardedTokenizer:
    """One tokenizer in a guarded process."""

    def __init__(self, guard: Guard, name: str) -> None:
        self._guard, self._name = guard, name

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Ids of a text. Raises: `InvalidInput`."""
        request = {"name": self._name, "text": text, "special": add_special_tokens}
        return self._asked(request, len(text), f"a text of {len(text):,} characters")["ids"]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens kept. Raises: `InvalidInput`."""
        return self._asked({"name": self._name, "ids": list(ids)}, len(ids), f"{len(ids):,} ids")["text"]

    def _asked(self, request: JsonObject, size: int, what: str) -> JsonObject:
        reply = self._guard.call(request, limit_s=_LIMIT_S + _PER_CHARACTER_S * size)
        if reply is None or reply["failed"]:
            raise InvalidInput(f"the tokenizer fails on {what}: {_said(reply, 'a tokenizer')}")
        return reply


def _said(reply: JsonObject | None, what: str) -> str:
    """Why there is no answer, in one line."""
    if reply is None or reply["kind"] == "MemoryError":
        return _MORE.format(what=what)
    lines = [line.strip() for line in reply["error"].splitlines() if line.strip()]
    text = lines[0] if lines else reply["kind"]
    return text if len(text) <= 300 else text[:297] + "…"


def texts_of(config: Mapping[str, Any]) -> list[str]:
    """The tokens that a tokenizer_config.json adds: transformers passes them through the tokenizer's normalizer."""
    added = config.get("added_tokens_decoder")
    entries = added.values() if isinstance(added, dict) else ()
    return [str(entry["content"]) for entry in entries if isinstance(entry, dict) and isinstance(entry.get("content"), str)]
