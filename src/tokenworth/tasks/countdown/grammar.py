"""The lines of a written search as events, for each dialect. A line that does not follow the grammar is a separate event.

Every pattern is bounded in length, so that reading takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tokenworth.core.ending import Extent, extent_of
from tokenworth.tasks.countdown.instance import MAX_NUMBERS, Operation, WrittenNumber

MAX_LINE = 4000
"""Characters of a line that is read; no search over a few numbers writes longer ones."""


class LineKind(StrEnum):
    """What a line does."""

    STATE = "state"
    EXPLORE = "explore"
    GENERATE = "generate"
    MOVE = "move"
    EXPAND = "expand"
    VERDICT = "verdict"
    EXHAUSTED = "exhausted"
    SOLUTION = "solution"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountdownEvent:
    """One line (in prose: one group of lines). ``words`` and ``chars`` are first and one past the last in the text that was read.

    ``says_goal``: of a verdict or a solution, whether it claims the goal. ``text``: the line without white space around it.
    """

    kind: LineKind
    text: str
    words: tuple[int, int]
    chars: tuple[int, int]
    target: int | None = None
    numbers: tuple[WrittenNumber, ...] = ()
    operations: tuple[Operation, ...] = ()
    node: str = ""
    says_goal: bool = False
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The patterns of one dialect. ``has_prose``: lines that begin like no event are prose, and no error."""

    name: str
    heads: Mapping[str, LineKind]
    patterns: Mapping[LineKind, re.Pattern[str]]
    has_prose: bool = False
    has_tree: bool = True


_N = r"(?:0|-?[1-9][0-9]{0,17}|-0(?=\.))(?:\.[0-9]{1,40})?(?:\.\.\.)?"
_ARG = rf"(?:{_N}|\({_N}\))"
_OP = rf"{_ARG}(?:[-+*/]{_ARG}){{1,7}}={_N}"
_LIST = rf"\[(?P<numbers>{_N}(?:, {_N}){{0,{MAX_NUMBERS - 1}}})\]"
_OPS = rf"\[(?P<operations>(?:'{_OP}'(?:, '{_OP}'){{0,{MAX_NUMBERS - 1}}})?)\]"
_ONE = rf"(?P<operation>{_OP})"
_NODE = rf"(?P<node>0(?:,(?:0|[1-9][0-9]{{0,5}})){{0,{MAX_NUMBERS}}})"
_TARGET = r"(?P<target>0|[1-9][0-9]{0,17})"


def _patterns(sources: Mapping[LineKind, str]) -> Mapping[LineKind, re.Pattern[str]]:
    return {kind: re.compile(source) for kind, source in sources.items()}


_SEARCH = {
    LineKind.STATE: rf"Current State: {_TARGET}:{_LIST}, Operations: {_OPS}",
    LineKind.EXPLORE: rf"Exploring Operation: {_ONE}, Resulting Numbers: {_LIST}",
    LineKind.GENERATE: rf"Generated Node #{_NODE}: {_TARGET}:{_LIST} Operation: {_ONE}",
    LineKind.MOVE: rf"Moving to Node #{_NODE}",
    LineKind.VERDICT: rf"(?P<number>{_N}),{_TARGET} (?P<said>equal: Goal Reached|unequal: No Solution)",
    LineKind.EXHAUSTED: r"No solution found\.",
}
_HEADS = {
    "Current State": LineKind.STATE,
    "Exploring Operation": LineKind.EXPLORE,
    "Generated Node": LineKind.GENERATE,
    "Moving to Node": LineKind.MOVE,
    "No solution found": LineKind.EXHAUSTED,
}
_PATH = {
    LineKind.STATE: _SEARCH[LineKind.STATE],
    LineKind.EXPLORE: _SEARCH[LineKind.EXPLORE],
    LineKind.GENERATE: rf"Generated Node #(?P<node>[1-9][0-9]{{0,5}}): {_LIST} from Operation: {_ONE}",
    LineKind.VERDICT: _SEARCH[LineKind.VERDICT],
}
_REACT = {
    LineKind.STATE: rf"Current State #{_NODE}: {_TARGET}:{_LIST}\. Operations so far : {_OPS}\.",
    LineKind.EXPLORE: rf"Action     : Exploring operation {_ONE}\.",
    LineKind.GENERATE: _SEARCH[LineKind.GENERATE],
    LineKind.MOVE: rf"Action     : Moving to Node #{_NODE} with lowest heuristic value -?[0-9]{{1,18}}(?:\.[0-9]{{1,40}})?",
    LineKind.EXPAND: rf"Thought    : Expand Node #{_NODE}’s [0-9]{{1,6}}(?:st|nd|rd|th) child to build next frontier\.",
    LineKind.VERDICT: rf"(?P<number>{_N}),{_TARGET} (?P<said>equal: Goal Reached|unequal: No Solution \.\.\. backtracking)",
    LineKind.SOLUTION: rf"SOLUTION: (?P<said>YES|NO)\nOPERATIONS: {_OPS}\nRESULT: (?P<number>{_N}|None)",
}
_REACT_HEADS = {
    "Current State #": LineKind.STATE,
    "Action     : Exploring operation": LineKind.EXPLORE,
    "Generated Node": LineKind.GENERATE,
    "Action     : Moving to Node": LineKind.MOVE,
    "Thought    : Expand Node": LineKind.EXPAND,
    "SOLUTION: YES\n": LineKind.SOLUTION,
    "SOLUTION: NO\n": LineKind.SOLUTION,
}

