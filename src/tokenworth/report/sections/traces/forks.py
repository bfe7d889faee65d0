"""Branches and rollout texts of a curve document as view rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from tokenworth.core.document import Number
from tokenworth.methods.curve.document import BranchDoc, CurveDoc
from tokenworth.report.sections.traces.model import BranchView, OutcomeView, SampleView
from tokenworth.report.sections.traces.series import known
from tokenworth.stats.proportion import share

MIXED = "mixed"
"""Verdict of a label that a grader called correct once and not another time: counts of the label decide nothing."""


def count_outcomes(doc: CurveDoc | None) -> tuple[dict[str, int], dict[str, str]]:
    """How many rollouts came to each outcome, and the verdict of each outcome that a rollout shows."""
    if doc is None:
        return {}, {}
    totals: Counter[str] = Counter({label: 0 for label in doc.outcomes})
    if doc.branches:
        for branch in doc.branches:
            totals.update(branch.outcomes)
    else:
        totals.update(s.outcome for s in doc.samples)
    for sample in doc.samples:
        totals.setdefault(sample.outcome, 0)
    pairs = [(s.outcome, s.verdict) for s in doc.samples]
    if doc.trace.outcome is not None and doc.trace.verdict != "unknown":
        pairs.append((doc.trace.outcome, doc.trace.verdict))
    return dict(totals), one_verdict(pairs)


def one_verdict(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The verdict of each outcome label in (label, verdict) pairs; `MIXED` for a label that came with several."""
    verdicts: dict[str, str] = {}
    for label, verdict in pairs:
        verdicts[label] = verdict if verdicts.get(label, verdict) == verdict else MIXED
    return verdicts


def branch_views(doc: CurveDoc, outcomes: tuple[OutcomeView, ...]) -> tuple[BranchView, ...]:
    """Branches by cut, the base token first, then by probability. Δ is against the value at the branch's cut.

    The base token's value is the curve's at the next cut where no rollout began with it. Where the document does not say how many
    rollouts met the target, the labels of correct verdict do; counts that hold a label of mixed verdict then give no value.
    """
    column = {o.label: k for k, o in enumerate(outcomes)}
    verdict = {o.label: o.verdict for o in outcomes}
    at = {c: i for i, c in enumerate(doc.cuts)}
    views: list[BranchView] = []
    for b in sorted(doc.branches, key=lambda b: (b.cut, not b.is_base, -(b.p or 0.0), b.token)):
        counts = [0] * len(outcomes)
        for label, n in b.outcomes.items():
            counts[column[label]] += n
        hits = _hits(b, verdict)
        v, lo, hi = share(hits, b.n, doc.level) if b.n > 0 and hits is not None else _on_curve(doc, at, b)
        here = known(doc.value[at[b.cut]]) if b.cut in at else None
        views.append(
            BranchView(
                cut=b.cut,
                token=b.token,
                text=b.text,
                p=known(b.p),
                is_base=b.is_base,
                n=b.n,
                counts=tuple(counts),
                value=v,
                low=lo,
                high=hi,
                delta=v - here if v is not None and here is not None else None,
            )
        )
    return tuple(views)


def _hits(branch: BranchDoc, verdict: Mapping[str, str]) -> int | None:
    """How many rollouts of a branch met the target; None where labels of mixed verdict would have to tell."""
    if branch.n_hit is not None:
        return branch.n_hit
    if any(n and verdict[label] == MIXED for label, n in branch.outcomes.items()):
        return None
    return sum(n for label, n in branch.outcomes.items() if verdict[label] == "correct")


def _on_curve(doc: CurveDoc, at: dict[int, int], branch: BranchDoc) -> tuple[Number, Number, Number]:
    """What the curve says after the base token; nothing for another token."""
    i = at.get(branch.cut + 1) if branch.is_base else None
    return (None, None, None) if i is None else (known(doc.value[i]), known(doc.low[i]), known(doc.high[i]))


def sample_views(doc: CurveDoc, branches: tuple[BranchView, ...]) -> tuple[SampleView, ...]:
    """Rollout texts by cut and index, each with how much of the base trace it repeats."""
    row = {(b.cut, b.token): i for i, b in enumerate(branches)}
    base = "".join((*doc.trace.pieces, *doc.trace.answer_pieces))
    offset = [0, *accumulate(len(p) for p in doc.trace.pieces)]
    views: list[SampleView] = []
    for s in sorted(doc.samples, key=lambda s: (s.cut, s.index)):
        start = offset[s.cut] if 0 <= s.cut < len(offset) else len(base)
        branch = row.get((s.cut, s.branch), -1) if s.branch is not None else -1
        if branch < 0 and s.ids:
            branch = row.get((s.cut, s.ids[0]), -1)
        views.append(
            SampleView(
                cut=s.cut,
                index=s.index,
                text=s.text,
                outcome=s.outcome,
                verdict=s.verdict,
                stop=s.stop,
                n_tokens=s.n_tokens,
                branch=branch,
                diverges=_shared(base, start, s.text),
            )
        )
    return tuple(views)


def _shared(base: str, start: int, text: str) -> int:
    """Length in UTF-16 units of the longest common prefix of ``base[start:]`` and ``text``."""
    size, low, high = min(len(base) - start, len(text)), 0, 0
    high = size
    while low < high:
        middle = (low + high + 1) // 2
        if base.startswith(text[low:middle], start + low):
            low = middle
        else:
            high = middle - 1
    return len(text[:low].encode("utf-16-le", "surrogatepass")) // 2
