"""Lines for a terminal, and markup for readers without JavaScript."""

from __future__ import annotations

import textwrap
from html import escape

from tokenworth.core.inert import one_line
from tokenworth.report.facts import FactView


def wrapped(text: str, width: int, indent: str = "  ", first: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` columns; none for no text."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_long_words=True) if text else []


def facts_line(facts: tuple[FactView, ...], width: int) -> list[str]:
    """The facts in a row."""
    return wrapped(" | ".join(f"{f.label} {one_line(f.value)}" + (f" ({one_line(f.detail)})" if f.detail else "") for f in facts), width)


def safe(text: str) -> str:
    """``text`` as it can stand in markup, on one line."""
    return escape(one_line(text))


def facts_table(facts: tuple[FactView, ...]) -> str:
    """The facts as a table; nothing for none."""
    rows = "".join(f"<tr><th>{safe(f.label)}</th><td>{safe(f.value)}</td></tr>\n" for f in facts)
    return f"<table>\n{rows}</table>\n" if facts else ""
