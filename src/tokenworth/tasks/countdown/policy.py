"""What the dialect's own solvers would have written: depth-first search, and breadth-first search with a beam, under two heuristics.

A text holds to the policy where some solver could have written it, line for line. It is judged up to the first line that no solver
writes, since all that follows depends on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from tokenworth.tasks.countdown.instance import Puzzle

MAX_TARGET = 10_000
"""Beyond it, and beyond `MAX_SIZE` numbers, the policy is not judged: no published search goes there."""
MAX_SIZE = 6
BEAMS = (1, 2, 3, 4, 5)

Heuristic = Callable[[Sequence[int]], float]
Lines = Generator[Sequence[str], str, None]
"""Yields the lines that may come next and is sent the one that came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The first line that no solver writes: its place in the lines (their number where the text ends too early), and what was due.

    ``solver``: one of those that wrote the longest part of the text.
    """

    at: int
    expected: str
    solver: str


@dataclass(slots=True, kw_only=True)
class _SearchState:
    numbers: list[int]
    steps: list[str]
    cost: float
    id: str = "0"

    def __lt__(self, other: _SearchState) -> bool:
        return self.cost < other.cost


def deviation(puzzle: Puzzle, lines: Iterable[str], *, is_cut: bool) -> tuple[str | None, Deviation | None]:
    """The solver that may have written the lines, or None, and the first deviation, or None; both None where it is not judged."""
    if not (2 <= puzzle.target <= MAX_TARGET and len(puzzle.numbers) <= MAX_SIZE):
        return None, None
    solvers = {name: writer(puzzle) for name, writer in _WRITERS.items()}
    due: dict[str, Sequence[str]] = {name: next(solver) for name, solver in solvers.items()}
    at = 0
    for at, line in enumerate(lines):
        further: dict[str, Sequence[str]] = {}
        for name, allowed in due.items():
            if line in allowed:
                # A solver that is done allows nothing more.
                further[name] = _sent(solvers[name], line)
        if not further:
            name, allowed = next(iter(due.items()))
            return None, Deviation(at=at, expected=" | ".join(dict.fromkeys(allowed)) or "nothing more", solver=name)
        due = further
    name, allowed = min(due.items(), key=lambda item: len(item[1]) > 0)
    if allowed and not is_cut:
        return None, Deviation(at=at + 1, expected=allowed[0], solver=name)
    return name, None


def _sent(solver: Lines, line: str) -> Sequence[str]:
    try:
        return solver.send(line)
    except StopIteration:
        return ()


def _children(state: _SearchState, heuristic: Heuristic) -> list[_SearchState]:
    """Every child, the closest to the target first; equal ones by the places of the numbers, then sum, product, difference, quotient."""
    children: list[_SearchState] = []
    numbers = state.numbers
    for i, j in combinations(range(len(numbers)), 2):
        a, b = numbers[i], numbers[j]
        low, high = min(a, b), max(a, b)
        results = [(a + b, f"{a}+{b}"), (a * b, f"{a}*{b}"), (high - low, f"{high}-{low}")]
        if low and high % low == 0:
            results.append((high // low, f"{high}/{low}"))
        stay = [number for place, number in enumerate(numbers) if place not in (i, j)]
        for result, text in results:
            left = [*stay, result]
            children.append(_SearchState(numbers=left, steps=[*state.steps, f"{text}={result}"], cost=heuristic(left)))
    return sorted(children, key=lambda child: child.cost)


def _state_line(puzzle: Puzzle, state: _SearchState) -> str:
    return f"Current State: {puzzle.target}:{state.numbers}, Operations: {state.steps}"


def _explore_line(child: _SearchState) -> str:
    return f"Exploring Operation: {child.steps[-1]}, Resulting Numbers: {child.numbers}"


def _result_line(puzzle: Puzzle, child: _SearchState) -> str:
    if len(child.numbers) > 1:
        return f"Generated Node #{child.id}: {puzzle.target}:{child.numbers} Operation: {child.steps[-1]}"
    said = "equal: Goal Reached" if child.numbers[0] == puzzle.target else "unequal: No Solution"
    return f"{child.numbers[0]},{puzzle.target} {said}"


def _depth_first(puzzle: Puzzle, heuristic: Heuristic) -> Lines:
    """Goes down every child at once, and drops those whose cost is above the target."""
    root = _SearchState(numbers=list(puzzle.numbers), steps=[], cost=0.0)
    yield (_state_line(puzzle, root),)
    stack = [(root, iter([child for child in _children(root, heuristic) if child.cost <= puzzle.target]), 0)]
    while stack:
        state, children, k = stack.pop()
        child = next(children, None)
        if child is None:
            continue
        if k:
            yield (f"Moving to Node #{state.id}",)
            yield (_state_line(puzzle, state),)
        child.id = f"{state.id},{k}"
        stack.append((state, children, k + 1))
        yield (_explore_line(child),)
        yield (_result_line(puzzle, child),)
        if len(child.numbers) > 1:
            yield (f"Moving to Node #{child.id}",)
            yield (_state_line(puzzle, child),)
            below = [other for other in _children(child, heuristic) if other.cost <= puzzle.target]
            stack.append((child, iter(below), 0))
        elif child.numbers[0] == puzzle.target:
            return


def _breadth_first(puzzle: Puzzle, heuristic: Heuristic, beam: int) -> Lines:
    """Takes the ``beam`` best open states at a time and keeps the ``beam`` best children of each, written in any order."""
    root = _SearchState(numbers=list(puzzle.numbers), steps=[], cost=0.0)
    heap = [root]
    while heap:
        level = [heapq.heappop(heap) for _ in range(min(beam, len(heap)))]
        for place, state in enumerate(level):
            if place or state is not root:
                yield (f"Moving to Node #{state.id}",)
            yield (_state_line(puzzle, state),)
            kept = _children(state, heuristic)[:beam]
            written: list[_SearchState] = []
            while kept:
                line = yield [_explore_line(child) for child in kept]
                child = next(other for other in kept if _explore_line(other) == line)
                kept = [other for other in kept if other is not child]
                child.id = f"{state.id},{len(written) if len(child.numbers) > 1 else 0}"
                written.append(child)
                yield (_result_line(puzzle, child),)
                if child.numbers == [puzzle.target]:
                    return
            for child in sorted(written, key=lambda other: other.cost):
                heapq.heappush(heap, child)
    yield ("No solution found.",)


def _sums(puzzle: Puzzle) -> Heuristic:
    return lambda numbers: sum(abs(number - puzzle.target) for number in numbers) / len(numbers)


def _factors(puzzle: Puzzle) -> Heuristic:
    factors = [k for k in range(2, puzzle.target + 1) if puzzle.target % k == 0]
    known: dict[int, int] = {}

    def distance_to_factors(numbers: Sequence[int]) -> float:
        for number in numbers:
            if number not in known:
                known[number] = min(abs(number - factor) for factor in factors)
        return float(sum(known[number] for number in numbers))

    return distance_to_factors


def _writers() -> dict[str, Callable[[Puzzle], Lines]]:
    writers: dict[str, Callable[[Puzzle], Lines]] = {}
    for name, of in (("sum", _sums), ("mult", _factors)):
        writers[f"dfs {name}"] = lambda puzzle, of=of: _depth_first(puzzle, of(puzzle))
        for beam in BEAMS:
            writers[f"bfs {name} {beam}"] = lambda puzzle, of=of, beam=beam: _breadth_first(puzzle, of(puzzle), beam)
    return writers


_WRITERS = _writers()
