"""The verdict on a maze text: is the trace a run of A*, does the plan solve the maze, and is the plan the one the trace found?"""

from __future__ import annotations

from collections import Counter

from tokenworth.core.verification import FormalText, Level, Verification, Violation
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import DIALECTS, Dialect
from tokenworth.tasks.maze.grammar import Parsed, Prompt, parse
from tokenworth.tasks.maze.instance import Cell, Maze, distance
from tokenworth.tasks.maze.replay import Replay
from tokenworth.tasks.maze.rules import ACTIVE, CODES
from tokenworth.tasks.maze.words import places_of

VERSION = "1"
"""Changes whenever a verdict can."""


_Row = tuple[int, int, str, int | None, str, str]


class _Findings:
    """Collects what is broken: counts of everything that is active, and the first few of the grammar, trace and plan in full."""

    def __init__(self, active: frozenset[str], limit: int) -> None:
        self._active, self._limit = active, limit
        self.counts: Counter[str] = Counter()
        self._parts: tuple[list[_Row], list[_Row], list[_Row]] = ([], [], [])

    def add(self, code: str, words: tuple[int, int], event: int | None, expected: str, got: str) -> None:
        if code in self._active:
            self.counts[code] += 1
            # Within a part findings come in the order of the text, so that no later one takes the place of an earlier one.
            part = self._parts[2 if not CODES[code].is_of_trace else 0 if code == "PARSE" else 1]
            if len(part) < self._limit:
                part.append((*words, code, event, expected, got))

    def first(self) -> list[_Row]:
        """The first ones in the order of the text, those of the plan last."""
        grammar, trace, plan = self._parts
        plan = sorted(plan, key=lambda row: row[0])
        return (sorted(grammar + trace, key=lambda row: row[0]) + plan)[: self._limit]


def verify(text: FormalText, *, dialect: str, level: Level, limit: int = 1000) -> Verification:
    """What is broken in a maze text at a level. See the rule table in docs/methods/maze.md.

    A level that does not fit the dialect (tie order where ties are broken at random) checks what can be checked: `Level.STRICT`.
    The size of the grid is not part of the text. Where ``given`` has no rows and cols it is the least square that holds the prompt, or the
    least rectangle that holds prompt and events, whichever leaves fewer broken rules in the trace: the same at every level.
    """
    spoken = DIALECTS[dialect]
    parsed = parse(text, spoken)
    return _verify_on(text, parsed, spoken, level, limit, _size(text, parsed, spoken))


def _size(text: FormalText, parsed: Parsed, dialect: Dialect) -> tuple[int, int]:
    """(cols, rows) of the grid, the same at every level: given, or the candidate on which the trace breaks fewest rules."""
    sizes = _sizes(text, parsed)
    if len(sizes) == 1:
        return sizes[0]

    def broken(size: tuple[int, int]) -> int:
        found = _verify_on(text, parsed, dialect, Level.STRICT, 0, size)
        return sum(number for code, number in found.counts.items() if CODES[code].is_of_trace)

    return min(sizes, key=broken)


def _sizes(text: FormalText, parsed: Parsed) -> list[tuple[int, int]]:
    """(cols, rows) that the grid may have, the likelier first."""
    if parsed.prompt is None:
        return [(0, 0)]
    cols, rows = (text.given.get(name) for name in ("cols", "rows"))
    if isinstance(cols, int) and isinstance(rows, int):
        return [(cols, rows)]
    side = parsed.prompt.side
    cells = [parsed.prompt.start, parsed.prompt.goal, *parsed.prompt.walls]
    events = parsed.events
    xs, ys = [x for x, _ in cells], [y for _, y in cells]
    if events is not None and len(events.x):
        xs, ys = [*xs, max(events.x)], [*ys, max(events.y)]
    least = (max(xs) + 1, max(ys) + 1)
    return [(side, side)] if least == (side, side) else [(side, side), least]


def maze_of(text: FormalText, dialect: Dialect, parsed: Parsed) -> Maze | None:
    """The maze of a text as it is judged; None where the prompt cannot be read or does not fit the size that is given."""
    return None if parsed.prompt is None else _maze(parsed.prompt, _size(text, parsed, dialect))


def _maze(prompt: Prompt, size: tuple[int, int]) -> Maze | None:
    try:
        return Maze(cols=size[0], rows=size[1], walls=prompt.walls, start=prompt.start, goal=prompt.goal)
    except InvalidInput:
        return None


