"""Same-answer curves: how early the answer that the whole trace leads to is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.estimate import Estimate
from tokenworth.methods.intervene.paired import leading
from tokenworth.methods.intervene.result import InterventionResult
from tokenworth.stats.area import AREAS, areas, beyond_chance, chance_agreement, disagreement_of_two
from tokenworth.stats.by_cluster import mean_of
from tokenworth.stats.proportion import share

SATURATED = 0.95
"""Share of problems whose answer is there before the trace, from which on areas say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRow:
    """The area over the same-answer curve by one rule: 0 where the answer is there from the start."""

    rule: str
    area: Estimate
    """Mean over problems; limits by bootstrap over them."""
    beyond_chance: float | None
    """Divided by how often two problems' answers differ: 1 for answers that have nothing to do with the final one."""
    less_noise: float | None
    """Less how often two answers after the same whole trace differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaDoc:
    """Areas over same-answer curves of forced answers, beside accuracy, with which they go together."""

    grid: str
    """Where answers were read: after equal parts of the trace, or after its sentences."""
    problems: int
    unnamed: int
    """Problems left out: no option leads after their whole trace."""
    rows: tuple[AreaRow, ...]
    chance: float
    """How often two final answers of different problems agree: the sum of the squared shares of the options."""
    noise: float | None
    """How often two answers drawn after the same whole trace differ; None where none were drawn."""
    at_start: Estimate
    """Share of problems whose final answer leads before the trace."""
    accuracy_start: Estimate | None
    """Share of problems whose forced answer is right before the trace; None without gold answers."""
    accuracy_end: Estimate | None


def curve_of(result: InterventionResult) -> tuple[int, np.ndarray, np.ndarray] | None:
    """The option that leads after the whole trace, whether it leads at each cut, and its probability there; None where none leads."""
    grid = result.grid
    if grid is None or int(grid.cuts[-1]) != result.trace.n_trace or int(grid.cuts[0]) != 0:
        return None
    final = leading(grid.probability[-1])
    if final is None:
        return None
    return final, np.asarray([leading(row) == final for row in grid.probability]), grid.probability[:, final]


def areas_of(result: InterventionResult) -> Mapping[str, float] | None:
    """The areas of one problem; None where it has no curve."""
    found = curve_of(result)
    return None if found is None or result.grid is None else areas(result.grid.cuts, found[1], found[2])


def area_document(results: Sequence[InterventionResult], *, grid: str, level: float, seed: int) -> AreaDoc | None:
    """Areas over all problems; None where none has forced answers along its trace."""
    read = [result for result in results if result.grid is not None]
    pairs = [(result, found) for result in read if (found := curve_of(result)) is not None]
    if not pairs:
        return None
    each = [areas_of(result) or {} for result, _ in pairs]
    finals = [result.labels[found[0]] for result, found in pairs]
    chance = chance_agreement(np.unique(finals, return_counts=True)[1] / len(finals))
    noise = _noise([result for result, _ in pairs])
    gold = [(result, found) for result, found in pairs if result.gold in result.labels]
    starts = [leading(result.grid.probability[0]) for result, _ in gold if result.grid is not None]
    rng = np.random.default_rng([seed, 11])
    rows = [_row(rule, np.asarray([one[rule] for one in each]), chance, noise, level, rng) for rule in AREAS]
    right = [result.labels.index(str(result.gold)) for result, _ in gold]
    return AreaDoc(
        grid=grid,
        problems=len(pairs),
        unnamed=len(read) - len(pairs),
        rows=tuple(rows),
        chance=chance,
        noise=noise,
        at_start=share(sum(bool(found[1][0]) for _, found in pairs), len(pairs), level),
        accuracy_start=share(sum(a == b for a, b in zip(starts, right, strict=True)), len(right), level) if right else None,
        accuracy_end=share(sum(found[0] == b for (_, found), b in zip(gold, right, strict=True)), len(right), level) if right else None,
    )


def _row(rule: str, values: np.ndarray, chance: float, noise: float | None, level: float, rng: np.random.Generator) -> AreaRow:
    area = mean_of(values, np.arange(len(values)), level=level, rng=rng)
    mean, less = float(values.mean()), None if noise is None else float(values.mean()) - noise
    beyond = beyond_chance(mean, chance)
    return AreaRow(rule=rule, area=area, beyond_chance=beyond if np.isfinite(beyond) else None, less_noise=less)


def _noise(results: Sequence[InterventionResult]) -> float | None:
    """The mean disagreement of two answers that were drawn after the same whole trace had been ended."""
    found = list[float]()
    for result in results:
        after = (
            one.before
            for one in result.changed
            if one.plan.change.ends_base and one.plan.change.base_cut == result.trace.n_trace and one.plan.control is None
        )
        side = next(after, None)
        if side is not None and side.n >= 2:
            found.append(disagreement_of_two(np.asarray(list(side.outcomes.values()))))
    return float(np.mean(found)) if found else None
