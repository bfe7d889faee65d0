"""Base sequences kept between calls: keys, values and last hidden states of the tokens seen so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.attention import BaseKV, PrefillStep
from tokenworth.backends.local.model import LocalModel

_CHUNK = 512
_KEPT = 4


class Prefix:
    """One token sequence and what the model computed on it; ``hidden[i]`` predicts the token at position ``i + 1``."""

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids
        self.kv = BaseKV()
        self.hidden: list[Tensor] = []

    def states(self, positions: Sequence[int] | np.ndarray) -> Tensor:
        """Hidden states ``[n, width]`` at some positions."""
        whole = self.hidden[0] if len(self.hidden) == 1 else torch.cat(self.hidden)
        self.hidden = [whole]
        return whole[torch.as_tensor(np.asarray(positions), device=whole.device)]

    def extend(self, model: LocalModel, ids: np.ndarray) -> int:
        """Runs the model over ``ids`` after what is there; returns how many tokens that were."""
        todo = ids[self.kv.length :]
        for start in range(0, len(todo), _CHUNK):
            chunk = torch.from_numpy(todo[start : start + _CHUNK]).to(model.device)[None]
            begin = self.kv.length
            step = PrefillStep(self.kv, chunk.shape[1], model.context_length)
            positions = torch.arange(begin, step.stop, device=model.device)[None]
            self.hidden.append(model.hidden(chunk, positions, step)[0])
            self.kv.length = step.stop
        self.ids = ids if len(ids) > len(self.ids) else self.ids
        return len(todo)


class PrefixStore:
    """The few most recently used sequences. A sequence that continues a kept one extends it."""

    def __init__(self, model: LocalModel, kept: int = _KEPT) -> None:
        self.model = model
        self.kept = kept
        self.forwarded = 0
        self._held: list[Prefix] = []

    def get(self, ids: Sequence[int]) -> Prefix:
        """A prefix that holds at least ``ids``, computed as far as it was not."""
        wanted = np.asarray(ids, dtype=np.int64)
        best, shared = self._closest(wanted)
        if best is not None and shared == min(len(wanted), best.kv.length):
            found = best
        else:
            found = Prefix(wanted[:0])
            if best is not None and shared >= 16:
                found.kv.copy_prefix(best.kv, shared)
                found.hidden = [best.states(np.arange(shared))]
                found.ids = wanted[:shared]
        if len(wanted) > found.kv.length:
            self.forwarded += found.extend(self.model, wanted)
        self._held = [found, *(held for held in self._held if held is not found)][: self.kept]
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
