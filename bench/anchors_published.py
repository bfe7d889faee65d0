"""Published sentence importances of Thought Anchors: recomputed, with intervals, and how many survive a control of false discoveries.

Prints Markdown tables. Usage: ``python bench/anchors_published.py FOLDER`` (of ``problem_<n>`` folders).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from tokenworth.core.document import About, Provenance
from tokenworth.importers.sentences import answered
from tokenworth.importers.thought_anchors import CHUNKS, thought_anchors_folder
from tokenworth.methods.align.derive import align_document
from tokenworth.methods.align.settings import AlignSettings
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.stats.difference import newcombe
from tokenworth.stats.selection import discovered, level_of_selected

Q = 0.05


@dataclass(frozen=True)
class Published:
    """One trace: a row for each pair of neighbouring cuts with a rate."""

    document: CurveDoc
    ours: np.ndarray
    """A(i+1) − A(i) by the rates."""
    theirs: np.ndarray
    """The column of the source."""
    k: np.ndarray
    n: np.ndarray
    """Right ones and all, at the two cuts of each row."""
    kl: np.ndarray
    counterfactual: np.ndarray


def read(folder: Path) -> Published:
    """One folder."""
    document = thought_anchors_folder(folder)
    chunks = json.loads((folder / CHUNKS).read_text(encoding="utf-8"))
    value = np.asarray([np.nan if x is None else x for x in document.value])
    n = np.asarray([0.0 if x is None else x for x in document.n_effective])
    stored = np.asarray([answered(v, int(m)) if m else 0 for v, m in zip(np.nan_to_num(value), n, strict=True)], dtype=float)
    first = np.flatnonzero(np.isfinite(value[:-1]) & np.isfinite(value[1:]))
    rows = [chunks[i] for i in first]
    pick = np.stack([first, first + 1])
    return Published(
        document=document,
        ours=value[first + 1] - value[first],
        theirs=np.asarray([row["resampling_importance_accuracy"] for row in rows], dtype=float),
        k=np.round(np.nan_to_num(value) * stored)[pick],
        n=stored[pick],
        kl=np.asarray([row["resampling_importance_kl"] for row in rows], dtype=float),
        counterfactual=np.asarray([row["counterfactual_importance_accuracy"] for row in rows], dtype=float),
    )


def p_values(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Two-sided p of equal shares, by the pooled score test; 1 where all are alike."""
    pooled = k.sum(axis=0) / n.sum(axis=0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n).sum(axis=0))
    z = np.divide(k[1] / n[1] - k[0] / n[0], error, out=np.zeros(n.shape[1]), where=error > 0)
    return 2 * norm.sf(np.abs(z))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    root = parser.parse_args().folder
    found = [read(path.parent) for path in sorted(root.rglob(CHUNKS))]
    k, n = (np.concatenate([getattr(one, name) for one in found], axis=1) for name in ("k", "n"))
    ours, theirs, kl, other = (np.concatenate([getattr(one, name) for one in found]) for name in ("ours", "theirs", "kl", "counterfactual"))
    p = p_values(k, n)
    whole = discovered(p, Q)
    within = np.concatenate([discovered(p_values(one.k, one.n), Q) for one in found])
    low, high = newcombe(k[1], n[1], k[0], n[0], 0.95)
    print(f"{len(found)} traces, {sum(len(one.document.cuts) for one in found):,} sentences, {len(ours):,} importances\n")
    print("| | importances | share |\n|---|--:|--:|")
    sizes = np.abs(ours)
    flat = np.abs(kl) > 1
    lines = [
        ("the source's column differs by more than 1e-9", np.abs(ours - theirs) > 1e-9),
        ("size above .1", sizes > 0.1),
        ("95 % limits (Newcombe) exclude 0", (low > 0) | (high < 0)),
        ("p < .05", p < 0.05),
        ("survive Benjamini–Hochberg at 5 %, all together", whole),
        ("survive it trace by trace", within),
        ("KL above 1 nat", flat),
        ("counterfactual importance exactly 0 in the source", other == 0),
    ]
    for name, is_so in lines:
        print(f"| {name} | {int(is_so.sum()):,} | {100 * is_so.mean():.1f} % |")
    both = (np.abs(other) > 0.1) & (sizes > 0.1)
    opposite = int((np.sign(other[both]) != np.sign(ours[both])).sum())
    print(f"\nKL > 1 nat without p < .05: {np.mean(p[flat] >= 0.05):.0%}.")
    print(f"Sizes: median {np.median(sizes):.3f}, q90 {np.quantile(sizes, 0.9):.3f}.")
    print(f"Counterfactual and resampling both above .1: {int(both.sum())}, of opposite sign {opposite}.")
    if whole.any():
        level = level_of_selected(Q, int(whole.sum()), len(p))
        low, high = newcombe(k[1][whole], n[1][whole], k[0][whole], n[0][whole], level)
        print(f"Survivors: mean size {sizes[whole].mean():.2f}; limits at {level:.5f} {np.mean((high - low) / 2):.2f} wide on each side.")
    aligned = align_document([one.document for one in found], AlignSettings(pattern=("tags",)), About(provenance=Provenance(version="")))
    print("\n| function | sentences | change | controls | difference | size beyond controls |\n|---|--:|--:|--:|--:|--:|")
    for row in aligned.patterns:
        for effect in row.effects:
            estimates = [effect.change, effect.control, effect.difference, effect.size_difference]
            shown = [f"{value:+.3f} [{low:+.3f}, {high:+.3f}]" for value, low, high in estimates if None not in (value, low, high)]
            print(f"| {row.pattern.removeprefix('tag=')} | {effect.n:,} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
