"""Text that came from a model or a file, made harmless for a terminal: what would act is shown instead."""

from __future__ import annotations

import unicodedata

_ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"
"""Emoji and many scripts need them, and they do not act on a terminal."""


def _shown(char: str) -> str:
    if char == "\n":
        return char
    if char == "\t":
        return "\\t"
    if char == "\r":
        return "\\r"
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str) -> str:
    """``text`` with control, direction and surrogate characters as visible escapes; a newline stays a newline."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) if unicodedata.category(c) in _ACTIVE and c not in _JOINERS else c for c in text)


def one_line(text: str) -> str:
    """`inert` on one line: a newline becomes ``↵``."""
    return inert(text).replace("\n", "↵")


def whole(text: str) -> str:
    """``text`` with unpaired surrogates written as ``⟨U+D83D⟩``, so that it can be encoded; nothing else changes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(f"⟨U+{ord(c):04X}⟩" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)
    return text
