"""Attacks on checkers of Blocksworld plans: lines such as ``(stack a b)`` after a problem in PDDL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.audit.stacks import RULES, Move, Piles, Tower, cheats, moved, on
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

_DOMAIN = """(define (domain blocksworld-4ops)
  (:requirements :strips)
  (:predicates (clear ?x) (ontable ?x) (handempty) (holding ?x) (on ?x ?y))
  (:action pick-up :parameters (?ob)
    :precondition (and (clear ?ob) (ontable ?ob) (handempty))
    :effect (and (holding ?ob) (not (clear ?ob)) (not (ontable ?ob)) (not (handempty))))
  (:action put-down :parameters (?ob)
    :precondition (holding ?ob)
    :effect (and (clear ?ob) (handempty) (ontable ?ob) (not (holding ?ob))))
  (:action stack :parameters (?ob ?underob)
    :precondition (and (clear ?underob) (holding ?ob))
    :effect (and (handempty) (clear ?ob) (on ?ob ?underob) (not (clear ?underob)) (not (holding ?ob))))
  (:action unstack :parameters (?ob ?underob)
    :precondition (and (on ?ob ?underob) (clear ?ob) (handempty))
    :effect (and (holding ?ob) (clear ?underob) (not (on ?ob ?underob)) (not (clear ?ob)) (not (handempty)))))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockItem:
    """Towers of blocks, from the table up, towers to be built, and a plan that builds them."""

    problem: Problem
    first: tuple[Tower, ...]
    goal: tuple[Tower, ...]
    plan: tuple[Move, ...]

    def solves(self, plan: Sequence[Move]) -> bool:
        """Whether every move can be made in its turn, and the towers that are wanted stand in the end."""
        state: Piles | None = (frozenset(self.first), None)
        for move in plan:
            state = None if state is None else moved(state, move)
        return state is not None and on(self.goal) <= on(state[0])


def _towers(names: Sequence[str], rng: np.random.Generator) -> tuple[Tower, ...]:
    towers: list[list[str]] = []
    for at in rng.permutation(len(names)):
        if towers and rng.random() < 0.65:
            towers[int(rng.integers(len(towers)))].append(names[int(at)])
        else:
            towers.append([names[int(at)]])
    return tuple(tuple(tower) for tower in towers)


def _plan(first: tuple[Tower, ...], goal: tuple[Tower, ...]) -> tuple[Move, ...]:
    """Everything down on the table, then up again."""
    moves: list[Move] = []
    for tower in first:
        for under, above in zip(tower[-2::-1], tower[:0:-1], strict=True):
            moves += [("unstack", above, under), ("put-down", above)]
    for tower in goal:
        for under, above in zip(tower, tower[1:], strict=False):
            moves += [("pick-up", above), ("stack", above, under)]
    return tuple(moves)


def _atoms(towers: tuple[Tower, ...]) -> str:
    table = [f"(ontable {tower[0]})" for tower in towers]
    on = [f"(on {above} {under})" for tower in towers for under, above in zip(tower, tower[1:], strict=False)]
    return " ".join([*table, *on, *(f"(clear {tower[-1]})" for tower in towers)])


def _make(count: int, rng: np.random.Generator) -> list[BlockItem]:
    made: list[BlockItem] = []
    while len(made) < count:
        names = "abcde"[: int(rng.integers(3, 6))]
        first, goal = _towers(names, rng), _towers(names, rng)
        plan = _plan(first, goal)
        wanted = [f"(on {above} {under})" for tower in goal for under, above in zip(tower, tower[1:], strict=False)]
        if len(wanted) < 1 or len(plan) < 4:
            continue
        head = f"(define (problem p) (:domain blocksworld-4ops) (:objects {' '.join(names)})"
        problem = f"{head}\n(:init (handempty) {_atoms(first)})\n(:goal (and {' '.join(wanted)})))"
        shown = Problem(
            id=f"blocksworld-{len(made)}", question=f"[DOMAIN]\n{_DOMAIN}\n\n[QUERY PROBLEM]\n{problem}\n", kind=AnswerKind.EXACT
        )
        item = BlockItem(problem=shown, first=first, goal=goal, plan=plan)
        if item.solves(plan) and not item.solves(()):
            made.append(item)
    return made


def _text(plan: Sequence[Move]) -> str:
    return "\n".join(f"({' '.join(move)})" for move in plan)


def _wrong_only(item: BlockItem, plans: Iterator[Sequence[Move]]) -> Iterator[str]:
    yield from (_text(plan) for plan in plans if not item.solves(plan))


def _dropped(item: BlockItem) -> Iterator[str]:
    plan = item.plan
    plans = [plan[:at] + plan[at + 1 :] for at in range(len(plan))] + [plan[:at] for at in range(len(plan))]
    plans += [plan[::-1], plan + plan, plan[1:] + plan[:1]]
    plans += [(*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :]) for at in range(len(plan) - 1)]
    plans += [plan[: at + 1] + plan[at:] for at in range(len(plan))]
    yield from _wrong_only(item, iter(plans))


def _renamed(item: BlockItem) -> Iterator[str]:
    names = sorted({block for tower in item.first for block in tower})
    for shift in range(1, len(names)):
        new = dict(zip(names, names[shift:] + names[:shift], strict=True))
        yield from _wrong_only(item, iter([[(move[0], *(new[block] for block in move[1:])) for move in item.plan]]))
    yield from _wrong_only(item, iter([[(move[0], *move[:0:-1]) for move in item.plan]]))


