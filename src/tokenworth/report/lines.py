"""Lines for a terminal."""

from __future__ import annotations

import textwrap

from tokenworth.core.inert import one_line
from tokenworth.report.facts import FactView


def wrapped(text: str, width: int, indent: str = "  ", first: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` columns; none for no text."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_long_words=True) if text else []


def facts_line(facts: tuple[FactView, ...], width: int) -> list[str]:
    """The facts in a row."""
    return wrapped(" | ".join(f"{f.label} {one_line(f.value)}" + (f" ({one_line(f.detail)})" if f.detail else "") for f in facts), width)
