"""Attention of rows that share stored base keys: one part over the base, one over the row's own tokens, merged.

Both parts are softmax attentions with a log-sum-exp, and attention over the union of two key sets is
``(e^a A + e^b B) / (e^a + e^b)`` for outputs A, B with log-sum-exps a, b. Base keys are stored once,
``[1, kv_heads, length, dim]``, and all rows of a block attend to them in one product; nothing is repeated per row or
per query head.

Plugged into transformers through its attention registry: a step's ``update`` (the model's cache call) returns the step
itself in place of keys, and the registered function hands the queries to it. The stock model code does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface
from transformers.cache_utils import Cache

from tokenworth.errors import Unsupported

NAME = "tokenworth_shared_prefix"
_REFUSED = ("softcap", "s_aux", "position_bias", "head_mask")
_FLASH = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


class ForwardPass(Cache):
    """One forward pass as the model sees it: a cache whose ``update`` hands back the step.

    Subclasses keep keys and values (``put``) and attend to them (``attend``).
    """

    def __init__(self) -> None:
        self.layers = []
        self.limit = 0

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Number of tokens seen; positions are always given explicitly, so nothing depends on it."""
        return 0

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> Any:
        """Keeps the new keys and values; returns the step in the place of both."""
        self.put(layer_idx, key_states, value_states)
        return self, self

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Takes the keys and values of one layer, ``[rows, kv_heads, tokens, dim]``."""
        raise NotImplementedError

    def attend(self, layer: int, query: Tensor, scale: float) -> Tensor:
        """Attention output ``[rows, tokens, heads, dim]`` of queries ``[rows, heads, tokens, dim]``."""
        raise NotImplementedError


def attention_function(
    module: torch.nn.Module, query: Tensor, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, **kwargs: Any
) -> tuple[Tensor, None]:
    """The function registered with transformers: refuses what it would get wrong, else asks the step."""
    for name in _REFUSED:
        if kwargs.get(name) is not None:
            raise Unsupported(f"{type(module).__name__} uses {name}, which shared-prefix attention does not do; use another model")
    if not isinstance(key, ForwardPass):
        raise Unsupported(f"{type(module).__name__} changes its keys after the cache; use another model")
    window = kwargs.get("sliding_window")
    if window is not None and window < key.limit:
        raise Unsupported(f"{type(module).__name__} attends to a window of {window} tokens in a context of {key.limit}")
    layer: Any = module.layer_idx
    return key.attend(layer, query, query.shape[-1] ** -0.5 if scaling is None else scaling), None


AttentionInterface.register(NAME, attention_function)


def part(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """Output and log-sum-exp of one softmax attention; all of ``[batch, heads, tokens, dim]``, mask additive.

    Every query needs at least one key that is not masked.
    """
    if _FLASH is not None and query.device.type == "cpu" and key.shape[-1] == value.shape[-1]:
        return _FLASH(query, key, value, 0.0, False, attn_mask=mask, scale=scale)
    scores = torch.matmul(query, key.transpose(-1, -2)).float() * scale
    if mask is not None:
        scores += mask
    total = torch.logsumexp(scores, dim=-1)
    weights = (scores - total.unsqueeze(-1)).exp_().to(value.dtype)
    return torch.matmul(weights, value), total


@dataclass(slots=True)
class Block:
    """Consecutive rows (in sorted order) that attend to the first ``length`` tokens of one base.

    ``row_mask`` is additive, ``[rows, length]``, None when every row sees all of them.
    """

    start: int
    stop: int
    base: BaseKV
    length: int
    row_mask: Tensor | None
    _mask: Tensor | None = None

    def mask(self, repeat: int) -> Tensor | None:
        """The mask for ``repeat`` queries a row, ``[1, 1, rows · repeat, length]``; made once, used by all layers."""
        if self.row_mask is None:
            return None
        if self._mask is None or self._mask.shape[2] != repeat * self.row_mask.shape[0]:
            self._mask = self.row_mask.repeat_interleave(repeat, dim=0)[None, None]
        return self._mask


class BaseKV:
    """Keys and values of one sequence, stored once: ``[1, kv_heads, capacity, dim]`` a layer."""

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.length = 0

    def put(self, layer: int, key: Tensor, value: Tensor, start: int) -> None:
        """Writes ``key`` and ``value`` of shape ``[1, kv_heads, tokens, dim]`` from position ``start``."""
        stop = start + key.shape[2]
        if layer == len(self.keys):
            self.keys.append(key.new_empty(0))
            self.values.append(value.new_empty(0))
        for store, new in ((self.keys, key), (self.values, value)):
            held = store[layer]
            if held.ndim != 4 or held.shape[2] < stop:
                grown = new.new_empty((1, new.shape[1], _room(stop), new.shape[3]))
                if start:
                    grown[:, :, :start] = held[:, :, :start]
                store[layer] = held = grown
            held[:, :, start:stop] = new

    def copy_prefix(self, other: BaseKV, length: int) -> None:
        """Takes the first ``length`` positions of another sequence that starts with the same ids."""
        for layer, (key, value) in enumerate(zip(other.keys, other.values, strict=True)):
            self.put(layer, key[:, :, :length], value[:, :, :length], 0)
        self.length = length


def _room(n: int) -> int:
    return -(-n // 64) * 64


class PrefillStep(ForwardPass):
    """Appends tokens to one base: each attends to all positions up to its own."""

    def __init__(self, base: BaseKV, tokens: int, limit: int) -> None:
        super().__init__()
        self.base, self.start, self.limit = base, base.length, limit
        self.stop = self.start + tokens
        self.mask: Tensor | None = None

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Writes into the base."""
        self.base.put(layer, key, value, self.start)

    def attend(self, layer: int, query: Tensor, scale: float) -> Tensor:
        """Causal attention over everything stored so far."""
        key, value = self.base.keys[layer][:, :, : self.stop], self.base.values[layer][:, :, : self.stop]
        if self.start and self.mask is None:
            position = torch.arange(self.stop, device=query.device)
            self.mask = position[None, :] <= position[self.start :, None]
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=self.mask, is_causal=not self.start, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
        )
        return out.transpose(1, 2)


