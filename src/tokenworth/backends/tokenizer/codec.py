"""Text of token ids and back, with the exact bytes of every token.

Pieces are read off the tokenizer's own decoder: byte-level BPE writes each byte as one printable character, SentencePiece
writes spaces as ``▁`` and stray bytes as ``<0xE2>``. Any other decoder is asked for the text of growing prefixes.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from tokenizers import Tokenizer

from tokenworth.backends.tokenizer.control import ControlTokens

if TYPE_CHECKING:
    from tokenworth.backends.tokenizer.guarded import GuardedFiles

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def byte_alphabet() -> dict[str, int]:
    """The byte of each character of byte-level BPE: printable Latin-1 stands for itself, the rest follows from U+0100 on.

    Source: the GPT-2 byte encoder (Radford et al. 2019), which all byte-level BPE tokenizers share.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in plain}
    rest = (byte for byte in range(256) if byte not in set(plain))
    table.update({chr(0x100 + i): byte for i, byte in enumerate(rest)})
    return table


def _decoder_types(decoder: Any) -> set[str]:
    if not isinstance(decoder, dict):
        return set()
    return {str(decoder.get("type"))}.union(*(_decoder_types(part) for part in decoder.get("decoders", ())))


def _parts(step: Any, name: str) -> list[dict[str, Any]]:
    """A normalizer or pre-tokenizer and, of a sequence, its steps."""
    return [step, *step.get(name, ())] if isinstance(step, dict) else []


def _without_prefix_space(spec: dict[str, Any]) -> dict[str, Any] | None:
    """The description without the space some put before a text (and after special tokens); None if it puts none."""
    changed = copy.deepcopy(spec)
    for step in _parts(changed.get("normalizer"), "normalizers"):
        if step.get("type") == "Sequence":
            step["normalizers"] = [part for part in step["normalizers"] if part.get("type") != "Prepend"]
    if (changed.get("normalizer") or {}).get("type") == "Prepend":
        changed["normalizer"] = None
    for step in _parts(changed.get("pre_tokenizer"), "pretokenizers"):
        if step.get("type") == "Metaspace":
            step["prepend_scheme"] = "never"
        if step.get("add_prefix_space"):
            step["add_prefix_space"] = False
    return None if changed == spec else changed


class Encoder(Protocol):
    """A tokenizer: here, or in a guarded process."""

    def encode(self, text: str, *, add_special_tokens: bool) -> Sequence[int]:
        """Ids of a text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens kept."""
        ...


class _Bare:
    """A `tokenizers.Tokenizer` in this process."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)


class _Stock:
    """A tokenizer of transformers in this process."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # The length of a text is held against the model's context, and said in one line; the library would print a warning.
        setattr(tokenizer, "model_max_length", sys.maxsize)  # noqa: B010

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens)

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)


