"""A survey as a document: one row for each trace, and what all rows say together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenworth.core.document import Number, Provenance, check_document_level, check_length
from tokenworth.core.estimate import Estimate
from tokenworth.core.table import ColumnKind, Table, TableRow
from tokenworth.errors import InvalidInput
from tokenworth.methods.survey.features import Feature
from tokenworth.methods.survey.labels import RuleDoc, Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRow:
    """One trace.

    ``curve``, ``own_curve``, ``mass`` and ``probability`` are base64 of one byte for each position: b / 254, 255 where nothing is measured.
    ``curve``: share of gold among the options, or the value of a curve without options; ``own_curve``: share of the answer that leads at
    the end; ``probability``: raw, one for each of ``options``. Empty: there is none. ``held``: one digit for each position, 1 where the
    source repeated a reading; empty where none is held. ``features`` in the order of the survey's.
    """

    id: str
    problem: str
    question: str
    """16 hex digits that name the question by its words: what clusters traces."""
    subject: str
    title: str
    model: str
    kind: str
    """forced, value, table (features of a published table, no curve) or length (a sampled answer without a curve)."""
    gold: str | None
    own: str | None
    """The option that leads at the last cut; None where none does."""
    stated: str | None
    """The answer that was written."""
    correct: bool | None
    """Whether ``own`` is gold."""
    verdict: str
    """On the answer that was written."""
    tokens: int
    """Units of the trace."""
    answer_tokens: int
    closed: bool
    """False where the token limit came before the end of the trace, and where no marker ends it."""
    label: str | None
    """None without gold or without a curve."""
    margin: Number
    is_open: bool
    """Whether the rounding of the source leaves the label open."""
    twin: str | None
    twin_margin: Number
    cluster: int | None = None
    """The number of its cluster, 0 the largest."""
    features: tuple[Number, ...]
    committed_after: tuple[Number, ...]
    """Of each commitment time, the last cut measured before it, as a share of the trace."""
    relapsed: tuple[bool, ...]
    """Of each commitment time, whether the last answer is below .5 again later; False where there is no such time."""
    exits: tuple[float, ...] = ()
    """Of each exit rule, the share of the trace that is written when it stops; 1 where it never does."""
    exit_right: tuple[bool | None, ...] = ()
    """Of each, whether the answer there is gold."""
    solver_length: int | None = None
    """Words that the solver of a formal problem writes; None for other problems."""
    options: tuple[str, ...] = ()
    probability: tuple[str, ...] = ()
    curve: str = ""
    own_curve: str = ""
    mass: str = ""
    held: str = ""
    value: str = ""
    """Where rollouts were drawn as well: the share of those that end in ``own``, at the positions of the curve."""
    states: str = ""
    """And the state of each position, a digit that numbers the states of `TwoCurves`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShare:
    """How many traces have a label."""

    label: str
    share: Estimate
    n_open: int
    """Of these, those whose label the rounding of the source leaves open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCell:
    """Shares of all labels, in the order of the rules, at other thresholds."""

    gain: float
    range: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEnd:
    """Traces by whether the leading option is gold at the first and at the last cut."""

    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int
    n: int
    """Traces with gold and an option that leads at both ends."""
    same_option: Estimate
    """Share of traces whose first leading option is their last."""
    never_changes: Estimate
    """Share of traces in which the leading option never changes, at all readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """The traces of one subject: is the trace needed?"""

    subject: str
    n: int
    """Traces with gold and an option that leads at both ends."""
    starts: Estimate
    """Share whose leading option at the first cut is gold."""
    ends: Estimate
    """The same at the last cut."""
    difference: Estimate
    """``ends`` less ``starts``, paired."""
    never_changes: Estimate
    """Share in which the leading option never changes."""
    labels: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """When traces commit themselves, by one definition, as a share of the trace."""

    definition: str
    n: int
    """Traces that do."""
    n_never: int
    lower: Estimate
    """The quartile below."""
    median: Estimate
    upper: Estimate
    bracket: Number
    """Median width of what the grid leaves open."""
    relapse: Estimate
    """Share of the ``n`` whose last answer falls below .5 after it had been at or above, from the commitment on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two definitions of commitment agree over the traces that have both."""

    first: str
    second: str
    n: int
    spearman: Number
    apart: Number
    """Share of traces in which they are more than a tenth of the trace apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRow:
    """A correlation of the length of traces."""

    of: str
    """With what."""
    how: str
    r: Estimate
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """One cluster of traces."""

    number: int
    n: int
    medoid: str
    """Id of the row nearest to the middle."""
    mean: str
    """Mean curve, 50 positions, as those of rows."""
    labels: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """How the traces were clustered, and how stable that is."""

    how: str
    n_none: int
    """Traces in no cluster."""
    stability: Estimate
    """Adjusted Rand index with the clusters of bootstrap samples: mean, with the smallest and the largest."""
    silhouette: Number
    agreement: Number
    """Adjusted Rand index with the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRow:
    """A rule that stops traces early, replayed on readings; it sees none after the one it stops at."""

    rule: str
    accuracy: Estimate
    difference: Estimate
    """Accuracy less that at the end of the whole trace, paired."""
    saved: Estimate
    """Mean share of the trace that is not written."""
    lost: int
    """Traces that are right at their end and wrong where the rule stops."""
    gained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateShare:
    """How much of the traces is in a state."""

    state: str
    share: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCurves:
    """Forced answer and value at the same cuts, of the traces that have both; every trace counts once."""

    n: int
    cuts: int
    decided: float
    """Share from which on an answer is decided, or said."""
    difference: Estimate
    """Forced share of the last answer less the share of rollouts that end in it, mean over the cuts of a trace."""
    p: float
    """That the mean difference is 0, by random signs."""
    distance: Estimate
    """Mean size of the difference at a cut."""
    outside: Estimate
    """Share of cuts at which the forced share is outside of the limits of the value."""
    states: tuple[StateShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyDoc:
    """Many traces, one row each, and what they say together."""

    schema: str = "tokenworth.survey/1"
    traces: int
    level: float
    points: int
    thresholds: tuple[Threshold, ...]
    features: tuple[Feature, ...]
    rules: tuple[RuleDoc, ...]
    twin_rules: tuple[RuleDoc, ...]
    labels: tuple[LabelShare, ...]
    twins: tuple[LabelShare, ...]
    map: tuple[MapCell, ...]
    start_end: StartEnd
    subjects: tuple[SubjectRow, ...] = ()
    """Of each subject with gold, where the traces have several."""
    closure: Estimate
    """Share of traces whose leading option at the last cut is not the answer that was written."""
    commitments: tuple[Commitment, ...]
    agreements: tuple[Agreement, ...]
    lengths: tuple[LengthRow, ...]
    exits: tuple[ExitRow, ...]
    two_curves: TwoCurves | None
    clustering: Clustering | None
    clusters: tuple[ClusterRow, ...]
    rows: tuple[SurveyRow, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_document_level(self.level)
        if self.traces != len(self.rows):
            raise InvalidInput(f"traces is {self.traces}, expected {len(self.rows)}, the number of rows")
        for row in self.rows:
            check_length(row.features, len(self.features), f"row {row.id!r}: features", "features of the survey")
            check_length(row.probability, len(row.options), f"row {row.id!r}: probability", "options")


_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text", "problem": "text", "subject": "text", "model": "text", "kind": "text", "gold": "text", "own": "text",
    "stated": "text", "correct": "bool", "verdict": "text", "tokens": "int", "answer_tokens": "int", "closed": "bool", "label": "text",
    "margin": "float", "is_open": "bool", "twin": "text", "twin_margin": "float", "cluster": "int",
}  # fmt: skip


def row_table(doc: SurveyDoc) -> Table:
    """The rows, one each, with a column for each feature."""
    columns = {**_COLUMNS, **{one.name: "float" for one in doc.features}}

    def rows() -> Iterator[TableRow]:
        for row in doc.rows:
            yield row.id, *(getattr(row, name) for name in list(_COLUMNS)[1:]), *row.features

    return Table(columns=columns, rows=rows())  # pyright: ignore[reportArgumentType]
