"""What a page shows of a probe: how much it tells beyond text and forced answer, in each task, and whether its numbers can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.methods.probe.document import ProbeDoc, ScoreDoc
from tokenworth.report.facts import FactView, model_fact, provenance_facts, sampler_text
from tokenworth.report.pieces.series import Lines, Rule, Series
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section

ASKED = {
    "needed": "Is the trace needed?",
    "right": "Will the answer be right?",
    "option": "Which option will it be?",
    "settled": "Is the answer settled?",
    "value": "What is the value?",
}
_KINDS = {"probe": "", "baseline": "baseline", "control": "control"}


def _sheets(doc: ProbeDoc) -> Iterator[SheetView]:
    facts = tuple(_facts(doc))
    yield SheetView(
        title=f"{ASKED.get(doc.ask, doc.ask)} {doc.task}, {doc.model.name}",
        lead=tuple(_lead(doc)),
        caption=f"{_metric(doc)} on questions that were not fitted on; the last column is the probe less the row, on the same questions:"
        if doc.scores
        else "",
        level=doc.level if doc.scores else None,
        columns=_columns(doc, "what is read", "kind") if doc.scores else (),
        rows=tuple(_score(one) for one in doc.scores),
        facts=facts,
        notes=doc.notes,
    )
    if doc.strata:
        yield _by_task(doc, facts)
    if doc.layers:
        yield _by_layer(doc, facts)
    if doc.calibration:
        yield _calibrated(doc, facts)


def _by_task(doc: ProbeDoc, facts: tuple[FactView, ...]) -> SheetView:
    return SheetView(
        title="By task",
        caption="Within each task, by the same scores; the baseline is chosen by inner folds among all that is read without the model:",
        level=doc.level,
        columns=(
            SheetColumn(name="task", kind="text", width=18),
            SheetColumn(name="questions", kind="count", width=11, right=True),
            SheetColumn(name="base", kind="share", width=7, right=True),
            SheetColumn(name="probe", kind=_kind(doc), width=20, right=True),
            SheetColumn(name="baseline", kind=_kind(doc), width=20, right=True),
            SheetColumn(name="difference", kind="difference", width=22, right=True),
        ),
        rows=tuple(
            (
                cell(one.name or NONE),
                cell(f"{one.questions:,}"),
                _plain(one.base),
                number_cell(one.probe),
                number_cell(one.baseline),
                _gain(one.gain),
            )
            for one in doc.strata
        ),
        facts=facts,
    )


def _by_layer(doc: ProbeDoc, facts: tuple[FactView, ...]) -> SheetView:
    return SheetView(
        title="By layer",
        caption="Each layer alone, and in how many folds it was chosen; 0 is the embedding:",
        level=doc.level,
        columns=(
            SheetColumn(name="layer", kind="count", width=8),
            SheetColumn(name=_metric(doc), kind=_kind(doc), width=20, right=True),
            SheetColumn(name="chosen", kind="count", width=9, right=True),
        ),
        rows=tuple((cell(one.layer), number_cell(one.quality), cell(one.chosen)) for one in doc.layers),
        facts=facts,
        pieces=(_layer_lines(doc),),
    )


def _layer_lines(doc: ProbeDoc) -> Lines:
    """Quality over layers, with the baseline as a line."""
    sides = [[np.nan if x is None else x for x in side] for side in zip(*(one.quality for one in doc.layers), strict=True)]
    y, low, high = (np.asarray(side, dtype=np.float64) for side in sides)
    layers = np.asarray([one.layer for one in doc.layers], dtype=np.int64)
    baseline = next((one.quality.value for one in doc.scores if one.name == "baseline"), None)
    return Lines(
        series=(Series(name="hidden states", x=layers, y=y, low=low, high=high),),
        length=int(layers[-1]),
        axis="layer",
        scale="share" if doc.classes else "free",
        what=_metric(doc),
        band=f"{doc.level:.0%} interval",
        rules=() if baseline is None else (Rule(y=baseline, label="baseline: text and forced answer"),),
    )


def _calibrated(doc: ProbeDoc, facts: tuple[FactView, ...]) -> SheetView:
    return SheetView(
        title="Calibration",
        caption=_calibration(doc),
        columns=(
            SheetColumn(name="predicted", kind="share", width=11, right=True),
            SheetColumn(name="observed", kind="share", width=11, right=True),
            SheetColumn(name="rows", kind="count", width=8, right=True),
        ),
        rows=tuple((_plain(one.predicted), _plain(one.observed), cell(f"{one.n:,}")) for one in doc.calibration),
        facts=facts,
        pieces=(_calibration_lines(doc),),
    )


def _calibration_lines(doc: ProbeDoc) -> Lines:
    """Predicted and observed side by side: one line where the probabilities are right."""
    place = np.arange(1, len(doc.calibration) + 1)
    return Lines(
        series=(
            Series(name="predicted", x=place, y=np.asarray([one.predicted for one in doc.calibration])),
            Series(name="observed", x=place, y=np.asarray([one.observed for one in doc.calibration])),
        ),
        length=len(place),
        axis="group of rows, by prediction",
        what="probability",
    )


def _lead(doc: ProbeDoc) -> Iterator[str]:
    rows = len(doc.rows.question)
    counts = ", ".join(f"{count:,} {name}" for name, count in zip(doc.classes, doc.counts, strict=True))
    yield (
        f"{len(doc.questions):,} questions, {rows:,} cuts"
        + (f": {counts}" if counts else "")
        + (f"; {doc.left_out:,} questions left out" if doc.left_out else "")
    )
    if doc.applied:
        yield f"the probe of {doc.applied}, applied: nothing of it was fitted on these questions"
    if doc.ceiling is not None:
        yield f"values have the noise of their rollouts: the true ones would reach R² {doc.ceiling:.2f}"


def _columns(doc: ProbeDoc, name: str, kind: str) -> tuple[SheetColumn, ...]:
    return (
        SheetColumn(name=name, kind="text", width=22),
        SheetColumn(name=kind, kind="text", width=10),
        SheetColumn(name=_metric(doc), kind=_kind(doc), width=20, right=True),
        SheetColumn(name="probe less this", kind="difference", width=22, right=True),
    )


def _score(one: ScoreDoc) -> tuple[SheetCell, ...]:
    name = "hidden states" if one.kind == "probe" else one.name
    return cell(name), cell(_KINDS[one.kind]), number_cell(one.quality), _gain(one.gain)


def _gain(gain: Estimate | None) -> SheetCell:
    return number_cell(gain, form="+.2f")


def _plain(value: float | None) -> SheetCell:
    return cell(NONE) if value is None else number_cell(Estimate(value=value, low=None, high=None), limits="")


def _metric(doc: ProbeDoc) -> str:
    return "AUROC" if doc.classes else "R²"


def _kind(doc: ProbeDoc) -> Literal["share", "difference"]:
    return "share" if doc.classes else "difference"


def _calibration(doc: ProbeDoc) -> str:
    what = "the likeliest class" if len(doc.classes) > 2 else doc.classes[-1] if doc.classes else "the value"
    told = f"Probability of {what}, out of fold, in tenths of the rows"
    if doc.brier is None or doc.brier_base is None or doc.calibration_error is None:
        return told + ":"
    return f"{told}; error {doc.calibration_error:.3f}, Brier score {doc.brier:.3f} (base rate: {doc.brier_base:.3f}):"


def _facts(doc: ProbeDoc) -> Iterator[FactView]:
    yield model_fact(doc.model)
    place = "the last token kept" if doc.place == "trace" else f"the last token of the exit text {doc.exit!r}"
    layer = "" if doc.probe is None else f"the probe that is kept reads layer {doc.probe.layer}"
    yield FactView(label="state", value=place, detail=layer)
    yield FactView(label="sampler", value=sampler_text(doc.sampling), detail=f"at most {doc.sampling.max_tokens:,} tokens")
    plan = doc.plan
    yield FactView(label="rollouts", value=f"{plan.samples} at a place", detail=f"seed {plan.seed}")
    if doc.ask == "needed":
        told = "point estimates" if plan.unclear else "questions whose interval contains the margin are left out"
        yield FactView(label="needed", value=f"V(0) exceeds the forced share of gold by more than {plan.margin:g}", detail=told)
    elif doc.ask == "settled":
        yield FactView(label="settled", value=f"from a share of {plan.decided:g} on")
    yield FactView(label="folds", value=f"{plan.folds} by question", minor=True)
    yield from provenance_facts(doc.provenance)


SECTION = sheet_section(_sheets)
