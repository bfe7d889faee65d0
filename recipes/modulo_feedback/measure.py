"""What a fault is worth: ``python -m recipes.modulo_feedback.measure DIR`` asks a trained model for first and second attempts.

Problems of the test layouts, sampled. Every first attempt that the verifier rejects gets one second attempt of each kind, so that the kinds
are paired. Writes ``attempts.jsonl`` and ``results.json`` into the folder and prints the tables as Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipes.beyond_semantics.evaluate import completions, problems
from recipes.modulo_feedback.config import Config
from recipes.modulo_feedback.data import Rejected, answer_of, faults, is_finished, rejected
from recipes.modulo_feedback.words import FORM
from tokenworth.methods.modulo.feedback import fault_words
from tokenworth.methods.modulo.paired import paired
from tokenworth.stats.proportion import wilson

LEVEL = 0.95
TRUE, ALL, SHUFFLED, MOVED, BARE, FRESH = "first fault", "all faults", "another problem's fault", "moved fault", "plan alone", "fresh draw"
KINDS = (TRUE, ALL, SHUFFLED, MOVED, BARE, FRESH)
PAIRS = ((TRUE, BARE), (TRUE, SHUFFLED), (TRUE, MOVED), (TRUE, FRESH), (ALL, TRUE), (BARE, FRESH), (SHUFFLED, BARE))
"""Differences that are told: the first less the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondAttempt:
    """One second attempt. ``is_same``: the plan is the rejected one again."""

    kind: str
    index: int
    completion: str
    is_right: bool
    is_same: bool


def moved(one: Rejected, rng: np.random.Generator) -> str:
    """The first fault with another cell of the rejected plan for its place, one that no fault is about."""
    code, _, place = fault_words(one.messages[0]).partition(" ")
    faulty = {fault_words(message).partition(" ")[2] for message in one.messages}
    others = [word for word in one.answer.split() if "," in word and word not in faulty]
    if not place or not others:
        return one.messages[0]
    got = others[int(rng.integers(len(others)))].replace(",", " ")
    return f"{FORM.critic}: {code}: expected none; got {got}"


def prompts(questions: Sequence[str], wrong: Sequence[Rejected], *, seed: int) -> dict[str, list[str]]:
    """Kind -> the prompts of the second attempts, in the order of the rejected plans."""
    rng = np.random.default_rng([seed, 19])
    # Each takes the fault of the next one round a circle, so that none keeps its own.
    order = rng.permutation(len(wrong))
    whose = np.empty_like(order)
    whose[order] = np.roll(order, 1)
    said: dict[str, Callable[[int, Rejected], Sequence[str]]] = {
        TRUE: lambda _, one: one.messages[:1],
        ALL: lambda _, one: one.messages,
        SHUFFLED: lambda i, _: wrong[whose[i]].messages[:1],
        MOVED: lambda _, one: (moved(one, rng),),
        BARE: lambda _, one: (),
    }
    made = {
        kind: [FORM.again(questions[one.index], one.answer, messages(i, one)) for i, one in enumerate(wrong)]
        for kind, messages in said.items()
    }
    return made | {FRESH: [questions[one.index] for one in wrong]}


def second(
    model: LlamaForCausalLM, tokenizer: Tokenizer, questions: Sequence[str], wrong: Sequence[Rejected], config: Config
) -> Iterator[SecondAttempt]:
    """A second attempt of every kind at each rejected plan."""
    side, tests = config.mazes.side, config.tests
    for kind, asked in prompts(questions, wrong, seed=tests.seed).items():
        # The same random numbers for every kind, others than those of the first attempts: what differs is what was told.
        made = completions(model, tokenizer, asked, limit=tests.limit, temperature=tests.temperature, seed=tests.seed + 1, batch=256)
        for one, completion in zip(wrong, made, strict=True):
            right = is_finished(completion) and not faults(questions[one.index], completion, side)
            same = answer_of(completion) == one.answer
            yield SecondAttempt(kind=kind, index=one.index, completion=completion, is_right=right, is_same=same)


