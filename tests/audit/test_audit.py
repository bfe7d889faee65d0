"""The audit: toy checkers with known faults must be exposed, and the checkers of the package must survive."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.audit.cards import card_of, fooled
from tokenworth.cli.main import run as command
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.report.sections.audit import card_text
from tokenworth.tasks.audit.attack import Attack, Check, Claim
from tokenworth.tasks.audit.card import audit
from tokenworth.tasks.audit.checkers import SURFACES, checker_for
from tokenworth.tasks.audit.figures import NUMERIC
from tokenworth.tasks.audit.hands import EXPRESSION, Hand
from tokenworth.tasks.grade.latex import LatexGrader

# Checkers with known faults, each a few lines of our own.


def _hand(problem: Problem) -> tuple[list[int], int]:
    numbers = [int(n) for n in re.findall(r"[0-9]+", problem.question)]
    return numbers[:-1], numbers[-1]


_DO = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _value(node: ast.expr) -> float:
    """The value of an expression in Python's syntax of numbers, 24e0 and 0x18 among them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _DO:
        return _DO[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError("no arithmetic")


def finds_numbers_by_pattern(problem: Problem, text: str) -> bool:
    """Looks for whole numbers between word boundaries, so that 24e0 and 0x18 are none; the value has all of Python's syntax."""
    numbers, target = _hand(problem)
    if not re.fullmatch(r"[0-9a-fxe+\-*/(). ]{1,200}", text) or "**" in text or re.search(r"e[0-9]{2,}", text):
        return False
    try:
        value = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError):
        return False
    return value == target and sorted(map(int, re.findall(r"\b\d+\b", text))) == sorted(numbers)


def accepts_its_own_constant(problem: Problem, text: str) -> bool:
    """Compares the value with 24 and never the numbers with the puzzle."""
    del problem
    return text.strip() == "4*6*1*1"


def compares_as_sets(problem: Problem, text: str) -> bool:
    """Numbers of an answer as a set: brackets and order do not count."""
    found = re.search(r"boxed\{(.*)\}", text[:300])
    said = set(re.findall(r"[0-9]+", found[1] if found else text[:300]))
    return said == set(re.findall(r"[0-9]+", problem.gold or ""))


def contains_gold(problem: Problem, text: str) -> bool:
    return problem.gold is not None and problem.gold in text


def python_float(problem: Problem, text: str) -> bool | None:
    try:
        return float(text.strip().rstrip(".")) == float(problem.gold or "nan")
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("kind", "check", "attacks"),
    [
        ("expression", finds_numbers_by_pattern, {"number syntax"}),
        ("expression", accepts_its_own_constant, {"constants"}),
        ("latex", compares_as_sets, {"another shape"}),
        ("option", contains_gold, {"all options", "two options", "gold denied", "gold inside a word"}),
        ("exact", contains_gold, {"gold contained", "two answers", "gold denied", "hidden second answer"}),
        ("numeric", contains_gold, {"number syntax", "arithmetic", "list of candidates", "gold denied"}),
    ],
)
def test_known_faults_are_exposed(kind: str, check: Check, attacks: set[str]) -> None:
    card = card_of(kind, check, items=8)
    assert attacks <= set(fooled(card)) and not card.is_sound, fooled(card)
    assert "UNSOUND" in card_text(card)


def test_the_very_answers_of_the_known_defects_are_among_the_attacks() -> None:
    shown = fooled(card_of("expression", finds_numbers_by_pattern, items=16))["number syntax"]
    assert re.match(r"[0-9]+e0 \+ 0e0\*\(", shown)
    hand: Hand = EXPRESSION.make(1, np.random.default_rng(3))[0]
    tried = {text for attack in EXPRESSION.attacks for text in attack.answers(hand, np.random.default_rng(0))}
    assert {"4*6*1*1", f"0x{hand.target:x}", f"{hand.target}e0 + 0e0*({'+'.join(map(str, hand.numbers))})"} <= tried


@pytest.mark.parametrize("name", [name for name in SURFACES if name != "latex"])
def test_the_checkers_of_the_package_survive(name: str) -> None:
    checker = checker_for(name)
    items = checker.surface.make(2, np.random.default_rng(11))
    card = audit(checker.check, checker.surface, items, grader=name, version=checker.version, seed=11)
    assert card.wrong_tried >= 100 and card.right_tried >= 2
    assert (fooled(card), card.incomplete, card.failed) == ({}, 0, 0), card_text(card)


