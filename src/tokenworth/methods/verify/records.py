"""Records of formal traces: what a line of a file holds, as a text with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tokenworth import catalog
from tokenworth.core.verification import Domain, FormalText, Strictness, Verification
from tokenworth.errors import InvalidInput, MismatchError, TokenworthError, unknown_name
from tokenworth.methods.verify.lines import LINE_SCHEMA, Judged, Scalar, read_verdict

_LONGEST_FIELD = 200
_OWN = ("id", "text", "prompt", "trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A domain's verifier with dialect and strictness chosen. ``max_errors``: how many violations it lists for a text; it counts all."""

    domain: Domain
    dialect: str
    strictness: Strictness
    max_errors: int

    def __call__(self, text: FormalText) -> Verification:
        """What is found in one text."""
        return self.domain.verify(text, dialect=self.dialect, strictness=self.strictness, max_errors=self.max_errors)


def verifier(domain: str, dialect: str | None, strictness: str | None, *, max_errors: int) -> Verifier:
    """The verifier that these names stand for; by default the domain's first dialect, and strict where that fits it.

    Raises: UnknownName with close matches; InvalidInput for a strictness that does not fit the dialect.
    """
    found: Domain = catalog.load(catalog.DOMAINS, "domain", domain)
    chosen = found.dialect_named(dialect)
    fitting = found.dialects[chosen]
    if strictness is None:
        return Verifier(
            domain=found,
            dialect=chosen,
            strictness=Strictness.STRICT if Strictness.STRICT in fitting else fitting[-1],
            max_errors=max_errors,
        )
    if strictness not in tuple(Strictness):
        raise unknown_name("strictness", strictness, tuple(Strictness))
    if Strictness(strictness) not in fitting:
        raise InvalidInput(f"strictness {strictness} does not fit dialect {chosen} of {domain}; it has {', '.join(fitting)}")
    return Verifier(domain=found, dialect=chosen, strictness=Strictness(strictness), max_errors=max_errors)


def judged(where: str, record: object, check: Verifier, *, verdicts: bool = False) -> Judged:
    """A record with its verdict.

    ``verdicts``: a line that `verify` wrote is used as given if it has no text; otherwise it is refused. A record without
    an id has the name of its file and its line for one; ids need not differ.

    Raises: the fault that stands in the record's place; InvalidInput for fields that are missing or of another type and for verdicts that
    contradict themselves; MismatchError for a verdict of another domain, dialect, strictness or version.
    """
    if isinstance(record, TokenworthError):
        raise record
    fields = cast("Mapping[str, Any]", record)
    is_verdict = fields.get("schema") == LINE_SCHEMA and fields.get("text") is None and fields.get("trace") is None
    return _from_verdict(fields, check, where, verdicts) if is_verdict else _from_text(fields, check, where)


def _from_text(record: Mapping[str, object], check: Verifier, where: str) -> Judged:
    text = check.domain.read(_in_parts(record, where, check.domain.states_problem), where)
    name = record.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int | float | None):
        raise InvalidInput(f"{where}: the id is neither a string nor a number; mend it, or leave it out")
    own = "" if name is None else str(name)
    return Judged(id=own or text.id.strip("/") or Path(where).name, fields=_fields(record), verification=check(text), text=text)


def _in_parts(record: Mapping[str, object], where: str, states_problem: Sequence[str]) -> Mapping[str, object]:
    """The record with ``prompt`` and ``trace``, or with ``text`` alone, which holds both: one rule for all domains.

    Null is absent, and so is a blank prompt. With a prompt, ``text`` is the trace where there is no ``trace``. A trace without its prompt
    is taken only where other fields state the problem: what the model wrote could state an easier one.
    """
    told = {name: value for name, value in record.items() if value is not None}
    if not isinstance(told.get("truncated", False), bool):
        raise InvalidInput(f"{where}: 'truncated' is neither true nor false; mend it, or leave it out")
    prompt = told.get("prompt", "")
    if isinstance(prompt, str) and not prompt.strip():
        told.pop("prompt", None)
        if "text" in told:
            told.pop("trace", None)
        elif "trace" in told and not any(name in told for name in states_problem):
            raise InvalidInput(f"{where}: a trace without its prompt; expected id, prompt and trace, or id and text, which holds both")
    elif "text" in told:
        told.setdefault("trace", told["text"])
        del told["text"]
    return told


def _fields(record: Mapping[str, object]) -> dict[str, Scalar]:
    return {
        name: value
        for name, value in record.items()
        if name not in _OWN and (isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST_FIELD))
    }


def _from_verdict(record: Mapping[str, object], check: Verifier, where: str, is_taken: bool) -> Judged:
    if not is_taken:
        raise InvalidInput(
            f"{where}: a verdict without its text, so that nothing can be verified; give the texts, or count it with confusion"
        )
    one = read_verdict(record, check.domain, where)
    found = one.verification
    made = (found.domain, found.dialect, str(found.strictness), found.version)
    wanted = (check.domain.name, check.dialect, str(check.strictness), check.domain.version)
    if made != wanted:
        raise MismatchError(
            f"{where}: a verdict of {', '.join(made)}; expected {', '.join(wanted)}; "
            "verify the texts again, or give --dialect and --strictness"
        )
    return one


def verdict_settings(record: object, domain: Domain) -> Mapping[str, str]:
    """Dialect and strictness of a record, if that is a verdict of this domain that `verify` wrote: those to count at."""
    if not isinstance(record, dict):
        return {}
    fields = cast("dict[str, object]", record)
    known = {"dialect": tuple(domain.dialects), "strictness": tuple(Strictness)}
    return {name: str(fields[name]) for name in known if fields.get("schema") == LINE_SCHEMA and fields.get(name) in known[name]}
