"""What a card says of a checker that raises, leaves the program or gives no verdict, and the audit of the Countdown critic."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tokenworth.cli.audit import audit as audit_verb

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.report.sections.audit import card_text
from tokenworth.tasks.audit.attack import Check, Claim
from tokenworth.tasks.audit.card import Card, audit
from tokenworth.tasks.audit.checkers import checker_for, checkers, surfaces


def card_of(kind: str, check: Check, *, items: int = 3) -> Card:
    surface = surfaces()[kind]
    return audit(check, surface, surface.make(items, np.random.default_rng(0)), grader="toy", version="1", seed=0)


def test_leaving_the_program_is_a_failure_and_no_way_out_of_the_audit() -> None:
    def leaves(problem: Problem, text: str) -> bool:
        if text == "null":
            sys.exit(0)
        return False

    card = card_of("exact", leaves)
    row = next(row for row in card.rows if row.attack == "nothing said")
    assert row.failed == 3 and row.failure is not None and row.failure.said == "SystemExit: 0" and row.items == 3
    with pytest.raises(InvalidInput, match="every call failed, the first with SystemExit: 0"):
        card_of("exact", lambda problem, text: sys.exit(0))


def test_ctrl_c_still_stops_an_audit() -> None:
    def interrupted(problem: Problem, text: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        card_of("exact", interrupted)


def test_an_item_without_a_verdict_is_no_item() -> None:
    def only_gold(problem: Problem, text: str) -> bool:
        if text != problem.gold:
            raise ValueError("what is this?")
        return True

    card = card_of("exact", only_gold)
    rows = [row for row in card.rows if row.claim is Claim.WRONG]
    assert all((row.items, row.faulty, row.low, row.high) == (0, None, None, None) and row.is_unknown for row in rows)
    assert card.is_sound and card.unknown == len(rows) > 0
    shown = card_text(card).split("\n")
    assert sum("not known: no verdict" in line for line in shown) == len(rows)
    assert shown[-1].startswith(f"NOT KNOWN for {len(rows)} attacks on which no verdict was given; ")
    right = next(row for row in card.rows if row.claim is Claim.RIGHT)
    assert right.items == 3 and right.faulty == 0 and not right.is_unknown


def test_a_card_with_every_verdict_knows_all() -> None:
    card = card_of("exact", lambda problem, text: False)
    assert card.unknown == 0 and "known" not in card_text(card).lower().replace("unknown", "")


MODULE = """
import sys
from tokenworth.core.grade import Grade, Verdict

def exits(problem, text):
    sys.exit(0)

def moody(problem, text):
    if text != problem.gold:
        raise ValueError(text)
    return Grade(outcome="x", verdict=Verdict.CORRECT)
"""


def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "audited_moods.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "audited_exit.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        done = CliRunner().invoke(audit_verb, (*arguments, "--items", "2"), standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return int(done.return_value)

    assert run("audited_moods:moody", "--kind", "exact", "--json", "card.json") == 3
    (card,) = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert card["unsound"] == 0 and card["unknown"] > 0 and all(row["faulty"] is None for row in card["rows"] if row["claim"] == "wrong")
    with pytest.raises(InvalidInput, match="every call failed, the first with SystemExit: 0"):
        run("audited_moods:exits", "--kind", "exact")
    with pytest.raises(InvalidInput, match=r"importing it ended with sys\.exit\(0\)"):
        run("audited_exit:anything", "--kind", "exact")


def test_the_critic_of_countdown_is_audited_by_name() -> None:
    assert "expression" in checkers()
    checker = checker_for("expression")
    card = audit(
        checker.check,
        checker.surface,
        checker.surface.make(6, np.random.default_rng(4)),
        grader="expression",
        version=checker.version,
        seed=4,
    )
    wrong = {row.attack: row.witness.text for row in card.rows if row.witness and row.claim is Claim.WRONG}
    assert (wrong, card.incomplete, card.failed, card.unknown) == ({}, 0, 0, 0), card_text(card)
    assert card.wrong_tried > 500 and card.right_tried >= 6 and checker.version.startswith("countdown critic ")


@pytest.mark.parametrize("name", ["maze", "maze-searchformer"])
def test_mazes_of_unequal_sides_are_judged_by_their_own_sides(name: str) -> None:
    checker = checker_for(name)
    items = [item for item in checker.surface.make(12, np.random.default_rng(2)) if item.cols != item.rows][:3]
    card = audit(checker.check, checker.surface, items, grader=name, version=checker.version, seed=2)
    assert (card.unsound, card.incomplete, card.failed, card.unknown) == (0, 0, 0, 0), card_text(card)
    tried = {row.attack: row.items for row in card.rows}
    assert tried["sides exchanged"] == tried["no left edge"] == len(items) == 3
