"""The text of a maze, its trace and its plan, read and written.

    marked     := "query" prompt "reasoning" event* "solution" plan "end"      (without "reasoning": no trace)
    unmarked   := prompt event* plan                                           ("bos" and "eos" may stand around the halves)
    prompt     := "start" X Y "goal" X Y ("wall" X Y)*
    event      := ("create" | "close") X Y cG cH
    plan       := ("plan" X Y)+
    compact    := "query" "start" X,Y "goal" X,Y "wall" X,Y* "reasoning" (("create" | "close") X,Y cG)* "solution" X,Y+ "end"

Sources: `tokenworth.tasks.maze.dialect`. A malformed clause is a separate flaw, and reading continues at the next word that can begin
a clause; the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tokenworth.core.ending import extent_of
from tokenworth.core.verification import Cell, FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.events import Events, MazeFlaw, events, unread
from tokenworth.tasks.maze.instance import Maze, manhattan
from tokenworth.tasks.maze.words import NUMBERS, cell_of, words_of

_BEGINS = re.compile(r"(?<!\S)(?:create|close|plan|reasoning|solution)(?!\S)")
"""Words with which what a model writes begins; a mark of end before them is one of the prompt."""
_END = re.compile(r"end(?!\w)")
"""The word after the plan; what stands in one word with it, such as a full stop, is behind the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MazePrompt:
    """What a prompt says of the maze. The size of the grid is not written; `side` is that of the least square that holds everything."""

    start: Cell
    goal: Cell
    walls: tuple[Cell, ...]

    @property
    def side(self) -> int:
        """One more than the greatest coordinate."""
        return 1 + max(max(cell) for cell in (self.start, self.goal, *self.walls))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMaze:
    """A text in its parts. ``offset``: how many of ``words`` are of the prompt that was given apart.

    ``prompt`` None: it could not be read. ``events`` None: the text has no trace. ``plan`` None: it has none, or not one that can be
    read; ``plan_words``: where it stands, or would. ``has_plan``: its section has begun, so the trace is over. ``is_open``: the text was
    cut before the plan was over. ``flaws``: what does not follow the grammar, the plan's apart. ``is_foreign``: the trace is of a format
    that no dialect has, which is its only problem. ``after``: the words behind the end; ``others``: further plans among them.
    """

    words: Sequence[str]
    offset: int
    prompt: MazePrompt | None
    events: Events | None
    trace_words: tuple[int, int]
    plan: tuple[Cell, ...] | None
    plan_words: tuple[int, int]
    plan_flaws: tuple[MazeFlaw, ...]
    has_plan: bool
    is_open: bool
    flaws: tuple[MazeFlaw, ...]
    is_foreign: bool
    after: str
    others: tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(slots=True)
class _Sections:
    """First and past word of each part, None for a part that is missing. ``missing``: the first mark that is not there, empty for none."""

    prompt: tuple[int, int]
    trace: tuple[int, int] | None
    plan: tuple[int, int] | None
    missing: str = ""
    flaws: list[MazeFlaw] = field(default_factory=list[MazeFlaw])


