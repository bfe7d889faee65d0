"""The starting weights: random, but for heads in the first two layers that find the label of an option."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM

_CONSTANT = 0.5
_SHARP = 20.0
_GATHER = 0.15
_MATCH = 3.0
_ANSWER = 1.0
_QUIET = 0.02
_SLOW = 0.02  # rotary angles per token below this keep a match of contents whatever the distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Spaces:
    """Orthonormal directions of the residual stream, each rows × width: what is gathered, and where each head puts it."""

    token: torch.Tensor
    back: dict[int, torch.Tensor]


def start(config: LlamaConfig, *, seed: int) -> LlamaForCausalLM:
    """A model whose first two layers can find an option by its text and read its label; everything else is random.

    The first layer gathers the tokens 1, 2, 3 and 6 back: at an option's text the label before it, at a "(" the text before ", ("
    or before "</think> The answer is (". The second layer compares the gathered text with the texts of the options and copies
    the gathered label. Each half is useless without the other, so from random weights a model stays on a plateau: here it
    did for more than 6 million tokens. Training is free to change or drop all of this.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = _CONSTANT
        for layer in model.model.layers:
            for weight in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                weight *= _QUIET
                weight[0] = 0.0  # keeps the constant dimension constant
        spaces = _spaces(config, generator)
        _look_back(model, spaces)
        _find_label(model, spaces)
    return model


def _spaces(config: LlamaConfig, generator: torch.Generator) -> Spaces:
    size, free = config.head_dim, config.hidden_size - 1  # dimension 0 is the constant one
    basis = torch.linalg.qr(torch.randn(free, free, generator=generator))[0].T
    basis = torch.cat([torch.zeros(free, 1), basis], dim=1)
    rest = torch.randn(size, free - 3 * size, generator=generator), torch.randn(size, free - 3 * size, generator=generator)
    near = [torch.linalg.qr(mix)[0] @ basis[3 * size :] for mix in rest]  # 1 and 3 back share what is left
    back = {1: near[0], 2: basis[size : 2 * size], 3: near[1], 6: basis[2 * size : 3 * size]}
    return Spaces(token=basis[:size], back=back)


def _angles(config: LlamaConfig) -> torch.Tensor:
    half = config.head_dim // 2
    return config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)


def _rows(config: LlamaConfig, number: int) -> slice:
    return slice(number * config.head_dim, (number + 1) * config.head_dim)


def _look_back(model: LlamaForCausalLM, spaces: Spaces) -> None:
    """First layer: queries and keys from the constant dimension alone, so that scores depend on the distance alone.

    With rotary angles f_i the score of a key Δ back is S·Σ_i cos(f_i (Δ − offset)), largest at the offset.
    """
    config, half, angles = model.config, model.config.head_dim // 2, _angles(model.config)
    normed = _CONSTANT / (_CONSTANT**2 / config.hidden_size + config.initializer_range**2) ** 0.5
    strength = (_SHARP * config.head_dim**0.5) ** 0.5 / normed
    attention = model.model.layers[0].self_attn
    attention.k_proj.weight *= 0.02
    attention.q_proj.weight *= 0.02
    for group in range(config.num_key_value_heads):
        attention.k_proj.weight[_rows(config, group)][:half, 0] = strength
        attention.v_proj.weight[_rows(config, group)] = spaces.token
    for head, (offset, directions) in enumerate(spaces.back.items()):
        query = attention.q_proj.weight[_rows(config, head)]
        query[:half, 0] = strength * torch.cos(-angles * offset)
        query[half:, 0] = strength * torch.sin(-angles * offset)
        attention.o_proj.weight[:, _rows(config, head)] = _GATHER * directions.T


def _find_label(model: LlamaForCausalLM, spaces: Spaces) -> None:
    """Second layer: the text gathered 2 back (head 0) or 6 back (head 1) is compared with tokens; labels gathered there are copied."""
    config, attention = model.config, model.model.layers[1].self_attn
    slow = (_angles(config) < _SLOW).repeat(2)[:, None]
    attention.k_proj.weight[_rows(config, 0)] = _MATCH * spaces.token * slow
    attention.v_proj.weight[_rows(config, 0)] = spaces.back[2]
    for head, offset in enumerate((2, 6)):
        attention.q_proj.weight[_rows(config, head)] = _MATCH * spaces.back[offset] * slow
        attention.o_proj.weight[:, _rows(config, head)] = _ANSWER * spaces.token.T
