"""Numbers of a user's own for each token of a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import Number, Provenance, TraceDoc
from tokenworth.errors import InvalidInput
from tokenworth.methods.inside.settings import LOGPROB, InsideSettings
from tokenworth.tasks.user_code import first_line, user_callable

Find = Callable[[str, str, TraceDoc], Float[np.ndarray, " token"] | None]
"""(id of the trace, id of its problem, the trace) -> a number for each token, NaN for none; None where a trace has none at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDoc:
    """Numbers of a file. ``values``: by the id of a trace, or by that of a problem, one for each token from 0; None for no number."""

    schema: str = "tokenworth.channel/1"
    name: str
    values: Mapping[str, tuple[Number, ...]]
    provenance: Provenance


def channels_of(settings: InsideSettings, files: Iterable[ChannelDoc]) -> Mapping[str, Find]:
    """By name, how the numbers of a trace are found. Raises InvalidInput for a function that cannot be had."""
    found: dict[str, Find] = {one.name: _of_file(one) for one in files}
    for name in settings.channel:
        if name == LOGPROB:
            found[name] = _logprob
        elif name not in settings.files:
            found[name] = _of_function(name)
    return found


def _checked(name: str, values: Sequence[object], trace: TraceDoc) -> Float[np.ndarray, " token"]:
    if len(values) != len(trace.pieces):
        raise InvalidInput(
            f"channel {name}: got {len(values):,} numbers for a trace of {len(trace.pieces):,} tokens; expected one for each"
        )
    try:
        numbers = np.asarray([np.nan if one is None else float(one) for one in values], dtype=np.float64)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"channel {name}: {first_line(error)}; expected numbers, or null for none") from error
    if np.isinf(numbers).any():
        raise InvalidInput(f"channel {name}: an infinite number; expected finite ones, or null for none")
    return numbers


def _of_file(one: ChannelDoc) -> Find:
    def find(ident: str, problem: str, trace: TraceDoc) -> Float[np.ndarray, " token"] | None:
        values = one.values.get(ident, one.values.get(problem))
        return None if values is None else _checked(one.name, values, trace)

    return find


def _logprob(ident: str, problem: str, trace: TraceDoc) -> Float[np.ndarray, " token"] | None:
    del ident, problem
    return None if trace.logprobs is None else np.asarray([np.nan if one is None else one for one in trace.logprobs], dtype=np.float64)


def _of_function(name: str) -> Find:
    function = user_callable(name, "channel", "a list of tokens that returns a number for each")

    def find(ident: str, problem: str, trace: TraceDoc) -> Float[np.ndarray, " token"] | None:
        del ident, problem
        try:
            values = list(function(list(trace.pieces)))
        except Exception as error:
            raise InvalidInput(f"channel {name} failed: {first_line(error)}") from error
        return _checked(name, values, trace)

    return find
