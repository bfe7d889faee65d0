"""Graders against real answers with published scores."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter

import pytest

from tests.real_data import shared
from tests.tasks.grader_cases import choice, free
from tests.tasks.real_gradings import verdicts
from tokenworth.core.grade import UNPARSEABLE, Verdict
from tokenworth.core.problem import AnswerKind
from tokenworth.tasks.grade.latex import LatexGrader
from tokenworth.tasks.grade.numeric import numeric
from tokenworth.tasks.grade.option import option
from tokenworth.tasks.load import load_task


def test_math_500_solutions_grade_correct() -> None:
    problems = load_task(f"math:{shared('questions', 'math-500.jsonl.gz')}")
    with gzip.open(shared("questions", "math-500.jsonl.gz"), "rt", encoding="utf-8") as handle:
        solutions = [json.loads(line)["solution"] for line in handle]
    grader = LatexGrader()
    verdicts = Counter(grader(problem, text).verdict for problem, text in zip(problems, solutions, strict=True))
    assert verdicts == Counter({Verdict.CORRECT: 500})


def test_sampled_math_answers_agree_with_published_scores() -> None:
    grader, disagree, unparseable, total = LatexGrader(), 0, 0, 0
    with gzip.open(shared("questions", "math-100x8-sampled-answers.jsonl.gz"), "rt", encoding="utf-8") as handle:
        for line in handle:
            row = json.loads(line)
            problem = free(row["gt"], AnswerKind.LATEX)
            for said, score in zip(row["preds"], row["scores"], strict=True):
                grade = grader(problem, f"\\boxed{{{said}}}")
                total += 1
                unparseable += grade.outcome == UNPARSEABLE
                disagree += grade.outcome != UNPARSEABLE and (grade.verdict is Verdict.CORRECT) != score
    assert total == 800 and disagree <= 1 and unparseable <= 8  # the one: 10000 for 10{,}000, which the source counts as wrong


@pytest.mark.slow
def test_gsm8k_solutions_and_model_answers() -> None:
    problems = {p.question[:40]: p for p in load_task(f"gsm8k:{shared('questions', 'gsm8k-test.jsonl.gz')}")}
    with gzip.open(shared("questions", "gsm8k-test.jsonl.gz"), "rt", encoding="utf-8") as handle:
        for row in map(json.loads, handle):
            assert numeric(problems[row["question"][:40]], row["answer"].split("\n")[-1]).verdict is not Verdict.UNKNOWN
    wrong = 0
    with gzip.open(shared("questions", "gsm8k-example-model-solutions-300.jsonl.gz"), "rt", encoding="utf-8") as handle:
        for row in map(json.loads, handle):
            problem = problems.get(row["question"][:40])
            for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
                if problem is not None:
                    grade = numeric(problem, row[name]["solution"])
                    wrong += (grade.verdict is Verdict.CORRECT) != row[name]["is_correct"]
    assert wrong == 0


def test_option_letters_agree_with_published_extractions() -> None:
    problems = {p.id: p for p in load_task(f"mmlu-pro:{shared('questions', 'mmlu-pro-142.jsonl')}")}
    found = Counter[str]()
    with gzip.open(shared("questions", "mmlu-pro-142-model-outputs.jsonl.gz"), "rt", encoding="utf-8") as handle:
        for row in map(json.loads, handle):
            if row["pred"] is not None:
                outcome = option(problems[str(row["question_id"])], row["model_outputs"]).outcome
                found["same" if outcome == row["pred"] else "unparseable" if outcome == UNPARSEABLE else "other"] += 1
    # Upstream takes the first "answer is (X)" and, without one, any letter; here several letters are unparseable.
    assert found.total() == 1214
    assert found["other"] <= 3 and found["same"] >= 1150, found


@pytest.mark.slow
def test_choices_of_exit_curves_agree_with_the_forced_answer_at_the_end() -> None:
    found = Counter[str]()
    for name in ("seed", "other"):
        with gzip.open(shared("exit-curves", f"curves-{name}-subjects.jsonl.gz"), "rt", encoding="utf-8") as handle:
            for row in map(json.loads, handle):
                choices = row["prompt"].partition("\nChoices:")[2]
                texts = re.findall(r"\n[1-4]: (.*?)(?=\n[1-4]: |\.\n\nPlease)", choices, re.DOTALL)
                problem = choice(*texts, labels="1234", gold=row["correct"])
                text = "".join(row["answer_tokens"]).replace("<｜end▁of▁sentence｜>", "")
                outcome = option(problem, text).outcome
                end = row["prob_at_end"]
                best = str(1 + end.index(max(end)))
                found["unparseable" if outcome == UNPARSEABLE else "same" if outcome == best else "other"] += 1
    # Where the two differ the written answer is mostly read rightly: the forced one at the end is not always what is written.
    assert found.total() == 622
    assert found["other"] <= 16 and found["same"] >= 540, found


AGREEMENT = {"option": (4136, 15, 87), "numeric": (5182, 8, 46), "exact": (826, 2, 40), "latex": (1319, 1, 8)}
"""Of the gradings with a recorded answer or score: how many agree with it at least, differ at most, and are unparseable at most."""


@pytest.mark.slow
def test_all_real_gradings_agree_with_their_records() -> None:
    found: dict[str, Counter[str]] = {kind: Counter() for kind in AGREEMENT}
    for row in verdicts():
        if row["recorded"] is not None:
            said = "unread" if row["verdict"] == "unknown" else "same" if row["agrees"] else "other"
            found[row["kind"]][said] += 1
    for kind, (same, other, unread) in AGREEMENT.items():
        counts = found[kind]
        assert counts.total() == same + other + unread
        assert counts["same"] >= same and counts["other"] <= other and counts["unread"] <= unread, (kind, counts)