def _verify_on(text: FormalText, parsed: Parsed, dialect: Dialect, level: Level, limit: int, size: tuple[int, int]) -> Verification:
    active = ACTIVE[level if level in dialect.levels else Level.STRICT]
    findings = _Findings(active, limit)
    for problem in parsed.problems:
        findings.add("PARSE", problem.words, problem.event, problem.expected, problem.got)
    maze = None if parsed.prompt is None else _maze(parsed.prompt, size)
    if maze is None and parsed.prompt is not None:
        findings.add(
            "PARSE", (parsed.offset, parsed.offset), None, f"a prompt that fits the {size[0]} x {size[1]} grid given", "cells outside"
        )
    follows: bool | None = None
    valid: bool | None = None
    optimal: bool | None = None
    if maze is not None:
        replay = _replay(parsed, maze, dialect, level, findings, is_cut=text.is_cut)
        if parsed.plan is not None or not text.is_cut:
            valid, optimal = _check_plan(parsed, maze, findings)
        if replay is not None and parsed.plan is not None:
            follows = _check_link(parsed, replay, findings)
    broken = any(CODES[code].is_of_trace for code in findings.counts)
    return Verification(
        domain="maze",
        dialect=dialect.name,
        level=level if level in dialect.levels else Level.STRICT,
        version=VERSION,
        parsed=not parsed.problems and not parsed.plan_problems and maze is not None,
        trace_valid=None if parsed.events is None and not broken else not broken,
        plan_valid=valid,
        plan_optimal=optimal,
        plan_follows_trace=follows,
        violations=_violations(text, parsed, findings),
        counts=dict(sorted(findings.counts.items())),
        n_events=0 if parsed.events is None else parsed.events.n,
        facts={} if maze is None else {"cols": maze.cols, "rows": maze.rows},
    )


def _replay(parsed: Parsed, maze: Maze, dialect: Dialect, level: Level, findings: _Findings, *, is_cut: bool) -> Replay | None:
    events = parsed.events
    if events is None:
        return None
    first, index, width = events.first, events.index, events.width

    def report(code: str, i: int, expected: str, got: str) -> None:
        findings.add(code, (first[i], first[i] + width), index[i], expected, got)

    replay = Replay(maze, dialect, report, with_ties=level is Level.TIES and level in dialect.levels)
    replay.run(events)
    if not replay.goal_closed and not is_cut:
        end = max(parsed.trace_words[1], 1)
        findings.add("GOAL_NOT_CLOSED", (end - 1, end), None, f"close {maze.goal[0]} {maze.goal[1]}", "the end of the trace")
    return replay


def _check_plan(parsed: Parsed, maze: Maze, findings: _Findings) -> tuple[bool, bool]:
    """(valid, optimal) of the plan; every step that breaks a rule is a finding."""
    for problem in parsed.plan_problems:
        findings.add("PLAN_PARSE", problem.words, None, problem.expected, problem.got)
    plan = parsed.plan
    if plan is None:
        return False, False
    first, end = parsed.plan_words
    width = (end - first) // len(plan)
    blocked = set(maze.walls)
    wrong = 0

    def found(code: str, i: int, expected: str, cell: Cell) -> None:
        findings.add(code, (first + i * width, first + (i + 1) * width), None, expected, f"{cell[0]} {cell[1]}")

    if plan[0] != maze.start:
        wrong += 1
        found("PLAN_START", 0, f"{maze.start[0]} {maze.start[1]}", plan[0])
    for i, cell in enumerate(plan):
        if not maze.has(cell) or cell in blocked:
            wrong += 1
            found("PLAN_WALL", i, "a free cell of the grid", cell)
        if i and abs(cell[0] - plan[i - 1][0]) + abs(cell[1] - plan[i - 1][1]) != 1:
            wrong += 1
            found("PLAN_STEP", i, f"a neighbour of {plan[i - 1][0]} {plan[i - 1][1]}", cell)
    if plan[-1] != maze.goal:
        wrong += 1
        found("PLAN_GOAL", len(plan) - 1, f"{maze.goal[0]} {maze.goal[1]}", plan[-1])
    if wrong:
        return False, False
    shortest = distance(maze)
    assert shortest is not None
    if len(plan) - 1 > shortest:
        findings.add("PLAN_SUBOPT", (first, end), None, f"{shortest} steps", f"{len(plan) - 1} steps")
    return True, len(plan) - 1 == shortest


def _check_link(parsed: Parsed, replay: Replay, findings: _Findings) -> bool:
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


def _violations(text: FormalText, parsed: Parsed, findings: _Findings) -> tuple[Violation, ...]:
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
