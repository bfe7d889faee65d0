"""Batched sampling and forced answers of a small model, for its evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from tokenworth.backends.local.model import cache_argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How the next token is drawn; ``top_k`` 0 and ``top_p`` 1 switch those filters off."""

    name: str
    temperature: float
    top_k: int
    top_p: float


SAMPLERS = (
    Sampler(name="temperature 1.0", temperature=1.0, top_k=0, top_p=1.0),
    Sampler(name="temperature 0.6, top-p 0.95, top-k 20", temperature=0.6, top_k=20, top_p=0.95),
)


def filtered(logits: torch.Tensor, sampler: Sampler) -> torch.Tensor:
    """The distribution drawn from: temperature, then top-k, then top-p."""
    logits = logits.double() / sampler.temperature
    if sampler.top_k:
        edge = logits.topk(sampler.top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < edge, -torch.inf)
    probability = logits.softmax(-1)
    if sampler.top_p < 1:
        ordered, where = probability.sort(dim=-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        probability = torch.zeros_like(probability).scatter(-1, where, ordered.masked_fill(before >= sampler.top_p, 0.0))
        probability = probability / probability.sum(-1, keepdim=True)
    return probability


@torch.inference_mode()
def complete(
    model: PreTrainedModel,
    prefixes: list[list[int]],
    sampler: Sampler,
    generator: torch.Generator,
    *,
    end: int,
    limit: int = 160,
    rows: int = 256,
) -> list[list[int]]:
    """One completion of each prefix, the end token included when it was reached within ``limit`` tokens."""
    out: list[list[int]] = [[] for _ in prefixes]
    order = sorted(range(len(prefixes)), key=lambda i: len(prefixes[i]))
    for at in range(0, len(order), rows):
        group = order[at : at + rows]
        for which, tokens in zip(group, _complete(model, [prefixes[i] for i in group], sampler, generator, end, limit), strict=True):
            out[which] = tokens
    return out


def _complete(
    model: PreTrainedModel, prefixes: list[list[int]], sampler: Sampler, generator: torch.Generator, end: int, limit: int
) -> list[list[int]]:
    width = max(map(len, prefixes))
    ids = torch.full((len(prefixes), width), end)
    mask = torch.zeros((len(prefixes), width), dtype=torch.long)
    for row, prefix in enumerate(prefixes):
        ids[row, width - len(prefix) :] = torch.tensor(prefix)
        mask[row, width - len(prefix) :] = 1
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    drawn: list[torch.Tensor] = []
    done = torch.zeros(len(prefixes), dtype=torch.bool)
    while len(drawn) < limit and not bool(done.all()):
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=position, **{cache_argument(model): cache}, use_cache=True, logits_to_keep=1
        ).logits[:, -1]
        ids = torch.multinomial(filtered(logits, sampler), 1, generator=generator)
        drawn.append(ids[:, 0].masked_fill(done, -1))
        done |= ids[:, 0] == end
        mask = torch.cat([mask, torch.ones((len(prefixes), 1), dtype=torch.long)], dim=1)
        position = position[:, -1:] + 1
    return [[token for token in row if token >= 0] for row in torch.stack(drawn, 1).tolist()]


@torch.inference_mode()
def forced(model: PreTrainedModel, prefixes: list[list[int]], labels: list[int], *, rows: int = 128) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of the label tokens right after each prefix, renormalised, and their mass before that."""
    found = torch.zeros((len(prefixes), len(labels)), dtype=torch.float64)
    order = sorted(range(len(prefixes)), key=lambda i: len(prefixes[i]))
    for at in range(0, len(order), rows):
        group = order[at : at + rows]
        lengths = torch.tensor([len(prefixes[i]) for i in group])
        ids = torch.zeros((len(group), int(lengths.max())), dtype=torch.long)
        for row, which in enumerate(group):
            ids[row, : len(prefixes[which])] = torch.tensor(prefixes[which])
        # Padding on the right is invisible to earlier positions under a causal mask, so no mask is passed.
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[torch.arange(len(group)), lengths - 1])
        found[group] = logits.double().softmax(-1)[:, labels]
    mass = found.sum(-1)
    return found / mass[:, None], mass
