"""The verdict on a written search over a countdown puzzle: the replay, the policy of the solvers, the plan, and both metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tokenworth.core.verification import Findings, FormalText, Strictness, Tier, Verification
from tokenworth.errors import unknown_name
from tokenworth.tasks.countdown.grammar import (
    FOREIGN,
    GRAMMARS,
    CountdownEvent,
    Grammar,
    LineKind,
    is_beginning,
    is_foreign,
    read_events,
    read_extent,
)
from tokenworth.tasks.countdown.instance import Puzzle
from tokenworth.tasks.countdown.plan import is_solvable, plan_faults
from tokenworth.tasks.countdown.policy import deviation
from tokenworth.tasks.countdown.prompt import UNDERSTOOD, is_apart, puzzle_of
from tokenworth.tasks.countdown.published import bare_operations, published_verdict, rating
from tokenworth.tasks.countdown.replay import CountdownReplay
from tokenworth.tasks.countdown.rules import BUCKETS, CODES, DIALECTS, PAPER

VERSION = "4"

_MAX_TOLD = 200
_ALWAYS = PAPER | {"PROBLEM_PARSE"}
_FOUND_LAST = frozenset({Tier.POLICY, Tier.ANSWER, Tier.LINK})
_POLICY_CODES = {LineKind.EXPLORE: "CHILD_ORDER", LineKind.MOVE: "MOVE_ORDER", LineKind.EXHAUSTED: "MOVE_ORDER"}


class _Found(Findings):
    """Violations as they are found. ``by_code``: at every strictness, for the published classes; ``events``: those that break a rule."""

    def __init__(self, strictness: Strictness, max_errors: int) -> None:
        active = {code for code, tier in CODES.items() if strictness is not Strictness.PAPER or code in _ALWAYS or not tier.is_of_trace}
        super().__init__(CODES, max_errors, active, always=_FOUND_LAST)
        self.by_code: Counter[str] = Counter()
        self.events: set[int] = set()

    def at(self, code: str, index: int | None, event: CountdownEvent, expected: str, got: str) -> None:
        """One violation in a line."""
        self.by_code[code] += 1
        if index is not None:
            self.events.add(index)
        self.add(code, index, event.words, event.chars, expected, got)


def verify(text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
    """What was found in one text. Raises UnknownName for a dialect that is not known, and nothing for any text.

    Without prompt and fields the first state of the text is the puzzle. Where either is there and states none, `PROBLEM_PARSE` is the
    only violation, and nothing is said of plan and link.
    """
    if dialect not in GRAMMARS:
        raise unknown_name("dialect of countdown", dialect, GRAMMARS)
    grammar = GRAMMARS[dialect]
    puzzle, stated = puzzle_of(text)
    found = _Found(strictness, max_errors)
    if puzzle is None and is_apart(text):
        return _unread(text, dialect, strictness, found)
    replay = CountdownReplay(grammar, puzzle, stated is not None, found.at)
    checks_policy = strictness is Strictness.TIES and Strictness.TIES in DIALECTS[dialect]
    followed: list[tuple[int, CountdownEvent]] = []
    extent = read_extent(text.trace)
    cut = text.is_cut and not extent.is_ended
    n_events, is_cut = 0, cut
    last: CountdownEvent | None = None
    for event in () if is_foreign(text.trace) else read_events(text.trace, grammar):
        if event.is_last and _is_cut_line(event, last, grammar, cut):
            if not cut:
                found.at("NO_CONCLUSION", n_events, event, "a whole line", event.text)
            is_cut = True
            break
        # No solver writes a line that breaks a rule, so that what follows the first such line need not be kept.
        if checks_policy and not (found.events or replay.claim is not None or (replay.is_over and event.kind is LineKind.UNREAD)):
            followed.append((n_events, event))
        replay.see(n_events, event)
        n_events, last = n_events + 1, event
    if last is not None and not is_cut:
        replay.check_end(n_events - 1, last)
    start, end = _nowhere(""), _nowhere(text.trace[: extent.end])
    if last is None and is_foreign(text.trace):
        found.at("PARSE", None, replace(start, words=(0, end.words[1]), chars=(0, end.chars[1])), f"lines of {dialect}", FOREIGN)
    elif last is None and grammar.has_prose and text.trace.strip():
        found.at("PARSE", None, replace(start, words=(0, end.words[1]), chars=(0, end.chars[1])), "a written search", "prose alone")
    solver = _check_policy(replay.puzzle, stated, followed, found, is_cut=is_cut) if checks_policy else None
    plan_valid = _check_plan(replay, found, None if cut or is_foreign(text.trace) else end)
    return _verification(text, dialect, strictness, n_events, replay, found, plan_valid, solver)


def _nowhere(text: str) -> CountdownEvent:
    """The place at the end of a text."""
    n = len(text.split())
    return CountdownEvent(kind=LineKind.UNREAD, text="", words=(n, n), chars=(len(text), len(text)))


def _unread(text: FormalText, dialect: str, strictness: Strictness, found: _Found) -> Verification:
    """The verdict where the puzzle cannot be read: its events are counted, and that is all."""
    fields = {name: text.given[name] for name in ("target", "nums") if name in text.given}
    got = f"the fields {fields}"[:_MAX_TOLD] if fields else ascii(text.prompt.strip()[:_MAX_TOLD])
    found.at("PROBLEM_PARSE", None, _nowhere(""), UNDERSTOOD, got)
    grammar = GRAMMARS[dialect]
    n_events = sum(1 for _ in read_events(text.trace, grammar))
    return _verification(text, dialect, strictness, n_events, CountdownReplay(grammar, None, False, found.at), found, None, None)


def _is_cut_line(event: CountdownEvent, before: CountdownEvent | None, grammar: Grammar, is_cut: bool) -> bool:
    """Whether the last line, which no line break ends, is the rest of a longer one."""
    if event.kind in (LineKind.VERDICT, LineKind.EXHAUSTED, LineKind.SOLUTION):
        return False
    return is_cut or (event.kind is LineKind.UNREAD and before is not None and is_beginning(event.text, grammar))


def _check_policy(
    puzzle: Puzzle | None, stated: CountdownEvent | None, followed: Sequence[tuple[int, CountdownEvent]], found: _Found, *, is_cut: bool
) -> str | None:
    """The name of a solver that may have written the lines; reports the first line that none writes, unless it broke a rule anyway."""
    if puzzle is None or not followed:
        return None
    events = [event for _, event in followed]
    shift = 0 if stated is None else 1
    if stated is not None:
        events.insert(0, stated)
    solver, first = deviation(puzzle, (event.text for event in events), is_cut=is_cut)
    if first is not None:
        is_end = first.at >= len(events)
        if is_end and found.events:
            return None
        index, event = followed[max(0, min(first.at, len(events) - 1) - shift)]
        code = "EARLY_END" if is_end else _POLICY_CODES.get(event.kind, "LIST_ORDER")
        if index not in found.events:
            found.at(code, index, event, f"{first.expected} ({first.solver})", "the end" if is_end else event.text)
    return None if found.events else solver


def _check_plan(replay: CountdownReplay, found: _Found, end: CountdownEvent | None) -> bool | None:
    """Whether the claim solves the puzzle, and every later one; None where the text was cut (``end`` None) before a claim."""
    claim, puzzle = replay.claim, replay.puzzle
    if puzzle is None or (claim is None and end is None):
        return None
    at, event = (None, end) if claim is None else (claim.index, claim.event)
    assert event is not None
    faults = [("PLAN_NONE", "a claim of the goal", "none")] if claim is None else plan_faults(puzzle, claim.plan)
    if faults and is_solvable(puzzle) is False:
        faults = [("UNSOLVABLE", f"operations that lead to {puzzle.target}", "none, of all that there are"), *faults]
    for code, expected, got in faults:
        found.at(code, at, event, expected, got)
    wrong = next(((index, line) for index, line, plan in replay.others.values() if plan_faults(puzzle, plan)), None)
    if wrong is not None:
        found.at("PLAN_TWICE", *wrong, "no other claim that is wrong", wrong[1].text)
    if claim is not None and not claim.follows:
        found.at("PLAN_NOT_FOUND", at, event, "a path that the search found", ", ".join(step.text for step in claim.plan))
    return not faults and wrong is None


def _verification(
    text: FormalText,
    dialect: str,
    strictness: Strictness,
    n_events: int,
    replay: CountdownReplay,
    found: _Found,
    plan_valid: bool | None,
    solver: str | None,
) -> Verification:
    parsed = not any(found.counts[code] for code in ("PROBLEM_PARSE", "PARSE", "NOT_BINARY"))
    is_clean = not any(CODES[code].is_of_trace and count for code, count in found.counts.items())
    return Verification(
        domain="countdown",
        dialect=dialect,
        strictness=strictness,
        version=VERSION,
        parsed=parsed,
        trace_valid=(parsed and is_clean) if n_events else None,
        plan_valid=plan_valid,
        plan_optimal=None,
        plan_follows_trace=replay.claim.follows if replay.claim is not None else None,
        violations=tuple(sorted(found.listed, key=lambda violation: violation.chars[0])[: found.max_errors]),
        counts={code: count for code, count in found.counts.items() if count},
        n_events=n_events,
        facts=_facts(text, dialect, replay, found, plan_valid, solver),
        undecided=not n_events and is_foreign(text.trace),
    )


def _facts(
    text: FormalText, dialect: str, replay: CountdownReplay, found: _Found, plan_valid: bool | None, solver: str | None
) -> Mapping[str, object]:
    """What the domain reports beside the verdict; see the page of the domain for each."""
    claim = replay.claim
    size = len(replay.puzzle.numbers) if replay.puzzle is not None else 0
    whole = f"{text.prompt}\n{text.trace}" if puzzle_of(text)[1] is not None else text.trace
    published = published_verdict(whole) if dialect != "react" else None
    explored = whole.count("Exploring Operation")
    n_bare, n_bare_wrong = bare_operations(text.trace)
    n_before = bare_operations(text.trace[: claim.event.chars[0]])[1] if claim is not None else None
    return {
        "claims_goal": None if found.counts["PROBLEM_PARSE"] else claim is not None,
        "plan": [step.text for step in claim.plan] if claim is not None else None,
        "plan_steps_valid": claim.is_sound if claim is not None else None,
        "wrong_before_goal": replay.n_wrong if claim is not None else None,
        "rating": rating(size, replay.n_operations) if plan_valid else 0.0,
        "published_verdict": published,
        "published_solved": published == "valid" if published is not None else None,
        "published_rating": rating(size, explored) if published == "valid" else 0.0,
        "n_operations": replay.n_operations,
        "n_wrong_operations": replay.n_wrong,
        "n_bare_operations": n_bare,
        "n_bare_wrong": n_bare_wrong,
        "n_bare_wrong_before_goal": n_before,
        "buckets": {name: sum(found.by_code[code] for code in codes) for name, codes in BUCKETS.items()},
        "solver": solver,
        **({"after_end": after[:60]} if (after := replay.after or read_extent(text.trace).after) else {}),
    }
