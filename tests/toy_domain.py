"""A formal domain small enough to know every verdict by heart: a trace is words, ``=`` and a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tokenworth.core.verification import Domain, Drawing, FormalText, Level, Tier, Verification, Violation
from tokenworth.errors import InvalidInput

CODES = {"PARSE": Tier.SYNTAX, "BAD": Tier.LISTS, "LINK": Tier.LINK, "PLAN": Tier.ANSWER}


def read(record: Mapping[str, object], where: str) -> FormalText:
    text = record.get("text", record.get("trace"))
    if not isinstance(text, str):
        raise InvalidInput(f"{where}: expected id and text, or id, prompt and trace; got {', '.join(sorted(record))}")
    return FormalText(id=str(record.get("id", "")), trace=text, prompt=str(record.get("prompt", "")))


def verify(text: FormalText, *, dialect: str, level: Level, limit: int = 1000) -> Verification:
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
            if word == "bad" or (word == "ugly" and level is not Level.PAPER)
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
        level=level,
        version="7",
        parsed=parsed,
        trace_valid=(parsed and "BAD" not in {v.code for v in found}) if body.strip() else None,
        plan_valid=plan != "no" if plan and parsed else None,
        plan_optimal=plan in ("yes", "other") if plan and parsed else None,
        plan_follows_trace=plan != "other" if plan and parsed and body.strip() else None,
        violations=tuple(found[:limit]),
        counts=Counter(v.code for v in found),
        n_events=len(body.split()),
        facts={"dialect": dialect},
    )


def draw(text: FormalText, dialect: str) -> Drawing | None:
    del text, dialect


DOMAIN = Domain(
    name="toy",
    version="7",
    dialects={"plain": (Level.PAPER, Level.STRICT), "ordered": tuple(Level), "loose": (Level.PAPER,)},
    codes=CODES,
    read=read,
    verify=verify,
    draw=draw,
)
