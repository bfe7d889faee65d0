"""Blocksworld with one precondition dropped: by facts, as the problem states it, and by towers, as a checker may keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.audit.relaxed import cheat

Move = tuple[str, ...]
"""A name and its blocks: ``("stack", "a", "b")``."""
Tower = tuple[str, ...]
"""Blocks from the table up."""
Piles = tuple[frozenset[Tower], str | None]
"""The towers, and the block that is held."""
Facts = frozenset[Move]
"""What holds: ``("on", "a", "b")``, ``("clear", "a")``, ``("handempty",)``."""

RULES: dict[str, tuple[str, Move]] = {
    "take a covered block": ("pick-up", ("clear", "x")),
    "take from no table": ("pick-up", ("ontable", "x")),
    "take with a full hand": ("pick-up", ("handempty",)),
    "put what is not held": ("put-down", ("holding", "x")),
    "stack on a covered block": ("stack", ("clear", "y")),
    "stack what is not held": ("stack", ("holding", "x")),
    "unstack from elsewhere": ("unstack", ("on", "x", "y")),
    "unstack a covered block": ("unstack", ("clear", "x")),
    "unstack with full hand": ("unstack", ("handempty",)),
}
"""Every precondition: the action, and the fact of its blocks x and y that it needs."""
_ADDS: dict[str, tuple[Move, ...]] = {
    "pick-up": (("holding", "x"),),
    "put-down": (("clear", "x"), ("handempty",), ("ontable", "x")),
    "stack": (("handempty",), ("clear", "x"), ("on", "x", "y")),
    "unstack": (("holding", "x"), ("clear", "y")),
}
_DELETES: dict[str, tuple[Move, ...]] = {
    "pick-up": (("clear", "x"), ("ontable", "x"), ("handempty",)),
    "put-down": (("holding", "x"),),
    "stack": (("clear", "y"), ("holding", "x")),
    "unstack": (("on", "x", "y"), ("clear", "x"), ("handempty",)),
}
_OF_TOWERS = ("stack on a covered block", "unstack from elsewhere", "unstack a covered block")
_LIMIT = 5000


def on(towers: frozenset[Tower] | tuple[Tower, ...]) -> frozenset[Move]:
    """Which block is on which."""
    return frozenset(("on", above, under) for tower in towers for under, above in zip(tower, tower[1:], strict=False))


def moved(state: Piles, move: Move) -> Piles | None:
    """The towers and what is held after a move; None where it cannot be made."""
    (towers, held), (name, *blocks) = state, move
    tops = {tower[-1]: tower for tower in towers}
    if len(blocks) != (2 if name in ("stack", "unstack") else 1):
        return None
    if name in ("pick-up", "unstack"):
        tower = tops.get(blocks[0])
        under = None if tower is None or len(tower) < 2 else tower[-2]
        if held is not None or tower is None or under != (blocks[1] if name == "unstack" else None):
            return None
        return towers - {tower} | _left(tower, blocks[0]), blocks[0]
    if held is None or held != blocks[0]:
        return None
    if name == "put-down":
        return towers | {(held,)}, None
    if name == "stack" and blocks[1] in tops:
        return towers - {tops[blocks[1]]} | {(*tops[blocks[1]], held)}, None
    return None


def cheats(first: tuple[Tower, ...], goal: tuple[Tower, ...], rule: str) -> Iterator[tuple[Move, ...]]:
    """Plans that break this rule and no other, and end with the towers that are wanted: by facts, then by towers."""
    by_towers = _by_towers(first, goal, rule) if rule in _OF_TOWERS else None
    yield from (plan for plan in (_by_facts(first, goal, rule), by_towers) if plan is not None)


def _every(first: tuple[Tower, ...]) -> list[Move]:
    names = sorted({block for tower in first for block in tower})
    one = [(name, block) for name in ("pick-up", "put-down") for block in names]
    return [*one, *((name, a, b) for name in ("stack", "unstack") for a in names for b in names if a != b)]


def _bound(facts: tuple[Move, ...], move: Move) -> Facts:
    """The facts of these blocks."""
    blocks = dict(zip("xy", move[1:], strict=False))
    return frozenset((fact[0], *(blocks[block] for block in fact[1:])) for fact in facts)


def _by_facts(first: tuple[Tower, ...], goal: tuple[Tower, ...], rule: str) -> tuple[Move, ...] | None:
    every = _every(first)
    facts = {fact for move in every for fact in _bound((*_ADDS[move[0]], *_DELETES[move[0]]), move)}
    bits = {fact: 1 << at for at, fact in enumerate(sorted(facts))}

    def mask(wanted: Iterable[Move]) -> int:
        return sum(bits[fact] for fact in wanted)

    table: list[tuple[Move, int, int, int, int]] = []
    for move in every:
        needs = tuple(fact for name, fact in RULES.values() if name == move[0])
        kept = tuple(fact for fact in needs if (move[0], fact) != RULES[rule])
        deletes, adds = _bound(_DELETES[move[0]], move), _bound(_ADDS[move[0]], move)
        table.append((move, mask(_bound(needs, move)), mask(_bound(kept, move)), mask(deletes), mask(adds)))

    def moves(state: int) -> Iterator[tuple[Move, int, bool]]:
        for move, needs, kept, deletes, adds in table:
            if state & kept == kept:
                yield move, state & ~deletes | adds, state & needs != needs

    table_and_tops = {("ontable", tower[0]) for tower in first} | {("clear", tower[-1]) for tower in first}
    wanted = mask(on(goal))
    return cheat(mask(on(first) | table_and_tops | {("handempty",)}), moves, lambda state: state & wanted == wanted, limit=_LIMIT)


def _by_towers(first: tuple[Tower, ...], goal: tuple[Tower, ...], rule: str) -> tuple[Move, ...] | None:
    every, wanted = _every(first), on(goal)

    def moves(state: Piles) -> Iterator[tuple[Move, Piles, bool]]:
        for move in every:
            strict = moved(state, move)
            loose = _loosely(state, move, rule) if strict is None else None
            if strict is not None:
                yield move, strict, False
            elif loose is not None:
                yield move, loose, True

    return cheat((frozenset(first), None), moves, lambda state: wanted <= on(state[0]), limit=_LIMIT)


def _loosely(state: Piles, move: Move, rule: str) -> Piles | None:
    """What a forbidden move does to towers: a block goes on top of the tower it is put into, or comes out from inside of its tower."""
    towers, held = state
    name, block, other = move[0], move[1], move[-1]
    home = {one: tower for tower in towers for one in tower}
    if rule == "stack on a covered block" and name == "stack" and held == block:
        return towers - {home[other]} | {(*home[other], block)}, None
    if name != "unstack" or held is not None:
        return None
    tower = home[block]
    if (
        tower[-1] == block
        if rule == "unstack from elsewhere"
        else rule == "unstack a covered block" and ("on", block, other) in on((tower,))
    ):
        return towers - {tower} | _left(tower, block), block
    return None


def _left(tower: Tower, block: str) -> frozenset[Tower]:
    rest = tuple(other for other in tower if other != block)
    return frozenset({rest} if rest else ())
