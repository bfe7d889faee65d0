"""Trains and tests the arms of a configuration: ``python -m recipes.beyond_semantics.run --config CONFIG.toml --out DIR``.

Leaves for each arm a model, ``outputs.jsonl`` (every output of the saved model, with its verdict), ``checkpoints.jsonl`` (those of the
model in training) and ``training.json``; `table` reads them. ``--test --out DIR`` asks saved arms again without training. A training that
was stopped goes on from the state that ``--checkpoint-every`` kept, if the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipes.beyond_semantics.config import Config, read_config
from recipes.beyond_semantics.data import Arm, Solved, solved
from recipes.beyond_semantics.kept import kept
from recipes.beyond_semantics.testing import (
    CHECKPOINTS,
    OUTPUTS,
    TRAINING,
    ask_saved,
    at_step,
    read_lines,
    shares,
    write_lines,
    write_training,
)
from recipes.beyond_semantics.train import Keep, save_model, train
from recipes.beyond_semantics.words import make_tokenizer
from tokenworth.errors import TokenworthError

STATE = "state.safetensors"
"""The state of a training that is under way, in the folder of its arm."""


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def train_arm(
    arm: Arm,
    data: Solved,
    tokenizer: Tokenizer,
    config: Config,
    out: Path,
    *,
    facts: dict[str, Any] | None = None,
    every: int | None = None,
) -> None:
    """Trains one arm and saves it in a folder. ``facts``: more to be told of it; ``every``: steps after which the state is kept."""
    state, mid = out / STATE, list[dict[str, Any]]()
    # What a stopped run had asked is asked again after the step that this one goes on from.
    earlier = read_lines(out / CHECKPOINTS) if state.exists() else []

    def on_step(step: int, model: LlamaForCausalLM) -> None:
        if step in config.tests.checkpoints:
            found = at_step(model, tokenizer, arm, config, step)
            say(f"{arm.name}: step {step}: {shares(found)}")
            mid.extend(found)
            out.mkdir(parents=True, exist_ok=True)
            write_lines(out / CHECKPOINTS, [row for row in earlier if row["step"] < mid[0]["step"]] + mid)

    # Without a number of steps a state that is there is gone on from, and no other is kept.
    keep = Keep(path=state, every=every or sys.maxsize, settings={"mazes": asdict(config.mazes)}) if every or state.exists() else None
    model, record = train(arm, data, tokenizer, config.shape, on_step=on_step, say=say, keep=keep)
    save_model(model, tokenizer, out, context=config.shape.context)
    (out / OUTPUTS).unlink(missing_ok=True)
    if not mid and not earlier:
        (out / CHECKPOINTS).unlink(missing_ok=True)
    whole = {"arm": asdict(arm), "config": asdict(config), "training": record | (facts or {}), "torch": torch.__version__.split("+")[0]}
    write_training(out, whole)
    state.unlink(missing_ok=True)


def is_trained(folder: Path, arm: Arm, config: Config) -> bool:
    """Whether the folder holds this arm, trained to the end by this configuration."""
    if not (folder / TRAINING).exists() or (folder / STATE).exists():
        return False
    told = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
    return told["arm"] == asdict(arm) and told["config"] == json.loads(json.dumps(asdict(config)))


def training_data(config: Config, tokenizer: Tokenizer, file: Path | None, workers: int) -> tuple[Solved, dict[str, Any]]:
    """The training problems and what it took to make them, or to read them from the file."""
    mazes, begun, cpu = config.mazes, time.perf_counter(), _cpu_seconds()
    asked = {"seed": mazes.seed, "longest": mazes.longest, "workers": workers}
    if file is None:
        data = solved(tokenizer, mazes.families, mazes.side, mazes.n, **asked)
    else:
        data = kept(file, tokenizer, mazes.families, mazes.side, mazes.n, **asked)
    facts = {"data_seconds": round(time.perf_counter() - begun, 1), "data_cpu_seconds": round(_cpu_seconds() - cpu, 1)}
    say(f"{len(data)} problems in {facts['data_seconds']:.0f} s, {facts['data_cpu_seconds']:.0f} CPU-s")
    return data, facts


def _cpu_seconds() -> float:
    """Of this process and of those it started that have ended."""
    return sum(os.times()[:4])


def main() -> None:
    """Reads the command line and runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", help="only this arm; repeat for more")
    parser.add_argument("--test", action="store_true", help="ask the saved arms in the folder again, each by its own configuration")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="read the training problems from this file; made if it is not there")
    parser.add_argument("--workers", type=int, default=1, help="processes that make the training problems [default: 1]")
    parser.add_argument("--checkpoint-every", type=int, metavar="STEPS", help="keep the state of the training after so many steps")
    chosen = parser.parse_args()
    if chosen.test == (chosen.config is not None):
        parser.error("give --config to train and test, or --test to test what is saved")
    if chosen.workers < 1 or (chosen.checkpoint_every is not None and chosen.checkpoint_every < 1):
        parser.error("--workers and --checkpoint-every: expected at least 1")
    try:
        _test(chosen, parser) if chosen.test else _train(chosen, parser)
    except TokenworthError as error:
        parser.exit(2, f"{error}\n")


def _test(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    saved = [path.parent.name for path in sorted(chosen.out.glob(f"*/{TRAINING}"))]
    for name in _wanted(saved, chosen, parser):
        ask_saved(chosen.out / name, say=say)


def _train(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    config = read_config(chosen.config)
    wanted = _wanted([arm.name for arm in config.arms], chosen, parser)
    tokenizer = make_tokenizer(config.mazes.side)
    data, facts = training_data(config, tokenizer, chosen.data, chosen.workers)
    for arm in config.arms:
        if arm.name not in wanted:
            continue
        folder = chosen.out / arm.name
        if chosen.checkpoint_every and is_trained(folder, arm, config):
            say(f"{arm.name}: trained already, in {folder}")
        else:
            train_arm(arm, data, tokenizer, config, folder, facts=facts, every=chosen.checkpoint_every)
        if not (folder / OUTPUTS).exists():
            ask_saved(folder, say=say)


def _wanted(names: list[str], chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """The names asked for, or all. An unknown one is an error."""
    unknown = [name for name in chosen.arm or () if name not in names]
    if unknown or not names:
        parser.error(f"no arm {', '.join(unknown) or 'at all'} in {chosen.config or chosen.out}; it has {', '.join(names) or 'none'}")
    return [name for name in names if chosen.arm is None or name in chosen.arm]


if __name__ == "__main__":
    main()
