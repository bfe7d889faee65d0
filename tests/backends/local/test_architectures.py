"""Every family that people run, as a tiny random model: the engine against the model's own forward, or a refusal by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import masking_utils

from tests.backends.local.architectures import ARCHITECTURES, CONTEXT
from tests.backends.local.local_models import backend_of, sequence_of
from tokenworth.backends.local.patterns import Pattern, windows_of
from tokenworth.backends.local.probe import cached_logits, decoded_logits, read_logits, stock_logits
from tokenworth.errors import Unsupported

LENGTHS = np.array([1, 13, 14, 40, 77])


def ids_of() -> np.ndarray:
    return np.asarray(sequence_of(0, 90, seed=4).completion)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_paths_agree_with_the_stock_forward(architecture: str):
    """Cached = uncached, decoded in a batch = plain, batch = single, read in one pass = plain; float32."""
    model = backend_of(architecture).model
    ids, lengths = ids_of(), LENGTHS
    expected = stock_logits(model, ids)
    scale = float(expected.abs().max())
    batch = decoded_logits(model, ids, lengths, 6)
    single = torch.cat([decoded_logits(model, ids, lengths[i : i + 1], 6) for i in range(len(lengths))])
    at = torch.from_numpy(lengths[:, None] + np.arange(6)[None, :])
    assert float((cached_logits(model, ids) - expected).abs().max()) <= 1e-4 * max(1, scale)
    assert float((batch - expected[at]).abs().max()) <= 1e-4 * max(1, scale)
    assert float((batch - single).abs().max()) <= 1e-5 * max(1, scale)
    suffix = ids[50:53]
    reads = read_logits(model, ids, lengths, suffix)
    plain = torch.stack([stock_logits(model, np.concatenate([ids[:length], suffix]))[-3:] for length in lengths.tolist()])
    assert float((reads - plain).abs().max()) <= 1e-4 * max(1, scale)
    assert float(expected.std()) > 0.05, "logits too flat to notice a mistake"
    other = stock_logits(model, np.concatenate([ids[:80], ids[60:61], ids[81:]]))
    assert float((other[-1] - expected[-1]).abs().max()) > 1e-2 * scale, "attention too weak to notice a mistake"


@pytest.mark.parametrize("architecture", ["mistral-window", "gemma2", "gemma3", "gpt_oss", "cohere2"])
def test_a_window_that_is_overlooked_shows(architecture: str, monkeypatch: pytest.MonkeyPatch):
    """The negative twin: with the windows left out, all three paths are off."""
    model = backend_of(architecture).model
    assert 24 in model.windows
    ids, expected = ids_of(), stock_logits(model, ids_of())
    monkeypatch.setattr(model, "windows", [None] * len(model.windows))
    at = torch.from_numpy(LENGTHS[:, None] + np.arange(6)[None, :])
    plain = torch.stack([stock_logits(model, np.concatenate([ids[:length], ids[50:53]]))[-3:] for length in LENGTHS.tolist()])
    pairs = (
        (cached_logits(model, ids), expected),
        (decoded_logits(model, ids, LENGTHS, 6), expected[at]),
        (read_logits(model, ids, LENGTHS, ids[50:53]), plain),
    )
    for got, wanted in pairs:
        assert float((got - wanted).abs().max()) > 1e-3 * float(expected.abs().max())


def test_the_page_lists_the_families_that_are_tested():
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    table = page.split("| Supported |")[1].split("| Refused by name |")[0]
    kinds = {getattr(transformers, config).model_type.removesuffix("_text") for config, _ in ARCHITECTURES.values()}
    assert set(re.findall(r"`([a-z0-9_]+)`", table)) - {"model_type", "seq_length"} == kinds


def test_windows_are_read_off_masks():
    causal, window = Pattern(masking_utils.causal_mask_function), Pattern(masking_utils.sliding_window_causal_mask_function(24))
    wide = Pattern(masking_utils.sliding_window_causal_mask_function(CONTEXT))
    assert windows_of("x", [causal, window, wide, window], CONTEXT) == [None, 24, None, 24]


@pytest.mark.parametrize(
    "mask",
    [
        Pattern(masking_utils.chunked_causal_mask_function(64, torch.zeros(1, dtype=torch.long))),
        Pattern(masking_utils.chunked_causal_mask_function(96, torch.zeros(1, dtype=torch.long))),
        Pattern(masking_utils.bidirectional_mask_function),
        Pattern(masking_utils.sliding_window_bidirectional_mask_function(24)),
        torch.zeros(1, 1, 2, 2),
        None,
    ],
)
def test_any_other_mask_is_refused_whatever_its_length(mask: Any):
    with pytest.raises(Unsupported, match=r"x: .*; only models with causal or sliding-window attention"):
        windows_of("x", [Pattern(masking_utils.causal_mask_function), mask], CONTEXT)
