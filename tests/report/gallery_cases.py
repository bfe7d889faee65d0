"""Galleries made up from a seed."""

from __future__ import annotations

import numpy as np

from tokenworth.report.facts import FactView
from tokenworth.report.page import Page
from tokenworth.report.section import Section
from tokenworth.report.sections.gallery.encode import encode
from tokenworth.report.sections.gallery.model import ConditionView, FeatureView, GalleryView, RuleView, ThresholdView, curve_points

RULES = (
    RuleView(label="rises", note="change ≥ gain", conditions=(ConditionView(feature=2, op=">=", threshold=0),)),
    RuleView(label="falls", note="change ≤ −gain", conditions=(ConditionView(feature=2, op="<=", threshold=0, scale=-1.0),)),
    RuleView(label="stays", note="the rest"),
)
GAIN = 0.3


def curves(n: int, points: int, seed: int = 0) -> list[np.ndarray]:
    """Random walks in [0, 1]; the first has no number in its middle."""
    rng = np.random.default_rng(seed)
    found = [np.clip(np.cumsum(rng.normal(0, 0.06, points)) + rng.uniform(0, 1), 0, 1) for _ in range(n)]
    found[0][points // 3 : points // 2] = np.nan
    return found


def view(n: int = 60, points: int = 40, *, ids: tuple[str, ...] | None = None, trace: tuple[int, ...] = ()) -> GalleryView:
    """A gallery of ``n`` random walks."""
    lines = curves(n, points)
    packed = [curve_points(line, line < 0.1, points) for line in lines]
    start, end = (np.array([line[k] for line in lines]) for k in (0, -1))
    features = {"start": start, "end": end, "change": end - start}
    rng = np.random.default_rng(1)
    return GalleryView(
        title="made-up curves",
        lead=(),
        what="value",
        ids=ids or tuple(f"trace/{k}" for k in range(n)),
        texts=tuple(f"Question {k}?" for k in range(n)),
        answers=tuple("B; correct is C" for _ in range(n)),
        subjects=("even", "odd"),
        subject=np.arange(n) % 2,
        correct=rng.integers(0, 3, n).astype(np.uint8),
        tokens=rng.integers(10, 4000, n),
        cluster=np.arange(n) % 3,
        medoids=(0, 1, 2),
        features=tuple(FeatureView(name=name, note=f"the {name}", values=values) for name, values in features.items()),
        thresholds=(ThresholdView(name="gain", value=GAIN, low=0.0, high=1.0, step=0.01, note="least change"),),
        rules=RULES,
        label=np.array([[rule.label for rule in RULES].index(one) for one in named(features["change"], GAIN)], dtype=np.uint8),
        points=np.concatenate(packed),
        offsets=np.concatenate([[0], np.cumsum([len(one) for one in packed])]),
        held=np.zeros(n, dtype=np.uint8),
        facts=(FactView(label="model", value="none"),),
        trace=trace,
    )


SECTION = Section(kind="gallery", view=lambda documents: None, text=lambda *_: iter(()), encode=encode, noscript=lambda part: iter(()))


def page(gallery: GalleryView) -> Page:
    """A page of a gallery alone."""
    return Page(title=gallery.title, generator="tokenworth", parts=((SECTION, gallery),))


def labels(gallery: GalleryView, gain: float) -> list[str]:
    """The label of each trace, worked out again."""
    return named(gallery.features[2].values, gain)


def named(change: np.ndarray, gain: float) -> list[str]:
    """The labels of some changes."""
    return ["rises" if x >= gain else "falls" if x <= -gain else "stays" for x in change]
