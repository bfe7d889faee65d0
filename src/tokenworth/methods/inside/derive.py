"""The derivation of `inside`: the documents of each trace on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import About, Document, Number, numbers
from tokenworth.errors import InvalidInput
from tokenworth.methods.anchors.document import AnchorsDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.inside.across import channel_rows, move_rows
from tokenworth.methods.inside.channels import channels_of
from tokenworth.methods.inside.clocks import disagreements, first_to_end, settled_value
from tokenworth.methods.inside.document import ClockDoc, InsideDoc, InsideTrace, SeriesDoc, SpanMark
from tokenworth.methods.inside.known import Known, by_trace
from tokenworth.methods.inside.settings import InsideSettings
from tokenworth.methods.lens.clocks import mentioned, wins
from tokenworth.methods.lens.document import LensDoc
from tokenworth.methods.lens.tokens import texts_of
from tokenworth.methods.patch.document import PatchDoc
from tokenworth.methods.pivots.document import PivotsDoc

_MOST_LAYERS = 3
"""Layers that are drawn; all of them count for the clock."""


def inside_document(documents: Iterable[Document], settings: InsideSettings, about: About) -> InsideDoc:
    """Everything by trace. Raises InvalidInput without any trace, and for a channel that does not fit one."""
    known, files, unread = by_trace(documents)
    if not known:
        raise InvalidInput("no traces among the documents; give results of curve, forced, lens, patch, pivots or anchors")
    channels = channels_of(settings, files)
    for one in known:
        problem = "" if one.problem is None else one.problem.id
        found = {name: find(one.ident, problem, one.trace) for name, find in channels.items()}
        one.channels = {name: values for name, values in found.items() if values is not None}
    notes = [f"documents of other measures: {unread:,}, passed over"] if unread else []
    notes += [f"channel {name}: no trace here has numbers in it" for name in channels if not any(name in one.channels for one in known)]
    rng = np.random.default_rng(settings.seed)
    moves, n = move_rows(known, settings.level, rng)
    if not n and any(one.get(PivotsDoc) for one in known) and any(one.get(LensDoc) for one in known):
        notes.append("no trace has a lens, a claimed pivot and an excluded token, so layers and pivots are not compared")
    return InsideDoc(
        level=settings.level,
        traces=tuple(_trace(one) for one in known),
        moves=tuple(moves),
        move_traces=n,
        channels=tuple(channel_rows(known, list(channels), settings.level, rng)),
        provenance=about.provenance,
        notes=tuple(notes),
    )


def _trace(known: Known) -> InsideTrace:
    trace = known.trace
    answer, never = trace.outcome, len(trace.pieces) + 1
    curve, forced, lens = known.get(CurveDoc), known.get(ForcedDoc), known.get(LensDoc)
    options = {*(forced.exits[0].options if forced and forced.exits else ()), *(lens.options if lens else ())}
    own = answer if answer in options or (curve is not None and answer in curve.outcomes) else None
    series = list[SeriesDoc]()
    clocks = list[ClockDoc]()
    if own is not None:
        clocks += _text_clock(known, own, never)
        series, timed = _read(forced, lens, own, never)
        clocks += timed
        if curve is not None and own in curve.outcomes:
            line, clock = _value(curve, own, never)
            series.insert(0, line)
            clocks.append(clock)
    sentences, unclear = disagreements(clocks, own or "", never)
    return InsideTrace(
        problem=known.problem,
        model=known.model,
        trace=trace,
        answer=own,
        series=(*series, *_channel_series(known)),
        clocks=tuple(clocks),
        disagreements=tuple(one[:1].upper() + one[1:] for one in sentences),
        marks=tuple(_marks(known)),
        undecided=unclear,
    )


def _value(curve: CurveDoc, own: str, never: int) -> tuple[SeriesDoc, ClockDoc]:
    """The share of rollouts that end in the answer. Its band is that of the curve where the curve's target is met by this answer alone."""
    gold = None if curve.problem is None else curve.problem.gold
    is_target = curve.target == "own" or curve.target == f"label:{own}" or (curve.target == "gold" and gold == own)
    values = curve.value if is_target else curve.outcomes[own]
    low, high = (curve.low, curve.high) if is_target else (curve.outcomes_low.get(own), curve.outcomes_high.get(own))
    whole = is_target and curve.band_low is not None and curve.band_high is not None
    none = (None,) * len(curve.cuts)
    least, most = (curve.band_low or none, curve.band_high or none) if whole else (low or none, high or none)
    place = np.asarray(curve.cuts, dtype=np.int64)
    best, earliest, latest = settled_value(_array(values), _array(least), _array(most), place, never)
    what = "rollouts" if whole else "rollouts (limits of single cuts)"
    clock = ClockDoc(name="rollouts", what=what, cut=best, earliest=earliest, latest=latest)
    return SeriesDoc(name=f"value: rollouts that end in {own}", cuts=curve.cuts, values=values, low=low, high=high), clock


def _array(values: Sequence[Number]) -> Float[np.ndarray, " cut"]:
    return np.asarray([np.nan if one is None else one for one in values], dtype=np.float64)


