"""What traces say together: do layers move where pivots are claimed, and do a user's numbers follow the value?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tokenworth.core.estimate import Estimate
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.inside.document import ChannelRow, MoveRow
from tokenworth.methods.inside.known import Known, clusters
from tokenworth.methods.lens.document import LensDoc
from tokenworth.methods.pivots.document import PivotsDoc
from tokenworth.stats.auroc import auroc
from tokenworth.stats.band import level_of_each
from tokenworth.stats.by_cluster import mean_of, ranks


def move_rows(known: Sequence[Known], level: float, rng: np.random.Generator) -> tuple[list[MoveRow], int]:
    """By layer, the mean size of the change of the answer's share at claimed tokens less that at excluded ones, a trace a pair.

    Excluded tokens are of the same family: the model was as little sure of them. Layers are those of the traces that have as many.
    """
    pairs = [(one, found) for one in known if (found := _moved(one)) is not None]
    depth = max((found.shape[1] for _, found in pairs), default=0)
    pairs = [(one, found) for one, found in pairs if found.shape[1] == depth]
    if not pairs:
        return [], 0
    moved, question = np.stack([found for _, found in pairs]), clusters([one for one, _ in pairs])
    each = level_of_each(level, depth)
    rows = [
        MoveRow(
            layer=layer,
            at_pivots=float(moved[:, 0, layer].mean()),
            elsewhere=float(moved[:, 1, layer].mean()),
            difference=mean_of(moved[:, 0, layer] - moved[:, 1, layer], question, level=each, rng=rng),
        )
        for layer in range(depth)
    ]
    return rows, len(pairs)


def _moved(known: Known) -> Float[np.ndarray, "side layer"] | None:
    lens, pivots = known.get(LensDoc), known.get(PivotsDoc)
    if lens is None or pivots is None or known.trace.outcome not in lens.options:
        return None
    k, at = lens.options.index(known.trace.outcome), {cut: i for i, cut in enumerate(lens.cuts)}
    share = np.asarray([[np.nan if row[k] is None else row[k] for row in layer] for layer in lens.share], dtype=np.float64)
    sides = list[np.ndarray]()
    for rows in (pivots.claims, pivots.excluded):
        here = [one.token for one in rows if one.token in at and one.token + 1 in at]
        if not here:
            return None
        size = np.abs(share[:, [at[token + 1] for token in here]] - share[:, [at[token] for token in here]])
        sides.append(size.mean(axis=1))
    found = np.stack(sides)
    return found if np.isfinite(found).all() else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scored:
    """A channel on one trace; NaN where there is nothing to compare."""

    with_value: float
    with_change: float
    pivots: float
    bias: float


def channel_rows(known: Sequence[Known], names: Iterable[str], level: float, rng: np.random.Generator) -> Iterator[ChannelRow]:
    """Each channel against the values of the traces that have both."""
    for name in names:
        some = [(one, _scored(one, one.channels[name])) for one in known if name in one.channels and one.get(CurveDoc) is not None]
        question = clusters([one for one, _ in some])
        found: dict[str, Estimate] = {}
        for what in ("with_value", "with_change", "pivots", "bias"):
            column = np.asarray([getattr(scored, what) for _, scored in some], dtype=np.float64)
            has = np.isfinite(column)
            found[what] = mean_of(column[has], question[has], level=level, rng=rng)
        yield ChannelRow(name=name, traces=len(some), **found)


def _scored(known: Known, channel: Float[np.ndarray, " token"]) -> _Scored:
    curve, pivots = known.get(CurveDoc), known.get(PivotsDoc)
    assert curve is not None
    value = np.full(len(channel) + 1, np.nan)
    value[list(curve.cuts)] = [np.nan if one is None else one for one in curve.value]
    inner = channel[np.isfinite(channel)]
    is_share = len(inner) > 0 and bool(((inner >= 0) & (inner <= 1)).all())
    off = channel - value[1:]
    return _Scored(
        with_value=_spearman(channel, value[1:]),
        with_change=_spearman(channel, np.abs(np.diff(value))),
        pivots=np.nan if pivots is None else _above(channel, [one.token for one in pivots.claims], [one.token for one in pivots.excluded]),
        bias=float(np.nanmean(off)) if is_share and np.isfinite(off).any() else np.nan,
    )


def _spearman(x: Float[np.ndarray, " token"], y: Float[np.ndarray, " token"]) -> float:
    """Rank correlation over the tokens that have both numbers; NaN where one of them does not vary."""
    both: Bool[np.ndarray, " token"] = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 3 or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
        return float("nan")
    return float(np.corrcoef(ranks(x[both]), ranks(y[both]))[0, 1])


def _above(channel: Float[np.ndarray, " token"], claims: Sequence[int], excluded: Sequence[int]) -> float:
    """P(the number of a claimed token > that of an excluded one), ties half."""
    score = channel[[*claims, *excluded]]
    is_claim = np.asarray([1.0] * len(claims) + [0.0] * len(excluded))
    has = np.isfinite(score)
    return float(auroc(score[has][:, None], is_claim[has][:, None], np.ones((1, int(has.sum()))))[0])
