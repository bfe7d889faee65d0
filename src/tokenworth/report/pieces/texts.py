"""A few lines and samples of model text: what a row opens to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tokenworth.core.inert import one_line
from tokenworth.report.blob import Blob, Json
from tokenworth.report.pieces.piece import folded, title_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Lines in our words, then samples in the model's."""

    kind: ClassVar[str] = "texts"
    lines: tuple[str, ...] = ()
    samples: tuple[tuple[str, str], ...] = ()
    """Each with what it is (such as its outcome) and its text."""
    title: str = ""

    def text(self, width: int) -> Iterator[str]:
        """Lines, then samples below what they are."""
        yield from title_lines(self.title)
        yield from map(one_line, self.lines)
        for name, sample in self.samples:
            yield one_line(f"{name}:")
            yield from (f"  {line}" for line in folded(sample, max(20, width - 2)))

    def encode(self, blob: Blob) -> Mapping[str, Json]:
        """All of it."""
        del blob
        return {"kind": self.kind, "title": self.title, "lines": self.lines, "samples": [list(one) for one in self.samples]}
