"""The verdict on a maze text: is the trace a run of A*, does the plan solve the maze, and is the plan the one the trace found?"""

from __future__ import annotations

from collections import Counter

from tokenworth.core.verification import Cell, FormalText, Strictness, Verification, Violation
from tokenworth.errors import InvalidInput
from tokenworth.tasks.maze.dialect import DIALECTS, Dialect
from tokenworth.tasks.maze.grammar import MazePrompt, ParsedMaze, cell_text, parse
from tokenworth.tasks.maze.instance import Maze, distance
from tokenworth.tasks.maze.replay import MazeReplay
from tokenworth.tasks.maze.rules import ACTIVE, CODES
from tokenworth.tasks.maze.words import places_of

VERSION = "2"
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
    and ``facts`` say that it was assumed. The trace does not affect it, because the trace is judged.
    """
    spoken = DIALECTS[dialect]
    return _judge(text, parse(text, spoken), spoken, strictness, max_errors)


def _size(text: FormalText, prompt: MazePrompt) -> tuple[int, int, bool]:
    """Columns and rows of the grid, and whether they are given."""
    cols, rows = (text.given.get(name) for name in ("cols", "rows"))
    if isinstance(cols, int) and isinstance(rows, int):
        return cols, rows, True
    return prompt.side, prompt.side, False


def maze_of(text: FormalText, dialect: Dialect, parsed: ParsedMaze) -> Maze | None:
    """The maze of a text as it is judged; None where the prompt cannot be read or does not fit the size that is given."""
    return None if parsed.prompt is None else _maze(parsed.prompt, *_size(text, parsed.prompt)[:2])


def _maze(prompt: MazePrompt, cols: int, rows: int) -> Maze | None:
    try:
        return Maze(cols=cols, rows=rows, walls=prompt.walls, start=prompt.start, goal=prompt.goal)
    except InvalidInput:
        return None


def _judge(text: FormalText, parsed: ParsedMaze, dialect: Dialect, strictness: Strictness, max_errors: int) -> Verification:
    strictness = strictness if strictness in dialect.strictness else Strictness.STRICT
    findings = _Findings(ACTIVE[strictness], max_errors)
    for flaw in parsed.flaws:
        findings.add("PARSE", flaw.words, flaw.event, flaw.expected, flaw.got)
    maze: Maze | None = None
    facts: dict[str, object] = {}
    if parsed.prompt is not None:
        cols, rows, is_given = _size(text, parsed.prompt)
        maze = _maze(parsed.prompt, cols, rows)
        if maze is None:
            where = (parsed.offset, parsed.offset)
            findings.add("PARSE", where, None, f"a prompt that fits the {cols} x {rows} grid given", "cells outside")
        else:
            facts = {"cols": cols, "rows": rows}
            if not is_given:
                facts["size"] = "assumed"
    follows: bool | None = None
    valid: bool | None = None
    optimal: bool | None = None
    if maze is not None:
        replay = _replay(parsed, maze, dialect, strictness, findings, is_cut=text.is_cut)
        if parsed.plan is not None or parsed.plan_flaws:
            valid, optimal = _check_plan(parsed, maze, dialect, findings)
        if replay is not None and parsed.plan is not None and not parsed.is_open:
            follows = _check_link(parsed, replay, findings)
    broken = any(CODES[code].is_of_trace for code in findings.counts)
    events = parsed.events
    # Of a text that was cut before its first event nothing is known.
    has_trace = events is not None and (events.n > 0 or parsed.has_plan or not text.is_cut)
    return Verification(
        domain="maze",
        dialect=dialect.name,
        strictness=strictness,
        version=VERSION,
        parsed=not parsed.flaws and not parsed.plan_flaws and maze is not None,
        trace_valid=not broken if has_trace else None,
        plan_valid=valid,
        plan_optimal=optimal,
        plan_follows_trace=follows,
        violations=_violations(text, parsed, findings),
        counts=dict(sorted(findings.counts.items())),
        n_events=0 if events is None else events.n,
        facts=facts,
    )


def _replay(
    parsed: ParsedMaze, maze: Maze, dialect: Dialect, strictness: Strictness, findings: _Findings, *, is_cut: bool
) -> MazeReplay | None:
    events = parsed.events
    if events is None:
        return None
    first, index, width = events.first, events.index, events.width

    def report(code: str, i: int, expected: str, got: str) -> None:
        findings.add(code, (first[i], first[i] + width), index[i], expected, got)

    replay = MazeReplay(maze, dialect, report, with_ties=strictness is Strictness.TIES)
    replay.run(events)
    if not replay.goal_closed and (parsed.has_plan or not is_cut):
        end = max(parsed.trace_words[1], 1)
        findings.add("GOAL_NOT_CLOSED", (end - 1, end), None, f"close {cell_text(maze.goal, dialect)}", "the end of the trace")
    return replay


def _check_plan(parsed: ParsedMaze, maze: Maze, dialect: Dialect, findings: _Findings) -> tuple[bool | None, bool | None]:
    """(valid, optimal) of the plan; every step that breaks a rule is a finding. None where the rest of a cut plan decides."""
    for flaw in parsed.plan_flaws:
        findings.add("PLAN_PARSE", flaw.words, None, flaw.expected, flaw.got)
    plan = parsed.plan
    if plan is None:
        return False, False
    first, end = parsed.plan_words
    width = (end - first) // len(plan)
    blocked = set(maze.walls)
    wrong = 0

    def found(code: str, i: int, expected: str, cell: Cell) -> None:
        findings.add(code, (first + i * width, first + (i + 1) * width), None, expected, cell_text(cell, dialect))

    if plan[0] != maze.start:
        wrong += 1
        found("PLAN_START", 0, cell_text(maze.start, dialect), plan[0])
    for i, cell in enumerate(plan):
        if not maze.has(cell) or cell in blocked:
            wrong += 1
            found("PLAN_WALL", i, "a free cell of the grid", cell)
        if i and abs(cell[0] - plan[i - 1][0]) + abs(cell[1] - plan[i - 1][1]) != 1:
            wrong += 1
            found("PLAN_STEP", i, f"a neighbour of {cell_text(plan[i - 1], dialect)}", cell)
    if plan[-1] != maze.goal and not parsed.is_open:
        wrong += 1
        found("PLAN_GOAL", len(plan) - 1, cell_text(maze.goal, dialect), plan[-1])
    if wrong:
        return False, False
    if parsed.is_open:
        return None, None
    shortest = distance(maze)
    assert shortest is not None
    if len(plan) - 1 > shortest:
        findings.add("PLAN_SUBOPT", (first, end), None, f"{shortest} steps", f"{len(plan) - 1} steps")
    return True, len(plan) - 1 == shortest


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
