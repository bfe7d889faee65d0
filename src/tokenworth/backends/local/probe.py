"""The check every model passes before it is used: the shared-prefix forward against the model's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tokenworth.backends.local.forced import node_states, token_tree
from tokenworth.backends.local.model import LocalModel, one_line
from tokenworth.backends.local.prefixes import PrefixStore
from tokenworth.backends.local.rows import DecodeStep, Rows
from tokenworth.errors import Unsupported

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""Largest `relative_difference` of logits that counts as rounding."""


@torch.inference_mode()
def stock_logits(model: LocalModel, ids: np.ndarray) -> Tensor:
    """Logits ``[tokens, vocabulary]`` of the model's own forward over the whole sequence, nothing cached."""
    with model.stock_attention() as stock:
        return stock(input_ids=torch.from_numpy(ids).to(model.device)[None], use_cache=False).logits[0].float()


@torch.inference_mode()
def cached_logits(model: LocalModel, ids: np.ndarray) -> Tensor:
    """The same from the engine's prefill, in chunks, one of them begun and computed anew."""
    prefixes = PrefixStore(model, size=8)
    prefixes.get(ids[: max(1, len(ids) // 2)].tolist())
    return model.logits(prefixes.get(ids.tolist()).states(np.arange(len(ids))))


@torch.inference_mode()
def decoded_logits(model: LocalModel, ids: np.ndarray, lengths: np.ndarray, follow: int) -> Tensor:
    """Logits ``[lengths, follow, vocabulary]`` of rows that branch off one stored base and decode in one batch.

    Row i starts after the first ``lengths[i]`` ids and is fed the ids that stand there, so that the result must equal the
    plain forward's logits at positions ``lengths[i] … lengths[i] + follow − 1``.
    """
    prefix = PrefixStore(model).get(ids[: int(lengths.max())].tolist())
    rows = Rows(len(lengths))
    for row, length in enumerate(lengths.tolist()):
        rows.place(row, prefix.kv, length, 0)
    found: list[Tensor] = []
    for i in range(follow):
        step = DecodeStep(rows, model.device)
        tokens = torch.from_numpy(ids[lengths + i]).to(model.device)[:, None]
        positions = torch.from_numpy(step.positions).to(model.device)[:, None]
        found.append(model.logits(model.hidden(tokens, positions, step)[:, -1]))
    return torch.stack(found, dim=1)


@torch.inference_mode()
def read_logits(model: LocalModel, ids: np.ndarray, lengths: np.ndarray, suffix: np.ndarray) -> Tensor:
    """Logits ``[lengths, suffix, vocabulary]`` at a suffix put after ascending prefix lengths, all in one pass."""
    prefix = PrefixStore(model).get(ids[: int(lengths.max())].tolist())
    tree = token_tree(suffix.tolist(), ((0,),))
    states = node_states(model, prefix, lengths, tree, range(len(suffix)))
    return model.logits(states.flatten(0, 1)).unflatten(0, states.shape[:2])


def relative_difference(got: Tensor, expected: Tensor, dtype: torch.dtype = torch.float32) -> float:
    """Norm of the difference over the norm of the expected values, of all tokens together; NaN counts as infinite.

    In bfloat16 that of the median token: rounding can send single tokens to another expert of a mixture, which is no mistake.
    """
    difference, size = got.double() - expected.double(), expected.double()
    if dtype == torch.bfloat16:
        value = float((difference.norm(dim=-1) / size.norm(dim=-1).clamp_min(1e-30)).quantile(0.5))
    else:
        value = float(difference.norm() / size.norm().clamp_min(1e-30))
    return value if value == value else float("inf")


def probe_ids(model: LocalModel, n: int, seed: int = 0) -> np.ndarray:
    """``n`` random token ids that model and tokenizer both know."""
    return np.random.default_rng(seed).integers(0, min(model.vocab_size, model.codec.vocab_size), size=n)


def probe(model: LocalModel) -> None:
    """Returns if prefill and branches agree with the stock forward on a short sequence.

    Raises: `Unsupported`, with the difference, if they do not.
    """
    n = min(24, model.context_length - 2)
    ids = probe_ids(model, n)
    lengths = np.array([1, n // 2, n - 3])
    try:
        expected = stock_logits(model, ids)
        cached = relative_difference(cached_logits(model, ids), expected, model.dtype)
        at = torch.from_numpy(lengths[:, None] + np.arange(3)[None, :]).to(model.device)
        decoded = relative_difference(decoded_logits(model, ids, lengths, 3), expected[at], model.dtype)
        reads = read_logits(model, ids, lengths[1:2], ids[n // 2 : n // 2 + 3])[0]
        read = relative_difference(reads, expected[at[1]], model.dtype)
    except Unsupported:
        raise
    except (TypeError, AttributeError, NotImplementedError, IndexError, KeyError, RuntimeError, ValueError) as error:
        kind = model.config.model_type
        raise Unsupported(f"{kind}: the model code does not work with shared-prefix attention ({one_line(error)})") from error
    worst, tolerance = max(cached, decoded, read), TOLERANCE.get(model.dtype, 0.1)
    if worst > tolerance:
        raise Unsupported(
            f"{model.config.model_type}: shared-prefix logits differ from the model's own by {worst:.2g} (expected ≤ {tolerance:g}); "
            "this architecture is not supported"
        )
