"""A survey as a gallery: its rows as columns, its rules as they were written."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.core.document import Number
from tokenworth.core.inert import one_line
from tokenworth.errors import InvalidInput
from tokenworth.methods.survey.document import SurveyDoc, SurveyRow
from tokenworth.methods.survey.labels import Condition, RuleDoc
from tokenworth.report.facts import FactView, provenance_facts
from tokenworth.report.lines import facts_line, wrapped
from tokenworth.report.sections.gallery.model import POINTS, ConditionView, FeatureView, GalleryView, RuleView, ThresholdView, curve_points
from tokenworth.report.sections.gallery.tables import tables_of
from tokenworth.report.sections.sheet import SheetsView, sheet_lines, sheets_noscript

_STEPS = 254
"""Of the numbers of a curve in a survey."""
_WHAT = {"forced": "share of the gold answer among the options", "value": "value: P(target) over rollouts", "length": "no curve"}
_TEXT = 300
"""Characters of a question."""


def view(documents: Sequence[SurveyDoc]) -> GalleryView:
    """The gallery of a survey.

    Raises InvalidInput for several: a page has one gallery.
    """
    if len(documents) > 1:
        raise InvalidInput(f"a page shows one survey; got {len(documents)}; make a page of each, or one survey of all their documents")
    (document,) = documents
    rows = document.rows
    subjects = tuple(sorted({row.subject for row in rows}))
    most = max(16, POINTS // max(1, len(rows)))
    place = {one.name: k for k, one in enumerate(document.features)}
    mass = next((one.value for one in document.thresholds if one.name == "least_mass"), 0.0)
    names = [one.label for one in document.rules]
    curves = [_curve(row, mass, most) for row in rows]
    at = {row.id: k for k, row in enumerate(rows)}
    return GalleryView(
        title=f"survey of {len(rows):,} trace{'s' * (len(rows) != 1)}",
        lead=(),
        what=next((_WHAT.get(row.kind, row.kind) for row in rows if row.curve or row.own_curve), _WHAT["length"]),
        ids=tuple(row.problem or row.id for row in rows),
        texts=tuple(row.title[:_TEXT] for row in rows),
        answers=tuple(_answer(row) for row in rows),
        subjects=subjects,
        subject=np.array([subjects.index(row.subject) for row in rows], dtype=int),
        correct=np.array([2 if row.correct is None else int(row.correct) for row in rows], dtype=np.uint8),
        tokens=np.array([row.tokens for row in rows], dtype=int),
        cluster=np.array([-1 if row.cluster is None else row.cluster for row in rows], dtype=int),
        features=tuple(_feature(document, k) for k in range(len(document.features))),
        thresholds=tuple(
            ThresholdView(name=one.name, value=one.value, low=one.low, high=one.high, step=one.step, note=one.text)
            for one in document.thresholds
        ),
        rules=tuple(map(partial(_rule, document, place), document.rules)),
        label=np.array([names.index(row.label) if row.label in names else len(names) - 1 for row in rows], dtype=np.uint8),
        points=np.concatenate([*curves, np.zeros(0, dtype=np.uint8)]),
        offsets=np.concatenate([[0], np.cumsum([len(one) for one in curves], dtype=int)]).astype(int),
        medoids=tuple(at[one.medoid] for one in document.clusters),
        held=np.array(["1" in row.held for row in rows], dtype=np.uint8),
        sheets=tuple(tables_of(document)),
        facts=tuple(_facts(document)),
        notes=document.notes,
    )


def _facts(document: SurveyDoc) -> Iterator[FactView]:
    models = sorted({row.model for row in document.rows})
    yield FactView(label="models" if len(models) > 1 else "model", value=", ".join(models[:5]) + ", …" * (len(models) > 5))
    yield FactView(label="interval", value=f"{document.level:.0%}", detail="bootstrap over questions, where not said otherwise")
    yield from provenance_facts(document.provenance)


def text(part: GalleryView, width: int, colour: bool, title: str) -> Iterator[str]:
    """The tables, for a terminal."""
    del colour
    if part.title != title:
        yield from wrapped(one_line(part.title), width)
    yield from facts_line(part.facts, width)
    for sheet in part.sheets:
        yield ""
        yield one_line(sheet.title)
        yield from sheet_lines(sheet)
    for note in part.notes:
        yield one_line(f"note: {note}")


def noscript(part: GalleryView) -> Iterator[str]:
    """The tables, for readers without JavaScript."""
    yield from sheets_noscript(SheetsView(sheets=part.sheets))


def _answer(row: SurveyRow) -> str:
    return f"{row.own or 'none'}; {'no gold' if row.gold is None else f'correct is {row.gold}'}"


def _feature(document: SurveyDoc, k: int) -> FeatureView:
    values: list[Number] = [row.features[k] for row in document.rows]
    one = document.features[k]
    numbers: Float[np.ndarray, " trace"] = np.array([np.nan if x is None else x for x in values], dtype=float)
    return FeatureView(name=one.name, note=one.text + (f" ({one.unit})" if one.unit else ""), values=numbers)


def _rule(document: SurveyDoc, place: dict[str, int], rule: RuleDoc) -> RuleView:
    names = [one.name for one in document.thresholds]
    conditions = tuple(
        ConditionView(feature=place[one.feature], op=one.op, threshold=names.index(one.threshold) if one.threshold else -1, scale=one.scale)
        for one in rule.conditions
    )
    return RuleView(label=rule.label, note=" and ".join(_words(one) for one in rule.conditions) or "the rest", conditions=conditions)


_SIGNS = {">=": "≥", "<=": "≤"}


def _words(one: Condition) -> str:
    sign = _SIGNS.get(one.op, one.op)
    if not one.threshold:
        return f"{one.feature} {sign} {one.scale:g}"
    factor = {1.0: "", -1.0: "−"}.get(one.scale, f"{one.scale:g} × ")
    return f"{one.feature} {sign} {factor}{'its threshold' if one.threshold == one.feature else one.threshold}"


def _bytes(text: str) -> Float[np.ndarray, " point"]:
    raw = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    return np.where(raw > _STEPS, np.nan, raw / _STEPS)


def _curve(row: SurveyRow, least_mass: float, most: int) -> Float[np.ndarray, " kept"]:
    """The curve of the gold answer, or of the own one where there is no gold; a trace has no more points than cuts."""
    values = _bytes(row.curve or row.own_curve)
    mass = _bytes(row.mass)
    is_open: Bool[np.ndarray, " point"] = mass < least_mass if len(mass) == len(values) else np.zeros(len(values), dtype=bool)
    return curve_points(values, is_open, min(most, row.tokens + 1))