LATEX_WRONG = [
    (r"\{1,2\}", r"\boxed{(1,2)}"),
    (r"\{1,2\}", r"\boxed{[1,2]}"),
    ("(1,2)", r"\boxed{\{1,2\}}"),
    ("(1,2)", r"\boxed{(2,1)}"),
    ("[1,2)", r"\boxed{(1,2)}"),
    ("2", r"\boxed{3=2}"),
    ("12", "The answer is not $12$."),
    ("12", "$11$ or $12$"),
    ("12", "The answer is anything but $12$."),
]


def test_latex_faults_of_the_library_are_caught() -> None:
    pytest.importorskip("math_verify")
    check = checker_for("latex").check
    for gold, text in LATEX_WRONG:
        assert check(Problem(id="p", question="?", gold=gold, kind=AnswerKind.LATEX), text) is not True, (gold, text)
    for gold, text in [
        (r"\{1,2\}", r"\boxed{\{2,1\}}"),
        (r"\{1,2\}", r"\boxed{1,2}"),
        ("(1,2)", r"\boxed{\left(1, 2\right)}"),
        ("2", r"\boxed{1+1=2}"),
    ]:
        assert check(Problem(id="p", question="?", gold=gold, kind=AnswerKind.LATEX), text) is True, (gold, text)
    assert LatexGrader() is not None


def test_latex_survives() -> None:
    pytest.importorskip("math_verify")
    checker = checker_for("latex")
    # One item of each shape, and all attacks but the slow ones.
    items = checker.surface.make(8, np.random.default_rng(2))
    problem = checker.surface.problem
    for item in items:
        for attack in checker.surface.attacks:
            if attack.name in ("another shape", "number syntax", "two answers", "gold denied", "right, other forms"):
                for text in attack.answers(item, np.random.default_rng(0)):
                    assert (checker.check(problem(item), text) is True) == (attack.claim is Claim.RIGHT), (attack.name, text)


NUMERIC_WRONG = [
    "The answer is not 12.",
    "It is not 12.",
    "The answer is 12 + 1.",
    "The answer is 2 * 12",
    "\\boxed{12^2}",
    "The answer is 12²",
    "11 or 12",
    "10, 11, 12",
    "The answer is 12_7",
    "The answer is abc12def",
    "7\u200b12",
    "The answer is 12:30",
    "The answer is 12\n13\n14",
    "#### 11\n12",
    "The answer is 12 to 15.",
]
OPTION_WRONG = [
    "The answer is (C)\n(A)\n(B)\n(D).",
    "\\boxed{C\nA}",
    "The answer is anything but (C).",
    "\\boxed{\\text{not }(C)}",
    "Option C can be ruled out.",
    "The answer is C_1.",
    "The answer is C's.",
    "The answer is CC.",
]


@pytest.mark.parametrize("text", NUMERIC_WRONG)
def test_numeric_faults_that_the_audit_found(text: str) -> None:
    problem = Problem(id="p", question="?", gold="12", kind=AnswerKind.NUMERIC)
    assert checker_for("numeric").check(problem, text) is not True


def test_numeric_says_what_the_audit_claims() -> None:
    checker = checker_for("numeric")
    problem = checker.surface.problem
    names = ("arithmetic in words", "two numbers", "gold denied", "right, other forms")
    for item in checker.surface.make(12, np.random.default_rng(3)):
        for attack in checker.surface.attacks:
            if attack.name in names:
                for text in attack.answers(item, np.random.default_rng(0)):
                    assert (checker.check(problem(item), text) is True) == (attack.claim is Claim.RIGHT), (attack.name, text)


@pytest.mark.parametrize("text", OPTION_WRONG)
def test_option_faults_that_the_audit_found(text: str) -> None:
    from tests.tasks.grader_cases import choice

    check = checker_for("option").check
    assert check(choice("the cat", "bed", "C", "dune", gold="C"), text) is not True
    assert check(choice("the cat", "bed", "I", "dune", gold="C"), "(C) is wrong.") is not True
    assert check(choice("a", "b", "c", labels="123", gold="1"), "-1") is not True


def test_truth_of_attacks_does_not_depend_on_the_checker() -> None:
    """The audit's own judges, on items drawn anew: no wrong answer is right, every right one is."""
    for seed in range(20):
        for item in EXPRESSION.make(2, np.random.default_rng(seed)):
            for attack in EXPRESSION.attacks:
                texts = [text for text in attack.answers(item, np.random.default_rng(seed)) if len(text) <= 200]
                if attack.claim is not Claim.OPEN:
                    assert all(item.solves(text.strip()) == (attack.claim is Claim.RIGHT) for text in texts), attack.name
        for figure in NUMERIC.make(5, np.random.default_rng(seed)):
            (another,) = (attack for attack in NUMERIC.attacks if attack.name == "another number")
            bare = [text for text in another.answers(figure, np.random.default_rng(0)) if re.fullmatch(r"-?[0-9.]+", text)]
            assert len(bare) >= 5 and all(float(text) != float(figure.gold) for text in bare)


