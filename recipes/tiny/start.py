"""The starting weights: random, but for a first layer whose heads look a fixed number of tokens back."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

# How far back the heads of the first layer look. 2: the label before an option's text, and the text before ", (". 6: the text
# before "</think> The answer is (". 1 and 3: the operands of "7 plus 5 is", and the label before "), the".
OFFSETS = (1, 2, 3, 6)
_CONSTANT = 0.5
_SHARP = 15.0
_COPY = 0.15
_QUIET = 0.3


def start(config: LlamaConfig, *, seed: int) -> LlamaForCausalLM:
    """A model whose first layer already gathers nearby tokens; everything else is random.

    Finding an option by its text, and then its label, takes a layer that gathers the label at the text and a layer that
    compares texts. Neither is of use without the other, so random weights stay long on a plateau: here they were on it
    after 6 million tokens. With the first half given, the other half is learnt within minutes.

    Dimension 0 is the same for all tokens, so that queries and keys built from it depend on the distance alone: with rotary angles
    f_i, the score of a key Δ back is S·Σ_i cos(f_i (Δ − offset)), largest at the offset. Values copy a random projection
    of the token, each head into directions of its own.
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
        _look_back(model, generator)
    return model


def _look_back(model: LlamaForCausalLM, generator: torch.Generator) -> None:
    config = model.config
    size, half = config.head_dim, config.head_dim // 2
    angles = config.rope_parameters["rope_theta"] ** (-torch.arange(half) * 2 / size)
    spread = config.initializer_range
    normed = _CONSTANT / (_CONSTANT**2 / config.hidden_size + spread**2) ** 0.5  # dimension 0 after the norm
    strength = (_SHARP * size**0.5) ** 0.5 / normed
    attention = model.model.layers[0].self_attn
    attention.k_proj.weight *= 0.02
    attention.v_proj.weight.zero_()
    attention.q_proj.weight *= 0.02
    for group in range(config.num_key_value_heads):
        rows = slice(group * size, (group + 1) * size)
        attention.k_proj.weight[rows][:half, 0] = strength
        attention.v_proj.weight[rows, 1:] = _directions(config, generator)
    for head, offset in enumerate(OFFSETS):
        rows = slice(head * size, (head + 1) * size)
        query = attention.q_proj.weight[rows]
        query[:half, 0] = strength * torch.cos(-angles * offset)
        query[half:, 0] = strength * torch.sin(-angles * offset)
        attention.o_proj.weight[:, rows] = 0.0
        attention.o_proj.weight[1:, rows] = _COPY * _directions(config, generator).T


def _directions(config: LlamaConfig, generator: torch.Generator) -> torch.Tensor:
    random = torch.randn(config.hidden_size - 1, config.head_dim, generator=generator)
    return torch.linalg.qr(random)[0].T
