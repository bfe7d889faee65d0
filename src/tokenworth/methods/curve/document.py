"""A value curve as a document, made from its result and read back by the same class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import (
    VERDICTS,
    About,
    ModelDoc,
    Number,
    Provenance,
    TraceDoc,
    check_cuts,
    check_document_level,
    check_length,
    check_unit,
    numbers,
    stopped_notes,
    token_text,
    trace_doc,
)
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.table import ROLLOUT_COLUMNS, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.result import CurveResult, GradedRollout
from tokenworth.methods.cuts import missed_notes, spans

MUCH_UNSAMPLED = 0.05
"""Cuts from which a rollout leaves where there is no draw with this probability or more are named in a note."""
MIN_BRANCH = 1e-3
"""A next token below this probability is listed only if a rollout began with it."""

ASSUMPTIONS = {
    "excursions": "excursions independent given their fork; base trace fixed; pointwise, not simultaneous",
    "plain": "rollouts independent once at the cut; base trace fixed; pointwise, not simultaneous",
    "stride": "rollouts independent once at the cut; base trace fixed; pointwise, not simultaneous; cuts between not measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchDoc:
    """A token at a cut with its probability under q_c and the outcomes of rollouts that began with it.

    ``is_base`` marks the token the base trace took. ``n`` rollouts began with this token (0: not tried).
    """

    cut: int
    token: int
    text: str
    p: Number
    is_base: bool
    n: int
    n_hit: int | None = None
    """Of the ``n``, those that met the target; None where the outcomes have to tell."""
    outcomes: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDoc:
    """One rollout: where it started, its text and what it came to. ``verdict`` is correct, incorrect or unknown."""

    cut: int
    index: int
    text: str
    outcome: str
    verdict: str
    stop: str
    n_tokens: int
    branch: int | None = None
    ids: tuple[int, ...] | None = None
    hit: bool | None = None
    """Whether it meets the target; None where the verdict says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDoc:
    """Something worth a mark on the event lane, at a cut (``answer``, ``flip``, ``change``, ``paragraph``, ``note``)."""

    cut: int
    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDoc:
    """How cuts were chosen and rollouts allocated."""

    name: str
    samples: int | None = None
    stride: int | None = None
    refine: float | None = None
    interval: str = ""
    assumption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDoc:
    """The limits that were set and why the run stopped."""

    max_rollouts: int | None = None
    max_tokens: int | None = None
    half_width: float | None = None
    effective_samples: int | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDoc:
    """Value and outcome distribution at cuts, with pointwise intervals.

    ``n_started`` rollouts began at a cut; where it is 0 the value follows from later cuts by the recursion
    (``plan.name == "excursions"``) or was not measured (then ``value`` is None). ``value`` is None and the limits are not where a
    rollout can leave the base and no draw tells what that is worth. ``leave`` is the probability that a
    rollout from the cut ever leaves the base trace; ``unsampled`` the part of it that no rollout covers. ``change``: the value less that of
    the measured cut before, with limits of its own (not those of the two values); None as a whole where a source does not have
    them. ``widened``: by how much
    the limits are moved apart on each side because next-token probabilities are known only within bounds.
    ``value_label`` says what the value is the probability of, and ``target`` how that was asked for.
    """

    schema: str = "tokenworth.curve/1"
    problem: Problem | None = None
    model: ModelDoc
    sampling: Sampling | None = None
    plan: PlanDoc
    seed: int | None = None
    trace: TraceDoc
    cuts: tuple[int, ...]
    value: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    level: float
    change: tuple[Number, ...] | None = None
    change_low: tuple[Number, ...] | None = None
    change_high: tuple[Number, ...] | None = None
    n_effective: tuple[Number, ...]
    n_started: tuple[int, ...]
    leave: tuple[Number, ...] | None = None
    unsampled: tuple[Number, ...] | None = None
    widened: tuple[Number, ...] | None = None
    outcomes: Mapping[str, tuple[Number, ...]] = field(default_factory=dict[str, tuple[Number, ...]])
    outcomes_low: Mapping[str, tuple[Number, ...]] = field(default_factory=dict[str, tuple[Number, ...]])
    outcomes_high: Mapping[str, tuple[Number, ...]] = field(default_factory=dict[str, tuple[Number, ...]])
    branches: tuple[BranchDoc, ...] = ()
    samples: tuple[SampleDoc, ...] = ()
    events: tuple[EventDoc, ...] = ()
    rollouts: int = 0
    generated_tokens: int = 0
    budget: BudgetDoc
    provenance: Provenance
    value_label: str = "P(correct)"
    target: str = "gold"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_trace, count = len(self.trace.pieces), len(self.cuts)
        length = n_trace + len(self.trace.answer_pieces)  # rollouts and forks go on into the answer, curves do not
        check_cuts(self.cuts, n_trace, "cuts")
        check_document_level(self.level)
        lists = {name: getattr(self, name) for name in ("value", "low", "high", "leave", "unsampled", "widened")}
        for group in ("outcomes", "outcomes_low", "outcomes_high"):
            lists.update({f"{group}[{label!r}]": values for label, values in getattr(self, group).items()})
        for name, values in lists.items():
            check_length(values, count, name, "cuts")
            check_unit(values, name)
        for name in ("change", "change_low", "change_high"):
            check_length(getattr(self, name), count, name, "cuts")
            check_unit(getattr(self, name), name, least=-1)
        check_length(self.n_effective, count, "n_effective", "cuts")
        check_length(self.n_started, count, "n_started", "cuts")
        for name in ("branches", "samples", "events"):
            for thing in getattr(self, name):
                if not 0 <= thing.cut <= length:
                    raise InvalidInput(f"{name} at cut {thing.cut}, expected 0 to {length}, the length of trace and answer")
        for sample in self.samples:
            if sample.verdict not in VERDICTS:
                raise InvalidInput(f"a sample's verdict is {sample.verdict!r}, expected {', '.join(VERDICTS)}")


