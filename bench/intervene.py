"""What edits can be made of real texts, and whether necessity finds the questions that need no trace (docs/methods/intervene.md).

python bench/intervene.py rules SHARED     how often each rule of `mistake-sum` and `mistake-option` applies, and that it made a mistake
python bench/intervene.py needed           AUROC of necessity on the bundled model: questions that name their answer against the others
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tokenworth as tw
from tokenworth.core.problem import Option, Problem
from tokenworth.methods.intervene.document import InterveneDoc
from tokenworth.methods.intervene.mistake import options, sums


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def texts(shared: Path) -> Iterator[tuple[str, str]]:
    """(source, text) of worked solutions."""
    for row in lines(shared / "questions/gsm8k-test.jsonl.gz"):
        yield "GSM8K solutions", row["answer"]
    for row in lines(shared / "questions/gsm8k-example-model-solutions-300.jsonl.gz"):
        yield "GSM8K model outputs", row["175b_verification"]["solution"]
    for row in lines(shared / "questions/mmlu-pro-142-model-outputs.jsonl.gz"):
        yield "MMLU-Pro model outputs", row["model_outputs"] or ""
    for row in lines(shared / "cot-mistakes/multistep_arithmetic.jsonl.gz"):
        yield "multistep arithmetic", "\n".join(row["steps"])


def calculated(expression: str) -> float:
    """The value by Python's parser: another reading of the same expression."""
    for word, sign in (
        ("plus", "+"),
        ("minus", "-"),
        ("times", "*"),
        ("×", "*"),
        ("·", "*"),
        ("÷", "/"),
        ("−", "-"),
        ("–", "-"),
        (",", ""),
        ("$", ""),
    ):
        expression = expression.replace(word, sign)
    tree = ast.parse(re.sub(r"(?i)^twice", "2 *", expression).strip(), mode="eval")
    allowed = (ast.Expression, ast.BinOp, ast.Constant, ast.Add, ast.Sub, ast.Mult, ast.Div)
    assert all(isinstance(node, allowed) for node in ast.walk(tree)), expression
    return float(eval(compile(tree, "it", "eval")))  # noqa: S307


def rules(shared: Path) -> None:
    rng = np.random.default_rng(0)
    found: dict[str, list[int]] = {}
    for source, text in texts(shared):
        slips = list(sums(text, rng))
        for slip in slips:
            left = re.split(r"=|\bis\b", slip.right)[0]
            assert abs(calculated(left) - float(slip.text)) > 1e-9, slip
        found.setdefault(source, []).append(len(slips))
    for row in lines(shared / "hinted-mcq/professor-cue-paired.jsonl.gz"):
        given = re.findall(r"^\(([A-J])\) (.*)$", row["question"], re.M)
        problem = Problem(id=str(row["pn"]), question="", options=tuple(Option(label=x, text=y) for x, y in given), gold=row["gt_answer"])
        slips = list(options(row["base_reasoning_text"], problem, rng))
        assert all(slip.toward not in (None, problem.gold) for slip in slips)
        found.setdefault("hinted MMLU traces (mistake-option)", []).append(len(slips))
    for source, counts in found.items():
        print(f"{source}: {np.mean(np.asarray(counts) > 0):.0%} of {len(counts):,}, {np.sum(counts):,} places")


def auroc(needed: np.ndarray, score: np.ndarray) -> float:
    """How often a question that needs its trace has the larger score; ties count a half."""
    gap = score[needed][:, None] - score[~needed][None, :]
    return float((gap > 0).mean() + (gap == 0).mean() / 2)


def needed(start: int = 0, samples: int = 40, n: int = 24) -> None:
    """Two scores of a question: by how much a trace of the model's own makes the gold answer likelier than no trace does, and how far the
    answers of the two are apart (total variation). Questions whose clue was heard clearly name their answer, and need no trace."""
    rows = list[tuple[str, bool, float, float]]()
    with tw.Workbench("tiny", store="intervene-bench.db") as bench:
        for name, items in (("steps", n), ("recall", n), ("guess", 5 * n // 2)):
            where = f"{start}-{start + items - 1}"
            ended = bench.measure("intervene", f"world:{name}", where, edits=("resample", "none"), samples=samples)
            (document,) = (one.document for one in ended if isinstance(one.document, InterveneDoc))
            for one in document.problems:
                by = {change.edit: change.after for change in one.changes}
                if len(by) == 2 and by["none"].forced is not None and one.problem is not None:
                    with_trace = {label: by["resample"].outcomes.get(label, 0) / by["resample"].n for label in one.problem.labels}
                    without = {label: by["none"].forced[label] or 0.0 for label in one.problem.labels}
                    apart = sum(abs(with_trace[label] - without[label]) for label in without) / 2
                    gain = with_trace[one.problem.gold] - without[one.problem.gold]
                    rows.append((name, "clearly heard" not in one.problem.question, gain, apart))
    rng = np.random.default_rng(0)
    for at, score in ((2, "gain"), (3, "apart")):
        named = np.asarray([row[at] for row in rows if not row[1]])
        for name in ("steps", "recall", "guess"):
            others = np.asarray([row[at] for row in rows if row[0] == name and row[1]])
            boot = [auroc(*joined(rng.choice(others, len(others)), rng.choice(named, len(named)))) for _ in range(2000)]
            low, high = np.quantile(boot, [0.025, 0.975])
            means = f"{len(others)} against {len(named)}, means {others.mean():.2f} and {named.mean():.2f}"
            print(f"{score}, {name}: AUROC {auroc(*joined(others, named)):.2f} [{low:.2f}, {high:.2f}], {means}")


def joined(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(needed, score) of two samples."""
    return np.arange(len(a) + len(b)) < len(a), np.concatenate([a, b])


if __name__ == "__main__":
    if sys.argv[1:2] == ["rules"]:
        rules(Path(sys.argv[2]))
    else:
        needed(*map(int, sys.argv[2:]))
