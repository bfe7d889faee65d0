"""Keys and values of the rows' own tokens: one column a step, in chunks that are read whole.

Every row writes its token of a step into the same column, whenever the row began; a mask hides the columns from before.
Chunks are contiguous ``[rows · kv_heads, columns, dim]`` a layer: reading memory in one stretch is worth more than
skipping unused places (each gap costs cache misses), growing adds a chunk instead of copying what is there, and chunks that no
row needs any more are used again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tokenworth.backends.local.rule import Rule

_SMALLEST = 32


@dataclass(slots=True)
class Chunk:
    """Columns ``start … start + size`` of all rows; one key and one value tensor a layer. Unwritten places are finite."""

    start: int
    size: int
    keys: list[Tensor] = field(default_factory=list[Tensor])
    values: list[Tensor] = field(default_factory=list[Tensor])

    @property
    def stop(self) -> int:
        """The first column after the chunk."""
        return self.start + self.size


class OwnKV:
    """Own tokens of up to ``capacity`` rows. ``now`` is the column of the current step."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.now = -1
        self.chunks: list[Chunk] = []
        self._spare: list[Chunk] = []

    def clear(self) -> None:
        """Ends all rows: the next ones find what the first ever found, so that where columns lie does not depend on what was."""
        self._spare += self.chunks
        self.chunks = []
        self.now = -1

    def advance(self, oldest: int) -> None:
        """Opens the next column; columns before ``oldest`` are no longer needed."""
        self.now += 1
        while self.chunks and self.chunks[0].stop <= oldest:
            self._spare.append(self.chunks.pop(0))
        if not self.chunks or self.chunks[-1].stop <= self.now:
            window = self.now - oldest
            size = max(_SMALLEST, 1 << ((window // 4).bit_length() - 1) if window >= 4 else 0)
            chunk = next((c for c in self._spare if c.size == size), None)
            self._spare = [c for c in self._spare if c is not chunk and c.size >= size]
            if chunk is None:
                chunk = Chunk(self.now, size)
            chunk.start = self.now
            self.chunks.append(chunk)

    def put(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Writes one key and value a row, ``[rows, kv_heads, 1, dim]``, into the current column."""
        chunk = self.chunks[-1]
        column = self.now - chunk.start
        for stores, new in ((chunk.keys, key), (chunk.values, value)):
            if layer == len(stores):
                stores.append(new.new_zeros((self.capacity * new.shape[1], chunk.size, new.shape[3])))
            rows = stores[layer].view(self.capacity, new.shape[1], chunk.size, new.shape[3])
            rows[: new.shape[0], :, column] = new[:, :, 0]

    def move(self, source: int, target: int) -> None:
        """Copies one row over another."""
        for chunk in self.chunks:
            for store in (*chunk.keys, *chunk.values):
                rows = store.view(self.capacity, -1)
                rows[target] = rows[source]

    def extents(self) -> list[int]:
        """How many columns of each chunk a step reads: all, but only the used ones of a last chunk less than half full."""
        if not self.chunks:
            return []
        used = self.now + 1 - self.chunks[-1].start
        return [*(c.size for c in self.chunks[:-1]), used if 2 * used <= self.chunks[-1].size else self.chunks[-1].size]

    def attend(self, layer: int, query: Tensor, mask: Tensor, extents: list[int], base: tuple[Tensor, Tensor], rule: Rule) -> Tensor:
        """Attention ``[rows, heads, 1, dim]`` over the base's tokens and the rows' own together.

        ``base`` is the base part's output and log-sum-exp a; own scores s enter with weight ``exp(s − t)`` and the base
        output with ``exp(a − t)``, t the log-sum-exp of both. ``mask`` is additive float32, ``[rows, heads | 1, columns]``.
        """
        rows, heads, _, dim = query.shape
        kv_heads = self.chunks[0].keys[layer].shape[0] // self.capacity
        n = rows * kv_heads
        folded = (query * rule.scale).reshape(n, heads // kv_heads, dim)
        parts = [
            torch.bmm(folded, chunk.keys[layer][:n, :columns].transpose(1, 2)) for chunk, columns in zip(self.chunks, extents, strict=True)
        ]
        scores = rule.capped((parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)).float().view(rows, heads, -1)) + mask
        base_total = base[1].view(rows, heads)
        total = torch.logaddexp(torch.logsumexp(scores, dim=-1), base_total)
        if rule.sink is not None:
            total = torch.logaddexp(total, rule.sink.float())
        weights = scores.sub_(total.unsqueeze(-1)).exp_().to(query.dtype).view(n, heads // kv_heads, -1)
        share = (base_total - total).exp_().to(query.dtype).view(rows, heads, 1, 1)
        start = 0
        out = (base[0] * share).reshape(n, heads // kv_heads, -1)
        for chunk, columns in zip(self.chunks, extents, strict=True):
            out.baddbmm_(weights[:, :, start : start + columns], chunk.values[layer][:n, :columns])
            start += columns
        return out.view(rows, heads, 1, -1)
