"""A formal domain small enough to know every verdict by heart: a trace is words, ``=`` and a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from tokenworth.core.grade import UNPARSEABLE, Grade, Verdict
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.verification import Domain, FormalText, MadeProblems, Strictness, Tier, Verification, Violation
from tokenworth.errors import InvalidInput, unknown_name

CODES = {"PARSE": Tier.SYNTAX, "BAD": Tier.LISTS, "LINK": Tier.LINK, "PLAN": Tier.ANSWER}
SENTENCES = {
    "PARSE": "This is no word of the toy.",
    "BAD": "The word is bad.",
    "LINK": "The plan is another one.",
    "PLAN": "The plan is no.",
}
LENGTHS = {"short": 2, "long": 5}


def read(record: Mapping[str, object], where: str) -> FormalText:
    text = record.get("text", record.get("trace"))
    if not isinstance(text, str) or not isinstance(record.get("prompt", ""), str):
        raise InvalidInput(f"{where}: expected id and text, or id, prompt and trace; got {', '.join(sorted(record))}")
    return FormalText(id=str(record.get("id", "")), trace=text, prompt=str(record.get("prompt", "")))


def verify(text: FormalText, *, dialect: str, strictness: Strictness, max_errors: int = 1000) -> Verification:
    """Words ``ok`` and ``bad``; ``ugly`` is bad from strict on, everything else does not parse. Plans: yes, long, no, none, other."""
    body, _, plan = text.trace.partition("=")
    found: list[Violation] = []
    at = 0
    for number, word in enumerate(body.split()):
        start = text.trace.index(word, at)
        at = start + len(word)
        code = (
            "PARSE"
            if word not in ("ok", "bad", "ugly")
            else "BAD"
            if word == "bad" or (word == "ugly" and strictness is not Strictness.PAPER)
            else ""
        )
        if code:
            place = {"event": number, "tokens": (number, number + 1), "chars": (start, at)}
            found.append(Violation(code=code, tier=CODES[code], expected="ok", got=word[:20], **place))
    parsed = all(v.code != "PARSE" for v in found)
    plan = plan.strip()
    for code, wrong in (("LINK", plan == "other"), ("PLAN", plan == "no")):
        if wrong:
            end = len(text.trace)
            found.append(
                Violation(code=code, tier=CODES[code], event=None, tokens=(0, 0), chars=(end - len(plan), end), expected="yes", got=plan)
            )
    return Verification(
        domain="toy",
        dialect=dialect,
        strictness=strictness,
        version="7",
        parsed=parsed,
        trace_valid=(parsed and "BAD" not in {v.code for v in found}) if body.strip() else None,
        plan_valid=plan != "no" if plan and parsed else None,
        plan_optimal=plan in ("yes", "other") if plan and parsed else None,
        plan_follows_trace=plan != "other" if plan and parsed and body.strip() else None,
        violations=tuple(found[:max_errors]),
        counts=Counter(v.code for v in found),
        n_events=len(body.split()),
        facts={"dialect": dialect},
    )


def task(rest: str) -> MadeProblems:
    if rest not in LENGTHS:
        raise unknown_name("length of a toy", rest, LENGTHS)

    def problem(index: int) -> Problem:
        question = f"say ok {LENGTHS[rest] + index} times"
        return Problem(id=f"toy:{rest}/{index}", question=question, kind=AnswerKind.PLAN, task=f"toy:{rest}")

    return MadeProblems(name=f"toy:{rest}", problem=problem)


def solve(problem: Problem) -> FormalText:
    return DOMAIN.answered(problem, "ok " * int(problem.question.split()[2]) + "= yes")


def grade(problem: Problem, text: str) -> Grade:
    said = text.strip()
    if said not in ("yes", "long", "other", "no"):
        return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)
    return Grade(outcome="PLAN", verdict=Verdict.INCORRECT) if said == "no" else Grade(outcome=said, verdict=Verdict.CORRECT)


def edits(text: FormalText, dialect: str, rng: np.random.Generator) -> Iterator[tuple[str, FormalText]]:
    body, _, _ = text.trace.partition("=")
    words = body.split()
    at = int(rng.integers(len(words)))
    for code, word in (("PARSE", "okay"), ("BAD", "bad")):
        yield code, replace(text, trace=" ".join([*words[:at], word, *words[at + 1 :], "= yes"]))
    for code, plan in (("LINK", "other"), ("PLAN", "no")):
        yield code, replace(text, trace=f"{body}= {plan}")


DOMAIN = Domain(
    name="toy",
    version="7",
    dialects={"plain": (Strictness.PAPER, Strictness.STRICT), "ordered": tuple(Strictness), "loose": (Strictness.PAPER,)},
    codes=CODES,
    sentences=SENTENCES,
    read=read,
    verify=verify,
    states_problem=("times",),
    task_form="LENGTH",
    task_example="short",
    task=task,
    grade=grade,
    solve=solve,
    given=lambda problem: {"task": problem.task},
    dialect_of=lambda problem: "ordered" if problem.task.startswith("toy:") else None,
    is_machine_text=True,
    edits=edits,
)
