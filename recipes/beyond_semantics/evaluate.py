"""Asks a trained model for traces and plans of unseen wall layouts, and verifies every one of them.

One JSON line an output, with the prompt and the text, so that `tokenworth verify maze --dialect compact` says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipes.beyond_semantics.data import DIALECT, Arm
from recipes.beyond_semantics.words import END
from tokenworth.core.verification import FormalText, Level
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import render_prompt
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.search import solve
from tokenworth.tasks.maze.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A problem of the test layouts, and how many events A* takes on it."""

    id: str
    family: str
    maze: Maze
    prompt: str
    events: int


def problems(family: str, side: int, n: int, *, seed: int) -> list[Asked]:
    """The first ``n`` problems of a family whose wall layout is for tests."""
    found: list[Asked] = []
    index = 0
    while len(found) < n:
        maze = generate(family, side, seed=seed, index=index)
        if split_of(maze) == "test":
            prompt = render_prompt(maze, DIALECT)
            events = len(solve(maze, DIALECT).trace)
            found.append(Asked(id=f"maze:{family}/{side}/{index}", family=family, maze=maze, prompt=prompt, events=events))
        index += 1
    return found


def completions(
    model: LlamaForCausalLM, tokenizer: Tokenizer, prompts: Sequence[str], *, limit: int, temperature: float, seed: int, batch: int = 64
) -> Iterator[str]:
    """The text after each prompt, in order: greedy at temperature 0, else sampled."""
    device = next(model.parameters()).device
    end = tokenizer.token_to_id("Ġ" + END.strip())
    torch.manual_seed(seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    texts = [""] * len(prompts)
    model.eval()
    for first in range(0, len(order), batch):
        members = order[first : first + batch]
        ids = [tokenizer.encode(prompts[i]).ids for i in members]
        width = max(map(len, ids))
        padded = torch.tensor([[end] * (width - len(row)) + row for row in ids], device=device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids], device=device)
        sampled = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature > 0 else {"do_sample": False}
        with torch.no_grad():
            out = model.generate(
                input_ids=padded, attention_mask=mask, max_new_tokens=limit, eos_token_id=end, pad_token_id=end, use_cache=True, **sampled
            )
        for i, row in zip(members, out[:, width:].tolist(), strict=True):
            stop = row.index(end) + 1 if end in row else len(row)
            texts[i] = tokenizer.decode(row[:stop], skip_special_tokens=False).strip()
    yield from texts


def verdicts(row: Mapping[str, Any]) -> dict[str, object]:
    """The verdicts on an output from its prompt and text, at levels ``strict`` and ``paper``."""
    given = {"rows": row["rows"], "cols": row["cols"]}
    formal = FormalText(id=row["id"], prompt=row["prompt"], trace=row["trace"], given=given)
    strict = verify(formal, dialect=DIALECT.name, level=Level.STRICT)
    paper = verify(formal, dialect=DIALECT.name, level=Level.PAPER)
    first, has_trace = strict.first_error, row["prompt"].endswith(" reasoning")
    return {
        "parsed": strict.parsed,
        "plan_valid": strict.plan_valid,
        "plan_optimal": strict.plan_optimal,
        "trace_valid": strict.trace_valid if has_trace else None,
        "trace_valid_paper": paper.trace_valid if has_trace else None,
        "plan_follows_trace": strict.plan_follows_trace,
        "first_error": None if first is None else first.code,
    }


def rows(
    model: LlamaForCausalLM, tokenizer: Tokenizer, arm: Arm, asked: Sequence[Asked], *, limit: int, temperature: float, seed: int
) -> Iterator[dict[str, object]]:
    """A record an output: problem, arm, texts, and the verdicts."""
    prompts = [one.prompt if arm.trace else one.prompt.removesuffix(" reasoning") for one in asked]
    texts = completions(model, tokenizer, prompts, limit=limit, temperature=temperature, seed=seed)
    for one, prompt, text in zip(asked, prompts, texts, strict=True):
        row: dict[str, object] = {
            "id": one.id,
            "family": one.family,
            "arm": arm.name,
            "temperature": temperature,
            "events": one.events,
            "rows": one.maze.rows,
            "cols": one.maze.cols,
            "prompt": prompt,
            "trace": text,
        }
        yield row | verdicts(row)


def accuracy(records: Sequence[dict[str, object]], field: str) -> float:
    """Share of records in which a field is True."""
    return float(np.mean([record[field] is True for record in records]))
