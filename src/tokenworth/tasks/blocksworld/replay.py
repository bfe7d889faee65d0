"""Plans acted out step by step: which preconditions fail where, and which goals are left."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from tokenworth.tasks.blocksworld.instance import Action, Atom, Call, StripsProblem


class BlocksworldReplay:
    """The state of a problem as actions are taken one after another.

    An action that is not possible takes effect all the same, so that what follows is judged as if it had been: one wrong step is one
    error, and not one for every step that builds on it.
    """

    def __init__(self, problem: StripsProblem) -> None:
        self._actions: dict[str, Action] = {action.name: action for action in problem.domain.actions}
        self._goal = problem.goal
        self.state: set[Atom] = set(problem.init)

    def take(self, call: Call) -> tuple[Atom, ...]:
        """What the state lacked for an action of the problem, which then takes effect; deletes come before adds, as PDDL has it."""
        action = self._actions[call[0]]
        unmet = tuple(atom for atom in action.bound(action.needs, call[1:]) if atom not in self.state)
        self.state.difference_update(action.bound(action.deletes, call[1:]))
        self.state.update(action.bound(action.adds, call[1:]))
        return unmet

    def unmet_goals(self) -> tuple[Atom, ...]:
        """Goals that the state lacks."""
        return tuple(atom for atom in self._goal if atom not in self.state)


def _grounded(problem: StripsProblem, bit: dict[Atom, int]) -> list[tuple[int, int, int]]:
    """(needs, keeps, adds) of every action with every choice of objects, as sets of bits; new atoms get the next free bit."""

    def mask(atoms: Iterable[Atom]) -> int:
        found = 0
        for atom in atoms:
            found |= 1 << bit.setdefault(atom, len(bit))
        return found

    return [
        (mask(action.bound(action.needs, chosen)), ~mask(action.bound(action.deletes, chosen)), mask(action.bound(action.adds, chosen)))
        for action in problem.domain.actions
        for chosen in product(problem.objects, repeat=len(action.parameters))
    ]


def shortest_plan(problem: StripsProblem, *, most_states: int, most_actions: int = 5_000) -> int | None:
    """Number of actions of a shortest plan, by breadth-first search; None past ``most_states`` states, and where there is no plan.

    Forward search from the initial state: exact where it ends. Also None if more than ``most_actions`` actions can be formed.
    """
    if sum(len(problem.objects) ** len(action.parameters) for action in problem.domain.actions) > most_actions:
        return None
    bit = {atom: index for index, atom in enumerate(dict.fromkeys(problem.init))}
    start = (1 << len(bit)) - 1
    actions = _grounded(problem, bit)
    goal = 0
    for atom in problem.goal:
        goal |= 1 << bit.setdefault(atom, len(bit))
    seen, layer, depth = {start}, [start], 0
    while layer:
        if any(state & goal == goal for state in layer):
            return depth
        following: list[int] = []
        for state in layer:
            for needs, keeps, adds in actions:
                if state & needs == needs and (reached := (state & keeps) | adds) not in seen:
                    if len(seen) >= most_states:
                        return None
                    seen.add(reached)
                    following.append(reached)
        layer, depth = following, depth + 1
    return None
