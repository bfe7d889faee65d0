"""Rows that decode together: their own keys and values, and to which base each of them belongs.

Active rows are always 0 … n−1. A finished row is replaced in place, or the last row moves into the gap, so that every
step works on leading slices and nothing is compacted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import BaseKV, BaseView, Block, ForwardPass, base_part
from tokenworth.backends.local.own import OwnKV
from tokenworth.backends.local.rule import LOWEST, Kind, Rule

_SPLIT_AT = 256


@dataclass(slots=True)
class AttentionPlan:
    """How the active rows attend to their bases: sorted order, its inverse (None: already sorted) and the blocks.

    ``rows`` is the order on the host.
    """

    order: Tensor | None
    inverse: Tensor | None
    blocks: list[Block]
    rows: np.ndarray | None = None


def length_mask(lengths: np.ndarray, longest: int, like: Tensor) -> Tensor | None:
    """Additive mask ``[rows, longest]`` that shows each row its first ``lengths`` keys."""
    if int(lengths.min()) == longest:
        return None
    limit = torch.from_numpy(lengths).to(like.device)
    hidden = torch.arange(longest, device=like.device)[None, :] >= limit[:, None]
    return torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, LOWEST)


def blocks_of(base: BaseKV, lengths: np.ndarray, start: int) -> list[Block]:
    """Blocks of rows ``start …`` with ascending ``lengths`` on one base: split so that little masked work is done."""
    n, longest = len(lengths), int(lengths[-1])
    pieces = max(1, min(n // 8, (longest - int(lengths[0])) // _SPLIT_AT))
    edges = [n * i // pieces for i in range(pieces + 1)]
    made: list[Block] = []
    for a, b in zip(edges, edges[1:], strict=False):
        reach = int(lengths[b - 1])
        mask = length_mask(lengths[a:b], reach, base.keys[0])
        made.append(Block(start + a, start + b, base, reach, lengths[a:b], mask))
    return made


class Rows:
    """State of up to ``capacity`` rows. Host arrays drive the loop; keys and values stay on the device."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.n = 0
        self.bases: list[BaseKV | None] = [None] * capacity
        self.sequence = np.zeros(capacity, dtype=np.int64)
        self.base_length = np.zeros(capacity, dtype=np.int64)
        self.shift = np.zeros(capacity, dtype=np.int64)
        self.begun = np.zeros(capacity, dtype=np.int64)
        self.token = np.zeros(capacity, dtype=np.int64)
        self.own = OwnKV(capacity)
        self._plan: AttentionPlan | None = None

    def place(self, row: int, base: BaseKV, length: int, token: int, sequence: int = 0, shift: int = 0) -> None:
        """Starts a row after ``length`` tokens of ``base`` with ``token`` as its first own token, at position ``length + shift``.

        Rows of one ``sequence`` attend to its base together. They are identified by that number, because which bases are one object
        depends on what is kept of earlier calls.
        """
        self.bases[row] = base
        self.sequence[row] = sequence
        self.base_length[row] = length
        self.shift[row] = shift
        self.begun[row] = self.own.now + 1
        self.token[row] = token
        self.n = max(self.n, row + 1)
        self._plan = None

    def drop(self, row: int) -> None:
        """Ends a row: the last row moves into its place."""
        last = self.n - 1
        if row != last:
            self.bases[row] = self.bases[last]
            for array in (self.sequence, self.base_length, self.shift, self.begun, self.token):
                array[row] = array[last]
            self.own.move(last, row)
        self.bases[last] = None
        self.n = last
        self._plan = None

    def clear(self) -> None:
        """Ends all rows; their memory stays for the next ones."""
        self.bases = [None] * self.capacity
        self.n = 0
        self.own.clear()
        self._plan = None

    @property
    def plan(self) -> AttentionPlan:
        """Made anew when rows changed."""
        if self._plan is None:
            self._plan = self._make_plan()
        return self._plan

    def _make_plan(self) -> AttentionPlan:
        n = self.n
        which = self.sequence[:n]
        lengths = self.base_length[:n]
        order = np.lexsort((lengths, which))
        blocks: list[Block] = []
        edges = [0, *(np.flatnonzero(np.diff(which[order])) + 1).tolist(), n]
        for a, b in zip(edges, edges[1:], strict=False):
            base = self.bases[int(order[a])]
            assert base is not None
            blocks += blocks_of(base, lengths[order[a:b]], a)
        if len(blocks) == 1:
            base, longest = blocks[0].base, int(lengths.max())
            mask = length_mask(lengths, longest, base.keys[0])
            return AttentionPlan(None, None, [Block(0, n, base, longest, lengths.copy(), mask)])
        if bool((order == np.arange(n)).all()):
            return AttentionPlan(None, None, blocks)
        device = blocks[0].base.keys[0].device
        return AttentionPlan(torch.from_numpy(order).to(device), torch.from_numpy(np.argsort(order)).to(device), blocks, order)


class DecodeStep(ForwardPass):
    """One token for every active row."""

    def __init__(self, rows: Rows, device: torch.device) -> None:
        super().__init__()
        self.rows = rows
        self.plan = rows.plan
        own, begun = rows.own, rows.begun[: rows.n]
        own.advance(int(begun.min()))
        self.positions = rows.base_length[: rows.n] + rows.shift[: rows.n] + (own.now - begun)
        self.seen = BaseView(self.plan.blocks, self.positions[slice(None) if self.plan.rows is None else self.plan.rows, None])
        self.extents = own.extents(whole=device.type == "cpu" and self.plan.blocks[0].base.keys[0].dtype != torch.float32)
        first = own.chunks[0].start
        column = torch.arange(first, first + sum(self.extents), device=device)[None, :]
        hidden = (column < torch.from_numpy(begun).to(device)[:, None]) | (column > own.now)
        self._column, self._hidden = column, hidden
        self.mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, LOWEST)[:, None, :]
        self._biases: dict[Kind, Tensor] = {}

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Writes each row's key and value into the step's column."""
        self.rows.own.put(layer, key, value)

    def attend(self, layer: int, query: Tensor, rule: Rule) -> Tensor:
        """Base part in sorted order, then the own part on top of it."""
        plan = self.plan
        if plan.order is None or plan.inverse is None:
            base = base_part(self.seen, layer, query, rule)
        else:
            out, total = base_part(self.seen, layer, query.index_select(0, plan.order), rule)
            base = out.index_select(0, plan.inverse), total.index_select(0, plan.inverse)
        return self.rows.own.attend(layer, query, self._mask(rule, query), self.extents, base, rule).transpose(1, 2)

    def _mask(self, rule: Rule, query: Tensor) -> Tensor:
        """What each row sees of its own tokens, additive float32 ``[rows, heads | 1, columns]``."""
        if not rule.far:
            return self.mask
        if rule.kind not in self._biases:
            distance = torch.where(self._hidden, -1, self.rows.own.now - self._column)
            bias = rule.bias(distance[:, None], query.shape[1], 1, self.mask)
            self._biases[rule.kind] = bias[:, :, 0, 0].transpose(0, 1)
        return self._biases[rule.kind]
