"""Stacked shares at cuts: the forced answer after each exit text, and the outcomes of rollouts."""

from __future__ import annotations

from tokenworth.core.documents import CurveDoc, ExitDoc, ForcedDoc, Number
from tokenworth.report.model import MetricView, OutcomeView, StackView
from tokenworth.report.series import SHOWN, known, metric, per_unit

Row = tuple[Number, ...]


def _top(rows: tuple[Row, ...], n_cuts: int) -> tuple[int, ...]:
    """The series with the largest number at each cut, -1 where none is known."""
    tops: list[int] = []
    for i in range(n_cuts):
        here = [(x, -k) for k, row in enumerate(rows) if (x := row[i]) is not None]
        tops.append(-max(here)[1] if here else -1)
    return tuple(tops)


def _ratio(rows: tuple[Row, ...], mass: Row) -> tuple[Row, ...]:
    return tuple(
        tuple(x / m if x is not None and m is not None and m > 0 else None for x, m in zip(row, mass, strict=True)) for row in rows
    )


def _fold(labels: tuple[str, ...], rows: tuple[Row, ...], keep: set[str]) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Row, ...]]:
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
    """The stack of one exit text. Shares are raw probabilities over the mass on the options."""
    rows = tuple(tuple(known(x) for x in row) for row in doc.probability)
    mass = tuple(known(x) for x in doc.mass)
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
        share=_ratio(raw, mass),
        mass=mass,
        held=doc.held or (False,) * len(doc.cuts),
        top=_top(rows, len(doc.cuts)),
        all_labels=doc.options,
        all_raw=rows,
        top_token=doc.top_token,
        top_probability=doc.top_probability,
    )


def outcome_stack(doc: CurveDoc, outcomes: tuple[OutcomeView, ...]) -> StackView | None:
    """The outcome distribution o(c) as a stack, or None where the document has none."""
    labels = tuple(o.label for o in outcomes if o.label in doc.outcomes)
    if not labels:
        return None
    rows = tuple(tuple(known(x) for x in doc.outcomes[label]) for label in labels)
    correct = {o.label for o in outcomes if o.verdict == "correct"}
    colour = {o.label: o.colour for o in outcomes}
    shown, colours, raw = _fold(labels, rows, correct)
    if len(rows) <= SHOWN:
        colours = tuple(colour[x] for x in shown)
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
    """The option whose forced probability is worth a colour: the gold one, else the model's own answer."""
    return gold or doc.own_answer or doc.forced_at_end


_ROLES = {"gold": ", correct", "own answer": ", the model's own answer", "": ", the likeliest at the end of the trace"}


def forced_metrics(stack: StackView, index: int, target: str, n_units: int, *, role: str) -> tuple[MetricView, ...]:
    """P(target) of one exit, raw and renormalised, per unit; readings a source copied are left out."""
    k = stack.all_labels.index(target)
    fresh = tuple(None if held else x for x, held in zip(stack.all_raw[k], stack.held, strict=True))
    share = _ratio((fresh,), stack.mass)[0]
    name = f"forced P({role})" if role else f"forced P({target})"
    note = f"after the exit “{stack.name}”, option {target}{_ROLES[role]}"
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