GRAMMARS: Mapping[str, Grammar] = {
    grammar.name: grammar
    for grammar in (
        Grammar(name="stream-of-search", heads=_HEADS, patterns=_patterns(_SEARCH)),
        Grammar(name="optimal-path", heads=_HEADS, patterns=_patterns(_PATH), has_tree=False),
        Grammar(name="react", heads=_REACT_HEADS, patterns=_patterns(_REACT), has_prose=True),
    )
}
"""Every dialect by name. Sources: Gandhi et al. 2024, arXiv 2404.03683 (stream-of-search; the others are of models trained after it)."""

_RESULTING = re.compile(rf"Resulting numbers: {_LIST}\.")
_VERDICT_HEAD = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,40})?(?:\.\.\.)?,[0-9]{1,18} (?:un)?equal")
_CUT_VERDICT = re.compile(r"-?[0-9]{0,18}(?:\.[0-9]{0,40})?(?:\.\.\.)?(?:,[0-9]{0,18}(?: [a-zA-Z: ]{0,30})?)?")
_CALCULATION = re.compile(rf"(?P<left>{_ARG}(?:[-+*/]{_ARG}){{1,7}})=(?P<result>{_N})")
_OPERAND = re.compile(rf"({_ARG})([-+*/]?)")
_BLANK = " \t\r"
_BEGINS = re.compile("Current State|Exploring [Oo]peration")


FOREIGN = "steps 'a - b = c (left: …)', as Tree of Thoughts writes them: a format that no dialect has"
"""What a text is that `is_foreign`, for messages."""
_FOREIGN = re.compile(rf"\s{{0,20}}(?:Steps:\s{{1,20}})?{_N} [-+*/] {_N} = {_N} \(left: ")


def is_foreign(text: str) -> bool:
    """Whether a text begins with steps in a public format that no dialect has: in the game of 24 numbers may be fractions."""
    return _FOREIGN.match(text) is not None


def number_of(text: str) -> WrittenNumber:
    """A written number: whole ones as int, ``41.0`` too, others as the text."""
    whole, _, digits = text.partition(".")
    return text if digits.strip("0") or text.endswith(".") else int(whole)


def operation_of(text: str) -> Operation | None:
    """A written equation, None where the text is not one."""
    found = _CALCULATION.fullmatch(text) if len(text) <= MAX_LINE else None
    if found is None:
        return None
    parts = _OPERAND.findall(found["left"])
    operands = tuple(number_of(str(operand).strip("()")) for operand, _ in parts)
    return Operation(text=text, operands=operands, operators="".join(sign for _, sign in parts), result=number_of(found["result"]))


def is_beginning(line: str, grammar: Grammar) -> bool:
    """Whether a line that does not follow the grammar may be the beginning of one that does: what is left when a text is cut."""
    begun = any(line.startswith(head) or head.startswith(line) for head in grammar.heads)
    return len(line) <= MAX_LINE and (begun or _CUT_VERDICT.fullmatch(line) is not None)


def read_extent(text: str) -> Extent:
    """What of a text is to be read; marks of end before the search begins are of a prompt."""
    begins = _BEGINS.search(text)
    return extent_of(text, begins.start() if begins else 0)


