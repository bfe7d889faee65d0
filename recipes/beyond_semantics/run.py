"""Trains and tests the arms of a configuration: ``python -m recipes.beyond_semantics.run --config CONFIG.toml --out DIR``.

Leaves for each arm a model, ``outputs.jsonl`` (every output with its verdict) and ``training.json``; `table.py` reads them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipes.beyond_semantics.config import Config, read_config
from recipes.beyond_semantics.data import Arm, Solved, solved
from recipes.beyond_semantics.evaluate import accuracy, problems, rows
from recipes.beyond_semantics.train import save_model, train
from recipes.beyond_semantics.words import make_tokenizer


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def checked(model: LlamaForCausalLM, tokenizer: Tokenizer, arm: Arm, config: Config, step: int) -> list[dict[str, object]]:
    """Greedy outputs of a model in training, on the first problems of the first family."""
    tests = config.tests
    asked = problems(tests.families[0], config.mazes.side, tests.n_checkpoint, seed=tests.seed)
    found = [{"step": step, **row} for row in rows(model, tokenizer, arm, asked, limit=tests.limit, temperature=0.0, seed=0)]
    model.train()
    say(f"{arm.name}: step {step}: plans {accuracy(found, 'plan_valid'):.3f}, traces {accuracy(found, 'trace_valid'):.3f}")
    return found


def run_arm(arm: Arm, data: Solved, tokenizer: Tokenizer, config: Config, out: Path) -> None:
    """Trains one arm, asks it every test problem, and writes all of it into a folder."""
    mid: list[dict[str, object]] = []

    def on_step(step: int, model: LlamaForCausalLM) -> None:
        if step in config.tests.checkpoints:
            mid.extend(checked(model, tokenizer, arm, config, step))

    model, record = train(arm, data, tokenizer, config.shape, on_step=on_step, say=say)
    save_model(model, tokenizer, out, context=config.shape.context)
    begun = time.perf_counter()
    with (out / "outputs.jsonl").open("w", encoding="utf-8") as handle:
        for row in mid:
            handle.write(json.dumps(row) + "\n")
        for temperature in config.tests.temperatures:
            for family in config.tests.families:
                asked = problems(family, config.mazes.side, config.tests.n, seed=config.tests.seed)
                found = list(rows(model, tokenizer, arm, asked, limit=config.tests.limit, temperature=temperature, seed=0))
                for row in found:
                    handle.write(json.dumps({"step": config.shape.steps, **row}) + "\n")
                shares = f"plans {accuracy(found, 'plan_valid'):.3f}, traces {accuracy(found, 'trace_valid'):.3f}"
                say(f"{arm.name}, {family}, temperature {temperature}: {shares}")
    record |= {"test_seconds": round(time.perf_counter() - begun, 1)}
    whole = {"arm": asdict(arm), "config": asdict(config), "training": record, "torch": torch.__version__.split("+")[0]}
    (out / "training.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Reads the command line and runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", help="only this arm; repeat for more")
    chosen = parser.parse_args()
    config = read_config(chosen.config)
    arms = [arm for arm in config.arms if chosen.arm is None or arm.name in chosen.arm]
    if not arms:
        parser.error(f"no arm of that name; {chosen.config} has {', '.join(arm.name for arm in config.arms)}")
    mazes = config.mazes
    tokenizer = make_tokenizer(mazes.side)
    begun = time.perf_counter()
    data = solved(tokenizer, mazes.families, mazes.side, mazes.n, seed=mazes.seed, longest=mazes.longest)
    say(f"{len(data)} problems in {time.perf_counter() - begun:.0f} s")
    for arm in arms:
        run_arm(arm, data, tokenizer, config, chosen.out / arm.name)


if __name__ == "__main__":
    main()
