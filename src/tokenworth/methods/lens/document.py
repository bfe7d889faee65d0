"""The lens as a document, made from its result and read back by the same class."""

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
    check_unit,
    numbers,
    token_text,
    trace_doc,
)
from tokenworth.core.problem import Problem
from tokenworth.core.table import ColumnKind, Table, TableRow, trace_id
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.cuts import missed_notes
from tokenworth.methods.forced.settings import LEAST_MASS
from tokenworth.methods.lens.clocks import depths, leader, mentioned, settled, wins
from tokenworth.methods.lens.result import LensResult
from tokenworth.methods.lens.settings import LensSettings
from tokenworth.methods.lens.tokens import texts_of
from tokenworth.tasks.target import GOLD, LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceClocks:
    """When the target is there. Cuts; T + 1 stands for never."""

    target: str
    text: int
    """The first cut whose text names it: its words, or its label in brackets."""
    forced: int
    """The first cut from which the forced answer names it to the end."""
    inside: tuple[int, ...]
    """The same at each layer."""
    at_end: tuple[bool, ...]
    """Whether each layer names it at the last cut."""
    ahead: tuple[Number, ...]
    """Share of the cuts at which a layer names it, less that of the forced answer."""
    depth: tuple[int | None, ...]
    """At each cut the first layer from which it wins at all that follow; None where the last layer is not sure of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensDoc:
    """Share of every option at every layer and cut: ``share[l][i][k]`` at ``layers[l]``, ``cuts[i]``, ``options[k]``."""

    schema: str = "tokenworth.lens/1"
    problem: Problem | None = None
    model: ModelDoc
    trace: TraceDoc
    place: str
    """exit: at the last token of the exit text. trace: at the last token kept."""
    exit_text: str
    layers: tuple[int, ...]
    """0 is the embedding, the last one the state that the model answers from."""
    cuts: tuple[int, ...]
    options: tuple[str, ...]
    reads: tuple[str, ...]
    """The token that stands for each option."""
    share: tuple[tuple[tuple[Number, ...], ...], ...]
    mass: tuple[tuple[Number, ...], ...]
    """Probability of all options together, by layer and cut; None where it was not read."""
    forced: tuple[tuple[Number, ...], ...]
    """Share of every option in the forced answer, by cut."""
    sure: float
    clocks: TraceClocks | None
    """None without a target."""
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_cuts(self.cuts, len(self.trace.pieces), "cuts")
        check_length(self.reads, len(self.options), "reads", "options")
        check_length(self.share, len(self.layers), "share", "layers")
        check_length(self.mass, len(self.layers), "mass", "layers")
        check_length(self.forced, len(self.cuts), "forced", "cuts")
        if list(self.layers) != sorted({abs(layer) for layer in self.layers}):
            raise InvalidInput(f"layers are {self.layers}, expected rising numbers from 0 up")
        for layer, rows, mass in zip(self.layers, self.share, self.mass, strict=True):
            check_length(rows, len(self.cuts), f"share of layer {layer}", "cuts")
            check_length(mass, len(self.cuts), f"mass of layer {layer}", "cuts")
            check_unit(mass, f"mass of layer {layer}")
            for row in rows:
                check_length(row, len(self.options), f"share of layer {layer}", "options")
                check_unit(row, f"share of layer {layer}")
        for row in self.forced:
            check_length(row, len(self.options), "forced", "options")
        if self.clocks is not None:
            if self.clocks.target not in self.options:
                raise InvalidInput(f"clocks are of {self.clocks.target!r}, expected one of the options {', '.join(self.options)}")
            for name in ("inside", "at_end", "ahead"):
                check_length(getattr(self.clocks, name), len(self.layers), f"clocks.{name}", "layers")
            check_length(self.clocks.depth, len(self.cuts), "clocks.depth", "cuts")


def lens_document(result: LensResult, settings: LensSettings, codec: Codec, about: About) -> LensDoc:
    """The document of one trace."""
    trace = trace_doc(result.trace, result.own, codec)
    own = result.own.outcome if result.own.outcome in result.options else None
    gold = None if about.problem is None else about.problem.gold
    wanted = settings.target
    target = wanted.removeprefix(LABEL) if wanted.startswith(LABEL) else gold or own if wanted == GOLD else own
    notes: list[str] = []
    if target not in result.options:
        target = None
        notes.append(f"no option is the target (outcome: {result.own.outcome}), so there are no clocks; give --target label:X")
    return LensDoc(
        problem=about.problem,
        model=about.model,
        trace=trace,
        place=result.place,
        exit_text=result.exit_text,
        layers=tuple(range(len(result.share))),
        cuts=tuple(int(cut) for cut in result.cuts),
        options=result.options,
        reads=tuple(token_text(codec, token) for token in result.tokens),
        share=tuple(tuple(numbers(row) for row in layer) for layer in result.share),
        mass=tuple(numbers(layer) for layer in result.mass),
        forced=tuple(numbers(row) for row in result.forced),
        sure=settings.sure,
        clocks=None if target is None else clocks_of(result, trace, target, about.problem, settings.sure),
        provenance=about.provenance,
        notes=(*notes, *_mass_notes(result), *missed_notes(result.missed)),
    )


def clocks_of(result: LensResult, trace: TraceDoc, target: str, problem: Problem | None, sure: float) -> TraceClocks:
    """Depth and clocks of one option."""
    k, never = result.options.index(target), result.trace.n_trace + 1
    won, forced = wins(result.share, k), wins(result.forced[None], k)
    deep = depths(won)
    said = mentioned(trace.pieces, texts_of(result.options, problem)[target])
    last = result.share[-1, :, k]
    return TraceClocks(
        target=target,
        text=never if said is None else said,
        forced=int(settled(forced, result.cuts, never)[0]),
        inside=tuple(settled(won, result.cuts, never).tolist()),
        at_end=tuple(won[:, -1].tolist()),
        ahead=numbers(won.mean(axis=1) - forced.mean()),
        depth=tuple(int(layer) if p >= sure else None for layer, p in zip(deep, last, strict=True)),
    )


def _mass_notes(result: LensResult) -> Iterator[str]:
    low = np.count_nonzero(result.forced_mass < LEAST_MASS)
    if low:
        yield (
            f"after the exit text the options have a mass below {LEAST_MASS:g} at {low:,} of {len(result.cuts):,} cuts: the model would "
            "write something else there"
        )
    named = leader(result.share)
    constant = [
        layer for layer in range(len(named)) if len(result.cuts) > 1 and named[layer, 0] >= 0 and (named[layer] == named[layer, 0]).all()
    ]
    if constant:
        yield (
            f"layer{'s' * (len(constant) > 1)} {', '.join(map(str, constant))} name{'s' * (len(constant) == 1)} one option at all cuts: "
            "where that is the answer, it says nothing"
        )


_COLUMNS: Mapping[str, ColumnKind] = {
    "trace_id": "text",
    "place": "text",
    "layer": "int",
    "position": "int",
    "option": "text",
    "share": "float",
    "mass": "float",
}


def lens_table(doc: LensDoc) -> Table:
    """One row for each layer, cut and option; ``position`` is the cut."""

    def rows() -> Iterator[TableRow]:
        name = trace_id(doc.model.name, doc.trace)
        for layer, shares, masses in zip(doc.layers, doc.share, doc.mass, strict=True):
            for cut, row, mass in zip(doc.cuts, shares, masses, strict=True):
                for option, share in zip(doc.options, row, strict=True):
                    yield name, doc.place, layer, cut, option, share, mass

    return Table(columns=_COLUMNS, rows=rows())
