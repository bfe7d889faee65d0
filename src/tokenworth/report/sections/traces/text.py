"""A trace for a terminal: header, legend, coloured trace, curve, largest changes, flips, notes."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from tokenworth.core.document import Number
from tokenworth.core.inert import inert, one_line
from tokenworth.core.no_verdict import beside, percent
from tokenworth.report.lines import facts_line, wrapped
from tokenworth.report.palette import BINS, NO_BIN, ansi256, ramp
from tokenworth.report.sections.traces.forks import MIXED
from tokenworth.report.sections.traces.model import (
    MISSING,
    CurveView,
    MetricView,
    OutcomeView,
    SetView,
    StackView,
    TracesView,
    TraceView,
)
from tokenworth.report.sections.traces.names import key, loose_sets, problem_names, trace_labels
from tokenworth.report.sections.traces.verdicts import given_label, summary
from tokenworth.report.sections.verified.text import first_error_lines

_BLOCKS = "▁▂▃▄▅▆▇█"
_MOST_CHANGES, _LEAST_CHANGE = 10, 0.005
"""Changes that are listed: so many, and none that is shown as 0.00."""
_DIGITS = 2
"""Of a level close to 100 %."""
_HATCHED = "half or more of the rollouts have no verdict"
_RESET = "\x1b[0m"


def text(part: TracesView, width: int, colour: bool, title: str) -> Iterator[str]:
    """The first trace with the samples of its problem, and how many more there are; then the sample sets that no trace belongs to."""
    if part.traces:
        yield from trace_lines(part, 0, width, colour, title)
    problems = problem_names(part)
    for s in loose_sets(part):
        yield from _set(s, problems[key(s)], width)
        yield from _set_notes(s, width)


def trace_lines(part: TracesView, at: int, width: int, colour: bool, title: str = "") -> Iterator[str]:
    """One trace. A question that is the title is not repeated."""
    shown = part.traces[at]
    own = (part.sets[shown.sample_set],) if shown.sample_set >= 0 else ()
    for s in own:
        yield from _set(s, "", width)
    if len(part.traces) > 1:
        yield from wrapped(f"trace {at} of {len(part.traces)}: {one_line(trace_labels(part)[at])}", width)
    for verified in part.verified:
        if verified.measured == at:
            yield from first_error_lines(verified, width)
    repeats = inert(shown.question).strip() == one_line(title)
    yield from _trace(replace(shown, question="") if repeats else shown, width, colour)
    for s in own:
        yield from _set_notes(s, width)


def _set_notes(s: SetView, width: int) -> Iterator[str]:
    for note in s.notes:
        yield from wrapped("note on the samples: " + one_line(note), width)


def _set(s: SetView, problem: str, width: int) -> Iterator[str]:
    of = f" of {one_line(problem)}" if problem else ""
    accuracy = f"accuracy {_range(s.accuracy, s.low, s.high)} ({s.level:.0%} interval)"
    none = sum(x == "unknown" for x in s.verdicts) / len(s.verdicts) if s.verdicts else 0.0
    given = f"{given_label('P(correct)')} {_range(s.given, s.given_low, s.given_high)}"
    open_ = f" · {beside(none)}; {given}" if beside(none) else ""
    yield from wrapped(f"samples{of}: {s.n} · {accuracy}{open_} · {s.sampling}", width)
    yield from wrapped("outcomes: " + ", ".join(map(_count, s.outcomes)), width)
    if s.correlation is not None:
        r = _range(s.correlation, s.correlation_low, s.correlation_high, sign=True)
        yield from wrapped(f"length against correctness: r {r}", width)


def _count(outcome: OutcomeView) -> str:
    return f"{one_line(outcome.label)}{' (mixed verdicts)' if outcome.verdict == MIXED else ''} {outcome.total}"


def _trace(trace: TraceView, width: int, colour: bool) -> Iterator[str]:
    yield from _header(trace, width)
    chosen = next(iter(trace.metrics), None)
    yield ""
    if chosen is not None:
        yield from _legend(chosen, trace.unit, width, colour)
    yield from _body(trace, chosen, width, colour)
    if trace.curve is not None:
        yield ""
        yield from _spark(trace.curve, width)
        yield from _changes(trace, trace.curve, width)
    for i, stack in enumerate(trace.stacks):
        if stack.kind == "forced":
            yield ""
            yield from _forced(stack, i, trace, width)
    for note in trace.notes:
        yield from wrapped("note: " + one_line(note), width)


def _header(trace: TraceView, width: int) -> Iterator[str]:
    yield from wrapped(inert(trace.question).replace("\n", " "), width)
    for option in trace.options:
        yield from wrapped(f"  {'✓' if option.gold else ' '} {one_line(option.label)}. {one_line(option.text)}", width, indent="       ")
    yield from facts_line(trace.facts, width)
    answer = one_line(trace.outcome) or "no outcome"
    yield from wrapped(f"{len(trace.pieces):,} {trace.unit}s · base answer: {answer} ({trace.verdict})", width)


def _legend(metric: MetricView, unit: str, width: int, colour: bool) -> Iterator[str]:
    name = one_line(metric.name)
    if colour:
        yield f"{metric.low:g} {''.join(_paint(' ', metric, b) for b in range(BINS))} {metric.high:g}"
        open_ = f"; underlined: {_HATCHED}" if metric.hatched else ""
        yield from wrapped(f"{unit}s by {name}; no colour: not measured{open_}", width)
    else:
        text = f"{unit}s by {name}, {metric.low:g} to {metric.high:g}; the number is of the line's last measured {unit}"
        yield from wrapped(text + (f"; ?: {_HATCHED}" if metric.hatched else ""), width)


def _paint(text: str, metric: MetricView, at: int, *, hatched: bool = False) -> str:
    if at == NO_BIN:
        return text
    return f"\x1b[{'4;' * hatched}38;5;16;48;5;{ansi256(ramp('light', metric.palette)[at])}m{text}{_RESET}"


def _body(trace: TraceView, metric: MetricView | None, width: int, colour: bool) -> Iterator[str]:
    """The trace in lines with a gutter: number of the line's first unit, and without colours the metric's number."""
    gutter = len(str(len(trace.pieces))) + 1
    numbers = metric is not None and not colour
    room = width - gutter - (7 if numbers else 0) - 1
    hatched = metric.hatched if metric is not None and metric.hatched else (0,) * len(trace.pieces)
    mark = 1 if any(hatched) else 0
    room -= mark if numbers else 0
    line, used, first, last = "", 0, 0, ""

    def out() -> str:
        number = "" if not numbers else f"{last or '·' + ' ' * mark:>{7 + mark}}"
        return f"{first:>{gutter}}{number} {line}" if line else ""

    for i, piece in enumerate(trace.pieces):
        parts = inert(piece).split("\n")
        for j, part in enumerate(parts):
            if j > 0:
                yield out()
                line, used, first, last = "", 0, i if part else i + 1, ""
            for chunk in _chunks(part, room):
                size = _columns(chunk)
                if used and used + size > room:
                    yield out()
                    line, used, first, last = "", 0, i, ""
                line += _paint(chunk, metric, metric.bins[i], hatched=bool(hatched[i])) if colour and metric is not None else chunk
                used += size
        if metric is not None and metric.values[i] is not None:
            last = f"{metric.values[i]:.2f}" + ("?" if hatched[i] else " " * mark)
    if line or not trace.pieces:
        yield out() if trace.pieces else f"(the trace has no {trace.unit})"
    if trace.answer_pieces:
        yield "-" * gutter + " end of the trace; the answer:"
        for text in inert("".join(trace.answer_pieces)).split("\n"):
            yield from textwrap.wrap(text, width, initial_indent=" " * (gutter + 1), subsequent_indent=" " * (gutter + 1))


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(_cell(c) for c in text)


def _cell(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _chunks(text: str, room: int) -> Iterator[str]:
    """``text`` in parts of at most ``room`` columns."""
    part, used = "", 0
    for char in text:
        size = _cell(char)
        if used + size > room:
            yield part
            part, used = "", 0
        part, used = part + char, used + size
    if part:
        yield part


def _range(x: Number, low: Number, high: Number, *, sign: bool = False) -> str:
    form = "+.2f" if sign else ".2f"
    if x is None:
        return "not measured"
    return f"{x:{form}}" + (f" [{low:{form}}, {high:{form}}]" if low is not None and high is not None else "")


def _spark(curve: CurveView, width: int) -> Iterator[str]:
    """The value, its limits and the band over the cuts; a column without any value stays empty."""
    rows = (("high", curve.high), ("value", curve.value), ("low", curve.low))
    if curve.band_low is not None and curve.band_high is not None:
        rows = (("upper", curve.band_high), *rows, ("lower", curve.band_low))
    yield from _sparklines(curve, curve.label, rows, width)
    yield from wrapped(f"  interval: {curve.level:.0%} pointwise {one_line(curve.interval)}".rstrip(), width)
    if curve.band_level is not None:
        each = f"beta limits of {curve.band_level:.{_DIGITS}%} at each cut"
        yield from wrapped(f"  lower, upper: {curve.level:.0%} simultaneous band, which holds the whole curve ({each})", width)
    open_ = curve.verdicts
    if open_ is not None:
        for line in summary(one_line(curve.label), open_):
            yield from wrapped("  " + line, width)
        rows = (("high", open_.given_high), ("value", open_.given), ("low", open_.given_low))
        yield from _sparklines(curve, given_label(curve.label), rows, width)


def _sparklines(curve: CurveView, label: str, rows: tuple[tuple[str, tuple[Number, ...]], ...], width: int) -> Iterator[str]:
    first, last = (curve.cuts[0], curve.cuts[-1]) if curve.cuts else (0, 0)
    yield from wrapped(f"{one_line(label)} over cuts {first} to {last}", width)
    for name, values in rows:
        yield f"  {name:>5} {_sparkline(curve, values, width - 10)}"


def _sparkline(curve: CurveView, values: tuple[Number, ...], room: int) -> str:
    if not curve.cuts:
        return ""
    span = curve.cuts[-1] - curve.cuts[0] + 1
    columns = min(room, span)
    sums, counts = [0.0] * columns, [0] * columns
    for cut, x in zip(curve.cuts, values, strict=True):
        if x is not None:
            at = (cut - curve.cuts[0]) * columns // span
            sums[at], counts[at] = sums[at] + x, counts[at] + 1
    return "".join(" " if n == 0 else _BLOCKS[max(0, min(7, math.floor(8 * s / n)))] for s, n in zip(sums, counts, strict=True)).rstrip()


def _changes(trace: TraceView, curve: CurveView, width: int) -> Iterator[str]:
    ranked = sorted(
        (i for i, d in enumerate(curve.delta) if d is not None and abs(d) >= _LEAST_CHANGE and curve.state[i] != MISSING),
        key=lambda i: (-abs(curve.delta[i] or 0.0), i),
    )[:_MOST_CHANGES]
    if not ranked:
        return
    yield ""
    about = "" if curve.verdicts is None else "; none: the share of the rollouts without a verdict"
    yield from wrapped(f"largest changes in {one_line(curve.label)} ({curve.delta_limits}{about})", width)
    none = f" {'none':>6}" * (curve.verdicts is not None)
    yield f"  {'cut':>6} {'Δ':>6}  {'limits':<15} {'value':>6}{none} {'begun':>6}  text"
    for i in ranked:
        start, cut = int(curve.delta_from[i] or 0), curve.cuts[i]
        low, high = curve.delta_low[i], curve.delta_high[i]
        limits = f"[{low:+.2f}, {high:+.2f}]" if low is not None and high is not None else ""
        text = one_line("".join(trace.pieces[max(start, cut - 8) : cut]))
        missing = None if curve.verdicts is None else curve.verdicts.missing[i]
        none = "" if missing is None else f" {percent(missing):>6}"
        line = f"  {cut:>6} {curve.delta[i]:>+6.2f}  {limits:<15} {curve.value[i]:>6.2f}{none} {curve.n_started[i]:>6}  {text!s}"
        yield next(_chunks(line, width), "")


def _probability(stack: StackView, k: int, i: int) -> str:
    """The raw probability of option k at row i; its upper bound where it was not listed."""
    x, high = stack.all_raw[k][i], None if stack.all_high is None else stack.all_high[k][i]
    return f"≤ {math.ceil(high * 100 - 1e-9) / 100:.2f}" if x is None and high is not None else _range(x, None, None)


def _forced(stack: StackView, index: int, trace: TraceView, width: int) -> Iterator[str]:
    yield from wrapped(f"forced answer after the exit “{one_line(stack.name)}” {one_line(stack.text)!r}", width)
    known = [i for i, m in enumerate(stack.mass) if m is not None]
    if not known:
        yield "  no reading"
        return
    last = known[-1]
    shares = ", ".join(
        f"{one_line(label)}{'✓' if any(o.gold and o.label == label for o in trace.options) else ''} {_probability(stack, k, last)}"
        for k, label in enumerate(stack.all_labels)
    )
    off = 1 - (stack.mass[last] or 0.0)
    least = off if stack.mass_high is None else 1 - (stack.mass_high[last] or 0.0)
    rest = f"{off:.2f}" if f"{least:.2f}" == f"{off:.2f}" else f"{max(0.0, least):.2f} to {off:.2f}"
    yield from wrapped(f"  at cut {stack.cuts[last]}: {shares}; not on options {rest}", width)
    flips = [e for e in trace.events if e.kind == "flip" and e.stack == index]
    if all(k < 0 for k in stack.top):
        yield from wrapped(f"  no option leads: the mass is below {stack.least_mass:g}, or the bounds do not tell", width)
    elif not flips:
        yield "  the leading option never changes" + " where one leads" * (-1 in stack.top)
    for event in flips[:20]:
        yield from wrapped(f"  cut {event.cut}: {one_line(event.label)}", width, indent="    ")
    if len(flips) > 20:
        yield f"  and {len(flips) - 20} more"
