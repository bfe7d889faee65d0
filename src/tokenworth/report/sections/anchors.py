"""What a page shows of sentences: what is claimed of them, apart from what the draws at hand say of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.core.no_verdict import percent
from tokenworth.methods.anchors.document import AnchorDoc, AnchorsDoc, DivergenceDoc, SentenceDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.pieces.marked import Mark, Marked, MarkKind
from tokenworth.report.pieces.matrix import Matrix
from tokenworth.report.pieces.piece import Piece
from tokenworth.report.pieces.texts import Texts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

MOST_EFFECTS = 20
"""Effects of one sentence on another that are listed, those furthest from 0 by their limits first."""
LONGEST = 60
"""Characters of a sentence in a table."""
_CLAIMS = (
    SheetColumn(name="sentence", kind="count", width=10),
    SheetColumn(name="text", kind="text", width=30),
    SheetColumn(name="what is shown", kind="text", width=17),
    SheetColumn(name="change", kind="difference", width=23, right=True),
    SheetColumn(name="left", kind="share", width=7, right=True),
    SheetColumn(name="draws", kind="count", width=8, right=True),
)
_SENTENCES = (
    SheetColumn(name="sentence", kind="count", width=10),
    SheetColumn(name="text", kind="text", width=30),
    SheetColumn(name="value before", kind="share", width=21, right=True),
    SheetColumn(name="resampling", kind="difference", width=23, right=True),
    SheetColumn(name="counterfactual", kind="difference", width=23, right=True),
    SheetColumn(name="unlike", kind="share", width=8, right=True),
    SheetColumn(name="draws", kind="count", width=8, right=True),
    SheetColumn(name="KL", kind="text", width=16, right=True),
    SheetColumn(name="of its length", kind="share", width=15, right=True),
)
_FORCED = SheetColumn(name="forced", kind="difference", width=8, right=True)
_TAKEN = (
    SheetColumn(name="sentence", kind="text", width=30),
    SheetColumn(name="stays away", kind="text", width=14),
    SheetColumn(name="else", kind="text", width=16),
    SheetColumn(name="rounds", kind="count", width=8, right=True),
    SheetColumn(name="counterfactual++", kind="difference", width=23, right=True),
)
_EFFECTS = (
    SheetColumn(name="sentence", kind="text", width=30),
    SheetColumn(name="makes likelier", kind="text", width=30),
    SheetColumn(name="effect", kind="difference", width=23, right=True),
)


def _sheets(doc: AnchorsDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    claims = sorted(doc.claims, key=lambda row: -abs(row.delta or 0.0))
    if doc.plan.claims:
        yield SheetView(
            title=f"Anchors of {doc.value_label}",
            lead=tuple(_lead(doc)),
            caption=f"claims on fresh draws; false-discovery rate at most {percent(doc.plan.false_discovery)}" if doc.claims else "",
            level=doc.claims[0].level if doc.claims else None,
            columns=_CLAIMS if doc.claims else (),
            rows=tuple(_claim(doc, row, "claim") for row in claims),
            facts=facts,
            notes=doc.notes,
            pieces=_trace(doc),
            keys=tuple(f"claim-{row.sentence}" for row in claims),
        )
    columns = _SENTENCES if not any(row.forced is not None for row in doc.sentences) else (*_SENTENCES[:5], _FORCED, *_SENTENCES[5:])
    yield SheetView(
        title="Sentences",
        lead=tuple(_baselines(doc)),
        caption="importance on the draws at hand: with and without the sentence; no claim",
        level=doc.level,
        columns=columns,
        rows=tuple(_sentence(doc, i, row) for i, row in enumerate(doc.sentences)),
        facts=facts,
        notes=() if doc.plan.claims else doc.notes,
        pieces=() if doc.plan.claims else _trace(doc),
        keys=tuple(map(_key, range(len(doc.sentences)))),
        details=tuple(_others(doc, row) for row in doc.sentences),
    )
    yield from _resilience(doc, facts)
    yield from _effects(doc, facts)
    yield from _more(doc, facts)


def _lead(doc: AnchorsDoc) -> Iterator[str]:
    plan, n = doc.plan, len(doc.claims)
    at_least = sum(row.at_least_delta for row in doc.claims)
    sizes = f"by more than {plan.least:g}, {at_least} by at least {plan.delta:g}"
    claimed = f"claimed: {_count(n)} that change{'s' * (n == 1)} {doc.value_label} {sizes}"
    yield claimed if n else f"no sentence is claimed to change {doc.value_label} by more than {plan.least:g}"
    whole = len(doc.sentences)
    yield f"{whole - doc.family:,} of {_count(whole)} cannot change it by {plan.delta:g}: the model was too sure of them"
    yield f"of the other {doc.family:,}, {len(doc.excluded):,} are excluded and {len(doc.undecided):,} undecided"


def _key(sentence: int) -> str:
    """The name of a sentence's row in addresses."""
    return f"sentence-{sentence}"