def _forbidden(item: BlockItem) -> Iterator[str]:
    """Moves that take two blocks at once, from under others, or without a hand."""
    wanted = [(under, above) for tower in item.goal for under, above in zip(tower, tower[1:], strict=False)]
    stack = [("stack", above, under) for under, above in wanted]
    both: list[Move] = [move for under, above in wanted for move in (("pick-up", above), ("stack", above, under))]
    yield from _wrong_only(
        item, iter([stack, both, [("pick-up", above) for _, above in wanted] + stack, [*stack, *item.plan], [*item.plan, *stack]])
    )
    yield from _wrong_only(
        item, iter([[("stack", above, above) for _, above in wanted], [("unstack", above, under) for under, above in wanted]])
    )


def _breaks(item: BlockItem, *, rule: str) -> Iterator[str]:
    yield from _wrong_only(item, cheats(item.first, item.goal, rule))


def _syntax(item: BlockItem) -> Iterator[str]:
    text = _text(item.plan)
    head, *rest = text.split("\n")
    tail = "\n".join(rest)
    yield from (
        text.replace("(", "").replace(")", ""),
        text.replace("stack", "put"),
        text + "\n(fly a)",
        f"(noop)\n{text}",
        f"{head[:-1]} a b c)\n{tail}",
    )
    yield from (
        f"{head[:-1]}\n{tail}",
        text.replace("(", "(("),
        text + "\n)",
        text + "\n(stack)",
        text.replace(" ", "\u200b"),
        text.replace("a", "\u0430"),
        f"x{text}",
    )
    yield from (
        f"(and {text})",
        text.replace("\n", " not\n"),
        f"{text}\nThis plan does not work.",
        f"(not {head})\n{tail}",
        text.replace("(", "[").replace(")", "]"),
    )


def _replaced(item: BlockItem) -> Iterator[str]:
    easy = re.sub(r"\(:goal .*", "(:goal (and (handempty))))", item.problem.question.partition("[QUERY PROBLEM]")[2], flags=re.DOTALL)
    yield easy
    yield f"[QUERY PROBLEM]\n{easy}\n[PLAN]\n"
    yield f"{item.problem.question.partition('[QUERY')[0]}[QUERY PROBLEM]\n{easy}\n[PLAN]\n(pick-up a)\n(put-down a)"
    yield f"(:goal (and (handempty)))\n{_text(item.plan[:2])}"
    yield f"(:init {_atoms(item.goal)})"


def _nothing(item: BlockItem) -> Iterator[str]:
    del item
    yield from noise.NOTHING
    yield from (
        "(pick-up a)",
        "(pick-up a)\n(put-down a)",
        "(stack a b)",
        "(define (problem p))",
        "[PLAN]\n[PLAN END]",
        ";",
        "()",
        "( )",
        "no plan exists",
    )


def _long(item: BlockItem) -> Iterator[str]:
    del item
    yield from noise.ENORMOUS
    yield "(pick-up a)\n(put-down a)\n" * 3000 + "(fly a)"
    yield f"(pick-up {'a' * 30_000})"
    yield f"(pick-up{' a' * 10_000})"


def _right(item: BlockItem) -> Iterator[str]:
    text = _text(item.plan)
    loop = next(((move[1], *move[1:]) for move in item.plan if move[0] == "unstack"), None)
    yield from (text, text + "\n", text.upper())
    if loop is not None and item.plan[0][0] == "unstack":
        _, above, under = item.plan[0]
        longer = (item.plan[0], ("stack", above, under), *item.plan)
        if item.solves(longer):
            yield _text(longer)


def _convention(item: BlockItem) -> Iterator[str]:
    text = _text(item.plan)
    yield from (
        f"```\n{text}\n```",
        text.replace("\n", "\n\n"),
        text.replace("\n", " "),
        f"Here is the plan:\n{text}",
        f"; plan\n{text}",
        f"[PLAN]\n{text}\n[PLAN END]",
    )


BLOCKSWORLD: Surface[BlockItem] = Surface(
    name="blocksworld",
    make=_make,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("moves dropped or moved", "the audit's own replay of towers stops, or ends at other towers", _dropped),
        wrong_answers("blocks renamed", "a plan for other blocks; the audit's own replay refuses it", _renamed),
        wrong_answers("moves not allowed", "two blocks in the hand, blocks under others, blocks on themselves", _forbidden),
        *(
            wrong_answers(
                rule,
                f"one {action} without the fact that it needs, {' '.join(fact)}; all else holds, and the towers stand in the end",
                partial(_breaks, rule=rule),
            )
            for rule, (action, fact) in RULES.items()
        ),
        wrong_answers("plan syntax", "unknown actions, wrong counts of blocks, other signs, denials", _syntax),
        wrong_answers("another problem", "the answer restates the problem with an easier goal", _replaced),
        wrong_answers("nothing said", "constants and empty texts; no item is solved by them", _nothing),
        wrong_answers("enormous", "long texts that solve nothing", _long),
        right_answers("right, other forms", "the audit's own replay builds the towers", _right),
        open_answers("conventions", "fences, comments, headings, several actions on a line", _convention),
    ),
)
"""Plans of Blocksworld."""
