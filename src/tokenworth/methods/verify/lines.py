"""Verdicts as lines of JSON: written for each text, and read back to be counted, if they do not contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

import msgspec

from tokenworth.core.verification import Domain, FormalText, Tier, Verification, Violation
from tokenworth.errors import InvalidInput

LINE_SCHEMA = "tokenworth.verdict/1"
_RENAMED = {"violations": "errors", "counts": "n_errors"}
_NAMES = {one.name: _RENAMED.get(one.name, one.name) for one in fields(Verification)}
"""What the line of JSON calls each field of a verdict."""
_OF_LENGTH = "PLAN_SUBOPT"
"""Code of a plan that is valid and not as short as can be, in every domain that knows it."""

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A line of a file with its verdict. ``text``: None where the line held a verdict and no text."""

    id: str
    fields: Mapping[str, Scalar]
    verification: Verification
    text: FormalText | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What a line of `verify`'s output holds besides the verdict itself."""

    id: str
    first_error: Violation | None
    fields: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])


def verdict_line(one: Judged, max_errors: int) -> bytes:
    """The line of JSON that `read_verdict` reads: every field of the verdict, of the errors at most ``max_errors``, and the first one."""
    line: dict[str, object] = {"schema": LINE_SCHEMA, "id": one.id}
    for name, told in _NAMES.items():
        if name == "violations":
            line["first_error"] = one.verification.first_error
            line[told] = one.verification.violations[:max_errors]
        else:
            line[told] = getattr(one.verification, name)
    line["fields"] = one.fields
    return msgspec.json.encode(line) + b"\n"


def read_verdict(record: Mapping[str, object], domain: Domain, where: str) -> Judged:
    """The verdict that a line of JSON holds. It is used as given: without the text nobody can verify it again.

    Raises: InvalidInput that names ``where``, for fields that are missing or of another type, and for a verdict that contradicts itself.
    """
    named = {name: record[told] for name, told in _NAMES.items() if told in record}
    try:
        line, found = msgspec.convert(record, _Line), msgspec.convert(named, Verification)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"{where}: not a verdict as verify writes it: {error}") from error
    # With no errors listed the first one is still known.
    listed = found.violations or (() if line.first_error is None else (line.first_error,))
    if found.domain == domain.name and (fault := next(_faults(found, line.first_error, listed, domain), None)):
        raise InvalidInput(f"{where}: a verdict that contradicts itself: {fault}; verify the text again")
    return Judged(id=line.id, fields=line.fields, verification=replace(found, violations=listed), text=None)


def _faults(found: Verification, first: Violation | None, listed: tuple[Violation, ...], domain: Domain) -> Iterator[str]:
    """What cannot be so in a verdict, whatever the text."""
    negative = next((f"{name} is {n}" for name, n in (("n_events", found.n_events), *found.counts.items()) if n < 0), None)
    if negative is not None:
        yield f"{negative}, expected 0 or more"
    unknown = next((code for code in (*found.counts, *(one.code for one in listed)) if code not in domain.codes), None)
    if unknown is not None:
        yield f"{ascii(unknown)[:60]} is not an error of {domain.name}"
        return
    broken = {code for code, n in found.counts.items() if n}
    if any(one.code not in broken or one.tier is not domain.codes[one.code] for one in listed):
        yield "errors that are not counted in n_errors, or are of another tier"
    if bool(broken) != bool(listed) or first != next(iter(listed), None):
        yield "first_error is not the first of the errors"
    yield from _disagreements(found, broken, domain)


def _disagreements(found: Verification, broken: set[str], domain: Domain) -> Iterator[str]:
    """Where a fact of the verdict and the codes of its errors cannot both be true."""
    tiers = {domain.codes[code] for code in broken}
    of_trace = {tier for tier in tiers if tier.is_of_trace}
    of_plan = {code for code in broken if domain.codes[code] is Tier.ANSWER and code != _OF_LENGTH}
    for fact, value, agrees in (
        ("parsed", found.parsed, not found.parsed or Tier.SYNTAX not in tiers),
        ("trace_valid", found.trace_valid, found.trace_valid is None or found.trace_valid != bool(of_trace)),
        ("undecided", found.undecided, not found.undecided or (found.trace_valid is None and (not of_trace or not found.parsed))),
        ("plan_valid", found.plan_valid, found.plan_valid is None or found.plan_valid != bool(of_plan)),
        ("plan_optimal", found.plan_optimal, not found.plan_optimal or (found.plan_valid is True and _OF_LENGTH not in broken)),
        ("plan_follows_trace", found.plan_follows_trace, not found.plan_follows_trace or Tier.LINK not in tiers),
    ):
        if not agrees:
            yield f"{fact} is {str(value).lower()} with the errors {', '.join(sorted(broken)) or 'none'}"
