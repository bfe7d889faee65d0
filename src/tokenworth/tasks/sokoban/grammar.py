"""The text of a level, its trace and its plan, read and written.

    text    := "bos"? prompt "eos"? "bos"? event* plan "eos"?
    prompt  := "worker" X Y ("box" X Y)+ ("dock" X Y)+ ("wall" X Y)+
    event   := ("create" | "close") "worker" X Y ("box" X Y)* cG cH        boxes on a dock are not written
    plan    := ("plan" X Y)+                                               places of the worker, from the start on

X, Y: 0 to 999, G, H: 0 to 9999999, in ASCII digits without leading zeros. Words are parted by space, tab, line feed and carriage return.
A malformed clause is a separate flaw, and reading continues at the next verb; the time is linear in the length of the text.

Source: Lehnert et al. 2024, arXiv 2402.14083, the Sokoban data with boxes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from tokenworth.core.ending import Extent, extent_of
from tokenworth.core.verification import Cell, FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.sokoban.instance import Sokoban, level_of

_S, _N, _C, _END = r"[ \t\r\n]+", r"(?:0|[1-9][0-9]{0,2})", r"c(0|[1-9][0-9]{0,6})", r"(?![^ \t\r\n])"
_BOX = rf"box{_S}{_N}{_S}{_N}{_S}"
_EVENT = re.compile(rf"(create|close){_S}worker{_S}({_N}){_S}({_N}){_S}((?:{_BOX})*){_C}{_S}{_C}{_END}")
_PLACE = re.compile(rf"(worker|box|dock|wall){_S}({_N}){_S}({_N}){_END}")
_STEP = re.compile(rf"plan{_S}({_N}){_S}({_N}){_END}")
_NUMBER = re.compile(_N)
_WORD = re.compile(r"[^ \t\r\n]+")
_SPACE = re.compile(r"[ \t\r\n]*")
_VERB = re.compile(rf"(?<![^ \t\r\n])(?:create|close|plan){_END}")
_BODY = re.compile(rf"worker|box|{_N}|{_C}")
_MOST_FLAWS = 10_000
_GROUPS = ("worker", "box", "dock", "wall")


@dataclass(frozen=True, slots=True, kw_only=True)
class SokobanEvent:
    """One event as written. ``index``: its number among all clauses, malformed ones included; ``first`` and ``n_words``: its words."""

    is_close: bool
    worker: Cell
    boxes: tuple[Cell, ...]
    g: int
    h: int
    index: int
    first: int
    n_words: int
    chars: tuple[int, int]

    @property
    def words(self) -> tuple[int, int]:
        """First word and one past the last."""
        return self.first, self.first + self.n_words


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One place of the plan, with its words and characters."""

    cell: Cell
    words: tuple[int, int]
    chars: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SokobanFlaw:
    """A place that does not follow the grammar. ``code`` is PARSE, or PLAN_PARSE from the first word ``plan`` on."""

    code: str
    event: int | None
    words: tuple[int, int]
    chars: tuple[int, int]
    expected: str
    got: str


@dataclass(slots=True, kw_only=True)
class ParsedSokoban:
    """A text in its parts. ``level`` is None where the prompt cannot be read. ``n_clauses``: clauses of the trace, malformed ones too.

    ``n_words``: length of the text violations point into. ``plan_at``: first word and character of the plan, or where
    it would stand; ``has_plan``: its first word is there, so the trace is over. ``is_open``: the text was cut before its end.
    ``after``: the words behind its end. ``unlisted``: how many flaws there are beyond the first 10,000, by code.
    """

    level: Sokoban | None = None
    events: list[SokobanEvent] = field(default_factory=list[SokobanEvent])
    n_clauses: int = 0
    plan: list[PlanStep] = field(default_factory=list[PlanStep])
    plan_at: tuple[int, int] = (0, 0)
    has_plan: bool = False
    is_open: bool = False
    after: str = ""
    flaws: list[SokobanFlaw] = field(default_factory=list[SokobanFlaw])
    unlisted: Counter[str] = field(default_factory=Counter[str])
    n_words: int = 0


class _Reader:
    """A place in a text, counted in characters and in words."""

    def __init__(self, text: str, extent: Extent) -> None:
        self.text, self.at, self.word = text[: extent.end], extent.first, extent.n_before
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.text)

    def take(self, end: int, n_words: int) -> None:
        self.at, self.word = end, self.word + n_words
        self._skip_space()

    def take_word(self, word: str) -> bool:
        match = _WORD.match(self.text, self.at)
        if match is None or match.end() - match.start() != len(word) or match.group() != word:
            return False
        self.take(match.end(), 1)
        return True

    def skip(self) -> tuple[tuple[int, int], tuple[int, int], str]:
        """Goes on to the next verb, past at least one word: the words and characters passed, and how they begin."""
        begun, first = self.at, self.word
        word = _WORD.match(self.text, begun)
        verb = _VERB.search(self.text, word.end() if word else begun)
        end = verb.start() if verb else len(self.text)
        last = begun
        for passed in _WORD.finditer(self.text, begun, end):
            self.word += 1
            last = passed.end()
        self.at = end
        got = self.text[begun : min(last, begun + 60)]
        return (first, self.word), (begun, last), got if last - begun <= 60 else got[:59] + "…"


