"""The view model of traces: everything that is shown of them, as frozen values.

A view holds numbers that are already features (differences, states, colour bins, events): a renderer looks up and
draws, it computes no statistic. ``None`` is "no such number". Cut ``c`` keeps ``c`` units of the trace; per-cut tuples
run parallel to ``cuts``, per-unit tuples to ``pieces``. The colour of unit ``i`` is the value at cut ``i + 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworth.core.document import Number
from tokenworth.methods.curve.document import VerdictsDoc
from tokenworth.report.facts import FactView
from tokenworth.report.sections.verified.model import FormalTraceView

MEASURED = 2
"""Rollouts began at this cut."""
FOLLOWS = 1
"""No rollout began here; the value is carried by rollouts that began elsewhere."""
MISSING = 0
"""Nothing is known here: no colour, no line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionView:
    """One option; ``gold`` marks the correct one."""

    label: str
    text: str
    gold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeView:
    """An outcome label, its verdict, and its place in the categorical palette (-1: other; less: an unknown state,
    see ``palette.STATES``).

    The verdict is ``mixed`` where the grader gave this label more than one.
    """

    label: str
    verdict: str
    colour: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """The value curve. ``state`` is `MEASURED`, `FOLLOWS` or `MISSING`; a cut with limits and no value has no draw that tells it.
    ``delta`` is against ``delta_from``, the previous cut with limits; ``delta_limits`` says what its limits are. ``log_kept`` (the log
    probability of the trace up to a cut) and ``widened`` bound a difference between any two cuts under the recursion; None where it
    does not apply.
    """

    label: str
    level: float
    interval: str
    assumption: str
    follows: str
    cuts: tuple[int, ...]
    value: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    n_started: tuple[int, ...]
    n_effective: tuple[Number, ...]
    state: tuple[int, ...]
    delta: tuple[Number, ...]
    delta_low: tuple[Number, ...]
    delta_high: tuple[Number, ...]
    delta_from: tuple[Number, ...]
    delta_limits: str
    leave: tuple[Number, ...] | None
    unsampled: tuple[Number, ...] | None
    band_low: tuple[Number, ...] | None = None
    band_high: tuple[Number, ...] | None = None
    """Limits of the whole curve at once; None where a source does not have them."""
    band_level: float | None = None
    log_kept: tuple[Number, ...] | None = None
    widened: tuple[Number, ...] | None = None
    verdicts: VerdictsDoc | None = None
    """None where no share without a verdict matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackView:
    """Shares stacked at cuts: forced options after one exit text, or outcomes of rollouts.

    ``raw[k][i]`` is the probability of series k at ``cuts[i]``; ``share`` the same over ``mass``. ``all_labels`` and ``all_raw``
    keep every option when few are drawn. ``held`` marks readings that a source copied from an earlier cut. Where an option was
    not listed its number is None and ``all_high`` the most it can be; then ``mass`` is a lower and ``mass_high`` an upper bound, and
    ``share``, raw over ``mass_high``, the least a share can be. Both are None where everything was listed. ``top`` is the series that
    leads: of options the likeliest, as far as bounds prove it and the mass is ``least_mass`` or more; -1 for none.
    """

    kind: Literal["forced", "outcomes"]
    name: str
    text: str
    cuts: tuple[int, ...]
    labels: tuple[str, ...]
    colours: tuple[int, ...]
    gold: tuple[bool, ...]
    raw: tuple[tuple[Number, ...], ...]
    share: tuple[tuple[Number, ...], ...]
    mass: tuple[Number, ...]
    held: tuple[bool, ...]
    top: tuple[int, ...]
    all_labels: tuple[str, ...]
    all_raw: tuple[tuple[Number, ...], ...]
    all_high: tuple[tuple[Number, ...], ...] | None = None
    mass_high: tuple[Number, ...] | None = None
    least_mass: float = 0.0
    top_token: tuple[str, ...] | None
    top_probability: tuple[Number, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """A number a unit can be coloured by: values, colour bins (0 to 20, `palette.NO_BIN`), and what the legend says."""

    key: str
    name: str
    scale: str
    note: str
    low: float
    high: float
    palette: Literal["value", "delta", "gold", "probability"]
    values: tuple[Number, ...]
    bins: tuple[int, ...]
    hatched: tuple[int, ...] = ()
    """1 for each unit whose colour rests on less than half of the rollouts; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchView:
    """A token at a fork: ``counts`` runs parallel to the trace's outcomes; ``value`` is correct over ``n`` with interval."""

    cut: int
    token: int
    text: str
    p: Number
    is_base: bool
    n: int
    counts: tuple[int, ...]
    value: Number
    low: Number
    high: Number
    delta: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleView:
    """One rollout's text; ``branch`` is the row in the trace's branches or -1."""

    cut: int
    index: int
    text: str
    outcome: str
    verdict: str
    stop: str
    n_tokens: int
    branch: int
    diverges: int
    """Characters (UTF-16 units) it shares with the base trace from its cut on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """A mark on the event lane. ``stack`` is the index of the stack it belongs to, or -1."""

    cut: int
    kind: Literal["answer", "flip", "change", "paragraph", "sentence", "note"]
    label: str
    stack: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """What a page opens on: a unit (-1: before the first), what is to be seen there in plain words, and how sure it is."""

    unit: int
    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """One trace with all that is known about it.

    ``measured`` distinguishes a trace with its own results from a member of a sample set; ``sample_set`` is the index of the
    set it belongs to in the view's ``sets``, or -1. ``title`` stands for a question that is machine text; empty: the question is shown.
    """

    name: str
    title: str = ""
    measured: bool
    sample_set: int = -1
    problem_id: str
    unit: Literal["token", "sentence"]
    question: str
    options: tuple[OptionView, ...]
    facts: tuple[FactView, ...]
    prompt: str
    pieces: tuple[str, ...]
    answer_pieces: tuple[str, ...]
    outcome: str
    verdict: str
    curve: CurveView | None
    stacks: tuple[StackView, ...]
    metrics: tuple[MetricView, ...]
    outcomes: tuple[OutcomeView, ...]
    branches: tuple[BranchView, ...]
    samples: tuple[SampleView, ...]
    events: tuple[EventView, ...]
    notes: tuple[str, ...]
    lead: LeadView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetView:
    """A sample set in numbers: accuracy with interval, outcome counts, length correlation; and whose numbers they are."""

    problem_id: str
    question: str
    model: str
    sampling: str
    n: int
    accuracy: Number
    low: Number
    high: Number
    level: float
    outcomes: tuple[OutcomeView, ...]
    given: Number
    given_low: Number
    given_high: Number
    """P(correct | verdict)."""
    correlation: Number
    correlation_low: Number
    correlation_high: Number
    lengths: tuple[int, ...]
    verdicts: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesView:
    """The traces of a page."""

    titles: tuple[str, ...]
    """What each measured trace, or each sample set, is about."""
    traces: tuple[TraceView, ...]
    """The measured ones first."""
    sets: tuple[SetView, ...]
    verified: tuple[FormalTraceView, ...] = ()
    """The verified traces of the page that are one of these."""
