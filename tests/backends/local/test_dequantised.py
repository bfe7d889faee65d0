"""A GGUF file in the local engine: the same numbers, or refused by name for what transformers would leave out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.backends.http.llama_cases import fixed_sequence, local_model, needs_torch, shaped, table_of
from tests.backends.llama.gguf_files import write_tiny
from tokenworth.errors import InvalidInput, Unsupported
from tokenworth.workbench.models import load_model

pytestmark = needs_torch


def test_it_is_the_bundled_model_bit_by_bit(tiny_gguf: Path, capfd: pytest.CaptureFixture[str]):
    here, read = local_model(), load_model(f"hf:{tiny_gguf}")
    sequence = fixed_sequence(here)
    np.testing.assert_array_equal(table_of(read.backend, sequence, shaped()).logprob, table_of(here.backend, sequence, shaped()).logprob)
    assert here.render is not None and read.render is not None
    turns = [{"role": "user", "content": "How many? <|end|>"}]
    assert (read.render(turns), read.stop, read.context_length) == (here.render(turns), here.stop, here.context_length)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("more", "tensors", "told"),
    [
        ([("llama.rope.scaling.type", "linear"), ("llama.rope.scaling.factor", 4.0)], (), "does not take over llama.rope.scaling.factor"),
        ([("llama.attention.sliding_window", 64)], (), "does not take over llama.attention.sliding_window"),
        ([("llama.logit_scale", 0.5)], (), "does not take over llama.logit_scale"),
        ([], ("rope_freqs.weight",), r"room for .* \(it leaves out rope_freqs.weight\)"),
    ],
)
def test_what_transformers_leaves_out_is_refused_by_name(
    more: list[tuple[str, object]], tensors: tuple[str, ...], told: str, tmp_path: Path
):
    file = write_tiny(tmp_path / "tiny.gguf", more=more, tensors=tensors)
    with pytest.raises(Unsupported, match=f"{told}.*use --model gguf:"):
        load_model(f"hf:{file}")


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tiny_gguf: Path):
    import torch

    from tokenworth.backends.local.dequantised import open_dequantised

    with pytest.raises(InvalidInput, match=r"1,108,864 weights need 8 MiB of memory as plain numbers, and 1 MiB are free"):
        open_dequantised(str(tiny_gguf), torch.float32, free=1 << 20)
