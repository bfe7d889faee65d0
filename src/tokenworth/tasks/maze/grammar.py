"""The text of a maze, its trace and its plan, read and written.

    marked     := "query"? prompt "reasoning" event* "solution" plan "end"     (without "reasoning": no trace)
    unmarked   := prompt event* plan                                           ("bos" and "eos" may stand around the halves)
    prompt     := "start" X Y "goal" X Y ("wall" X Y)*
    event      := ("create" | "close") X Y cG cH
    plan       := ("plan" X Y)+
    compact    := "query"? "start" X,Y "goal" X,Y "wall" X,Y* "reasoning" (("create" | "close") X,Y cG)* "solution" X,Y+ "end"

Sources: `tokenworth.tasks.maze.dialect`. A malformed clause is a problem of its own, and reading goes on at the next word that can begin
a clause; the time is linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenworth.core.verification import FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import Dialect
from tokenworth.tasks.maze.events import Events, Problem, compact_events, events, problem
from tokenworth.tasks.maze.instance import Cell, Maze, manhattan
from tokenworth.tasks.maze.words import NUMBERS, cell_of, words_of

_MARKS = ("reasoning", "solution", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a prompt says of the maze. The size of the grid is not written; `side` is the least square that holds everything."""

    start: Cell
    goal: Cell
    walls: tuple[Cell, ...]

    @property
    def side(self) -> int:
        """One more than the greatest coordinate."""
        return 1 + max(max(cell) for cell in (self.start, self.goal, *self.walls))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A text in its parts. ``offset``: how many of ``words`` are of the prompt that was given apart.

    ``prompt`` None: it could not be read. ``events`` None: the text has no trace. ``plan`` None: it has none, or not one that can be
    read; ``plan_words``: where it stands, or would. ``problems``: what does not follow the grammar, the plan's apart.
    """

    words: Sequence[str]
    offset: int
    prompt: Prompt | None
    events: Events | None
    trace_words: tuple[int, int]
    plan: tuple[Cell, ...] | None
    plan_words: tuple[int, int]
    plan_problems: tuple[Problem, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Sections:
    """First and past word of each part; -1 where a part is missing."""

    prompt: tuple[int, int]
    trace: tuple[int, int] | None
    plan: tuple[int, int] | None
    problems: list[Problem] = field(default_factory=list[Problem])


def parse(text: FormalText, dialect: Dialect) -> Parsed:
    """The parts of a text; what cannot be read is among the problems, never raised."""
    head = words_of(text.prompt)
    words = head + words_of(text.trace)
    sections = _marked(words, len(head), text.is_cut) if dialect.marked else _unmarked(words, len(head))
    problems = sections.problems
    prompt = _prompt(words, sections.prompt, dialect, problems)
    found: Events | None = None
    if sections.trace is not None:
        found = (compact_events if dialect.compact else events)(words, *sections.trace, is_cut=text.is_cut)
        problems += found.problems
    plan: tuple[Cell, ...] | None = None
    end = sections.trace[1] if sections.trace is not None else sections.prompt[1]
    where, plan_problems = (end, end), list[Problem]()
    if sections.plan is not None:
        where = sections.plan
        plan = _plan(words, where, dialect, plan_problems, is_cut=text.is_cut)
    elif not text.is_cut:
        plan_problems.append(problem(None, (len(words) - 1, len(words)), "a plan", "none"))
    return Parsed(
        words=words,
        offset=len(head),
        prompt=prompt,
        events=found,
        trace_words=sections.trace or (end, end),
        plan=plan,
        plan_words=where,
        plan_problems=tuple(plan_problems),
        problems=tuple(problems),
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
    sections = _Sections(prompt=(first, min(trace_mark, solution)), trace=None, plan=None)
    prompt_end = sections.prompt[1]
    if 0 < offset < prompt_end:
        # What the model wrote before its first mark is no part of the problem it was given.
        sections.prompt = (first, offset)
        sections.problems.append(problem(None, (offset, prompt_end), "'reasoning' or 'solution'", " ".join(words[offset : offset + 3])))
    if trace_mark < n:
        sections.trace = (trace_mark + 1, solution)
    if solution < n:
        sections.plan = (solution + 1, end)
    missing = [mark for mark, at in zip(_MARKS[1:], (solution, end), strict=True) if at == n]
    if missing and not is_cut:
        sections.problems.append(problem(None, (n - 1, n), f"the word {missing[0]!r}", "the end of the text"))
    if end + 1 < n:
        sections.problems.append(problem(None, (end + 1, n), "nothing after 'end'", words[end + 1]))
    return sections


_VERBS = ("create", "close", "plan")


def _unmarked(words: list[str], offset: int) -> _Sections:
    first, n = 0, len(words)
    if n and words[n - 1] == "eos":
        n -= 1
    if words[:1] == ["bos"]:
        first = 1
    found = (position for position in range(first, n) if words[position] in _VERBS)
    body = next(found, n)
    prompt_end = body
    # "bos" and "eos" stand between the halves of an encoder-decoder model.
    while prompt_end > first and words[prompt_end - 1] in ("bos", "eos") and body - prompt_end < 2:
        prompt_end -= 1
    if 0 < offset < prompt_end:
        # What the model wrote before its first clause is no part of the prompt it was given.
        body = prompt_end = offset
        body += words[body : body + 1] == ["bos"]
    plan = _index(words[:n], "plan", body)
    sections = _Sections(prompt=(first, prompt_end), trace=None, plan=(plan, n) if plan < n else None)
    if plan > body or plan == n:
        sections.trace = (body, plan)
    return sections


def _prompt(words: Sequence[str], where: tuple[int, int], dialect: Dialect, problems: list[Problem]) -> Prompt | None:
    cells: dict[str, list[Cell]] = {"start": [], "goal": [], "wall": []}
    at, end = where
    begun = at
    if not dialect.compact and (walls := _walls(words, at + 6, end)) is not None:
        cells["wall"], end = walls, at + 6
    kind = ""
    while at < end:
        if dialect.compact:
            cell = cell_of(words[at]) if kind else None
            width = 1
            if cell is None and words[at] in cells:
                kind, at = words[at], at + 1
                continue
        else:
            kind = words[at]
            width = 3
            cell = _xy(words, at + 1) if at + width <= end else None
        if kind not in cells or cell is None:
            problems.append(
                problem(None, (at, min(at + width, end)), "start, goal and wall with their cells", " ".join(words[at : at + 3]))
            )
            return None
        cells[kind].append(cell)
        at += width
    walls = cells["wall"]
    if len(cells["start"]) != 1 or len(cells["goal"]) != 1 or len(set(walls)) != len(walls):
        problems.append(problem(None, (begun, max(end, begun + 1)), "one start, one goal, each wall once", f"{end - begun} words"))
        return None
    start, goal = cells["start"][0], cells["goal"][0]
    if start in walls or goal in walls:
        problems.append(problem(None, (begun, end), "a start and a goal that are no walls", f"start {start}, goal {goal}"))
        return None
    return Prompt(start=start, goal=goal, walls=tuple(walls))


def _walls(words: Sequence[str], at: int, end: int) -> list[Cell] | None:
    """The cells of ``wall X Y`` repeated over the words from ``at``; None where the words are anything else."""
    if end < at or (end - at) % 3 or words[at:end:3].count("wall") * 3 != end - at:
        return None
    xs, ys = list(map(NUMBERS.get, words[at + 1 : end : 3])), list(map(NUMBERS.get, words[at + 2 : end : 3]))
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None] if None not in xs + ys else None


def _xy(words: Sequence[str], at: int) -> Cell | None:
    x, y = NUMBERS.get(words[at]), NUMBERS.get(words[at + 1])
    return None if x is None or y is None else (x, y)


def _plan(
    words: Sequence[str], where: tuple[int, int], dialect: Dialect, problems: list[Problem], *, is_cut: bool
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
            if is_cut and at + width > end:
                break
            problems.append(problem(None, (at, min(at + width, end)), "plan X Y", " ".join(words[at : min(at + width, end)])))
            return None
        cells.append(cell)
        at += width
    if not cells and not is_cut:
        problems.append(problem(None, (where[0] - 1, where[0]), "a plan", "none"))
    return tuple(cells) or None


def _maze_words(maze: Maze, dialect: Dialect) -> list[str]:
    if dialect.compact:
        cells = [f"{x},{y}" for x, y in (maze.start, maze.goal, *maze.walls)]
        return ["start", cells[0], "goal", cells[1], "wall", *cells[2:]]
    named = [("start", maze.start), ("goal", maze.goal), *(("wall", cell) for cell in maze.walls)]
    return [word for name, (x, y) in named for word in (name, str(x), str(y))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: ``create`` or ``close``, the cell, and its cost from the start."""

    verb: str
    cell: Cell
    g: int


