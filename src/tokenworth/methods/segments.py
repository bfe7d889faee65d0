"""A text cut into sentences, and the sentences laid exactly over the tokens that spell it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from tokenworth.errors import InvalidInput, unknown_name

SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
"""Between two sentences: white space after a full stop, the end of a sentence that needs none after it, or new lines."""
_NEWLINE = re.compile(r"\n+")
_KINDS = ("sentence", "newline", "fixed:N", "regex:PATTERN")
_LONGEST = 500


def check_segmenter(name: str) -> None:
    """Refuses what names no segmenter. Raises InvalidInput, or UnknownName with close matches."""
    kind, _, what = name.partition(":")
    if kind == "fixed" and (not (what.isascii() and what.isdecimal()) or not 1 <= int(what[:9]) <= 10**6):
        raise InvalidInput(f"segmenter {name!r}: expected fixed:N with a number of tokens from 1 to 1,000,000")
    if kind == "regex":
        if not 0 < len(what) <= _LONGEST:
            raise InvalidInput(f"segmenter {name[:40]!r}: expected regex:PATTERN of 1 to {_LONGEST} characters")
        try:
            re.compile(what)
        except re.error as error:
            raise InvalidInput(f"segmenter {name!r} is not a regular expression: {error}") from error
    elif kind != "fixed" and name not in _KINDS[:2]:
        raise unknown_name("segmenter", name, _KINDS)


def token_cuts(pieces: Sequence[bytes], name: str) -> Int[np.ndarray, " sentence"]:
    """The cut at which each sentence of these tokens begins, the first 0; none where there is no token.

    A boundary inside a token goes before it: the token belongs to the sentence that begins in it. If that cut is inside a character, as
    it can be with tokens of single bytes, it moves on to the end of the character. Segments of white space alone join the one before.
    """
    if not pieces:
        return np.zeros(0, dtype=np.int64)
    start = np.append(0, np.cumsum([len(piece) for piece in pieces]))
    # A byte that is part of no character is a character by itself, so that offsets are exact whatever the tokens hold.
    text = b"".join(pieces).decode("utf-8", "surrogateescape")
    widths = [len(mark.encode("utf-8", "surrogateescape")) for mark in text]
    at = np.append(0, np.cumsum(widths)).astype(np.int64)
    if name.startswith("fixed:"):
        wanted = start[:: int(name.partition(":")[2])]
    else:
        wanted = at[list(_starts(text, name))]
    cuts = np.searchsorted(start, wanted, side="right") - 1
    whole = np.isin(start, at)
    found = [0]
    for cut in cuts.tolist():
        while not whole[cut]:
            cut += 1
        if cut < len(pieces) and cut > found[-1]:
            found.append(cut)
    return _without_blanks(np.asarray(found, dtype=np.int64), pieces)


def sentences_of(text: str, pieces: Sequence[bytes], name: str) -> tuple[str, ...]:
    """The sentences of a text that these tokens spell, white space at their ends left out; without any letter there is none."""
    if not name.startswith("fixed:"):
        bounds = (*_starts(text, name), len(text))
        return tuple(part for a, b in pairwise(bounds) if (part := text[a:b].strip()))
    bounds = (*token_cuts(pieces, name).tolist(), len(pieces))
    parts = (b"".join(pieces[a:b]).decode("utf-8", "replace").strip() for a, b in pairwise(bounds))
    return tuple(part for part in parts if part)


def _starts(text: str, name: str) -> Iterator[int]:
    """0 and the characters after each match."""
    kind, _, pattern = name.partition(":")
    expression = re.compile(pattern) if kind == "regex" else _NEWLINE if kind == "newline" else SENTENCE
    before = 0
    yield 0
    for one in expression.finditer(text):
        if before < one.end() < len(text):
            before = one.end()
            yield before


def _without_blanks(cuts: Int[np.ndarray, " segment"], pieces: Sequence[bytes]) -> Int[np.ndarray, " sentence"]:
    """The cuts without those of segments that are white space alone: they belong to the sentence before, at the beginning to the next."""
    ends = [*cuts[1:].tolist(), len(pieces)]
    is_blank = [not b"".join(pieces[a:b]).strip() for a, b in zip(cuts.tolist(), ends, strict=True)]
    kept = [cut for cut, blank in zip(cuts.tolist(), is_blank, strict=True) if not blank]
    return np.asarray([0, *kept[1:]], dtype=np.int64)
