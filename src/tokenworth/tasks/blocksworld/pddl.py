"""STRIPS domains and problems written in PDDL, with types, read without recursion and within bounds.

A type is a fact that no action changes, ``(type:block a)``, and a need of actions. What a text requires matters only as far as it is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Union

from tokenworth.errors import InvalidInput
from tokenworth.tasks.blocksworld.instance import Action, Atom, StripsDomain, StripsProblem

MAX_CHARS = 200_000
"""Characters a PDDL text may have."""
MAX_DEPTH = 16
"""Brackets that may be open at once; STRIPS needs five."""

_TOKEN = re.compile(r";[^\n]*|[()]|[^\s();]+")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"\?[a-z][a-z0-9_-]{0,62}")

Tree = Union[str, "list[Tree]"]


def read_problem(domain: str, problem: str) -> StripsProblem:
    """The problem that two PDDL texts describe. Names are taken in lower case, as PDDL has no case.

    What follows a text's last bracket may only be further closing brackets: published prompts have one too many.

    Raises: InvalidInput for anything outside of STRIPS with types (equality, negative or quantified conditions, numbers, unions of
    types), for text that is not PDDL, for names that are not declared, and for texts or problems that are too large.
    """
    stated = _parts(domain, "domain")
    types = _types(stated)
    made = _domain(stated, types)
    parts = _parts(problem, "problem")
    named = _one(parts, ":domain", "problem")
    if named != [made.name]:
        raise InvalidInput(f"the PDDL problem is of domain {_shown(named)}; expected {made.name}, the domain that is given")
    for key in parts:
        if key not in (":domain", ":objects", ":init", ":goal", ":requirements", ""):
            raise InvalidInput(f"the PDDL problem has a part {key[:40]}; expected :objects, :init and :goal")
    typed = _typed(_one(parts, ":objects", "problem"), "an object", types)
    objects = tuple(_name(item, "an object") for item, _ in typed)
    init = tuple(_atom(item, "the initial state") for item in _one(parts, ":init", "problem"))
    goal = _one(parts, ":goal", "problem")
    if len(goal) != 1:
        raise InvalidInput(f"the goal of the PDDL problem has {len(goal)} parts; expected one atom or (and …)")
    facts = [(f"type:{above}", name) for name, (_, kind) in zip(objects, typed, strict=True) for above in _up(kind, types)]
    init = tuple(dict.fromkeys((*init, *(atom for atom in facts if atom[0] in dict(made.predicates)))))
    return StripsProblem(domain=made, objects=objects, init=init, goal=_conjunction(goal[0], "the goal"))


def _types(parts: dict[str, list[list[Tree]]]) -> dict[str, str]:
    """Each type with the one above it."""
    listed = [item for part in parts.get(":types", []) for item in _typed(part, "a type", None)]
    return {_name(item, "a type"): above for item, above in listed if item != "object"}


def _up(kind: str, types: dict[str, str]) -> list[str]:
    """A type and all those above it, but for ``object``, which has all objects."""
    found: list[str] = []
    while kind != "object":
        if kind in found:
            raise InvalidInput(f"type {kind} of the PDDL domain is below itself; expected types that end in object")
        found.append(kind)
        kind = types.get(kind, "object")
    return found


def _typed(items: Sequence[Tree], what: str, types: dict[str, str] | None) -> list[tuple[Tree, str]]:
    """The members of a list such as ``a b - block c``, each with its type; ``types``: those that are declared, None for any."""
    found: list[tuple[Tree, str]] = []
    first, rest = 0, iter(items)
    for item in rest:
        if item != "-":
            found.append((item, "object"))
            continue
        kind = next(rest, "")
        if not isinstance(kind, str) or first == len(found) or (types is not None and kind not in (*types, "object")):
            raise InvalidInput(f"{_shown([kind])} where the type of {what} was expected; expected one name of (:types …), or object")
        found[first:] = [(one, kind) for one, _ in found[first:]]
        first = len(found)
    return found


def _tree(text: str, what: str) -> list[Tree]:
    """The text's one list, nested as its brackets are."""
    if len(text) > MAX_CHARS:
        raise InvalidInput(f"the PDDL {what} has {len(text):,} characters; expected at most {MAX_CHARS:,}")
    stack: list[list[Tree]] = [[]]
    is_closed = False
    for match in _TOKEN.finditer(text):
        token = match.group().lower()
        if token.startswith(";"):
            continue
        if is_closed and token != ")":
            raise InvalidInput(f"the PDDL {what} continues after its last bracket with {token[:40]!r}; expected one (define …)")
        if token == "(":
            if len(stack) > MAX_DEPTH:
                raise InvalidInput(f"the PDDL {what} has more than {MAX_DEPTH} brackets open at once; STRIPS needs five")
            stack.append([])
        elif is_closed:
            continue
        elif token != ")":
            stack[-1].append(token)
        elif len(stack) < 2:
            raise InvalidInput(f"the PDDL {what} closes a bracket that is not open at character {match.start()}")
        else:
            done = stack.pop()
            stack[-1].append(done)
            is_closed = len(stack) == 1
    root = stack[0]
    if len(stack) != 1 or len(root) != 1 or not isinstance(root[0], list):
        raise InvalidInput(f"the PDDL {what} is not one (define …) with its brackets closed")
    return root[0]


