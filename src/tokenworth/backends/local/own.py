"""Keys and values of the rows' own tokens, in chunks that are read whole.

A chunk is one contiguous tensor ``[rows · kv_heads, tokens, dim]`` a layer. Reading memory in one stretch is worth more than
skipping unused places (the gaps cost a cache miss each), and growing adds a chunk instead of copying what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

_SMALLEST = 32


@dataclass(slots=True)
class Chunk:
    """Positions ``start … stop`` of all rows; one key and one value tensor a layer. Unwritten places are 0, so finite."""

    start: int
    stop: int
    keys: list[Tensor] = field(default_factory=list[Tensor])
    values: list[Tensor] = field(default_factory=list[Tensor])


class OwnKV:
    """Own tokens of up to ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.chunks: list[Chunk] = []

    def reserve(self, length: int) -> int:
        """Makes room for ``length`` tokens a row; returns how many chunks hold them."""
        room = self.chunks[-1].stop if self.chunks else 0
        while room < length:
            size = max(_SMALLEST, 1 << max(0, room // 4).bit_length() - 1 if room >= 4 else 0)
            self.chunks.append(Chunk(room, room + size))
            room += size
        return sum(chunk.start < length for chunk in self.chunks)

    def write(self, layer: int, key: Tensor, value: Tensor, spots: list[Spot]) -> None:
        """Writes one key and value a row, ``[rows, kv_heads, 1, dim]``, at the places ``spots`` name."""
        for spot in spots:
            chunk = spot.chunk
            for stores, new in ((chunk.keys, key), (chunk.values, value)):
                if layer == len(stores):
                    stores.append(new.new_zeros((self.capacity * new.shape[1], chunk.stop - chunk.start, new.shape[3])))
                rows = stores[layer].view(self.capacity, new.shape[1], chunk.stop - chunk.start, new.shape[3])
                rows[spot.rows, :, spot.places] = new[:, :, 0] if spot.chosen is None else new[spot.chosen, :, 0]

    def move(self, source: int, target: int, length: int) -> None:
        """Copies one row's first ``length`` tokens over another row."""
        for chunk in self.chunks:
            used = min(chunk.stop, length) - chunk.start
            if used > 0:
                for store in (*chunk.keys, *chunk.values):
                    rows = store.view(self.capacity, -1, *store.shape[1:])
                    rows[target, :, :used] = rows[source, :, :used]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(t.numel() * t.element_size() for chunk in self.chunks for t in (*chunk.keys, *chunk.values))


@dataclass(slots=True)
class Spot:
    """Rows whose next token lands in one chunk. ``chosen`` picks them from the batch, None when they are all of it."""

    chunk: Chunk
    chosen: Tensor | None
    rows: Tensor
    places: Tensor


def spots_of(own: OwnKV, lengths: np.ndarray, device: torch.device) -> list[Spot]:
    """Where the next token of each row goes."""
    found: list[Spot] = []
    for chunk in own.chunks:
        here = np.flatnonzero((lengths >= chunk.start) & (lengths < chunk.stop))
        if len(here):
            rows = torch.from_numpy(here).to(device)
            places = torch.from_numpy(lengths[here] - chunk.start).to(device)
            found.append(Spot(chunk, None if len(here) == len(lengths) else rows, rows, places))
    return found


def attend_own(chunks: list[Chunk], layer: int, query: Tensor, mask: Tensor, base: tuple[Tensor, Tensor], scale: float) -> Tensor:
    """Attention ``[rows, heads, 1, dim]`` over the base part's result and the rows' own chunks together.

    ``mask`` is additive, ``[rows, 1, positions]``, float32. The weights of own keys are ``exp(s − t)`` with t the log-sum-exp
    over base and own scores; the base output enters with ``exp(a − t)``, a its own log-sum-exp.
    """
    rows, heads, _, _ = query.shape
    key = chunks[0].keys[layer]
    kv_heads = key.shape[0] // (len(key) // kv) if (kv := 0) else 0
