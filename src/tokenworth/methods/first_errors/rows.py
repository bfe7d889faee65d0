"""First errors of sampled traces: how many draws begin to go wrong with each, what their answers are, and the value across one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.core.verification import Verification, Violation
from tokenworth.methods.curve.document import CurveDoc

COMMON = 0.1
"""Share of a model's draws from which on a first error is worth a curve."""
MOST = 3
"""First errors of a model that are worth one; each takes a curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAt:
    """The value of a curve at a cut; no number past the end of the trace, where an answer begins, and where nothing was measured."""

    cut: int
    value: Estimate

    @classmethod
    def of(cls, curve: CurveDoc, cut: int) -> ValueAt:
        """What a curve says at a cut."""
        if cut not in curve.cuts:
            return cls(cut=cut, value=Estimate(value=None, low=None, high=None))
        row = curve.cuts.index(cut)
        return cls(cut=cut, value=Estimate(value=curve.value[row], low=curve.low[row], high=curve.high[row]))

    def __str__(self) -> str:
        value, low, high = self.value
        limits = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
        return f"{value:.2f}{limits}" if value is not None and limits else f"no draw{limits}" if limits else "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredError:
    """The draw a curve was measured on, and the value just before and just after what its first error is about; None without one."""

    draw: int
    event: int | None = None
    before: ValueAt | None = None
    after: ValueAt | None = None

    @classmethod
    def of(cls, curve: CurveDoc, *, draw: int, error: Violation | None) -> MeasuredError:
        """What a curve says of the first error of its trace."""
        if error is None:
            return cls(draw=draw)
        first, last = cuts_around(curve, error.chars)
        return cls(draw=draw, event=error.event, before=ValueAt.of(curve, first), after=ValueAt.of(curve, last))


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstError:
    """The draws of a model with the same first error."""

    code: str
    """Empty for the draws without an error."""
    draws: tuple[int, ...]
    """Indices of the draws."""
    n_right: int
    n_unknown: int
    """Draws whose answer is neither known to be right nor wrong."""
    measured: MeasuredError | None = None
    """The draw of them whose curve is there; None where there is none."""


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