def rollout_table(doc: CurveDoc) -> Table:
    """The rollouts of a curve, one row each."""

    def rows() -> Iterator[TableRow]:
        name = trace_id(doc.model.name, doc.trace)
        for one in doc.samples:
            yield name, one.cut, one.index, one.ids, one.text, one.stop, one.outcome, one.verdict, one.n_tokens

    return Table(columns=ROLLOUT_COLUMNS, rows=rows())


def curve_document(result: CurveResult, codec: Codec, about: About) -> CurveDoc:
    """The document of a value curve."""
    settings, budget = result.settings, result.settings.budget
    has_leave = bool(np.isfinite(result.leave).any())
    return CurveDoc(
        problem=about.problem,
        model=about.model,
        sampling=result.sampling,
        plan=PlanDoc(
            name=settings.plan,
            samples=settings.per_cut,
            stride=settings.stride,
            refine=settings.refine,
            interval=settings.interval,
            assumption=ASSUMPTIONS[settings.plan],
        ),
        seed=settings.seed,
        trace=trace_doc(result.trace, result.base, codec, result.table),
        cuts=tuple(int(c) for c in result.cuts),
        value=numbers(result.value),
        low=numbers(result.low),
        high=numbers(result.high),
        level=settings.level,
        change=numbers(result.change),
        change_low=numbers(result.change_low),
        change_high=numbers(result.change_high),
        n_effective=numbers(result.n_effective),
        n_started=tuple(int(n) for n in result.n_started),
        leave=numbers(result.leave) if has_leave else None,
        unsampled=numbers(result.unsampled) if has_leave else None,
        widened=None if result.widened is None else numbers(result.widened),
        outcomes=_columns(result.labels, result.outcomes),
        outcomes_low=_columns(result.labels, result.outcomes_low),
        outcomes_high=_columns(result.labels, result.outcomes_high),
        branches=_branches(result, codec),
        samples=tuple(_sample_doc(draw, codec) for draw in result.draws),
        rollouts=result.n_rollouts,
        generated_tokens=result.generated_tokens,
        budget=BudgetDoc(**asdict(budget), stopped=result.stopped),
        provenance=about.provenance,
        value_label=result.target.label,
        target=result.target.name,
        notes=_notes(result),
    )