def _read(forced: ForcedDoc | None, lens: LensDoc | None, own: str, never: int) -> tuple[list[SeriesDoc], list[ClockDoc]]:
    """Forced answers and layers: what is read, and therefore exact."""
    series, clocks = list[SeriesDoc](), list[ClockDoc]()
    shares = _forced_shares(forced, lens)
    if shares is not None and own in shares[1]:
        cuts, options, table = shares
        k = options.index(own)
        series.append(SeriesDoc(name=f"forced answer {own}", cuts=cuts, values=numbers(table[:, k])))
        clocks.append(_clock("forced", "the forced answer", wins(table[None], k)[0], cuts, never))
    if lens is not None and own in lens.options and lens.cuts:
        lines, timed = _layers(lens, own, never)
        series += lines
        clocks += timed
    return series, clocks


def _forced_shares(
    forced: ForcedDoc | None, lens: LensDoc | None
) -> tuple[tuple[int, ...], tuple[str, ...], Float[np.ndarray, "cut option"]] | None:
    if forced is not None and forced.exits and forced.exits[0].cuts:
        exit_ = forced.exits[0]
        raw = np.stack([_array(column) for column in exit_.probability], axis=1)
        return exit_.cuts, exit_.options, raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-300)
    if lens is not None and lens.cuts:
        return lens.cuts, lens.options, np.stack([_array(row) for row in lens.forced])
    return None


def _clock(name: str, what: str, yes: np.ndarray, cuts: tuple[int, ...], never: int) -> ClockDoc:
    cut = first_to_end(yes, np.asarray(cuts, dtype=np.int64), never)
    return ClockDoc(name=name, what=what, cut=cut, earliest=cut, latest=cut)


def _text_clock(known: Known, own: str, never: int) -> Iterator[ClockDoc]:
    names = texts_of([own], known.problem)[own]
    if names:
        said = mentioned(known.trace.pieces, names)
        cut = never if said is None else said
        yield ClockDoc(name="text", what="the text", cut=cut, earliest=cut, latest=cut)


def _layers(lens: LensDoc, own: str, never: int) -> tuple[list[SeriesDoc], list[ClockDoc]]:
    """Layers below the last: those that name the answer at the end and not at every cut count, the earliest of them is the clock."""
    share = np.asarray([[[np.nan if one is None else one for one in row] for row in layer] for layer in lens.share], dtype=np.float64)
    k = lens.options.index(own)
    won = wins(share, k)
    place = np.asarray(lens.cuts, dtype=np.int64)
    counted = [layer for layer in range(len(won) - 1) if won[layer, -1] and not won[layer].all()]
    when = {layer: first_to_end(won[layer], place, never) for layer in counted}
    first = sorted(when, key=lambda layer: (when[layer], layer))
    shown = sorted({*first[:1], (len(won) - 1) // 2, 3 * (len(won) - 1) // 4})[:_MOST_LAYERS]
    series = [SeriesDoc(name=f"layer {lens.layers[layer]}", cuts=lens.cuts, values=numbers(share[layer, :, k])) for layer in shown]
    if not first:
        return series, []
    named = [lens.layers[layer] for layer in first if when[layer] == when[first[0]]]
    what = f"layer{'s' * (len(named) > 1)} {', '.join(map(str, named))} of {lens.layers[-1]}"
    cut = when[first[0]]
    # One layer is "layer 3 names", which the sentence says by the name of the clock.
    return series, [ClockDoc(name="inside" if len(named) > 1 else "layer", what=what, cut=cut, earliest=cut, latest=cut)]


def _channel_series(known: Known) -> Iterator[SeriesDoc]:
    for name, values in known.channels.items():
        some = values[np.isfinite(values)]
        is_share = bool(len(some)) and bool(((some >= 0) & (some <= 1)).all())
        # The number of token i belongs to the cut after it.
        yield SeriesDoc(name=name, cuts=tuple(range(1, len(values) + 1)), values=numbers(values), is_share=is_share)


def _marks(known: Known) -> Iterator[SpanMark]:
    pivots, anchors, patch = known.get(PivotsDoc), known.get(AnchorsDoc), known.get(PatchDoc)
    for one in pivots.claims if pivots else ():
        yield SpanMark(kind="pivot", start=one.token, end=one.token + 1, label=f"pivot {_limits(one.delta, one.low, one.high)}")
    for row in anchors.claims if anchors else ():
        whole = anchors.sentences[row.sentence] if anchors else None
        if whole is not None:
            yield SpanMark(kind="anchor", start=whole.start, end=whole.end, label=f"anchor {_limits(row.delta, row.low, row.high)}")
    for span in patch.rows if patch else ():
        found = span.regenerated
        if found is not None and found.low is not None and found.high is not None and (found.low > 0 or found.high < 0):
            label = f"hidden, the rest written anew: {_limits(found.value, found.low, found.high)}"
            yield SpanMark(kind="patch", start=span.first, end=span.end, label=label)


def _limits(value: Number, low: Number, high: Number) -> str:
    return " ".join("–" if one is None else form.format(one) for form, one in (("{:+.2f}", value), ("[{:+.2f},", low), ("{:+.2f}]", high)))
