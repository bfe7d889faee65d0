"""What a page shows of forks: where the value changes, what each branch is worth, and what survives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.core.estimate import Estimate
from tokenworth.core.no_verdict import percent
from tokenworth.methods.forks.document import ChangeIntervalDoc, ForkBranchDoc, ForkDoc, ForksDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.pieces.bars import Bar
from tokenworth.report.pieces.marked import Mark, Marked
from tokenworth.report.pieces.piece import Piece
from tokenworth.report.pieces.series import Bracket, Lines, Series
from tokenworth.report.pieces.texts import Texts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

BEFORE, LONGEST = 6, 60
"""Tokens shown before a fork; characters shown of an interval."""
LEAST_REST = 0.005
"""Branches below the floor have a row if they were drawn, or from this probability on."""
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
    SheetColumn(name="outcomes", kind="text", width=15),
    SheetColumn(name="p", kind="share", width=7, right=True),
    SheetColumn(name="value", kind="share", width=20, right=True),
    SheetColumn(name="distance", kind="share", width=20, right=True),
    SheetColumn(name="p (permutation)", kind="share", width=17, right=True),
    SheetColumn(name="rollouts", kind="count", width=10, right=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForkRow:
    """A row of the table with its key and what it opens to."""

    key: str
    cells: tuple[SheetCell, ...]
    detail: tuple[Piece, ...] = ()


def _sheets(doc: ForksDoc) -> Iterator[SheetView]:
    facts, gold = tuple(_facts(doc)), "" if doc.problem is None else doc.problem.gold or ""
    rows = [row for fork in doc.forks for row in _fork(doc, fork)]
    yield SheetView(
        title=f"Forks of {doc.value_label}",
        lead=(*_lead(doc), *_change_lead(doc)),
        caption=f"where {doc.value_label} changes: each interval holds a change" if doc.changes else "",
        level=doc.changes_level if doc.changes else None,
        columns=_CHANGES if doc.changes else (),
        rows=tuple(_change(doc, row) for row in doc.changes),
        keys=tuple(_change_key(row) for row in doc.changes),
        pieces=(_marked(doc), _curve(doc)) if doc.trace.pieces else (),
        facts=facts,
        notes=doc.notes,
    )
    if doc.forks:
        yield SheetView(
            title="Branches",
            caption=_caption(doc),
            level=doc.level,
            columns=_FORKS,
            rows=tuple(row.cells for row in rows),
            keys=tuple(row.key for row in rows),
            details=tuple(row.detail for row in rows),
            labels=doc.labels,
            gold=gold if gold in doc.labels else "",
            facts=facts,
        )
        yield SheetView(title="Survival", lead=(_survival_lead(doc),), columns=(), rows=(), pieces=(_survival(doc),), facts=facts)


# -- drawings -----------------------------------------------------------------------------------------------------------------------------


def _marked(doc: ForksDoc) -> Marked:
    """The trace with its far forks and its change intervals."""
    marks: list[Mark] = []
    for row in doc.changes:
        label = f"changes by {number_cell(row.change, form='+.2f').text}"
        marks.append(Mark(start=row.first, stop=row.last + 1, kind="span", label=label, row=_change_key(row)))
    for fork in doc.forks:
        far = [one for one in fork.branches if one.verdict == "far"]
        if far:
            label = ", ".join(f"{one.text!r} is {doc.plan.far:g} or more away" for one in far)
            marks.append(Mark(start=fork.token, stop=fork.token + 1, kind="claim", label=label, row=f"f{fork.token}"))
    together = f"all together at {percent(doc.level)}"
    return Marked(
        pieces=doc.trace.pieces,
        marks=tuple(marks),
        title="Trace",
        claims=f"claim: a branch shown to lead {doc.plan.far:g} or more away, {together}; interval: holds a change, {together}",
        colour=doc.value[1:],
        what=f"{doc.value_label} after the token; a colour is no claim",
    )


def _curve(doc: ForksDoc) -> Lines:
    """The value with its change intervals, and models beside it."""
    cuts = np.arange(len(doc.value))
    series = [Series(name=doc.value_label, x=cuts, y=_floats(doc.value), low=_floats(doc.low), high=_floats(doc.high))]
    for model in doc.models:
        if model.value is not None:
            series.append(Series(name=f"model {model.name}, no limits", x=cuts, y=_floats(model.value)))
    return Lines(
        series=tuple(series),
        length=len(doc.value) - 1,
        what=doc.value_label,
        band=f"{percent(doc.level)} pointwise limits",
        brackets=tuple(
            Bracket(start=row.first, stop=row.last + 1, label=number_cell(row.change, form="+.2f").main, row=_change_key(row))
            for row in doc.changes
        ),
        pieces=doc.trace.pieces,
    )


def _survival_lead(doc: ForksDoc) -> str:
    away = f"{doc.plan.far:g} or more away ({DISTANCES[doc.plan.distance]})"
    bounds = f"between two bounds, by pointwise limits at {percent(doc.level)}"
    return f"if each step up to a cut were drawn anew: the probability that none takes a branch {away}, {bounds}"


def _survival(doc: ForksDoc) -> Lines:
    names = {
        "at most": doc.survival_high,
        "at least, if no branch below the floor leads away": doc.survival_kept,
        "at least": doc.survival_low,
    }
    cuts = np.arange(len(doc.value))
    series = tuple(Series(name=name, x=cuts, y=_floats(values), step=True) for name, values in names.items())
    return Lines(series=series, length=len(doc.value) - 1, what="survival", pieces=doc.trace.pieces)


def _floats(values: Sequence[float | None]) -> Float[np.ndarray, " cut"]:
    return np.asarray([np.nan if x is None else x for x in values], dtype=np.float64)


# -- tables -------------------------------------------------------------------------------------------------------------------------------


def _caption(doc: ForksDoc) -> str:
    plan = doc.plan
    return f"{DISTANCES[plan.distance]} from the base's next cut, pointwise limits; FAR: shown to be {plan.far:g} or more, all together"


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


def _change_key(row: ChangeIntervalDoc) -> str:
    return f"c{row.first}-{row.last}"


def _change(doc: ForksDoc, row: ChangeIntervalDoc) -> tuple[SheetCell, ...]:
    where = f"{row.first:,}" if row.first == row.last else f"{row.first:,} to {row.last:,}"
    text = "".join(doc.trace.pieces[row.first : row.last + 1])
    return cell(where), cell(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"), number_cell(row.change, form="+.2f")


def _fork(doc: ForksDoc, fork: ForkDoc) -> Iterator[_ForkRow]:
    before = "".join(doc.trace.pieces[max(0, fork.token - BEFORE) : fork.token])
    at = fork.token + 1
    value = Estimate(value=doc.value[at], low=doc.low[at], high=doc.high[at])
    base = cell(f"{before}{MARKS[0]}{fork.text}{MARKS[1]}")
    yield _ForkRow(
        key=f"f{fork.token}",
        cells=(cell(f"{fork.token:,}"), base, _outcomes(doc, fork.base), _share(fork.p), number_cell(value), cell("base"), *_none(2)),
        detail=(Texts(lines=tuple(_of_fork(doc, fork))),),
    )
    for one in sorted(fork.branches, key=lambda branch: -(branch.p or 0.0)):
        yield _branch(doc, fork, one)
    if fork.rest_n or (fork.rest or 0.0) >= LEAST_REST:
        counts = {label: Estimate(value=count / fork.rest_n, low=None, high=None) for label, count in fork.rest_outcomes.items()}
        outcomes = _outcomes(doc, counts, n=fork.rest_n) if fork.rest_n else cell(NONE)
        yield _ForkRow(
            key=f"f{fork.token}-rest",
            cells=(cell(f"{fork.token:,}"), cell("→ below the floor"), outcomes, _share(fork.rest), *_none(3), cell(f"{fork.rest_n:,}")),
        )


def _branch(doc: ForksDoc, fork: ForkDoc, one: ForkBranchDoc) -> _ForkRow:
    distance = number_cell(one.distance) if one.n else cell(NONE)
    mark = {"far": "FAR ", "near": "near ", "open": ""}[one.verdict]
    return _ForkRow(
        key=f"f{fork.token}-{one.token}",
        cells=(
            cell(f"{fork.token:,}"),
            cell(f"→ {one.text}"),
            _outcomes(doc, one.outcomes, n=one.n) if one.n else cell(NONE),
            _share(one.p),
            number_cell(one.value) if one.n else cell(NONE),
            SheetCell(text=mark + distance.text, main=mark + distance.main, number=distance.number),
            cell(NONE if one.tv_p is None else f"{one.tv_p:.3f}"),
            cell(f"{one.n:,}"),
        ),
        detail=(Texts(lines=tuple(_of_branch(doc, one)), samples=tuple(_samples(one))),) if one.n else (),
    )


def _outcomes(doc: ForksDoc, outcomes: Mapping[str, Estimate], *, n: int | None = None) -> SheetCell:
    """A bar over the document's labels; a terminal shows the shares as well."""
    found = [outcomes.get(label, Estimate(value=0.0, low=None, high=None)) for label in doc.labels]
    low, high = tuple(one.low for one in found), tuple(one.high for one in found)
    shares = " ".join(NONE if one.value is None else f"{one.value:.2f}" for one in found) if len(found) <= 4 else ""
    # Where no draw tells the rest, what is known stands, and the rest is drawn as missing.
    known = tuple(one.low if one.value is None else one.value for one in found)
    return SheetCell(text=shares, main="", bar=Bar(shares=known, low=low, high=high, n=n))


