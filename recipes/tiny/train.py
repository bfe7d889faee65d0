"""Train the tiny model from nothing, in one command: ``python -m recipes.tiny.train --out DIR``."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from recipes.tiny.data import STOPPED, Sequences, batches, corpus, drills, tokenised
from recipes.tiny.tokenizer import CONTEXT, END, save_tokenizer, train_tokenizer

_TOKENIZER_TEXTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the weights, up to the order of floating-point sums."""

    sequences: int = 180_000
    drills: int = 18_000
    rows: int = 48
    rate: float = 2e-3
    warmup: int = 200
    final_rate_share: float = 0.02
    decay: float = 0.05
    clip: float = 1.0
    width: int = 128
    inner: int = 384
    layers: int = 5
    heads: int = 4
    groups: int = 2
    seed: int = 1


def new_model(recipe: Recipe, *, vocabulary: int, end: int) -> LlamaForCausalLM:
    """A model with fresh weights, drawn from the recipe's seed without touching the global generator's state."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.groups,
        head_dim=recipe.width // recipe.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
    )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        return LlamaForCausalLM(config)


def rate_at(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate: a linear warm-up, then half a cosine down to a small share of the peak."""
    if step < recipe.warmup:
        return recipe.rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, steps - recipe.warmup)
    share = recipe.final_rate_share
    return recipe.rate * (share + (1 - share) * 0.5 * (1 + math.cos(math.pi * done)))


def optimiser(model: LlamaForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays the matrices and leaves the norms alone."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True)


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean cross-entropy of the tokens with a weight; logits are computed only there."""
    counted = weight[:, 1:] > 0
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state[counted]
    each = torch.nn.functional.cross_entropy(model.lm_head(hidden), ids[:, 1:][counted], reduction="none")
    weights = weight[:, 1:][counted]
    return (each * weights).sum() / weights.sum()


def save_model(model: LlamaForCausalLM, folder: Path, *, end: int) -> None:
    """Write the weights in bf16 as safetensors, with the model and generation configs."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy = copy.to(torch.bfloat16)
    copy.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    copy.save_pretrained(folder, safe_serialization=True)


def train(recipe: Recipe, out: Path, *, save_every: float) -> None:
    """Run the recipe and leave the model, its tokenizer and ``training.json`` in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    tokenizer = train_tokenizer("".join(row) for row in corpus(_TOKENIZER_TEXTS, seed=recipe.seed))
    save_tokenizer(tokenizer, out)
    end = tokenizer.token_to_id(END)
    drill = tokenised(tokenizer, drills(recipe.drills, seed=recipe.seed), stopped=0.0, seed=recipe.seed)
    main_part = tokenised(tokenizer, corpus(recipe.sequences, seed=recipe.seed), stopped=STOPPED, seed=recipe.seed)
    parts = (drill, main_part)
    _say(f"data: {sum(map(len, parts))} sequences, {sum(len(p.ids) for p in parts)} tokens, {time.perf_counter() - begun:.0f} s")
    model = new_model(recipe, vocabulary=tokenizer.get_vocab_size(), end=end)
    optimise(model, parts, recipe, lambda: save_model(model, out, end=end), save_every=save_every)
    save_model(model, out, end=end)
    record = {
        "recipe": asdict(recipe),
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": sum(len(part.ids) for part in parts),
        "tokens_with_loss": sum(int((part.weight > 0).sum()) for part in parts),
        "longest": max(int(np.diff(part.offsets).max()) for part in parts),
        "wall_seconds": round(time.perf_counter() - begun),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def optimise(model: LlamaForCausalLM, parts: tuple[Sequences, ...], recipe: Recipe, save: Callable[[], None], *, save_every: float) -> None:
    """One pass over the parts in turn. ``save`` is called every ``save_every`` seconds, so that an early model can be tried."""
    steps = sum(-(-len(part) // recipe.rows) for part in parts)
    adam = optimiser(model, recipe)
    begun = saved = time.perf_counter()
    mean, seen = 0.0, 0
    order = chain.from_iterable(batches(part, rows=recipe.rows, seed=recipe.seed) for part in parts)
    model.train()
    for step, (ids, weight) in enumerate(order):
        for group in adam.param_groups:
            group["lr"] = rate_at(step, steps, recipe)
        loss = loss_of(model, torch.from_numpy(ids), torch.from_numpy(weight))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        adam.step()
        adam.zero_grad(set_to_none=True)
        mean += (loss.item() - mean) / min(step + 1, 100)
        seen += ids.size
        now = time.perf_counter()
        if step % 100 == 99:
            _say(f"step {step + 1}/{steps} loss {mean:.4f} {seen / (now - begun):.0f} tokens/s {now - begun:.0f} s")
        if now - saved > save_every:
            save()
            saved = now


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--sequences", type=int, default=Recipe().sequences, help="training sequences; each is seen once")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads for matrix products")
    parser.add_argument("--save-every", type=float, default=300.0, help="seconds between checkpoints")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(Recipe(sequences=args.sequences, seed=args.seed), args.out, save_every=args.save_every)


if __name__ == "__main__":
    main()
