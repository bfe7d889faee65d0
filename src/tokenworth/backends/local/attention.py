"""Attention of rows that share stored base keys: one part over the base, one over the row's own tokens, merged.

Both parts are softmax attentions with a log-sum-exp, and attention over the union of two key sets is
``(e^a A + e^b B) / (e^a + e^b)`` for outputs A, B with log-sum-exps a, b. Base keys are stored once,
``[1, kv_heads, length, dim]``, and all rows of a block attend to them in one product; nothing is repeated per row or
per query head.

Plugged into transformers through its attention registry: the model's cache hands keys and values back as they came, and
the registered function gives them, with the queries, to the step that is under way. The stock model code does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface
from transformers.cache_utils import Cache

from tokenworth.backends.local.rule import LOWEST, Kind, Rule
from tokenworth.errors import Unsupported

NAME = "tokenworth_shared_prefix"
NEUTRAL = ("dropout", "sliding_window", "is_causal", "position_ids", "cache_position", "use_cache")
"""What models hand to their attention and what changes nothing here: windows are read off the masks (`patterns`)."""
_CACHED = 1 << 20
_FLASH = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


class ForwardPass(Cache):
    """One forward pass as the model sees it: a cache whose ``update`` hands back what it is given.

    Subclasses keep keys and values (``put``) and attend to them (``attend``). Layers are numbered as their attention is called.
    """

    def __init__(self) -> None:
        self.layers = []
        self.windows: Sequence[int | None] = ()
        self.calls = 0

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Number of tokens seen; positions are always given explicitly, so nothing depends on it."""
        return 0

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """Length and offset of the keys a mask would cover."""
        return query_length, 0

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """Where a mask's queries would begin."""
        return 0

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> Any:
        """The new keys and values as they are: a model may still unfold them (latent attention does)."""
        return key_states, value_states

    def run(self, query: Tensor, key: Tensor, value: Tensor, rule: Rule) -> Tensor:
        """One layer's attention ``[rows, tokens, heads, dim]``, its keys and values kept."""
        layer, self.calls = self.calls, self.calls + 1
        self.put(layer, key, value)
        return self.attend(layer, query, rule)

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Takes the keys and values of one layer, ``[rows, kv_heads, tokens, dim]``."""
        raise NotImplementedError

    def attend(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """Attention output ``[rows, tokens, heads, dim]`` of queries ``[rows, heads, tokens, dim]``."""
        raise NotImplementedError


_STEP: ContextVar[ForwardPass | None] = ContextVar("tokenworth_step", default=None)


@contextmanager
def under_way(step: ForwardPass) -> Iterator[None]:
    """Inside, attention is this step's."""
    token = _STEP.set(step)
    try:
        yield
    finally:
        _STEP.reset(token)


def step_under_way() -> ForwardPass | None:
    """The step whose forward pass is running in this thread."""
    return _STEP.get()


def attention_function(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, scaling: float | None = None, **kwargs: Any
) -> tuple[Tensor, None]:
    """The function registered with transformers: refuses what it would get wrong, else asks the step."""
    step = _STEP.get()
    if step is None:
        raise Unsupported(f"{type(module).__name__} attends outside a step of the engine; use another model")
    rule = rule_of(module, query, scaling, kwargs)
    window = step.windows[step.calls]
    return step.run(query, key, value, rule if window is None else replace(rule, window=window)), None


def rule_of(module: torch.nn.Module, query: Tensor, scaling: float | None, extras: dict[str, Any]) -> Rule:
    """What the model's call says of the layer's attention, its window apart.

    Raises: `Unsupported`, with the name, for an argument that is not known to change nothing.
    """
    for name, given in extras.items():
        if given is not None and name not in (*NEUTRAL, "softcap", "s_aux") and not name.startswith("output_"):
            raise Unsupported(f"{type(module).__name__} uses {name}, which shared-prefix attention does not do; use another model")
    return Rule(query.shape[-1] ** -0.5 if scaling is None else scaling, cap=extras.get("softcap"), sink=extras.get("s_aux"))


AttentionInterface.register(NAME, attention_function)


