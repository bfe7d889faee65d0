"""The replay of a written search: the tree as the text builds it, and every rule that a line breaks.

After a broken rule the tree is as the text says, so that one slip is one violation and what follows is judged by what was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tokenworth.tasks.countdown.grammar import CountdownEvent, Grammar, LineKind
from tokenworth.tasks.countdown.instance import MAX_NUMBERS, Operation, Puzzle, WrittenNumber, are_same, left_over, ways

OnCountdownViolation = Callable[[str, int, CountdownEvent, str, str], None]
"""Takes a code, the index of an event, the event, what was expected and what was found."""

_AFTER: dict[LineKind | None, frozenset[LineKind]] = {
    None: frozenset({LineKind.STATE}),
    LineKind.STATE: frozenset({LineKind.EXPLORE, LineKind.MOVE, LineKind.EXHAUSTED}),
    LineKind.GENERATE: frozenset({LineKind.EXPLORE, LineKind.MOVE}),
    LineKind.VERDICT: frozenset({LineKind.EXPLORE, LineKind.MOVE, LineKind.EXHAUSTED}),
    LineKind.MOVE: frozenset({LineKind.STATE}),
}
_AFTER_PATH: dict[LineKind | None, frozenset[LineKind]] = {
    None: frozenset({LineKind.STATE}),
    LineKind.STATE: frozenset({LineKind.EXPLORE}),
    LineKind.GENERATE: frozenset({LineKind.STATE}),
    LineKind.VERDICT: frozenset(),
}
_ENDS = frozenset({LineKind.VERDICT, LineKind.EXHAUSTED, LineKind.STATE, LineKind.SOLUTION})


_NO_STEPS = frozenset({LineKind.STATE, LineKind.MOVE, LineKind.EXPAND, LineKind.EXHAUSTED, LineKind.SOLUTION})
"""Lines that explore nothing; any other one is work at the node where it stands, even if it cannot be read."""

_MOST_LEAVES = 16
"""Final states of one name that are kept. No node of two numbers has more than four, and each is looked at in every move to the name."""

_FIRST_OF_PATH = 2
"""The number of the first node that an optimal path generates; the root is the first one."""


@dataclass(slots=True, kw_only=True)
class SearchNode:
    """A state of the search. ``path``: the operations that lead to it in the tree; ``history``: those last written for it.

    ``visits``: how often it was written as the current state; ``steps``: lines of work at it, ``steps_before``: those up to its last visit.
    """

    id: str
    numbers: tuple[WrittenNumber, ...]
    path: tuple[str, ...] = ()
    history: tuple[Operation, ...] = ()
    children: int = 0
    is_sound: bool = True
    visits: int = 0
    steps: int = 0
    steps_before: int = 0
    explored: Counter[tuple[str, WrittenNumber, WrittenNumber]] = field(default_factory=Counter[tuple[str, WrittenNumber, WrittenNumber]])

    @property
    def is_idle(self) -> bool:
        """Whether nothing was explored at it since its last visit."""
        return self.visits > 0 and self.steps == self.steps_before

    def visit(self) -> None:
        """Takes it as the current state."""
        self.visits, self.steps_before = self.visits + 1, self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalClaim:
    """That the goal is reached: by which operations, and whether this is a path of the tree whose every step was right."""

    index: int
    event: CountdownEvent
    plan: tuple[Operation, ...]
    follows: bool
    is_sound: bool


class CountdownReplay:
    """Follows the events of one text; `claim` is the first claim of the goal, and the search is over with it.

    ``others``: later claims, each plan once, with its event. ``after``: the first words behind the conclusion that are no event.
    """

    def __init__(self, grammar: Grammar, puzzle: Puzzle | None, is_stated: bool, report: OnCountdownViolation) -> None:
        self._grammar = grammar
        self._report_to = report
        self._nodes: dict[str, SearchNode] = {}
        self._leaves: dict[str, list[SearchNode]] = {}
        self._options: list[SearchNode] | None = None  # what the last move leads to; a leaf has no line of its own, so there may be several
        self._here = SearchNode(id="0", numbers=puzzle.numbers if puzzle else ())
        self._last: LineKind | None = LineKind.STATE if is_stated else None
        self._explored: CountdownEvent | None = None
        self._found: set[tuple[str, ...]] = set()
        self._n_reported = 0
        self._before = 0
        self._is_past = False
        self._written: tuple[Operation, ...] = ()
        self._exact: dict[str, Fraction] = {}  # values of fractions that were rounded when they were written
        self.puzzle = puzzle
        self.claim: GoalClaim | None = None
        self.others: dict[tuple[str, ...], tuple[int, CountdownEvent, tuple[Operation, ...]]] = {}
        self.after = ""
        self.n_operations = 0
        self.n_wrong = 0
        if puzzle is not None:
            self._nodes["0"] = self._here
        if is_stated:
            self._here.visit()

    def see(self, index: int, event: CountdownEvent) -> None:
        """Judges one event and continues from it."""
        if self.is_over:
            if event.kind is LineKind.UNREAD:
                self.after = self.after or event.text
                return
            if not self._is_past:
                self._report("AFTER_END", index, event, "nothing after the conclusion", event.text)
            # A claim ends the replay; a search that goes on after it gave up is followed.
            self._is_past = self.claim is not None
            if self._is_past:
                self._see_again(index, event)
                return
            self._last = LineKind.UNREAD
        if event.kind not in _NO_STEPS:
            self._here.steps += 1
        if event.kind is LineKind.UNREAD:
            self._report("PARSE", index, event, "a line of the grammar", event.text)
            self._last = LineKind.UNREAD
            return
        self._check_order(index, event)
        if event.target is not None and event.kind is not LineKind.STATE:
            self._check_target(index, event)
        match event.kind:
            case LineKind.STATE:
                self._state(index, event)
            case LineKind.EXPLORE:
                self._explore(index, event)
            case LineKind.GENERATE:
                self._generate(index, event)
            case LineKind.MOVE | LineKind.EXPAND:
                self._move(index, event)
            case LineKind.VERDICT:
                self._verdict(index, event)
            case LineKind.SOLUTION:
                self._solution(index, event)
            case _:
                self._exhausted(index, event)
        self._last = event.kind

    @property
    def is_over(self) -> bool:
        """Whether the search has come to a conclusion."""
        return self.claim is not None or self._last in (LineKind.EXHAUSTED, LineKind.SOLUTION)

    def _see_again(self, index: int, event: CountdownEvent) -> None:
        """After a claim: keeps others, of the operations last written and the one explored last. Those of another target are none."""
        if self.puzzle is None or event.target not in (None, self.puzzle.target):
            return
        if event.kind is LineKind.STATE:
            self._written = event.operations
        elif event.kind is LineKind.EXPLORE:
            self._explored = event
        elif event.says_goal and (event.kind is LineKind.SOLUTION) is self._grammar.has_prose:
            explored = () if self._explored is None else self._explored.operations
            plan = event.operations if event.kind is LineKind.SOLUTION else self._written + explored
            self.others.setdefault(_texts(plan), (index, event, plan))

    def check_end(self, index: int, last: CountdownEvent) -> None:
        """Reports a search that stops in the middle. Depth-first search ends without a word after its last state or result."""
        is_end = self._last in _ENDS and not self._is_back_for_nothing
        if self.claim is None and not is_end and self._last is not LineKind.UNREAD:
            self._report("NO_CONCLUSION", index, last, "a goal, or the end of the search", last.text)

    def _report(self, code: str, index: int, event: CountdownEvent, expected: str, got: str) -> None:
        self._n_reported += 1
        self._report_to(code, index, event, expected, got)

    def _check_order(self, index: int, event: CountdownEvent) -> None:
        if self._last is LineKind.UNREAD or self._grammar.has_prose:
            return
        if self._last is LineKind.EXPLORE:
            assert self._explored is not None  # it is what the last event was
            allowed = frozenset({LineKind.VERDICT if len(self._explored.numbers) == 1 else LineKind.GENERATE})
        else:
            allowed = (_AFTER if self._grammar.has_tree else _AFTER_PATH)[self._last]
        if event.kind not in allowed:
            self._report("ORDER", index, event, " or ".join(sorted(allowed)) or "nothing", event.kind.value)
        elif self._is_back_for_nothing and event.kind is not LineKind.EXPLORE:
            self._report("ORDER", index, event, f"explore, as #{self._here.id} was visited before", event.kind.value)
        elif event.kind is LineKind.MOVE and (options := self._named(event.node)) and all(node.is_idle for node in options):
            self._report("ORDER", index, event, "a node with more to explore", f"#{event.node} again, although nothing was explored since")

    @property
    def _is_back_for_nothing(self) -> bool:
        """Whether the last line is the state of a node that was visited before. Solvers come back only to explore more of it."""
        return self._last is LineKind.STATE and self._here.visits > 1 and not self._grammar.has_prose

    def _named(self, name: str) -> list[SearchNode] | None:
        """The nodes of a name: the one that was generated, or the final states; None where there is none."""
        node = self._nodes.get(name)
        return [node] if node is not None else self._leaves.get(name)

    def _check_target(self, index: int, event: CountdownEvent) -> None:
        if self.puzzle is not None and event.target != self.puzzle.target:
            self._report("WRONG_TARGET", index, event, str(self.puzzle.target), str(event.target))

    def _state(self, index: int, event: CountdownEvent) -> None:
        if self.puzzle is None:
            self._begin(index, event)
        self._check_target(index, event)
        if event.node and event.node != self._here.id:
            self._move(index, event)
        options = [self._here] if self._options is None else self._options
        self._options = None
        history = tuple(operation.text for operation in event.operations)
        # Of final states that are alike the one that was not yet visited is meant.
        same = sorted((node for node in options if are_same(node.numbers, event.numbers)), key=lambda node: node.visits)
        both = [node for node in same if _texts(node.history) == history]
        # Of a node that was never generated nothing is known: its state is what is written.
        node = (both or same or options or [self._here])[0]
        if options and not same:
            self._report("WRONG_STATE", index, event, _listed(node.numbers), _listed(event.numbers))
        if options and not both and (same or _texts(node.history) != history):
            self._report("WRONG_HISTORY", index, event, ", ".join(_texts(node.history)), ", ".join(history))
        node.numbers, node.history = event.numbers, event.operations
        node.visit()
        self._here = node

    def _begin(self, index: int, event: CountdownEvent) -> None:
        numbers = tuple(number for number in event.numbers if isinstance(number, int) and number >= 0)
        if event.target is None or len(numbers) != len(event.numbers):
            self._report("WRONG_STATE", index, event, "whole numbers from 0", _listed(event.numbers))
            self._options = []
            return
        self.puzzle = Puzzle(target=event.target, numbers=numbers)
        self._here = self._nodes["0"] = SearchNode(id="0", numbers=numbers)

    def _explore(self, index: int, event: CountdownEvent) -> None:
        self._before = self._n_reported
        self._explored, self._options = event, None
        operation = event.operations[0]
        self.n_operations += 1
        if not operation.is_binary:
            self._report("NOT_BINARY", index, event, "an operation on two numbers", operation.text)
        if not operation.holds(self._exact):
            self.n_wrong += 1
            self._report("WRONG_RESULT", index, event, "an equation that holds", operation.text)
        elif isinstance(operation.result, str):
            self._exact[operation.result] = (operation.value(self._exact) or Fraction(0)).limit_denominator(10**12)
        if operation.has_fraction:
            self._report("FRACTION", index, event, "a whole number", str(operation.result))
        elif isinstance(operation.result, int) and operation.result < 0:
            self._report("NEGATIVE", index, event, "0 or more", str(operation.result))
        stay, missing = left_over(self._here.numbers, operation.operands)
        if missing:
            self._report("NOT_AVAILABLE", index, event, f"numbers of {_listed(self._here.numbers)}", _listed(missing))
        elif operation.is_binary:
            self._check_again(index, event)
        if not are_same(event.numbers, [*stay, operation.result]):
            self._report("WRONG_REMAINING", index, event, _listed([*stay, operation.result]), _listed(event.numbers))
        if len(event.numbers) == 1:
            here = self._here
            path = (*here.path, operation.text)[-MAX_NUMBERS:]
            leaf = SearchNode(
                id=f"{here.id},{here.children}", numbers=event.numbers, path=path, history=(*here.history, operation)[-MAX_NUMBERS:]
            )
            alike = self._leaves.setdefault(leaf.id, [])
            if len(alike) < _MOST_LEAVES:
                alike.append(leaf)
            if self.puzzle is not None and event.numbers[0] == self.puzzle.target:
                self._found.add(path)

    def _check_again(self, index: int, event: CountdownEvent) -> None:
        """A systematic search tries each pair of numbers once with each sign."""
        operation, numbers = event.operations[0], self._here.numbers
        a, b = sorted(operation.operands, key=str)
        key = (operation.operators, a, b)
        self._here.explored[key] += 1
        if self._here.explored[key] > ways(numbers, a, b):
            self._report("EXPLORED_AGAIN", index, event, "an operation not yet explored here", operation.text)

    def _generate(self, index: int, event: CountdownEvent) -> None:
        explored, operation = self._explored, event.operations[0]
        if explored is not None:
            if not are_same(event.numbers, explored.numbers):
                self._report("WRONG_STATE", index, event, _listed(explored.numbers), _listed(event.numbers))
            if operation.text != explored.operations[0].text:
                self._report("WRONG_HISTORY", index, event, explored.operations[0].text, operation.text)
        id_, parent = self._placed(index, event)
        if id_ in self._nodes and self._grammar.has_tree:
            self._report("NODE_AGAIN", index, event, "a new index", f"#{id_}")
        node = SearchNode(
            id=id_,
            numbers=event.numbers,
            path=(*parent.path, operation.text)[-MAX_NUMBERS:],
            history=(*parent.history, operation)[-MAX_NUMBERS:],
            is_sound=parent.is_sound and self._n_reported == self._before,
        )
        parent.children += 1
        self._nodes[id_] = node
        if not self._grammar.has_tree:
            self._here = node

    def _placed(self, index: int, event: CountdownEvent) -> tuple[str, SearchNode]:
        """The id of a generated node and its parent; what is wrong with them is reported."""
        if not self._grammar.has_tree:
            due = str(len(self._here.path) + _FIRST_OF_PATH)
            if event.node != due:
                self._report("WRONG_INDEX", index, event, f"#{due}", f"#{event.node}")
            return event.node, self._here
        parent_id, _, last = event.node.rpartition(",")
        parent = self._nodes.get(parent_id)
        if parent is None:
            self._report("NO_PARENT", index, event, "a parent that was generated", f"#{event.node}")
            return event.node, self._here
        if parent is not self._here:
            self._report("WRONG_PARENT", index, event, f"a child of #{self._here.id}", f"#{event.node}")
        elif event.node not in self._nodes and last != str(parent.children):
            self._report("WRONG_INDEX", index, event, f"#{parent_id},{parent.children}", f"#{event.node}")
        return event.node, parent

    def _move(self, index: int, event: CountdownEvent) -> None:
        options = self._named(event.node)
        if options is None:
            self._report("NO_NODE", index, event, "a node that was generated", f"#{event.node}")
            self._options = []
            self._here = SearchNode(id=event.node, numbers=(), is_sound=False)
            return
        self._options = options
        self._here = options[0]

    def _exhausted(self, index: int, event: CountdownEvent) -> None:
        """Every solver that says so has visited all nodes, and explored something at each with two numbers or more.

        Not told after a broken rule: a node that is called by another name is one slip, and this would be a second one.
        """
        if self._n_reported:
            return
        every = (*self._nodes.values(), *(leaf for leaves in self._leaves.values() for leaf in leaves))
        left = next((node for node in every if not node.visits or (len(node.numbers) > 1 and not node.steps)), None)
        if left is not None:
            self._report(
                "EARLY_END", index, event, f"an operation explored at #{left.id}" if left.visits else f"a visit of #{left.id}", event.text
            )

    def _verdict(self, index: int, event: CountdownEvent) -> None:
        explored = self._explored
        if explored is not None and event.numbers != explored.numbers:
            self._report("WRONG_STATE", index, event, _listed(explored.numbers), _listed(event.numbers))
        is_goal = self.puzzle is not None and event.numbers == (self.puzzle.target,)
        if event.says_goal and not is_goal:
            self._report("FALSE_GOAL", index, event, "the target", _listed(event.numbers))
        elif is_goal and not event.says_goal:
            self._report("FALSE_FAIL", index, event, "Goal Reached", event.text)
        if event.says_goal and not self._grammar.has_prose:
            steps = self._here.history + (explored.operations if explored is not None else ())
            is_sound = self._here.is_sound and explored is not None and self._n_reported == self._before
            self._claim(index, event, steps, is_sound)

    def _solution(self, index: int, event: CountdownEvent) -> None:
        if event.says_goal:
            self._claim(index, event, event.operations, self._here.is_sound and self._n_reported == self._before)

    def _claim(self, index: int, event: CountdownEvent, plan: Sequence[Operation], is_sound: bool) -> None:
        follows = tuple(step.text for step in plan) in self._found
        self.claim = GoalClaim(index=index, event=event, plan=tuple(plan), follows=follows, is_sound=is_sound and follows)
        self._written = self._here.history


def _listed(numbers: Sequence[WrittenNumber]) -> str:
    return "[" + ", ".join(map(str, numbers)) + "]"


def _texts(operations: Sequence[Operation]) -> tuple[str, ...]:
    return tuple(operation.text for operation in operations)
