"""A STRIPS problem: actions, objects, what holds at first and what is to hold at the end."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.errors import InvalidInput

Atom = tuple[str, ...]
"""A predicate's name with its arguments, such as ``("on", "a", "b")``; arguments of an action's atoms may be parameters, ``"?x"``."""
Call = tuple[str, ...]
"""An action's name with its objects, such as ``("stack", "a", "b")``."""

MAX_ATOMS = 2_000_000
"""Ground atoms a problem may have: Σ over the predicates of objects^arity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an action needs, and what it makes true and false. Where it does both to one atom, the atom is true afterwards."""

    name: str
    parameters: tuple[str, ...]
    needs: tuple[Atom, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]

    def bound(self, atoms: tuple[Atom, ...], objects: tuple[str, ...]) -> tuple[Atom, ...]:
        """The atoms with this action's parameters replaced by objects."""
        binding = dict(zip(self.parameters, objects, strict=True))
        return tuple((atom[0], *(binding.get(term, term) for term in atom[1:])) for atom in atoms)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripsDomain:
    """Predicates with their arity, and actions; each name once."""

    name: str
    predicates: tuple[tuple[str, int], ...]
    actions: tuple[Action, ...]

    def __post_init__(self) -> None:
        _check_once("predicate", tuple(name for name, _ in self.predicates))
        _check_once("action", tuple(action.name for action in self.actions))
        arity = dict(self.predicates)
        for action in self.actions:
            _check_once(f"parameter of action {action.name}", action.parameters)
            known = set(action.parameters)
            for atom in action.needs + action.adds + action.deletes:
                _check_atom(atom, arity, known, f"action {action.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StripsProblem:
    """A problem of a domain: objects, the atoms true at first (all others are false), and the atoms of the goal."""

    domain: StripsDomain
    objects: tuple[str, ...]
    init: tuple[Atom, ...]
    goal: tuple[Atom, ...]

    def __post_init__(self) -> None:
        _check_once("object", self.objects)
        arity, known = dict(self.domain.predicates), set(self.objects)
        for part, atoms in (("initial state", self.init), ("goal", self.goal)):
            for atom in atoms:
                _check_atom(atom, arity, known, part)
        n = sum(len(self.objects) ** size for size in arity.values())
        if n > MAX_ATOMS:
            raise InvalidInput(f"a planning problem with {n:,} ground atoms; expected at most {MAX_ATOMS:,}; name fewer objects")

    def fault_of(self, call: Call) -> str:
        """Why a call names no action of this problem with its objects; empty where it does."""
        action = next((one for one in self.domain.actions if one.name == call[0]), None)
        if action is None:
            return f"no action {call[0]}"
        if len(call) - 1 != len(action.parameters):
            return f"{call[0]} of {len(call) - 1} objects, not {len(action.parameters)}"
        stranger = next((name for name in call[1:] if name not in self.objects), None)
        return "" if stranger is None else f"no object {stranger}"


def _check_once(kind: str, names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"{kind} {name} is declared twice in a planning problem; declare it once")
        seen.add(name)


def _check_atom(atom: Atom, arity: dict[str, int], known: set[str], where: str) -> None:
    if atom[0] not in arity:
        raise InvalidInput(f"predicate {atom[0]} of the {where} is not declared; add it to (:predicates …)")
    if len(atom) - 1 != arity[atom[0]]:
        raise InvalidInput(f"({' '.join(atom)}) of the {where} has {len(atom) - 1} arguments; expected {arity[atom[0]]}")
    stranger = next((term for term in atom[1:] if term not in known), None)
    if stranger is not None:
        raise InvalidInput(f"{stranger} in ({' '.join(atom)}) of the {where} is not declared; declare it as an object or parameter")


def _action(name: str, parameters: str, needs: str, adds: str, deletes: str) -> Action:
    """An action from words, atoms apart by commas."""

    def atoms(text: str) -> tuple[Atom, ...]:
        return tuple(tuple(part.split()) for part in text.split(","))

    return Action(name=name, parameters=tuple(parameters.split()), needs=atoms(needs), adds=atoms(adds), deletes=atoms(deletes))


BLOCKS = StripsDomain(
    name="blocksworld-4ops",
    predicates=(("clear", 1), ("ontable", 1), ("handempty", 0), ("holding", 1), ("on", 2)),
    actions=(
        _action("pick-up", "?x", "clear ?x, ontable ?x, handempty", "holding ?x", "clear ?x, ontable ?x, handempty"),
        _action("put-down", "?x", "holding ?x", "clear ?x, handempty, ontable ?x", "holding ?x"),
        _action("stack", "?x ?y", "clear ?y, holding ?x", "handempty, clear ?x, on ?x ?y", "clear ?y, holding ?x"),
        _action("unstack", "?x ?y", "on ?x ?y, clear ?x, handempty", "holding ?x, clear ?y", "on ?x ?y, clear ?x, handempty"),
    ),
)
"""Blocksworld with four operators. Source: Gupta and Nau 1992, "On the complexity of blocks-world planning"; the PDDL of IPC 2000."""

MYSTERY = StripsDomain(
    name="mystery-4ops",
    predicates=(("province", 1), ("planet", 1), ("harmony", 0), ("pain", 1), ("craves", 2)),
    actions=(
        _action("attack", "?x", "province ?x, planet ?x, harmony", "pain ?x", "province ?x, planet ?x, harmony"),
        _action("succumb", "?x", "pain ?x", "province ?x, harmony, planet ?x", "pain ?x"),
        _action("overcome", "?x ?y", "province ?y, pain ?x", "harmony, province ?x, craves ?x ?y", "province ?y, pain ?x"),
        _action("feast", "?x ?y", "craves ?x ?y, province ?x, harmony", "pain ?x, province ?y", "craves ?x ?y, province ?x, harmony"),
    ),
)
"""The same four operators under other names. Source: Valmeekam et al. 2023, "PlanBench", Mystery Blocksworld."""
