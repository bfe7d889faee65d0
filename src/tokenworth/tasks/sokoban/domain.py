"""The Sokoban domain as the workbench sees it."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworth.core.verification import Domain, Drawing, FormalText, Step, whole_words
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.rules import CODES, DIALECTS, SENTENCES
from tokenworth.tasks.sokoban.verify import VERSION, verify


def read(record: Mapping[str, object], source: str) -> FormalText:
    """A record of a JSON line as text: ``text``, or ``prompt`` and ``trace``. With a prompt, ``text`` is the trace where there is none.

    Raises InvalidInput that names ``source`` where fields are missing or not text.
    """
    prompt, trace = record.get("prompt"), record.get("trace")
    body = record.get("text") if trace is None else trace
    head = "" if trace is None and prompt is None else prompt
    if not isinstance(body, str) or not isinstance(head, str):
        got = ", ".join(sorted(map(str, record))) or "an empty object"
        raise InvalidInput(f"{source}: expected the fields id and text, or id, prompt and trace, all text; got {got[:200]}")
    is_cut = record.get("truncated") is True
    return FormalText(id=str(record.get("id", "")), prompt=head, trace=whole_words(body) if is_cut else body, is_cut=is_cut)


def draw(text: FormalText, dialect: str) -> Drawing | None:
    """The level with the events that could be read, whatever rule they break; None where the prompt cannot be read."""
    parsed = parse(text)
    level = parsed.level
    if level is None:
        return None
    steps = tuple(
        Step(
            verb="close" if event.is_close else "create",
            x=event.worker[0],
            y=event.worker[1],
            g=event.g,
            h=event.h,
            chars=event.chars,
            boxes=event.boxes,
        )
        for event in parsed.events
    )
    return Drawing(
        rows=level.rows,
        cols=level.cols,
        walls=level.walls,
        start=level.worker,
        goals=level.docks,
        steps=steps,
        plan=tuple(step.cell for step in parsed.plan),
        boxes=level.boxes,
    )


DOMAIN = Domain(
    name="sokoban",
    version=VERSION,
    dialects=DIALECTS,
    codes=CODES,
    sentences=SENTENCES,
    read=read,
    verify=verify,
    draw=draw,
)
"""Sokoban solved by A*."""
