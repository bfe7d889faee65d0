"""Forced answers as a document, made from their result and read back by the same class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tokenworth.core.document import (
    About,
    ModelDoc,
    Number,
    Provenance,
    TraceDoc,
    check_cuts,
    check_length,
    check_not_below,
    check_unit,
    numbers,
    stopped_notes,
    token_text,
    trace_doc,
)
from tokenworth.core.problem import Problem
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.cuts import missed_notes
from tokenworth.methods.forced.result import ForcedResult
from tokenworth.tasks.target import GOLD, LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitDoc:
    """Option probabilities after one exit text, at cuts.

    ``probability[k][i]``: raw probability of option k at ``cuts[i]``; ``mass[i]`` their sum. Renormalised = probability / mass.
    Where a server did not list an option, its probability is None, ``probability_high`` the most it can be, and ``mass`` and
    ``mass_high`` bound the sum; both ``_high`` are None where everything was listed.
    ``held`` is True where the source repeated a reading over a run of tokens (imported data); those are not measurements.
    """

    name: str
    text: str
    cuts: tuple[int, ...]
    options: tuple[str, ...]
    probability: tuple[tuple[Number, ...], ...]
    mass: tuple[Number, ...]
    probability_high: tuple[tuple[Number, ...], ...] | None = None
    mass_high: tuple[Number, ...] | None = None
    held: tuple[bool, ...] | None = None
    top_token: tuple[str, ...] | None = None
    top_probability: tuple[Number, ...] | None = None

    def __post_init__(self) -> None:
        where, count = f"exit {self.name!r}", len(self.cuts)
        check_length(self.probability, len(self.options), f"{where}: probability", "options")
        for option, values in zip(self.options, self.probability, strict=True):
            check_length(values, count, f"{where}: probability of {option!r}", "cuts")
            check_unit(values, f"{where}: probability of {option!r}")
        self._check_bounds(where)
        for name in ("mass", "held", "top_token", "top_probability"):
            check_length(getattr(self, name), count, f"{where}: {name}", "cuts")
        check_unit(self.top_probability, f"{where}: top_probability")

    def _check_bounds(self, where: str) -> None:
        """Upper bounds come together, lie in [0, 1] and are not below what they bound."""
        if (self.probability_high is None) != (self.mass_high is None):
            raise InvalidInput(f"{where} has one of probability_high and mass_high; expected both or neither")
        if self.probability_high is None or self.mass_high is None:
            return
        check_length(self.probability_high, len(self.options), f"{where}: probability_high", "options")
        check_length(self.mass_high, len(self.cuts), f"{where}: mass_high", "cuts")
        check_not_below(self.mass, self.mass_high, f"{where}: mass_high")
        for option, low, high in zip(self.options, self.probability, self.probability_high, strict=True):
            check_length(high, len(self.cuts), f"{where}: probability_high of {option!r}", "cuts")
            check_unit(high, f"{where}: probability_high of {option!r}")
            check_not_below(low, high, f"{where}: probability_high of {option!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedDoc:
    """Forced answers along a trace, one or several exit texts, and the model's own answer for comparison."""

    schema: str = "tokenworth.forced/1"
    problem: Problem | None = None
    model: ModelDoc
    trace: TraceDoc
    exits: tuple[ExitDoc, ...]
    target: str | None = None
    """The option whose probability colours the trace; None where the reader of the document decides."""
    own_answer: str | None = None
    forced_at_end: str | None = None
    token_forwards: int = 0
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for reading in self.exits:
            check_cuts(reading.cuts, len(self.trace.pieces), f"exit {reading.name!r}: cuts")


_READING_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text",
    "exit": "text",
    "position": "int",
    "option": "text",
    "probability": "float",
    "mass": "float",
    "probability_high": "float",
    "mass_high": "float",
    "held": "bool",
}


def reading_table(doc: ForcedDoc) -> Table:
    """The readings, one row for each exit text, cut and option; ``position`` is the cut."""

    def rows() -> Iterator[TableRow]:
        name = trace_id(doc.model.name, doc.trace)
        for reading in doc.exits:
            for i, cut in enumerate(reading.cuts):
                held = None if reading.held is None else reading.held[i]
                most = None if reading.mass_high is None else reading.mass_high[i]
                for k, option in enumerate(reading.options):
                    high = None if reading.probability_high is None else reading.probability_high[k][i]
                    yield name, reading.name, cut, option, reading.probability[k][i], reading.mass[i], high, most, held

    return Table(columns=_READING_COLUMNS, rows=rows())


def forced_document(result: ForcedResult, target: str, codec: Codec, about: About) -> ForcedDoc:
    """The document of forced answers. ``target``: gold, own or label:X."""
    exits = tuple(
        ExitDoc(
            name=reading.name,
            text=reading.text,
            cuts=tuple(int(c) for c in result.cuts),
            options=result.options,
            probability=tuple(numbers(column) for column in reading.probability.T),
            mass=numbers(reading.mass),
            probability_high=None if reading.is_exact.all() else tuple(numbers(column) for column in reading.probability_high.T),
            mass_high=None if reading.is_exact.all() else numbers(reading.mass_high),
            top_token=tuple(token_text(codec, int(token)) for token in reading.top_id),
            top_probability=numbers(np.exp(reading.top_logprob)),
        )
        for reading in result.readings
    )
    own = result.own.outcome if result.own.outcome in result.options else None
    gold = None if about.problem is None else about.problem.gold
    notes: list[str] = []
    if own is None:
        notes.append(f"the model's own answer is not one of the options (outcome: {result.own.outcome})")
    return ForcedDoc(
        problem=about.problem,
        model=about.model,
        trace=trace_doc(result.trace, result.own, codec),
        exits=exits,
        target=target.removeprefix(LABEL) if target.startswith(LABEL) else gold or own if target == GOLD else own,
        own_answer=own,
        forced_at_end=forced_at_end(result),
        token_forwards=result.token_forwards,
        provenance=about.provenance,
        notes=(*notes, *ceiling_notes(result), *missed_notes(result.missed), *stopped_notes(result.unresolved)),
    )


def ceiling_notes(result: ForcedResult) -> tuple[str, ...]:
    """What is said of options that were not listed."""
    exact = np.concatenate([reading.is_exact for reading in result.readings]) if result.readings else np.ones(0, dtype=bool)
    if exact.all():
        return ()
    notes = [
        f"at {np.count_nonzero(~exact):,} of {len(exact):,} readings an option was not among the tokens listed; it is known only to be at "
        "most so likely, and the mass and the shares there only within bounds"
    ]
    if ends_at_wall(result) and result.readings[0].leader[-1] < 0 and not result.readings[0].is_exact[-1]:
        notes.append("the bounds do not tell which option is likeliest at the end of the trace")
    return tuple(notes)


def ends_at_wall(result: ForcedResult) -> bool:
    """Whether the last cut read is the end of the trace."""
    return len(result.cuts) > 0 and int(result.cuts[-1]) == result.trace.n_trace


def forced_at_end(result: ForcedResult) -> str | None:
    """The likeliest option at the trace's natural end after the first exit text.

    None where no option has any probability, where bounds do not tell which it is, or where the end cannot be read.
    """
    if not result.readings or not ends_at_wall(result):
        return None
    leader = int(result.readings[0].leader[-1])
    return result.options[leader] if leader >= 0 else None
