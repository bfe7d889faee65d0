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
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from recipes.tiny.data import (
    LABEL_WEIGHT,
    LEVELS,
    STOPPED,
    Level,
    Row,
    Sequences,
    asked_labels,
    batches,
    corpus,
    direct_rows,
    drill_rows,
    tokenised,
)
from recipes.tiny.start import start
from recipes.tiny.tokenizer import CONTEXT, END, save_tokenizer, train_tokenizer
from tokenworth.tasks.world.item import LABELS

_TOKENIZER_TEXTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the weights, up to the order of floating-point sums."""

    sequences: int = 150_000
    rows: int = 48
    rate: float = 1.2e-3
    warmup: int = 150
    final_rate_share: float = 0.02
    drill_rows: int = 24
    mixed_rows: int = 6
    direct_rows: int = 16
    drill_rate: float = 5e-4
    drill_done: float = 0.25
    drill_most: int = 1500
    decay: float = 0.05
    clip: float = 1.0
    width: int = 128
    inner: int = 384
    layers: int = 5
    heads: int = 4
    groups: int = 2
    theta: float = 1e6
    spread: float = 0.08
    seed: int = 1


def new_model(recipe: Recipe, *, vocabulary: int, end: int) -> LlamaForCausalLM:
    """A model with the starting weights of the recipe's seed."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.groups,
        head_dim=recipe.width // recipe.heads,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.theta},
        initializer_range=recipe.spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=None,  # a padding token would start, and stay, without an embedding of its own
    )
    return start(config, seed=recipe.seed)


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


