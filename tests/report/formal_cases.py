"""Synthetic documents of verified traces: small mazes, searched here by breadth first, with errors planted where a test wants them."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque

import numpy as np

from tests.report import report_cases as cases
from tokenworth.core.document import Provenance
from tokenworth.core.verification import Drawing, Step, Strictness, Tier, Verification, Violation
from tokenworth.methods.verify.document import (
    ANSWER_STATES,
    LINK_STATES,
    TRACE_STATES,
    CellDoc,
    OddsDoc,
    ShareDoc,
    TableDoc,
    VerifiedDoc,
    VerifiedTraceDoc,
)

TIERS = {"WALL": Tier.GEOMETRY, "NOT_OPEN": Tier.LISTS, "WRONG_G": Tier.NUMBERS, "PLAN_STEP": Tier.ANSWER, "PLAN_NOT_PARENTS": Tier.LINK}
Cell = tuple[int, int]


def maze(n: int, seed: int, share: float = 0.3) -> tuple[tuple[Cell, ...], Cell, Cell, list[Cell], dict[Cell, int]]:
    """Walls, start, goal, the cells in the order they are closed, and the distance of each from the start; the goal is the last closed."""
    rng = np.random.default_rng(seed)
    while True:
        walls = {(int(x), int(y)) for y in range(n) for x in range(n) if rng.random() < share}
        free = [(x, y) for y in range(n) for x in range(n) if (x, y) not in walls]
        start = free[int(rng.integers(len(free)))]
        distance, closed, queue = {start: 0}, list[Cell](), deque([start])
        while queue:
            x, y = queue.popleft()
            closed.append((x, y))
            for cell in ((x, y - 1), (x + 1, y), (x, y + 1), (x - 1, y)):
                if cell in free and cell not in distance:
                    distance[cell] = distance[x, y] + 1
                    queue.append(cell)
        if len(closed) >= n + 2:
            goal = closed[min(len(closed) - 1, n * n // 2)]
            order = sorted(walls, key=lambda c: (c[1], c[0]))
            return tuple(order), start, goal, closed[: closed.index(goal) + 1], distance


def path(start: Cell, goal: Cell, distance: dict[Cell, int]) -> list[Cell]:
    """A shortest path by walking back."""
    cells = [goal]
    while cells[-1] != start:
        x, y = cells[-1]
        cells.append(min(((x, y - 1), (x + 1, y), (x, y + 1), (x - 1, y)), key=lambda c: distance.get(c, 10**6)))
    return cells[::-1]


def row(
    n: int = 6, seed: int = 0, *, errors: tuple[str, ...] = (), parsed: bool = True, answer: str = "correct", **over
) -> VerifiedTraceDoc:
    """One trace. ``errors``: codes planted at events 3, 5, …; those of tiers link and answer are put on the plan."""
    walls, start, goal, closed, distance = maze(n, seed)
    plan = path(start, goal, distance)
    head = " ".join(
        ["query start", f"{start[0]} {start[1]}", "goal", f"{goal[0]} {goal[1]}", *(f"wall {x} {y}" for x, y in walls), "reasoning"]
    )
    text, steps = head, list[Step]()
    seen = {start}
    for cell in closed:
        around = [(cell[0] + a, cell[1] + b) for a, b in ((0, -1), (1, 0), (0, 1), (-1, 0))]
        events = [("close", cell), *(("create", c) for c in around if c in distance and c not in seen)]
        seen.update(around)
        for verb, (x, y) in events:
            g, h = distance[x, y], abs(x - goal[0]) + abs(y - goal[1])
            clause = f"{verb} {x} {y} c{g} c{h}"
            steps.append(Step(verb=verb, x=x, y=y, g=g, h=h, chars=(len(text) + 1, len(text) + 1 + len(clause))))
            text += " " + clause
    before = len(text)
    text += " solution " + " ".join(f"plan {x} {y}" for x, y in plan) + " end"
    found = []
    for k, code in enumerate(errors):
        of_plan = not TIERS[code].is_of_trace
        chars = (before + 10, before + 18) if of_plan else steps[min(3 + 2 * k, len(steps) - 1)].chars
        tokens = (len(text[: chars[0]].split()), len(text[: chars[1]].split()))
        event = None if of_plan else min(3 + 2 * k, len(steps) - 1)
        found.append(
            Violation(
                code=code, tier=TIERS[code], event=event, tokens=tokens, chars=chars, expected="an open cell", got=text[slice(*chars)]
            )
        )
    verification = Verification(
        domain="maze",
        dialect="beyond-semantics",
        strictness=Strictness.STRICT,
        version="maze/1",
        parsed=parsed,
        trace_valid=parsed and not any(TIERS[c].is_of_trace for c in errors),
        plan_valid=answer == "correct" if answer != "unknown" else None,
        plan_optimal=answer == "correct" if answer != "unknown" else None,
        plan_follows_trace=None if not parsed else "PLAN_NOT_PARENTS" not in errors,
        violations=tuple(sorted(found, key=lambda v: v.chars)),
        counts=Counter(errors),
        n_events=len(steps),
        facts={"cells": len(closed)},
    )
    drawing = Drawing(rows=n, cols=n, walls=walls, start=start, goals=(goal,), steps=tuple(steps), plan=tuple(plan))
    fields = {
        "id": f"maze-{seed}",
        "group": "",
        "prompt": "",
        "text": text,
        "answer": answer,
        "verification": verification,
        "drawing": drawing,
    }
    return VerifiedTraceDoc(**(fields | over))


def state(trace: VerifiedTraceDoc) -> str:
    v = trace.verification
    return "unparsed" if not v.parsed else "none" if v.trace_valid is None else "valid" if v.trace_valid else "invalid"


def link(trace: VerifiedTraceDoc) -> str:
    follows = trace.verification.plan_follows_trace
    return "unknown" if follows is None else "follows" if follows else "differs"


def table(group: str, traces: list[VerifiedTraceDoc]) -> TableDoc:
    """The counts of a group; the intervals are rough, nothing here tests them."""
    n = len(traces)
    counts = Counter((state(t), link(t), t.answer) for t in traces)

    def known(s: str, k: str, a: str) -> bool:
        return s in ("valid", "invalid") and k != "unknown" and a != "unknown"

    cells = tuple(
        CellDoc(trace=s, link=k, answer=a, n=counts[s, k, a], share=counts[s, k, a] / n, low=0.01, high=0.9)
        for s in TRACE_STATES
        for k in LINK_STATES
        for a in ANSWER_STATES
        if counts[s, k, a] or known(s, k, a)
    )
    firsts = Counter(t.verification.violations[0].code for t in traces if t.verification.violations)

    def share(of: str, given: str, top: list[bool]) -> ShareDoc:
        k, m = sum(top), len(top)
        return ShareDoc(of=of, given=given, k=k, n=m, value=k / m if m else None, low=0.1 if m else None, high=0.95 if m else None)

    right = [t.answer == "correct" for t in traces]
    valid = [state(t) == "valid" for t in traces]
    two = [[sum(v is a and r is b for v, r in zip(valid, right, strict=True)) for b in (True, False)] for a in (True, False)]
    return TableDoc(
        group=group,
        n=n,
        n_unparsed=sum(state(t) == "unparsed" for t in traces),
        n_unknown=sum(t.answer == "unknown" for t in traces),
        cells=cells,
        shares=(
            share("trace valid and answer correct", "", [a and b for a, b in zip(valid, right, strict=True)]),
            share("answer correct", "trace valid", [r for v, r in zip(valid, right, strict=True) if v]),
            share("trace valid", "answer correct", [v for v, r in zip(valid, right, strict=True) if r]),
        ),
        odds=(
            OddsDoc(
                rows="trace valid",
                columns="answer correct",
                counts=(tuple(two[0]), tuple(two[1])),
                value=3.2,
                low=1.1,
                high=None,
                p=0.00004,
            ),
        ),
        first_errors=dict(firsts),
    )


def document(traces: list[VerifiedTraceDoc], **over) -> VerifiedDoc:
    """A document of these traces, with a table for each of their groups."""
    groups = list(dict.fromkeys(t.group for t in traces))
    fields = {
        "domain": "maze",
        "dialect": "beyond-semantics",
        "strictness": "strict",
        "version": "maze/1",
        "level": 0.95,
        "tables": tuple(table(g, [t for t in traces if t.group == g]) for g in groups),
        "traces": tuple(traces),
        "provenance": Provenance(version="0.1.0", created="2026-01-02T03:04:05Z", source="synthetic"),
    }
    return VerifiedDoc(**(fields | over))


def mixed(n: int = 40, side: int = 6) -> VerifiedDoc:
    """Two groups with traces of every state, answers of every state, and three codes."""
    rng = np.random.default_rng(2)
    traces = []
    for i in range(n):
        group = ("correct traces", "swapped traces")[i % 2]
        kind = rng.random() + 0.35 * (i % 2)
        answer = str(rng.choice(["correct", "incorrect"], p=[0.8, 0.2]))
        if kind < 0.5:
            traces.append(row(side, i, group=group, answer=answer, errors=() if answer == "correct" else ("PLAN_STEP",)))
        elif kind < 0.65:
            traces.append(row(side, i, group=group, answer="unknown" if i % 3 else answer, parsed=False))
        else:
            chosen = rng.choice(["WALL", "NOT_OPEN", "WRONG_G"], size=int(rng.integers(1, 4)), replace=False)
            link_error = ("PLAN_NOT_PARENTS",) if rng.random() < 0.4 else ()
            traces.append(row(side, i, group=group, answer=answer, errors=(*map(str, chosen), *link_error)))
    return document(traces)


def renamed(trace: VerifiedTraceDoc, **over) -> VerifiedTraceDoc:
    return dataclasses.replace(trace, **over)


def measured(row, *, joiner: str = "", prompt: str | None = None, end: str = "", **over):
    """A curve of the same words as a verified trace."""
    head, tail = row.drawing.steps[0].chars[0], row.drawing.steps[-1].chars[1]
    leading = "" if joiner else " "
    pieces = tuple(leading + w for w in row.text[head:tail].split())
    answer = tuple(leading + w for w in (row.text[tail:] + end).split())
    base = cases.trace(pieces=pieces, answer_pieces=answer, ids=None, prompt=row.text[:head] if prompt is None else prompt)
    return cases.curve(trace=base, plan="stride", stride=20, each=4, value_label="P(plan correct)", **over)


def poisoned():
    """A document with hostile text in every place that text can come from."""
    bad = "".join(cases.HOSTILE) + "\ud83d"
    base = row(5, 1, group=bad, id=bad, errors=("WALL",))
    violation = dataclasses.replace(base.verification.violations[0], expected=bad, got=bad, code=bad)
    verification = dataclasses.replace(
        base.verification, domain=bad, dialect=bad, violations=(violation,), counts={bad: 1}, facts={bad: {"deep": bad}}
    )
    trace = renamed(base, verification=verification, prompt=bad, text=base.text + bad)
    counts = dataclasses.replace(table(bad, [trace]), first_errors={bad: 1})
    return document([trace], tables=(counts,), domain=bad, dialect=bad, version=bad, notes=(bad,))
