"""What is computed of each trace: the features that labels, sorting and grouping work on."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.stats.commitment import DEFINITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A column of numbers over traces."""

    name: str
    unit: str
    text: str


def _of(name: str, unit: str, text: str) -> Feature:
    return Feature(name=name, unit=unit, text=text)


COMMITTED = tuple(f"committed_{one.replace(' .9', '').replace(' ', '_').replace('-', '_')}" for one in DEFINITIONS)
"""The feature of each definition of commitment."""
FEATURES = (
    _of("start", "share", "share of gold among the options, mean over the first 5 % of the readings"),
    _of("end", "share", "the same over the last 5 %"),
    _of("gain", "share", "end less start"),
    _of("range", "share", "highest less lowest share of gold"),
    _of("path", "share", "sum of all moves of the share of gold"),
    _of("efficiency", "ratio", "gain for each unit of path"),
    _of("rise", "share", "largest rise from one reading to the next"),
    _of("fall", "share", "largest fall from one reading to the next"),
    _of("slack", "share", "by how much gain or range can be off because the source rounds"),
    _of("own_start", "share", "share of the own answer over the first 5 % of the readings; own: what leads at the last cut"),
    _of("own_end", "share", "the same over the last 5 %"),
    _of("own_gain", "share", "own_end less own_start"),
    _of("own_range", "share", "highest less lowest share of the own answer"),
    _of("starts_right", "0 or 1", "gold leads at the first reading"),
    _of("ends_right", "0 or 1", "gold leads at the last reading"),
    _of("same_option", "0 or 1", "the option that leads first also leads last"),
    _of("flips", "count", "how often the leading option changes"),
    _of("variation", "sum", "total variation of the shares of all options along the trace"),
    _of("entropy", "share", "mean entropy of the shares, of the most that so many options can have"),
    _of("aoc", "share", "area over the curve of readings that name the last answer, by trapezoids"),
    _of("mass_median", "probability", "median mass on the options"),
    _of("mass_min", "probability", "least mass on the options"),
    _of("low_mass", "share", "share of the readings with less than the least mass"),
    *(
        _of(name, "share of trace", f"commitment by {one}")
        for name, one in zip(COMMITTED, DEFINITIONS, strict=True)
    ),
    _of("tokens", "count", "length of the trace"),
    _of("readings", "count", "cuts that were measured; those that a source holds are not"),
    _of("held", "share", "share of the listed cuts that the source holds"),
    _of("spread", "share", "mean range of the share of gold, or own, over several exit texts"),
)  # fmt: skip
NAMES = tuple(one.name for one in FEATURES)
