"""Time and memory of attention masses beside one pass: T tokens, 28 heads of random weights; prints one line for each.

python bench/attention.py [--tokens 4000] [--heads 28] [--segments 160]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tests.backends.local.local_models import save_model
from tokenworth.backends.local.attention import BaseKV, PrefillStep
from tokenworth.backends.local.load import load_local
from tokenworth.core.request.masses import Masses
from tokenworth.core.tokens import TokenSequence
from tokenworth.internals.attention import masses
from tokenworth.internals.layers import layers_of


def peak() -> float:
    """The most memory that this process has held, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measured(name: str, work: Callable[[], object]) -> None:
    before, began = peak(), time.process_time()
    work()
    print(f"{name}: {time.process_time() - began:.1f} s of a processor, {max(0.0, peak() - before):.3f} GB beyond what was held before")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--heads", type=int, default=28)
    parser.add_argument("--segments", type=int, default=160)
    chosen = parser.parse_args()
    shape = {
        "num_attention_heads": chosen.heads,
        "num_key_value_heads": chosen.heads // 7 or 1,
        "head_dim": 64,
        "hidden_size": 8 * chosen.heads,
    }
    more = {"num_hidden_layers": 2, "max_position_embeddings": chosen.tokens + 64}
    with tempfile.TemporaryDirectory() as folder:
        backend = load_local(str(save_model(Path(folder), "LlamaConfig", {**shape, **more})))
    model, rng = backend.model, np.random.default_rng(0)
    layers_of(model)
    ids = tuple(rng.integers(10, 300, size=chosen.tokens).tolist())
    bounds = tuple(np.linspace(0, chosen.tokens - 40, chosen.segments + 1).astype(int).tolist())
    request = Masses(sequence=TokenSequence(prompt=ids[:40], completion=ids[40:]), bounds=bounds, layers=(1,))

    def plain() -> None:
        with torch.inference_mode():
            step = PrefillStep(BaseKV(), len(ids))
            model.hidden(torch.tensor([ids]), torch.arange(len(ids))[None], step)

    measured("one pass", plain)
    measured("one pass with the masses of one layer", lambda: masses(model, backend.prefixes, request))


if __name__ == "__main__":
    main()