def share(hits: Sequence[bool]) -> dict[str, Any]:
    """k, n, value and Wilson's limits."""
    k, n = sum(hits), len(hits)
    low, high = wilson(np.asarray([float(k)]), np.asarray([float(n)]), LEVEL)
    return {"k": k, "n": n, "value": k / n, "low": float(low[0]), "high": float(high[0])}


def summary(n_asked: int, n_unfinished: int, wrong: Sequence[Rejected], made: Sequence[SecondAttempt]) -> dict[str, Any]:
    """All numbers of the tables. A first attempt that is not finished is not right, and gets no second one."""
    right = {kind: np.asarray([one.is_right for one in made if one.kind == kind]) for kind in KINDS}
    same = {kind: [one.is_same for one in made if one.kind == kind] for kind in KINDS}
    codes = [fault_words(one.messages[0]).split()[0] for one in wrong]
    failed = len(wrong) + n_unfinished
    return {
        "unfinished": n_unfinished,
        "first": share([True] * (n_asked - failed) + [False] * failed),
        "second": {kind: share(right[kind].tolist()) for kind in KINDS},
        "same": {kind: share(same[kind]) for kind in KINDS},
        "differences": [{"first": one, "second": other, **asdict(paired(right[one], right[other], LEVEL))} for one, other in PAIRS],
        "by_code": {
            code: {kind: share(right[kind][[c == code for c in codes]].tolist()) for kind in KINDS}
            for code in sorted(set(codes), key=lambda code: (-codes.count(code), code))
        },
    }


def _told(found: dict[str, Any]) -> str:
    return f"{100 * found['value']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def pages(found: dict[str, Any]) -> Iterator[str]:
    """The tables as Markdown lines."""
    first = found["first"]
    yield f"First attempts: {first['k']:,} of {first['n']:,} right, {_told(first)} %.\n"
    yield "| The second attempt is told | n | right | the rejected plan again |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        yield f"| {kind} | {found['second'][kind]['n']} | {_told(found['second'][kind])} | {_told(found['same'][kind])} |"
    yield "\n| Difference, points | | McNemar's p |"
    yield "|---|---|---|"
    for one in found["differences"]:
        limits = f"{100 * one['difference']:+.1f} [{100 * one['low']:+.1f}, {100 * one['high']:+.1f}]"
        yield f"| {one['first']} less {one['second']} | {limits} | {one['p']:.2g} |"
    yield "\n| First fault | n | " + " | ".join(KINDS) + " |"
    yield "|---|---|" + "---|" * len(KINDS)
    for code, row in found["by_code"].items():
        yield f"| `{code}` | {row[TRUE]['n']} | " + " | ".join(_told(row[kind]) for kind in KINDS) + " |"


def measure(folder: Path, n: int | None = None) -> dict[str, Any]:
    """Asks the model of a folder, writes what it answered, and returns the numbers. ``n``: problems, if not as many as configured."""
    config = msgspec.convert(json.loads((folder / "training.json").read_text(encoding="utf-8"))["config"], Config)
    tests, side = config.tests, config.mazes.side
    torch.set_num_threads(config.shape.threads)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    asked = problems(tests.family, side, n or tests.n, seed=tests.seed)
    questions = [one.prompt.removesuffix(FORM.dropped) for one in asked]
    ask = {"limit": tests.limit, "temperature": tests.temperature, "seed": tests.seed, "batch": 256}
    first = list(completions(model, tokenizer, questions, **ask))
    wrong = list(rejected(questions, first, side))
    made = list(second(model, tokenizer, questions, wrong, config))
    with (folder / "attempts.jsonl").open("w", encoding="utf-8") as handle:
        for one in wrong:
            handle.write(json.dumps({"id": asked[one.index].id, "question": questions[one.index], **asdict(one)}) + "\n")
        for attempt in made:
            handle.write(json.dumps(asdict(attempt)) + "\n")
    found = summary(len(questions), sum(not is_finished(text) for text in first), wrong, made)
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--n", type=int, help="problems [default: as many as the configuration says]")
    chosen = parser.parse_args()
    print("\n".join(pages(measure(chosen.folder, chosen.n))))


if __name__ == "__main__":
    main()
