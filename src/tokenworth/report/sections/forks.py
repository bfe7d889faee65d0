"""What a page shows of forks: where the value changes, what each branch is worth, and what survives."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.estimate import Estimate
from tokenworth.core.no_verdict import percent
from tokenworth.methods.forks.document import ChangeDoc, ForkBranchDoc, ForkDoc, ForksDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

BEFORE, LONGEST = 6, 60
"""Tokens shown before a fork; characters shown of an interval."""
MARKS = ("▶", "◀")
DISTANCES = {"tv": "total variation", "l2": "Euclidean distance", "value": "difference of values"}
_CHANGES = (
    SheetColumn(name="tokens", kind="text", width=12),
    SheetColumn(name="text", kind="text", width=30),
    SheetColumn(name="change", kind="difference", width=22, right=True),
)
_FORKS = (
    SheetColumn(name="token", kind="count", width=8),
    SheetColumn(name="branch", kind="text", width=26),
    SheetColumn(name="outcomes", kind="text", width=24),
    SheetColumn(name="p", kind="share", width=7, right=True),
    SheetColumn(name="value", kind="share", width=20, right=True),
    SheetColumn(name="distance", kind="share", width=20, right=True),
    SheetColumn(name="p (permutation)", kind="share", width=17, right=True),
    SheetColumn(name="rollouts", kind="count", width=10, right=True),
)
_SURVIVAL = (
    SheetColumn(name="cut", kind="count", width=8),
    SheetColumn(name="at most", kind="share", width=9, right=True),
    SheetColumn(name="at least", kind="share", width=10, right=True),
    SheetColumn(name="at least, if none below the floor leads away", kind="share", width=10, right=True),
)


def _sheets(doc: ForksDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    plan = doc.plan
    yield SheetView(
        title=f"Forks of {doc.value_label}",
        lead=tuple(_lead(doc)),
        caption=_caption(doc),
        level=doc.level,
        columns=_FORKS if doc.forks else (),
        rows=tuple(row for fork in doc.forks for row in _fork(doc, fork)),
        facts=facts,
        notes=doc.notes,
    )
    yield SheetView(
        title=f"Where {doc.value_label} changes",
        lead=tuple(_change_lead(doc)),
        level=doc.changes_level if doc.changes else None,
        columns=_CHANGES if doc.changes else (),
        rows=tuple(_change(doc, row) for row in doc.changes),
        facts=facts,
    )
    if doc.forks:
        yield SheetView(
            title="Survival",
            lead=(
                f"probability that no step up to a cut could have led {plan.far:g} or more away; bounds from pointwise limits at "
                f"{percent(doc.level)}",
            ),
            columns=_SURVIVAL,
            rows=tuple(_survival(doc)),
            facts=facts,
        )


def _caption(doc: ForksDoc) -> str:
    plan = doc.plan
    apart = f"{DISTANCES[plan.distance]} from the base's next cut, pointwise limits; FAR: shown to be {plan.far:g} or more, all together"
    return apart if doc.forks else ""


def _lead(doc: ForksDoc) -> Iterator[str]:
    plan = doc.plan
    branches = [one for fork in doc.forks for one in fork.branches]
    counts = {word: sum(one.verdict == word for one in branches) for word in ("far", "near", "open")}
    whole = len(doc.trace.pieces)
    yield (
        f"{len(doc.forks):,} of {whole:,} tokens are left with a probability of {plan.floor:g} or more; "
        f"{_many(len(branches), 'branch')} of that probability are measured by themselves"
    )
    if branches:
        apart = f"{counts['far']:,} of these are shown to lead {plan.far:g} or more away, {counts['near']:,} to stay nearer"
        yield f"{apart}, {counts['open']:,} are open"
    if doc.below_floor is not None and whole:
        yield f"branches below the floor are taken {doc.below_floor:.2g} times a trace in the mean; they are in the upper bound of hazards"
    if doc.variance is not None and doc.variance_bound is not None:
        yield (
            f"these forks add {max(0.0, doc.variance):.2g} to the variance along the trace; over traces drawn from the model the mean of "
            f"all tokens is at most {doc.variance_bound:.2g}"
        )


def _change_lead(doc: ForksDoc) -> Iterator[str]:
    least = f"by more than {doc.plan.least:g} " if doc.plan.least else ""
    if doc.changes:
        yield (
            f"{_many(len(doc.changes), 'interval')} of tokens; in each the value changes {least}somewhere, and all of them hold together "
            f"with {percent(doc.level)} ({doc.change_pairs:,} pairs of cuts compared; each at {doc.changes_level:.5%})"
        )
    else:
        compared = f"{doc.change_pairs:,} pairs of cuts compared, together at {percent(doc.level)}"
        yield f"no interval of tokens is shown to change the value {least}({compared})"
    for model in doc.models:
        shown = ", ".join(str(cut) for cut in model.begins[:12]) + ", …" * (len(model.begins) > 12)
        more = f"; {model.rollouts:,} rollouts of its own, {model.chosen}" if model.rollouts else ""
        found = f"changes at cut {shown}" if model.begins else "no change"
        yield f"model {model.name}, without limits: {found}{more}"


def _change(doc: ForksDoc, row: ChangeDoc) -> tuple[SheetCell, ...]:
    where = f"{row.first:,}" if row.first == row.last else f"{row.first:,} to {row.last:,}"
    text = "".join(doc.trace.pieces[row.first : row.last + 1])
    return cell(where), cell(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"), number_cell(row.change, form="+.2f")


def _fork(doc: ForksDoc, fork: ForkDoc) -> Iterator[tuple[SheetCell, ...]]:
    before = "".join(doc.trace.pieces[max(0, fork.token - BEFORE) : fork.token])
    at = min(fork.token + 1, len(doc.value) - 1)
    value = Estimate(value=doc.value[at], low=doc.low[at], high=doc.high[at])
    yield (
        cell(f"{fork.token:,}"),
        cell(f"{before}{MARKS[0]}{fork.text}{MARKS[1]}"),
        cell(_shares({label: one.value for label, one in fork.base.items() if one.value is not None})),
        _share(fork.p),
        number_cell(value),
        cell("base"),
        cell(NONE),
        cell(NONE),
    )
    for one in sorted(fork.branches, key=lambda branch: -(branch.p or 0.0)):
        yield _branch(one)
    if fork.rest:
        whole = sum(fork.rest_outcomes.values())
        yield (
            cell(""),
            cell("below the floor"),
            cell(_shares({label: count / whole for label, count in fork.rest_outcomes.items()}) if whole else NONE),
            _share(fork.rest),
            *(cell(NONE) for _ in range(3)),
            cell(f"{fork.rest_n:,}"),
        )


def _branch(one: ForkBranchDoc) -> tuple[SheetCell, ...]:
    distance = number_cell(one.distance) if one.n else cell(NONE)
    mark = {"far": "FAR ", "near": "near ", "open": ""}[one.verdict]
    return (
        cell(""),
        cell(f"  {one.text}"),
        cell(_shares({label: found.value or 0.0 for label, found in one.outcomes.items()}) if one.n else NONE),
        _share(one.p),
        number_cell(one.value) if one.n else cell(NONE),
        SheetCell(text=mark + distance.text, main=mark + distance.main, number=distance.number),
        cell(NONE if one.tv_p is None else f"{one.tv_p:.3f}"),
        cell(f"{one.n:,}"),
    )


def _survival(doc: ForksDoc) -> Iterator[tuple[SheetCell, ...]]:
    """At most 12 cuts, T among them."""
    last = len(doc.survival_high) - 1
    step = max(1, -(-last // 11))
    for cut in dict.fromkeys((*range(0, last, step), last)):
        yield cell(f"{cut:,}"), _share(doc.survival_high[cut]), _share(doc.survival_low[cut]), _share(doc.survival_kept[cut])


def _shares(shares: dict[str, float]) -> str:
    """The outcomes with their shares, the largest first."""
    most = sorted(shares.items(), key=lambda pair: -pair[1])
    return " ".join(f"{label} {share:.2f}" for label, share in most if share >= 0.005) or NONE


def _share(p: float | None) -> SheetCell:
    return cell(NONE) if p is None else number_cell(Estimate(value=p, low=None, high=None), limits="")


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 'es' if noun.endswith('ch') else 's'}"


def _facts(doc: ForksDoc) -> Iterator[FactView]:
    plan = doc.plan
    yield model_fact(doc.model)
    yield FactView(label="sampler", value=sampler_text(doc.sampling), detail=f"at most {doc.sampling.max_tokens:,} tokens")
    yield FactView(label="floor", value=f"{plan.floor:g}", detail="branches of this probability or more are measured one by one")
    yield FactView(label="far", value=f"{plan.far:g}", detail=DISTANCES[plan.distance])
    detail = f"{doc.excursions:,} of the curve, {doc.topped:,} of single branches ({plan.samples} for each)"
    yield FactView(label="rollouts", value=f"{doc.rollouts:,}", detail=detail)
    yield FactView(label="generated", value=f"{doc.generated_tokens:,} tokens", detail=doc.stopped)
    yield FactView(label="level", value=percent(doc.level), detail="Beta limits")
    yield FactView(label="base answer", value=doc.trace.outcome or "none", detail=doc.trace.verdict)
    yield FactView(label="seed", value=str(doc.seed), minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
