"""What a page shows of the pivots of many traces: how many have one, where, and which tokens, beside the most there can be."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.no_verdict import percent
from tokenworth.methods.prevalence.document import PivotGroup, PrevalenceDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

_COUNTS = (
    SheetColumn(name="of the traces", kind="text", width=46),
    SheetColumn(name="estimate", kind="text", width=20),
)
_TENTHS = (
    SheetColumn(name="part of the trace", kind="text", width=20),
    SheetColumn(name="candidates", kind="count", width=12),
    SheetColumn(name="claims", kind="count", width=8),
    SheetColumn(name="claimed", kind="share", width=20),
)
_TOKENS = (
    SheetColumn(name="token", kind="text", width=18),
    SheetColumn(name="claims", kind="count", width=8),
    SheetColumn(name="up", kind="count", width=6),
    SheetColumn(name="traces", kind="count", width=8),
    SheetColumn(name="mean |Δ|", kind="text", width=10),
    SheetColumn(name="candidates", kind="count", width=12),
    SheetColumn(name="claimed", kind="share", width=20),
)


def _sheets(doc: PrevalenceDoc) -> Iterator[SheetView]:
    for number, group in enumerate(doc.groups):
        facts = tuple(_facts(doc, group))
        yield SheetView(
            title=f"{group.model.name}: pivots of {group.value_label}",
            lead=tuple(_lead(group)),
            caption=f"{group.traces:,} traces of {group.questions:,} questions; limits over {group.clusters} at {percent(doc.level)}",
            level=doc.level,
            columns=_COUNTS,
            rows=tuple(_counts(group)),
            facts=facts,
            notes=doc.notes if number == 0 else (),
        )
        tenths = tuple(
            (cell(f"{10 * row.tenth}–{10 * row.tenth + 10} %"), cell(row.candidates), cell(row.claims), number_cell(row.share))
            for row in group.tenths
        )
        yield SheetView(
            title="Where they lie",
            caption="a candidate is a token that could change the value by delta",
            level=doc.level,
            columns=_TENTHS,
            rows=tenths,
            facts=facts,
        )
        if group.tokens:
            yield SheetView(
                title="Which tokens they are",
                caption=f"{len(group.tokens):,} of {group.n_texts:,} texts, those with most claims first",
                level=doc.level,
                columns=_TOKENS,
                rows=tuple(
                    (
                        cell(repr(row.text)),
                        cell(row.claims),
                        cell(row.up),
                        cell(row.traces),
                        cell("–" if row.size is None else f"{row.size:.2f}"),
                        cell(row.candidates),
                        number_cell(row.share),
                    )
                    for row in group.tokens
                ),
                facts=facts,
            )


def _lead(group: PivotGroup) -> Iterator[str]:
    delta, least = f"{group.delta:g}", f"{group.least:g}"
    with_one, value = group.share.k or 0, group.share.value
    yield f"{with_one:,} of {group.traces:,} traces have a token that is claimed to change {group.value_label} by more than {least}"
    if value is not None and value > 0:
        least_share = max(0.0, (value - group.false_discovery) / (1 - group.false_discovery))
        yield (
            f"up to {percent(group.false_discovery)} of traces without a pivot may have a false claim: if that many have, "
            f"{least_share:.0%} of the traces are left"
        )
    middle = group.position[1]
    if middle.value is not None:
        limits = "" if middle.low is None or middle.high is None else f" [{middle.low:.2f}, {middle.high:.2f}]"
        yield f"half of the claims lie before {middle.value:.2f}{limits} of the trace"
    if group.bound is None or group.bounded.value is None:
        yield "no trace here was drawn without a choice, so no bound on the number of pivots applies"
        return
    found = f"claims of at least {delta} per trace: {group.bounded.value:.2f}; drawn traces have {group.bound:.2f} at most in the mean"
    if not group.exceeded:
        yield f"check: {found}"
    else:
        sure = group.bounded.low is not None and group.bounded.low > group.bound
        yield f"WARNING: {found}" + (", and the lower limit is above that: look at the draws again" if sure else ", which chance can do")


def _counts(group: PivotGroup) -> Iterator[tuple[SheetCell, SheetCell]]:
    delta, least = f"{group.delta:g}", f"{group.least:g}"
    yield cell(f"share with a claim (> {least})"), number_cell(group.share)
    yield cell(f"share with a claim of at least {delta}"), number_cell(group.share_delta)
    yield cell("claims per trace"), number_cell(group.number)
    yield cell(f"claims of at least {delta} per trace"), number_cell(group.number_delta)
    yield cell("claims and undecided tokens per trace"), number_cell(group.number_open)
    if group.bound is not None:
        yield cell(f"at most, of |Δ| ≥ {delta} in drawn traces"), cell(f"{group.bound:.2f}")


def _facts(doc: PrevalenceDoc, group: PivotGroup) -> Iterator[FactView]:
    yield model_fact(group.model)
    yield FactView(label="delta", value=f"{group.delta:g}", detail=f"a claim is more than {group.least:g}")
    yield FactView(label="false discovery", value=percent(group.false_discovery), detail="of the claims of each trace")
    yield FactView(label="target", value=group.target)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
