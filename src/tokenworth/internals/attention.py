"""Where heads look, and what follows where they cannot: masses between segments, and exact effects of hidden spans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import BaseKV, PrefillStep, own_bias
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.rule import Rule
from tokenworth.core.request.masses import Masses, MassTable
from tokenworth.core.request.suppress import FAR, Suppress, SuppressTable
from tokenworth.errors import Unsupported
from tokenworth.internals.layers import layers_of

_QUERIES = 64
"""Queries whose weights are held at once: 28 heads over 4,000 keys take 29 MB."""


class MassStep(PrefillStep):
    """A forward pass over a whole sequence that also adds up where each segment looks.

    ``part``: the part that each position belongs to; ``segment``: the segment, −1 for none.
    """

    def __init__(self, tokens: int, part: Tensor, segment: Tensor, segments: int, wanted: frozenset[int]) -> None:
        super().__init__(BaseKV(), tokens)
        self.indicator = torch.nn.functional.one_hot(part, segments + 2).float()
        self.segment, self.segments, self.wanted = segment, segments, wanted
        self.found: list[Tensor] = []

    def attend(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """The attention as ever; nothing of it changes."""
        if layer + 1 in self.wanted:
            self.found.append(self._masses(layer, query, rule))
        return super().attend(layer, query, rule)

    def _masses(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """``[heads, segments, parts]``: the indicator of the parts stands in the place of the values, a few queries at a time."""
        if rule.sink is not None:
            raise Unsupported("this model's attention has a sink outside of its tokens, so that masses do not sum to 1; use another model")
        key = self.base.keys[layer][:, :, : self.stop]
        heads, kv_heads = query.shape[1], key.shape[1]
        groups, scaled = heads // kv_heads, query[0] * rule.scale
        total = torch.zeros(heads, self.segments, self.indicator.shape[1], device=query.device)
        where = torch.arange(self.stop, device=query.device)
        first = int((self.segment >= 0).nonzero()[0])
        for start in range(first, self.stop, _QUERIES):
            stop = min(start + _QUERIES, self.stop)
            n = stop - start
            folded = scaled[:, start:stop].reshape(kv_heads, groups * n, -1)
            scores = rule.capped(torch.matmul(folded, key[0, :, :stop].transpose(-1, -2)).float())
            distance = where[start:stop, None] - where[None, :stop]
            scores += own_bias(rule.bias(distance[None], kv_heads, groups, scores))[0]
            mass = torch.matmul(torch.softmax(scores, dim=-1), self.indicator[:stop]).reshape(heads, n, -1)
            inside = self.segment[start:stop] >= 0
            total.index_add_(1, self.segment[start:stop][inside], mass[:, inside])
        counts = torch.bincount(self.segment[self.segment >= 0], minlength=self.segments)
        return total / counts[None, :, None]


def places_of(n_prompt: int, bounds: Sequence[int], n: int) -> tuple[Tensor, Tensor]:
    """The part and the segment of each of ``n`` positions; −1 for none."""
    segment, part = torch.full((n,), -1), torch.ones(n, dtype=torch.int64)
    for number, (first, end) in enumerate(pairwise(bounds)):
        segment[n_prompt + first : n_prompt + end] = number
        part[n_prompt + first : n_prompt + end] = number + 2
    part[0] = 0
    return part, segment


@torch.inference_mode()
def masses(model: LocalModel, prefixes: PrefixStore, request: Masses) -> MassTable:
    """The masses of every head, from one pass over the sequence."""
    del prefixes
    depth = layers_of(model).depth
    ids, n_prompt = request.sequence.prefix(request.bounds[-1]), len(request.sequence.prompt)
    part, segment = places_of(n_prompt, request.bounds, len(ids))
    wanted = frozenset(range(1, depth + 1) if request.layers is None else request.layers)
    on = model.device
    step = MassStep(len(ids), part.to(on), segment.to(on), len(request.bounds) - 1, wanted)
    model.hidden(torch.tensor([ids], device=on), torch.arange(len(ids), device=on)[None], step)
    found = torch.stack(step.found).cpu().numpy()
    return MassTable(heads=found.shape[1], mass=found.reshape(-1, found.shape[-1]))


@torch.inference_mode()
def suppress(model: LocalModel, prefixes: PrefixStore, request: Suppress) -> SuppressTable:
    """The effect of each span on each later segment."""
    ids, n_prompt = request.sequence.prefix(request.bounds[-1]), len(request.sequence.prompt)
    shape = (len(request.spans), len(request.bounds) - 1)
    mean, far = np.full(shape, np.nan, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    base = prefixes.get(ids)
    for row, (first, end) in enumerate(request.spans):
        later = [k for k, bound in enumerate(request.bounds[:-1]) if bound >= end]
        if not later:
            continue
        begin = request.bounds[later[0]]
        hidden = prefixes.without(ids, (n_prompt + first, n_prompt + end))
        kl = _divergence(model, base, hidden, np.arange(n_prompt + begin, len(ids)))
        for k in later:
            own = kl[request.bounds[k] - begin : request.bounds[k + 1] - begin]
            mean[row, k], far[row, k] = own.mean(), (own > FAR).mean()
    return SuppressTable(mean=mean, far=far)


def _divergence(model: LocalModel, base: Prefix, hidden: Prefix, positions: np.ndarray) -> np.ndarray:
    """KL(base ‖ hidden), nats, after each position, over the whole vocabulary; reduced where the logits are."""
    parts: list[Tensor] = []
    rows = max(1, model.head_rows // 4)
    for start in range(0, len(positions), rows):
        some = positions[start : start + rows]
        p = torch.log_softmax(model.logits(base.states(some)).double(), dim=-1)
        q = torch.log_softmax(model.logits(hidden.states(some - hidden.shift)).double(), dim=-1)
        parts.append((p.exp() * (p - q)).sum(dim=-1).clamp_min(0))
    return torch.cat(parts).cpu().numpy()
