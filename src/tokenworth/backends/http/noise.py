"""How far a log-probability moves from one reading to the next, and what two listings may then differ by.

A server computes a prompt in batches of other shapes: more or less of it comes from its cache, and other requests are computed with
it. Rounding then gives other values: nothing to speak of in single precision, some 0.01 nats in half precision, up to half a nat with
4-bit weights. The probe measures it; all comparisons of readings use what it found.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tokenworth.backends.http.wire import Listing

FLOOR, CEILING = 0.05, 1.0
"""Nats that two readings may always differ by, and the most they ever may: above that, a listing says nothing."""
OTHER_MACHINE = 0.15
"""Nats that one model may differ by between two machines, each with its own rounding."""
UNSTEADY = 1e-3
"""Nats of noise from which on a seed cannot be relied on to repeat a sample."""
_MARGIN = 1.5
"""A few readings show less than all that may come."""
_LIKELY = 5
_TOLD_APART = 0.3
"""How far a ratio of gaps may be from the 1 of raw and, relatively, from the 1/T of processed log-probabilities."""


def tolerance(noise: float | None) -> float:
    """Nats that two readings of one log-probability may differ by."""
    return min(max(FLOOR, _MARGIN * (noise or 0.0)), CEILING)


def spread(readings: Sequence[Listing]) -> float:
    """The most that one of the likeliest tokens moves among several readings of one place."""
    values = _values(readings, _LIKELY) if readings else {}
    return max((max(found) - min(found) for found in values.values()), default=0.0)


def typical(readings: Sequence[Listing]) -> Listing:
    """The first listing with each token's middle value among all readings."""
    first, values = readings[0], _values(readings, len(readings[0].ids))
    middle = [(token, statistics.median(values.get(token, [value]))) for token, value in zip(first.ids, first.logprobs, strict=True)]
    middle.sort(key=lambda pair: (-pair[1], pair[0]))
    ids, logprobs = zip(*middle, strict=True)
    return Listing(ids=ids, logprobs=logprobs, named=first.named, lost=first.lost, n_listed=first.n_listed)


def _values(readings: Sequence[Listing], count: int) -> Mapping[int, list[float]]:
    found = {token: [one.of(token) for one in readings] for token in readings[0].ids[:count]}
    return {token: kept for token, row in found.items() if (kept := [x for x in row if x is not None and math.isfinite(x)])}


def agree(one: Listing, other: Listing, within: float, count: int = 3) -> bool:
    """Whether the likeliest tokens have the same log-probabilities in both."""
    pairs = [(other.of(token), value) for token, value in zip(one.ids[:count], one.logprobs, strict=False)]
    return all(value is not None and (value == expected or abs(value - expected) <= within) for value, expected in pairs)


def gap_ratio(base: Listing, other: Listing, within: float) -> float | None:
    """How many times as far apart tokens are in ``other``: 1 unchanged, 1/T at a temperature; infinity where all but one are gone.

    The slope of a straight line through the log-probabilities of tokens listed in both. None where they are too close together in
    ``base`` to show one more than noise does.
    """
    kept = [(x, y) for token, x in zip(base.ids, base.logprobs, strict=True) if (y := other.of(token)) is not None and math.isfinite(x + y)]
    if len(base.ids) < 2 or base.logprobs[0] - base.logprobs[-1] <= within:
        return None
    if len(kept) < 2 or kept[0][0] == kept[-1][0]:
        return math.inf
    mean_x, mean_y = (statistics.fmean(column) for column in zip(*kept, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in kept) / sum((x - mean_x) ** 2 for x, _ in kept)


def is_unchanged(ratio: float) -> bool:
    """Whether a ratio of gaps says that nothing was done to the log-probabilities."""
    return abs(ratio - 1.0) <= _TOLD_APART


def is_tempered(ratio: float, temperature: float) -> bool:
    """Whether a ratio of gaps says that log-probabilities were divided by the temperature."""
    return abs(ratio * temperature - 1.0) <= _TOLD_APART


# -- models ----------------------------------------------------------------------------------------------------------------


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records, as JSON, can be of one model: by their readings, or by their greedy texts where one has no readings.

    One of the greedy texts may differ: where two tokens are as likely, rounding decides.
    """
    readings = _identity(one), _identity(other)
    if all(readings):
        return _same_readings(*readings, max(OTHER_MACHINE, tolerance(max(_noise(one), _noise(other)))))
    texts = _greedy(one), _greedy(other)
    return not all(texts) or any(a == b for a, b in zip(*texts, strict=False))


def _same_readings(one: Sequence[tuple[int, float]], other: Sequence[tuple[int, float]], within: float) -> bool:
    """Whether tokens likely in both have close log-probabilities. What is at the end of one list may have left the other."""
    first, second = dict(one), dict(other)
    ends = min(first.values()), min(second.values())
    likely = {token for token, value in (*one[:3], *other[:3]) if value > -3.0}
    return all(abs(first.get(token, ends[0]) - second.get(token, ends[1])) <= within for token in likely)


def _noise(record: Mapping[str, Any]) -> float:
    found = record.get("noise")
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else 0.0


def _identity(record: Mapping[str, Any]) -> tuple[tuple[int, float], ...]:
    """The identity readings in a record; empty where there are none that can be read."""
    found = record.get("identity")
    if not isinstance(found, list):
        return ()
    pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, int | float) for x in pair)]
    return tuple((int(token), float(logprob)) for token, logprob in pairs if math.isfinite(token) and math.isfinite(logprob))


def _greedy(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The greedy texts' hashes in a record; empty where there are none that can be read."""
    found = record.get("greedy")
    return tuple(found) if isinstance(found, list) and all(isinstance(text, str) for text in found) else ()
