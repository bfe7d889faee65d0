"""What a page shows of generate-and-test loops: the arms on the same draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from tokenworth.core.estimate import Estimate
from tokenworth.methods.modulo.arms import ArmResult
from tokenworth.methods.modulo.document import ModuloDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_LIMITS = " ({} to {})"
_COLUMNS = (
    SheetColumn(name="arm", kind="text", width=26),
    SheetColumn(name="right", kind="share", width=22, right=True),
    SheetColumn(name="answered", kind="count", width=10, right=True),
    SheetColumn(name="wrong", kind="count", width=7, right=True),
    SheetColumn(name="right of answered", kind="share", width=23, right=True),
    SheetColumn(name="tokens", kind="count", width=10, right=True),
    SheetColumn(name="vs. loop", kind="difference", width=24, right=True),
)


def _sheets(doc: ModuloDoc) -> Iterator[SheetView]:
    """One table: right answers, wrong ones, what they cost, and the difference from the loop."""
    accepted = [one.attempts[one.accepted] for one in doc.items if one.accepted is not None]
    by = sorted({f"{who.critic} {who.version} ({who.strictness})" for attempt in accepted for who in attempt.accepted_by})
    spent = sum(one.generated_tokens for one in doc.items)
    told = f"{len(accepted)} of {len(doc.items)} problems have an accepted answer; {spent:,} tokens generated"
    tokens = doc.plan.arm_tokens
    budget = f"{doc.plan.max_attempts} draws" if tokens is None else f"{tokens:,} generated tokens"
    unsound = [] if doc.is_sound else ["This verifier is UNSOUND: it may accept wrong answers."]
    short = f"in {doc.short} of {len(doc.items)} problems the shared draws end before the budget; more --max-attempts let all arms spend it"
    yield SheetView(
        title=f"Generate and test: {doc.task}, {doc.model.name}",
        lead=(told + (f"; accepted by {', '.join(by)}" if by else ""), *unsound),
        caption=f"Arms on the same draws, each within {budget} a problem:",
        level=doc.plan.level,
        columns=_COLUMNS,
        rows=tuple(_row(arm) for arm in doc.arms),
        facts=tuple(_facts(doc)),
        notes=(short,) if doc.short else (),
    )


def _facts(doc: ModuloDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    failed = f", and {doc.failed} that failed" if doc.failed else ""
    yield FactView(label="task", value=f"{doc.task}, {len(doc.items)} problem{'s' * (len(doc.items) != 1)}{failed}")
    yield FactView(label="verifier", value=", ".join(f"{one.critic} {one.version} ({one.strictness})" for one in doc.verifiers))
    yield FactView(label="sampler", value=f"{sampler_text(doc.sampling)}, at most {doc.sampling.max_tokens:,} tokens")
    for name, value in asdict(doc.plan).items():
        if name != "level" and value is not None:
            yield FactView(label=name.replace("_", " "), value=str(value))
    yield from provenance_facts(doc.provenance)


def _row(arm: ArmResult) -> tuple[SheetCell, ...]:
    versus = arm.versus
    than = None if versus is None else Estimate.of(versus.difference, versus.low, versus.high)
    return (
        cell(arm.name),
        _count(arm.solved),
        cell(arm.answered.k),
        cell(f"{arm.n_wrong} +{arm.n_unknown}?" if arm.n_unknown else arm.n_wrong),
        _count(arm.right_of_answered),
        cell(f"{arm.tokens:,}"),
        cell("") if than is None else number_cell(than, form="+.2f", limits=_LIMITS),
    )


def _count(count: Estimate) -> SheetCell:
    return number_cell(count, main=f"{count.k}/{count.n}", limits=_LIMITS) if count.n else cell("-")


SECTION = sheet_section(_sheets)
