"""The blocks of a model as they are: found by what they do, not by their names, and checked before anything is read off them.

A state of the residual stream is what one block gives the next. The final norm is whatever turns the last of these states into what the
head is given; of the modules beside the blocks the one that does so to the last bit is taken, and a model for which none does is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tokenworth.backends.local.attention import PrefillStep, step_under_way
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import Prefix, PrefixStore
from tokenworth.backends.local.probe import probe_ids, relative_difference
from tokenworth.errors import Unsupported

Take = Callable[[int, Tensor], Tensor | None]
"""(layer, states ``[rows, tokens, width]``) -> None, or the states that take their place."""
_TOKENS = 8
_CLOSE = 1e-5


class Layers:
    """Blocks, final norm and unembedding of one model."""

    def __init__(self, model: LocalModel) -> None:
        self.model = model
        self.depth = int(model.config.num_hidden_layers)
        self.parent, self.blocks = _blocks(model, self.depth)
        self._rows: dict[int, Tensor] = {}
        self.final: Callable[[Tensor], Tensor] = lambda states: states
        self.final = self._final()

    def of(self, layers: Sequence[int] | None) -> tuple[int, ...]:
        """The layers that are meant; None: all."""
        return tuple(range(self.depth + 1)) if layers is None else tuple(layers)

    @contextmanager
    def watching(self, layers: Sequence[int], take: Take) -> Iterator[None]:
        """Inside, ``take`` is given the states of these layers as the model computes them."""
        handles = [self._watch(layer, take) for layer in layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _watch(self, layer: int, take: Take) -> Any:
        if layer == 0:

            def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                new = take(0, args[0] if args else kwargs["hidden_states"])
                if new is None:
                    return None
                return ((new, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": new})

            return self.blocks[0].register_forward_pre_hook(before, with_kwargs=True)

        def after(module: nn.Module, args: Any, out: Any) -> Any:
            new = take(layer, out if isinstance(out, Tensor) else out[0])
            return None if new is None else new if isinstance(out, Tensor) else (new, *out[1:])

        return self.blocks[layer - 1].register_forward_hook(after)

    @torch.inference_mode()
    def _final(self) -> Callable[[Tensor], Tensor]:
        """Whatever stands between the last block and the head.

        Raises: `Unsupported` where the blocks do not hand on one state, or where no module of the model turns the last state into what the
        head is given.
        """
        model, kind = self.model, self.model.config.model_type
        ids = torch.from_numpy(probe_ids(model, min(_TOKENS, model.context_length)))[None].to(model.device)
        seen: list[Tensor] = []
        given: list[Tensor] = []
        handles = [block.register_forward_pre_hook(_given(given), with_kwargs=True) for block in self.blocks]
        prefix = Prefix()
        try:
            with self.watching(range(1, self.depth + 1), lambda layer, states: seen.append(states)):
                step = PrefillStep(prefix.kv, ids.shape[1])
                expected = model.hidden(ids, torch.arange(ids.shape[1], device=model.device)[None], step)
        finally:
            for handle in handles:
                handle.remove()
        if len(seen) != self.depth or any(not torch.equal(a, b) for a, b in zip(seen, given[1:], strict=False)):
            raise Unsupported(f"{kind}: a block does not get what the one before it gave, so there is no residual stream to look at")
        beside = [child for child in self.parent.children() if child is not self.blocks]
        for chain in ((), *((one,) for one in beside), *combinations(beside, 2)):
            if _same(chain, seen[-1], expected, model.dtype):
                return nn.Sequential(*chain)
        raise Unsupported(f"{kind}: no norm of the model turns its last state into what its head is given; its layers cannot be read")

    def unembed(self, states: Tensor) -> Tensor:
        """Logits ``[rows, vocabulary]``, float32, of states ``[rows, width]`` as if the last block had given them."""
        return self.model.logits(self.final(states))

    def unembed_some(self, states: Tensor, tokens: Sequence[int]) -> Tensor:
        """The same for a few tokens, ``[rows, token]``: the other rows of the unembedding are not touched."""
        head, bias = self.model.head, getattr(self.model.head, "bias", None)
        if missing := [token for token in tokens if token not in self._rows]:
            weight = head.weight
            self._rows.update({token: weight[token].clone() for token in missing})
        some = torch.stack([self._rows[token] for token in tokens])
        return self.model.shaped(functional.linear(self.final(states), some, None if bias is None else bias[list(tokens)]))

    def along(self, ids: Sequence[int], layers: Sequence[int], take: Callable[[int, np.ndarray, Tensor], None]) -> None:
        """Runs the model over a sequence, and gives ``take`` the layer, the positions of some tokens and their states ``[token, width]``.

        Nothing is taken from what was computed before: the states of what is cached are gone.
        """

        def here(layer: int, states: Tensor) -> None:
            step = step_under_way()
            assert isinstance(step, PrefillStep)
            stop = min(step.stop, len(ids))
            take(layer, np.arange(step.start, stop), states[0, : stop - step.start])

        with self.watching(layers, here):
            Prefix().extend(self.model, np.asarray(ids, dtype=np.int64), PrefixStore(self.model).size)


def _blocks(model: LocalModel, depth: int) -> tuple[nn.Module, nn.ModuleList]:
    """The list of blocks, and the module that holds it beside the final norm."""
    for parent in model.decoder.modules():
        for child in parent.children():
            if isinstance(child, nn.ModuleList) and len(child) == depth:
                return parent, child
    raise Unsupported(f"{model.config.model_type}: no list of {depth} blocks was found, so its layers cannot be read")


def _given(into: list[Tensor]) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
    """A hook that notes what a block is given."""

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        into.append(args[0] if args else kwargs["hidden_states"])

    return before


def _same(chain: Sequence[nn.Module], states: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    """Whether the modules, one after the other, give what is expected; other modules may refuse such an input in any way."""
    try:
        for module in chain:
            states = module(states)
        return states.shape == expected.shape and relative_difference(states, expected, dtype) <= _CLOSE
    except (TypeError, AttributeError, NotImplementedError, IndexError, KeyError, RuntimeError, ValueError):
        return False


_KNOWN: WeakKeyDictionary[LocalModel, Layers] = WeakKeyDictionary()


def layers_of(model: LocalModel) -> Layers:
    """The layers of a model; found once."""
    if model not in _KNOWN:
        _KNOWN[model] = Layers(model)
    return _KNOWN[model]
