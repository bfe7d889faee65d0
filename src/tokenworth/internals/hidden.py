"""Hidden states as a table: a hook keeps the few states that are asked for, and drops the rest as they pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.forced import node_states, rows_at_once, token_tree
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.core.request.hidden import Hidden, HiddenTable
from tokenworth.core.request.inside import AtPlaces
from tokenworth.internals.layers import Layers, layers_of

Reduce = Callable[[int, np.ndarray, Tensor], None]
"""(layer, which of the cuts, their states ``[cut, width]``): is called for every layer, and keeps what it needs."""


@torch.inference_mode()
def hidden(model: LocalModel, prefixes: PrefixStore, request: Hidden) -> HiddenTable:
    """The states at every cut and layer."""
    inside = layers_of(model)
    layers = inside.of(request.layers)
    place = {layer: i for i, layer in enumerate(layers)}
    states = np.zeros((len(request.cuts), len(layers), model.config.hidden_size), dtype=np.float32)

    def keep(layer: int, which: np.ndarray, found: Tensor) -> None:
        states[which, place[layer]] = found.float().cpu().numpy()

    at_places(inside, prefixes, request, layers, keep)
    return HiddenTable(layers=len(layers), states=states.reshape(-1, states.shape[-1]))


def at_places(inside: Layers, prefixes: PrefixStore, request: AtPlaces, layers: Sequence[int], reduce: Reduce) -> None:
    """Gives ``reduce`` the states that a request is about, as the model computes them."""
    if request.cuts:
        (at_exit if request.place == "exit" else at_trace)(inside, prefixes, request, layers, reduce)


def at_exit(inside: Layers, prefixes: PrefixStore, request: AtPlaces, layers: Sequence[int], reduce: Reduce) -> None:
    """The exit text's last token at every cut, all cuts packed into few passes."""
    tree = token_tree(request.suffix, ((0,),))
    n_prompt, cuts = len(request.sequence.prompt), np.asarray(request.cuts, dtype=np.int64)
    prefix = prefixes.get(request.sequence.prefix(int(cuts.max())))
    order = np.argsort(cuts, kind="stable")
    rows = rows_at_once(inside.model, len(tree.tokens), int(cuts.max()) + n_prompt)
    for begin in range(0, len(cuts), rows):
        part = order[begin : begin + rows]
        with inside.watching(layers, lambda layer, states, part=part: reduce(layer, part, states[:, tree.root])):
            node_states(inside.model, prefix, cuts[part] + n_prompt, tree, (tree.root,))


def at_trace(inside: Layers, prefixes: PrefixStore, request: AtPlaces, layers: Sequence[int], reduce: Reduce) -> None:
    """The last kept token at every cut, from one pass over the sequence: what is cached has no states left."""
    del prefixes
    positions = np.asarray(request.cuts, dtype=np.int64) + (len(request.sequence.prompt) - 1)

    def take(layer: int, seen: np.ndarray, states: Tensor) -> None:
        here = np.flatnonzero((positions >= seen[0]) & (positions <= seen[-1]))
        if len(here):
            reduce(layer, here, states[torch.from_numpy(positions[here] - seen[0]).to(states.device)])

    inside.along(request.sequence.prefix(request.reach), layers, take)
