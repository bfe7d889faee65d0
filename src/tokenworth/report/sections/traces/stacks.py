"""Stacked shares at cuts: the forced answer after each exit text, and the outcomes of rollouts."""

from __future__ import annotations

from tokenworth.core.document import Number
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.report.palette import OTHER
from tokenworth.report.sections.traces.model import MetricView, OutcomeView, StackView
from tokenworth.report.sections.traces.series import NARROW, SHOWN, known, metric, per_unit
from tokenworth.stats.shares import share_bounds

BoundsRow = tuple[Number, ...]


def _top(rows: tuple[BoundsRow, ...], n_cuts: int, high: tuple[BoundsRow, ...] | None = None) -> tuple[int, ...]:
    """The series with the largest number at each cut, -1 where none is known, or where another's upper bound is above it."""
    tops: list[int] = []
    for i in range(n_cuts):
        here = [(x, -k) for k, row in enumerate(rows) if (x := row[i]) is not None]
        best, k = max(here) if here else (0.0, 1)
        beaten = any(most > best for j, row in enumerate(high or ()) if j != -k and (most := row[i]) is not None)
        tops.append(-1 if beaten else -k)
    return tuple(tops)


def _ratio(rows: tuple[BoundsRow, ...], mass: BoundsRow) -> tuple[BoundsRow, ...]:
    return tuple(
        tuple(x / m if x is not None and m is not None and m > 0 else None for x, m in zip(row, mass, strict=True)) for row in rows
    )


def _fold(
    labels: tuple[str, ...], rows: tuple[BoundsRow, ...], keep: set[str]
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[BoundsRow, ...]]:
    """At most `SHOWN` series: all of them, or the largest on average (and ``keep``) with the rest summed as one."""
    if len(rows) <= SHOWN:
        return labels, tuple(range(len(labels))), rows
    size = {k: sum(x or 0.0 for x in row) for k, row in enumerate(rows)}
    ranked = sorted(size, key=lambda k: (labels[k] not in keep, -size[k], k))
    shown, rest = sorted(ranked[: SHOWN - 1]), ranked[SHOWN - 1 :]
    other = tuple(
        None if all(x is None for x in column) else sum(x or 0.0 for x in column) for column in zip(*(rows[k] for k in rest), strict=True)
    )
    return (
        (*(labels[k] for k in shown), f"{len(rest)} others"),
        (*range(len(shown)), -1),
        (*(rows[k] for k in shown), other),
    )


def exit_stack(doc: ExitDoc, gold: str | None) -> StackView:
    """The stack of one exit text. Shares are raw probabilities over the mass on the options, or over the most it can be."""
    rows = tuple(tuple(known(x) for x in row) for row in doc.probability)
    mass = tuple(known(x) for x in doc.mass)
    high = None if doc.probability_high is None else tuple(tuple(known(x) for x in row) for row in doc.probability_high)
    mass_high = None if doc.mass_high is None else tuple(known(x) for x in doc.mass_high)
    labels, colours, raw = _fold(doc.options, rows, {gold} if gold else set())
    return StackView(
        kind="forced",
        name=doc.name,
        text=doc.text,
        cuts=doc.cuts,
        labels=labels,
        colours=colours,
        gold=tuple(x == gold for x in labels),
        raw=raw,
        share=_ratio(raw, mass_high or mass),
        mass=mass,
        mass_high=mass_high,
        held=doc.held or (False,) * len(doc.cuts),
        top=_top(rows, len(doc.cuts), high),
        all_labels=doc.options,
        all_raw=rows,
        all_high=high,
        top_token=doc.top_token,
        top_probability=doc.top_probability,
    )


def outcome_stack(doc: CurveDoc, outcomes: tuple[OutcomeView, ...]) -> StackView | None:
    """The outcome distribution o(c) as a stack, or None where the document has none.

    Unknown states are drawn one by one: only answers are summed as "others".
    """
    labels = tuple(o.label for o in outcomes if o.label in doc.outcomes)
    if not labels:
        return None
    rows = tuple(tuple(known(x) for x in doc.outcomes[label]) for label in labels)
    correct = {o.label for o in outcomes if o.verdict == "correct"}
    colour = {o.label: o.colour for o in outcomes}
    n = sum(colour[x] >= OTHER for x in labels)  # answers come first
    shown, colours, raw = _fold(labels[:n], rows[:n], correct)
    if n <= SHOWN:
        colours = tuple(colour[x] for x in shown)
    shown, raw = (*shown, *labels[n:]), (*raw, *rows[n:])
    colours = (*colours, *(colour[x] for x in labels[n:]))
    mass = tuple(None if all(x is None for x in column) else sum(x or 0.0 for x in column) for column in zip(*rows, strict=True))
    return StackView(
        kind="outcomes",
        name="outcomes of rollouts",
        text="",
        cuts=doc.cuts,
        labels=shown,
        colours=colours,
        gold=tuple(x in correct for x in shown),
        raw=raw,
        share=_ratio(raw, mass),
        mass=mass,
        held=(False,) * len(doc.cuts),
        top=_top(rows, len(doc.cuts)),
        all_labels=labels,
        all_raw=rows,
        top_token=None,
        top_probability=None,
    )


def forced_target(doc: ForcedDoc, gold: str | None) -> str | None:
    """The option whose forced probability is worth a colour: the target, else the gold one, else the model's own answer."""
    return doc.target or gold or doc.own_answer or doc.forced_at_end


_ROLES = {
    "gold": ", correct",
    "own answer": ", the model's own answer",
    "target": ", the one asked for",
    "": ", the likeliest at the end of the trace",
}


def _within_bounds(raw: BoundsRow, high: BoundsRow, mass: BoundsRow, mass_high: BoundsRow) -> tuple[BoundsRow, BoundsRow]:
    """Raw probability and share of an option as numbers to colour by: the middle of its bounds where they are `NARROW`."""
    middles: list[Number] = []
    shares: list[Number] = []
    for x, most, total, total_high in zip(raw, high, mass, mass_high, strict=True):
        if most is None or total is None or total_high is None:
            middles.append(x)
            shares.append(None)
            continue
        least = 0.0 if x is None else x
        middles.append((least + most) / 2 if most - least <= NARROW else None)
        low, top = share_bounds(least, most, total, total_high)
        shares.append((low + top) / 2 if top - low <= NARROW else None)
    return tuple(middles), tuple(shares)


def forced_metrics(stack: StackView, index: int, target: str, n_units: int, *, role: str) -> tuple[MetricView, ...]:
    """P(target) of one exit, raw and renormalised, per unit; readings a source copied are left out."""
    k = stack.all_labels.index(target)
    fresh = tuple(None if held else x for x, held in zip(stack.all_raw[k], stack.held, strict=True))
    share = _ratio((fresh,), stack.mass)[0]
    name = f"forced P({target if role in {'', 'target'} else role})"
    note = f"after the exit “{stack.name}”, option {target}{_ROLES[role]}"
    if stack.all_high is not None and stack.mass_high is not None:
        fresh, share = _within_bounds(fresh, stack.all_high[k], stack.mass, stack.mass_high)
        note += f"; known only within bounds if an option was not listed: the midpoint is shown if they are at most {NARROW:g} apart"
    return (
        metric(f"forced/{index}/raw", name, "gold", per_unit(stack.cuts, fresh, n_units), scale="raw probability", note=note),
        metric(
            f"forced/{index}/share",
            name,
            "gold",
            per_unit(stack.cuts, share, n_units),
            scale="share of the mass on the options",
            note=note,
        ),
    )