def _of_fork(doc: ForksDoc, fork: ForkDoc) -> Iterator[str]:
    mixed = "mixed from its branches" if fork.mixed else "from the pooled rollouts that leave here"
    yield f"change of {doc.value_label} by this token: {number_cell(fork.delta, form='+.2f').text}, pointwise, {mixed}"
    if fork.hazard_low is not None and fork.hazard_high is not None:
        yield f"probability that this step leads {doc.plan.far:g} or more away: {fork.hazard_low:.2f} to {fork.hazard_high:.2f}"
    if fork.variance is not None:
        yield f"adds {fork.variance:+.3f} to the variance along the trace, without the bias of few draws"


def _of_branch(doc: ForksDoc, one: ForkBranchDoc) -> Iterator[str]:
    yield f"{one.n:,} rollouts, {one.topped:,} of them drawn for this branch alone"
    if one.tv is not None and one.tv_chance is not None and one.tv_p is not None:
        chance = f"{one.tv_chance:.2f} in the mean if both were the same, p {one.tv_p:.3f} by permutation"
        yield f"total variation as counted {one.tv:.2f}; {chance}"
    if one.l2 is not None:
        yield f"squared Euclidean distance, without the bias of few draws: {one.l2:+.3f}"
    if one.kl is not None:
        yield f"KL from the base {one.kl:.2f} nats, with {doc.plan.alpha:g} added to each count"
    for label, found in one.outcomes.items():
        yield f"{label}: {number_cell(found).text}, {found.k or 0:,} of {found.n or 0:,}"


def _samples(one: ForkBranchDoc) -> Iterator[tuple[str, str]]:
    for found in one.continuations:
        yield found.outcome, f"{found.text}{' …' if found.cut_off else ''}"


def _none(n: int) -> tuple[SheetCell, ...]:
    return (cell(NONE),) * n


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
