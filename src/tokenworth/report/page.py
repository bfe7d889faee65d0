"""Result documents to one page: each goes to the section of its measure; what is about one trace is joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenworth import __version__, catalog
from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput
from tokenworth.report.section import Part, Section

if TYPE_CHECKING:
    from tokenworth.report.sections.sheet import SheetView
    from tokenworth.report.sections.traces.model import SetView, TraceView
    from tokenworth.report.sections.verified.model import FormalView

_PLAIN = "tokenworth.report.sections.plain:SECTION"
"""Of measures that name none."""
_ORDER = ("traces", "gallery", "verified", "sheets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole report."""

    title: str
    generator: str
    parts: tuple[tuple[Section, Part], ...]

    def _of(self, kind: str, name: str) -> tuple[Any, ...]:
        return tuple(one for section, part in self.parts if section.kind == kind for one in getattr(part, name))

    @property
    def traces(self) -> tuple[TraceView, ...]:
        """Its traces, the measured ones first."""
        return self._of("traces", "traces")

    @property
    def sets(self) -> tuple[SetView, ...]:
        """Their sample sets."""
        return self._of("traces", "sets")

    @property
    def formal(self) -> tuple[FormalView, ...]:
        """Its verified traces, document by document."""
        return self._of("verified", "documents")

    @property
    def sheets(self) -> tuple[SheetView, ...]:
        """Its tables."""
        return self._of("sheets", "sheets")


def page_of(documents: Sequence[Document], *, title: str | None = None) -> Page:
    """The page of some documents. What is not said in ``title`` is taken from what they are about.

    Raises:
        InvalidInput: there is none.
        MismatchError: documents of one trace contradict each other.
    """
    if not documents:
        raise InvalidInput("nothing to report; expected at least one result")
    groups: dict[int, tuple[Section, list[Document]]] = {}
    for document in documents:
        section = section_of(document)
        groups.setdefault(id(section), (section, []))[1].append(document)
    parts = [(section, section.view(tuple(found))) for section, found in groups.values()]
    parts.sort(key=lambda pair: _ORDER.index(pair[0].kind) if pair[0].kind in _ORDER else len(_ORDER))
    titles = list(dict.fromkeys(one for _, part in parts for one in part.titles))
    more = f" (and {len(titles) - 1} more)" * (len(titles) > 1)
    return Page(
        title=(titles[0] if titles else "report") + more if title is None else title,
        generator=f"tokenworth {__version__}",
        parts=_joined(parts),
    )


def section_of(document: Document) -> Section:
    """The section that shows a document: that of its measure, else one that shows any document as tables."""
    name = next((one.name for one in catalog.measures() if isinstance(document, one.document)), "")
    return catalog.load({name: catalog.SECTIONS.get(name, _PLAIN)}, "section", name)


def _joined(parts: Sequence[tuple[Section, Any]]) -> tuple[tuple[Section, Part], ...]:
    """The parts, with verified traces linked to the measured traces of the same words."""
    at = {section.kind: k for k, (section, _) in enumerate(parts)}
    found = list(parts)
    if "traces" in at and "verified" in at:
        from tokenworth.report.sections.verified.link import linked

        traces, verified = linked(parts[at["traces"]][1], parts[at["verified"]][1])
        found[at["traces"]] = (parts[at["traces"]][0], traces)
        found[at["verified"]] = (parts[at["verified"]][0], verified)
    if "traces" in at and "gallery" in at:
        from tokenworth.report.sections.gallery.link import linked_gallery

        k = at["gallery"]
        found[k] = (found[k][0], linked_gallery(found[k][1], parts[at["traces"]][1].traces))
    return tuple(found)