def part(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rule: Rule) -> tuple[Tensor, Tensor]:
    """Output and log-sum-exp of one softmax attention; all of ``[batch, heads, tokens, dim]``, mask additive.

    A query that sees none of the keys gets a log-sum-exp of about −1e30, which weighs nothing.
    """
    if _FLASH is not None and _fused(query, key, value, rule):
        return _FLASH(query, key, value, 0.0, False, attn_mask=mask, scale=rule.scale)
    scores = rule.capped(torch.matmul(query * rule.scale, key.transpose(-1, -2)).float())
    if mask is not None:
        scores += mask
    weights = torch.softmax(scores, dim=-1)
    # The largest weight is exp(largest score − log-sum-exp): exponentials of what a mask has put out of reach are slow.
    total = scores.amax(-1) - weights.amax(-1).log()
    return torch.matmul(weights.to(value.dtype), value), total


def _fused(query: Tensor, key: Tensor, value: Tensor, rule: Rule) -> bool:
    """Whether the CPU's fused kernel does it, and faster: in half precision plain products are, as long as scores stay in the cache."""
    if query.device.type != "cpu" or key.shape[-1] != value.shape[-1] or rule.cap is not None:
        return False
    return query.dtype == torch.float32 or query.shape[:-1].numel() * key.shape[2] > _CACHED


@dataclass(slots=True)
class Block:
    """Consecutive rows (in sorted order) that attend to the first ``length`` tokens of one base, each to its first ``lengths``.

    ``row_mask`` says the same: additive, ``[rows, length]``, None when every row sees all of them.
    """

    start: int
    stop: int
    base: BaseKV
    length: int
    lengths: np.ndarray
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

    def __init__(self, base: BaseKV, tokens: int) -> None:
        super().__init__()
        self.base, self.start = base, base.length
        self.stop = self.start + tokens
        self.mask: Tensor | None = None
        self._biases: dict[Kind, Tensor] = {}

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Writes into the base."""
        self.base.put(layer, key, value, self.start)

    def attend(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """Causal attention over everything stored so far."""
        first = 0 if rule.window is None else max(0, self.start - rule.window + 1)
        key, value = self.base.keys[layer][:, :, first : self.stop], self.base.values[layer][:, :, first : self.stop]
        kv_heads, groups = key.shape[1], query.shape[1] // key.shape[1]
        if not rule.plain:
            if rule.kind not in self._biases:
                position = torch.arange(first, self.stop, device=query.device)
                distance = position[self.start - first :, None] - position[None, :]
                self._biases[rule.kind] = own_bias(rule.bias(distance[None], kv_heads, groups, query))
            out, total = own_part(query, key, value, self._biases[rule.kind], rule)
            return rule.kept(out, total).transpose(1, 2)
        if self.start and self.mask is None:
            position = torch.arange(self.stop, device=query.device)
            self.mask = position[None, :] <= position[self.start :, None]
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=self.mask, is_causal=not self.start, scale=rule.scale, enable_gqa=groups != 1
        )
        return out.transpose(1, 2)


class BaseView:
    """Which base keys the queries of each block see under a rule; made once for all layers of a kind.

    ``positions`` are those of the queries, ``[rows, tokens]`` in the blocks' order.
    """

    def __init__(self, blocks: Sequence[Block], positions: np.ndarray) -> None:
        self.blocks, self.positions = blocks, positions
        self._found: dict[tuple[Kind, int], tuple[int, Tensor | None]] = {}

    def of(self, which: int, rule: Rule, kv_heads: int, groups: int, like: Tensor) -> tuple[int, Tensor | None]:
        """The first key that any row of block ``which`` sees, and the mask from there on, ``[1, 1 | kv_heads, queries, keys]``."""
        block = self.blocks[which]
        if not rule.far:
            return 0, block.mask(groups * self.positions.shape[1])
        if (rule.kind, which) not in self._found:
            position = torch.from_numpy(self.positions[block.start : block.stop]).to(like.device)[:, :, None]
            first = 0 if rule.window is None else max(0, int(self.positions[block.start : block.stop].min()) - rule.window + 1)
            first = min(first, block.length - 1)
            key = torch.arange(first, block.length, device=like.device)
            inside = key < torch.from_numpy(block.lengths).to(like.device)[:, None, None]
            bias = rule.bias(torch.where(inside, position - key, -1), kv_heads, groups, like)
            self._found[rule.kind, which] = first, bias.reshape(1, bias.shape[0], -1, bias.shape[-1])
        return self._found[rule.kind, which]


def base_part(seen: BaseView, layer: int, query: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
    """Output ``[rows, heads, tokens, dim]`` and log-sum-exp of sorted rows over their blocks' bases."""
    _, heads, tokens, _ = query.shape
    outs: list[Tensor] = []
    totals: list[Tensor] = []
    for which, block in enumerate(seen.blocks):
        kv_heads = block.base.keys[layer].shape[1]
        groups = heads // kv_heads
        first, mask = seen.of(which, rule, kv_heads, groups, query)
        key, value = block.base.keys[layer][:, :, first : block.length], block.base.values[layer][:, :, first : block.length]
        n = block.stop - block.start
        folded = query[block.start : block.stop].reshape(n, kv_heads, groups * tokens, -1)
        folded = folded.transpose(0, 1).reshape(1, kv_heads, n * groups * tokens, -1)
        out, total = part(folded, key, value, mask, rule)
        outs.append(out.reshape(kv_heads, n, groups * tokens, -1).transpose(0, 1).reshape(n, heads, tokens, -1))
        totals.append(total.reshape(kv_heads, n, groups * tokens).transpose(0, 1).reshape(n, heads, tokens))
    if len(outs) == 1:
        return outs[0], totals[0]
    return torch.cat(outs), torch.cat(totals)


