"""Real answer texts with what was recorded of them, one grading each: what a change of the graders is measured on.

``python -m tests.tasks.real_gradings FILE`` writes the verdict of every grading with the tokenworth on the path; with two such files,
``python -m tests.tasks.real_gradings BEFORE AFTER`` lists what changed.
"""

from __future__ import annotations

import ast
import csv
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.real_data import shared
from tests.tasks.grader_cases import choice, free
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.tasks.graders import grader_for
from tokenworth.tasks.load import load_task

_OPTION = re.compile(r"^\(([A-Z])\) ?(.*?)(?=\n\([A-Z]\)|\nPlease think|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """A text to grade. ``recorded``: whether the source counts it as correct, or the label it read; None where it says neither."""

    source: str
    problem: Problem
    text: str
    recorded: bool | str | None = None


def _rows(*parts: str) -> Iterator[dict[str, Any]]:
    path = shared(*parts)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as handle:
        yield from map(json.loads, handle)


def _gsm8k() -> Iterator[Grading]:
    problems = {p.question[:40]: p for p in load_task(f"gsm8k:{shared('questions', 'gsm8k-test.jsonl.gz')}")}
    for row in _rows("questions", "gsm8k-test.jsonl.gz"):
        problem = problems[row["question"][:40]]
        yield Grading(source="gsm8k", problem=problem, text=row["answer"], recorded=True)
        yield Grading(source="gsm8k last line", problem=problem, text=row["answer"].split("\n")[-1], recorded=True)
    for row in _rows("questions", "gsm8k-example-model-solutions-300.jsonl.gz"):
        problem = problems.get(row["question"][:40])
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            if problem is not None:
                text, correct = row[name]["solution"], row[name]["is_correct"]
                yield Grading(source="gsm8k model", problem=problem, text=text, recorded=correct)
                working = text.rpartition("\n")[0]
                yield Grading(source="gsm8k model, working alone", problem=problem, text=working, recorded=correct)


def _math() -> Iterator[Grading]:
    task = load_task(f"math:{shared('questions', 'math-500.jsonl.gz')}")
    for problem, row in zip(task, _rows("questions", "math-500.jsonl.gz"), strict=True):
        yield Grading(source="math-500", problem=problem, text=row["solution"], recorded=True)
    for row in _rows("questions", "math-100x8-sampled-answers.jsonl.gz"):
        for said, score in zip(row["preds"], row["scores"], strict=True):
            yield Grading(source="math sampled", problem=free(row["gt"], AnswerKind.LATEX), text=f"\\boxed{{{said}}}", recorded=score)
    with gzip.open(shared("hinted-mcq", "math-ten-runs-r1-distill-qwen-14b.csv.gz"), "rt", encoding="utf-8") as handle:
        for run in csv.DictReader(handle):
            for said in dict.fromkeys(str(one) for one in ast.literal_eval(run["answers"])):
                if said:
                    yield Grading(source="math ten runs", problem=free(run["gt_answer"], AnswerKind.LATEX), text=f"\\boxed{{{said}}}")
    for path in sorted(shared("thought-anchors").glob("*/*/*/base_solution.json")):
        base, gold = json.loads(path.read_text("utf-8")), json.loads(path.with_name("problem.json").read_text("utf-8"))["gt_answer"]
        tail = base["solution"].rpartition("</think>")[2]
        yield Grading(source="thought anchors", problem=free(gold, AnswerKind.LATEX), text=tail, recorded=base["is_correct"])


def _options(text: str, gold: str | None) -> Problem:
    options = tuple(Option(label=label, text=said.strip()) for label, said in _OPTION.findall(text))
    return Problem(id="p", question="?", options=options, gold=gold)


def _choices() -> Iterator[Grading]:
    problems = {p.id: p for p in load_task(f"mmlu-pro:{shared('questions', 'mmlu-pro-142.jsonl')}")}
    for row in _rows("questions", "mmlu-pro-142-model-outputs.jsonl.gz"):
        yield Grading(source="mmlu-pro", problem=problems[str(row["question_id"])], text=row["model_outputs"], recorded=row["pred"])
    for row in _rows("biased-prompts", "turpin-bbh-suggested-answer.jsonl.gz"):
        problem = _options(row["question"], None)
        problem = replace(problem, gold=problem.labels[row["y_true"]])
        for which in ("biased", "unbiased"):
            label = problem.labels[row[f"{which}_pred"]]
            yield Grading(source="bbh", problem=problem, text=row[f"{which}_cot"], recorded=label)
    for name in ("professor-cue-paired", "professor-cue-threshold0.3"):
        for row in _rows("hinted-mcq", f"{name}.jsonl.gz"):
            for prefix, said in (("", row["answer"]), ("base_", row["original_answer"]), ("base_gt_", row["gt_answer"])):
                if f"{prefix}post_reasoning" in row:
                    problem, text = _options(row["question"], row["gt_answer"]), row[f"{prefix}post_reasoning"]
                    yield Grading(source="hinted", problem=problem, text=text, recorded=said if prefix == "" else None)
    for name in ("seed", "other"):
        for row in _rows("exit-curves", f"curves-{name}-subjects.jsonl.gz"):
            asked = row["prompt"].partition("\nChoices:")[2]
            texts = re.findall(r"\n[1-4]: (.*?)(?=\n[1-4]: |\.\n\nPlease)", asked, re.DOTALL)
            problem, text = choice(*texts, labels="1234", gold=row["correct"]), "".join(row["answer_tokens"])
            text = text.replace("<｜end▁of▁sentence｜>", "")
            yield Grading(source="exit curves", problem=problem, text=text, recorded=row["stated_choice"])


def _mistakes() -> Iterator[Grading]:
    for name, kind in (
        ("multistep_arithmetic", AnswerKind.NUMERIC),
        ("dyck_languages", AnswerKind.EXACT),
        ("word_sorting", AnswerKind.EXACT),
        ("logical_deduction", AnswerKind.OPTION),
        ("tracking_shuffled_objects", AnswerKind.OPTION),
    ):
        for row in _rows("cot-mistakes", f"{name}.jsonl.gz"):
            if kind is AnswerKind.OPTION:
                problem, recorded = _options(row["input"], row["target"].strip("()")), (row["answer"] or "").strip("()") or None
            else:
                problem, recorded = free(row["target"], kind), row["answer"] == row["target"]
            yield Grading(source=f"mistakes {name}", problem=problem, text="\n".join(row["steps"]), recorded=recorded)


def gradings() -> Iterator[Grading]:
    """Every real grading, in a fixed order."""
    yield from _gsm8k()
    yield from _math()
    yield from _choices()
    yield from _mistakes()


def verdicts() -> Iterator[dict[str, Any]]:
    """What the graders say of every grading."""
    for one in gradings():
        grade = grader_for(one.problem)(one.problem, one.text)
        agrees = None
        if isinstance(one.recorded, bool):
            agrees = one.recorded == (grade.verdict.value == "correct")
        elif one.recorded is not None:
            agrees = one.recorded == grade.outcome
        yield {
            "source": one.source, "kind": one.problem.kind.value, "gold": one.problem.gold, "recorded": one.recorded,
            "verdict": grade.verdict.value, "outcome": grade.outcome, "agrees": agrees, "text": one.text,
        }  # fmt: skip


def _changes(before: Path, after: Path) -> None:
    old, new = ([json.loads(line) for line in path.read_text("utf-8").splitlines()] for path in (before, after))
    counts: Counter[str] = Counter()
    for one, other in zip(old, new, strict=True):
        assert one["text"] == other["text"]
        if (one["verdict"], one["outcome"]) == (other["verdict"], other["outcome"]):
            continue
        change = f"{one['kind']}, {one['source']}: {one['verdict']} ({_record(one)}) to {other['verdict']} ({_record(other)})"
        counts[change] += 1
        print(f"\n== {change}\n{one['outcome']} -> {other['outcome']}, gold {one['gold']}, recorded {one['recorded']}")
        print(one["text"][-500:])
    print(f"\n{sum(counts.values())} of {len(old)} changed")
    for change, count in sorted(counts.items()):
        print(f"{count:6d}  {change}")


def _record(row: dict[str, Any]) -> str:
    return {True: "as recorded", False: "not as recorded", None: "nothing recorded"}[row["agrees"]]


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[1:]]
    if len(files) == 2:
        _changes(*files)
    else:
        files[0].write_text("".join(json.dumps(row) + "\n" for row in verdicts()), encoding="utf-8")
