"""The check every model passes before it is used: the shared-prefix forward against the model's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.forced import node_states, token_tree
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.errors import Unsupported

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""Largest relative difference of logits (Frobenius norm) that counts as rounding."""


@torch.inference_mode()
def stock_logits(model: LocalModel, ids: np.ndarray) -> Tensor:
    """Logits ``[tokens, vocabulary]`` of the model's own forward over the whole sequence, nothing cached."""
    with model.stock_attention() as stock:
        return stock(input_ids=torch.from_numpy(ids).to(model.device)[None], use_cache=False).logits[0].float()


@torch.inference_mode()
def cached_logits(model: LocalModel, ids: np.ndarray) -> Tensor:
    """The same from the engine's prefill, in two chunks."""
    prefixes = PrefixStore(model)
    prefixes.get(ids[: max(1, len(ids) // 2)].tolist())
    return model.logits(prefixes.get(ids.tolist()).states(np.arange(len(ids))))


@torch.inference_mode()
def branched_logits(model: LocalModel, ids: np.ndarray, lengths: np.ndarray, follow: int) -> Tensor:
    """Logits ``[lengths, follow, vocabulary]`` where each of ``follow`` tokens after some prefix lengths is a branch.

    All branches run in one batch over one stored base and hold the tokens that stand there, so that they must
    equal the plain forward's logits at the same positions.
    """
    prefix = PrefixStore(model).get(ids[: int(lengths.max())].tolist())
    rows: list[Tensor] = []
    for length in lengths.tolist():
        tree = token_tree(ids[length : length + follow].tolist(), ((0,),))
        states = node_states(model, prefix, np.array([length]), tree, list(range(follow)))
        rows.append(model.logits(states[0]))
    return torch.stack(rows)


def relative_difference(got: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of the expected values; NaN counts as infinite."""
    value = float((got.double() - expected.double()).norm() / expected.double().norm().clamp_min(1e-30))
    return value if value == value else float("inf")


def probe(model: LocalModel) -> None:
    """Returns if prefill and branches agree with the stock forward on a short sequence.

    Raises: `Unsupported`, with the difference, if they do not.
    """
    n = min(24, model.context_length - 2)
    ids = np.random.default_rng(0).integers(0, min(model.vocab_size, model.codec.vocab_size), size=n)
    try:
        expected = stock_logits(model, ids)
        cached = relative_difference(cached_logits(model, ids), expected)
        lengths = np.array([1, n // 2, n - 2])
        at = torch.from_numpy(lengths[:, None] + np.arange(2)[None, :]).to(model.device)
        branched = relative_difference(branched_logits(model, ids, lengths, 2), expected[at])
    except (TypeError, AttributeError, NotImplementedError, IndexError, ValueError) as error:
        if isinstance(error, Unsupported):
            raise
        kind = model.config.model_type
        raise Unsupported(f"{kind}: the model code does not work with shared-prefix attention ({error})") from error
    worst, tolerance = max(cached, branched), TOLERANCE.get(model.dtype, 0.1)
    if worst > tolerance:
        raise Unsupported(
            f"{model.config.model_type}: shared-prefix logits differ from the model's own by {worst:.2g} (expected ≤ {tolerance:g}); "
            "this architecture is not supported"
        )
