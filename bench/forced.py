"""Forced answers at all cuts of a trace, four ways: prints a Markdown table.

    python bench/forced.py [--tokens T] [--suffix S] [--stride K] [--rounds N] [--threads N]

A random 8-layer Llama of width 256, float32, a prompt of 50 tokens, a trace of T = 1,000, a suffix of S = 4 and 8, and four options
of one token. Every contender runs in its own process, once a round, and computes logits only where an answer is read. "One
prefill per cut" is measured at every K-th cut and scaled by the tokens it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from local_bench import N_PROMPT, arguments, best, interleaved, peak, random_ids, spread, stock_model, worker

OURS, PREFILL, CROP, FLOOR, CHUNKS = "shared prefix (this)", "one prefill per cut", "KV cache cropped per cut", "floor", "floor in chunks"
OPTIONS = (10, 11, 12, 13)
SUFFIXES = (4, 8)


def shared(folder: str, tokens: int, suffix: int, stride: int) -> Callable[[], dict[str, Any]]:
    """The backend's read, nothing computed before."""
    from tokenworth.backends.local.forced import read
    from tokenworth.backends.local.load import load_local
    from tokenworth.core.request.read import Read
    from tokenworth.core.tokens import TokenSequence

    backend = load_local(folder)
    sequence = TokenSequence(prompt=tuple(random_ids(N_PROMPT)), completion=tuple(random_ids(tokens, 1)))
    cuts = tuple(range(tokens))
    request = Read(sequence=sequence, cuts=cuts, suffix=tuple(random_ids(suffix, 2)), continuations=tuple((i,) for i in OPTIONS))

    def work() -> dict[str, Any]:
        table = read(backend.model, backend.prefixes, request)
        return {"logprob": table.logprob[::stride].tolist()}

    return work


def prefill(folder: str, tokens: int, suffix: int, stride: int) -> Callable[[], dict[str, Any]]:
    """A whole forward for every cut."""
    import time

    import torch

    model = stock_model(folder)
    prompt, trace, after = random_ids(N_PROMPT), random_ids(tokens, 1), random_ids(suffix, 2)
    cuts = range(0, tokens, stride)
    scale = sum(N_PROMPT + c + suffix for c in range(tokens)) / sum(N_PROMPT + c + suffix for c in cuts)

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        start, table = time.perf_counter(), []
        for cut in cuts:
            ids = torch.tensor([prompt + trace[:cut] + after])
            logits = model(ids, use_cache=False, logits_to_keep=1).logits[0, -1]
            table.append(logits.log_softmax(-1)[list(OPTIONS)].tolist())
        return {"logprob": table, "seconds": (time.perf_counter() - start) * scale}

    return work


def crop(folder: str, tokens: int, suffix: int, stride: int) -> Callable[[], dict[str, Any]]:
    """One prefill; from the last cut to the first, the cache is cropped and the suffix run."""
    import torch
    from transformers import DynamicCache

    from tokenworth.backends.local.model import cache_argument

    model = stock_model(folder)
    prompt, trace, after = random_ids(N_PROMPT), random_ids(tokens, 1), torch.tensor([random_ids(suffix, 2)])

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        cache, table = DynamicCache(config=model.config), []
        kept = {cache_argument(model): cache}
        model(torch.tensor([prompt + trace]), **kept, logits_to_keep=1)
        for cut in reversed(range(tokens)):
            cache.crop(N_PROMPT + cut - cache.get_seq_length())
            logits = model(after, **kept, logits_to_keep=1).logits[0, -1]
            table.append(logits.log_softmax(-1)[list(OPTIONS)].tolist())
        return {"logprob": table[::-1][::stride]}

    return work


def floor(folder: str, tokens: int, suffix: int, stride: int, rows: int = 0) -> Callable[[], dict[str, Any]]:
    """(1 + S) · T token-forwards with no prefix to attend to and no logits: all rows at once, or ``rows`` at a time."""
    import torch

    decoder = stock_model(folder).model
    ids = torch.tensor(random_ids(tokens * (1 + suffix))).view(tokens, 1 + suffix)

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        for start in range(0, tokens, rows or tokens):
            decoder(ids[start : start + (rows or tokens)], use_cache=False)
        return {}

    return work


def report(args: Any, suffix: int, makers: list[str]) -> None:
    """One table for one length of the suffix."""
    options = [f"--tokens={args.tokens}", f"--stride={args.stride}", f"--suffix={suffix}"]
    runs = interleaved(__file__, makers, args.rounds, args.threads, options)
    mine = best(runs[OURS])
    print(f"T = {args.tokens}, suffix of {suffix} tokens, {args.threads} thread(s), best of {args.rounds} rounds; [lowest–highest round]\n")
    print("| way | seconds | time over shared prefix | expected | memory grown by, MiB |\n|---|---:|---:|---|---:|")
    expected = {OURS: "", PREFILL: "≥ 30", CROP: "≥ 7", FLOOR: "≥ 0.63", CHUNKS: ""}
    for name in (OURS, PREFILL, CROP, FLOOR, CHUNKS):
        ratio = "1" if name == OURS else f"{best(runs[name]) / mine:.2f} [{spread(runs[OURS], runs[name])}]"
        print(f"| {name} | {best(runs[name]):.2f} | {ratio} | {expected[name]} | {peak(runs[name]):.0f} |")
    tables = {name: np.exp(np.array(runs[name][0].extra["logprob"])) for name in (OURS, PREFILL, CROP)}
    worst = {name: float(np.abs(tables[name] - tables[PREFILL]).max()) for name in (OURS, CROP)}
    print(f"\nThe shared prefix takes {mine / best(runs[FLOOR]):.2f} times the floor (expected ≤ 1.6).", end=" ")
    print(f"Largest difference of an option's probability from one prefill per cut: {worst[OURS]:.1e} (expected ≤ 1e-5;", end=" ")
    print(f"the cropped cache differs by {worst[CROP]:.1e}; probabilities up to {tables[PREFILL].max():.2g}).\n")


def main() -> None:
    """Prints the tables, or is one contender."""
    args = arguments("Forced answers at all cuts, four ways.", {"tokens": 1000, "suffix": 0, "stride": 25})
    shape = (args.tokens, args.suffix, args.stride)
    makers: dict[str, Callable[[str], Callable[[], dict[str, Any]]]] = {
        OURS: lambda folder: shared(folder, *shape),
        CROP: lambda folder: crop(folder, *shape),
        FLOOR: lambda folder: floor(folder, *shape),
        CHUNKS: lambda folder: floor(folder, *shape, rows=max(1, 512 // (1 + args.suffix))),
        PREFILL: lambda folder: prefill(folder, *shape),
    }
    if args.contender:
        worker(args.folder, makers[args.contender])
        return
    for suffix in (args.suffix,) if args.suffix else SUFFIXES:
        report(args, suffix, list(makers))


if __name__ == "__main__":
    main()
