"""Packed linear layers compute what the plain ones do, in whatever family they stand, and only where this machine can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from tests.backends.local.local_models import ask, folder_of, sampling, sequence_of
from tokenworth.backends.local import packed
from tokenworth.backends.local.load import load_local
from tokenworth.backends.local.packed import PackedLinear, pack
from tokenworth.backends.local.probe import stock_logits
from tokenworth.core.request.sample import Sample

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")


@pytest.fixture
def every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LEAST", 1)


@needs_onednn
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 24), (64, 24), (2, 5, 24), (0, 24)])
def test_a_packed_layer_is_the_plain_one(dtype: torch.dtype, bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    plain, x = nn.Linear(24, 40, bias=bias, dtype=dtype).requires_grad_(False), torch.randn(shape).to(dtype)
    other = PackedLinear(plain)
    assert torch.equal(other.weight, plain.weight) and (other.in_features, other.out_features) == (24, 40)
    near = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(other(x), plain(x), rtol=near, atol=near)
    assert other(x).dtype == dtype


@needs_onednn
@pytest.mark.parametrize("architecture", ["llama", "gpt_oss", "mixtral", "deepseek_v3", "bloom", "qwen2", "cohere2"])
@pytest.mark.usefixtures("every_layer")
def test_a_packed_model_is_the_one_that_transformers_loads(architecture: str) -> None:
    """Logits, and rollouts whether they decode alone or together."""
    folder, sequence = str(folder_of(architecture)), sequence_of(9, 40, seed=2)
    backend = load_local(folder)
    layers = [module for module in backend.model.model.modules() if isinstance(module, nn.Linear | PackedLinear)]
    assert layers and all(isinstance(layer, PackedLinear) for layer in layers)
    ids = np.asarray(sequence.prefix(40))
    with torch.inference_mode():
        plain: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        expected = plain(torch.from_numpy(ids)[None], use_cache=False).logits[0]
    torch.testing.assert_close(stock_logits(backend.model, ids), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    requests = [Sample(sequence=sequence, cut=cut, params=sampling(50), seed=0, index=0) for cut in (3, 20, 20, 39)]
    assert ask(backend, requests) == [ask(backend, [request])[0] for request in requests]


@needs_onednn
def test_small_layers_and_tied_embeddings_stay_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LEAST", 24 * 40)
    large, table = nn.Linear(24, 40, bias=False), nn.Embedding(40, 24)
    table.weight = large.weight
    before, model = table.weight.detach().clone(), nn.Sequential(nn.Linear(24, 39), large, table)
    pack(model)
    first, second = model[0], model[1]
    assert type(first) is nn.Linear and isinstance(second, PackedLinear)
    assert torch.equal(table.weight, before) and torch.equal(second.weight, before)


@pytest.mark.usefixtures("every_layer")
def test_a_layer_that_would_come_out_wrong_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where this torch lacks the operation, or it does something else here."""

    def lacking(plain: nn.Linear) -> Any:
        raise AttributeError("no such operation")

    for name, value in (("forward", lambda self, x: nn.functional.linear(x, self.weight) * 1.01), ("__init__", lacking)):
        with monkeypatch.context() as patch:
            patch.setattr(PackedLinear, name, value)
            model = nn.Sequential(nn.Linear(24, 40))
            pack(model)
            assert type(model[0]) is nn.Linear
