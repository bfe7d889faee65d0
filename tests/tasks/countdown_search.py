"""Written searches over countdown puzzles: depth-first, and breadth-first with a beam, in the dialect `stream-of-search`."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tokenworth.errors import InvalidInput
from tokenworth.tasks.countdown.instance import Puzzle

HeuristicName = Literal["sum", "mult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """``beam`` 0 is depth-first search, which drops states further from the target than the target is; otherwise breadth-first.

    ``heuristic``: ``sum`` is the mean distance of the numbers from the target, ``mult`` the sum of distances from its closest factors.
    """

    heuristic: HeuristicName
    beam: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.beam <= 5:
            raise InvalidInput(f"a beam of {self.beam}; expected 1 to 5, or 0 for depth-first search")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    name: tuple[int, ...]
    hand: tuple[int, ...]
    done: tuple[str, ...]
    cost: float


def random_puzzle(rng: np.random.Generator, size: int, *, high: int = 99) -> Puzzle:
    """A puzzle of ``size`` numbers of 1 .. high with a target of 10 .. 100, which may be out of reach."""
    return Puzzle(target=int(rng.integers(10, 101)), numbers=tuple(int(number) for number in rng.integers(1, high + 1, size)))


def write_search(puzzle: Puzzle, solver: Solver, rng: np.random.Generator) -> str:
    """The trace of a whole search. ``rng`` shuffles the children that breadth-first search keeps; depth-first search draws nothing.

    Source: Gandhi et al. 2024, arXiv 2404.03683. Raises: InvalidInput for a target below 2, which has no factors.
    """
    if puzzle.target < 2:
        raise InvalidInput(f"a target of {puzzle.target}; expected 2 or more")
    costs = _Costs(puzzle.target, solver.heuristic)
    root = _Node(name=(0,), hand=puzzle.numbers, done=(), cost=0.0)
    lines = _deep(puzzle, root, costs) if solver.beam == 0 else _broad(puzzle, root, costs, solver.beam, rng)
    return "\n".join(lines) + ("\n" if solver.beam == 0 else "")


class _Costs:
    def __init__(self, target: int, heuristic: HeuristicName) -> None:
        self._target, self._is_sum = target, heuristic == "sum"
        self._factors = [factor for factor in range(2, target + 1) if target % factor == 0]

    def of(self, hand: tuple[int, ...]) -> float:
        if self._is_sum:
            return sum(abs(number - self._target) for number in hand) / len(hand)
        return float(sum(min(abs(number - factor) for factor in self._factors) for number in hand))


def _offspring(node: _Node, costs: _Costs) -> list[_Node]:
    """All children in the order of their costs; their names are given when they are written."""
    found: list[_Node] = []
    for i, a in enumerate(node.hand):
        for j in range(i + 1, len(node.hand)):
            b = node.hand[j]
            more, less = (b, a) if a <= b else (a, b)
            stay = node.hand[:i] + node.hand[i + 1 : j] + node.hand[j + 1 :]
            made = [(f"{a}+{b}", a + b), (f"{a}*{b}", a * b), (f"{more}-{less}", more - less)]
            if less != 0 and more % less == 0:
                made.append((f"{more}/{less}", more // less))
            for text, result in made:
                hand = (*stay, result)
                found.append(_Node(name=node.name, hand=hand, done=(*node.done, f"{text}={result}"), cost=costs.of(hand)))
    found.sort(key=lambda child: child.cost)
    return found


def _stated(puzzle: Puzzle, node: _Node) -> str:
    return f"Current State: {puzzle.target}:{list(node.hand)}, Operations: {list(node.done)}"


def _id(name: tuple[int, ...]) -> str:
    return ",".join(map(str, name))


def _tried(puzzle: Puzzle, child: _Node) -> Iterator[str]:
    yield f"Exploring Operation: {child.done[-1]}, Resulting Numbers: {list(child.hand)}"
    last = child.hand[-1]
    if len(child.hand) > 1:
        yield f"Generated Node #{_id(child.name)}: {puzzle.target}:{list(child.hand)} Operation: {child.done[-1]}"
    elif last == puzzle.target:
        yield f"{last},{puzzle.target} equal: Goal Reached"
    else:
        yield f"{last},{puzzle.target} unequal: No Solution"


def _named(child: _Node, name: tuple[int, ...]) -> _Node:
    return _Node(name=name, hand=child.hand, done=child.done, cost=child.cost)


def _deep(puzzle: Puzzle, root: _Node, costs: _Costs) -> Iterator[str]:
    todo: list[tuple[_Node, list[_Node], int]] = []

    def enter(node: _Node) -> str:
        todo.append((node, [child for child in _offspring(node, costs) if child.cost <= puzzle.target], 0))
        return _stated(puzzle, node)

    yield enter(root)
    while todo:
        node, children, k = todo.pop()
        if k == len(children):
            continue
        if k > 0:
            yield f"Moving to Node #{_id(node.name)}"
            yield _stated(puzzle, node)
        todo.append((node, children, k + 1))
        child = _named(children[k], (*node.name, k))
        yield from _tried(puzzle, child)
        if child.hand == (puzzle.target,):
            return
        if len(child.hand) > 1:
            yield f"Moving to Node #{_id(child.name)}"
            yield enter(child)


def _broad(puzzle: Puzzle, root: _Node, costs: _Costs, beam: int, rng: np.random.Generator) -> Iterator[str]:
    # The heap holds costs and a box that never compares as less, so that equal costs fall as in the published search.
    heap: list[_Open] = [_Open(root)]
    while heap:
        level = [heapq.heappop(heap).node for _ in range(min(beam, len(heap)))]
        for node in level:
            if node is not root:
                yield f"Moving to Node #{_id(node.name)}"
            yield _stated(puzzle, node)
            best = _offspring(node, costs)[:beam]
            kept = [best[int(place)] for place in rng.permutation(len(best))]
            # Final states of one parent share an index: the published search counts only those it generates.
            kept = [_named(child, (*node.name, k if len(child.hand) > 1 else 0)) for k, child in enumerate(kept)]
            for child in kept:
                yield from _tried(puzzle, child)
                if child.hand == (puzzle.target,):
                    return
            for child in sorted(kept, key=lambda other: other.cost):
                heapq.heappush(heap, _Open(child))
    yield "No solution found."


class _Open:
    __slots__ = ("node",)

    def __init__(self, node: _Node) -> None:
        self.node = node

    def __lt__(self, other: _Open) -> bool:
        return self.node.cost < other.node.cost
