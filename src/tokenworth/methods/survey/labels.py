"""The labels of shapes as data: an ordered table of rules over features, so that a page with sliders evaluates the same table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

FeatureColumns = Mapping[str, Float[np.ndarray, " row"]]
"""Feature -> its value in each row, NaN where there is none."""
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
Op = Literal[">=", "<=", ">", "<"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A named number that rules compare features with; ``low``, ``high`` and ``step`` are those of a slider."""

    name: str
    value: float
    low: float
    high: float
    step: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Whether a feature is beyond a limit: ``scale`` times a threshold, or ``scale`` itself where ``threshold`` is empty.

    A feature that a row does not have meets no condition.
    """

    feature: str
    op: Op
    threshold: str = ""
    scale: float = 1.0

    def __str__(self) -> str:
        sign = "−" if self.scale < 0 else ""
        return f"{self.feature} {_SIGNS[self.op]} {sign}{f'the threshold {self.threshold}' if self.threshold else f'{abs(self.scale):g}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDoc:
    """A label and the conditions that all have to be met; the first rule of a table that matches gives the label."""

    label: str
    conditions: tuple[Condition, ...] = ()


def _if(feature: str, op: Op, threshold: str, scale: float = 1.0) -> Condition:
    return Condition(feature=feature, op=op, threshold=threshold, scale=scale)


def _is(feature: str) -> Condition:
    return Condition(feature=feature, op=">=", scale=0.5)


def _is_not(feature: str) -> Condition:
    return Condition(feature=feature, op="<", scale=0.5)


UNANSWERABLE = RuleDoc(label="unanswerable", conditions=(_if("mass_median", "<", "least_mass"),))
RULES = (
    UNANSWERABLE,
    RuleDoc(label="productive", conditions=(_if("gain", ">=", "gain"),)),
    RuleDoc(label="counterproductive", conditions=(_if("gain", "<=", "gain", -1.0),)),
    RuleDoc(label="flat-right", conditions=(_if("range", "<", "range"), _is("ends_right"))),
    RuleDoc(label="flat-wrong", conditions=(_if("range", "<", "range"),)),
    RuleDoc(label="rise-and-fall", conditions=(_is("same_option"),)),
    RuleDoc(label="drift", conditions=(_is_not("starts_right"), _is_not("ends_right"))),
    RuleDoc(label="marginal"),
)
"""Of P(gold): one label for every trace, the flat ones by how they end."""
TWIN_RULES = (
    UNANSWERABLE,
    RuleDoc(label="revising", conditions=(_if("own_gain", ">=", "gain"),)),
    RuleDoc(label="oscillating", conditions=(_if("own_range", ">=", "range"),)),
    RuleDoc(label="confirming"),
)
"""The same of P(own answer), for which no gold is needed."""


def _limit(condition: Condition, thresholds: Mapping[str, float]) -> float:
    return condition.scale * (thresholds[condition.threshold] if condition.threshold else 1.0)


def _met(condition: Condition, thresholds: Mapping[str, float], columns: FeatureColumns) -> Bool[np.ndarray, " row"]:
    x, limit = columns[condition.feature], _limit(condition, thresholds)
    with np.errstate(invalid="ignore"):
        return {">=": x >= limit, "<=": x <= limit, ">": x > limit, "<": x < limit}[condition.op]


def matched(rules: Sequence[RuleDoc], thresholds: Mapping[str, float], columns: FeatureColumns, n: int) -> Int[np.ndarray, " row"]:
    """The number of the rule that each of ``n`` rows gets its label from."""
    found = np.full(n, -1, dtype=np.int64)
    for number, rule in enumerate(rules):
        fits = np.ones(n, dtype=np.bool_)
        for condition in rule.conditions:
            fits &= _met(condition, thresholds, columns)
        found = np.where((found < 0) & fits, number, found)
    return found


def margins(
    rules: Sequence[RuleDoc], thresholds: Mapping[str, float], columns: FeatureColumns, found: Int[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """How far the nearest feature is from where another rule would match; NaN where no feature decides.

    An earlier rule matches once all its failing conditions are met, so the farthest of them counts; the rule that matches is lost with the
    nearest of its conditions. Conditions without a threshold are facts and do not move.
    """
    nearest = np.full(len(found), np.inf)
    for number, rule in enumerate(rules):
        farthest, closest = np.zeros(len(found)), np.full(len(found), np.inf)
        for condition in rule.conditions:
            away = np.abs(columns[condition.feature] - _limit(condition, thresholds))
            away = np.where(np.isnan(away) | (not condition.threshold), np.inf, away)
            met = _met(condition, thresholds, columns)
            farthest = np.where(met, farthest, np.maximum(farthest, away))
            closest = np.where(met, np.minimum(closest, away), closest)
        nearest = np.where(found > number, np.minimum(nearest, farthest), nearest)
        nearest = np.where(found == number, np.minimum(nearest, closest), nearest)
    return np.where(np.isfinite(nearest), nearest, np.nan)
