"""A page for a terminal."""

from __future__ import annotations

from tokenworth.core.inert import one_line
from tokenworth.report.lines import wrapped
from tokenworth.report.page import Page


def render_text(page: Page, *, width: int = 80, colour: bool = False) -> str:
    """All sections of the page as text, at most ``width`` columns wide (never below 56), tables apart. All model text is made inert."""
    width = max(56, width)
    lines = wrapped(one_line(page.title), width)
    for section, part in page.parts:
        found = list(section.text(part, width, colour, page.title))
        lines += [""] * (len(page.parts) > 1 and len(lines) > 1) + found
    return "\n".join(lines) + "\n"