def read_events(text: str, grammar: Grammar) -> Iterator[CountdownEvent]:
    """The events of a text, in order, up to its end."""
    extent = read_extent(text)
    reader = _Reader(grammar)
    waiting: CountdownEvent | None = None  # in prose, an operation whose resulting numbers are to come
    for line in _lines(text[: extent.end], extent, grammar):
        event = reader.event_of(line)
        if waiting is not None:
            found = _RESULTING.fullmatch(line.text) if len(line.text) <= MAX_LINE else None
            yield waiting if found is None else _joined(waiting, line, found["numbers"])
            waiting = None
            if found is not None:
                continue
        if event is not None and event.kind is LineKind.EXPLORE and grammar.has_prose:
            waiting = replace(event, kind=LineKind.UNREAD)
        elif event is not None:
            yield event
    if waiting is not None:
        yield waiting


def _joined(explored: CountdownEvent, line: CountdownEvent, numbers: str) -> CountdownEvent:
    both = f"{explored.text}\n{line.text}"
    words, chars = (explored.words[0], line.words[1]), (explored.chars[0], line.chars[1])
    return replace(explored, kind=LineKind.EXPLORE, text=both, words=words, chars=chars, numbers=_numbers(numbers), is_last=line.is_last)


def _numbers(text: str) -> tuple[WrittenNumber, ...]:
    return tuple(number_of(number) for number in text.split(", "))


def _lines(text: str, extent: Extent, grammar: Grammar) -> Iterator[CountdownEvent]:
    """Lines with something in them as unread events. In prose the three lines of a solution are one."""
    start, words, end = extent.first, extent.n_before, len(text)
    while start < end:
        stop = text.find("\n", start)
        stop = end if stop < 0 else stop
        if grammar.has_prose and text.startswith("SOLUTION: ", start) and not text.startswith("SOLUTION: YES/NO", start):
            for _ in range(2):
                further = text.find("\n", stop + 1) if stop < end else -1
                stop = further if further >= 0 else end
        line = text[start:stop]
        stripped = line.strip(_BLANK)
        count = len(line.split())
        if stripped:
            left = start + len(line) - len(line.lstrip(_BLANK))
            said = "\n".join(part.strip(_BLANK) for part in stripped.split("\n")) if grammar.has_prose else stripped
            chars = (left, left + len(stripped))
            yield CountdownEvent(kind=LineKind.UNREAD, text=said, words=(words, words + count), chars=chars, is_last=stop == end)
        words += count
        start = stop + 1


class _Reader:
    """Reads lines of one dialect. Equations are read once each: a search writes the same ones again and again."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._known: dict[str, Operation] = {}

    def event_of(self, line: CountdownEvent) -> CountdownEvent | None:
        """The event of a line, unread where it follows no rule; None for prose."""
        kind = self._kind_of(line.text)
        if kind is None:
            return None if self._grammar.has_prose else line
        pattern = self._grammar.patterns.get(kind)
        found = pattern.fullmatch(line.text) if pattern is not None and len(line.text) <= MAX_LINE else None
        return line if found is None else self._filled(kind, line, found.groupdict())

    def _kind_of(self, text: str) -> LineKind | None:
        for head, kind in self._grammar.heads.items():
            if text.startswith(head):
                return kind
        return LineKind.VERDICT if _VERDICT_HEAD.match(text) else None

    def _filled(self, kind: LineKind, line: CountdownEvent, groups: Mapping[str, str | None]) -> CountdownEvent:
        numbers, operations, one = groups.get("numbers"), groups.get("operations"), groups.get("operation")
        target, said = groups.get("target"), groups.get("said") or ""
        number = groups.get("number")
        listed = numbers or (number if number != "None" else None)
        written = [one] if one else [part[1:-1] for part in operations.split(", ")] if operations else []
        return CountdownEvent(
            kind=kind,
            text=line.text,
            words=line.words,
            chars=line.chars,
            target=int(target) if target else None,
            numbers=_numbers(listed) if listed else (),
            operations=tuple(self._operation(text) for text in written),
            node=groups.get("node") or "",
            says_goal=said.startswith(("equal", "YES")),
            is_last=line.is_last,
        )

    def _operation(self, text: str) -> Operation:
        known = self._known.get(text)
        if known is None:
            known = operation_of(text)
            assert known is not None  # the pattern of the line holds that of an equation
            self._known[text] = known
        return known