def parse(text: FormalText, dialect: Dialect) -> ParsedMaze:
    """The parts of a text; what cannot be read is among the flaws, never raised."""
    begun = _BEGINS.search(text.trace)
    extent, around = extent_of(text.trace, begun.start() if begun else 0), extent_of(text.prompt, len(text.prompt))
    head = words_of(text.prompt[around.first : around.end])
    words = head + words_of(text.trace[extent.first : extent.end])
    sections = (_marked if dialect.marked else _unmarked)(words, len(head))
    flaws, plan_flaws = sections.flaws, list[MazeFlaw]()
    prompt = _prompt(words, sections.prompt, dialect, flaws)
    if dialect.marked and prompt is not None and words[0] != "query":
        flaws.append(unread(words, None, 0, 1, "the word 'query'"))
    is_open = text.is_cut and not extent.is_ended and (bool(sections.missing) or not dialect.marked)
    found, is_foreign = _trace(words, sections, dialect, is_open)
    plan: tuple[Cell, ...] | None = None
    end = sections.trace[1] if sections.trace is not None else sections.prompt[1]
    where = sections.plan or (end, end)
    if sections.plan is not None:
        plan = _plan(words, where, dialect, plan_flaws, is_open=is_open)
    elif not is_open:
        plan_flaws.append(unread(words, None, len(words), len(words), "a plan"))
    # Where the last words cannot be read they may be what is left of the mark.
    is_told = sections.missing == "end" and any(p.words[1] == len(words) for p in plan_flaws)
    if sections.missing and not is_open and not is_told and not any(p.words[0] < p.words[1] == len(words) for p in flaws):
        flaws.append(unread(words, None, len(words), len(words), f"the word {sections.missing!r}"))
    behind = where[1] + 1 if dialect.marked and not sections.missing else len(words)
    glued = words[behind - 1].removeprefix("end") if behind <= len(words) and dialect.marked and not sections.missing else ""
    after = [*([glued] if glued else []), *words[behind:], *extent.after.split()]
    is_cut_after = text.is_cut and not text.trace[-1:].isspace()
    return ParsedMaze(
        words=words,
        offset=len(head) - extent.n_before,
        prompt=prompt,
        events=found,
        trace_words=sections.trace or (end, end),
        plan=plan,
        plan_words=where,
        plan_flaws=tuple(plan_flaws),
        has_plan=sections.plan is not None,
        is_open=is_open,
        flaws=tuple(flaws),
        is_foreign=is_foreign,
        after=" ".join(after),
        others=tuple(_others([*words[:behind], *after[1 if glued else 0 :]], behind, dialect, is_cut=is_cut_after)),
    )


def _trace(words: Sequence[str], sections: _Sections, dialect: Dialect, is_open: bool) -> tuple[Events | None, bool]:
    """The events, and whether they are of a format that no dialect has; what cannot be read is added to the flaws."""
    if sections.trace is None:
        return None, False
    first, end = sections.trace
    found = events(words, first, end, is_compact=dialect.compact, is_cut=is_open and sections.plan is None)
    n = words[first:end].count("create")
    if is_open or not dialect.creates_start or n < 2 or "close" in words[first:end]:
        sections.flaws += found.flaws
        return found, False
    format_ = "creates without closes" + (" or costs" if found.flaws else "")
    named = unread(words, None, first, end, "create and close X Y cG cH")
    sections.flaws.append(replace(named, got=f"{format_}, as Dualformer writes them: a format that no dialect has"))
    return replace(found, n=n, flaws=[]), True


def _others(words: Sequence[str], at: int, dialect: Dialect, *, is_cut: bool) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """Further plans in the words behind the end of the first one, with their place; those of another problem are left out.

    A plan begins after ``solution``, or with its first step where steps have a word of their own. One that a cut text ends in is none.
    """
    starts = (i for i in range(at, len(words)) if _named(words, i, len(words), "start", dialect) is not None)
    end = min(_index(words, "query", at), next(starts, len(words)))
    while at < end:
        mark = at
        at += words[mark] == "solution"
        cells: list[Cell] = []
        while (at > mark or not dialect.compact) and (cell := _step(words, at, end, dialect)) is not None:
            cells.append(cell)
            at += 1 if dialect.compact else 3
        if cells and not (is_cut and at + (0 if dialect.compact else 2) >= len(words)):
            yield mark, tuple(cells)
        at = max(at, mark + 1)


def _index(words: Sequence[str], word: str, start: int) -> int:
    """Where a word stands first from ``start`` on; the number of words when it does not."""
    try:
        return words.index(word, start)
    except ValueError:
        return len(words)


def _marked(words: list[str], offset: int) -> _Sections:
    n = len(words)
    # A word in the place of the first one is taken for it where the prompt goes on as it should.
    first = 1 if words[:1] == ["query"] or words[1:2] == ["start"] else 0
    solution = _index(words, "solution", first)
    trace_mark = _index(words, "reasoning", first)
    if trace_mark > solution:
        trace_mark = n
    end = next((i for i in range(min(solution, n), n) if _END.match(words[i])), n)
    sections = _Sections(prompt=(first, min(trace_mark, solution)), trace=None, plan=None)
    prompt_end = sections.prompt[1]
    if 0 < offset < prompt_end:
        # What the model wrote before its first mark is no part of the problem it was given.
        sections.prompt = (first, offset)
        sections.flaws.append(unread(words, None, offset, prompt_end, "'reasoning' or 'solution'"))
    if trace_mark < n:
        sections.trace = (trace_mark + 1, solution)
    if solution < n:
        sections.plan = (solution + 1, end)
    sections.missing = next((mark for mark, at in (("solution", solution), ("end", end)) if at == n), "")
    return sections


