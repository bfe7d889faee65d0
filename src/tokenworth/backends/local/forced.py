"""Forced answers: the suffix and all continuations as one small tree of tokens at every cut, over one stored base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import Block, TreeStep
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.rows import blocks_of
from tokenworth.core.request.read import Read, ReadTable

_CPU_TOKENS = 512
_GPU_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Suffix and continuations with shared beginnings merged. Node −1 is the cut itself.

    ``paths[k]`` lists (parent node, token) along continuation k: its log-probability is the sum of log p(token | parent).
    The last token of a continuation is only predicted, never run through the model.
    """

    tokens: np.ndarray
    parents: np.ndarray
    depths: np.ndarray
    root: int
    paths: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def ancestors(self) -> np.ndarray:
        """``[node, node]``: True where the second is an ancestor of the first, or itself."""
        n = len(self.tokens)
        seen = np.eye(n, dtype=bool)
        for node, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen


def token_tree(suffix: Sequence[int], continuations: Sequence[Sequence[int]]) -> TokenTree:
    """The tree of one read."""
    tokens, parents, depths = list(suffix), list(range(-1, len(suffix) - 1)), list(range(len(suffix)))
    root = len(suffix) - 1
    children: dict[tuple[int, int], int] = {}
    paths: list[tuple[tuple[int, int], ...]] = []
    for ids in continuations:
        node, path = root, []
        for i, token in enumerate(ids):
            path.append((node, token))
            if i == len(ids) - 1:
                break
            if (node, token) not in children:
                children[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
                depths.append(depths[node] + 1 if node >= 0 else 0)
            node = children[node, token]
        paths.append(tuple(path))
    as_array = [np.asarray(x, dtype=np.int64) for x in (tokens, parents, depths)]
    return TokenTree(as_array[0], as_array[1], as_array[2], root, tuple(paths))


@torch.inference_mode()
def read(model: LocalModel, prefixes: PrefixStore, request: Read) -> ReadTable:
    """Log-probabilities of the continuations at every cut; one pass over the sequence plus the tree at each cut."""
    tree = token_tree(request.suffix, request.continuations)
    n_prompt, cuts = len(request.sequence.prompt), np.asarray(request.cuts, dtype=np.int64)
    n = len(cuts)
    logprob = np.zeros((n, len(request.continuations)))
    top_id, top_logprob = np.zeros(n, dtype=np.int64), np.zeros(n)
    if not n:
        return ReadTable(logprob=logprob, top_id=top_id, top_logprob=top_logprob, token_forwards=0)
    prefix = prefixes.get(request.sequence.prefix(int(cuts.max())))
    wanted = sorted({parent for path in tree.paths for parent, _ in path} | {tree.root})
    place = {node: i for i, node in enumerate(wanted)}
    order = np.argsort(cuts, kind="stable")
    rows = rows_at_once(model, len(tree.tokens), int(cuts.max()) + n_prompt)
    for begin in range(0, n, rows):
        part = order[begin : begin + rows]
        states = node_states(model, prefix, cuts[part] + n_prompt, tree, wanted)
        table, best, best_value = score(model, states, tree, place)
        logprob[part], top_id[part], top_logprob[part] = table, best, best_value
    spent = n_prompt + int(cuts.max()) + n * len(tree.tokens)
    return ReadTable(logprob=logprob, top_id=top_id, top_logprob=top_logprob, token_forwards=spent)


def rows_at_once(model: LocalModel, nodes: int, longest: int) -> int:
    """Cuts in one forward: enough tokens to fill the matrix products, few enough that scores stay below 1 GiB."""
    heads = int(model.config.num_attention_heads)
    tokens = _CPU_TOKENS if model.device.type == "cpu" else max(64, min(_GPU_TOKENS, (1 << 28) // (heads * longest)))
    return max(1, tokens // max(1, nodes))


def node_states(model: LocalModel, prefix: Prefix, lengths: np.ndarray, tree: TokenTree, wanted: Sequence[int]) -> Tensor:
    """Hidden states ``[cuts, wanted nodes, width]`` for ascending prefix lengths."""
    root = prefix.states(lengths - 1)[:, None] if -1 in wanted else None
    inner = [node for node in wanted if node >= 0]
    if not inner:
        assert root is not None
        return root
    found = tree_states(model, blocks_of(prefix.kv, lengths, 0), lengths, tree)[:, inner]
    return found if root is None else torch.cat([root, found], dim=1)


def tree_states(model: LocalModel, blocks: Sequence[Block], starts: np.ndarray, tree: TokenTree) -> Tensor:
    """Hidden states ``[rows, nodes, width]`` of the tree in rows that see what ``blocks`` say, its first node at positions ``starts``."""
    positions = starts[:, None] + tree.depths[None, :]
    step = TreeStep(blocks, positions, tree.depths, tree.ancestors, blocks[0].base.keys[0])
    ids = torch.from_numpy(tree.tokens).to(model.device).expand(len(starts), -1)
    return model.hidden(ids, torch.from_numpy(positions).to(model.device), step)


def score(model: LocalModel, states: Tensor, tree: TokenTree, place: dict[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of log-probabilities along the paths, and the most likely token at the root."""
    n, nodes, _ = states.shape
    asked = [sorted({token for path in tree.paths for parent, token in path if place[parent] == i}) for i in range(nodes)]
    table = np.zeros((n, len(tree.paths)))
    best, best_value = np.zeros(n, dtype=np.int64), np.zeros(n)
    for i in range(nodes):
        found = np.zeros((n, len(asked[i])))
        tokens = torch.tensor(asked[i], device=states.device, dtype=torch.long)
        for begin in range(0, n, model.head_rows):
            logits = model.logits(states[begin : begin + model.head_rows, i])
            total = torch.logsumexp(logits.double(), dim=-1)
            rows = slice(begin, begin + len(logits))
            found[rows] = (logits[:, tokens] - total[:, None]).cpu().numpy()
            if i == place[tree.root]:
                value, index = logits.max(-1)
                best[rows], best_value[rows] = index.cpu().numpy(), (value - total).cpu().numpy()
        for k, path in enumerate(tree.paths):
            for parent, token in path:
                if place[parent] == i:
                    table[:, k] += found[:, asked[i].index(token)]
    return table, best, best_value