def own_bias(bias: Tensor) -> Tensor:
    """A rule's bias in the order of `own_part`, ``[rows, kv_heads | 1, groups · tokens, keys]``."""
    return bias.transpose(0, 1).flatten(2, 3)


def own_part(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rule: Rule) -> tuple[Tensor, Tensor]:
    """The same over each row's own keys ``[rows, kv_heads, own, dim]``."""
    rows, heads, tokens, _ = query.shape
    kv_heads = key.shape[1]
    if heads != kv_heads:
        query = query.reshape(rows, kv_heads, heads // kv_heads * tokens, -1)
    out, total = part(query, key, value, mask, rule)
    return out.reshape(rows, heads, tokens, -1), total.reshape(rows, heads, tokens)


def merge(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], rule: Rule) -> Tensor:
    """Attention over the union of two key sets."""
    weight = torch.sigmoid(second[1] - first[1]).unsqueeze(-1)
    out = torch.lerp(first[0], second[0], weight.to(first[0].dtype))
    return out if rule.sink is None else rule.kept(out, torch.logaddexp(first[1], second[1]))


class TreeStep(ForwardPass):
    """A small tree of tokens after each of many cuts: node tokens attend to the base before the cut and their ancestors.

    ``depths`` are the nodes' distances from the cut, ``ancestors`` is True where the second of two nodes is the first, or before it.
    """

    def __init__(self, blocks: Sequence[Block], positions: np.ndarray, depths: np.ndarray, ancestors: np.ndarray, like: Tensor) -> None:
        super().__init__()
        self.seen = BaseView(blocks, positions)
        back = np.where(ancestors, depths[:, None] - depths[None, :], -1)
        self.distance = torch.from_numpy(back).to(like.device)
        self.tree_mask = torch.zeros(back.shape, dtype=like.dtype, device=like.device).masked_fill_(self.distance < 0, LOWEST)[None, None]
        self._biases: dict[Kind, Tensor] = {}
        self._key = self._value = self.tree_mask

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Holds the keys until the layer's attention is done; nothing is kept."""
        self._key, self._value = key, value

    def attend(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """Base part and tree part, merged."""
        kv_heads = self._key.shape[1]
        groups = query.shape[1] // kv_heads
        if not rule.far:
            mask = self.tree_mask if groups == 1 else self.tree_mask.repeat(1, 1, groups, 1)
        else:
            if rule.kind not in self._biases:
                self._biases[rule.kind] = own_bias(rule.bias(self.distance[None], kv_heads, groups, query))
            mask = self._biases[rule.kind]
        own = own_part(query, self._key, self._value, mask, rule)
        return merge(own, base_part(self.seen, layer, query, rule), rule).transpose(1, 2)
