"""What a page shows of rollouts without a verdict, where they are a share of them that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth.core.document import Number
from tokenworth.core.no_verdict import MATTERS, percent
from tokenworth.methods.curve.document import CurveDoc, VerdictsDoc
from tokenworth.report.sections.traces.model import MetricView
from tokenworth.report.sections.traces.series import metric, per_unit

MOST = 0.5
"""From this share on a colour is hatched: it says more of what is not known than of what is."""


def verdicts_view(doc: CurveDoc) -> VerdictsDoc | None:
    """What the document says of rollouts without a verdict; None where there is no cut at which their share matters."""
    found = doc.verdicts
    return found if found is not None and any(x is not None and x >= MATTERS for x in found.missing) else None


def given_label(label: str) -> str:
    """``P(correct | verdict)`` of ``P(correct)``."""
    return f"{label.removesuffix(')')} | verdict)"


def given_metric(label: str, found: VerdictsDoc, cuts: Sequence[int], n_units: int) -> MetricView:
    """P(target | verdict) of each unit."""
    values = per_unit(cuts, found.given, n_units)
    return metric("given", given_label(label), "value", values, scale="probability", note="among rollouts with a verdict")


def hatched_units(found: VerdictsDoc, cuts: Sequence[int], n_units: int) -> tuple[int, ...]:
    """1 for each unit after which `MOST` or more of the rollouts have no verdict; empty where there is none."""
    flags = tuple(int(x is not None and x >= MOST) for x in per_unit(cuts, found.missing, n_units))
    return flags if any(flags) else ()


def spread(values: Sequence[Number]) -> str:
    """The least and the largest of the shares in words."""
    known = [x for x in values if x is not None]
    low, high = percent(min(known)), percent(max(known))
    return low if low == high else f"{low} to {high}"


def summary(label: str, found: VerdictsDoc) -> Iterator[str]:
    """What a text says of them."""
    yield (
        f"no verdict: {spread(found.missing)} of the rollouts from a cut; they are in the denominator of {label}, and none counts as a "
        f"hit. If all of them were hits, the upper limits would be {spread(found.high_if_met)}"
    )
