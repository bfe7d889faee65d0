"""How well a probe tells what it is asked, beside baselines and controls, on questions it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from tokenworth.methods.probe.document import FittedProbe, LayerDoc, ScoreDoc, StratumDoc
from tokenworth.methods.probe.pool import Pool
from tokenworth.methods.probe.settings import ProbeSettings
from tokenworth.stats.auroc import auroc
from tokenworth.stats.folds import random_by, shuffled_within
from tokenworth.stats.logistic import LinearModel
from tokenworth.stats.nested import Calibration, Labelled, Nested, cross_fitted, final_model, nested_scores
from tokenworth.stats.paired_scores import PairedScores, r_squared

INNER = 4
"""Inner folds, by question."""
LEAST_QUESTIONS = 20
"""Fewer questions fit no probe."""
PROBE, BASELINE = "probe", "baseline"
Scores = Float[np.ndarray, "row class"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What was found; ``probability`` and ``baseline`` are out of fold, ``fitted`` is for other questions."""

    scores: tuple[ScoreDoc, ...]
    strata: tuple[StratumDoc, ...]
    layers: tuple[LayerDoc, ...]
    probability: Scores
    baseline: Scores
    fitted: FittedProbe | None


def why_not(pool: Pool, settings: ProbeSettings) -> str:
    """Why the rows fit no probe; empty where they do."""
    n = len(pool.questions)
    if n < LEAST_QUESTIONS:
        return f"no probe: {n} question{'s' * (n != 1)} with a label, expected at least {LEAST_QUESTIONS}; give more with --item"
    if not pool.classes:
        return "" if np.ptp(pool.label) > 0 else f"no probe: the value is {pool.label[0]:g} in all rows, so that there is nothing to tell"
    by_class = {name: len(np.unique(pool.labelled.question[pool.label == k])) for k, name in enumerate(pool.classes)}
    some = {name: count for name, count in by_class.items() if count}
    if len(some) < 2:
        return f"no probe: all {len(pool.label)} rows are {next(iter(some))!r}, and a probe needs two classes; give other questions"
    least = min(some, key=lambda name: some[name])
    if some[least] < settings.folds and len(pool.classes) == 2:
        return (
            f"no probe: {some[least]} question{'s' * (some[least] != 1)} with {least!r}, expected one for each of {settings.folds} "
            "folds or more; give more questions, or fewer --folds"
        )
    return ""


def evaluated(pool: Pool, settings: ProbeSettings) -> Evaluation:
    """A probe fitted on these rows, scored by nested folds."""
    labelled, seed, rng = pool.labelled, settings.seed, np.random.default_rng(settings.seed)
    states = list(pool.states)
    found = _nested(states, labelled, settings)
    compared = _compared(pool, settings)
    compared["random features"] = _nested([rng.standard_normal(pool.states.shape[1:])], labelled, settings)
    usable = {PROBE: found, **compared}
    probability = {name: cross_fitted(one, labelled) for name, one in usable.items()}
    shown = {name: probability[name] if not pool.classes else one.score for name, one in usable.items()}
    each = {f"layer {layer}": found.each[at] for at, layer in enumerate(pool.layers)}
    if not pool.classes:
        each = {name: cross_fitted(replace(found, score=score), labelled) for name, score in each.items()}
    pairs = _pairs(pool, labelled.y, labelled.question, settings)
    pairs.add({**shown, **each})
    at, c, model, calibration = final_model(states, labelled, inner=INNER, seed=seed)
    return Evaluation(
        scores=(*_scores(pool, pairs, list(shown)), *_controls(pool, settings, states, rng)),
        strata=_strata(pool, shown, settings),
        layers=tuple(
            LayerDoc(layer=layer, quality=pairs.of(f"layer {layer}"), chosen=int((found.chosen == i).sum()))
            for i, layer in enumerate(pool.layers)
        ),
        probability=probability[PROBE],
        baseline=probability[BASELINE],
        fitted=fitted_probe(pool.layers[at], c, model, calibration),
    )


