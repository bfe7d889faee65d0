"""How one layer weighs its keys: scale, window, cap, sink, and biases that grow with distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LOWEST = -1e30
"""Added to the score of a key that is not seen: finite, so that a row that sees nothing of a part stays a number."""

Kind = tuple[int | None, bool]
"""Layers of one kind share their biases: the window, and whether there are slopes."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What a layer does beyond a softmax over scaled products; per-head values are ``[heads]``."""

    scale: float
    window: int | None = None
    """A token sees itself and the ``window − 1`` tokens before it."""
    cap: float | None = None
    """Scores s become ``cap · tanh(s / cap)`` (Gemma 2)."""
    sink: Tensor | None = None
    """A score that takes its share of the softmax and has no value (gpt-oss)."""
    slopes: Tensor | None = None
    """ALiBi: a key that is d tokens back gets ``− slope · d``."""

    @property
    def far(self) -> bool:
        """Whether scores depend on how far back a key is."""
        return self.window is not None or self.slopes is not None

    @property
    def plain(self) -> bool:
        """Whether this is a softmax over scaled products, and no more."""
        return not self.far and self.cap is None and self.sink is None

    @property
    def kind(self) -> Kind:
        """What the layer's biases depend on."""
        return self.window, self.slopes is not None

    def capped(self, scores: Tensor) -> Tensor:
        """Scores after soft-capping."""
        return scores if self.cap is None else torch.tanh(scores / self.cap) * self.cap

    def kept(self, out: Tensor, total: Tensor) -> Tensor:
        """Output ``[rows, heads, tokens, dim]`` after the sink took its share; ``total`` is the keys' log-sum-exp."""
        if self.sink is None:
            return out
        return out * torch.sigmoid(total - self.sink.float()[None, :, None]).unsqueeze(-1).to(out.dtype)

    def bias(self, distance: Tensor, kv_heads: int, groups: int, like: Tensor) -> Tensor:
        """Additive bias ``[kv_heads | 1, rows, groups, tokens, keys]`` of keys ``distance [rows, tokens, keys]`` tokens back.

        A negative distance is a key that is not seen.
        """
        back = distance[None, :, None]
        bias = torch.zeros(back.shape, device=like.device)
        if self.slopes is not None:
            bias = -self.slopes.float().view(kv_heads, 1, groups, 1, 1) * back
        hidden = back < 0 if self.window is None else (back < 0) | (back >= self.window)
        return bias.masked_fill(hidden, LOWEST).to(like.dtype).expand(-1, -1, groups, -1, -1)
