"""Verified traces for a terminal: the tables, and the first error of each trace."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tokenworth.core.document import Number
from tokenworth.core.verification import Violation
from tokenworth.methods.confusion.document import ANSWER_STATES, TRACE_STATES, OddsDoc, ShareDoc
from tokenworth.report.formal_model import FormalTableView, FormalTraceView, FormalView
from tokenworth.report.inert import one_line

_MOST_TRACES = 12
_MOST_SHARES = 11
"""Single and joint shares, the answer given the trace, and the trace given a correct answer."""
_NAMES = {"valid": "trace valid", "invalid": "trace invalid", "unparsed": "not parsed", "none": "no trace"}


def formal_lines(view: FormalView, width: int) -> Iterator[str]:
    """The tables of one document and the first errors of its traces, at most ``width`` columns wide; all texts are made inert."""
    about = f"{one_line(view.domain)} · {one_line(view.dialect)} · {one_line(view.strictness)} · verifier {one_line(view.version)}"
    yield from _wrap(about, width)
    for table in view.tables:
        yield ""
        yield from _table(table, width)
    yield ""
    yield from _firsts(view, width)
    for note in view.notes:
        yield from _wrap("note: " + one_line(note), width)


def first_error_lines(trace: FormalTraceView, width: int) -> Iterator[str]:
    """What the rules say of one trace, in a line or two."""
    states = f"trace {trace.state}, answer {trace.answer}, plan against trace: {trace.link}"
    if not trace.violations:
        yield from _wrap(f"rules: {states}; no rule is broken", width)
        return
    total = sum(n for _, n in trace.counts)
    yield from _wrap(f"rules: {states}; {total} error{'s' * (total != 1)}; first {_violation(trace.violations[0])}", width)


def _wrap(text: str, width: int, indent: str = "  ", first: str = "") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_long_words=True) if text else []


def _table(table: FormalTableView, width: int) -> Iterator[str]:
    yield from _wrap(
        f"{one_line(table.group) or 'all traces'}: {table.n:,} trace{'s' * (table.n != 1)}, {table.n_unparsed:,} not parsed", width
    )
    answers = [a for a in ANSWER_STATES if a != "unknown" or table.n_unknown]
    room = max(14, min(24, (width - 16) // len(answers)))
    yield ("  answer        " + "".join(f"{a:<{room}}" for a in answers)).rstrip()
    for state in TRACE_STATES:
        cells = [c for c in table.joint if c.trace == state and c.answer in answers]
        if state == "none" and not any(c.n for c in cells):
            continue
        row = "".join(f"{_cell(c.n, c.share, c.low, c.high, room):<{room}}" for c in cells)
        yield f"  {_NAMES[state]:<14}{row}".rstrip()
        parts = ["  ".join(f"{c.link} {c.n}" for c in table.cells if (c.trace, c.answer) == (state, a) and c.n) for a in answers]
        if any(c.link != "unknown" and c.n for c in table.cells if c.trace == state):
            lines = [textwrap.wrap(part, room - 2) or [""] for part in parts]
            for k in range(max(map(len, lines))):
                yield (" " * 16 + "".join(f"{line[k] if k < len(line) else '':<{room}}" for line in lines)).rstrip()
    yield from _wrap(f"shares with {table.level:.0%} intervals; follows, differs: the plan against the one that the trace found", width)
    for share in table.shares[:_MOST_SHARES]:
        yield from _share(share, width)
    for odds in table.odds[:1]:
        yield from _odds(odds, width)
    if table.first_errors:
        yield from _wrap("first errors: " + ", ".join(f"{one_line(code)} {n:,}" for code, n in table.first_errors), width)


def _cell(n: int, share: Number, low: Number, high: Number, room: int) -> str:
    if share is None or low is None or high is None:
        return str(n)
    text = f"{n} {share:.0%} [{low:.0%}, {high:.0%}]"
    return text if len(text) < room else f"{n} {share:.0%}"


def _share(share: ShareDoc, width: int) -> Iterator[str]:
    given = f", among {one_line(share.given)}" if share.given else ""
    limits = f" [{share.low:.3f}, {share.high:.3f}]" if share.low is not None and share.high is not None else ""
    value = "no such trace" if share.value is None else f"{share.value:.3f}{limits}"
    yield from _wrap(f"{one_line(share.of)}{given}: {share.k:,} of {share.n:,}, {value}", width, indent="    ", first="  ")


def _odds(odds: OddsDoc, width: int) -> Iterator[str]:
    (a, b), (c, d) = odds.counts
    name = f"odds ratio, {one_line(odds.rows)} × {one_line(odds.columns)} ({a}, {b} / {c}, {d})"
    if odds.p is None:
        yield from _wrap(f"{name}: not defined", width, indent="    ", first="  ")
        return
    high = "∞" if odds.high is None else f"{odds.high:.3g}"
    value = "∞" if odds.value is None else f"{odds.value:.3g}"
    limits = "" if odds.low is None else f" [{odds.low:.3g}, {high}]"
    yield from _wrap(f"{name}: {value}{limits}, exact p {odds.p:.2g}", width, indent="    ", first="  ")


def _violation(at: Violation) -> str:
    where = f" at event {at.event}" if at.event is not None else ""
    return f"{one_line(at.code)}{where}: expected {one_line(at.expected)}, got {one_line(at.got)}"


def _firsts(view: FormalView, width: int) -> Iterator[str]:
    wrong = [t for t in view.traces if t.violations]
    if not wrong:
        yield from _wrap(f"no rule is broken in the {len(view.traces):,} traces listed", width)
        return
    yield from _wrap(f"first error of each trace ({len(wrong):,} of {len(view.traces):,} listed have one)", width)
    for trace in wrong[:_MOST_TRACES]:
        name = " · ".join(one_line(x) for x in (trace.group, trace.id) if x)
        yield from _wrap(f"{name}: {_violation(trace.violations[0])}", width, indent="    ", first="  ")
    if len(wrong) > _MOST_TRACES:
        yield f"  and {len(wrong) - _MOST_TRACES:,} more"
