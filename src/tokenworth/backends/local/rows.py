"""Rows that decode together: their own keys and values, and which base each of them hangs on.

Active rows are always 0 … n−1. A finished row is replaced in place, or the last row moves into the gap, so that every
step works on leading slices and nothing is compacted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import BaseKV, Block, Step, base_part, merge, own_part

_FIRST_CAPACITY = 64
_SPLIT_AT = 256
_LOWEST = -1e30


@dataclass(slots=True)
class Plan:
    """How the active rows attend to their bases: sorted order, its inverse (None: already sorted) and the blocks."""

    order: Tensor | None
    inverse: Tensor | None
    blocks: list[Block]


def length_mask(lengths: np.ndarray, longest: int, repeat: int, like: Tensor) -> Tensor | None:
    """Additive mask ``[1, 1, rows · repeat, longest]`` that shows each row its first ``lengths`` keys."""
    if int(lengths.min()) == longest:
        return None
    limit = torch.from_numpy(np.repeat(lengths, repeat)).to(like.device)
    hidden = torch.arange(longest, device=like.device)[None, :] >= limit[:, None]
    return torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, _LOWEST)[None, None]


def blocks_of(base: BaseKV, lengths: np.ndarray, start: int, repeat: int) -> list[Block]:
    """Blocks of rows ``start …`` with ascending ``lengths`` on one base: split so that little masked work is done."""
    n, longest = len(lengths), int(lengths[-1])
    pieces = max(1, min(n // 8, (longest - int(lengths[0])) // _SPLIT_AT))
    edges = [n * i // pieces for i in range(pieces + 1)]
    made: list[Block] = []
    for a, b in zip(edges, edges[1:], strict=False):
        reach = int(lengths[b - 1])
        mask = length_mask(lengths[a:b], reach, repeat, base.keys[0])
        made.append(Block(start + a, start + b, base, reach, mask))
    return made


class Rows:
    """State of up to ``capacity`` rows. Host arrays drive the loop; keys and values stay on the device."""

    def __init__(self, capacity: int, groups: int) -> None:
        self.capacity = capacity
        self.groups = groups
        self.n = 0
        self.bases: list[BaseKV | None] = [None] * capacity
        self.base_length = np.zeros(capacity, dtype=np.int64)
        self.own_length = np.zeros(capacity, dtype=np.int64)
        self.token = np.zeros(capacity, dtype=np.int64)
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.room = 0
        self._plan: Plan | None = None

    def place(self, row: int, base: BaseKV, length: int, token: int) -> None:
        """Starts a row at position ``length`` of ``base`` with ``token`` as its first own token."""
        self.bases[row] = base
        self.base_length[row] = length
        self.own_length[row] = 0
        self.token[row] = token
        self.n = max(self.n, row + 1)
        self._plan = None

    def drop(self, row: int) -> None:
        """Ends a row: the last row moves into its place."""
        last = self.n - 1
        if row != last:
            self.bases[row] = self.bases[last]
            for array in (self.base_length, self.own_length, self.token):
                array[row] = array[last]
            used = int(self.own_length[last])
            for store in (*self.keys, *self.values):
                store[row, :, :used] = store[last, :, :used]
        self.bases[last] = None
        self.n = last
        self._plan = None

    def reserve(self) -> None:
        """Makes room for one more own token in every active row."""
        needed = int(self.own_length[: self.n].max()) + 1
        if needed <= self.room:
            return
        used = self.room
        self.room = max(_FIRST_CAPACITY, used * 2 if used < 1024 else used + used // 2)
        for stores in (self.keys, self.values):
            for layer, held in enumerate(stores):
                grown = held.new_zeros((held.shape[0], held.shape[1], self.room, held.shape[3]))
                grown[: self.n, :, :used] = held[: self.n]
                stores[layer] = grown

    @property
    def plan(self) -> Plan:
        """Made anew when rows changed."""
        if self._plan is None:
            self._plan = self._make_plan()
        return self._plan

    def _make_plan(self) -> Plan:
        n = self.n
        names: dict[int, int] = {}
        which = np.array([names.setdefault(id(base), len(names)) for base in self.bases[:n]])
        lengths = self.base_length[:n]
        order = np.lexsort((lengths, which))
        blocks: list[Block] = []
        edges = [0, *(np.flatnonzero(np.diff(which[order])) + 1).tolist(), n]
        for a, b in zip(edges, edges[1:], strict=False):
            base = self.bases[int(order[a])]
            assert base is not None
            blocks += blocks_of(base, lengths[order[a:b]], a, self.groups)
        if len(blocks) == 1:
            base, longest = blocks[0].base, int(lengths.max())
            mask = length_mask(lengths, longest, self.groups, base.keys[0])
            return Plan(None, None, [Block(0, n, base, longest, mask)])
        if bool((order == np.arange(n)).all()):
            return Plan(None, None, blocks)
        device = blocks[0].base.keys[0].device
        return Plan(torch.from_numpy(order).to(device), torch.from_numpy(np.argsort(order)).to(device), blocks)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows' own keys and values."""
        return sum(t.numel() * t.element_size() for t in (*self.keys, *self.values))


class DecodeStep(Step):
    """One token for every active row."""

    def __init__(self, rows: Rows, device: torch.device, dtype: torch.dtype, limit: int) -> None:
        super().__init__()
        rows.reserve()
        self.rows, self.limit = rows, limit
        self.plan = rows.plan
        own = rows.own_length[: rows.n]
        self.length = int(own.max()) + 1
        self.row = torch.arange(rows.n, device=device)
        self.place = torch.from_numpy(own).to(device)
        self.mask: Tensor | None = None
        if int(own.min()) + 1 < self.length:
            hidden = torch.arange(self.length, device=device)[None, :] > self.place[:, None]
            self.mask = torch.zeros(hidden.shape, dtype=dtype, device=device).masked_fill_(hidden, _LOWEST)[:, None, None, :]

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Writes each row's key and value at the row's own position."""
        rows = self.rows
        for stores, new in ((rows.keys, key), (rows.values, value)):
            if layer == len(stores):
                stores.append(new.new_zeros((rows.capacity, new.shape[1], rows.room, new.shape[3])))
            stores[layer][self.row, :, self.place] = new[:, :, 0]

    def attend(self, layer: int, query: Tensor, scale: float) -> Tensor:
        """Base part in sorted order, own part, merged."""
        rows, plan = self.rows, self.plan
        key, value = rows.keys[layer][: rows.n, :, : self.length], rows.values[layer][: rows.n, :, : self.length]
        mask = self.mask
        if plan.order is None or plan.inverse is None:
            base = base_part(plan.blocks, layer, query, scale)
        else:
            out, total = base_part(plan.blocks, layer, query.index_select(0, plan.order), scale)
            base = out.index_select(0, plan.inverse), total.index_select(0, plan.inverse)
        return merge(own_part(query, key, value, mask, scale), base).transpose(1, 2)
