"""What a page shows of audits: the card of each checker, row by row; a terminal has the card as text."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.estimate import Estimate
from tokenworth.core.inert import one_line
from tokenworth.methods.audit.document import AuditDoc
from tokenworth.report.facts import FactView, provenance_facts
from tokenworth.report.sections.sheet import NONE, SheetCell, SheetColumn, SheetView, cell, number_cell, sheet_section
from tokenworth.tasks.audit.attack import Claim
from tokenworth.tasks.audit.card import Card, Row, Witness

_COLUMNS = (
    SheetColumn(name="attack", kind="text"),
    SheetColumn(name="answers", kind="text"),
    SheetColumn(name="tried", kind="count"),
    SheetColumn(name="accepted", kind="count"),
    SheetColumn(name="refused", kind="count"),
    SheetColumn(name="unread", kind="count"),
    SheetColumn(name="failed", kind="count"),
    SheetColumn(name="items at fault", kind="share"),
    SheetColumn(name="slowest", kind="count"),
)
_TITLES = {Claim.WRONG: "wrong answers", Claim.RIGHT: "right answers", Claim.OPEN: "open to convention (no fault either way)"}
_HEAD = f"{'attack':<24}{'tried':>7}{'accepted':>10}{'refused':>9}{'unread':>8}{'failed':>8}  {'items at fault':<26}{'slowest':>9}"


def _sheets(doc: AuditDoc) -> Iterator[SheetView]:
    """A table for each card."""
    for card in doc.cards:
        about = (("kind of answer", card.kind), ("items", str(card.items)), ("seed", str(card.seed)), ("level", f"{card.level:.0%}"))
        yield SheetView(
            title=f"{card.grader} ({card.version}): answers whose truth is known",
            caption=_verdict(card),
            level=card.level,
            columns=_COLUMNS,
            rows=tuple(_cells(row) for claim in _TITLES for row in card.rows if row.claim is claim),
            facts=(*(FactView(label=k, value=v) for k, v in about), *provenance_facts(doc.provenance)),
            notes=tuple(_witnesses(card)),
            lines=tuple(map(one_line, card_text(card).split("\n"))),
        )


def _cells(row: Row) -> tuple[SheetCell, ...]:
    at_fault = cell("not known: no verdict" if row.is_unknown else NONE)
    if not row.is_unknown and row.faulty is not None:
        share = Estimate(value=row.faulty / row.items if row.items else None, low=row.low, high=row.high, n=row.items, k=row.faulty)
        at_fault = number_cell(share, main=f"{row.faulty}/{row.items}", form=".3f")
    counts = (row.tried, row.accepted, row.refused, row.unread, row.failed)
    return (cell(row.attack), cell(_TITLES[row.claim]), *map(cell, counts), at_fault, cell(f"{row.slowest_s:.3f} s"))


def card_text(card: Card) -> str:
    """The card as a table, then a witness of every fault. Answers are shown in ASCII escapes: they may hold control characters."""
    lines = [f"{card.grader} ({card.version}): answers of the kind {card.kind}, {card.items} items, seed {card.seed}", _HEAD]
    for claim, title in _TITLES.items():
        rows = [row for row in card.rows if row.claim is claim]
        if rows:
            lines += [f"-- {title}", *map(_row, rows)]
    return "\n".join([*lines, *_witnesses(card), _verdict(card)])


def _witnesses(card: Card) -> Iterator[str]:
    for row in card.rows:
        for kind, found in (("fault", row.witness), ("failure", row.failure)):
            if found:
                yield f"{kind} {row.attack}: {_shown(found)}"


def _row(row: Row) -> str:
    share = ""
    if row.is_unknown:
        share = "not known: no verdict"
    elif row.faulty is not None and row.low is not None and row.high is not None:
        share = f"{row.faulty} of {row.items} [{row.low:.3f}, {row.high:.3f}]"
    skipped = f"  {row.skipped} skipped" if row.skipped else ""
    head = f"{row.attack:<24}{row.tried:>7}{row.accepted:>10}{row.refused:>9}{row.unread:>8}{row.failed:>8}"
    return f"{head}  {share:<26}{row.slowest_s:>8.3f}s{skipped}"


def _shown(found: Witness) -> str:
    text = ascii(found.text[:160]) + (f" … ({found.chars} characters)" if found.chars > 160 else "")
    gold = "" if found.gold is None else f", gold {found.gold[:60]!a}"
    return f"{found.said!a} {text}{gold}, problem {found.problem[:80]!a}"


def _verdict(card: Card) -> str:
    sound = "no unsound acceptance found" if card.is_sound else f"UNSOUND: {card.unsound} wrong answers accepted"
    if card.unknown:
        sound = f"NOT KNOWN for {card.unknown} attacks on which no verdict was given; {sound}"
    whole = "every right answer accepted" if card.incomplete == 0 else f"{card.incomplete} right answers not accepted"
    failed = "" if card.failed == 0 else f"; {card.failed} calls failed"
    return f"{sound} of {card.wrong_tried}; {whole} of {card.right_tried}{failed}; {card.seconds:.1f} s"


SECTION = sheet_section(_sheets)