_AROUND = ("bos", "eos")
_VERBS = ("create", "close", "plan")


def _unmarked(words: list[str], offset: int) -> _Sections:
    first, n = 0, len(words)
    if words[:1] == ["bos"]:
        first = 1
    found = (position for position in range(first, n) if words[position] in _VERBS)
    body = next(found, n)
    # What the model wrote before its first clause is no part of the prompt it was given.
    prompt_end = body = min(offset, body) or body
    # "bos" and "eos" stand between the halves of an encoder-decoder model.
    while prompt_end > first and words[prompt_end - 1] in _AROUND and body - prompt_end < 2:
        prompt_end -= 1
    while body < n and words[body] in _AROUND and body - prompt_end < 2:
        body += 1
    plan = _index(words, "plan", body)
    sections = _Sections(prompt=(first, prompt_end), trace=None, plan=(plan, n) if plan < n else None)
    if plan > body:
        sections.trace = (body, plan)
    return sections


def _prompt(words: Sequence[str], where: tuple[int, int], dialect: Dialect, flaws: list[MazeFlaw]) -> MazePrompt | None:
    begun, end = where
    width = 2 if dialect.compact else 3
    start, goal = (_named(words, begun + i * width, end, name, dialect) for i, name in enumerate(("start", "goal")))
    at = begun + 2 * width
    walls, wrong = (_compact_walls if dialect.compact else _walls)(words, at, end)
    if start is None or goal is None or walls is None:
        wrong = begun if start is None else begun + width if goal is None else wrong
        flaws.append(unread(words, None, wrong, min(wrong + width, end), "start, goal, then wall, each with its cells"))
        return None
    seen = set[Cell]()
    for i, cell in enumerate(walls):
        if cell in seen or cell in (start, goal):
            wanted = "each wall once" if cell in seen else "a start and a goal that are no walls"
            first = at + 1 + i if dialect.compact else at + 3 * i
            flaws.append(unread(words, None, first, first + (1 if dialect.compact else 3), wanted))
            return None
        seen.add(cell)
    return MazePrompt(start=start, goal=goal, walls=tuple(walls))


def _named(words: Sequence[str], at: int, end: int, name: str, dialect: Dialect) -> Cell | None:
    """The cell of the clause that a word begins; None where the words from ``at`` on are anything else."""
    if at + (2 if dialect.compact else 3) > end or words[at] != name:
        return None
    return cell_of(words[at + 1]) if dialect.compact else _xy(words, at + 1)


def _walls(words: Sequence[str], at: int, end: int) -> tuple[list[Cell] | None, int]:
    """The cells of ``wall X Y`` repeated over the words from ``at``; None, and the first clause that is anything else."""
    xs, ys = list(map(NUMBERS.get, words[at + 1 : end : 3])), list(map(NUMBERS.get, words[at + 2 : end : 3]))
    kinds = words[at:end:3]
    cells = [(x, y) for x, y in zip(xs, ys, strict=False) if x is not None and y is not None]
    if len(cells) == len(kinds) == kinds.count("wall"):
        return cells, end
    rest = range(at, end, 3)
    return None, next((i for i in rest if words[i] != "wall" or i + 3 > end or _xy(words, i + 1) is None), end)


def _compact_walls(words: Sequence[str], at: int, end: int) -> tuple[list[Cell] | None, int]:
    """The cells after ``wall``; None, and the first word that is anything else."""
    if words[at : min(at + 1, end)] != ["wall"]:
        return None, at
    cells = list(map(cell_of, words[at + 1 : end]))
    return (None, at + 1 + cells.index(None)) if None in cells else ([cell for cell in cells if cell is not None], end)


def _xy(words: Sequence[str], at: int) -> Cell | None:
    x, y = NUMBERS.get(words[at]), NUMBERS.get(words[at + 1])
    return None if x is None or y is None else (x, y)


def _step(words: Sequence[str], at: int, end: int, dialect: Dialect) -> Cell | None:
    """The cell of the clause of a plan that begins at a word; None where it is anything else."""
    if dialect.compact:
        return cell_of(words[at]) if at < end else None
    return _xy(words, at + 1) if at + 3 <= end and words[at] == "plan" else None


