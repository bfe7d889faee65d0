"""Keys and values of the rows' own tokens: one column a step, in chunks that are read whole.

Every row writes its token of a step into the same column, whenever the row began; a mask hides the columns from before.
Chunks are contiguous ``[rows · kv_heads, columns, dim]`` a layer: reading memory in one stretch is worth more than
skipping unused places (each gap costs cache misses), growing adds a chunk instead of copying what is there, and chunks that no
row needs any more are used again.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    def extents(self, *, whole: bool = False) -> list[int]:
        """How many columns of each chunk a step reads: all, but only the used ones of a last chunk less than half full.

        ``whole``: all of that one, too. Products of half-precision numbers copy a part of a chunk before they read it.
        """
        if not self.chunks or whole:
            return [chunk.size for chunk in self.chunks]
        used = self.now + 1 - self.chunks[-1].start
        return [*(c.size for c in self.chunks[:-1]), used if 2 * used <= self.chunks[-1].size else self.chunks[-1].size]

    def attend(self, layer: int, query: Tensor, mask: Tensor, extents: list[int], base: tuple[Tensor, Tensor], rule: Rule) -> Tensor:
        """Attention ``[rows, heads, 1, dim]`` over the base's tokens and the rows' own together.

        ``base`` is the base part's output and log-sum-exp a; own scores s enter with weight ``exp(s − t)`` and the base
        output with ``exp(a − t)``, t the log-sum-exp of all. ``mask`` is additive float32, ``[rows, heads | 1, columns]``.
        """
        rows, heads, _, dim = query.shape
        n, columns = self.chunks[0].keys[layer].shape[0] // self.capacity * rows, mask.shape[-1]
        folded = (query * rule.scale).reshape(n, -1, dim)
        # One softmax over own scores, a and the sink: it is far faster than exponentials of what a mask has put out of reach.
        scores = mask.new_empty((n, folded.shape[1], columns + (1 if rule.sink is None else 2)))
        for start, stop, chunk in self._spans(extents):
            scores[:, :, start:stop] = torch.bmm(folded, chunk.keys[layer][:n, : stop - start].transpose(1, 2))
        all_scores = scores.view(rows, heads, -1)
        own = all_scores[:, :, :columns]
        if rule.cap is not None:
            own.copy_(rule.capped(own))
        own += mask
        all_scores[:, :, columns] = base[1].view(rows, heads)
        if rule.sink is not None:
            all_scores[:, :, columns + 1] = rule.sink
        weights = torch.softmax(scores, dim=-1).to(query.dtype)
        out = base[0].reshape(n, -1, base[0].shape[-1]) * weights[:, :, columns, None]
        for start, stop, chunk in self._spans(extents):
            out.baddbmm_(weights[:, :, start:stop], chunk.values[layer][:n, : stop - start])
        return out.view(rows, heads, 1, -1)

    def _spans(self, extents: list[int]) -> Iterator[tuple[int, int, Chunk]]:
        """(start, stop) of each chunk's columns among all that are read."""
        start = 0
        for chunk, columns in zip(self.chunks, extents, strict=True):
            yield start, start + columns, chunk
            start += columns
