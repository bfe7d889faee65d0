"""A maze text that is edited, in its parts, and what an edit of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenworth.core.verification import FormalText, Strictness, Verification, Violation
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.maze.dialect import DIALECTS, Dialect
from tokenworth.tasks.maze.grammar import MazeEvent, ParsedMaze, parse
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.verify import maze_of, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A text before and after a change of its trace.

    ``code``: the first violation of the trace after the edit at ``strictness``, None where it is valid; ``event``: the trace event it is
    at, None where it is of no event (the end of the trace). ``along``: other codes at the same event. ``kind``: what was done, in words.
    ``words``: the changed stretch of the trace after the edit, first word and one past the last (both equal: words were left out).
    ``n_changed``: words replaced, inserted or left out. ``cut_before``, ``cut_after``: words of the trace to keep so that it ends right
    after the edit and the event that breaks the rule, and the same place before the edit. ``plan_before``, ``plan_after``: words to keep
    so that the whole trace stays and the plan comes next.
    """

    code: str | None
    kind: str
    strictness: Strictness
    before: FormalText
    after: FormalText
    event: int | None
    along: tuple[str, ...]
    words: tuple[int, int]
    n_changed: int
    cut_before: int
    cut_after: int
    plan_before: int
    plan_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MazeText:
    """A text taken apart: its maze, its well-formed events, and its words, those of a prompt given apart left out."""

    text: FormalText
    dialect: Dialect
    maze: Maze
    parsed: ParsedMaze
    events: tuple[MazeEvent, ...]

    @property
    def words(self) -> list[str]:
        """The words of the trace text."""
        return list(self.parsed.words[self.parsed.offset :])

    @property
    def span(self) -> tuple[int, int]:
        """First and past word of the events."""
        first, past = self.parsed.trace_words
        return first - self.parsed.offset, past - self.parsed.offset

    @property
    def plan_at(self) -> int:
        """Words up to and with the one that begins the plan."""
        return self.span[1] + 1

    def place(self, event: int) -> int:
        """The first word of an event; the end of the trace for an index past the last."""
        assert self.parsed.events is not None
        first = self.parsed.events.first
        return first[event] - self.parsed.offset if event < len(first) else self.span[1]

    def with_words(self, words: Sequence[str]) -> FormalText:
        """The same text with other words."""
        return replace(self.text, trace=" ".join(words))

    def check(self, text: FormalText, strictness: Strictness) -> Verification:
        """The verdict on a text of this dialect."""
        return verify(text, dialect=self.dialect.name, strictness=strictness)


def read(text: FormalText, dialect: str) -> MazeText:
    """A text taken apart; its grid gets the size the verifier sees. Raises InvalidInput without a prompt or a trace that can be read."""
    if dialect not in DIALECTS:
        raise unknown_name("dialect of maze", dialect, DIALECTS)
    spoken = DIALECTS[dialect]
    parsed = parse(text, spoken)
    maze = maze_of(text, spoken, parsed)
    if maze is None or parsed.events is None:
        missing = "maze" if maze is None else "trace"
        raise InvalidInput(f"text {text.id!r} has no {missing} that can be read as {dialect}; name its dialect")
    found = parsed.events
    events = tuple(
        MazeEvent(verb="close" if is_close else "create", cell=(x, y), g=g) for is_close, x, y, g, _ in zip(*found.columns(), strict=True)
    )
    sized = replace(text, given={**text.given, "cols": maze.cols, "rows": maze.rows}, is_cut=False)
    return MazeText(text=sized, dialect=spoken, maze=maze, parsed=parsed, events=events)


def read_valid(text: FormalText, dialect: str, strictness: Strictness) -> MazeText:
    """The same, of a text whose trace is valid; raises InvalidInput for any other."""
    base = read(text, dialect)
    found = base.check(base.text, strictness)
    first = found.first_error
    if not found.parsed or not found.trace_valid:
        assert first is not None
        raise InvalidInput(
            f"text {text.id!r} is no valid trace at strictness {strictness}: {first.code} at event {first.event}; edits begin with one"
        )
    return base


def first_of_trace(found: Verification) -> Violation | None:
    """The first violation that makes the trace invalid."""
    return next((violation for violation in found.violations if violation.tier.is_of_trace), None)


def n_changed(before: Sequence[str], after: Sequence[str]) -> int:
    """Words changed: those that differ place by place where the lengths agree, else the longer one of the two stretches that differ."""
    if len(before) == len(after):
        return sum(a != b for a, b in zip(before, after, strict=True))
    first, last = stretch(before, after)
    return max(len(before), len(after)) - first - last


def stretch(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many words are the same from the beginning, and from the end of what is left."""
    least = min(len(before), len(after))
    first = next((i for i in range(least) if before[i] != after[i]), least)
    last = next((i for i in range(least - first) if before[-1 - i] != after[-1 - i]), least - first)
    return first, last
