"""The Sokoban domain as the workbench sees it."""

from __future__ import annotations

from tokenworth.core.verification import Domain, Drawing, FormalText, Step, read_text
from tokenworth.tasks.sokoban.grammar import parse
from tokenworth.tasks.sokoban.rules import CODES, DIALECTS, SENTENCES
from tokenworth.tasks.sokoban.verify import VERSION, verify


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
    read=read_text,
    verify=verify,
    draw=draw,
)
"""Sokoban solved by A*."""
