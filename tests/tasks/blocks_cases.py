"""Blocksworld problems and plans that several tests use."""

from __future__ import annotations

import random

from tokenworth.tasks.blocksworld.instance import BLOCKS, Atom, Call, StripsProblem

DOMAIN_PDDL = """
(define (domain blocksworld-4ops) (:requirements :strips)
 (:predicates (clear ?x) (ontable ?x) (handempty) (holding ?x) (on ?x ?y)) ; a comment
 (:action pick-up :parameters (?ob) :precondition (and (clear ?ob) (ontable ?ob) (handempty))
  :effect (and (holding ?ob) (not (clear ?ob)) (not (ontable ?ob)) (not (handempty))))
 (:action put-down :parameters (?ob) :precondition (holding ?ob)
  :effect (and (clear ?ob) (handempty) (ontable ?ob) (not (holding ?ob))))
 (:action stack :parameters (?ob ?u) :precondition (and (clear ?u) (holding ?ob))
  :effect (and (handempty) (clear ?ob) (on ?ob ?u) (not (clear ?u)) (not (holding ?ob))))
 (:action unstack :parameters (?ob ?u) :precondition (and (on ?ob ?u) (clear ?ob) (handempty))
  :effect (and (holding ?ob) (clear ?u) (not (on ?ob ?u)) (not (clear ?ob)) (not (handempty)))))
"""
PROBLEM_PDDL = """
(define (problem three) (:domain BLOCKSWORLD-4OPS) (:objects a b c)
 (:init (handempty) (ontable a) (on b a) (ontable c) (clear b) (clear c))
 (:goal (and (on a b) (on b c))))
"""
PLAN = "(unstack b a)\n(stack b c)\n(pick-up a)\n(stack a b)\n"
PROMPT = f"[DOMAIN]{DOMAIN_PDDL}[QUERY PROBLEM]{PROBLEM_PDDL}\n[PLAN]\n"
SENTENCES = (
    "[STATEMENT]\nAs initial conditions I have that, the blue block is clear, the orange block is clear, the hand is empty, the blue block "
    "is on top of the red block, the red block is on the table and the orange block is on the table.\nMy goal is to have that the red "
    "block is on top of the blue block and the blue block is on top of the orange block.\n\nWhat is the plan?"
)


def towers(names: str, rng: random.Random) -> list[list[str]]:
    """Blocks in random stacks, each from the bottom up."""
    order = list(names)
    rng.shuffle(order)
    stacks: list[list[str]] = []
    for block in order:
        if stacks and rng.random() < 0.5:
            rng.choice(stacks).append(block)
        else:
            stacks.append([block])
    return stacks


def atoms(stacks: list[list[str]]) -> list[Atom]:
    """What holds of the stacks with an empty hand."""
    found: list[Atom] = [("handempty",)]
    for stack in stacks:
        found += [("ontable", stack[0]), ("clear", stack[-1]), *(("on", top, under) for under, top in zip(stack, stack[1:], strict=False))]
    return found


def problem(n: int, seed: int) -> StripsProblem:
    """A random Blocksworld problem of n blocks."""
    rng = random.Random(seed)
    names = "abcdefghij"[:n]
    goal = [atom for atom in atoms(towers(names, rng)) if atom[0] == "on"]
    return StripsProblem(domain=BLOCKS, objects=tuple(names), init=tuple(atoms(towers(names, rng))), goal=tuple(goal))


def solution(made: StripsProblem) -> list[Call]:
    """A plan that is always right: everything to the table, then the goal's stacks from the bottom up."""
    under = {atom[1]: atom[2] for atom in made.init if atom[0] == "on"}
    clear = [atom[1] for atom in made.init if atom[0] == "clear"]
    calls: list[Call] = []
    for block in clear:
        while block in under:
            calls += [("unstack", block, under[block]), ("put-down", block)]
            block = under[block]
    wanted = {atom[1]: atom[2] for atom in made.goal}
    layer = sorted(set(wanted.values()) - set(wanted))
    while layer:
        following = sorted(top for top, below in wanted.items() if below in layer)
        for top in following:
            calls += [("pick-up", top), ("stack", top, wanted[top])]
        layer = following
    return calls


def prompt_of(made: StripsProblem) -> str:
    """The problem in PDDL, as PlanBench's prompts hold it."""
    lists = (" ".join(f"({' '.join(atom)})" for atom in part) for part in (made.init, made.goal))
    init, goal = lists
    body = f"(define (problem p) (:domain blocksworld-4ops) (:objects {' '.join(made.objects)}) (:init {init}) (:goal (and {goal})))"
    return f"[DOMAIN]{DOMAIN_PDDL}[QUERY PROBLEM]{body}\n[PLAN]\n"


def written(calls: list[Call]) -> str:
    """A plan as text."""
    return "".join(f"({' '.join(call)})\n" for call in calls)