def _trace(doc: AnchorsDoc) -> tuple[Piece, ...]:
    """The trace: claims by signs, resampling importance as a ground that claims nothing."""
    if not doc.sentences:
        return ()
    kinds: dict[int, tuple[MarkKind, AnchorDoc]] = {}
    for row in doc.claims:
        kinds[row.sentence] = "up" if (row.delta or 0.0) > 0 else "down", row
    kinds |= {row.sentence: ("undecided", row) for row in doc.undecided}
    marks: list[Mark] = []
    colour: list[float | None] = []
    for i, one in enumerate(doc.sentences):
        colour += [one.resampling.value] * (one.end - one.start)
        kind, of = kinds.get(i, ("span", None))
        limits = one.resampling if of is None else Estimate(value=of.delta, low=of.low, high=of.high)
        label = number_cell(limits, form="+.2f").text if of is not None else f"no claim: {number_cell(limits, form='+.2f').text}"
        marks.append(Mark(start=one.start, stop=one.end, kind=kind, label=label, row=_key(i)))
    rate = percent(doc.plan.false_discovery)
    marked = Marked(
        pieces=doc.trace.pieces,
        marks=tuple(marks),
        title="The trace",
        claims=f"claimed on fresh draws, false-discovery rate at most {rate}" if doc.plan.claims else "",
        colour=tuple(colour),
        what=f"resampling importance: change of {doc.value_label} over the sentence, on the draws at hand; no claim",
        palette="delta",
        low=-1.0,
        high=1.0,
    )
    return (marked,)


def _others(doc: AnchorsDoc, row: SentenceDoc) -> tuple[Piece, ...]:
    """What else stood in the place of a sentence."""
    if not row.others:
        return ()
    samples = tuple((f"{one.n:,} draws, {one.n_hit:,} meet {doc.target}", one.text or "(the trace ends)") for one in row.others)
    return (
        Texts(lines=(f"{row.n_unlike:,} of {row.n:,} draws that leave here have another sentence; the most frequent:",), samples=samples),
    )


def _matrix(doc: AnchorsDoc) -> Matrix:
    """Effects of each sentence on each later one."""
    n = len(doc.sentences)
    sides = np.full((3, n, n), np.nan)
    for row in doc.effects:
        for side, values in zip(sides, (row.effect, row.low, row.high), strict=True):
            side[row.sentence, row.sentence + 1 :] = [np.nan if x is None else x for x in values]
    names = tuple(_named(doc, i) for i in range(n))
    return Matrix(
        values=sides[0],
        low=sides[1],
        high=sides[2],
        scale="difference",
        rows=names,
        columns=names,
        row_axis="sentence",
        column_axis="later sentence",
        what="how much likelier it follows",
        level=doc.level,
        keys=tuple(map(_key, range(n))),
    )


def _baselines(doc: AnchorsDoc) -> Iterator[str]:
    """What importance goes with, before any meaning."""
    of = doc.baselines
    for name, value, p in (("position", of.position, of.position_p), ("length", of.length, of.length_p)):
        if value is not None and p is not None:
            yield f"rank correlation of the size of resampling importance with {name}: {value:+.2f} (p {p:.2g} by permutation)"


