"""The one thing a page opens on: the unit that matters most, and a sentence about it in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.core.inert import one_line
from tokenworth.core.no_verdict import beside
from tokenworth.report.sections.traces.model import CurveView, LeadView, StackView
from tokenworth.report.sections.traces.series import OWN

_LONGEST = 80
"""Characters of a unit that are quoted."""
_OWN_ANSWER = "P(own answer "
_PERCENT = "\u00a0%"


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the value with its limits, and how surely it is none: the limit nearest to zero, 0 where they hold it."""

    row: int
    origin: int
    delta: float
    low: float
    high: float

    @property
    def sure(self) -> float:
        return max(self.low, -self.high, 0.0)


def lead(
    pieces: Sequence[str],
    unit: str,
    curve: CurveView | None,
    target: str,
    chances: Sequence[float | None] | None,
    stacks: Sequence[StackView],
) -> LeadView | None:
    """Of a curve the change that is farthest from zero even at its nearest limit, else the largest; without a curve the last cut at
    which another forced answer takes the lead. ``chances``: what the model gave each unit. None where there is nothing to say.
    """
    if curve is not None and (found := _changes(curve)):
        return _of_curve(pieces, unit, curve, target, chances, found)
    return next((one for stack in stacks if (one := _of_forced(pieces, unit, stack)) is not None), None)


def _changes(curve: CurveView) -> list[_Change]:
    columns = zip(curve.delta, curve.delta_low, curve.delta_high, curve.delta_from, strict=True)
    return [
        _Change(row, int(origin), delta, low, high)
        for row, (delta, low, high, origin) in enumerate(columns)
        if delta is not None and low is not None and high is not None and origin is not None
    ]


def _of_curve(
    pieces: Sequence[str], unit: str, curve: CurveView, target: str, chances: Sequence[float | None] | None, found: Sequence[_Change]
) -> LeadView:
    says, time = _says(curve.label, target)
    top = max(found, key=lambda one: (one.sure, abs(one.delta), -one.row))
    cut, gap = curve.cuts[top.row], curve.cuts[top.row] - top.origin
    after = curve.value[top.row] or 0.0
    now, then = _percents(after, after - top.delta)
    if top.delta == 0:
        text = f"No {unit} changes anything: {says}{now}{time} at every cut{_beside(curve, cut)}."
        return LeadView(unit=-1, text=text, detail=f"{len(found) + 1} cuts.")
    now, then = now + time + _beside(curve, cut), then + _beside(curve, top.origin)
    now += f", before it {then}" if gap == 1 else f"; {gap} {unit}s earlier, at the last cut measured before, {then}"
    quoted = _quoted(pieces[cut - 1], unit)
    if top.sure > 0:
        p = chances[cut - 1] if chances is not None and gap == 1 else None
        given = "" if p is None else f"; the model gave this {unit} {_percents(p)[0]}"
        text = f"After {quoted} {says}{now}{given}."
    else:
        text = f"No {unit} is shown to matter. The largest change is at {quoted}: after it {says}{now}, which chance can explain."
    return LeadView(unit=cut - 1, text=text, detail=_detail(curve, top, len(found)))


def _detail(curve: CurveView, top: _Change, n: int) -> str:
    """The interval, and what choosing among many changes does to it."""
    limits = f"{curve.level * 100:g}{_PERCENT} limits {_points(top.low)} to {_points(top.high)}"
    whose = "of the change itself" if curve.delta_limits == OWN else "from the two intervals"
    which = "clearest" if top.sure > 0 else "largest"
    return f"Change {_points(top.delta)} points, {limits} ({whose}). The {which} of {n}: fresh rollouts will likely show less."


def _beside(curve: CurveView, cut: int) -> str:
    """The share without a verdict at a cut, where it matters."""
    words = "" if curve.verdicts is None else beside(curve.verdicts.missing[curve.cuts.index(cut)])
    return f" ({words.replace('%', _PERCENT)})" if words else ""


def _of_forced(pieces: Sequence[str], unit: str, stack: StackView) -> LeadView | None:
    """The last cut at which another option takes the lead."""
    if stack.kind != "forced":
        return None
    read = [i for i, (top, held) in enumerate(zip(stack.top, stack.held, strict=True)) if top >= 0 and not held]
    turns = [(a, b) for a, b in zip(read, read[1:], strict=False) if stack.top[a] != stack.top[b]]
    if not turns:
        return None
    a, b = turns[-1]
    cut, gap = stack.cuts[b], stack.cuts[b] - stack.cuts[a]
    quoted = _quoted(pieces[cut - 1], unit)
    earlier = "just before" if gap == 1 else f"{gap} {unit}s earlier"
    return LeadView(
        unit=cut - 1,
        text=f"Stopped after {quoted} the model answers {_option(stack, b)}; stopped {earlier}, {_option(stack, a)}.",
        detail=f"Forced answers after the exit “{one_line(stack.name)}”, read and not sampled: the lead changes "
        + ("here only." if len(turns) == 1 else f"{len(turns)} times, here for the last time."),
    )


def _option(stack: StackView, row: int) -> str:
    """The option that leads at a row, with its probability where that is known."""
    k = stack.top[row]
    label, p = stack.all_labels[k], stack.all_raw[k][row]
    gold = any(mine and name == label for name, mine in zip(stack.labels, stack.gold, strict=True))
    return f"{one_line(label)}{', which is right,' * gold}" + ("" if p is None else f" with {_percents(p)[0]}")


def _says(label: str, target: str) -> tuple[str, str]:
    """What stands before and after the number: the target in plain words, or its label where there are none."""
    wanted = target.removeprefix("label:")
    if label == "P(correct)":
        return "the answer is right ", " of the time"
    if label.startswith(_OWN_ANSWER) and label.endswith(")"):
        return f"the answer is {one_line(label[len(_OWN_ANSWER) : -1])}, the trace's own, ", " of the time"
    if wanted != target and label == f"P({wanted})":
        is_state = wanted in RESERVED_OUTCOMES
        return (f"a rollout is {wanted} " if is_state else f"the answer is {one_line(wanted)} "), " of the time"
    return f"{one_line(label)} is ", ""


def _quoted(piece: str, unit: str) -> str:
    shown = one_line(piece.strip() if unit == "sentence" else piece)
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
    return f"the sentence “{shown}”" if unit == "sentence" else f"“{shown}”"


def _points(x: float) -> str:
    return f"{100 * x:+.{0 if abs(x) >= 0.095 else 1}f}".replace("-", "−")


def _percents(*values: float | None) -> list[str]:
    """Shares in percent, with as many digits as tell them apart; neither 0 % nor 100 % where they are not."""
    known = [x or 0.0 for x in values]
    texts: list[str] = []
    for digits in range(3):
        least = 0.5 * 10.0**-digits
        texts = [
            f"{'<' if x < 0.5 else '>'}{least * 2 if x < 0.5 else 100 - least * 2:g}{_PERCENT}"
            if 0 < x < least / 100 or 1 - least / 100 < x < 1
            else f"{100 * x:.{digits}f}{_PERCENT}"
            for x in known
        ]
        if len(set(texts)) == len(set(known)):
            break
    return texts
