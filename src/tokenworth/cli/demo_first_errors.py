"""The first errors of `demo --formal`: how many draws begin to go wrong with each, what their answers are, and the value across one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.document import Number
from tokenworth.core.verification import Verification, Violation
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.report.sheet_model import SheetCell, SheetColumn, SheetView
from tokenworth.stats.proportion import wilson

COMMON = 0.1
"""Share of a model's draws from which on a first error is measured."""
MOST = 3
"""First errors of a model that are measured; each takes a curve."""
_NONE = "–"
_COLUMNS = (
    SheetColumn(name="first error", kind="text"),
    SheetColumn(name="draws", kind="count"),
    SheetColumn(name="right answers", kind="share"),
    SheetColumn(name="measured on", kind="text"),
    SheetColumn(name="P before", kind="share"),
    SheetColumn(name="P after", kind="share"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """P(correct) at a cut with its limits; None where the curve has no number there."""

    cut: int
    value: Number
    low: Number
    high: Number

    @classmethod
    def at(cls, curve: CurveDoc, cut: int) -> Value:
        """The value of a curve at a cut; None past the end of the trace, where an answer begins, and where nothing was measured."""
        if cut not in curve.cuts:
            return cls(cut=cut, value=None, low=None, high=None)
        row = curve.cuts.index(cut)
        return cls(cut=cut, value=curve.value[row], low=curve.low[row], high=curve.high[row])

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "not measured"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The draw a curve was measured on, and the value just before and just after what its first error is about; None without one."""

    draw: int
    event: int | None = None
    before: Value | None = None
    after: Value | None = None

    @classmethod
    def of(cls, curve: CurveDoc, *, draw: int, error: Violation | None) -> Measured:
        """What a curve says of the first error of its trace."""
        if error is None:
            return cls(draw=draw)
        first, last = cuts_around(curve, error.chars)
        return cls(draw=draw, event=error.event, before=Value.at(curve, first), after=Value.at(curve, last))


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstError:
    """The draws of a model with the same first error. ``code``: empty for those without an error. Of the answers some may be unknown."""

    code: str
    draws: tuple[int, ...]
    n_right: int
    n_unknown: int
    measured: Measured | None = None


def cuts_around(curve: CurveDoc, chars: tuple[int, int]) -> tuple[int, int]:
    """The last cut before and the first cut after these characters of the trace with its answer, as a verifier reads it: stripped.

    A cut past the end of the trace is one of the answer, where no curve has a value.
    """
    pieces = (*curve.trace.pieces, *curve.trace.answer_pieces)
    text = "".join(pieces)
    shift = len(text) - len(text.lstrip())
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    before = int(np.searchsorted(ends, chars[0] + shift, side="right"))
    after = int(np.searchsorted(ends, chars[1] + shift, side="left")) + 1
    return before, max(after, before)


def by_first_error(verdicts: Sequence[Verification]) -> tuple[FirstError, ...]:
    """The draws by their first error: those without an error, then the most frequent first, of equals the one that comes first.

    A page opens at the first trace measured: that is one without an error where there is one, which stands for no kind of error.
    """
    found: defaultdict[str, list[int]] = defaultdict(list)
    for draw, verdict in enumerate(verdicts):
        error = verdict.first_error
        found["" if error is None else error.code].append(draw)
    rows = [
        FirstError(
            code=code,
            draws=tuple(draws),
            n_right=sum(verdicts[d].plan_valid is True for d in draws),
            n_unknown=sum(verdicts[d].plan_valid is None for d in draws),
        )
        for code, draws in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (bool(row.code), -len(row.draws))))


def to_measure(rows: Sequence[FirstError], n: int) -> tuple[FirstError, ...]:
    """The rows to measure, of ``n`` draws in all: the draws without an error, and the common first errors or else the most frequent."""
    errors = [row for row in rows if row.code]
    common = [row for row in errors if len(row.draws) >= COMMON * n][:MOST]
    return (*(row for row in rows if not row.code), *(common or errors[:1]))


def first_error_note(row: FirstError, n: int) -> str:
    """A sentence for the document of a curve: which draws it stands for, and the value across the first error."""
    assert row.measured is not None
    draws = f"{len(row.draws)} of {n} draws, {row.n_right} with a right answer" + f", {row.n_unknown} with an unknown one" * bool(
        row.n_unknown
    )
    if not row.code or row.measured.before is None or row.measured.after is None:
        return f"draw {row.measured.draw}, no error ({draws})"
    before, after = row.measured.before, row.measured.after
    place = "" if row.measured.event is None else f" at event {row.measured.event}"
    return (
        f"draw {row.measured.draw}, first error {row.code}{place} ({draws}): P(correct) before it, at cut {before.cut}, {before}; "
        f"after it, at cut {after.cut}, {after}"
    )


def first_error_sheets(
    found: Mapping[str, Sequence[FirstError]], *, level: float, facts: tuple[tuple[str, str], ...]
) -> tuple[SheetView, ...]:
    """A table for each model: first error, draws, right answers, and the value before and after it on the draw that was measured."""
    lead = (
        "Each draw is verified; its first error is the first rule it breaks. Draws and right answers count all draws of a row.",
        "P before and P after are of one draw, the first of its row: how often the plan comes out right when the model goes on from "
        "just before the event that breaks the rule, and from just after it.",
        f"Measured are first errors of at least {100 * COMMON:.0f} % of a model's draws, at most {MOST} a model, and a draw without "
        "an error. This is one maze; other draws and other mazes can differ.",
    )
    return tuple(
        SheetView(
            title=f"{model}: first errors, and P(correct) across them",
            lead=() if number else lead,
            caption=f"{sum(len(row.draws) for row in rows)} draws of {model}:",
            level=level,
            columns=_COLUMNS,
            rows=tuple(_row(row, level) for row in rows),
            facts=facts,
            notes=(),
        )
        for number, (model, rows) in enumerate(found.items())
    )


def _row(row: FirstError, level: float) -> tuple[SheetCell, ...]:
    measured = row.measured
    where = _NONE if measured is None else f"draw {measured.draw}" + (f", event {measured.event}" if measured.event is not None else "")
    before, after = (None, None) if measured is None else (measured.before, measured.after)
    return (_plain(row.code or "none"), _plain(str(len(row.draws))), _right(row, level), _plain(where), _cell(before), _cell(after))


def _right(row: FirstError, level: float) -> SheetCell:
    """Right answers among the known ones, the unknown named beside them."""
    known = len(row.draws) - row.n_unknown
    unknown = f" +{row.n_unknown}?" * bool(row.n_unknown)
    if not known:
        return _plain(_NONE + unknown)
    low, high = (float(x[0]) for x in wilson(np.array([float(row.n_right)]), np.array([float(known)]), level))
    main = f"{row.n_right}/{known}{unknown}"
    return SheetCell(text=f"{main} [{low:.2f}, {high:.2f}]", main=main, value=row.n_right / known, low=low, high=high)


def _cell(value: Value | None) -> SheetCell:
    if value is None or value.value is None:
        return _plain(_NONE)
    return SheetCell(text=str(value), main=f"{value.value:.2f}", value=value.value, low=value.low, high=value.high)


def _plain(text: str) -> SheetCell:
    return SheetCell(text=text, main=text)
