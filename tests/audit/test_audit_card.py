"""What a card says of a checker that raises, leaves the program or gives no verdict, and the audit of the Countdown critic."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.audit.cards import card_of
from tokenworth.cli.main import run as command
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.report.sections.audit import card_text
from tokenworth.tasks.audit.attack import Claim
from tokenworth.tasks.audit.card import audit
from tokenworth.tasks.audit.checkers import SURFACES, checker_for


def test_leaving_the_program_is_a_failure_and_no_way_out_of_the_audit() -> None:
    def leaves(problem: Problem, text: str) -> bool:
        if text == "null":
            sys.exit(0)
        return False

    card = card_of("exact", leaves, items=3)
    row = next(row for row in card.rows if row.attack == "nothing said")
    assert row.failed == 3 and row.failure is not None and row.failure.said == "SystemExit: 0" and row.items == 3
    with pytest.raises(InvalidInput, match="every call failed, the first with SystemExit: 0"):
        card_of("exact", lambda problem, text: sys.exit(0), items=3)


def test_ctrl_c_still_stops_an_audit() -> None:
    def interrupted(problem: Problem, text: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        card_of("exact", interrupted, items=3)


def test_an_item_without_a_verdict_is_no_item() -> None:
    def only_gold(problem: Problem, text: str) -> bool:
        if text != problem.gold:
            raise ValueError("what is this?")
        return True

    card = card_of("exact", only_gold, items=3)
    rows = [row for row in card.rows if row.claim is Claim.WRONG]
    assert all((row.items, row.faulty, row.low, row.high) == (0, None, None, None) and row.is_unknown for row in rows)
    assert card.is_sound and card.unknown == len(rows) > 0
    shown = card_text(card).split("\n")
    assert sum("not known: no verdict" in line for line in shown) == len(rows)
    assert shown[-1].startswith(f"NOT KNOWN for {len(rows)} attacks on which no verdict was given; ")
    right = next(row for row in card.rows if row.claim is Claim.RIGHT)
    assert right.items == 3 and right.faulty == 0 and not right.is_unknown


def test_a_card_with_every_verdict_knows_all() -> None:
    card = card_of("exact", lambda problem, text: False, items=3)
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


def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "audited_moods.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "audited_exit.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = command(["audit", *arguments, "--problems", "2"])
        return code, capsys.readouterr().err

    assert run("audited_moods:moody", "--kind", "exact", "--json", "card.json")[0] == 3
    (card,) = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["cards"]
    assert card["unsound"] == 0 and card["unknown"] > 0 and all(row["faulty"] is None for row in card["rows"] if row["claim"] == "wrong")
    code, told = run("audited_moods:exits", "--kind", "exact")
    assert code == 2 and "every call failed, the first with SystemExit: 0" in told
    code, told = run("audited_exit:anything", "--kind", "exact")
    assert code == 2 and "importing it ended with sys.exit(0)" in told


def test_the_critic_of_countdown_is_audited_by_name() -> None:
    assert "expression" in SURFACES
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