def base_part(blocks: Sequence[Block], layer: int, query: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Output ``[rows, heads, tokens, dim]`` and log-sum-exp of sorted rows over their blocks' bases."""
    _, heads, tokens, _ = query.shape
    outs: list[Tensor] = []
    totals: list[Tensor] = []
    for block in blocks:
        key, value = block.base.keys[layer][:, :, : block.length], block.base.values[layer][:, :, : block.length]
        groups = heads // key.shape[1]
        n = block.stop - block.start
        folded = query[block.start : block.stop].reshape(n, key.shape[1], groups * tokens, -1)
        folded = folded.transpose(0, 1).reshape(1, key.shape[1], n * groups * tokens, -1)
        out, total = part(folded, key, value, block.mask(groups * tokens), scale)
        outs.append(out.view(key.shape[1], n, groups * tokens, -1).transpose(0, 1).reshape(n, heads, tokens, -1))
        totals.append(total.reshape(key.shape[1], n, groups * tokens).transpose(0, 1).reshape(n, heads, tokens))
    if len(outs) == 1:
        return outs[0], totals[0]
    return torch.cat(outs), torch.cat(totals)


def own_part(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """The same over each row's own keys ``[rows, kv_heads, own, dim]``."""
    rows, heads, tokens, _ = query.shape
    kv_heads = key.shape[1]
    if heads != kv_heads:
        query = query.reshape(rows, kv_heads, heads // kv_heads * tokens, -1)
    out, total = part(query, key, value, mask, scale)
    return out.reshape(rows, heads, tokens, -1), total.reshape(rows, heads, tokens)


def merge(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """Attention over the union of two key sets."""
    weight = torch.sigmoid(second[1] - first[1]).unsqueeze(-1)
    return torch.lerp(first[0], second[0], weight.to(first[0].dtype))


class TreeStep(ForwardPass):
    """A small tree of tokens after each of many cuts: node tokens attend to the base before the cut and their ancestors."""

    def __init__(self, blocks: Sequence[Block], tree_mask: Tensor, limit: int) -> None:
        super().__init__()
        self.blocks, self.tree_mask, self.limit = blocks, tree_mask, limit
        self._key = self._value = tree_mask

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Holds the keys until the layer's attention is done; nothing is kept."""
        self._key, self._value = key, value

    def attend(self, layer: int, query: Tensor, scale: float) -> Tensor:
        """Base part and tree part, merged."""
        groups = query.shape[1] // self._key.shape[1]
        mask = self.tree_mask if groups == 1 else self.tree_mask.repeat(1, 1, groups, 1)
        own = own_part(query, self._key, self._value, mask, scale)
        return merge(own, base_part(self.blocks, layer, query, scale)).transpose(1, 2)
