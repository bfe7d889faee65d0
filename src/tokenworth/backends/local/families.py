"""Families whose attention does not go through transformers' registry: their modules are made to ask the step under way.

A module whose class is listed attends as the rest of the engine does while a step runs, and by its own code otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from tokenworth.backends.local.attention import step_under_way
from tokenworth.backends.local.rule import Rule


def _heads(module: Any, x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:2], heads, module.head_dim).transpose(1, 2)


def gpt_neo(module: Any) -> None:
    """Local layers see the last ``window_size`` tokens; scores are not scaled."""
    plain: Callable[..., Any] = module._attn
    window = module.config.window_size if module.attention_type == "local" else None
    window = None if window is None or window >= module.config.max_position_embeddings else int(window)

    def attend(self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any = None) -> tuple[Tensor, None]:
        step = step_under_way()
        if step is None:
            return plain(query, key, value, attention_mask)
        return step.run(query, key, value, Rule(1.0, window=window)).transpose(1, 2), None

    module._attn = MethodType(attend, module)


def bloom(module: Any) -> None:
    """ALiBi."""
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    plain = module.forward
    slopes = build_alibi_tensor(torch.ones(1, 2), module.num_heads, torch.float32)[:, 0, 1]

    def forward(self: Any, hidden_states: Tensor, residual: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, None]:
        step = step_under_way()
        if step is None:
            return plain(hidden_states, residual, *args, **kwargs)
        query, key, value = self._reshape(self.query_key_value(hidden_states))
        out = step.run(query, key, value, Rule(self.inv_norm_factor, slopes=slopes.to(query.device)))
        return self.dense(out.flatten(2)) + residual, None

    module.forward = MethodType(forward, module)


def mpt(module: Any) -> None:
    """ALiBi with slopes of its own; queries, keys and values may be clipped."""
    from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

    plain = module.forward
    biases = build_mpt_alibi_tensor(module.n_heads, 2)[:, 0]
    slopes = biases[:, 1] - biases[:, 0]

    def forward(self: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, None]:
        step = step_under_way()
        if step is None:
            return plain(hidden_states, *args, **kwargs)
        mixed = self.Wqkv(hidden_states)
        if self.clip_qkv:
            mixed = mixed.clamp(min=-self.clip_qkv, max=self.clip_qkv)
        query, key, value = (_heads(self, x, self.n_heads) for x in mixed.chunk(3, dim=2))
        out = step.run(query, key, value, Rule(self.softmax_scale, slopes=slopes.to(query.device)))
        return self.out_proj(out.flatten(2)), None

    module.forward = MethodType(forward, module)


def falcon(module: Any) -> None:
    """Rotary positions; models with ALiBi are refused by `architecture`."""
    from transformers.models.falcon.modeling_falcon import apply_rotary_pos_emb

    plain = module.forward

    def forward(self: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, None]:
        step = step_under_way()
        if step is None:
            return plain(hidden_states, *args, **kwargs)
        query, key, value = (x.transpose(1, 2) for x in self._split_heads(self.query_key_value(hidden_states)))
        query, key = apply_rotary_pos_emb(query, key, *kwargs["position_embeddings"])
        out = step.run(query, key, value, Rule(self.inv_norm_factor))
        return self.dense(out.flatten(2)), None

    module.forward = MethodType(forward, module)


FAMILIES: dict[str, tuple[str, Callable[[Any], None]]] = {
    "gpt_neo": ("GPTNeoSelfAttention", gpt_neo),
    "bloom": ("BloomAttention", bloom),
    "mpt": ("MptAttention", mpt),
    "falcon": ("FalconAttention", falcon),
}
"""Model type -> the class of its attention modules, and what is done to one."""


def adapt(kind: str, model: Any) -> bool:
    """Whether the family is one of these; its attention modules then ask the step."""
    if kind not in FAMILIES:
        return False
    name, change = FAMILIES[kind]
    for module in model.modules():
        if type(module).__name__ == name:
            change(module)
    return True
