"""Interventions: spans that are left out of keys and values, and states that are put in the place of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import Block
from tokenworth.backends.local.forced import TokenTree, rows_at_once, score, token_tree, tree_states
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.rows import blocks_of
from tokenworth.backends.local.rule import LOWEST
from tokenworth.core.request.hidden import Hidden
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.read import ReadTable
from tokenworth.core.request.transplant import Transplant
from tokenworth.internals.hidden import at_places
from tokenworth.internals.layers import Layers, layers_of


@torch.inference_mode()
def hide(model: LocalModel, prefixes: PrefixStore, request: Hide) -> ReadTable:
    """The options' log-probabilities with each span hidden."""
    tree = token_tree(request.suffix, request.continuations)
    if not request.spans:
        return _table(model, torch.zeros(0, len(tree.tokens), model.config.hidden_size, device=model.device, dtype=model.dtype), tree, 0)
    states = _direct(model, prefixes, request, tree) if request.way == "direct" else _total(model, prefixes, request, tree)
    return _table(model, states, tree, request.most_tokens()[0])


def _table(model: LocalModel, states: Tensor, tree: TokenTree, spent: int) -> ReadTable:
    """The readings of trees, a row each."""
    wanted = sorted({parent for path in tree.paths for parent, _ in path} | {tree.root})
    logprob, best, best_value = score(model, states[:, wanted], tree, {node: i for i, node in enumerate(wanted)})
    return ReadTable(logprob=logprob, top_id=best, top_logprob=best_value, token_forwards=spent)


def _direct(model: LocalModel, prefixes: PrefixStore, request: Hide, tree: TokenTree) -> Tensor:
    """One row for each span: the base as it is, with the span masked for the tree."""
    n_prompt = len(request.sequence.prompt)
    length = n_prompt + request.cut
    prefix = prefixes.get(request.sequence.prefix(request.cut))
    rows = rows_at_once(model, len(tree.tokens), length)
    parts = [request.spans[i : i + rows] for i in range(0, len(request.spans), rows)]
    return torch.cat([_masked(model, prefix, part, n_prompt, length, tree) for part in parts])


def _masked(model: LocalModel, prefix: Prefix, spans: Sequence[tuple[int, int]], n_prompt: int, length: int, tree: TokenTree) -> Tensor:
    like = prefix.kv.keys[0]
    mask = torch.zeros((len(spans), length), dtype=like.dtype, device=like.device)
    for row, (first, end) in enumerate(spans):
        mask[row, n_prompt + first : n_prompt + end] = LOWEST
    lengths = np.full(len(spans), length)
    return tree_states(model, [Block(0, len(spans), prefix.kv, length, lengths, mask)], lengths, tree)


def _total(model: LocalModel, prefixes: PrefixStore, request: Hide, tree: TokenTree) -> Tensor:
    """For each span the tokens behind it anew, on keys and values that lack it."""
    ids, n_prompt = request.sequence.prefix(request.cut), len(request.sequence.prompt)
    found: list[Tensor] = []
    for first, end in request.spans:
        prefix = prefixes.get(ids) if first == end else prefixes.without(ids, (n_prompt + first, n_prompt + end))
        kept = np.asarray([len(ids) - (end - first)])
        found.append(tree_states(model, blocks_of(prefix.kv, kept, 0), np.asarray([len(ids)]), tree))
    return torch.cat(found)


@torch.inference_mode()
def transplant(model: LocalModel, prefixes: PrefixStore, request: Transplant) -> ReadTable:
    """The options' log-probabilities with the donor's state at each layer."""
    inside = layers_of(model)
    layers = inside.of(request.layers)
    donor = _donor_states(inside, prefixes, request, layers)
    at_exit = request.place == "exit"
    # At the trace the last kept token is run again, as the first node of the tree, so that what follows reads its new state.
    cut, again = (request.cut, ()) if at_exit else (request.cut - 1, request.sequence.prefix(request.cut)[-1:])
    ids = request.sequence.prefix(request.cut)[: len(request.sequence.prompt) + cut]
    tree = token_tree((*again, *request.suffix), request.continuations)
    node = tree.root if at_exit else 0
    prefix = prefixes.get(ids)
    rows = rows_at_once(model, len(tree.tokens), len(ids))
    found: list[Tensor] = []
    for begin in range(0, len(layers), rows):
        part = layers[begin : begin + rows]

        def put(layer: int, states: Tensor, part: Sequence[int] = part) -> Tensor:
            states = states.clone()
            states[part.index(layer), node] = donor[layer]
            return states

        lengths = np.full(len(part), len(ids))
        with inside.watching(part, put):
            found.append(tree_states(model, blocks_of(prefix.kv, lengths, 0), lengths, tree))
    return _table(model, torch.cat(found), tree, request.most_tokens()[0])


def _donor_states(inside: Layers, prefixes: PrefixStore, request: Transplant, layers: Sequence[int]) -> dict[int, Tensor]:
    """The donor's state at each layer."""
    states: dict[int, Tensor] = {}

    def keep(layer: int, which: np.ndarray, found: Tensor) -> None:
        states[layer] = found[0].clone()

    suffix = request.suffix if request.place == "exit" else ()
    asked = Hidden(sequence=request.donor, cuts=(request.donor_cut,), place=request.place, suffix=suffix, layers=tuple(layers))
    at_places(inside, prefixes, asked, layers, keep)
    return states
