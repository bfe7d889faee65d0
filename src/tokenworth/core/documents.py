"""Result files as values: what `--json` writes, importers produce and reports read.

A document is JSON-shaped (strings, numbers, tuples, mappings) so that it survives a file unchanged.
Numbers that do not exist are ``None``, never 0. Cut ``c`` keeps ``c`` trace tokens (0 to T); per-cut lists run
parallel to ``cuts``, per-token lists to ``trace.pieces``. The colour of token ``i`` is the value at cut ``i + 1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from tokenworth.core.verified import VerifiedDoc

CURVE_SCHEMA = "tokenworth.curve/1"
FORCED_SCHEMA = "tokenworth.forced/1"
SAMPLE_SCHEMA = "tokenworth.sample/1"

Number = float | None
"""A measured number, or None where nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionDoc:
    """One option of a multiple-choice problem."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDoc:
    """The problem a trace belongs to."""

    id: str
    question: str
    options: tuple[OptionDoc, ...] = ()
    gold: str | None = None
    kind: str = "option"
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDoc:
    """Which model made the tokens; ``fingerprint`` is a hash of weights, config and tokenizer (empty if unknown)."""

    name: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingDoc:
    """The sampling distribution: temperature, then top-k, top-p, min-p. ``top_k`` 0, ``top_p`` 1, ``min_p`` 0 mean off."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    max_tokens: int
    stop: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDoc:
    """A base trace and the answer that followed it.

    ``pieces`` are the T trace units as text (a token that holds part of a character only is shown as its bytes,
    ``⟨E2 80⟩``); ``answer_pieces`` is everything from the close marker on, a hard wall that no curve crosses.
    ``probabilities`` are q_c of each trace token under the run's sampling; ``logprobs`` are raw (nats).
    """

    unit: Literal["token", "sentence"]
    pieces: tuple[str, ...]
    answer_pieces: tuple[str, ...] = ()
    ids: tuple[int, ...] | None = None
    answer_ids: tuple[int, ...] | None = None
    probabilities: tuple[Number, ...] | None = None
    logprobs: tuple[Number, ...] | None = None
    prompt: str = ""
    prompt_ids: tuple[int, ...] | None = None
    outcome: str | None = None
    verdict: str = "unknown"
    stop: str = ""


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
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceDoc:
    """Where the numbers come from: package version, source files, command, time (UTC, ISO 8601) and counts.

    ``retried`` to ``cost`` are of this run and of servers only: requests sent again, replies that could not be used, prompt tokens from
    the server's cache, and money in the unit of the price table.
    """

    version: str
    created: str = ""
    command: str = ""
    source: str = ""
    store: str = ""
    drawn: int = 0
    reused: int = 0
    retried: int = 0
    errors: int = 0
    tokens_cached: int = 0
    cost: Number = None
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDoc:
    """Value and outcome distribution at cuts, with pointwise intervals.

    ``n_started`` rollouts began at a cut; where it is 0 the value follows from later cuts by the recursion
    (``plan.name == "excursions"``) or was not measured (then ``value`` is None). ``leave`` is the probability that a
    rollout from the cut ever leaves the base trace; ``unsampled`` the part of it that no rollout covers. ``widened``: by how much
    the limits are moved apart on each side because next-token probabilities are known only within bounds.
    ``value_label`` says what the value is the probability of.
    """

    schema: str = CURVE_SCHEMA
    problem: ProblemDoc | None = None
    model: ModelDoc
    sampling: SamplingDoc | None = None
    plan: PlanDoc
    seed: int | None = None
    trace: TraceDoc
    cuts: tuple[int, ...]
    value: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    level: float
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
    provenance: ProvenanceDoc
    value_label: str = "P(correct)"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitDoc:
    """Option probabilities after one exit text, at cuts.

    ``probability[k][i]``: raw probability of option k at ``cuts[i]``; ``mass[i]`` their sum. Renormalised = probability / mass.
    Where a server did not list an option, its probability is None, ``probability_high`` the most it can be, and ``mass`` and
    ``mass_high`` bound the sum; both ``_high`` are None where everything was listed.
    ``held`` is True where the source repeated a reading over a run of tokens (imported data); those are not measurements.
    """

    name: str
    text: str
    cuts: tuple[int, ...]
    options: tuple[str, ...]
    probability: tuple[tuple[Number, ...], ...]
    mass: tuple[Number, ...]
    probability_high: tuple[tuple[Number, ...], ...] | None = None
    mass_high: tuple[Number, ...] | None = None
    held: tuple[bool, ...] | None = None
    top_token: tuple[str, ...] | None = None
    top_probability: tuple[Number, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedDoc:
    """Forced answers along a trace, one or several exit texts, and the model's own answer for comparison."""

    schema: str = FORCED_SCHEMA
    problem: ProblemDoc | None = None
    model: ModelDoc
    trace: TraceDoc
    exits: tuple[ExitDoc, ...]
    own_answer: str | None = None
    forced_at_end: str | None = None
    token_forwards: int = 0
    provenance: ProvenanceDoc
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSetDoc:
    """N answers to one problem: accuracy with interval, outcome counts, lengths and their correlation with correctness."""

    schema: str = SAMPLE_SCHEMA
    problem: ProblemDoc | None = None
    model: ModelDoc
    sampling: SamplingDoc
    seed: int
    accuracy: Number
    low: Number
    high: Number
    level: float
    n: int
    outcomes: Mapping[str, int]
    length_correlation: Number
    length_correlation_low: Number
    length_correlation_high: Number
    chosen: int | None
    traces: tuple[TraceDoc, ...]
    rollouts: int
    generated_tokens: int
    provenance: ProvenanceDoc
    notes: tuple[str, ...] = ()


# Text, because the module of the last one needs this one.
Document: TypeAlias = "CurveDoc | ForcedDoc | SampleSetDoc | VerifiedDoc"
