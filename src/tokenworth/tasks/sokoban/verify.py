"""The verdict on a Sokoban text: is the trace a run of A*, does the plan solve the level, and is it the plan that the trace found?"""

from __future__ import annotations

from functools import partial

from tokenworth.core.verification import Findings, FormalText, Strictness, Verification
from tokenworth.tasks.sokoban.grammar import ParsedSokoban, PlanStep, SokobanEvent, parse
from tokenworth.tasks.sokoban.instance import Board, Sokoban
from tokenworth.tasks.sokoban.plan import NO_PLAN, plan_is_valid, shortest
from tokenworth.tasks.sokoban.replay import SokobanReplay
from tokenworth.tasks.sokoban.rules import ACTIVE, CODES, DIALECTS

VERSION = "3"
"""Changes whenever a verdict can."""


def verify(text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
    """What is broken in a Sokoban text. See the rule table in docs/methods/sokoban.md.

    What the dialect leaves open is not checked: `Strictness.TIES` where children are shuffled falls back to `Strictness.STRICT`.
    """
    strictness = strictness if strictness in DIALECTS[dialect] else Strictness.STRICT
    findings = Findings(CODES, max_errors, ACTIVE[strictness])
    parsed = parse(text)
    for flaw in parsed.flaws:
        findings.add(flaw.code, flaw.event, flaw.words, flaw.chars, flaw.expected, flaw.got)
    findings.counts.update(parsed.unlisted)
    sokoban = parsed.level
    replay: SokobanReplay | None = None
    valid, optimal, follows = None, None, None
    facts: dict[str, object] = {"after_end": parsed.after[:60]} if parsed.after else {}
    lacks_plan = not parsed.has_plan and not parsed.is_open
    if sokoban is not None and parsed.n_clauses:
        replay = SokobanReplay(
            Board(sokoban), partial(_of_event, findings), as_written=strictness is Strictness.PAPER, in_order=strictness is Strictness.TIES
        )
        replay.run(parsed.events)
        # A search that ends with nothing left to close, as there is no way, has no plan to give.
        lacks_plan = not _check_end(parsed, sokoban, replay, findings) and lacks_plan
    if lacks_plan:
        word, char = parsed.plan_at
        findings.add("PLAN_PARSE", None, (word, word), (char, char), "a plan", "none")
    if sokoban is not None:
        if parsed.plan or {"PLAN_PARSE", "UNSOLVABLE"} & findings.counts.keys():
            valid, optimal = _check_plan(parsed, sokoban, findings)
        if replay is not None and replay.lost_at is None and parsed.plan and not parsed.is_open:
            follows = _check_link(parsed, replay, findings)
        facts |= _facts(sokoban, replay, strictness)
    broken = any(CODES[code].is_of_trace for code in findings.counts)
    undecided = replay is not None and replay.lost_at is not None and not broken
    ordered = sorted(findings.listed, key=lambda violation: (not violation.tier.is_of_trace, violation.tokens[0]))
    return Verification(
        domain="sokoban",
        dialect=dialect,
        strictness=strictness,
        version=VERSION,
        parsed=not parsed.flaws and not lacks_plan,
        trace_valid=None if not parsed.n_clauses or undecided else not broken,
        plan_valid=valid,
        plan_optimal=optimal,
        plan_follows_trace=follows,
        violations=tuple(ordered),
        counts=dict(sorted(findings.counts.items())),
        n_events=parsed.n_clauses,
        facts=facts,
        undecided=undecided,
    )


def _of_event(findings: Findings, code: str, event: SokobanEvent, expected: str, got: str) -> None:
    findings.add(code, event.index, event.words, event.chars, expected, got)


def _check_end(parsed: ParsedSokoban, sokoban: Sokoban, replay: SokobanReplay, findings: Findings) -> bool:
    """Whether the search has looked at everything, and the level has no solution; what is wrong with its end is a finding."""
    if replay.goal_closed or not (parsed.has_plan or not parsed.is_open):
        return False
    last = parsed.events[-1] if parsed.events else None
    word, char = parsed.plan_at
    words, chars = (last.words, last.chars) if last else ((word, word), (char, char))
    if replay.is_whole() and shortest(sokoban)[1] == NO_PLAN:
        findings.add("UNSOLVABLE", None, words, chars, "a way to bring every box to a dock", "nothing was left to close")
        return True
    findings.add("GOAL_NOT_CLOSED", None, words, chars, "close of a state with every box on a dock", "the end of the trace")
    return False


def _check_plan(parsed: ParsedSokoban, sokoban: Sokoban, findings: Findings) -> tuple[bool | None, bool | None]:
    """(valid, optimal) of the plan; every step that breaks a rule is a finding. None: not to be found out, or not known of a cut plan."""
    plan = parsed.plan
    if not plan:
        return False, False
    broken: set[str] = set()

    def report(code: str, step: PlanStep, expected: str, got: str) -> None:
        if code != "PLAN_GOAL" or not parsed.is_open:
            broken.add(code)
            findings.add(code, None, step.words, step.chars, expected, got)

    plan_is_valid(sokoban, plan, report)
    if broken or "PLAN_PARSE" in findings.counts:
        return False, False
    if parsed.is_open:
        return None, None
    steps, bound = shortest(sokoban)
    n = len(plan) - 1
    if steps is None:
        return True, True if n == bound else None
    if n > steps:
        words, chars = _whole(plan)
        findings.add("PLAN_SUBOPT", None, words, chars, f"{steps} steps", f"{n} steps")
    return True, n == steps


def _check_link(parsed: ParsedSokoban, replay: SokobanReplay, findings: Findings) -> bool:
    is_chain = replay.links.lead([step.cell for step in parsed.plan])
    if not is_chain:
        words, chars = _whole(parsed.plan)
        expected = "the parents written in the trace" if replay.links.goals else "a trace that closes the goal"
        findings.add("PLAN_NOT_PARENTS", None, words, chars, expected, f"{len(parsed.plan) - 1} steps, another way")
    return is_chain


def _whole(plan: list[PlanStep]) -> tuple[tuple[int, int], tuple[int, int]]:
    return (plan[0].words[0], plan[-1].words[1]), (plan[0].chars[0], plan[-1].chars[1])


def _facts(sokoban: Sokoban, replay: SokobanReplay | None, strictness: Strictness) -> dict[str, object]:
    facts: dict[str, object] = {"cols": sokoban.cols, "rows": sokoban.rows, "boxes": len(sokoban.boxes)}
    if replay is not None:
        facts |= {
            "ambiguous_closes": replay.n_ambiguous,
            "most_worlds": replay.most_worlds,
            "belief_lost_at": replay.lost_at,
        }
        if strictness is Strictness.TIES:
            facts["not_checked"] = "order of open states of equal f"
    return facts
