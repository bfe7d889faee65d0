"""Base sequences kept between calls: keys, values and last hidden states of the tokens seen so far.

What is computed on a prefix must not depend on what was asked before, to the last bit, and the result of a matrix product depends on
its shape. So every prefix is computed in the same chunks: they end at multiples of one size, and a last one that is not full is filled
up with tokens that nothing attends to. Whole chunks that two sequences share are taken over; a chunk that is begun is computed anew when
it grows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import BaseKV, PrefillStep
from tokenworth.backends.local.model import LocalModel

_CPU_CHUNK = 64
_GPU_CHUNK = 256
_KEPT, _KEPT_TOKENS = 4, 8192
"""So many sequences are kept whatever their length, and more as long as they have so many tokens together."""


class Prefix:
    """One token sequence and what the model computed on it; ``hidden[i]`` predicts the token after ``ids[i]``.

    ``gap``: positions that are left out, first and end. The tokens behind them stand where they would stand with these, and do not see
    them: a cache that lacks a span is exact attention without it.
    """

    def __init__(self, gap: tuple[int, int] = (0, 0)) -> None:
        self.gap = gap
        self.ids = np.zeros(0, dtype=np.int64)
        self.kv = BaseKV()
        self.hidden: list[Tensor] = []

    @property
    def shift(self) -> int:
        """How many positions are left out."""
        return self.gap[1] - self.gap[0]

    def states(self, positions: Sequence[int] | np.ndarray) -> Tensor:
        """Hidden states ``[n, width]`` at some positions."""
        whole = self.hidden[0] if len(self.hidden) == 1 else torch.cat(self.hidden)
        self.hidden = [whole]
        return whole[torch.as_tensor(np.asarray(positions), device=whole.device)]

    def copy_chunks(self, other: Prefix, length: int) -> None:
        """Takes the first ``length`` tokens, whole chunks, of a sequence that begins with the same ids."""
        self.kv.copy_prefix(other.kv, length)
        self.hidden = [other.states(np.arange(length))]
        self.ids = other.ids[:length]

    def extend(self, model: LocalModel, ids: np.ndarray, size: int) -> int:
        """Runs the model over ``ids``, from the last whole chunk on that is there; returns how many tokens that were."""
        begin = self.kv.length // size * size
        self.hidden = [self.states(np.arange(begin))] if begin else []
        for start in range(begin, len(ids), size):
            stop = min(start + size, len(ids))
            chunk = np.zeros(size, dtype=np.int64)
            chunk[: stop - start] = ids[start:stop]
            self.kv.length = start
            step = PrefillStep(self.kv, size)
            # What fills the chunk up may lie beyond the last position that the model knows.
            index = np.arange(start, start + size)
            places = np.where(index < self.gap[0], index, index + self.shift)
            positions = torch.from_numpy(places).to(model.device).clamp_max(model.context_length - 1)
            self.hidden.append(model.hidden(torch.from_numpy(chunk).to(model.device)[None], positions[None], step)[0, : stop - start])
            self.kv.length = stop
        self.ids = ids
        return len(ids) - begin


class PrefixStore:
    """The few most recently used sequences. A sequence that continues a kept one extends it."""

    def __init__(self, model: LocalModel, size: int | None = None) -> None:
        self.model = model
        self.size = size or (_CPU_CHUNK if model.device.type == "cpu" else _GPU_CHUNK)
        self.forwarded = 0
        self._held: list[Prefix] = []

    def get(self, ids: Sequence[int]) -> Prefix:
        """A prefix that holds at least ``ids``, computed as far as it was not."""
        wanted = np.asarray(ids, dtype=np.int64)
        best, shared = self._closest(wanted)
        if best is not None and shared == min(len(wanted), best.kv.length):
            found = best
        else:
            found, whole = Prefix(), shared // self.size * self.size
            if best is not None and whole:
                found.copy_chunks(best, whole)
        if len(wanted) > found.kv.length:
            self.forwarded += found.extend(self.model, wanted, self.size)
        self._held = [found, *(held for held in self._held if held is not found)]
        room = _KEPT_TOKENS - sum(held.kv.length for held in self._held[:_KEPT])
        kept = _KEPT
        while kept < len(self._held) and (room := room - self._held[kept].kv.length) >= 0:
            kept += 1
        del self._held[kept:]
        return found

    def without(self, ids: Sequence[int], gap: tuple[int, int]) -> Prefix:
        """The same, with the tokens from ``gap[0]`` to before ``gap[1]`` hidden from all that follow them; it is not kept."""
        whole = gap[0] // self.size * self.size
        found = Prefix(gap)
        if whole:
            found.copy_chunks(self.get(ids[: gap[0]]), whole)
        kept = np.asarray([*ids[: gap[0]], *ids[gap[1] :]], dtype=np.int64)
        self.forwarded += found.extend(self.model, kept, self.size)
        return found

    def _closest(self, wanted: np.ndarray) -> tuple[Prefix | None, int]:
        best: Prefix | None = None
        most = 0
        for held in self._held:
            n = min(len(wanted), held.kv.length)
            different = np.flatnonzero(held.ids[:n] != wanted[:n])
            shared = int(different[0]) if len(different) else n
            if shared > most:
                best, most = held, shared
        return best, most