def parse(text: FormalText) -> ParsedSokoban:
    """The parts of a text; what cannot be read is among the flaws, never raised."""
    begun = _VERB.search(text.trace)
    extent = extent_of(text.trace, begun.start() if begun else 0)
    parsed = ParsedSokoban(is_open=text.is_cut and not extent.is_ended, after=extent.after)
    body = _Reader(text.trace, extent)
    prompt = _Reader(text.prompt, extent_of(text.prompt, len(text.prompt))) if text.prompt else body
    _prompt(prompt, parsed, is_apart=bool(text.prompt))
    body.take_word("eos")
    body.take_word("bos")
    known: dict[str, tuple[Cell, ...]] = {"": ()}
    while not body.is_done:
        match = _EVENT.match(body.text, body.at)
        if match is None:
            parsed.has_plan = _begins_plan(body)
            if parsed.has_plan:
                break
            _skip(body, parsed, "PARSE", "create or close worker X Y (box X Y)* cG cH")
            continue
        verb, x, y, boxes, g, h = match.groups()
        cells = known.get(boxes)
        if cells is None:
            cells = known[boxes] = _cells(boxes)
        n_words = 6 + 3 * len(cells)
        parsed.events.append(
            SokobanEvent(
                is_close=verb == "close",
                worker=(int(x), int(y)),
                boxes=cells,
                g=int(g),
                h=int(h),
                index=parsed.n_clauses,
                first=body.word,
                n_words=n_words,
                chars=match.span(),
            )
        )
        parsed.n_clauses += 1
        body.take(match.end(), n_words)
    _plan(body, parsed)
    parsed.n_words = body.word
    return parsed


def _cells(boxes: str) -> tuple[Cell, ...]:
    numbers = [int(number) for number in _NUMBER.findall(boxes)]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _begins_plan(body: _Reader) -> bool:
    match = _VERB.match(body.text, body.at)
    return match is not None and match.group() == "plan"


def _is_begun(words: list[str], code: str) -> bool:
    """Whether these last words of a cut text begin a clause; the last one may be cut itself."""
    first, whole = words[:1], words[1:-1]
    if len(words) < 2:
        return True
    if code == "PLAN_PARSE":
        return len(words) <= 3 and first == ["plan"] and all(map(_NUMBER.fullmatch, whole))
    return first[0] in ("create", "close") and all(map(_BODY.fullmatch, whole))


def _skip(body: _Reader, parsed: ParsedSokoban, code: str, expected: str) -> None:
    words, chars, got = body.skip()
    if parsed.is_open and body.is_done and _is_begun(_WORD.findall(body.text, chars[0]), code):
        return
    index = parsed.n_clauses if code == "PARSE" else None
    parsed.n_clauses += code == "PARSE"
    if len(parsed.flaws) >= _MOST_FLAWS:
        parsed.unlisted[code] += 1
        return
    shown = ascii(got)[1:-1]
    parsed.flaws.append(SokobanFlaw(code=code, event=index, words=words, chars=chars, expected=expected, got=shown))


def _prompt(reader: _Reader, parsed: ParsedSokoban, *, is_apart: bool) -> None:
    reader.take_word("bos")
    begun, first, last = reader.at, reader.word, reader.at
    cells: dict[str, list[Cell]] = {name: [] for name in _GROUPS}
    group, ordered = 0, True
    while (match := _PLACE.match(reader.text, reader.at)) is not None:
        kind, x, y = match.groups()
        ordered, group = ordered and _GROUPS.index(kind) >= group, max(group, _GROUPS.index(kind))
        cells[kind].append((int(x), int(y)))
        last = match.end()
        reader.take(last, 3)
    words, chars = (first, reader.word), (begun, last)
    got, expected = "", "worker X Y (box X Y)+ (dock X Y)+ (wall X Y)+"
    reader.take_word("eos")
    follows = reader.is_done if is_apart else reader.is_done or reader.take_word("bos") or _VERB.match(reader.text, reader.at) is not None
    if not follows:
        skipped_words, skipped_chars, got = reader.skip()
        words, chars = (first, skipped_words[1]), (begun, skipped_chars[1])
    elif not ordered or len(cells["worker"]) != 1:
        got = f"{len(cells['worker'])} workers" if ordered else "the groups in another order"
    else:
        try:
            parsed.level = level_of(worker=cells["worker"][0], boxes=cells["box"], docks=cells["dock"], walls=cells["wall"])
        except InvalidInput as error:
            expected, got = "a level of Sokoban", str(error)
    if parsed.level is None:
        where = ((0, 0), (0, 0)) if is_apart else (words, chars)
        parsed.flaws.append(
            SokobanFlaw(code="PARSE", event=None, words=where[0], chars=where[1], expected=expected, got=ascii(got[:200])[1:-1])
        )


def _plan(body: _Reader, parsed: ParsedSokoban) -> None:
    parsed.plan_at = (body.word, body.at)
    while not body.is_done:
        match = _STEP.match(body.text, body.at)
        if match is None:
            _skip(body, parsed, "PLAN_PARSE", "plan X Y")
            continue
        cell = (int(match[1]), int(match[2]))
        parsed.plan.append(PlanStep(cell=cell, words=(body.word, body.word + 3), chars=match.span()))
        body.take(match.end(), 3)