def test_an_attack_has_one_form_and_only_a_drawn_one_draws() -> None:
    for forms in ({}, {"texts": lambda item: (), "drawn": lambda item, rng: ()}):
        with pytest.raises(ValueError, match="either texts or drawn"):
            Attack(name="a", claim=Claim.WRONG, truth="", **forms)
    for surface in SURFACES.values():
        items = surface.make(8, np.random.default_rng(0))
        for attack in surface.attacks:
            rng = np.random.default_rng(0)
            before = rng.bit_generator.state
            assert sum(len(list(attack.answers(item, rng))) for item in items) > 0
            assert (rng.bit_generator.state != before) is (attack.drawn is not None), attack.name


def test_cards_are_reproducible_and_count_every_call() -> None:
    first, second = (card_of("exact", contains_gold, seed=5) for _ in range(2))
    assert [(r.attack, r.tried, r.accepted, r.witness) for r in first.rows] == [
        (r.attack, r.tried, r.accepted, r.witness) for r in second.rows
    ]
    for row in first.rows:
        assert row.tried == row.accepted + row.refused + row.unread + row.failed and row.items == 6


def test_limits_of_no_fault_in_n_items_are_those_of_clopper_and_pearson() -> None:
    card = card_of("exact", lambda problem, text: None, items=20)
    row = next(row for row in card.rows if row.claim is Claim.WRONG)
    assert row.faulty == 0 and row.low == 0 and row.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert card.is_sound and card.incomplete == card.right_tried > 0


def test_errors_and_hangs_are_neither_accepted_nor_refused() -> None:
    def moody(problem: Problem, text: str) -> bool:
        if "\x00" in text:
            raise RuntimeError("NUL")
        while text == "null":
            pass
        return False

    card = card_of("exact", moody, items=5, limit_s=0.05)
    rows = {row.attack: row for row in card.rows}
    nothing = rows["nothing said"]
    assert nothing.failed == 5 + 3 - 2 and nothing.skipped > 0  # a NUL an item until the third hang, then all is skipped
    assert nothing.failure is not None and "NUL" in nothing.failure.said
    assert card.is_sound and card.failed >= nothing.failed


def test_what_cannot_be_audited_says_so() -> None:
    def broken(problem: Problem, text: str) -> bool:
        raise ValueError("always")

    with pytest.raises(InvalidInput, match="every call failed, the first with ValueError: always"):
        card_of("exact", broken)
    with pytest.raises(InvalidInput, match="no item"):
        card_of("exact", contains_gold, items=0)
    with pytest.raises(UnknownName, match="did you mean numeric"):
        checker_for("numerics")
    with pytest.raises(InvalidInput, match="with --kind"):
        checker_for("some.module:check")
    with pytest.raises(InvalidInput, match="judges answers of the kind exact"):
        checker_for("exact", kind="numeric")
    with pytest.raises(UnknownName, match="kind of answer"):
        checker_for("exact", kind="exakt")


def test_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lax = "from tokenworth.core.grade import Grade, Verdict\ndef lax(problem, text):\n    return Grade(outcome='x', verdict='correct')\n"
    (tmp_path / "lax_audited.py").write_text(lax.replace("'correct'", "Verdict.CORRECT"), encoding="utf-8")
    rows = [{"id": gold, "question": "?", "gold": gold, "kind": "numeric"} for gold in ("7", "1/3")]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = command(["audit", *arguments])
        return code, *capsys.readouterr()

    code, out, _ = run("exact", "--problems", "3", "--json", "card.json")
    assert code == 0 and "no unsound acceptance found" in out
    document = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    (card,) = document["cards"]
    assert document["schema"] == "tokenworth.audit/2" and card["unsound"] == 0 and card["items"] == 3 and len(card["rows"]) == 11
    code, out, _ = run("lax_audited:lax", "--kind", "expression", "--problems", "2", "--json", "-")
    (card,) = json.loads(out)["cards"]
    assert code == 1 and card["unsound"] == card["wrong_tried"]
    for arguments, told in (
        (("option", "--task", "p.jsonl"), "no problem to audit option with"),
        (("all", "--kind", "exact"), "takes neither"),
        (("maze",), "unknown grader 'maze'"),
    ):
        code, _, err = run(*arguments)
        assert code == 2 and told in err, err


def test_witnesses_are_shown_in_ascii() -> None:
    said: Callable[[Problem, str], bool] = lambda problem, text: "\u202e" in text or "\x1b" in text  # noqa: E731
    text = card_text(card_of("exact", said))
    assert text.isascii() and "\x1b" not in text and "fault hidden second answer" in text
