"""Verified traces for a terminal: the tables, and the first error of each trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from textwrap import wrap

from tokenworth.core.inert import one_line
from tokenworth.core.verification import Violation
from tokenworth.methods.verify.document import ANSWER_STATES, LINK_STATES, TRACE_STATES, OddsDoc, ShareDoc, TableDoc
from tokenworth.report.lines import facts_line, wrapped
from tokenworth.report.sections.verified.model import FormalTableView, FormalTraceView, FormalView, VerifiedView

WIDTH = 100
_LABEL = 31
_SHARE = 8
"""Columns of a share beside its count, with what parts it from the next one."""
_MOST_CODES = 12
_MOST_TRACES = 12
_ROWS = {"valid": "trace valid", "invalid": "trace invalid", "unparsed": "unparsed", "none": "no trace"}
_LINKS = {"follows": "plan follows from the trace", "differs": "plan differs from the trace", "unknown": "link unknown"}


def text(part: VerifiedView, width: int, colour: bool, title: str) -> Iterator[str]:
    """The tables of all documents, and the first error of each trace."""
    del colour, title
    for number, document in enumerate(part.documents):
        if number:
            yield ""
        yield from facts_line(document.facts, width)
        yield from verified_lines(document, width)
        if document.traces:
            yield ""
            yield from _firsts(document, width)


def verified_lines(view: FormalView, width: int = WIDTH) -> Iterator[str]:
    """All tables of a document with its domain, dialect, strictness and notes."""
    level = f" · {100 * view.tables[0].level:g}% intervals" if view.tables else ""
    yield from wrapped(one_line(f"{view.domain} · {view.dialect} · {view.strictness} · verifier {view.version}{level}"), width, "")
    for table in view.tables:
        yield ""
        yield from table_lines(table, width)
    for note in view.notes:
        yield ""
        yield from wrapped(one_line(f"note: {note}"), width)


def first_error_lines(trace: FormalTraceView, width: int) -> Iterator[str]:
    """What the rules say of one trace, in a line or two."""
    states = f"trace {trace.state}, answer {trace.answer}, plan against trace: {trace.link}"
    if not trace.violations:
        yield from wrapped(f"rules: {states}; no rule is broken", width)
        return
    total = sum(n for _, n in trace.counts)
    yield from wrapped(f"rules: {states}; {total} error{'s' * (total != 1)}; first {_violation(trace.violations[0])}", width)


def _violation(at: Violation) -> str:
    where = f" at event {at.event}" if at.event is not None else ""
    return f"{one_line(at.code)}{where}: expected {one_line(at.expected)}, got {one_line(at.got)}"


def _firsts(view: FormalView, width: int) -> Iterator[str]:
    wrong = [t for t in view.traces if t.violations]
    if not wrong:
        yield from wrapped(f"no rule is broken in the {len(view.traces):,} traces listed", width)
        return
    yield from wrapped(f"first error of each trace ({len(wrong):,} of {len(view.traces):,} listed have one)", width)
    for trace in wrong[:_MOST_TRACES]:
        name = " · ".join(one_line(x) for x in (trace.group, trace.id) if x)
        yield from wrapped(f"{name}: {_violation(trace.violations[0])}", width, indent="    ", first="  ")
    if len(wrong) > _MOST_TRACES:
        yield f"  and {len(wrong) - _MOST_TRACES:,} more"


def table_lines(table: TableDoc | FormalTableView, width: int = WIDTH) -> list[str]:
    """One group: counts of trace by answer with joint shares, also within each link, shares with intervals, odds ratios, first errors."""
    title = f"{one_line(table.group)}: " if table.group else ""
    told = f"{_texts(table.n)}, {table.n_unparsed:,} unparsed, {table.n_unknown:,} with an unknown answer"
    lines = [*wrap(f"{title}{told}; shares beside counts are of all texts", width, subsequent_indent="  "), ""]
    lines += _counts(table, width)
    lines += ["", "  share of texts", *_shares([s for s in table.shares if not s.given], "", width)]
    lines += ["", "  given what comes after the bar", *_shares([s for s in table.shares if s.given and s.n], " | ", width)]
    # A share is of the texts of which its own fact is known: its first word says which ("plan" is the link between trace and plan).
    for fact, known in (("trace", "trace"), ("plan", "link"), ("answer", "answer")):
        empty = list(dict.fromkeys(s.given for s in table.shares if s.given and not s.n and s.of.split()[0] == fact))
        if empty:
            told = f"no text with a known {known} and: " + "; ".join(empty)
            lines += wrap(told, width, initial_indent="    ", subsequent_indent="      ")
    lines += ["", "  odds ratio, exact limits, Fisher's exact two-sided p", *_odds(table.odds, width)]
    if table.first_errors:
        ranked = list(dict(table.first_errors).items())
        told = ", ".join(f"{one_line(code)} {count:,}" for code, count in ranked[:_MOST_CODES])
        more = f", and {len(ranked) - _MOST_CODES} more codes" if len(ranked) > _MOST_CODES else ""
        lines += ["", *wrap(f"first errors: {told}{more}", width, initial_indent="  ", subsequent_indent="    ")]
    return [part for line in lines for part in (wrapped(line, width, "      ") if len(line) > width else [line])]


def _texts(n: int) -> str:
    return f"{n:,} text{'' if n == 1 else 's'}"


def _counts(table: TableDoc | FormalTableView, width: int) -> Iterator[str]:
    """Trace by answer for all texts, and for those of each link that occurs: counts, and below 10 million their shares of all texts."""
    cells = {(cell.trace, cell.link, cell.answer): cell.n for cell in table.cells}
    digits = max(5, *(len(f"{n:,}") for n in (table.n, *cells.values())))
    of = table.n if _LABEL + 4 * (digits + _SHARE) <= width else 0
    size = digits + _SHARE if of else max(digits + 2, 11)
    for title, links in (("all texts", LINK_STATES), *((_LINKS[link], (link,)) for link in LINK_STATES)):
        found = {
            (trace, answer): sum(cells.get((trace, link, answer), 0) for link in links)
            for trace, answer in product(TRACE_STATES, ANSWER_STATES)
        }
        if not any(found.values()) and len(links) == 1:
            continue
        if len(links) == 1:
            yield ""
        yield f"  {title:<{_LABEL - 2}}" + "".join(f"{name:>{size}}" for name in (*ANSWER_STATES, "together"))
        for trace in TRACE_STATES:
            row = [found[trace, answer] for answer in ANSWER_STATES]
            # The unparsed are shown even where there are none.
            if any(row) or trace in TRACE_STATES[:2] or (trace == "unparsed" and len(links) > 1):
                yield _row(_ROWS[trace], (*row, sum(row)), of, size)
        columns = [sum(found[trace, answer] for trace in TRACE_STATES) for answer in ANSWER_STATES]
        yield _row("together", (*columns, sum(columns)), of, size)


def _row(name: str, counts: Sequence[int], of: int, size: int) -> str:
    shown = (f"{n:,}" + (f"{f'{100 * n / of:.1f}%':>{_SHARE - 1}}" if of else "") for n in counts)
    return f"    {name:<{_LABEL - 4}}" + "".join(f"{text:>{size}}" for text in shown)


def _shares(shares: Sequence[ShareDoc], bar: str, width: int) -> Iterator[str]:
    for share in shares:
        name = share.of + (f"{bar}{share.given}" if share.given else "")
        value = "unknown" if share.value is None else f"{100 * share.value:5.1f}%"
        limits = "" if share.low is None or share.high is None else f"[{100 * share.low:.1f}, {100 * share.high:.1f}]"
        yield f"    {one_line(name):<{min(48, width - 40)}}{value:>8}  {limits:<15} {share.k:,} of {share.n:,}"


def _odds(odds: Sequence[OddsDoc], width: int) -> Iterator[str]:
    for one in odds:
        if one.low is None:
            continue
        (a, b), (c, d) = one.counts
        value = "infinite" if one.value is None else _short(one.value)
        high = "infinite" if one.high is None else _short(one.high)
        p = "unknown" if one.p is None else "< 1e-300" if one.p < 1e-300 else f"{one.p:.3f}" if one.p >= 0.001 else f"{one.p:.1e}"
        yield f"    {one_line(f'{one.rows} × {one.columns}')}"
        yield f"      {value} [{_short(one.low)}, {high}], p {p} ({a:,} {b:,} / {c:,} {d:,})"
    empty = [one_line(f"{one.rows} × {one.columns}") for one in odds if one.low is None]
    if empty:
        told = "not determined, because a row or column is empty: " + "; ".join(empty)
        yield from wrap(told, width, initial_indent="    ", subsequent_indent="      ")


def _short(x: float) -> str:
    return f"{x:,.2f}" if 0.01 <= x < 1e6 or x == 0 else f"{x:.2g}"
