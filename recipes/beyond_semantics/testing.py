"""Asks the saved model of an arm every test problem of its configuration: the weights as they are on disk, not those training held."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipes.beyond_semantics.config import Config
from recipes.beyond_semantics.data import Arm
from recipes.beyond_semantics.evaluate import accuracy, problems, rows, tested
from recipes.beyond_semantics.train import digest, load_model

OUTPUTS, CHECKPOINTS, TRAINING = "outputs.jsonl", "checkpoints.jsonl", "training.json"
"""Files of an arm: what the saved model wrote; what the model wrote in training; how it was made."""


def at_step(model: LlamaForCausalLM, tokenizer: Tokenizer, arm: Arm, config: Config, step: int) -> list[dict[str, Any]]:
    """Greedy outputs of a model in training, on the first problems of the first family."""
    tests = config.tests
    asked = problems(tests.families[0], config.mazes.side, tests.n_checkpoint, seed=tests.seed)
    found = [_of_step(row, step) for row in rows(model, tokenizer, arm, asked, limit=tests.limit, temperature=0.0, seed=0)]
    model.train()
    return found


def _of_step(row: dict[str, Any], step: int) -> dict[str, Any]:
    return {"step": step, **row, "tested": f"{row['tested']}, step {step}"}


def shares(found: list[dict[str, Any]]) -> str:
    """Plan accuracy and trace validity of some outputs, as text."""
    return f"plans {accuracy(found, 'plan_valid'):.3f}, traces {accuracy(found, 'trace_valid'):.3f}"


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON line a record; the file has its name only when it is whole."""
    part = path.with_name(f".{path.name}")
    with part.open("w", encoding="utf-8") as handle:
        handle.writelines(json.dumps(record) + "\n" for record in records)
    part.replace(path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file; none where there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def ask_saved(folder: Path, *, say: Callable[[str], object]) -> None:
    """Replaces ``outputs.jsonl`` by what the saved model writes now; ``training.json`` gets the time it took and a digest of the weights.

    Outputs of checkpoints stay; those that an earlier layout kept in ``outputs.jsonl`` go into ``checkpoints.jsonl``.
    """
    told = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
    config, arm = msgspec.convert(told["config"], Config), msgspec.convert(told["arm"], Arm)
    device = config.shape.device if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(config.shape.threads)
    begun, cpu = time.perf_counter(), time.process_time()
    model = load_model(folder).to(device)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made = list(_asked(model, tokenizer, arm, config, say))
    # Before the outputs are replaced: a run that is stopped here loses nothing.
    _split(folder, config)
    write_lines(folder / OUTPUTS, made)
    told["training"] |= {
        "test_seconds": round(time.perf_counter() - begun, 1),
        "test_cpu_seconds": round(time.process_time() - cpu, 1),
        "tested_weights": digest(folder / "model.safetensors"),
    }
    write_training(folder, told)


def write_training(folder: Path, told: dict[str, Any]) -> None:
    """Writes ``training.json``."""
    (folder / TRAINING).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _asked(
    model: LlamaForCausalLM, tokenizer: Tokenizer, arm: Arm, config: Config, say: Callable[[str], object]
) -> Iterator[dict[str, Any]]:
    tests = config.tests
    asked = {family: problems(family, config.mazes.side, tests.n, seed=tests.seed) for family in tests.families}
    for temperature in tests.temperatures:
        for family in tests.families:
            found = list(rows(model, tokenizer, arm, asked[family], limit=tests.limit, temperature=temperature, seed=0))
            say(f"{arm.name}, {family}, temperature {temperature:g}: {shares(found)}")
            yield from ({"step": config.shape.steps, **row} for row in found)


def _split(folder: Path, config: Config) -> None:
    """Moves outputs of checkpoints to their own file, with the ids and the field ``tested`` of today."""
    old = [row for row in read_lines(folder / OUTPUTS) if row["step"] != config.shape.steps]
    if not old or (folder / CHECKPOINTS).exists():
        return
    tests = config.tests
    asked = problems(tests.families[0], config.mazes.side, tests.n_checkpoint, seed=tests.seed)
    ids = {one.prompt.removesuffix(" reasoning"): one.id for one in asked}
    named = ({**row, "id": ids.get(row["prompt"].removesuffix(" reasoning"), row["id"]), "tested": tested(row)} for row in old)
    write_lines(folder / CHECKPOINTS, (_of_step(row, row["step"]) for row in named))
