"""What a page shows of recorded loops that were judged again: how far the verdicts agree, and every step."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.inert import one_line
from tokenworth.methods.replay.document import ReplayDoc
from tokenworth.methods.replay.loops import ReplayedStep
from tokenworth.report.facts import FactView, provenance_facts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, sheet_section

_MOST = 20
"""Disagreements that a terminal lists."""
_COLUMNS = (
    SheetColumn(name="loop", kind="text"),
    SheetColumn(name="step", kind="count"),
    SheetColumn(name="verdict", kind="text"),
    SheetColumn(name="recorded", kind="text"),
    SheetColumn(name="agrees", kind="text"),
    SheetColumn(name="tokens", kind="count"),
    SheetColumn(name="first fault", kind="text"),
)
_TOLD = {True: "accepted", False: "rejected", None: NONE}


def _sheets(doc: ReplayDoc) -> Iterator[SheetView]:
    """The steps of all loops in one table; a terminal has the counts."""
    verifier = f"{doc.verifier.critic} {doc.verifier.version}"
    told = tuple(_told(doc, verifier))
    yield SheetView(
        title=f"Recorded loops, judged by {verifier}",
        lead=told,
        columns=_COLUMNS,
        rows=tuple(_row(loop.id, k, step, k not in loop.disagreements) for loop in doc.loops for k, step in enumerate(loop.steps)),
        facts=(FactView(label="verifier", value=f"{verifier} ({doc.verifier.strictness})"), *provenance_facts(doc.provenance)),
        lines=(*map(one_line, told), *_disagreements(doc)),
    )


def _told(doc: ReplayDoc, verifier: str) -> Iterator[str]:
    counted = doc.summary
    unknown = counted.n_unrecorded - counted.n_implied
    missing = [f"{counted.n_implied} not written there but implied: the loop is recorded to have ended well"] if counted.n_implied else []
    missing += [f"{unknown} not recorded, which counts as disagreement"] if unknown else []
    yield f"{counted.n_loops} loops of {counted.n_steps} steps, judged by {verifier}:"
    yield f"{counted.n_agreeing} of {counted.n_steps} verdicts agree with the record" + (f" ({'; '.join(missing)})" if missing else "")
    yield from (f"  step {step + 1}: {n} loops accepted" for step, n in counted.accepted_at.items())
    yield f"  never: {counted.n_never} loops"
    yield f"{counted.tokens:,} tokens generated in all steps"


def _disagreements(doc: ReplayDoc) -> Iterator[str]:
    yield from (one_line(f"disagreement: {name}, step {step + 1}") for name, step in doc.summary.disagreements[:_MOST])


def _row(loop: str, index: int, step: ReplayedStep, agrees: bool) -> tuple[SheetCell, ...]:
    return (
        cell(loop),
        cell(index + 1),
        cell(_TOLD[step.accepted]),
        cell(_TOLD[step.recorded]),
        cell("yes" if agrees else "NO"),
        cell(NONE if step.n_tokens is None else f"{step.n_tokens:,}"),
        cell(next(iter(step.messages), "")),
    )


SECTION = sheet_section(_sheets)
