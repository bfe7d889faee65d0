"""A value curve as a document, made from its result and read back by the same class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields

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
    token_text,
    trace_doc,
)
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.table import ROLLOUT_COLUMNS, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.notes import curve_notes
from tokenworth.methods.curve.result import CurveResult, GradedRollout

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
class VerdictsDoc:
    """What rollouts without a verdict leave open, at the cuts of a curve.

    ``missing``: share of rollouts without a verdict. The value is a share of all rollouts: its limits are those if none of these met the
    target, and ``high_if_met`` is the upper one if all did. ``given``: P(target | verdict); None where no rollout has a verdict.
    """

    missing: tuple[Number, ...]
    missing_low: tuple[Number, ...]
    missing_high: tuple[Number, ...]
    high_if_met: tuple[Number, ...]
    given: tuple[Number, ...]
    given_low: tuple[Number, ...]
    given_high: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDoc:
    """Value and outcome distribution at cuts, with pointwise intervals.

    ``n_started`` rollouts began at a cut; where it is 0 the value follows from later cuts by the recursion
    (``plan.name == "excursions"``) or was not measured (then ``value`` is None). ``value`` is None and the limits are not where a
    rollout can leave the base and no draw tells what that is worth. ``band_low`` and ``band_high``: limits between which the whole curve
    lies at ``level``; those of each cut by itself have ``band_level``. None where a source does not have them. ``leave`` is the
    probability that a
    rollout from the cut ever leaves the base trace; ``unsampled`` the part of it that no rollout covers. ``change``: the value less that of
    the measured cut before, with limits of its own (not those of the two values); None as a whole where a source does not have
    them. ``widened``: by how much
    the limits are moved apart on each side because next-token probabilities are known only within bounds.
    ``value_label`` says what the value is the probability of, and ``target`` how that was asked for. ``verdicts``: None where every
    rollout has a verdict, or a source does not say.
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
    band_low: tuple[Number, ...] | None = None
    band_high: tuple[Number, ...] | None = None
    band_level: float | None = None
    change: tuple[Number, ...] | None = None
    change_low: tuple[Number, ...] | None = None
    change_high: tuple[Number, ...] | None = None
    n_effective: tuple[Number, ...]
    n_started: tuple[int, ...]
    leave: tuple[Number, ...] | None = None
    unsampled: tuple[Number, ...] | None = None
    widened: tuple[Number, ...] | None = None
    verdicts: VerdictsDoc | None = None
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
        if self.band_level is not None:
            check_document_level(self.band_level)
        names = ("value", "low", "high", "band_low", "band_high", "leave", "unsampled", "widened")
        lists = {name: getattr(self, name) for name in names}
        if self.verdicts is not None:
            lists.update({f"verdicts.{one.name}": getattr(self.verdicts, one.name) for one in fields(self.verdicts)})
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
        band_low=None if result.band is None else numbers(result.band.low),
        band_high=None if result.band is None else numbers(result.band.high),
        band_level=None if result.band is None else result.band.each,
        change=numbers(result.change),
        change_low=numbers(result.change_low),
        change_high=numbers(result.change_high),
        n_effective=numbers(result.n_effective),
        n_started=tuple(int(n) for n in result.n_started),
        leave=numbers(result.leave) if has_leave else None,
        unsampled=numbers(result.unsampled) if has_leave else None,
        widened=None if result.widened is None else numbers(result.widened),
        verdicts=_verdicts(result),
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
        notes=curve_notes(result),
    )


def _verdicts(result: CurveResult) -> VerdictsDoc | None:
    found = result.verdicts
    return None if found is None else VerdictsDoc(**{one.name: numbers(getattr(found, one.name)) for one in fields(found)})


def _branches(result: CurveResult, codec: Codec) -> tuple[BranchDoc, ...]:
    table, completion = result.table, result.trace.sequence.completion
    tried: dict[tuple[int, int], Counter[str]] = {}
    hits: Counter[tuple[int, int]] = Counter()
    for draw in result.draws:
        if draw.rollout.ids:
            tried.setdefault((draw.cut, draw.rollout.ids[0]), Counter())[draw.grade.outcome] += 1
            hits[draw.cut, draw.rollout.ids[0]] += draw.hit is True
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
        hit=draw.hit is True,
    )


def _columns(labels: tuple[str, ...], array: Float[np.ndarray, "cut outcome"]) -> dict[str, tuple[Number, ...]]:
    return {label: numbers(array[:, i]) for i, label in enumerate(labels)}
