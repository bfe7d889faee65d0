"""Tables of verdicts as plain text, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from textwrap import wrap

from tokenworth.methods.confusion.document import ANSWER_STATES, LINK_STATES, TRACE_STATES, OddsDoc, ShareDoc, TableDoc, VerifiedDoc
from tokenworth.report.inert import one_line

WIDTH = 100
_LABEL = 31
_SHARE = 8
"""Columns of a share beside its count, with what parts it from the next one."""
_MOST_CODES = 12
_ROWS = {"valid": "trace valid", "invalid": "trace invalid", "unparsed": "unparsed", "none": "no trace"}
_LINKS = {"follows": "plan follows from the trace", "differs": "plan differs from the trace", "unknown": "link unknown"}


def verified_text(doc: VerifiedDoc) -> str:
    """All tables of a document with its domain, dialect, strictness and notes."""
    head = one_line(f"{doc.domain} · {doc.dialect} · {doc.strictness} · verifier {doc.version} · {100 * doc.level:g}% intervals")
    lines = [*wrap(head, WIDTH)]
    for table in doc.tables:
        lines += ["", *table_lines(table)]
    for note in doc.notes:
        lines += ["", *wrap(one_line(f"note: {note}"), WIDTH, subsequent_indent="  ")]
    return "\n".join(lines) + "\n"


def table_lines(table: TableDoc) -> list[str]:
    """One group: counts of trace by answer with joint shares, also within each link, shares with intervals, odds ratios, first errors."""
    title = f"{one_line(table.group)}: " if table.group else ""
    told = f"{_texts(table.n)}, {table.n_unparsed:,} unparsed, {table.n_unknown:,} with an unknown answer"
    lines = [*wrap(f"{title}{told}; shares beside counts are of all texts", WIDTH, subsequent_indent="  "), ""]
    lines += _counts(table)
    lines += ["", "  share of texts", *_shares([s for s in table.shares if not s.given], "")]
    lines += ["", "  given what comes after the bar", *_shares([s for s in table.shares if s.given and s.n], " | ")]
    empty = list(dict.fromkeys(s.given for s in table.shares if s.given and not s.n))
    if empty:
        lines += wrap("no text with: " + "; ".join(empty), WIDTH, initial_indent="    ", subsequent_indent="      ")
    lines += ["", "  odds ratio, exact limits, Fisher's exact two-sided p", *_odds(table.odds)]
    if table.first_errors:
        ranked = list(table.first_errors.items())
        told = ", ".join(f"{one_line(code)} {count:,}" for code, count in ranked[:_MOST_CODES])
        more = f", and {len(ranked) - _MOST_CODES} more codes" if len(ranked) > _MOST_CODES else ""
        lines += ["", *wrap(f"first errors: {told}{more}", WIDTH, initial_indent="  ", subsequent_indent="    ")]
    return lines


def _texts(n: int) -> str:
    return f"{n:,} text{'' if n == 1 else 's'}"


def _counts(table: TableDoc) -> Iterator[str]:
    """Trace by answer for all texts, and for those of each link that occurs: counts, and below 10 million their shares of all texts."""
    cells = {(cell.trace, cell.link, cell.answer): cell.n for cell in table.cells}
    digits = max(5, *(len(f"{n:,}") for n in (table.n, *cells.values())))
    of = table.n if _LABEL + 4 * (digits + _SHARE) <= WIDTH else 0
    size = digits + _SHARE if of else digits + 2
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


def _shares(shares: Sequence[ShareDoc], bar: str) -> Iterator[str]:
    for share in shares:
        name = share.of + (f"{bar}{share.given}" if share.given else "")
        value = "unknown" if share.value is None else f"{100 * share.value:5.1f}%"
        limits = "" if share.low is None or share.high is None else f"[{100 * share.low:.1f}, {100 * share.high:.1f}]"
        yield f"    {one_line(name):<48}{value:>8}  {limits:<15} {share.k:,} of {share.n:,}"


def _odds(odds: Sequence[OddsDoc]) -> Iterator[str]:
    for one in odds:
        if one.low is None:
            continue
        (a, b), (c, d) = one.counts
        value = "infinite" if one.value is None else _short(one.value)
        high = "infinite" if one.high is None else _short(one.high)
        p = "unknown" if one.p is None else _p(one.p)
        yield f"    {one_line(f'{one.rows} × {one.columns}')}"
        yield f"      {value} [{_short(one.low)}, {high}], p {p} ({a:,} {b:,} / {c:,} {d:,})"
    empty = [one_line(f"{one.rows} × {one.columns}") for one in odds if one.low is None]
    if empty:
        told = "unknown, for want of a row or column: " + "; ".join(empty)
        yield from wrap(told, WIDTH, initial_indent="    ", subsequent_indent="      ")


def _short(x: float) -> str:
    return f"{x:,.2f}" if 0.01 <= x < 1e6 or x == 0 else f"{x:.2g}"


def _p(p: float) -> str:
    return "< 1e-300" if p < 1e-300 else f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"
