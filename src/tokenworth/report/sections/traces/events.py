"""Marks for the event lane, derived from the documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tokenworth.core.inert import one_line
from tokenworth.methods.curve.document import EventDoc
from tokenworth.report.sections.traces.model import CurveView, EventView, StackView
from tokenworth.report.sections.traces.series import OWN

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*\s*$")
_KINDS = ("answer", "flip", "change", "paragraph", "sentence", "note")


def text_events(pieces: Sequence[str], unit: str) -> Iterable[EventView]:
    """Ends of paragraphs (an empty line, or a line end) and of sentences, by the text alone."""
    for i, piece in enumerate(pieces[:-1]):
        if piece.endswith("\n"):
            yield EventView(cut=i + 1, kind="paragraph", label="end of a paragraph")
        elif unit == "token" and _SENTENCE_END.search(piece) and pieces[i + 1][:1].isspace():
            yield EventView(cut=i + 1, kind="sentence", label="end of a sentence")


def change_events(curve: CurveView) -> Iterable[EventView]:
    """Cuts where the limits of the change exclude 0; of outer limits, where the two intervals do not overlap."""
    own = curve.delta_limits == OWN
    told = (
        f"the {curve.level:.0%} limits of the change exclude 0" if own else f"the two pointwise {curve.level:.0%} intervals do not overlap"
    )
    for cut, delta, low, high, origin in zip(curve.cuts, curve.delta, curve.delta_low, curve.delta_high, curve.delta_from, strict=True):
        if delta is None or low is None or high is None or origin is None or delta == 0 or low <= 0 <= high:
            continue
        label = f"{curve.label} {delta:+.2f} between cuts {int(origin)} and {cut}: {told} (not corrected for the number of cuts)"
        yield EventView(cut=cut, kind="change", label=label)


def flip_events(stack: StackView, index: int) -> Iterable[EventView]:
    """Cuts where another option takes the lead in the forced answer; copied readings are skipped."""
    last = -1
    for cut, top, held in zip(stack.cuts, stack.top, stack.held, strict=True):
        if held or top < 0:
            continue
        if last not in (-1, top):
            labels = stack.all_labels
            label = f"forced answer turns from {one_line(labels[last])} to {one_line(labels[top])} (exit “{one_line(stack.name)}”)"
            yield EventView(cut=cut, kind="flip", label=label, stack=index)
        last = top


def all_events(
    pieces: Sequence[str],
    unit: str,
    curve: CurveView | None,
    stacks: Sequence[StackView],
    given: Iterable[EventDoc],
    *,
    has_answer: bool,
) -> tuple[EventView, ...]:
    """Every event once, in order of cut; an event of the document wins over a derived one of the same cut and kind."""
    found = [EventView(cut=e.cut, kind=e.kind if e.kind in _KINDS else "note", label=e.label) for e in given]  # pyright: ignore[reportArgumentType]
    taken = {(e.cut, e.kind) for e in found}
    derived: list[EventView] = list(text_events(pieces, unit))
    if has_answer:
        derived.append(EventView(cut=len(pieces), kind="answer", label="end of the trace: the answer follows, no curve crosses"))
    if curve is not None:
        derived += change_events(curve)
    for index, stack in enumerate(stacks):
        if stack.kind == "forced":
            derived += flip_events(stack, index)
    found += [e for e in derived if (e.cut, e.kind) not in taken]
    return tuple(sorted(found, key=lambda e: (e.cut, _KINDS.index(e.kind), e.stack)))
