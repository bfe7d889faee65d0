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
from transformers import DynamicCache, LlamaForCausalLM

from recipes.beyond_semantics.data import DIALECT, Arm
from recipes.beyond_semantics.words import END
from tokenworth.backends.local.model import cache_argument
from tokenworth.core.verification import FormalText, Strictness
from tokenworth.tasks.maze.generate import generate, split_of
from tokenworth.tasks.maze.grammar import render_prompt
from tokenworth.tasks.maze.instance import Maze
from tokenworth.tasks.maze.problems import TEST_SEED
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
    """The first ``n`` problems of a family whose wall layout is for tests.

    With the seed of the package's maze tasks they are the items of ``maze:FAMILY/SIDE``, under the same ids, such as
    ``maze:wilson/7/test/0``; with another seed they are none of them, and their ids name the seed: ``wilson-7-seed5-test-0``.
    """
    found: list[Asked] = []
    index = -1
    while len(found) < n:
        index += 1
        maze = generate(family, side, seed=seed, index=index)
        if split_of(maze) == "test":
            at = len(found)
            name = f"maze:{family}/{side}/test/{at}" if seed == TEST_SEED else f"{family}-{side}-seed{seed}-test-{at}"
            events = len(solve(maze, DIALECT).trace)
            found.append(Asked(id=name, family=family, maze=maze, prompt=render_prompt(maze, DIALECT), events=events))
    return found


def completions(
    model: LlamaForCausalLM, tokenizer: Tokenizer, prompts: Sequence[str], *, limit: int, temperature: float, seed: int, batch: int = 300
) -> Iterator[str]:
    """The text after each prompt, in order: greedy at temperature 0, else sampled; at most ``limit`` tokens.

    A prompt's draws depend on the seed and its place in ``prompts``, not on the other prompts or on ``batch``.
    """
    device = next(model.parameters()).device
    end = tokenizer.token_to_id("Ġ" + END.strip())
    uniform = torch.rand((len(prompts), limit), generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(device)
    ids = [tokenizer.encode(prompt).ids for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(ids[i]))
    texts = [""] * len(prompts)
    model.eval()
    for first in range(0, len(order), batch):
        members = order[first : first + batch]
        made = _batch(model, [ids[i] for i in members], uniform[members], temperature, end)
        for i, row in zip(members, made, strict=True):
            texts[i] = tokenizer.decode(row, skip_special_tokens=False).strip()
    yield from texts


@torch.inference_mode()
def _batch(model: LlamaForCausalLM, prefixes: list[list[int]], uniform: torch.Tensor, temperature: float, end: int) -> list[list[int]]:
    """The tokens after each prefix, the end included. A row that has ended is taken out, so that the long ones do not pay for it."""
    width, device = max(map(len, prefixes)), uniform.device
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prefixes], device=device)
    ids = torch.tensor([[end] * (width - len(row)) + row for row in prefixes], device=device)
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    cache, made = DynamicCache(config=model.config), [list[int]() for _ in prefixes]
    alive = torch.arange(len(prefixes), device=device)
    kept = {cache_argument(model): cache}
    for step in range(uniform.shape[1]):
        out = model(input_ids=ids, attention_mask=mask, position_ids=position, **kept, use_cache=True, logits_to_keep=1)
        ids = _drawn(out.logits[:, -1].double(), uniform[alive, step], temperature)[:, None]
        for row, token in zip(alive.tolist(), ids[:, 0].tolist(), strict=True):
            made[row].append(token)
        goes_on = ids[:, 0] != end
        if not bool(goes_on.any()):
            break
        position = position[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones((len(mask), 1))], dim=1)
        alive, ids, position, mask = (part[goes_on] for part in (alive, ids, position, mask))
        if not bool(goes_on.all()):
            cache.batch_select_indices(goes_on.nonzero()[:, 0])
    return made


def _drawn(logits: torch.Tensor, uniform: torch.Tensor, temperature: float) -> torch.Tensor:
    """A token of each row: the likeliest at temperature 0, else where the distribution function passes ``uniform``."""
    if temperature == 0:
        return logits.argmax(-1)
    upto = (logits / temperature).softmax(-1).cumsum(-1)
    return torch.searchsorted(upto, uniform[:, None] * upto[:, -1:], right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def verdicts(row: Mapping[str, Any]) -> dict[str, object]:
    """The verdicts on an output from its prompt and text, as ``strict`` and as ``paper``."""
    given = {"rows": row["rows"], "cols": row["cols"]}
    formal = FormalText(id=row["id"], prompt=row["prompt"], trace=row["trace"], given=given)
    strict = verify(formal, dialect=DIALECT.name, strictness=Strictness.STRICT)
    paper = verify(formal, dialect=DIALECT.name, strictness=Strictness.PAPER)
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
    """A record an output: problem, arm, texts, what it is to be counted with, and the verdicts."""
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
        yield row | {"tested": tested(row)} | verdicts(row)


def tested(row: Mapping[str, Any]) -> str:
    """What an output is an output of: outputs that differ in it must not be counted together."""
    return f"{row['arm']}, {row['family']} {row['cols']} x {row['rows']}, temperature {row['temperature']:g}"


def accuracy(records: Sequence[dict[str, object]], field: str) -> float:
    """Share of records in which a field is True."""
    return float(np.mean([record[field] is True for record in records]))
