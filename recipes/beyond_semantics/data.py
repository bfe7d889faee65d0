"""Solved mazes as token ids, the arms made of them, and batches of packed rows.

All arms see the same problems in the same order, each with its own plan; they differ in the trace between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from tokenworth.tasks.maze.dialect import DIALECTS
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import render_prompt, render_trace
from tokenworth.tasks.maze.search import solve

DIALECT = DIALECTS["compact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Problems with their traces and plans, as ids. ``prompts`` end before the word that begins a trace."""

    prompts: tuple[np.ndarray, ...]
    traces: tuple[np.ndarray, ...]
    plans: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.prompts)


def solved(tokenizer: Tokenizer, families: Sequence[str], side: int, n: int, *, seed: int, longest: int | None = None) -> Solved:
    """``n`` problems of the training layouts, family after family in turn. ``longest``: most trace tokens a problem may have."""
    parts: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]] = ([], [], [])
    index = 0
    while len(parts[0]) < n:
        maze = generate(families[index % len(families)], side, seed=seed, index=index // len(families))
        index += 1
        if split_of(maze) != "train":
            continue
        found = solve(maze, DIALECT)
        prompt = render_prompt(maze, DIALECT).removesuffix(" reasoning")
        trace, plan = render_trace(maze, found.trace, found.plan, DIALECT).split(" solution ")
        if longest is not None and len(trace.split()) > longest:
            continue
        for part, text in zip(parts, (prompt, " " + trace, f" solution {plan}"), strict=True):
            part.append(np.asarray(tokenizer.encode(text).ids, dtype=np.int16))
    return Solved(prompts=tuple(parts[0]), traces=tuple(parts[1]), plans=tuple(parts[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What stands between problem and plan. ``swapped``: share of problems with the trace of another one.

    ``same_length``: the other problem's trace is as long as its own, as nearly as there is one. ``trace``: whether there is one at all.
    """

    name: str
    trace: bool = True
    swapped: float = 0.0
    same_length: bool = False


def partners(data: Solved, arm: Arm, *, seed: int) -> np.ndarray:
    """For each problem the number of the one whose trace it gets: its own, or another's for the swapped share."""
    rng = np.random.default_rng([seed, 7])
    n = len(data)
    whose = np.arange(n)
    chosen = np.flatnonzero(rng.random(n) < arm.swapped)
    if len(chosen) < 2:
        return whose
    order = rng.permutation(chosen)
    if arm.same_length:
        lengths = np.asarray([len(data.traces[i]) for i in order])
        order = order[np.argsort(lengths, kind="stable")]
    # Each takes the trace of the next one round a circle, so that no problem keeps its own.
    whose[order] = np.roll(order, 1)
    return whose


def sequences(data: Solved, arm: Arm, tokenizer: Tokenizer, *, seed: int) -> list[tuple[np.ndarray, int]]:
    """(ids, length of the prompt) of every problem; the loss is on what follows the prompt."""
    begin = np.asarray([tokenizer.token_to_id("Ġreasoning")], dtype=np.int16)
    whose = partners(data, arm, seed=seed)
    rows: list[tuple[np.ndarray, int]] = []
    for i, (prompt, plan) in enumerate(zip(data.prompts, data.plans, strict=True)):
        parts = (prompt, begin, data.traces[whose[i]], plan) if arm.trace else (prompt, plan)
        rows.append((np.concatenate(parts), len(prompt) + arm.trace))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Rows of several sequences: ids, position within the sequence, number of the sequence in the row (-1: padding), loss mask."""

    ids: np.ndarray
    position: np.ndarray
    segment: np.ndarray
    counted: np.ndarray


def pack(rows: Sequence[tuple[np.ndarray, int]], width: int) -> Packed:
    """Sequences laid into rows of ``width`` tokens, longest first, each in the first row with room: few tokens are padding."""
    free: list[int] = []
    placed: list[list[int]] = []
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i][0])):
        length = len(rows[i][0])
        if length > width:
            raise ValueError(f"a sequence of {length} tokens in rows of {width}; widen the rows or set a longest trace")
        row = next((r for r, room in enumerate(free) if room >= length), len(free))
        if row == len(free):
            free.append(width)
            placed.append([])
        free[row] -= length
        placed[row].append(i)
    shape = (len(placed), width)
    made = Packed(
        ids=np.zeros(shape, np.int64), position=np.zeros(shape, np.int64), segment=np.full(shape, -1), counted=np.zeros(shape, bool)
    )
    for row, members in enumerate(placed):
        at = 0
        for number, i in enumerate(members):
            ids, prompt = rows[i]
            where = slice(at, at + len(ids))
            made.ids[row, where], made.segment[row, where] = ids, number
            made.position[row, where] = np.arange(len(ids))
            made.counted[row, at + prompt : at + len(ids)] = True
            at += len(ids)
    return made


def batches(rows: Sequence[tuple[np.ndarray, int]], *, size: int, width: int, steps: int, seed: int) -> Iterator[Packed]:
    """``steps`` batches of ``size`` sequences, packed; every sequence is seen once before any is seen again."""
    rng = np.random.default_rng([seed, 11])
    order = np.empty(0, dtype=np.int64)
    for _ in range(steps):
        while len(order) < size:
            order = np.concatenate([order, rng.permutation(len(rows))])
        chosen, order = order[:size], order[size:]
        yield pack([rows[i] for i in chosen], width)
