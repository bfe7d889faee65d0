"""The effect of a kind of edit over several instances: the instances are the sample, not their rollouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.estimate import Estimate, check_level
from tokenworth.methods.edits.intervene import Effect, InterveneResult, Side, difference, groups_of
from tokenworth.stats.clusters import cluster_mean, noise_of_share
from tokenworth.stats.proportion import share


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffect:
    """One kind of edit over all instances."""

    edit: str
    unit: str
    """What the limits take as the sample: ``instances``, or ``rollouts`` where there is one instance only."""
    instances: int
    """With rollouts on both sides."""
    variants: int
    """Edits counted."""
    missing: int
    """Edits with rollouts on one side only, left out."""
    rollouts_before: int
    """Those of a base that several edits share are counted once."""
    rollouts_after: int
    unknown_before: int
    """Of the rollouts, those whose outcome is unknown."""
    unknown_after: int
    before: Estimate
    """P(correct) without the edit."""
    after: Estimate
    difference: Estimate
    """After less before."""
    trace_valid_before: Estimate | None
    """Share of valid traces; None where nothing checks them."""
    trace_valid_after: Estimate | None


def by_group(results: Sequence[InterveneResult], *, level: float) -> tuple[GroupEffect, ...]:
    """The groups of all variants, each over all instances; a result is one instance.

    An instance's value is the mean over its variants of the group: P(correct) before, after, or after less before. Over m ≥ 2 instances
    the limits are `stats.clusters.cluster_mean`: Student's t over the m values and a pseudo-value at each end. For one
    instance they are Wilson's and Newcombe's over its rollouts, and say nothing about other instances.
    """
    check_level(level)
    return tuple(_group(group, results, level) for group in groups_of(results))


def _group(group: str, results: Sequence[InterveneResult], level: float) -> GroupEffect:
    units: list[list[Effect]] = []
    missing = 0
    for result in results:
        effects = [effect for effect in result.effects if effect.variant.group == group]
        whole = [effect for effect in effects if effect.before.n and effect.after.n]
        missing += len(effects) - len(whole)
        if whole:
            units.append(whole)
    before = [side for unit in units for side in _distinct(unit, lambda effect: effect.before)]
    after = [side for unit in units for side in _distinct(unit, lambda effect: effect.after)]
    if len(units) < 2:
        counts = [(sum(side.n_correct for side in sides), sum(side.n for side in sides)) for sides in (before, after)]
        limits = share(*counts[0], level), share(*counts[1], level), difference(counts[0], counts[1], level)
    else:
        limits = _over_instances(units, level)
    checked = any(side.n_checked for side in (*before, *after))
    valid = (_valid(units, before, "before", level), _valid(units, after, "after", level)) if checked else (None, None)
    return GroupEffect(
        edit=group,
        unit="rollouts" if len(units) < 2 else "instances",
        instances=len(units),
        variants=sum(map(len, units)),
        missing=missing,
        rollouts_before=sum(side.n for side in before),
        rollouts_after=sum(side.n for side in after),
        unknown_before=sum(side.n_unknown for side in before),
        unknown_after=sum(side.n_unknown for side in after),
        before=limits[0],
        after=limits[1],
        difference=limits[2],
        trace_valid_before=valid[0],
        trace_valid_after=valid[1],
    )


def _distinct(unit: list[Effect], of: Callable[[Effect], Side]) -> list[Side]:
    """The sides that ``of`` picks, each once where variants share it."""
    return list({id(side): side for side in map(of, unit)}.values())


def _over_instances(units: list[list[Effect]], level: float) -> tuple[Estimate, Estimate, Estimate]:
    values: list[tuple[float, float, float]] = []
    noise: list[tuple[float, float, float]] = []
    for unit in units:
        before = [(effect.before.n_correct, effect.before.n) for effect in unit]
        after = [(effect.after.n_correct, effect.after.n) for effect in unit]
        p0, p1 = _mean_share(before), _mean_share(after)
        v0, v1 = _mean_noise(before), _mean_noise(after)
        values.append((p0, p1, p1 - p0))
        noise.append((v0, v1, v0 + v1))
    columns, spreads = np.asarray(values).T, np.asarray(noise).T
    least = (0.0, 0.0, -1.0)
    made = [cluster_mean(columns[i], spreads[i], level=level, least=least[i], most=1.0) for i in range(3)]
    return made[0], made[1], made[2]


def _mean_share(counts: list[tuple[int, int]]) -> float:
    return sum(k / n for k, n in counts) / len(counts)


def _mean_noise(counts: list[tuple[int, int]]) -> float:
    """The noise of a mean over variants, taken as if they all shared their rollouts, as those of a base do."""
    ks, ns = (np.asarray(column, dtype=np.float64) for column in zip(*counts, strict=True))
    return float(noise_of_share(ks, ns).mean())


def _valid(units: list[list[Effect]], sides: list[Side], which: str, level: float) -> Estimate:
    """Share of valid traces among those with a verdict; instances without one are left out."""
    counts: list[list[tuple[int, int]]] = []
    for unit in units:
        ours = [effect.before if which == "before" else effect.after for effect in unit]
        checked = [(side.n_valid, side.n_checked) for side in ours if side.n_checked]
        counts += [checked] if checked else []
    if len(counts) < 2:
        return share(sum(side.n_valid for side in sides), sum(side.n_checked for side in sides), level)
    values, noise = np.asarray([_mean_share(one) for one in counts]), np.asarray([_mean_noise(one) for one in counts])
    return cluster_mean(values, noise, level=level, least=0.0, most=1.0)
