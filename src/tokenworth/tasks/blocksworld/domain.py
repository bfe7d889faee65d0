"""Blocksworld as a formal domain, and how its records are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokenworth.core.verification import Domain, Drawing, FormalText, Level
from tokenworth.errors import InvalidInput
from tokenworth.tasks.blocksworld.grammar import PDDL, TEXT
from tokenworth.tasks.blocksworld.verify import CODES, NAME, VERSION, verify


def read(record: Mapping[str, object], where: str) -> FormalText:
    """A record as a problem and a plan.

    Fields: ``id`` and ``text`` (problem, a line ``[PLAN]``, plan), or ``id``, ``prompt`` and ``trace`` (the plan). ``domain_pddl`` and
    ``problem_pddl`` give the problem instead of the prompt. PlanBench's own: ``prompt`` and ``steps``, of which the last one's ``plan``
    is judged, or ``query`` and ``extracted_plan``; the id is then ``domain/instance_id``.

    Raises: InvalidInput where fields are missing or no text.
    """
    given = {name: _text(record, name, where) for name in ("domain_pddl", "problem_pddl") if name in record}
    if "steps" in record:
        return FormalText(id=_id(record), prompt=_text(record, "prompt", where), trace=_last_plan(record["steps"], where), given=given)
    if "extracted_plan" in record:
        plan = _text(record, "extracted_plan", where)
        return FormalText(id=_id(record), prompt=_text(record, "query", where), trace=plan, given=given)
    if "text" in record:
        return FormalText(id=_id(record), trace=_text(record, "text", where), given=given)
    if "trace" in record:
        prompt = "" if given and "prompt" not in record else _text(record, "prompt", where)
        return FormalText(id=_id(record), prompt=prompt, trace=_text(record, "trace", where), given=given)
    raise InvalidInput(
        f"{where}: no plan among the fields {', '.join(sorted(record))[:200] or '(none)'}; expected id and text, or id, prompt and trace"
    )


def _id(record: Mapping[str, object]) -> str:
    if "id" in record:
        return str(record["id"])
    return f"{record.get('domain', '')}/{record.get('instance_id', '')}"


def _text(record: Mapping[str, object], name: str, where: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: field {name} is {type(value).__name__ if name in record else 'missing'}; expected a text")
    return value


def _last_plan(steps: object, where: str) -> str:
    if not isinstance(steps, list) or not steps or not isinstance(last := cast("list[object]", steps)[-1], Mapping):
        raise InvalidInput(f"{where}: steps holds no step; expected a list of objects, each with its plan")
    plan = cast("Mapping[str, object]", last).get("plan")
    if plan is not None and not isinstance(plan, str):
        raise InvalidInput(f"{where}: the last step's plan is a {type(plan).__name__}; expected a text")
    return plan or ""


def _draw(text: FormalText, dialect: str) -> Drawing | None:
    """Nothing: a stack of blocks is no grid."""
    del text, dialect


_LEVELS = (Level.PAPER, Level.STRICT)

DOMAIN = Domain(
    name=NAME,
    version=VERSION,
    dialects={PDDL: _LEVELS, TEXT: _LEVELS},
    codes=CODES,
    read=read,
    verify=verify,
    draw=_draw,
)
"""Plans as PDDL actions or as PlanBench's sentences; ties between equal choices mean nothing for a plan, so that level is not offered."""
