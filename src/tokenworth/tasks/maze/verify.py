"""The verdict on a maze text: is the trace a run of A*, does the plan solve the maze, and is the plan the one the trace found?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tokenworth.core.verification import Cell, FormalText, Strictness, Verification, Violation
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import DIALECTS, Dialect
from tokenworth.tasks.maze.grammar import MazePrompt, ParsedMaze, cell_text, parse
from tokenworth.tasks.maze.instance import MAX_SIDE, Maze, distance
from tokenworth.tasks.maze.replay import MazeReplay
from tokenworth.tasks.maze.rules import ACTIVE, CODES
from tokenworth.tasks.maze.words import places_of

VERSION = "4"
"""Changes whenever a verdict can."""


_Row = tuple[int, int, str, int | None, str, str]


class _Findings:
    """Collects what is broken: counts of everything that is active, and the first few of the grammar, trace and plan in full."""

    def __init__(self, active: frozenset[str], max_errors: int) -> None:
        self._active, self._max_errors = active, max_errors
        self.counts: Counter[str] = Counter()
        self._parts: tuple[list[_Row], list[_Row], list[_Row]] = ([], [], [])

    def add(self, code: str, words: tuple[int, int], event: int | None, expected: str, got: str) -> None:
        if code in self._active:
            self.counts[code] += 1
            # Within a part findings come in the order of the text, so that no later one takes the place of an earlier one.
            part = self._parts[2 if not CODES[code].is_of_trace else 0 if code == "PARSE" else 1]
            if len(part) < self._max_errors:
                part.append((*words, code, event, expected, got))

    def first(self) -> list[_Row]:
        """The first ones in the order of the text, those of the plan last."""
        grammar, trace, plan = self._parts
        plan = sorted(plan, key=lambda row: row[0])
        return (sorted(grammar + trace, key=lambda row: row[0]) + plan)[: self._max_errors]


def verify(text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
    """What is broken in a maze text. See the rule table in docs/methods/maze.md.

    What the dialect leaves open is not checked: tie order where ties are broken at random falls back to `Strictness.STRICT`.
    The size of the grid is not part of the text. Where ``given`` has no rows and cols the maze is the least square that holds the prompt,
    and ``facts`` say that it was assumed. What is wrong there and right on another size is undecided.
    """
    spoken = DIALECTS[dialect]
    strictness = strictness if strictness in spoken.strictness else Strictness.STRICT
    parsed = parse(text, spoken)
    size = None if parsed.prompt is None else _size(text, parsed.prompt)
    found = _judge(text, parsed, spoken, strictness, max_errors, size)
    if size is None or not size[2] or all(_rights(found)):
        return found
    best = max((found, *(_judge(text, parsed, spoken, strictness, max_errors, other) for other in _others(parsed, size))), key=_rights)
    if _rights(best) == _rights(found):
        return found
    return replace(
        best,
        trace_valid=best.trace_valid if best.trace_valid is found.trace_valid else None,
        plan_valid=best.plan_valid if best.plan_valid is found.plan_valid else None,
        plan_optimal=best.plan_optimal if best.plan_optimal is found.plan_optimal else None,
        undecided=best.trace_valid is not found.trace_valid,
        facts={**found.facts, "size_that_fits": [best.facts["cols"], best.facts["rows"]]},
    )


def _rights(one: Verification) -> tuple[bool, bool, bool]:
    return one.trace_valid is not False, one.plan_valid is not False, one.plan_optimal is not False


_Size = tuple[int, int, bool]
"""Columns and rows of a grid, and whether they are assumed."""


def _size(text: FormalText, prompt: MazePrompt) -> _Size:
    cols, rows = (text.given.get(name) for name in ("cols", "rows"))
    return (cols, rows, False) if isinstance(cols, int) and isinstance(rows, int) else (prompt.side, prompt.side, True)


def _others(parsed: ParsedMaze, assumed: _Size) -> list[_Size]:
    """Sizes of which one fits a text if any does.

    A trace that is right goes no farther than the grid, and on a grid that is larger by more than one row or column it would be judged
    as on one larger by one. The least grid that holds the plan has the longest of the shortest ways.
    """
    assert parsed.prompt is not None
    told = [parsed.prompt.start, parsed.prompt.goal, *parsed.prompt.walls, *(parsed.plan or ())]
    least = (1 + max(x for x, _ in told), 1 + max(y for _, y in told))
    xs, ys = ((), ()) if parsed.events is None else (parsed.events.x, parsed.events.y)
    cols, rows = max(least[0], 1 + max(xs, default=0)), max(least[1], 1 + max(ys, default=0))
    sizes = dict.fromkeys([(cols, rows), (cols + 1, rows), (cols, rows + 1), (cols + 1, rows + 1), least])
    return [(*size, True) for size in sizes if size != assumed[:2] and max(size) <= MAX_SIDE]


def maze_of(text: FormalText, dialect: Dialect, parsed: ParsedMaze) -> Maze | None:
    """The maze of a text as it is judged; None where the prompt cannot be read or does not fit the size that is given."""
    return None if parsed.prompt is None else _maze(parsed.prompt, _size(text, parsed.prompt))


def _maze(prompt: MazePrompt, size: _Size) -> Maze | None:
    try:
        return Maze(cols=size[0], rows=size[1], walls=prompt.walls, start=prompt.start, goal=prompt.goal)
    except InvalidInput:
        return None


def _judge(
    text: FormalText, parsed: ParsedMaze, dialect: Dialect, strictness: Strictness, max_errors: int, size: _Size | None
) -> Verification:
    findings = _Findings(ACTIVE[strictness], max_errors)
    for flaw in parsed.flaws:
        findings.add("PARSE", flaw.words, flaw.event, flaw.expected, flaw.got)
    maze = None if parsed.prompt is None or size is None else _maze(parsed.prompt, size)
    facts: dict[str, object] = {"after_end": parsed.after[:60]} if parsed.after else {}
    if size is not None and maze is not None:
        facts |= {"cols": size[0], "rows": size[1], **({"size": "assumed"} if size[2] else {})}
    elif size is not None:
        where = (parsed.offset, parsed.offset)
        findings.add("PARSE", where, None, f"a prompt that fits the {size[0]} x {size[1]} grid given", "cells outside")
    valid, optimal, follows = None, None, None
    lacks_plan = bool(parsed.plan_flaws)
    if maze is not None:
        way = distance(maze)
        replay = _replay(parsed, maze, dialect, strictness, findings, is_solvable=way is not None)
        if way is None:
            is_whole = replay is not None and replay.is_whole
            got = "nothing was left to close" if is_whole else "none"
            findings.add("UNSOLVABLE", parsed.plan_words, None, "a way from start to goal", got)
            # A search that ends so has no plan to give.
            lacks_plan = lacks_plan and not (is_whole and parsed.plan_words[0] == parsed.plan_words[1])
        for flaw in parsed.plan_flaws if lacks_plan and not parsed.is_foreign else ():
            findings.add("PLAN_PARSE", flaw.words, None, flaw.expected, flaw.got)
        if not parsed.is_foreign and (parsed.plan is not None or parsed.plan_flaws):
            valid, optimal = _check_plan(parsed, maze, dialect, findings, way)
        if replay is not None and parsed.plan is not None and not parsed.is_open:
            follows = _check_link(parsed, replay, findings)
    broken = any(CODES[code].is_of_trace for code in findings.counts)
    events = parsed.events
    # Of a text that was cut before its first event nothing is known.
    has_trace = events is not None and (events.n > 0 or parsed.has_plan or not parsed.is_open)
    return Verification(
        domain="maze",
        dialect=dialect.name,
        strictness=strictness,
        version=VERSION,
        parsed=not parsed.flaws and not lacks_plan and maze is not None,
        trace_valid=not broken if has_trace and not parsed.is_foreign else None,
        plan_valid=valid,
        plan_optimal=optimal,
        plan_follows_trace=follows,
        violations=_violations(text, parsed, findings),
        counts=dict(sorted(findings.counts.items())),
        n_events=0 if events is None else events.n,
        facts=facts,
        undecided=parsed.is_foreign,
    )


def _replay(
    parsed: ParsedMaze, maze: Maze, dialect: Dialect, strictness: Strictness, findings: _Findings, *, is_solvable: bool
) -> MazeReplay | None:
    events = parsed.events
    if events is None or parsed.is_foreign:
        return None
    first, index, width = events.first, events.index, events.width

    def report(code: str, i: int, expected: str, got: str) -> None:
        findings.add(code, (first[i], first[i] + width), index[i], expected, got)

    replay = MazeReplay(maze, dialect, report, with_ties=strictness is Strictness.TIES)
    replay.run(events)
    if not replay.goal_closed and (parsed.has_plan or not parsed.is_open) and (is_solvable or not replay.is_whole):
        end = max(parsed.trace_words[1], 1)
        expected = f"close {cell_text(maze.goal, dialect)}" if is_solvable else "close whatever is open, as no way leads to the goal"
        findings.add("GOAL_NOT_CLOSED", (end - 1, end), None, expected, "the end of the trace")
    return replay


def _check_plan(parsed: ParsedMaze, maze: Maze, dialect: Dialect, findings: _Findings, way: int | None) -> tuple[bool | None, bool | None]:
    """(valid, optimal) of the plan; every step that breaks a rule is a finding. None where the rest of a cut plan decides."""
    plan = parsed.plan
    wrong = next((mark for mark, other in parsed.others if any(_faults(other, maze, dialect))), None)
    if wrong is not None:
        findings.add("PLAN_TWICE", (wrong, wrong + 1), None, "no other plan, or one that solves the maze, too", "one that does not")
    if plan is None:
        return False, False
    first, end = parsed.plan_words
    width = (end - first) // len(plan)
    faults = [fault for fault in _faults(plan, maze, dialect) if fault[0] != "PLAN_GOAL" or not parsed.is_open]
    for code, i, expected in faults:
        findings.add(code, (first + i * width, first + (i + 1) * width), None, expected, cell_text(plan[i], dialect))
    if faults or wrong is not None:
        return False, False
    if parsed.is_open:
        return None, None
    assert way is not None
    if len(plan) - 1 > way:
        findings.add("PLAN_SUBOPT", (first, end), None, f"{way} steps", f"{len(plan) - 1} steps")
    return True, len(plan) - 1 == way


def _faults(plan: Sequence[Cell], maze: Maze, dialect: Dialect) -> Iterator[tuple[str, int, str]]:
    """The rules that a plan breaks, each with the step that does, and what was expected."""
    blocked = set(maze.walls)
    if plan[0] != maze.start:
        yield "PLAN_START", 0, cell_text(maze.start, dialect)
    for i, cell in enumerate(plan):
        if not maze.has(cell) or cell in blocked:
            yield "PLAN_WALL", i, "a free cell of the grid"
        if i and abs(cell[0] - plan[i - 1][0]) + abs(cell[1] - plan[i - 1][1]) != 1:
            yield "PLAN_STEP", i, f"a neighbour of {cell_text(plan[i - 1], dialect)}"
    if plan[-1] != maze.goal:
        yield "PLAN_GOAL", len(plan) - 1, cell_text(maze.goal, dialect)


def _check_link(parsed: ParsedMaze, replay: MazeReplay, findings: _Findings) -> bool:
    chain = replay.chain()
    assert parsed.plan is not None
    cols = replay.maze.cols
    told = None if chain is None else tuple((cell % cols, cell // cols) for cell in chain)
    if told == parsed.plan:
        return True
    expected = "the parents written in the trace" if told is None else f"{len(told) - 1} steps by the parents written in the trace"
    got = "a plan, but the parents do not lead to the start" if told is None else f"{len(parsed.plan) - 1} steps, another way"
    findings.add("PLAN_NOT_PARENTS", parsed.plan_words, None, expected, got)
    return False


def _violations(text: FormalText, parsed: ParsedMaze, findings: _Findings) -> tuple[Violation, ...]:
    """The findings in the order of the text, with the characters they are about; what lies in the prompt is at its end."""
    rows = findings.first()
    offset, n = parsed.offset, max(len(parsed.words) - parsed.offset, 0)
    spans = [(min(max(row[0] - offset, 0), n), min(max(row[1] - offset, 0), n)) for row in rows]
    places = places_of(text.trace, [place for first, past in spans for place in (first, max(past - 1, 0))])
    violations: list[Violation] = []
    for (_, _, code, event, expected, got), (first, past) in zip(rows, spans, strict=True):
        begin = places[first][0]
        chars = (begin, max(places[past - 1][1], begin) if past > first else begin)
        violations.append(
            Violation(code=code, tier=CODES[code], event=event, tokens=(first, past), chars=chars, expected=expected, got=got)
        )
    return tuple(violations)