def applied_probe(pool: Pool, probe: FittedProbe, settings: ProbeSettings) -> Evaluation:
    """A saved probe on these rows: nothing of it is fitted here; the baselines are, as ever by nested folds."""
    model, calibration = model_of(probe)
    score = model.scores(pool.states[pool.layers.index(probe.layer)])
    probability = calibration.probability(score)
    if why_not(pool, settings):
        none = np.zeros((len(score), 0))
        return Evaluation(scores=(), strata=(), layers=(), probability=probability, baseline=none, fitted=None)
    compared = _compared(pool, settings)
    by_name = {name: cross_fitted(one, pool.labelled) for name, one in compared.items()}
    shown = {PROBE: score} | {name: one.score for name, one in compared.items()}
    if not pool.classes:
        shown = {PROBE: probability, **by_name}
    pairs = _pairs(pool, pool.labelled.y, pool.labelled.question, settings)
    pairs.add(shown)
    scores, strata = tuple(_scores(pool, pairs, list(shown))), _strata(pool, shown, settings)
    return Evaluation(scores=scores, strata=strata, layers=(), probability=probability, baseline=by_name[BASELINE], fitted=None)


def _compared(pool: Pool, settings: ProbeSettings) -> dict[str, Nested]:
    """The baselines by name: each set of features alone, and last the one that inner folds choose among them."""
    sets = baselines(pool)
    found = _nested(list(sets.values()), pool.labelled, settings)
    alone = {name: replace(found, score=found.each[at]) for at, name in enumerate(sets)}
    if not pool.classes and np.isfinite(pool.forced_gold).all():
        share = np.clip(pool.forced_gold, 1e-9, 1 - 1e-9)
        alone["forced gold"] = _nested([np.log(share / (1 - share))[:, None]], pool.labelled, settings)
    return {**alone, BASELINE: found}


def baselines(pool: Pool) -> dict[str, Float[np.ndarray, "row _"]]:
    """What the probe is compared with, by name."""
    found: dict[str, Float[np.ndarray, "row _"]] = {"words": pool.words, "length": pool.length}
    if len(pool.strata) > 1:
        found["stratum"] = (pool.stratum[:, None] == np.arange(len(pool.strata))).astype(np.float64)
    text = np.hstack(list(found.values()))
    return {**found, "forced": pool.forced, "text": text, "text + forced": np.hstack([text, pool.forced])}


FEATURES = {
    PROBE: "hidden states, the layer chosen in inner folds",
    "words": "which tokens the prompt and the kept trace contain",
    "length": "tokens of the prompt and of the kept trace",
    "stratum": "the name of the task",
    "forced": "shares of the options in the forced answer at this cut, its largest share, entropy and mass",
    "forced gold": "the forced share of the right option: it knows the key",
    "text": "words, length and stratum together",
    "text + forced": "text and forced answer together",
    BASELINE: "whichever of these inner folds choose, as they choose the probe's layer",
    "random features": "as many random numbers as a state has",
}


def _nested(x: Sequence[Float[np.ndarray, "row _"]], labelled: Labelled, settings: ProbeSettings) -> Nested:
    return nested_scores(x, labelled, outer=settings.folds, inner=INNER, seed=settings.seed)


def _pairs(pool: Pool, y: Scores, question: Int[np.ndarray, " row"], settings: ProbeSettings) -> PairedScores:
    return PairedScores(y, question, auroc if pool.classes else r_squared, level=settings.level, seed=settings.seed)


def _scores(pool: Pool, pairs: PairedScores, names: Sequence[str]) -> list[ScoreDoc]:
    return [
        ScoreDoc(
            name=name,
            kind="probe" if name == PROBE else "control" if name == "random features" else "baseline",
            features=FEATURES[name],
            metric="AUROC" if pool.classes else "R2",
            quality=pairs.of(name),
            gain=None if name == PROBE else pairs.difference(PROBE, name),
        )
        for name in names
    ]


