"""Puts the trained model into the package with its card and check sums:

python -m recipes.modulo_feedback.bundle build/feedback src/tokenworth/assets/maze-feedback
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from recipes.beyond_semantics.bundle import FILES, bundle
from recipes.modulo_feedback.measure import pages
from tokenworth.workbench.case import FEEDBACK_FILE

CARD = """# {name}

A decoder of {parameters:,} parameters that writes a plan for a maze, and was trained to read its own rejected plan with the fault that
a verifier found in it. It writes no trace. It is an object of study, not a planner, and weak on purpose: a loop needs something to do.

| | |
|---|---|
| Architecture | Llama: width {width}, {layers} layers, {heads} heads, rotary positions, tied embeddings; bf16 on disk |
| Vocabulary | {vocabulary} words, one token each: the `compact` dialect up to {side} × {side}, `rejected`, `fault`, the verifier's codes |
| Mazes | {n:,} of {side} × {side}, family {families}, training layouts only |
| Second attempts | {second:,} in training: {used:,} at plans of an early model, {edited:,} at right plans with one random edit |
| Training | {presentations:,} presentations, {tokens:,} tokens, final loss {loss:.4f} |
| Cost | {cpu:,.0f} CPU-seconds on one thread, and {early:,.0f} for the early model |
| Made by | `recipes/modulo_feedback`, torch {torch}; nothing but generated mazes went in |
| Licence | Apache 2.0, as the package |

## What it reads

    query start 0,1 goal 3,3 wall …
    query start 0,1 goal 3,3 wall … rejected 0,1 0,2 … end fault PLAN_WALL 0,2

A second attempt is asked with the rejected plan as it was written and, for each fault that is told, its code and the cell it was found at.
`{file}` says so to `tokenworth modulo`. In training a share of {bare} of the second attempts was told no fault, {every} all of them, the
others the first.

## What it does

{asked:,} mazes with wall layouts that were not in training, sampled at temperature {temperature}; every first attempt that the verifier
rejects gets one second attempt of each kind. Per cent with 95 % intervals.

{tables}

What these numbers say, and what not: `recipes/modulo_feedback/README.md`.

## Use

```sh
tokenworth modulo --model {name} --task maze:searchformer/{side} --item 0-39 --critic maze --feedback first
```

It knows no side but {side}, and no faults but those of `--critic maze`.
"""


def card(source: Path, name: str) -> str:
    """The card, with the numbers of the model's own measurement."""
    told = json.loads((source / "training.json").read_text(encoding="utf-8"))
    found = json.loads((source / "results.json").read_text(encoding="utf-8"))
    config, training, early = told["config"], told["training"], told["early"]
    shape, mazes, tests = config["shape"], config["mazes"], config["tests"]
    return CARD.format(
        name=name,
        file=FEEDBACK_FILE,
        parameters=training["parameters"],
        vocabulary=len(json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]),
        width=shape["width"],
        layers=shape["layers"],
        heads=shape["heads"],
        side=mazes["side"],
        n=mazes["n"],
        families=" and ".join(mazes["families"]),
        bare=config["second"]["bare"],
        every=config["second"]["every"],
        second=early["used"] + early["edited"],
        used=early["used"],
        edited=early["edited"],
        presentations=training["presentations"],
        tokens=training["tokens"],
        loss=training["loss"],
        cpu=training["cpu_seconds"],
        early=early["cpu_seconds"],
        torch=told["torch"],
        asked=found["first"]["n"],
        temperature=tests["temperature"],
        tables="\n".join(pages(found)),
    )


def main() -> None:
    """Reads the command line and bundles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    chosen = parser.parse_args()
    bundle(chosen.source, chosen.target, card=card, files=(*FILES, FEEDBACK_FILE))


if __name__ == "__main__":
    main()
