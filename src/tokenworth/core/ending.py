"""Where a written text begins and ends: one rule for the special words that tokenizers and chat templates put around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PAD = "pad|pad_token|finetune_right_pad_id|vision_pad"
_BEGIN = "s|bos|bos_token|begin_of_text|begin▁of▁sentence|startoftext|im_start|start_of_turn|endoftext"
_NAMED = "eos|eos_token|eot|eom|end|endoftext|end_of_text|end_of_turn|end_of_sentence|im_end|eot_id|eom_id|return|/s"
_MARK = rf"<[|｜](?!(?:{_PAD})[|｜]>)[^\s<>|｜]{{1,40}}[|｜]>|<(?:{_NAMED})>"
"""A word that no formal text has: any in the brackets of special tokens but padding, and some in plain ones."""
_ENDS = {
    "<": re.compile(_MARK, re.IGNORECASE),
    "[": re.compile(r"\[(?:eos|eot)\]", re.IGNORECASE),
    "eos": re.compile(r"(?<!\S)eos(?!\S)"),
    "EOS": re.compile(r"(?<!\S)EOS(?!\S)"),
}
_LAST = re.compile(rf"(?i:<[|｜]?(?:{_PAD})[|｜]?>|\[pad\]|(?<!\S)pad)\Z")
_FIRST = re.compile(rf"\s*(?i:<[|｜]?(?:{_PAD}|{_BEGIN})[|｜]?>|\[(?:pad|bos)\]|pad(?!\S))")
_ANY = re.compile(rf"(?i:{_MARK}|<[|｜]?(?:{_PAD}|{_BEGIN})[|｜]?>|\[(?:pad|bos|eos|eot)\]|(?<!\S)(?:eos|bos|pad)(?!\S))")
_LONGEST = 40
"""Characters that the longest mark of padding has, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What of a text is to be read: characters ``first`` to ``end``, one past the last.

    ``n_before``: words before it. ``is_ended``: a mark of end closes it. ``after``: the words behind that mark, special ones left out.
    """

    first: int
    end: int
    n_before: int
    is_ended: bool
    after: str


def extent_of(text: str, at: int = 0) -> Extent:
    """What of a text is to be read: without the padding around it, and up to the first mark of end from character ``at`` on.

    Marks of end and padding are the words ``eos`` and ``pad`` and those of tokenizers and chat templates (``<|endoftext|>``,
    ``<|im_end|>``, ``</s>``, ``<pad>``), with or without white space before them. What follows a mark of end was written by a generator
    that nobody stopped. Takes time linear in the length of the text.
    """
    first = 0
    while (found := _FIRST.match(text, first)) is not None:
        first = found.end()
    begun = max(at, first)
    marks = [found for sign, pattern in _ENDS.items() if sign in text and (found := pattern.search(text, begun)) is not None]
    mark = min(marks, key=lambda found: found.start(), default=None)
    end = len(text) if mark is None else mark.start()
    past = end
    while past > first:
        if text[past - 1].isspace():
            past -= 1
        elif (found := _LAST.search(text, max(first, past - _LONGEST), past)) is not None:
            end = past = found.start()
        else:
            break
    n_before = len(text[:first].split()) - (0 < first < len(text) and not text[first].isspace())
    after = "" if mark is None else " ".join(_ANY.sub(" ", text[mark.end() :]).split())
    return Extent(first=first, end=end, n_before=n_before, is_ended=mark is not None, after=after)
