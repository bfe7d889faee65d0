"""What a page shows of the documents of a measure: one entry of ``catalog.SECTIONS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tokenworth.report.blob import Json

Encoded = tuple[Mapping[str, Json], Sequence[tuple[str, str]]]
"""The section's part of the page's JSON header, and its blobs by name."""


class Part(Protocol):
    """The view of a section: frozen values that a renderer only has to look up and draw."""

    @property
    def titles(self) -> tuple[str, ...]:
        """What it shows, one title a thing; the page is called by them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """How documents become a part of a page, and the part text or HTML. Measures that name the same section share one part."""

    kind: str
    """Which component of the viewer draws it (``web/src/sections``)."""
    view: Callable[[Sequence[Any]], Any]
    """(documents) -> the part, a `Part`. Raises MismatchError for documents that contradict each other."""
    text: Callable[[Any, int, bool, str], Iterator[str]]
    """(part, width, colour, title) -> lines for a terminal, inert. ``title`` stands above them already."""
    encode: Callable[[Any, int | None], Encoded]
    """(part, most) -> what the page carries. ``most``: how many texts of each place go in; None: all."""
    noscript: Callable[[Any], Iterator[str]]
    """(part) -> markup for readers without JavaScript, all texts escaped."""
    most: Callable[[Any], int] = lambda part: 0
    """(part) -> the largest number of texts at one place that may be left out of a page that must be small."""
    texts: str = ""
    """What those are called."""