def _parts(text: str, what: str) -> dict[str, list[list[Tree]]]:
    """The parts of a ``(define (what NAME) …)`` by their keyword; the name under the empty one."""
    head, *rest = _tree(text, what) or [""]
    if head != "define" or not rest or not isinstance(rest[0], list) or len(rest[0]) != 2 or rest[0][0] != what:
        raise InvalidInput(f"the PDDL {what} does not begin with (define ({what} NAME); got {_shown(rest[:1] or [head])}")
    parts: dict[str, list[list[Tree]]] = {"": [rest[0][1:]]}
    for part in rest[1:]:
        if not isinstance(part, list) or not part or not isinstance(part[0], str):
            raise InvalidInput(f"the PDDL {what} has a part {_shown([part])}; expected (:keyword …)")
        parts.setdefault(part[0], []).append(part[1:])
    if any(not isinstance(item, str) or not item.startswith(":") for part in parts.get(":requirements", ()) for item in part):
        raise InvalidInput(f"the PDDL {what} requires {_shown(parts[':requirements'][0])}; expected words such as :strips")
    return parts


def _one(parts: dict[str, list[list[Tree]]], key: str, what: str) -> list[Tree]:
    found = parts.get(key, [])
    if len(found) != 1:
        raise InvalidInput(f"the PDDL {what} has {len(found)} parts {key}; expected one")
    return found[0]


def _domain(parts: dict[str, list[list[Tree]]], types: dict[str, str]) -> StripsDomain:
    for key in parts:
        if key not in (":requirements", ":types", ":predicates", ":action", ""):
            raise InvalidInput(f"the PDDL domain has a part {key[:40]}; expected :types, :predicates and :action, as STRIPS has")
    predicates: list[tuple[str, int]] = []
    for item in _one(parts, ":predicates", "domain"):
        terms = _typed(item[1:], "a term", types) if isinstance(item, list) else []
        if not isinstance(item, list) or not item or not all(isinstance(term, str) and _VARIABLE.fullmatch(term) for term, _ in terms):
            raise InvalidInput(f"predicate {_shown([item])} of the PDDL domain; expected (NAME ?x …)")
        predicates.append((_name(item[0], "a predicate"), len(terms)))
    actions = tuple(_action(item, types) for item in parts.get(":action", []))
    needed = dict.fromkeys(atom[0] for action in actions for atom in action.needs)
    predicates += [(name, 1) for name in needed if name.startswith("type:")]
    return StripsDomain(name=_name(parts[""][0][0], "the domain's name"), predicates=tuple(predicates), actions=actions)


def _action(item: Sequence[Tree], types: dict[str, str]) -> Action:
    name = _name(item[0] if item else "", "an action's name")
    keys, values = item[1::2], item[2::2]
    fields: dict[str, Tree] = {}
    for key, value in zip(keys, values, strict=False):
        if not isinstance(key, str) or key not in (":parameters", ":precondition", ":effect") or key in fields:
            raise InvalidInput(f"action {name} has a part {_shown([key])}; expected :parameters, :precondition and :effect, each once")
        fields[key] = value
    parameters = fields.get(":parameters", [])
    if len(keys) != len(values) or ":effect" not in fields or isinstance(parameters, str):
        raise InvalidInput(f"action {name} is not complete; expected :parameters (…), :precondition and :effect, each with its value")
    typed = _typed(parameters, f"a parameter of {name}", types)
    for term, _ in typed:
        if not isinstance(term, str) or not _VARIABLE.fullmatch(term):
            raise InvalidInput(f"action {name} has a parameter {_shown([term])}; expected ?x")
    effects = _items(fields[":effect"])
    denied = [item for item in effects if isinstance(item, list) and item[:1] == ["not"]]
    if any(len(item) != 2 for item in denied):
        raise InvalidInput(f"the effect of {name} has a (not …) of {_shown(denied[:1])}; expected one atom in it")
    return Action(
        name=name,
        parameters=tuple(str(term) for term, _ in typed),
        needs=(
            *((f"type:{kind}", str(term)) for term, kind in typed if kind != "object"),
            *_conjunction(fields.get(":precondition", ["and"]), f"the precondition of {name}"),
        ),
        adds=tuple(_atom(item, f"the effect of {name}") for item in effects if not (isinstance(item, list) and item[:1] == ["not"])),
        deletes=tuple(_atom(item[1], f"the effect of {name}") for item in denied),
    )


def _items(tree: Tree) -> list[Tree]:
    """The members of ``(and …)``; anything else is its own one member, and ``()`` has none."""
    if isinstance(tree, list) and tree[:1] == ["and"]:
        return tree[1:]
    return [tree] if tree else []


def _conjunction(tree: Tree, where: str) -> tuple[Atom, ...]:
    return tuple(dict.fromkeys(_atom(item, where) for item in _items(tree)))


def _atom(tree: Tree, where: str) -> Atom:
    if not isinstance(tree, list) or not tree or not all(isinstance(term, str) for term in tree):
        raise InvalidInput(f"{_shown([tree])} in {where}; expected an atom such as (on a b)")
    first, *terms = (str(term) for term in tree)
    bad = next((term for term in terms if not (_NAME.fullmatch(term) or _VARIABLE.fullmatch(term))), None)
    if not _NAME.fullmatch(first) or first in ("and", "or", "not", "forall", "exists", "when", "imply") or bad is not None:
        raise InvalidInput(f"{_shown([tree])} in {where}; expected an atom such as (on a b), as STRIPS has")
    return (first, *terms)


def _name(item: Tree, what: str) -> str:
    if not isinstance(item, str) or not _NAME.fullmatch(item):
        raise InvalidInput(f"{_shown([item])} where {what} was expected; a name is a letter and up to 63 letters, digits, _ or -")
    return item


def _shown(items: Sequence[Tree]) -> str:
    """The first words of a tree, short enough for a message."""
    words: list[str] = []
    stack: list[Tree] = list(reversed(items))
    while stack and len(words) < 12:
        item = stack.pop()
        if isinstance(item, str):
            words.append(item[:40])
        else:
            stack.extend((")", *reversed(item), "("))
    return repr(" ".join(words)[:120])
