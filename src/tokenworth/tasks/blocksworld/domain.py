"""Blocksworld as a formal domain, and how its records are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokenworth.core.verification import Domain, FormalText
from tokenworth.errors import InvalidInput
from tokenworth.tasks.blocksworld.rules import CODES, DIALECTS, SENTENCES
from tokenworth.tasks.blocksworld.verify import NAME, VERSION, verify

_PDDL = ("domain_pddl", "problem_pddl")


def read(record: Mapping[str, object], where: str) -> FormalText:
    """A record as a problem and a plan.

    Fields: ``id`` and ``text`` (problem, a line ``[PLAN]``, plan), or ``id``, ``prompt`` and ``trace`` (the plan). ``domain_pddl`` and
    ``problem_pddl`` give the problem instead of the prompt. PlanBench's own: ``prompt`` and ``steps``, of which the last one's ``plan``
    is judged, or ``query`` and ``extracted_plan``; the id is then ``domain/instance_id``. Only a ``text`` without prompt and PDDL is read
    for its problem.

    Raises: InvalidInput where fields are missing or no text, or a plan of its own comes with no problem.
    """
    given, is_cut = {name: _text(record, name, where) for name in _PDDL if name in record}, record.get("truncated") is True
    if "steps" in record:
        prompt, plan = _prompt(record, "prompt", where), _last_plan(record["steps"], where)
    elif "extracted_plan" in record:
        plan, prompt = _text(record, "extracted_plan", where), _prompt(record, "query", where)
    elif "trace" in record and ("prompt" in record or given or "text" not in record):
        prompt, plan = _prompt(record, "prompt", where), _text(record, "trace", where)
    elif "text" in record:
        prompt, plan = _text(record, "prompt", where) if "prompt" in record else "", _text(record, "text", where)
    else:
        found = ", ".join(sorted(record))[:200] or "(none)"
        raise InvalidInput(f"{where}: no plan among the fields {found}; expected id and text, or id, prompt and trace")
    return FormalText(id=_id(record), prompt=prompt, trace=plan, given=given, is_cut=is_cut)


def _prompt(record: Mapping[str, object], name: str, where: str) -> str:
    """The prompt, which may be missing or blank where the problem is given in full as PDDL."""
    if all(field in record for field in _PDDL) and name not in record:
        return ""
    prompt = _text(record, name, where)
    if not prompt.strip() and not all(field in record for field in _PDDL):
        raise InvalidInput(f"{where}: field {name} is blank; expected the problem there, or in {' and '.join(_PDDL)}")
    return prompt


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


DOMAIN = Domain(
    name=NAME,
    version=VERSION,
    dialects=DIALECTS,
    codes=CODES,
    sentences=SENTENCES,
    read=read,
    verify=verify,
    states_problem=_PDDL,
    reads_whole=False,
)
"""Plans of Blocksworld and other STRIPS problems."""
