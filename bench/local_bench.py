"""What the benchmarks of the local backend share: the model, and contenders measured in processes of their own."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

N_PROMPT = 50
VOCABULARY = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run. ``peak`` is how much the process grew over what it held after loading, in MiB."""

    seconds: float
    peak: float
    extra: dict[str, Any]


def quiet() -> None:
    """Silences transformers."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def save_model(folder: Path) -> None:
    """A random 8-layer Llama of width 256 (4 heads of 64, vocabulary 1,024) with a small tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    quiet()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        initializer_range=0.25,
        eos_token_id=None,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    alphabet = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def stock_model(folder: str) -> Any:
    """The model as transformers loads it: float32, its default attention (SDPA). One short forward warms it up."""
    import torch
    from transformers import AutoModelForCausalLM

    quiet()
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        model(torch.tensor([random_ids(64)]))
    return model


def random_ids(n: int, seed: int = 0) -> list[int]:
    """Random token ids."""
    import numpy as np

    return np.random.default_rng(seed).integers(5, VOCABULARY, size=n).tolist()


def peak_mib() -> float:
    """The most this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(folder: str, make: Callable[[str], Callable[[], dict[str, Any]]]) -> None:
    """Loads a contender, runs it once and prints what it took as a line of JSON."""
    import torch

    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    work = make(folder)
    before, start = peak_mib(), time.perf_counter()
    extra = work()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": extra.pop("seconds", seconds), "peak": peak_mib() - before, "extra": extra}))


def measure(script: str, name: str, folder: str, threads: int, options: list[str]) -> Run:
    """One contender in a fresh process."""
    environment = {**os.environ, "BENCH_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, script, "--contender", name, "--folder", folder, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Run(seconds=found["seconds"], peak=found["peak"], extra=found["extra"])


def interleaved(script: str, names: list[str], rounds: int, threads: int, options: list[str]) -> dict[str, list[Run]]:
    """Every contender once a round, so that all see the same disturbances."""
    found: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder))
        for i in range(rounds):
            for name in names:
                print(f"round {i + 1} of {rounds}: {name} …", file=sys.stderr, flush=True)
                found[name].append(measure(script, name, folder, threads, options))
    return found


def best(runs: list[Run]) -> float:
    """Seconds of the fastest run."""
    return min(run.seconds for run in runs)


def spread(mine: list[Run], theirs: list[Run]) -> str:
    """The ratio of each round, as the lowest and the highest."""
    ratios = [b.seconds / a.seconds for a, b in zip(mine, theirs, strict=True)]
    return f"{min(ratios):.1f}–{max(ratios):.1f}"


def peak(runs: list[Run]) -> float:
    """Median growth in MiB."""
    return statistics.median(run.peak for run in runs)


def arguments(description: str, options: Mapping[str, int]) -> argparse.Namespace:
    """The command line: whole-number options with their defaults, and the two that workers get."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in {"rounds": 3, "threads": 1, **options}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()
