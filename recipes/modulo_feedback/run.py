"""Trains the model: ``python -m recipes.modulo_feedback.run --config CONFIG.toml --out DIR``.

A short training gives a model whose plans are rejected; the model itself then learns first and second attempts together. Leaves the model
with ``feedback.json``, and ``training.json``; `measure` asks it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer

from recipes.beyond_semantics.data import Arm, Solved, solved
from recipes.beyond_semantics.evaluate import completions
from recipes.beyond_semantics.train import save_model, train
from recipes.modulo_feedback.config import Config, read_config
from recipes.modulo_feedback.data import Rejected, edited, first_attempts, joined, rejected, second_attempts, texts
from recipes.modulo_feedback.words import feedback_tokenizer, save_form
from tokenworth.methods.modulo.feedback import fault_words

ARM = Arm(name="feedback", trace=False)


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def pool(data: Solved, questions: Sequence[str], tokenizer: Tokenizer, config: Config) -> tuple[list[Rejected], dict[str, object]]:
    """Rejected plans of the early model, filled up with edited ones, and what it took."""
    early, second, side = config.early, config.second, config.mazes.side
    shape = replace(config.shape, steps=early.steps, seed=config.shape.seed + 1)
    model, record = train(Arm(name="early", trace=False), data, tokenizer, shape, say=say)
    begun = time.process_time()
    asked = questions[: early.draws]
    made = completions(model, tokenizer, asked, limit=side * side, temperature=early.temperature, seed=second.seed, batch=256)
    found = list(rejected(asked, made, side))
    say(f"early model: {len(found)} of {len(asked)} plans rejected")
    facts: dict[str, object] = {**record, "draws": len(asked), "rejected": len(found)}
    plans = texts(tokenizer, data.plans)
    found = found[: second.n]
    found += islice(edited(questions, plans, side, seed=second.seed), max(0, second.n - len(found)))
    codes = Counter(fault_words(one.messages[0]).split()[0] for one in found if one.is_drawn)
    facts |= {"used": sum(one.is_drawn for one in found), "edited": sum(not one.is_drawn for one in found), "first_faults": codes}
    return found, facts | {"sampling_cpu_seconds": round(time.process_time() - begun, 1)}


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    config = read_config(chosen.config)
    mazes = config.mazes
    tokenizer = feedback_tokenizer(mazes.side)
    begun = time.process_time()
    data = first_attempts(solved(tokenizer, mazes.families, mazes.side, mazes.n, seed=mazes.seed, longest=mazes.longest))
    say(f"{len(data)} problems in {time.process_time() - begun:.0f} CPU-s")
    questions = texts(tokenizer, data.prompts)
    wrong, early = pool(data, questions, tokenizer, config)
    again = second_attempts(data, questions, wrong, tokenizer, config.second, longest=config.shape.row)
    both = joined(data, again)
    say(f"{len(again)} second attempts of {len(wrong)}")
    model, record = train(ARM, both, tokenizer, config.shape, say=say)
    save_model(model, tokenizer, chosen.out, context=config.shape.context)
    save_form(chosen.out)
    version = torch.__version__.split("+")[0]
    whole = {"config": asdict(config), "early": early, "second_attempts": len(again), "training": record, "torch": version}
    (chosen.out / "training.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