def _vocabulary_size(tokenizer: Any, backend: Any) -> int:
    """One more than the largest id."""
    if backend is None:
        return int(max(len(tokenizer), tokenizer.vocab_size))
    return max(backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def _variant(guard: GuardedFiles | None, name: str, spec: dict[str, Any]) -> Encoder:
    """The tokenizer of a changed description."""
    text = json.dumps(spec)
    return _Bare(Tokenizer.from_str(text)) if guard is None else guard.tokenizer(name, text)


class TokenizerCodec:
    """A `tokenworth.core.tokens.Codec` over a Hugging Face tokenizer: one of `tokenizers`, or one of transformers.

    ``encode`` treats its text as a fragment: tokenizers that would put a space before it are made not to, so that the
    pieces of ``encode(text)`` concatenate to ``text`` (prompts are rendered by the chat template, not here).
    ``spec``: the tokenizer's own description (what tokenizer.json says); empty for tokenizers that have none. ``guard``: the process that
    encodes and decodes, for tokenizers of unknown origin; without one that is done here.
    """

    def __init__(self, tokenizer: Any, guard: GuardedFiles | None = None) -> None:
        here: Encoder = _Bare(tokenizer) if isinstance(tokenizer, Tokenizer) else _Stock(tokenizer)
        backend = tokenizer if isinstance(tokenizer, Tokenizer) else getattr(tokenizer, "backend_tokenizer", None)
        self._token: Any = getattr(tokenizer, "convert_ids_to_tokens", None) if backend is None else backend.id_to_token
        self._size = _vocabulary_size(tokenizer, backend)
        spec: dict[str, Any] = json.loads(backend.to_str()) if backend is not None else {}
        # Settings of whoever called the tokenizer last; a fragment is never cut or filled up.
        spec.update(truncation=None, padding=None)
        self.spec, self.guard = spec, guard
        self._whole = here if guard is None or backend is None else guard.tokenizer("whole", backend.to_str())
        types = _decoder_types(spec.get("decoder"))
        self.kind = "bytes" if "ByteLevel" in types else "metaspace" if types & {"Metaspace", "ByteFallback"} else "other"
        self._alphabet = byte_alphabet() if self.kind == "bytes" else {}
        self._space = _metaspace(spec.get("decoder")) if self.kind == "metaspace" else ""
        self._cache: dict[int, bytes] = {}
        changed = _without_prefix_space(spec)
        self._fragments = self._whole if changed is None else _variant(guard, "fragments", changed)

    def close(self) -> None:
        """Ends the guarded process, if there is one; another starts where it is needed again."""
        if self.guard is not None:
            self.guard.close()

    @cached_property
    def control(self) -> ControlTokens:
        """The control tokens, and how text that spells them is encoded as text."""
        return ControlTokens(self.spec, partial(_variant, self.guard), _without_prefix_space)

    def controls_in(self, text: str) -> int:
        """How many control tokens the ids of a text hold."""
        return sum(token in self.control.ids for token in self.encode(text)) if self.control.ids else 0

    @property
    def vocab_size(self) -> int:
        """Ids the tokenizer knows; the model's head may be padded beyond it."""
        return self._size

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of ``text``, special tokens recognised, none added."""
        return tuple(self._fragments.encode(text, add_special_tokens=False))

    def encode_data(self, text: str) -> tuple[int, ...]:
        """As `encode`, but control tokens that the text spells are text."""
        return self.control.encode(self.control.marked(text), fragment=True) if self.controls_in(text) else self.encode(text)

    def encode_whole(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        """Ids of ``text`` taken as a whole prompt, as a server that is sent it makes them.

        ``add_special_tokens``: with those that the tokenizer always adds (such as a BOS token).
        """
        return tuple(self._whole.encode(text, add_special_tokens=add_special_tokens))

    def decode(self, ids: tuple[int, ...]) -> str:
        """Text of ``ids``, special tokens kept; broken UTF-8 becomes U+FFFD."""
        return b"".join(self.piece_bytes(ids)).decode("utf-8", errors="replace")

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        """The bytes of each token on its own; ids the tokenizer does not know are empty."""
        if self.kind == "other":
            return self._incremental(ids)
        cache = self._cache
        return tuple(cache[i] if i in cache else self._remember(i) for i in ids)

    def _remember(self, token_id: int) -> bytes:
        self._cache[token_id] = piece = self._piece(token_id)
        return piece

    def _piece(self, token_id: int) -> bytes:
        token = self._token(int(token_id)) if 0 <= token_id < self._size else None
        if token is None:
            return b""
        if self.kind == "bytes":
            mapped = [self._alphabet.get(character) for character in token]
            known = [byte for byte in mapped if byte is not None]
            return bytes(known) if len(known) == len(mapped) else token.encode()
        found = _BYTE_TOKEN.fullmatch(token)
        return bytes([int(found[1], 16)]) if found else token.replace(self._space, " ").encode()

    def _incremental(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        """Pieces as growth of the decoded prefix; a token that ends inside a character gives its bytes to the next one."""
        pieces: list[bytes] = []
        done = b""
        for i in range(1, len(ids) + 1):
            text = self._whole.decode(ids[:i])
            whole = text.encode()
            ends_inside = text.endswith("�") and i < len(ids)
            grown = whole[len(done) :] if whole.startswith(done) and not ends_inside else b""
            pieces.append(grown)
            done += grown
        return tuple(pieces)


def _metaspace(decoder: Any) -> str:
    """The character that stands for a space."""
    parts = decoder.get("decoders", [decoder])
    for part in parts:
        if part.get("type") == "Metaspace":
            return str(part.get("replacement", "▁"))
        if part.get("type") == "Replace" and part.get("content") == " ":
            return str(part.get("pattern", {}).get("String", "▁"))
    return "▁"