def losses_of(model: LlamaForCausalLM, ids: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean cross-entropy of the tokens with a weight, and the plain mean over the labels of the answers.

    Logits are computed only where there is a weight.
    """
    counted = weight[:, 1:] > 0
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state[counted]
    each = torch.nn.functional.cross_entropy(model.lm_head(hidden), ids[:, 1:][counted], reduction="none")
    weights = weight[:, 1:][counted]
    return (each * weights).sum() / weights.sum(), each.detach()[weights == LABEL_WEIGHT].mean()


def save_model(model: LlamaForCausalLM, folder: Path, *, end: int) -> None:
    """Write the weights in bf16 as safetensors, with the model and generation configs."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy = copy.to(torch.bfloat16)
    copy.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    copy.save_pretrained(folder, safe_serialization=True)


def train(recipe: Recipe, out: Path, *, save_every: float, warm: Path | None) -> None:
    """Run the recipe, from a model in ``warm`` if given, and leave the model, its tokenizer and ``training.json`` in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    tokenizer, model, drilled = _fresh(recipe, out) if warm is None else _warm(warm, out)
    end = tokenizer.token_to_id(END)
    sequences = tokenised(tokenizer, corpus(recipe.sequences, seed=recipe.seed), stopped=STOPPED, seed=recipe.seed)
    _say(f"data: {len(sequences)} sequences, {len(sequences.ids)} tokens, {time.perf_counter() - begun:.0f} s")
    optimise(model, sequences, tokenizer, recipe, lambda: save_model(model, out, end=end), save_every=save_every)
    save_model(model, out, end=end)
    record = {
        "recipe": asdict(recipe),
        "warm_start": warm is not None,
        "parameters": sum(p.numel() for p in model.parameters()),
        "drill_steps": drilled,
        "tokens": len(sequences.ids),
        "tokens_with_loss": int((sequences.weight > 0).sum()),
        "longest": int(np.diff(sequences.offsets).max()),
        "wall_seconds": round(time.perf_counter() - begun),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
    }
    if warm is not None:
        record["before"] = json.loads((warm / "training.json").read_text(encoding="utf-8"))
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _fresh(recipe: Recipe, out: Path) -> tuple[Tokenizer, LlamaForCausalLM, list[int]]:
    tokenizer = train_tokenizer("".join(row) for row in corpus(_TOKENIZER_TEXTS, seed=recipe.seed))
    save_tokenizer(tokenizer, out)
    model = new_model(recipe, vocabulary=tokenizer.get_vocab_size(), end=tokenizer.token_to_id(END))
    return tokenizer, model, [find_labels(model, tokenizer, level, recipe) for level in LEVELS]


def _warm(folder: Path, out: Path) -> tuple[Tokenizer, LlamaForCausalLM, list[int]]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    save_tokenizer(tokenizer, out)
    return tokenizer, LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32), []


def find_labels(model: LlamaForCausalLM, tokenizer: Tokenizer, level: Level, recipe: Recipe) -> int:
    """Drill one level until labels are found, and return how many steps that took.

    The loss is the choice between the labels, not between all tokens: from random weights the latter begins with large steps
    in no useful direction.
    """
    adam = optimiser(model, recipe)
    labels = torch.tensor([tokenizer.token_to_id(label) for label in LABELS])
    mean, step = 1.4, 0
    while step < recipe.drill_most and mean >= recipe.drill_done:
        for group in adam.param_groups:
            group["lr"] = recipe.drill_rate * min(1.0, (step + 1) / 50)
        rows = drill_rows(level, step, rows=recipe.drill_rows, seed=recipe.seed)
        loss = choice_loss(model, asked_labels(tokenizer, rows), labels)
        descend(model, adam, loss, recipe)
        mean += (loss.item() - mean) / 25
        step += 1
        if step % 25 == 0:
            _say(f"drill of {level.words} words, step {step}: loss {mean:.3f}")
    return step


def choice_loss(model: LlamaForCausalLM, batch: tuple[np.ndarray, np.ndarray], labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the choice between the labels where one is asked for."""
    ids, asked = map(torch.from_numpy, batch)
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state[asked[:, 1:]]
    right = (ids[:, 1:][asked[:, 1:]][:, None] == labels).long().argmax(-1)
    return torch.nn.functional.cross_entropy(model.lm_head(hidden)[:, labels], right)


def descend(model: LlamaForCausalLM, adam: torch.optim.AdamW, loss: torch.Tensor, recipe: Recipe) -> None:
    """One step down the gradient of the loss, its norm limited."""
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    adam.step()
    adam.zero_grad(set_to_none=True)


def optimise(
    model: LlamaForCausalLM,
    sequences: Sequences,
    tokenizer: Tokenizer,
    recipe: Recipe,
    save: Callable[[], None],
    *,
    save_every: float,
) -> None:
    """One pass over the sequences. ``save`` is called every ``save_every`` seconds, so that an early model can be tried.

    A few drills go on in every batch: without them the first hundreds of steps, which learn which tokens are common, undo the
    way of finding labels, and one asked label a sequence does not bring it back.
    """
    steps = -(-len(sequences) // recipe.rows)
    adam = optimiser(model, recipe)
    begun = saved = time.perf_counter()
    labels = torch.tensor([tokenizer.token_to_id(label) for label in LABELS])
    means, seen = np.zeros(4), 0
    model.train()
    for step, (ids, weight) in enumerate(batches(sequences, rows=recipe.rows, seed=recipe.seed)):
        for group in adam.param_groups:
            group["lr"] = rate_at(step, steps, recipe)
        loss, label = losses_of(model, torch.from_numpy(ids), torch.from_numpy(weight))
        drilled, direct = (choice_loss(model, asked_labels(tokenizer, texts), labels) for texts in _beside(step, recipe))
        descend(model, adam, loss + drilled + direct, recipe)
        means += (np.array([part.item() for part in (loss, label, drilled, direct)]) - means) / min(step + 1, 50)
        seen += ids.size
        now = time.perf_counter()
        if step % 50 == 49:
            named = " ".join(f"{name} {mean:.3f}" for name, mean in zip(("loss", "label", "drill", "direct"), means, strict=True))
            _say(f"step {step + 1}/{steps} {named} {seen / (now - begun):.0f} tokens/s {now - begun:.0f} s")
        if now - saved > save_every:
            save()
            saved = now


def _beside(step: int, recipe: Recipe) -> tuple[list[Row], list[Row]]:
    drills = drill_rows(LEVELS[-1], recipe.drill_most + step, rows=recipe.mixed_rows, seed=recipe.seed)
    return drills, direct_rows(step, rows=recipe.direct_rows, seed=recipe.seed)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--sequences", type=int, default=Recipe().sequences, help="training sequences; each is seen once")
    parser.add_argument("--warm", type=Path, help="go on from the model in this folder instead of from the start")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads for matrix products")
    parser.add_argument("--save-every", type=float, default=300.0, help="seconds between checkpoints")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(Recipe(sequences=args.sequences, seed=args.seed), args.out, save_every=args.save_every, warm=args.warm)


if __name__ == "__main__":
    main()
