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

from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenworth.core.verification import Cell, FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.events import Events, MazeFlaw, compact_events, events, flaw
from tokenworth.tasks.maze.instance import Maze, manhattan
from tokenworth.tasks.maze.words import NUMBERS, cell_of, words_of

_MARKS = ("reasoning", "solution", "end")


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
    cut before the plan was over. ``flaws``: what does not follow the grammar, the plan's apart.
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


@dataclass(slots=True)
class _Sections:
    """First and past word of each part, None for a part that is missing. ``has_end``: the word that ends the plan is there."""

    prompt: tuple[int, int]
    trace: tuple[int, int] | None
    plan: tuple[int, int] | None
    has_end: bool
    flaws: list[MazeFlaw] = field(default_factory=list[MazeFlaw])


def parse(text: FormalText, dialect: Dialect) -> ParsedMaze:
    """The parts of a text; what cannot be read is among the flaws, never raised."""
    head = words_of(text.prompt)
    words = head + words_of(text.trace)
    sections = _marked(words, len(head), text.is_cut) if dialect.marked else _unmarked(words, len(head))
    flaws = sections.flaws
    prompt = _prompt(words, sections.prompt, dialect, flaws)
    found: Events | None = None
    has_plan, is_open = sections.plan is not None, text.is_cut and not sections.has_end
    if sections.trace is not None:
        found = (compact_events if dialect.compact else events)(words, *sections.trace, is_cut=text.is_cut and not has_plan)
        flaws += found.flaws
    plan: tuple[Cell, ...] | None = None
    end = sections.trace[1] if sections.trace is not None else sections.prompt[1]
    where, plan_flaws = (end, end), list[MazeFlaw]()
    if sections.plan is not None:
        where = sections.plan
        plan = _plan(words, where, dialect, plan_flaws, is_open=is_open)
    elif not text.is_cut:
        plan_flaws.append(flaw(None, (len(words) - 1, len(words)), "a plan", "none"))
    return ParsedMaze(
        words=words,
        offset=len(head),
        prompt=prompt,
        events=found,
        trace_words=sections.trace or (end, end),
        plan=plan,
        plan_words=where,
        plan_flaws=tuple(plan_flaws),
        has_plan=has_plan,
        is_open=is_open,
        flaws=tuple(flaws),
    )


def _index(words: Sequence[str], word: str, start: int) -> int:
    """Where a word stands first from ``start`` on; the number of words when it does not."""
    try:
        return words.index(word, start)
    except ValueError:
        return len(words)


def _marked(words: list[str], offset: int, is_cut: bool) -> _Sections:
    n = len(words)
    first = 1 if words[:1] == ["query"] else 0
    solution = _index(words, "solution", first)
    trace_mark = _index(words, "reasoning", first)
    if trace_mark > solution:
        trace_mark = n
    end = _index(words, "end", min(solution, n))
    sections = _Sections(prompt=(first, min(trace_mark, solution)), trace=None, plan=None, has_end=end < n)
    if not first:
        sections.flaws.append(flaw(None, (0, 1), "the word 'query'", " ".join(words[:1])))
    prompt_end = sections.prompt[1]
    if 0 < offset < prompt_end:
        # What the model wrote before its first mark is no part of the problem it was given.
        sections.prompt = (first, offset)
        sections.flaws.append(flaw(None, (offset, prompt_end), "'reasoning' or 'solution'", " ".join(words[offset : offset + 3])))
    if trace_mark < n:
        sections.trace = (trace_mark + 1, solution)
    if solution < n:
        sections.plan = (solution + 1, end)
    missing = [mark for mark, at in zip(_MARKS[1:], (solution, end), strict=True) if at == n]
    if missing and not is_cut:
        sections.flaws.append(flaw(None, (n - 1, n), f"the word {missing[0]!r}", "the end of the text"))
    if end + 1 < n:
        sections.flaws.append(flaw(None, (end + 1, n), "nothing after 'end'", words[end + 1]))
    return sections


_VERBS = ("create", "close", "plan")
_AROUND = ("bos", "eos")


def _unmarked(words: list[str], offset: int) -> _Sections:
    first, n = 0, len(words)
    if n and words[n - 1] == "eos":
        n -= 1
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
    plan = _index(words[:n], "plan", body)
    sections = _Sections(prompt=(first, prompt_end), trace=None, plan=(plan, n) if plan < n else None, has_end=n < len(words))
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
        wanted = "start, goal, then wall, each with its cells"
        flaws.append(flaw(None, (wrong, max(min(wrong + width, end), wrong + 1)), wanted, " ".join(words[wrong : wrong + 3])))
        return None
    if len(set(walls)) != len(walls):
        flaws.append(flaw(None, (at, end), "each wall once", f"{len(walls)} walls, {len(set(walls))} cells"))
        return None
    if start in walls or goal in walls:
        told = (cell_text(start, dialect), cell_text(goal, dialect))
        flaws.append(flaw(None, (begun, end), "a start and a goal that are not walls", f"start {told[0]}, goal {told[1]}"))
        return None
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


def _plan(
    words: Sequence[str], where: tuple[int, int], dialect: Dialect, flaws: list[MazeFlaw], *, is_open: bool
) -> tuple[Cell, ...] | None:
    at, end = where
    cells: list[Cell] = []
    width = 1 if dialect.compact else 3
    while at < end:
        if dialect.compact:
            cell = cell_of(words[at])
        else:
            cell = _xy(words, at + 1) if at + 3 <= end and words[at] == "plan" else None
        if cell is None:
            if is_open and at + width > end and "plan".startswith(words[at]) and all(word in NUMBERS for word in words[at + 1 : end - 1]):
                break
            flaws.append(flaw(None, (at, min(at + width, end)), "plan X Y", " ".join(words[at : min(at + width, end)])))
            return None
        cells.append(cell)
        at += width
    if not cells and not is_open:
        flaws.append(flaw(None, (where[0] - 1, where[0]), "a plan", "none"))
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
