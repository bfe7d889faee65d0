"""Puts a trained arm into the package with its card and check sums:

python -m recipes.beyond_semantics.bundle build/seven/correct src/tokenworth/assets/maze-correct
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recipes.beyond_semantics.table import arm_rows, table
from recipes.beyond_semantics.train import digest
from tokenworth.errors import MismatchError

FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
LARGEST = 2_000_000
"""Bytes a bundled model may have."""

CARD = """# {name}

A decoder of {parameters:,} parameters that writes a trace of A\\* and then a plan for a maze. Trained from nothing on {traces}.
It is an object of study, not a planner: see what its traces are worth before you read them.

| | |
|---|---|
| Architecture | Llama: width {width}, {layers} layers, {heads} heads, rotary positions, tied embeddings; bf16 on disk |
| Vocabulary | {vocabulary} words, one token each: the `compact` dialect of mazes for grids up to {side} × {side} |
| Data | {n:,} mazes {side} × {side} of the family {families}, training layouts only, at most {longest} trace tokens |
| Training | {presentations:,} presentations, {tokens:,} tokens, final loss {loss:.4f}; {cpu:,.0f} CPU-seconds on one thread |
| Made by | `recipes/beyond_semantics`, torch {torch}, arm `{arm}`; nothing but generated mazes went in |
| Licence | Apache 2.0, as the package |

## What it does

The weights of this folder, asked for mazes with wall layouts that were not in training, {asked} of each family; per cent with 95 %
intervals. *Strict* and *paper* name the strictness of `tokenworth verify maze`.

{table}

## Use

```sh
tokenworth curve --model {name} --task maze:searchformer/{side} --item 0
```

Prompts are texts of the `compact` dialect up to the word `reasoning`; other text is unknown words to it. It knows no other side.
"""


def _traces(arm: dict[str, Any]) -> str:
    """What an arm was trained on, in words."""
    if not arm["trace"]:
        return "no traces: it writes the plan alone"
    if arm["swapped"] in (0.0, 1.0):
        return "the traces of other mazes: none of its training traces belongs to its maze" if arm["swapped"] else "right traces"
    return f"right traces and, for a share of {arm['swapped']:g}, those of other mazes"


def card(source: Path, name: str) -> str:
    """The card of an arm, with the numbers of its own outputs. Raises MismatchError where these are not of the weights in the folder."""
    told = json.loads((source / "training.json").read_text(encoding="utf-8"))
    if told["training"].get("tested_weights") != digest(source / "model.safetensors"):
        raise MismatchError(f"{source}: its outputs are not those of its weights; test them first: run --test --out {source.parent}")
    shape, mazes, training = told["config"]["shape"], told["config"]["mazes"], told["training"]
    rows = [row for row in arm_rows(source) if row["is_final"]]
    shares = ("plan_valid", "plan_optimal", "trace_valid", "trace_valid_paper", "follows_given_invalid_correct")
    return CARD.format(
        name=name,
        arm=told["arm"]["name"],
        traces=_traces(told["arm"]),
        parameters=training["parameters"],
        vocabulary=len(json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]),
        width=shape["width"],
        layers=shape["layers"],
        heads=shape["heads"],
        side=mazes["side"],
        n=mazes["n"],
        families=" and ".join(mazes["families"]),
        longest=mazes["longest"],
        presentations=training["presentations"],
        tokens=training["tokens"],
        loss=training["loss"],
        cpu=training["cpu_seconds"],
        torch=told["torch"],
        asked=told["config"]["tests"]["n"],
        table="\n".join(table(rows, ("family", "temperature"), shares)),
    )


def bundle(source: Path, target: Path, *, card: Callable[[Path, str], str] = card, files: tuple[str, ...] = FILES) -> None:
    """Copies the model and writes card and check sums. Raises ValueError for a model over `LARGEST`."""
    size = sum((source / name).stat().st_size for name in files)
    if size > LARGEST:
        raise ValueError(f"{source}: {size:,} bytes; a bundled model may have {LARGEST:,}")
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        shutil.copyfile(source / name, target / name)
    (target / "MODEL_CARD.md").write_text(card(source, target.name), encoding="utf-8")
    sums = [f"{digest(target / name)}  {name}" for name in sorted((*files, "MODEL_CARD.md"))]
    (target / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


def main() -> None:
    """Reads the command line and bundles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    chosen = parser.parse_args()
    bundle(chosen.source, chosen.target)


if __name__ == "__main__":
    main()
