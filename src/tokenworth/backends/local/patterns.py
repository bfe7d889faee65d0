"""What each layer of a loaded model sees, read off the masks that the model itself makes: no window is taken on trust from a config.

A model hands its masks as functions of positions to whatever attention it is given. One pass over two tokens collects them, one a
layer; a function that is a causal window, evaluated at positions up to the end of the context, gives that window. Any other is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface

from tokenworth.backends.local.attention import NAME, ForwardPass, rule_of, step_under_way
from tokenworth.backends.local.model import LocalModel, one_line
from tokenworth.errors import Unsupported

LOOK = "tokenworth_look"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A mask as its function of positions."""

    function: Any


class Look(ForwardPass):
    """The pass that collects the masks, in the order in which layers attend."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []


def _look(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, scaling: float | None = None, **kwargs: Any
) -> tuple[Tensor, None]:
    """Notes the mask; the output is zeros of the right shape."""
    rule_of(module, query, scaling, kwargs)
    step = step_under_way()
    assert isinstance(step, Look)
    step.found.append(attention_mask)
    return query.new_zeros((query.shape[0], query.shape[2], query.shape[1], value.shape[-1])), None


def _mask(*args: Any, mask_function: Any = None, **kwargs: Any) -> Pattern:
    return Pattern(mask_function)


AttentionInterface.register(LOOK, _look)
AttentionMaskInterface.register(LOOK, _mask)


@torch.inference_mode()
def look(model: LocalModel) -> list[int | None]:
    """The window of each layer; the model's attention is the engine's from here on.

    Raises: `Unsupported`, by name, for a model whose attention the engine would get wrong or never see.
    """
    kind = model.model.config.model_type
    can_be_set = getattr(model.model, "_can_set_attn_implementation", None)
    if can_be_set is not None and not can_be_set():
        raise Unsupported(f"{kind}: attention of its own, outside transformers' attention interface; it cannot be shared between rollouts")
    step = Look()
    try:
        model.model.set_attn_implementation(LOOK)
        token = torch.zeros((1, 2), dtype=torch.long, device=model.device)
        model.hidden(token, torch.arange(2, device=model.device)[None], step)
        model.model.set_attn_implementation(NAME)
    except Unsupported as error:
        raise Unsupported(f"{kind}: {error}") from error
    except (TypeError, AttributeError, NotImplementedError, IndexError, KeyError, RuntimeError, ValueError) as error:
        raise Unsupported(f"{kind}: the model code does not work with shared-prefix attention ({one_line(error)})") from error
    layers = int(model.config.num_hidden_layers)
    if len(step.found) < layers:
        raise Unsupported(f"{kind}: {layers - len(step.found)} of {layers} layers are no attention layers; all must be")
    return windows_of(kind, step.found, model.context_length)


def windows_of(kind: str, masks: list[Any], length: int) -> list[int | None]:
    """The window of each layer, None where all that came before is seen up to position ``length − 1``.

    Raises: `Unsupported` for a mask that is not a causal window, or that the model does not make as a function.
    """
    known: dict[int, int | None] = {}
    found: list[int | None] = []
    for layer, mask in enumerate(masks):
        if not isinstance(mask, Pattern):
            raise Unsupported(f"{kind}: layer {layer} makes a mask of its own; only models with causal or sliding-window attention")
        if id(mask) not in known:
            known[id(mask)] = _window(kind, mask, length)
        found.append(known[id(mask)])
    return found


def _window(kind: str, mask: Pattern, length: int) -> int | None:
    last = _row(kind, mask, length - 1, length)
    window = int(last.sum())
    steps = {0, 1, 2, length // 3, length // 2, window - 1, window, window + 1, length - 2, length - 1}
    for query in sorted(q for q in steps if 0 <= q < length):
        key = torch.arange(length)
        expected = (key <= query) & (key > query - window)
        if not torch.equal(_row(kind, mask, query, length), expected):
            raise Unsupported(
                f"{kind}: position {query} does not see the {min(window, query + 1)} tokens up to itself and no more "
                "(chunked, sparse or two-way attention); only models with causal or sliding-window attention"
            )
    return None if window >= length else window


def _row(kind: str, mask: Pattern, query: int, length: int) -> Tensor:
    """Which keys position ``query`` sees, ``[length]``."""
    zero = torch.zeros(1, dtype=torch.long)
    try:
        seen = torch.as_tensor(mask.function(zero, zero, torch.full((1,), query), torch.arange(length)))
        return seen.expand(length).to("cpu", torch.bool)
    except (TypeError, RuntimeError, ValueError, IndexError) as error:
        # Such as one that holds tensors of another device, or of a certain batch: no causal window does.
        raise Unsupported(
            f"{kind}: a mask that is no function of positions ({one_line(error)}); only models with causal or sliding-window attention"
        ) from error
