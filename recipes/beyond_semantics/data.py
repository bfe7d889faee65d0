"""Solved mazes as token ids, the arms made of them, and batches of packed rows.

All arms see the same problems in the same order, each with its own plan; they differ in the trace between the two.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial

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


def solved(
    tokenizer: Tokenizer, families: Sequence[str], side: int, n: int, *, seed: int, longest: int | None = None, workers: int = 1
) -> Solved:
    """``n`` problems of the training layouts, family after family in turn; the same whatever the number of ``workers``.

    ``longest``: most trace tokens a problem may have. ``workers``: processes that make them.
    """
    make = partial(_solved_part, tokenizer, tuple(families), side, seed, longest)
    found: list[_Three] = []
    with closing(_in_order(make, workers)) as parts:
        while len(found) < n:
            found += next(parts)
    prompts, traces, plans = zip(*found[:n], strict=True) if n else ((), (), ())
    return Solved(prompts=prompts, traces=traces, plans=plans)


_Three = tuple[np.ndarray, np.ndarray, np.ndarray]
_PART = 256
"""Problems that are made in one go."""


def _solved_part(tokenizer: Tokenizer, families: tuple[str, ...], side: int, seed: int, longest: int | None, part: int) -> list[_Three]:
    """Prompt, trace and plan of the problems of one part that are for training and not too long."""
    found: list[_Three] = []
    for index in range(part * _PART, (part + 1) * _PART):
        maze = generate(families[index % len(families)], side, seed=seed, index=index // len(families))
        if split_of(maze) != "train":
            continue
        made = solve(maze, DIALECT)
        prompt = render_prompt(maze, DIALECT).removesuffix(" reasoning")
        trace, plan = render_trace(maze, made.trace, made.plan, DIALECT).split(" solution ")
        if longest is not None and len(trace.split()) > longest:
            continue
        prompt, trace, plan = (
            np.asarray(tokenizer.encode(text).ids, dtype=np.int16) for text in (prompt, " " + trace, f" solution {plan}")
        )
        found.append((prompt, trace, plan))
    return found


def _in_order(make: Callable[[int], list[_Three]], workers: int) -> Iterator[list[_Three]]:
    """Part after part, without end, made by so many processes."""
    if workers == 1:
        yield from map(make, itertools.count())
        return
    # New processes, not copies of this one: a copy of a process with threads can hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = deque(pool.submit(make, part) for part in range(2 * workers))
        try:
            for part in itertools.count(len(waiting)):
                yield waiting.popleft().result()
                waiting.append(pool.submit(make, part))
        finally:
            pool.shutdown(cancel_futures=True)


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
    """For each problem the number of the one whose trace it gets: its own, or another's for the swapped share.

    The swapped ones exchange their traces, so that an arm has the same traces in all; none gets a trace that reads as its own. With
    ``same_length`` each gets one of its own length, except those that have no other there (a length of its own, or more than half of the
    traces of that length read alike): such a problem exchanges with the one nearest in length, so that two are not of their own length.
    A problem keeps its own trace only if every other swapped one reads the same, or there is no other.
    """
    rng = np.random.default_rng([seed, 7])
    n = len(data)
    whose = np.arange(n)
    chosen = np.flatnonzero(rng.random(n) < arm.swapped)
    if len(chosen) < 2:
        return whose
    order = rng.permutation(chosen)
    numbers: dict[bytes, int] = {}
    kinds = np.asarray([numbers.setdefault(trace.tobytes(), len(numbers)) for trace in data.traces])
    # Where the length does not matter all are alike.
    lengths = np.asarray([len(trace) if arm.same_length else 0 for trace in data.traces])
    if arm.same_length:
        for length in np.unique(lengths[order]):
            _exchange_alike(order[lengths[order] == length], kinds, whose)
    else:
        # Each takes the trace of the next one round a circle, so that no problem keeps its own.
        whose[order] = np.roll(order, 1)
    _mend(order, kinds, lengths, whose)
    return whose


def _exchange_alike(members: np.ndarray, kinds: np.ndarray, whose: np.ndarray) -> None:
    """Gives the problems of one length each other's traces, round a circle sorted by kind.

    Each takes the trace that is as many places on as the commonest kind has members: one of another kind, if there are as many others.
    """
    _, first, kind, sizes = np.unique(kinds[members], return_index=True, return_inverse=True, return_counts=True)
    circle = members[np.argsort(first[kind], kind="stable")]
    whose[circle] = np.roll(circle, sizes.max())


def _mend(order: np.ndarray, kinds: np.ndarray, lengths: np.ndarray, whose: np.ndarray) -> None:
    """Lets each problem that got a trace that reads as its own exchange with the one for which the two lengths change least."""
    for i in order[kinds[whose[order]] == kinds[order]]:
        got = whose[i]
        if kinds[got] != kinds[i]:
            continue
        theirs = whose[order]
        fits = order[(kinds[theirs] != kinds[i]) & (kinds[order] != kinds[got])]
        if len(fits):
            j = fits[np.argmin(np.abs(lengths[whose[fits]] - lengths[i]) + np.abs(lengths[fits] - lengths[got]))]
            whose[i], whose[j] = whose[j], got


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


def batches(rows: Sequence[tuple[np.ndarray, int]], *, size: int, width: int, steps: int, seed: int, done: int = 0) -> Iterator[Packed]:
    """``steps`` batches of ``size`` sequences, packed; every sequence is seen once before any is seen again.

    ``done``: so many of the batches are left out, the others are the same.
    """
    rng = np.random.default_rng([seed, 11])
    order = np.empty(0, dtype=np.int64)
    for step in range(steps):
        while len(order) < size:
            order = np.concatenate([order, rng.permutation(len(rows))])
        chosen, order = order[:size], order[size:]
        if step >= done:
            yield pack([rows[i] for i in chosen], width)
