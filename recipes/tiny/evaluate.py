"""Measure a trained tiny model on held-out questions: ``python -m recipes.tiny.evaluate --model DIR``."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from recipes.tiny.sampling import SAMPLERS, Sampler, complete, forced
from tokenworth.core.problem import Problem, question_text
from tokenworth.stats.proportion import wilson
from tokenworth.tasks.world.item import LABELS
from tokenworth.tasks.world.problems import FAMILIES, world_problem

# A trace without special tokens, one closing mark, one answer, the end token, and nothing else.
WELL_FORMED = re.compile(r"(?P<trace>(?: [^<>]*)?)</think> The answer is \((?P<label>[A-D])\)\.<\|end\|>")
EXIT = "</think> The answer is ("
# A curve counts as rising or falling when it ends this far from where it began, as flat when it never strays further.
MOVED, STILL = 0.3, 0.15
# Questions below this index were looked at while the data was tuned.
UNSEEN = 1000
CUTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def interval(hits: np.ndarray) -> dict[str, float]:
    """Mean of a questions × samples table of hits with a Wilson interval at level .95.

    Samples of one question are alike, so n is replaced by p(1 − p) / Var(mean over questions), at most the number of
    samples.
    """
    p, n = float(hits.mean()), float(hits.size)
    spread = float(hits.mean(1).var(ddof=1)) / len(hits)
    if spread > 0 and 0 < p < 1:
        n = min(n, p * (1 - p) / spread)
    low, high = wilson(np.array([p * n]), np.array([n]), 0.95)
    return {"value": p, "low": float(low[0]), "high": float(high[0]), "n_effective": n}


class Bench:
    """A loaded model with its tokenizer and the ids the measurements need."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.end: int = self.tokenizer.eos_token_id
        self.exit: list[int] = self.encode(EXIT)
        self.close: int = self.tokenizer.convert_tokens_to_ids("</think>")
        self.labels: list[int] = [self.encode(EXIT + label)[-1] for label in LABELS]

    def encode(self, text: str) -> list[int]:
        """The ids of a text, nothing added."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def prompt(self, problem: Problem) -> list[int]:
        """The ids before the trace, by the chat template."""
        chat = [{"role": "user", "content": question_text(problem)}]
        return self.encode(self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))

    def label(self, completion: list[int]) -> str | None:
        """The label a completion answers with, or None when it is not well formed."""
        found = WELL_FORMED.fullmatch(self.tokenizer.decode(completion, skip_special_tokens=False))
        return found["label"] if found else None

    def trace(self, completion: list[int]) -> list[int]:
        """The ids before the closing mark."""
        return completion[: completion.index(self.close)]

    def complete(self, prefixes: list[list[int]], sampler: Sampler, generator: torch.Generator) -> list[list[int]]:
        """One completion of each prefix."""
        return complete(self.model, prefixes, sampler, generator, end=self.end)


def family_results(bench: Bench, family: str, *, first: int, questions: int, samples: int, curves: int, rollouts: int, seed: int) -> dict:
    """Every number the card gives for one family."""
    problems = [world_problem(family, index) for index in range(first, first + questions)]
    prompts = [bench.prompt(problem) for problem in problems]
    gold = [problem.gold for problem in problems]
    generator = torch.Generator().manual_seed(seed)
    found: dict = {"empty_trace": _empty(bench, prompts, problems), "samplers": {}}
    for sampler in SAMPLERS:
        outputs = bench.complete([p for p in prompts for _ in range(samples)], sampler, generator)
        labels = np.array([bench.label(out) or "" for out in outputs]).reshape(questions, samples)
        lengths = [len(bench.trace(out)) for out in outputs if bench.label(out)]
        share = (labels == np.array(gold)[:, None]).mean(1)
        found["samplers"][sampler.name] = {
            "accuracy": interval(labels == np.array(gold)[:, None]),
            "well_formed": interval(labels != ""),
            "questions_mixed": float(((share > 0) & (share < 1)).mean()),
            "trace_tokens": {"median": float(np.median(lengths)), "most": max(lengths)},
        }
        base = [(i, outputs[i * samples]) for i in range(questions) if labels[i, 0]][:curves]
        found["samplers"][sampler.name]["curves"] = {
            "forced": _forced_shapes(bench, prompts, problems, base),
            "value": _value_shapes(bench, prompts, problems, base[: curves // 2], sampler, generator, rollouts),
        }
    return found


def _gold_at(problems: list[Problem]) -> torch.Tensor:
    return torch.tensor([LABELS.index(problem.gold or "") for problem in problems])


def _empty(bench: Bench, prompts: list[list[int]], problems: list[Problem]) -> dict:
    chance, mass = forced(bench.model, [prompt + bench.exit for prompt in prompts], bench.labels)
    of_gold = chance[torch.arange(len(problems)), _gold_at(problems)].numpy()
    hits = (chance.argmax(-1) == _gold_at(problems)).numpy()
    return {
        "accuracy": interval(hits[:, None]),
        "mean_gold": float(of_gold.mean()),
        "answerable": float((of_gold >= 0.7).mean()),
        "unanswerable": float((of_gold <= 0.4).mean()),
        "mass": float(mass.mean()),
    }


def shape(curve: np.ndarray) -> str:
    """Rising, falling, flat or other, by the thresholds above."""
    if np.ptp(curve) <= STILL:
        return "flat"
    moved = curve[-1] - curve[0]
    return "rising" if moved >= MOVED else "falling" if moved <= -MOVED else "other"


def _count(shapes: list[str]) -> dict[str, int]:
    return {name: shapes.count(name) for name in ("rising", "falling", "flat", "other")}


def _forced_shapes(bench: Bench, prompts: list[list[int]], problems: list[Problem], base: list[tuple[int, list[int]]]) -> dict:
    shapes: list[str] = []
    for which, completion in base:
        trace = bench.trace(completion)
        prefixes = [prompts[which] + trace[:cut] + bench.exit for cut in range(len(trace) + 1)]
        chance, _ = forced(bench.model, prefixes, bench.labels)
        shapes.append(shape(chance[:, LABELS.index(problems[which].gold or "")].numpy()))
    return _count(shapes)


def _value_shapes(
    bench: Bench,
    prompts: list[list[int]],
    problems: list[Problem],
    base: list[tuple[int, list[int]]],
    sampler: Sampler,
    generator: torch.Generator,
    rollouts: int,
) -> dict:
    prefixes: list[list[int]] = []
    heads: list[list[int]] = []
    for which, completion in base:
        trace = bench.trace(completion)
        for part in CUTS:
            head = trace[: round(part * len(trace))]
            prefixes += [prompts[which] + head] * rollouts
            heads += [head] * rollouts
    ends = bench.complete(prefixes, sampler, generator)
    labels = np.array([bench.label(head + end) or "" for head, end in zip(heads, ends, strict=True)])
    labels = labels.reshape(len(base), len(CUTS), rollouts)
    gold = np.array([problems[which].gold for which, _ in base])
    values = (labels == gold[:, None, None]).mean(-1)
    return _count([shape(row) for row in values])


def evaluate(folder: Path, *, first: int, questions: int, samples: int, curves: int, rollouts: int, seed: int) -> dict:
    """All numbers of the card, by family."""
    bench = Bench(folder)
    begun = time.perf_counter()
    found = {
        "first": first,
        "questions": questions,
        "samples": samples,
        "curves": curves,
        "rollouts": rollouts,
        "seed": seed,
        "families": {},
    }
    for number, family in enumerate(FAMILIES):
        found["families"][family] = family_results(
            bench, family, first=first, questions=questions, samples=samples, curves=curves, rollouts=rollouts, seed=seed * 1000 + number
        )
        print(f"{family}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    found["seconds"] = round(time.perf_counter() - begun)
    return found


def main() -> None:
    """Read the arguments, measure, and write ``evaluation.json`` beside the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--first", type=int, default=UNSEEN, help="index of the first question")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--curves", type=int, default=120, help="traces whose forced curve is classed (half as many value curves)")
    parser.add_argument("--rollouts", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = evaluate(
        args.model,
        first=args.first,
        questions=args.questions,
        samples=args.samples,
        curves=args.curves,
        rollouts=args.rollouts,
        seed=args.seed,
    )
    text = json.dumps(found, indent=2) + "\n"
    (args.model / "evaluation.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
