"""Checks a plan against its problem: every action named, possible where it stands, and the goal reached."""

from __future__ import annotations

from functools import lru_cache

from tokenworth.core.ending import extent_of
from tokenworth.core.verification import Findings, FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput
from tokenworth.tasks.blocksworld.grammar import MAX_ACTIONS, PlanLine, plan_end, problem_of, read_plan, split_text
from tokenworth.tasks.blocksworld.instance import Atom, Call, StripsProblem
from tokenworth.tasks.blocksworld.pddl import read_problem
from tokenworth.tasks.blocksworld.planning import validates, validator_version
from tokenworth.tasks.blocksworld.replay import BlocksworldReplay, shortest_plan
from tokenworth.tasks.blocksworld.rules import CODES

NAME = "blocksworld"
VERSION = "4"
_read_pddl, _read_prompt = lru_cache(maxsize=8)(read_problem), lru_cache(maxsize=8)(problem_of)
MOST_STATES = 4_000
"""States that the search for a shorter plan looks at before it gives up."""


def verify(text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
    """The verdict on a plan; there is no trace to judge. Every strictness judges alike.

    A plan is valid where unified-planning's validator and this package's own replay both find it so; the codes are the replay's. A plan
    of no action is one. ``plan_optimal`` is None where no shorter plan was found among the first 4,000 states, and those were not all.
    Facts: ``n_actions``, ``shortest`` (length of a shortest plan, None unknown), ``validator``.

    Raises: MissingExtra where unified-planning is not installed.
    """
    found = Findings(CODES, max_errors)
    is_apart = bool(text.prompt.strip() or text.given)
    extent = extent_of(text.trace, max(0, text.trace.find("[PLAN]") if is_apart else text.trace.rfind("[PLAN]")))
    is_cut = text.is_cut and not extent.is_ended
    # The last line of a cut text may be half of one.
    trace = text.trace[: text.trace.rfind("\n") + 1] if is_cut else text.trace[: extent.end]
    end = _at("" if len(trace) > 1 << 22 else trace)
    validator = f"unified-planning {validator_version()}"
    stated, (*others, plan) = split_text(trace, extent.first, is_apart=is_apart)
    try:
        problem = _problem(text, stated)
    except InvalidInput as error:
        found.add("PROBLEM_PARSE", None, (0, 0), (0, 0), "a STRIPS problem", str(error))
        return _verdict(found, dialect, strictness, parsed=False, valid=None, optimal=None, n=0, facts={"validator": validator})
    calls, goals, n = _replayed(trace, plan, dialect, problem, found)
    if goals and not is_cut:
        found.add("PLAN_GOAL", None, *end, _shown(goals), f"not so after {n:,} steps")
    valid = None if is_cut and not found.counts else not found.counts
    is_readable = not (found.counts["PLAN_PARSE"] or found.counts["PLAN_ACTION"] or is_cut)
    if is_readable and validates(problem, calls) != valid:
        found.add("PLAN_VALIDATOR", None, *end, f"{validator} and the replay agree", f"they disagree; the replay says valid: {valid}")
        valid = False
    for other in others:
        one = Findings(CODES, 0)
        if _replayed(trace, other, dialect, problem, one)[1] or one.counts:
            at = _at(trace[: other[0]])
            found.add("PLAN_TWICE", None, *at, "no other plan, or one that solves the problem, too", "one that does not")
            valid = False
            break
    shortest = _shortest(problem) if valid else None
    optimal = None if shortest is None and valid else valid and len(calls) == shortest
    facts: dict[str, object] = {"n_actions": len(calls), "shortest": shortest, "validator": validator}
    if after := f"{plan_end(trace, *plan)[1]} {extent.after}".strip():
        facts["after_end"] = after[:60]
    return _verdict(found, dialect, strictness, parsed=not found.counts["PLAN_PARSE"], valid=valid, optimal=optimal, n=n, facts=facts)


def _at(before: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The place behind a text, in words and in characters."""
    n = len(before.split())
    return (n, n), (len(before), len(before))


def _replayed(
    trace: str, plan: tuple[int, int], dialect: str, problem: StripsProblem, found: Findings
) -> tuple[list[Call], tuple[Atom, ...], int]:
    """The plan's actions, the goals left at its end, and its number of lines; what is wrong is added."""
    replay, calls, n = BlocksworldReplay(problem), list[Call](), 0
    for line in read_plan(trace, *plan, dialect):
        if n == MAX_ACTIONS:
            found.add("PLAN_PARSE", n, line.words, line.chars, f"at most {MAX_ACTIONS:,} actions", "more")
            break
        n += 1
        call = _checked(line, n - 1, problem, found)
        if call is None:
            continue
        calls.append(call)
        unmet = replay.take(call)
        if unmet:
            found.add("PLAN_PRECONDITION", n - 1, line.words, line.chars, _shown(unmet), f"not so before step {n}, {_shown((call,))}")
    return calls, replay.unmet_goals(), n


def _checked(line: PlanLine, event: int, problem: StripsProblem, found: Findings) -> Call | None:
    """The action of a line, None where it names none of the problem's; what is wrong is added."""
    if line.call is None:
        found.add("PLAN_PARSE", event, line.words, line.chars, "one action, such as (stack a b)", repr(line.text))
        return None
    fault = problem.fault_of(line.call)
    if fault:
        got = f"{_shown((line.call,))}: {fault}"
        found.add("PLAN_ACTION", event, line.words, line.chars, "an action of the problem with its objects", got)
        return None
    return line.call


def _verdict(
    found: Findings,
    dialect: str,
    strictness: Strictness,
    *,
    parsed: bool,
    valid: bool | None,
    optimal: bool | None,
    n: int,
    facts: dict[str, object],
) -> Verification:
    return Verification(
        domain=NAME,
        dialect=dialect,
        strictness=strictness,
        version=VERSION,
        parsed=parsed,
        trace_valid=None,
        plan_valid=valid,
        plan_optimal=optimal,
        plan_follows_trace=None,
        violations=tuple(found.listed),
        counts=dict(found.counts),
        n_events=n,
        facts=facts,
    )


def _shown(atoms: tuple[Atom, ...]) -> str:
    return " ".join(f"({' '.join(atom)})" for atom in atoms[:6]) + (" …" if len(atoms) > 6 else "")


def _problem(text: FormalText, stated: str) -> StripsProblem:
    """The problem given as PDDL fields, or else in the prompt; ``stated``, what stands before the plan, only where there is neither."""
    domain, problem = text.given.get("domain_pddl"), text.given.get("problem_pddl")
    if isinstance(domain, str) and isinstance(problem, str):
        return _read_pddl(domain, problem)
    return _read_prompt(text.prompt if text.prompt.strip() or text.given else stated)


@lru_cache(maxsize=64)
def _shortest(problem: StripsProblem) -> int | None:
    return shortest_plan(problem, most_states=MOST_STATES)