def _more(doc: AnchorsDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    """What is not claimed."""
    delta = f"{doc.plan.delta:g}"
    parts: list[tuple[str, str, str, Sequence[AnchorDoc]]] = [
        ("Undecided sentences", f"not claimed: they may or may not change {doc.value_label} by {delta}", "undecided", doc.undecided),
        ("Excluded sentences", f"shown to change {doc.value_label} by less than {delta}", "excluded", doc.excluded),
    ]
    for title, caption, kind, rows in parts:
        if rows:
            yield SheetView(
                title=title,
                caption=caption,
                level=1 - doc.plan.futility,
                columns=_CLAIMS,
                rows=tuple(_claim(doc, row, kind) for row in rows),
                facts=facts,
                keys=tuple(f"{kind}-{row.sentence}" for row in rows),
            )


def _claim(doc: AnchorsDoc, row: AnchorDoc, kind: str) -> tuple[SheetCell, ...]:
    delta, least = doc.plan.delta, doc.plan.least
    shown = {
        "claim": f"ANCHOR ≥ {delta:g}" if row.at_least_delta else f"ANCHOR > {least:g}",
        "excluded": f"< {delta:g}",
        "undecided": "?" if row.needed is None else f"? about {row.needed:,} draws",
    }[kind]
    if row.missing is not None and abs(row.missing) >= least:
        shown += f"; no verdict {row.missing:+.2f}"
    change = number_cell(Estimate(value=row.delta, low=row.low, high=row.high), form="+.2f")
    return cell(f"{row.sentence:,}"), cell(_short(row.text)), cell(shown), change, _share(row.leave), cell(f"{row.n:,}")


def _sentence(doc: AnchorsDoc, number: int, row: SentenceDoc) -> tuple[SheetCell, ...]:
    claimed = any(one.sentence == number for one in doc.claims)
    cells = [
        cell(f"{number:,}"),
        cell(("ANCHOR " if claimed else "") + _short(row.text)),
        number_cell(row.value),
        number_cell(row.resampling, form="+.2f"),
        number_cell(row.counterfactual, form="+.2f") if row.n_unlike else cell(NONE),
        _share(row.unlike),
        cell(f"{row.n:,}"),
        cell(_divergence(row.counterfactual_kl)),
        _share(row.control),
    ]
    if any(one.forced is not None for one in doc.sentences):
        forced = Estimate(value=row.forced, low=None, high=None)
        cells.insert(5, cell(NONE) if row.forced is None else number_cell(forced, form="+.2f", limits=""))
    return tuple(cells)


def _divergence(found: DivergenceDoc | None) -> str:
    """KL with the most that chance gives."""
    return NONE if found is None else f"{found.value:.2f} (null {found.null_high:.2f})"


def _effects(doc: AnchorsDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    """Pairs of sentences whose limits exclude 0, those furthest from it first."""
    found = [
        (max(low, -high), row.sentence, row.sentence + 1 + k, Estimate(value=value, low=low, high=high))
        for row in doc.effects
        for k, (value, low, high) in enumerate(zip(row.effect, row.low, row.high, strict=True))
        if value is not None and low is not None and high is not None and max(low, -high) > 0
    ]
    found.sort(key=lambda one: -one[0])
    if found:
        pairs = sum(len(row.effect) for row in doc.effects)
        yield SheetView(
            title="Effects of sentences on later ones",
            lead=(f"{len(found):,} of {pairs:,} pairs have limits that exclude 0; about {(1 - doc.level) * pairs:.0f} would by chance",),
            caption="how much likelier a sentence like it follows if this one stands, rather than another in its place; no claim",
            level=doc.level,
            columns=_EFFECTS,
            rows=tuple(
                (cell(_named(doc, a)), cell(_named(doc, b)), number_cell(effect, form="+.2f")) for _, a, b, effect in found[:MOST_EFFECTS]
            ),
            facts=facts,
            pieces=(_matrix(doc),),
        )


def _resilience(doc: AnchorsDoc, facts: tuple[FactView, ...]) -> Iterator[SheetView]:
    if not doc.resilience:
        return
    rows: list[tuple[SheetCell, ...]] = []
    for row in doc.resilience:
        other = ((row.back, "back"), (row.stuck, "stuck"), (row.unfinished, "open"))
        rows.append(
            (
                cell(_named(doc, row.sentence)),
                cell(f"{row.away:,} of {row.runs:,}"),
                cell(", ".join(f"{n:,} {word}" for n, word in other if n) or NONE),
                cell(NONE if row.rounds is None else f"{row.rounds:.1f}"),
                cell(NONE) if row.counterfactual.value is None else number_cell(row.counterfactual, form="+.2f"),
            )
        )
    yield SheetView(
        title="Sentences taken away",
        lead=("resampled until another sentence stands there, and again wherever one like it comes back",),
        caption="counterfactual++: the value with the sentence less that of the runs in which it stays away",
        level=doc.level,
        columns=_TAKEN,
        rows=tuple(rows),
        facts=facts,
    )


def _named(doc: AnchorsDoc, number: int) -> str:
    return f"{number:,} {_short(doc.sentences[number].text, LONGEST // 2)}"


def _share(p: float | None) -> SheetCell:
    return cell(NONE) if p is None else number_cell(Estimate(value=p, low=None, high=None), limits="")


def _short(text: str, longest: int = LONGEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _count(n: int) -> str:
    return f"{n:,} sentence{'s' * (n != 1)}"


def _facts(doc: AnchorsDoc) -> Iterator[FactView]:
    plan = doc.plan
    yield model_fact(doc.model)
    yield FactView(label="sampler", value=sampler_text(doc.sampling), detail=f"at most {doc.sampling.max_tokens:,} tokens")
    yield FactView(label="segmenter", value=plan.segment, detail=_count(len(doc.sentences)))
    yield FactView(label="similarity", value=plan.similarity, detail=f"another sentence is one below {plan.threshold:g}")
    if plan.claims:
        detail = f"a claim is more than {plan.least:g}; given up where limits at {1 - plan.futility:.0%} are within delta"
        yield FactView(label="delta", value=f"{plan.delta:g}", detail=detail)
        looks = f"{plan.dependence} dependence, {doc.looks} looks"
        yield FactView(label="false discovery", value=percent(plan.false_discovery), detail=looks)
    yield FactView(label="KL", value=f"alpha {plan.alpha:g}", detail="null: 95 % quantile with labels in random order", minor=True)
    yield FactView(label="rollouts", value=f"{doc.rollouts:,}", detail=f"{doc.claim_rollouts:,} of them fresh, for claims")
    yield FactView(label="generated", value=f"{doc.generated_tokens:,} tokens", detail=doc.stopped)
    yield FactView(label="base answer", value=doc.trace.outcome or "none", detail=doc.trace.verdict)
    yield FactView(label="seed", value=str(doc.seed), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
