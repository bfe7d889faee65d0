"""What a page shows of pivots: what is claimed, apart from what is not known and from what was given up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth.core.estimate import Estimate
from tokenworth.core.no_verdict import percent
from tokenworth.methods.pivots.document import UNLIKELY, NamedDoc, PivotDoc, PivotsDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.pieces.marked import Mark, Marked, MarkKind
from tokenworth.report.pieces.piece import limits, shown
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

BEFORE, AFTER = 6, 2
"""Tokens shown around the one that a row is about."""
MARKS = ("▶", "◀")
"""Around that token: a claim is marked by signs, never by a colour."""
_COLUMNS = (
    SheetColumn(name="token", kind="count", width=8),
    SheetColumn(name="text", kind="text", width=30),
    SheetColumn(name="what is shown", kind="text", width=16),
    SheetColumn(name="Δ", kind="difference", width=23, right=True),
    SheetColumn(name="p", kind="share", width=7, right=True),
    SheetColumn(name="draws", kind="count", width=8, right=True),
)
_PAIRS = (
    SheetColumn(name="token", kind="count", width=8),
    SheetColumn(name="text", kind="text", width=30),
    SheetColumn(name="better", kind="text", width=18),
    SheetColumn(name="other", kind="text", width=18),
    SheetColumn(name="Δ to the other", kind="difference", width=23, right=True),
    SheetColumn(name="hits of draws", kind="text", width=20, right=True),
)
_NAMED = (_COLUMNS[0], _COLUMNS[1], _COLUMNS[3], _COLUMNS[4])


def _sheets(doc: PivotsDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    plan = doc.plan
    if plan.name != "search":
        yield SheetView(
            title=f"Named by the plan {plan.name}, not claimed",
            lead=(f"{_tokens(len(doc.named))} with a raw difference of {plan.delta:g} or more in {doc.value_label}",),
            columns=_NAMED,
            rows=tuple(_named(doc, row) for row in doc.named),
            facts=facts,
            notes=doc.notes,
            pieces=(_marked(doc, tuple(_mark(row, "undecided") for row in doc.named)),),
        )
        return
    claims = sorted(doc.claims, key=_size)
    yield SheetView(
        title=f"Pivots of {doc.value_label}",
        lead=tuple(_lead(doc)),
        caption=_told(doc) if claims else "",
        level=claims[0].level if claims else None,
        columns=_COLUMNS if claims else (),
        rows=tuple(_row(doc, row, "claim") for row in claims),
        keys=_keys(claims),
        facts=facts,
        notes=doc.notes,
        pieces=(_marked(doc, tuple(_marks(doc))),),
    )
    yield from _pairs(doc, facts)
    yield from _more(doc, facts)


def _told(doc: PivotsDoc) -> str:
    """What a claim rests on: draws, method, level and error rate."""
    fresh, rate = "claims on fresh draws, none of which chose the tokens", percent(doc.plan.false_discovery)
    return f"{fresh}; false-discovery rate at most {rate}; intervals at {percent(doc.claims[0].level)}, adjusted for being selected"


def _marked(doc: PivotsDoc, marks: tuple[Mark, ...]) -> Marked:
    """The trace with what is said of its tokens. It has no colour, so that no colour can be read as a claim."""
    told = "a sign and a heavy line are a claim" if doc.claims else "no token is claimed"
    return Marked(title="On the trace", pieces=doc.trace.pieces, marks=marks, claims=told)


def _marks(doc: PivotsDoc) -> Iterator[Mark]:
    kinds: list[tuple[MarkKind, Sequence[PivotDoc]]] = [
        ("up", [row for row in doc.claims if (row.delta or 0) > 0]),
        ("down", [row for row in doc.claims if (row.delta or 0) <= 0]),
        ("undecided", doc.undecided),
    ]
    for kind, rows in kinds:
        for row in rows:
            yield _mark(row, kind, f"t{row.token}")


def _mark(row: PivotDoc | NamedDoc, kind: MarkKind, key: str = "") -> Mark:
    number = shown(row.delta, "+.2f") + (limits(row.low, row.high, "+.2f") if isinstance(row, PivotDoc) else "")
    return Mark(start=row.token, stop=row.token + 1, kind=kind, label=f"token {row.token:,}: Δ {number}", row=key)


def _keys(rows: Sequence[PivotDoc], prefix: str = "t") -> tuple[str, ...]:
    return tuple(f"{prefix}{row.token}" for row in rows)


def _pairs(doc: PivotsDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    """Claims beside the likeliest other token."""
    if not doc.pairs:
        return
    yield SheetView(
        title="Pairs of claims",
        caption=f"{doc.value_label} if the model goes on with the token, or with the likeliest other one; draws that chose neither. A "
        f"side is called better at a false-discovery rate of {percent(doc.plan.false_discovery)}",
        level=doc.pairs[0].level,
        columns=_PAIRS,
        rows=tuple(
            (
                cell(f"{row.token:,}"),
                cell(_context(doc, row.token)),
                cell({"token": row.text, "other": row.other_text}.get(row.better or "", "?")),
                cell(row.other_text),
                number_cell(Estimate(value=row.delta, low=row.low, high=row.high), form="+.2f"),
                cell(f"{row.k_token}/{row.n_token}, {row.k_other}/{row.n_other}"),
            )
            for row in doc.pairs
        ),
        facts=facts,
    )


def _more(doc: PivotsDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    """What is not claimed."""
    delta = f"{doc.plan.delta:g}"
    level = 1 - doc.plan.futility
    parts: list[tuple[str, str, str, Sequence[PivotDoc]]] = [
        ("Undecided tokens", f"not claimed: they may or may not change {doc.value_label} by {delta}", "t", doc.undecided),
        ("Unlikely tokens", f"of probability {UNLIKELY:g} or less, by size of Δ; claims only where it says so", "u", doc.unlikely[:10]),
        ("Excluded tokens", f"shown to change {doc.value_label} by less than {delta}", "t", doc.excluded),
    ]
    claimed = {row.token for row in doc.claims}
    for title, caption, prefix, rows in parts:
        if rows:
            kinds = ["claim" if row.token in claimed else "excluded" if row in doc.excluded else "undecided" for row in rows]
            yield SheetView(
                title=title,
                caption=caption,
                level=level,
                columns=_COLUMNS,
                rows=tuple(_row(doc, row, kind) for row, kind in zip(rows, kinds, strict=True)),
                keys=_keys(rows, prefix),
                facts=facts,
            )


def _lead(doc: PivotsDoc) -> Iterator[str]:
    plan, n = doc.plan, len(doc.claims)
    at_least = sum(row.at_least_delta for row in doc.claims)
    verb = "changes" if n == 1 else "change"
    claimed = f"claimed: {_tokens(n)} that {verb} {doc.value_label} by more than {plan.least:g}, {at_least} by at least {plan.delta:g}"
    yield claimed if n else f"no token is claimed to change {doc.value_label} by more than {plan.least:g}"
    whole, rest = len(doc.trace.pieces), len(doc.trace.pieces) - doc.family
    yield (
        f"{_tokens(whole)} = {rest:,} that cannot change it by {plan.delta:g} (the model was too sure of them) + "
        f"{len(doc.excluded):,} excluded + {len(doc.undecided):,} undecided + {n:,} claimed"
    )
    if doc.most is not None:
        more = sum(row.at_least_delta for row in doc.claims) > doc.most
        yield (
            f"check: a base drawn from the model has at most {doc.most:.2g} such tokens in the mean"
            + ("; this trace has more, so look at the draws again" if more else "")
        )
    found = doc.critical
    for cut, where in ((found.below, f"below {found.bound:g}"), (found.above, f"above {1 - found.bound:g}")):
        if cut is not None:
            yield f"critical: from cut {cut:,} on the value stays {where} (band of the whole curve, {percent(found.level)})"


def _row(doc: PivotsDoc, row: PivotDoc, kind: str) -> tuple[SheetCell, ...]:
    delta, least = doc.plan.delta, doc.plan.least
    shown = {
        "claim": f"≥ {delta:g}" if row.at_least_delta else f"> {least:g}",
        "excluded": f"< {delta:g}" + (" (screen)" if row.look == 0 and not row.n else ""),
        "undecided": "?" if row.needed is None else f"? about {row.needed:,} draws",
    }[kind]
    if row.missing is not None and abs(row.missing) >= least:
        shown += f"; no verdict {row.missing:+.2f}"
    change = Estimate(value=row.delta, low=row.low, high=row.high)
    return (
        cell(f"{row.token:,}"),
        cell(_context(doc, row.token)),
        cell(f"PIVOT {shown}" if kind == "claim" else shown),
        number_cell(change, form="+.2f"),
        _share(row.p),
        cell(f"{row.n:,}"),
    )


def _named(doc: PivotsDoc, row: NamedDoc) -> tuple[SheetCell, ...]:
    change = number_cell(Estimate(value=row.delta, low=None, high=None), form="+.2f", limits="")
    return cell(f"{row.token:,}"), cell(_context(doc, row.token)), change, _share(row.p)


def _share(p: float | None) -> SheetCell:
    return cell(NONE) if p is None else number_cell(Estimate(value=p, low=None, high=None), limits="")


def _context(doc: PivotsDoc, token: int) -> str:
    pieces = doc.trace.pieces
    before, after = "".join(pieces[max(0, token - BEFORE) : token]), "".join(pieces[token + 1 : token + 1 + AFTER])
    return f"{before}{MARKS[0]}{pieces[token]}{MARKS[1]}{after}"


def _size(row: PivotDoc) -> float:
    return -abs(row.delta or 0.0)


def _tokens(n: int) -> str:
    return f"{n:,} token{'s' * (n != 1)}"


def _facts(doc: PivotsDoc) -> Iterator[FactView]:
    plan = doc.plan
    yield model_fact(doc.model)
    yield FactView(label="sampler", value=sampler_text(doc.sampling), detail=f"at most {doc.sampling.max_tokens:,} tokens")
    yield FactView(label="plan", value=plan.name, detail="" if plan.samples is None else f"{plan.samples} rollouts per cut")
    if plan.name == "search":
        detail = f"a claim is more than {plan.least:g}; given up where limits at {1 - plan.futility:.0%} are within delta"
        yield FactView(label="delta", value=f"{plan.delta:g}", detail=detail)
        looks = f"{plan.dependence} dependence, {doc.looks} looks"
        yield FactView(label="false discovery", value=percent(plan.false_discovery), detail=looks)
        if plan.screen is not None:
            yield FactView(label="screen", value=plan.screen, detail=f"{doc.screened:,} of {doc.family:,} left out")
    fresh = "fresh: none of them chose the tokens" if plan.name == "search" else ""
    yield FactView(label="rollouts", value=f"{doc.rollouts:,}", detail=fresh)
    yield FactView(label="generated", value=f"{doc.generated_tokens:,} tokens", detail=doc.stopped)
    yield FactView(label="base answer", value=doc.trace.outcome or "none", detail=doc.trace.verdict)
    yield FactView(label="seed", value=str(doc.seed), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