def _branches(result: CurveResult, codec: Codec) -> tuple[BranchDoc, ...]:
    table, completion = result.table, result.trace.sequence.completion
    tried: dict[tuple[int, int], Counter[str]] = {}
    hits: Counter[tuple[int, int]] = Counter()
    for draw in result.draws:
        if draw.rollout.ids:
            tried.setdefault((draw.cut, draw.rollout.ids[0]), Counter())[draw.grade.outcome] += 1
            hits[draw.cut, draw.rollout.ids[0]] += draw.hit
    listed: dict[tuple[int, int], Number] = dict.fromkeys(tried)
    if table is not None:
        cuts = range(min(result.trace.n_trace + 1, len(table.p)))
        for cut in cuts:
            known = {int(t): float(q) for t, q in zip(table.top_ids[cut], table.top_p[cut], strict=True) if t >= 0 and q >= MIN_BRANCH}
            known[completion[cut]] = float(table.p[cut])
            if len(known) > 1 or any((cut, token) in tried for token in known):
                listed.update({(cut, token): q for token, q in known.items()})
    texts = {token: token_text(codec, token) for _, token in listed}
    rows = [
        BranchDoc(
            cut=cut,
            token=token,
            text=texts[token],
            p=p,
            is_base=cut < len(completion) and completion[cut] == token,
            n=sum(tried.get((cut, token), Counter()).values()),
            n_hit=hits[cut, token],
            outcomes=dict(sorted(tried.get((cut, token), Counter()).items())),
        )
        for (cut, token), p in listed.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.cut, -(row.p or 0.0), row.token)))


def _sample_doc(draw: GradedRollout, codec: Codec) -> SampleDoc:
    ids = draw.rollout.ids
    return SampleDoc(
        cut=draw.cut,
        index=draw.index,
        text=codec.decode(ids),
        outcome=draw.grade.outcome,
        verdict=str(draw.grade.verdict),
        stop=str(draw.rollout.stop),
        n_tokens=len(ids),
        branch=ids[0] if ids else None,
        ids=ids,
        hit=draw.hit,
    )


def _columns(labels: tuple[str, ...], array: Float[np.ndarray, "cut outcome"]) -> dict[str, tuple[Number, ...]]:
    return {label: numbers(array[:, i]) for i, label in enumerate(labels)}


def _notes(result: CurveResult) -> tuple[str, ...]:
    notes: list[str] = []
    notes += _unsampled_notes(result)
    unknown = sum(draw.grade.verdict == "unknown" for draw in result.draws)
    if unknown:
        notes.append(
            f"{unknown} of {len(result.draws)} rollouts have no verdict; "
            f"the value is {result.target.label} over all rollouts, and they do not count as hits; see the outcomes"
        )
    if result.base.verdict == "unknown":
        notes.append(f"the base answer itself has no verdict ({result.base.outcome})")
    return (*notes, *slack_notes(result), *missed_notes(result.missed), *stopped_notes(result.unresolved))


def _unsampled_notes(result: CurveResult) -> Iterator[str]:
    """Where no rollout tells what leaving the trace is worth: at all, or in part."""
    unsampled, cuts = np.nan_to_num(result.unsampled), result.cuts
    unknown = np.isnan(result.value) & ~np.isnan(result.low)
    if unknown.any():
        yield f"no draw tells the value at {spans(cuts[unknown])}: only its limits are known there"
    some = (unsampled >= MUCH_UNSAMPLED) & ~unknown
    if some.any():
        yield (
            f"at {spans(cuts[some])} rollouts leave the trace with a probability of {MUCH_UNSAMPLED:g} or more "
            f"(up to {unsampled[some].max():.2g}) where there is no draw; the mean of the others stands for it, and the "
            "intervals are widened by it"
        )


def slack_notes(result: CurveResult) -> tuple[str, ...]:
    """What is said of next-token probabilities known only within bounds."""
    table = result.table
    slack = np.zeros(0) if table is None or table.slack is None else np.nan_to_num(table.slack, nan=1.0)
    if not (slack > 0).any():
        return ()
    size = len(slack)
    known = f"next-token probabilities at {np.count_nonzero(slack):,} of {size:,} cuts are known only to within ± {slack.max():.3g}"
    if result.widened is None:
        return (known,)
    notes = [f"{known}; intervals are widened by up to {result.widened.max():.3g} on each side"]
    target = result.settings.budget.half_width
    missed = 0 if target is None else np.count_nonzero((result.widened > target / 2) & ((result.high - result.low) / 2 > target))
    if missed:
        notes.append(
            f"at {missed:,} of {len(result.cuts):,} cuts this widens the interval by more than half of the requested half-width "
            f"{target:g}; sampling stopped there at half of it"
        )
    return tuple(notes)