def render_prompt(maze: Maze, dialect: Dialect) -> str:
    """The prompt of a maze, up to and with the word after which the trace begins."""
    words = _maze_words(maze, dialect)
    return " ".join(["query", *words, "reasoning"] if dialect.marked else words)


def render_trace(maze: Maze, trace: Sequence[Event] | None, plan: Sequence[Cell], dialect: Dialect) -> str:
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


def render(maze: Maze, trace: Sequence[Event] | None, plan: Sequence[Cell], dialect: Dialect) -> str:
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
    if parsed.problems or parsed.plan_problems or parsed.prompt is None or parsed.plan is None:
        found = (*parsed.problems, *parsed.plan_problems)
        raise InvalidInput(f"text {text.id!r} is not {source.name}: expected {found[0].expected}, got {found[0].got!r}")
    prompt, side = parsed.prompt, parsed.prompt.side
    maze = Maze(cols=side, rows=side, walls=prompt.walls, start=prompt.start, goal=prompt.goal)
    trace: list[Event] | None = None
    if parsed.events is not None:
        trace = []
        for is_close, x, y, g, h in zip(*parsed.events.columns(), strict=True):
            if target.compact and h is not None and h != manhattan((x, y), prompt.goal):
                raise InvalidInput(f"text {text.id!r}: h of ({x}, {y}) is c{h}, which {target.name} does not write; nothing was converted")
            trace.append(Event(verb="close" if is_close else "create", cell=(x, y), g=g))
    return render(maze, trace, parsed.plan, target)
