"""A card as text."""

from __future__ import annotations

from tokenworth.tasks.audit.attack import Claim
from tokenworth.tasks.audit.card import Card, Row, Witness

_HEAD = f"{'attack':<24}{'tried':>7}{'accepted':>10}{'refused':>9}{'unread':>8}{'failed':>8}  {'items at fault':<26}{'slowest':>9}"


def card_text(card: Card) -> str:
    """The card as a table, then a witness of every fault. Answers are shown in ASCII escapes: they may hold control characters."""
    lines = [f"{card.grader} ({card.version}): answers of the kind {card.kind}, {card.items} items, seed {card.seed}", _HEAD]
    titles = {Claim.WRONG: "wrong answers", Claim.RIGHT: "right answers", Claim.OPEN: "open to convention (no fault either way)"}
    for claim, title in titles.items():
        rows = [row for row in card.rows if row.claim is claim]
        if rows:
            lines += [f"-- {title}", *map(_row, rows)]
    for row in card.rows:
        lines += [f"{kind} {row.attack}: {_shown(found)}" for kind, found in (("fault", row.witness), ("failure", row.failure)) if found]
    lines.append(_verdict(card))
    return "\n".join(lines)


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