def _plan(
    words: Sequence[str], where: tuple[int, int], dialect: Dialect, flaws: list[MazeFlaw], *, is_open: bool
) -> tuple[Cell, ...] | None:
    at, end = where
    cells: list[Cell] = []
    width = 1 if dialect.compact else 3
    while at < end:
        cell = _step(words, at, end, dialect)
        if cell is None:
            if is_open and at + width > end and "plan".startswith(words[at]) and all(word in NUMBERS for word in words[at + 1 : end - 1]):
                break
            flaws.append(unread(words, None, at, min(at + width, end), "plan X Y"))
            return None
        cells.append(cell)
        at += width
    if not cells and not is_open:
        flaws.append(unread(words, None, at, at + 1, "a plan"))
    return tuple(cells) or None


def cell_text(cell: Cell, dialect: Dialect) -> str:
    """A cell as the dialect writes it."""
    return f"{cell[0]},{cell[1]}" if dialect.compact else f"{cell[0]} {cell[1]}"


def _maze_words(maze: Maze, dialect: Dialect) -> list[str]:
    if dialect.compact:
        cells = [cell_text(cell, dialect) for cell in (maze.start, maze.goal, *maze.walls)]
        return ["start", cells[0], "goal", cells[1], "wall", *cells[2:]]
    named = [("start", maze.start), ("goal", maze.goal), *(("wall", cell) for cell in maze.walls)]
    return [word for name, (x, y) in named for word in (name, str(x), str(y))]


@dataclass(frozen=True, slots=True, kw_only=True)
class MazeEvent:
    """One event: ``create`` or ``close``, the cell, and its cost from the start."""

    verb: str
    cell: Cell
    g: int


def render_prompt(maze: Maze, dialect: Dialect) -> str:
    """The prompt of a maze, up to and with the word after which the trace begins."""
    words = _maze_words(maze, dialect)
    return " ".join(["query", *words, "reasoning"] if dialect.marked else words)


def render_trace(maze: Maze, trace: Sequence[MazeEvent] | None, plan: Sequence[Cell], dialect: Dialect) -> str:
    """What follows the prompt: the events, then the plan. A trace of None is left out where the dialect marks its sections."""
    words: list[str] = []
    for event in trace or ():
        (x, y), h = event.cell, manhattan(event.cell, maze.goal)
        words += [event.verb, f"{x},{y}", f"c{event.g}"] if dialect.compact else [event.verb, str(x), str(y), f"c{event.g}", f"c{h}"]
    if dialect.marked:
        words.append("solution")
    for x, y in plan:
        words += [f"{x},{y}"] if dialect.compact else ["plan", str(x), str(y)]
    if dialect.marked:
        words.append("end")
    return " ".join(words)


def render(maze: Maze, trace: Sequence[MazeEvent] | None, plan: Sequence[Cell], dialect: Dialect) -> str:
    """The whole text of a solved maze. ``trace`` None: solution only, without the word that begins a trace."""
    prompt = render_prompt(maze, dialect)
    if trace is None:
        prompt = prompt.removesuffix(" reasoning")
    return f"{prompt} {render_trace(maze, trace, plan, dialect)}"


def convert(text: FormalText, source: Dialect, target: Dialect) -> str:
    """The same maze, events and plan in another dialect's words; nothing is checked but the grammar and, into ``compact``, h.

    Raises InvalidInput for a text that does not follow its grammar, and for a heuristic that is not the Manhattan distance where the
    target does not write it: that would be lost.
    """
    parsed = parse(text, source)
    if parsed.flaws or parsed.plan_flaws or parsed.prompt is None or parsed.plan is None:
        found = (*parsed.flaws, *parsed.plan_flaws)
        raise InvalidInput(f"text {text.id!r} is not {source.name}: expected {found[0].expected}, got {found[0].got!r}")
    prompt, side = parsed.prompt, parsed.prompt.side
    maze = Maze(cols=side, rows=side, walls=prompt.walls, start=prompt.start, goal=prompt.goal)
    trace: list[MazeEvent] | None = None
    if parsed.events is not None:
        trace = []
        for is_close, x, y, g, h in zip(*parsed.events.columns(), strict=True):
            if target.compact and h is not None and h != manhattan((x, y), prompt.goal):
                raise InvalidInput(f"text {text.id!r}: h of ({x}, {y}) is c{h}, which {target.name} does not write; nothing was converted")
            trace.append(MazeEvent(verb="close" if is_close else "create", cell=(x, y), g=g))
    return render(maze, trace, parsed.plan, target)