def _controls(pool: Pool, settings: ProbeSettings, states: list[Float[np.ndarray, "row _"]], rng: np.random.Generator) -> list[ScoreDoc]:
    """The same fit to labels that say nothing, or nothing about the question."""
    one = pool.labelled
    place = (pool.stratum * (int(pool.slot.max()) + 1) + pool.slot) * (int(pool.trace.max()) + 1) + pool.trace
    partner = shuffled_within(place, rng)
    shuffled = Labelled(y=one.y[partner], weight=one.weight[partner], question=one.question, kind=one.kind[partner])
    made = {
        "labels shuffled": (shuffled, "the labels of other questions of the stratum, at the same place"),
        "random by question": (_coin(pool, one.question, rng), "a coin for each question: far above .5 means that the split leaks"),
    }
    if settings.place == "trace" and len(np.unique(pool.cut)) > 1:
        told = "a coin for each last token: what a probe tells by knowing tokens (the probe less this is its selectivity)"
        made["random by last token"] = (_coin(pool, pool.last_token, rng), told)
    found: list[ScoreDoc] = []
    for name, (labels, told) in made.items():
        nested = _nested(states, labels, settings)
        is_share = labels is shuffled and not pool.classes
        quality = r_squared if is_share else auroc
        pairs = PairedScores(labels.y, labels.question, quality, level=settings.level, seed=settings.seed)
        pairs.add({name: cross_fitted(nested, labels) if is_share else nested.score})
        metric = "R2" if is_share else "AUROC"
        found.append(ScoreDoc(name=name, kind="control", features=told, metric=metric, quality=pairs.of(name), gain=None))
    return found


def _coin(pool: Pool, group: Int[np.ndarray, " row"], rng: np.random.Generator) -> Labelled:
    side = random_by(group, 2, rng)
    return Labelled(
        y=side[:, None].astype(np.float64), weight=np.ones(len(side)), question=pool.labelled.question, kind=2 * pool.stratum + side
    )


def _strata(pool: Pool, shown: dict[str, Scores], settings: ProbeSettings) -> tuple[StratumDoc, ...]:
    """The probe and the baseline within each task, by the same scores."""
    found: list[StratumDoc] = []
    for k, name in enumerate(pool.strata):
        rows = np.flatnonzero(pool.stratum == k)
        part, label = pool.part(rows), pool.label[rows]
        pairs = _pairs(pool, part.y, part.question, settings)
        pairs.add({key: shown[key][rows] for key in (PROBE, BASELINE)})
        several = len(pool.classes) > 2
        found.append(
            StratumDoc(
                name=name,
                questions=len(np.unique(part.question)),
                rows=len(rows),
                base=float(np.bincount(label.astype(np.int64)).max() / len(rows)) if several else float(label.mean()),
                probe=pairs.of(PROBE),
                baseline=pairs.of(BASELINE),
                gain=pairs.difference(PROBE, BASELINE),
            )
        )
    return tuple(found)


def fitted_probe(layer: int, c: float, model: LinearModel, calibration: Calibration) -> FittedProbe:
    """The probe as it is written."""
    return FittedProbe(
        layer=layer,
        c=c,
        mean=tuple(model.mean.tolist()),
        scale=tuple(model.scale.tolist()),
        weight=tuple(tuple(one) for one in model.weight.T.tolist()),
        intercept=tuple(model.intercept.tolist()),
        slope=tuple(calibration.slope.tolist()),
        offset=tuple(calibration.intercept.tolist()),
    )


def model_of(probe: FittedProbe) -> tuple[LinearModel, Calibration]:
    """The arrays of a written probe."""
    model = LinearModel(
        mean=np.asarray(probe.mean),
        scale=np.asarray(probe.scale),
        weight=np.asarray(probe.weight, dtype=np.float64).T,
        intercept=np.asarray(probe.intercept),
    )
    return model, Calibration(slope=np.asarray(probe.slope), intercept=np.asarray(probe.offset))
