"""The text of a trace over its token ids: sentences as runs of tokens, and texts put in the place of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.tokens import Codec

_SENTENCE = re.compile(rb"""[^.!?\n]*(?:[.!?]+["')\]]*(?=\s|$)|[.!?]|\n+|$)""")
NOT_WRITTEN = "the tokenizer does not write the new text as it stands"


@dataclass(frozen=True, slots=True)
class TextPatch:
    """Text that takes the place of bytes ``start`` to ``end``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Spliced:
    """Ids with some pieces replaced; every token outside of them is the one it was.

    ``first``: tokens before the first change. ``last``: one past the last token that changed, in the new ids; ``base_last``: in the old.
    """

    ids: tuple[int, ...]
    first: int
    last: int
    base_last: int


class TokenText:
    """Token ids with the bytes that each stands for."""

    def __init__(self, ids: tuple[int, ...], codec: Codec) -> None:
        self.ids, self.codec = ids, codec
        pieces = codec.piece_bytes(ids)
        self.bytes = b"".join(pieces)
        self.offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces], dtype=np.int64)])

    @property
    def text(self) -> str:
        """The text; bytes that are no character are U+FFFD."""
        return self.bytes.decode("utf-8", "replace")

    def token_after(self, at: int) -> int:
        """The first token that begins at byte ``at`` or later."""
        return int(np.searchsorted(self.offsets, at, side="left"))

    def is_whole(self, cut: int) -> bool:
        """Whether no character lies on both sides of the cut."""
        rest = self.bytes[int(self.offsets[cut]) :][:1]
        return not rest or rest[0] & 0xC0 != 0x80

    def sentences(self) -> tuple[tuple[int, int], ...]:
        """The sentences as runs of tokens, in order, which together are all tokens.

        One ends at . ! or ? before white space, or at a line break; a token that reaches over the end is the last of its sentence.
        A run without a letter or a digit belongs to the sentence before it.
        """
        ends = list[int]()
        begun = 0
        for found in _SENTENCE.finditer(self.bytes):
            end = self.token_after(found.end())
            if end <= begun or (found.group()[-1:] in b".!?" and self.bytes[found.end() : found.end() + 1].strip()):
                continue
            said = re.search(rb"[0-9A-Za-z\x80-\xff]", self.bytes[self.offsets[begun] : self.offsets[end]])
            if said is None and ends:
                ends[-1] = end
            elif said is not None or end == len(self.ids):
                ends.append(end)
            else:
                continue
            begun = end
        if ends and ends[-1] < len(self.ids):
            ends[-1] = len(self.ids)
        return tuple(zip([0, *ends[:-1]], ends, strict=True)) if ends else ()

    def splice(self, pieces: Sequence[TextPatch]) -> Spliced | str:
        """The ids with texts put in the place of others; why that cannot be done, where the tokenizer does not write them so.

        Tokens that a piece cuts through are encoded again with it; all others stay. The bytes of the new ids are compared with what they
        are to be.
        """
        groups = list[tuple[int, int, list[TextPatch]]]()
        for piece in sorted(pieces, key=lambda one: (one.start, one.end)):
            first, last = self._tokens(piece)
            if groups and first < groups[-1][1]:
                begun, ended, held = groups.pop()
                groups.append((begun, max(ended, last), [*held, piece]))
            else:
                groups.append((first, last, [piece]))
        made = list[int]()
        at = 0
        for first, last, held in groups:
            written = self._written(first, last, held)
            if written is None:
                return NOT_WRITTEN
            made += [*self.ids[at:first], *written]
            at = last
        if not groups:
            return Spliced(self.ids, 0, 0, 0)
        return Spliced((*made, *self.ids[at:]), groups[0][0], len(made), at)

    def _tokens(self, piece: TextPatch) -> tuple[int, int]:
        """The tokens that a piece touches; more on each side where one of these ends within a character."""
        first = int(np.searchsorted(self.offsets, piece.start, side="right")) - 1
        last = first + int(self.offsets[first] < piece.start) if piece.end == piece.start else max(first, self.token_after(piece.end))
        while first > 0 and not self.is_whole(first):
            first -= 1
        while not self.is_whole(last):
            last += 1
        return first, last

    def _written(self, first: int, last: int, pieces: Sequence[TextPatch]) -> tuple[int, ...] | None:
        new, at = b"", int(self.offsets[first])
        for piece in pieces:
            new += self.bytes[at : max(at, piece.start)] + piece.text.encode()
            at = max(at, piece.end)
        new += self.bytes[at : self.offsets[last]]
        try:
            ids = self.codec.encode(new.decode("utf-8")) if new else ()
        except UnicodeDecodeError:
            return None
        return ids if b"".join(self.codec.piece_bytes(ids)) == new else None
