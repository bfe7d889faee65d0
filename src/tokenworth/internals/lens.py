"""The lens: each layer's states through final norm and unembedding, reduced inside the hook to a number for each token."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.packed import PackedLinear
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.core.request.lens import Lens, LensTable
from tokenworth.internals.hidden import at_places
from tokenworth.internals.layers import Layers, layers_of

_EXTRA = 0.25
"""What mass at ``some`` layers may add to the multiply-adds of the pass."""


@torch.inference_mode()
def lens(model: LocalModel, prefixes: PrefixStore, request: Lens) -> LensTable:
    """The logits at every cut and layer; one pass, as for forced answers."""
    inside = layers_of(model)
    layers = inside.of(request.layers)
    place = {layer: i for i, layer in enumerate(layers)}
    whole = with_mass(inside, request)
    tokens = list(request.tokens)
    n, step = len(request.cuts), max(1, model.head_rows)
    logit, total = np.zeros((n, len(layers), len(tokens))), np.full((n, len(layers)), np.nan)

    def read(layer: int, which: np.ndarray, states: Tensor) -> None:
        if layer not in whole:
            logit[which, place[layer]] = inside.unembed_some(states, tokens).double().cpu().numpy()
            return
        for begin in range(0, len(which), step):
            part = which[begin : begin + step]
            found = inside.unembed(states[begin : begin + step])
            logit[part, place[layer]] = found[:, tokens].double().cpu().numpy()
            # The last layer as forced answers have it; elsewhere single precision, which takes a seventh of the time.
            exact = found.double() if layer == inside.depth else found
            total[part, place[layer]] = torch.logsumexp(exact, dim=-1).double().cpu().numpy()

    at_places(inside, prefixes, request, layers, read)
    return LensTable(layers=len(layers), logit=logit.reshape(-1, len(tokens)), total=total.reshape(-1))


def with_mass(inside: Layers, request: Lens) -> set[int]:
    """The layers at which the whole vocabulary is read; of ``some``, those below the last are evenly spread."""
    layers = inside.of(request.layers)
    if request.mass == "all":
        return set(layers)
    last = {inside.depth} & set(layers)
    below = [layer for layer in layers if layer != inside.depth]
    if request.mass == "last" or not below:
        return last
    head = inside.model.vocab_size * int(inside.model.config.hidden_size)
    n = min(len(below), int(_EXTRA * (max(1, len(request.suffix)) * _body(inside) + head) / head))
    return last | {below[int((i + 0.5) * len(below) / n)] for i in range(n)}


def _body(inside: Layers) -> int:
    """Weights of the blocks: multiply-adds of a token."""
    packed = sum(one.in_features * one.out_features for one in inside.blocks.modules() if isinstance(one, PackedLinear))
    return packed + sum(one.numel() for one in inside.blocks.parameters())
