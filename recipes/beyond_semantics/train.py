"""Trains one arm: a small Llama from nothing, cross-entropy on trace and plan, packed rows."""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from recipes.beyond_semantics.data import Arm, Packed, Solved, batches, sequences
from recipes.beyond_semantics.resume import Progress, load_state, save_state
from recipes.beyond_semantics.words import END, save_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The model and how it is trained; the same for every arm."""

    width: int = 96
    inner: int = 256
    layers: int = 4
    heads: int = 4
    context: int = 512
    batch: int = 64
    row: int = 256
    steps: int = 3000
    rate: float = 2e-3
    matrix_rate: float = 0.02
    warmup: int = 100
    decay: float = 0.0
    clip: float = 1.0
    seed: int = 1
    device: str = "cpu"
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Where the state of a training is kept, after how many steps, and what else it depends on."""

    path: Path
    every: int
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def new_model(shape: Shape, tokenizer: Tokenizer) -> LlamaForCausalLM:
    """A model with random weights of the seed."""
    torch.manual_seed(shape.seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        initializer_range=0.05,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id("Ġ" + END.strip()),
        pad_token_id=None,
    )
    return LlamaForCausalLM(config)


class Optimisers:
    """Muon for the matrices inside the layers, AdamW for embeddings and norms. Source of Muon: Jordan et al. 2024."""

    def __init__(self, model: LlamaForCausalLM, shape: Shape) -> None:
        inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
        chosen = {id(p) for p in inner}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.both: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(inner, lr=shape.matrix_rate, momentum=0.95, weight_decay=shape.decay),
            torch.optim.AdamW(rest, lr=shape.rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self._peaks = (shape.matrix_rate, shape.rate)

    def step(self, share: float) -> None:
        """One step at this share of the peak rates; gradients are cleared."""
        for optimiser, peak in zip(self.both, self._peaks, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = peak * share
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


def rate_share(step: int, shape: Shape) -> float:
    """Share of the peak rate: a linear warm-up, level, then linearly down to nothing over the last 60 %."""
    if step < shape.warmup:
        return (step + 1) / shape.warmup
    return min(1.0, (shape.steps - step) / (0.6 * shape.steps))


def loss_of(model: LlamaForCausalLM, packed: Packed, device: str) -> torch.Tensor:
    """Mean cross-entropy (nats a token) of what is counted; sequences of a row do not see each other."""
    ids, position, segment, counted = (
        torch.from_numpy(part).to(device) for part in (packed.ids, packed.position, packed.segment, packed.counted)
    )
    width = ids.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=device).tril()
    # Padding sees itself: a row of the mask without any entry would give NaN.
    mask = (segment[:, None, :, None] == segment[:, None, None, :]) & causal
    hidden = model.model(input_ids=ids, position_ids=position, attention_mask=mask, use_cache=False).last_hidden_state
    asked = counted[:, 1:]
    logits = model.lm_head(hidden[:, :-1][asked])
    return torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][asked])


def train(
    arm: Arm,
    data: Solved,
    tokenizer: Tokenizer,
    shape: Shape,
    *,
    on_step: Callable[[int, LlamaForCausalLM], None] | None = None,
    say: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True),
    keep: Keep | None = None,
) -> tuple[LlamaForCausalLM, dict[str, float]]:
    """The trained model of an arm, and what it took.

    ``on_step`` is called after every step with its number; what it takes is not counted. ``keep``: where the state of the training is
    kept; one that is there is gone on from, with the same weights at the end as without a break.
    """
    torch.set_num_threads(shape.threads)
    model = new_model(shape, tokenizer).to(shape.device)
    optimisers, progress = Optimisers(model, shape), Progress(mean=math.log(tokenizer.get_vocab_size()))
    settings = {"arm": asdict(arm), "shape": asdict(shape), "problems": len(data)} | (keep.settings if keep else {})
    if keep is not None and keep.path.exists():
        progress = load_state(keep.path, model, optimisers.both, settings)
        say(f"{arm.name}: goes on from step {progress.step}")
    rows = sequences(data, arm, tokenizer, seed=shape.seed)
    model.train()
    packs = batches(rows, size=shape.batch, width=shape.row, steps=shape.steps, seed=shape.seed, done=progress.step)
    while progress.step < shape.steps:
        begun, cpu = time.perf_counter(), time.process_time()
        _step(model, optimisers, next(packs), progress, shape)
        progress.seconds += time.perf_counter() - begun
        progress.cpu_seconds += time.process_time() - cpu
        step, speed = progress.step, progress.tokens / progress.seconds
        if step % 100 == 0:
            spent = f"{speed:,.0f} tokens/s, {progress.cpu_seconds:.0f} CPU-s"
            say(f"{arm.name}: step {step}/{shape.steps}, loss {progress.mean:.4f}, {spent}")
        if on_step is not None:
            on_step(step, model)
        if keep is not None and step % keep.every == 0:
            save_state(keep.path, model, optimisers.both, progress, settings)
    return model, {
        "presentations": shape.steps * shape.batch,
        "tokens": progress.tokens,
        "loss": progress.mean,
        "seconds": round(progress.seconds, 1),
        "cpu_seconds": round(progress.cpu_seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def _step(model: LlamaForCausalLM, optimisers: Optimisers, packed: Packed, progress: Progress, shape: Shape) -> None:
    with torch.autocast(shape.device, dtype=torch.bfloat16, enabled=shape.device != "cpu"):
        loss = loss_of(model, packed, shape.device)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), shape.clip)
    optimisers.step(rate_share(progress.step, shape))
    progress.step += 1
    progress.tokens += int((packed.segment >= 0).sum())
    progress.mean += (loss.item() - progress.mean) * max(0.02, 1 / progress.step)


def save_model(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path, *, context: int) -> None:
    """Writes the weights in bf16 with configs and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy = copy.to(torch.bfloat16)
    end = model.config.eos_token_id
    copy.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    copy.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(tokenizer, folder, context=context)


def load_model(folder: Path) -> LlamaForCausalLM:
    """The saved model, for arithmetic in float32 with the weights as they were rounded."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
