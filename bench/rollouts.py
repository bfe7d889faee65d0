"""Rollouts from 64 cuts of one 800-token sequence, five ways: prints a Markdown table of tokens per second and memory.

    python bench/rollouts.py [--new N] [--rounds N] [--threads N]

A random 8-layer Llama of width 256, float32, prompt 50 and trace 750 tokens, 64 cuts evenly spread, N = 64 new tokens each,
temperature 1, top-k 20, top-p 0.95. Every contender runs in its own process, once a round, and its prefill counts. ``generate``
is tried at four batch sizes (its inputs sorted by length, so that little is padded) and compared at its best.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from local_bench import N_PROMPT, arguments, best, interleaved, peak, random_ids, spread, stock_model, worker

OURS, BATCH, LOOP = "shared prefix (this)", "generate_batch", "per-prefix loop, n = 5"
SIZES = {f"generate, batch {size}": size for size in (8, 16, 32, 64)}
N_CUTS, N_TRACE, LOOP_EVERY, LOOP_N = 64, 750, 4, 5
SAMPLING = {"do_sample": True, "temperature": 1.0, "top_k": 20, "top_p": 0.95, "pad_token_id": 0, "eos_token_id": None}


def cuts() -> list[int]:
    """64 cuts from 0 to the last token."""
    return [round(i * (N_TRACE - 1) / (N_CUTS - 1)) for i in range(N_CUTS)]


def prefixes() -> list[list[int]]:
    """The ids before each cut."""
    prompt, trace = random_ids(N_PROMPT), random_ids(N_TRACE, 1)
    return [prompt + trace[:cut] for cut in cuts()]


def shared(folder: str, new: int) -> Callable[[], dict[str, Any]]:
    """The backend's engine; limits count from the prompt there, so each row's is set to ``new`` more tokens."""
    from tokenworth.backends.local.engine import Engine, Start
    from tokenworth.backends.local.load import load_local
    from tokenworth.backends.local.rows import Rows
    from tokenworth.core.keys import Keyer
    from tokenworth.core.ports import KeyedRequest
    from tokenworth.core.request.sample import Sample
    from tokenworth.core.sampling import Sampling
    from tokenworth.core.tokens import TokenSequence

    class Equal(Engine):
        def _seat(self, row: int, start: Start) -> None:
            start.limit = new
            super()._seat(row, start)

    backend = load_local(folder)
    sequence = TokenSequence(prompt=tuple(random_ids(N_PROMPT)), completion=tuple(random_ids(N_TRACE, 1)))
    params = Sampling(temperature=1.0, top_k=20, top_p=0.95, min_p=0.0, max_tokens=N_TRACE + new, stop=())
    requests = [Sample(sequence=sequence, cut=cut, params=params, seed=0, index=i) for i, cut in enumerate(cuts())]
    keyer = Keyer(backend.fingerprint)

    def no_table(request: object) -> Any:
        raise AssertionError(f"only rollouts are asked for, got {request}")

    def work() -> dict[str, Any]:
        items = [KeyedRequest(key=keyer.key(request), request=request) for request in requests]
        done = list(Equal(backend.model, backend.prefixes, Rows(N_CUTS)).run(iter(items), no_table, whole=True))
        return {"tokens": sum(len(rollout.ids) for _, rollout in done)}

    return work


def padded(folder: str, new: int, size: int) -> Callable[[], dict[str, Any]]:
    """``generate`` with left padding."""
    import torch

    model = stock_model(folder)

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        tokens, rows = 0, prefixes()
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            longest = max(map(len, part))
            ids = torch.tensor([[0] * (longest - len(row)) + row for row in part])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part])
            out = model.generate(ids, attention_mask=mask, max_new_tokens=new, **SAMPLING)
            tokens += out.shape[0] * (out.shape[1] - longest)
        return {"tokens": tokens}

    return work


def continuous(folder: str, new: int) -> Callable[[], dict[str, Any]]:
    """transformers' continuous batching, block sharing allowed; the fastest of the page and batch sizes tried on a CPU."""
    from transformers import ContinuousBatchingConfig, GenerationConfig

    model = stock_model(folder)
    settings = GenerationConfig(max_new_tokens=new, **{**SAMPLING, "eos_token_id": -1})
    config = ContinuousBatchingConfig(page_size=32, num_blocks=1100, max_batch_tokens=1024)

    def work() -> dict[str, Any]:
        done = model.generate_batch(prefixes(), generation_config=settings, continuous_batching_config=config)
        return {"tokens": sum(len(output.generated_tokens) for output in done.values())}

    return work


def loop(folder: str, new: int) -> Callable[[], dict[str, Any]]:
    """A ``generate`` of n = 5 for one prefix after the other, each encoded anew; measured at every fourth cut."""
    import torch

    model = stock_model(folder)

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        tokens, start = 0, time.perf_counter()
        for row in prefixes()[LOOP_EVERY // 2 :: LOOP_EVERY]:
            ids = torch.tensor([row])
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, num_return_sequences=LOOP_N, **SAMPLING)
            tokens += out.shape[0] * (out.shape[1] - len(row))
        scale = N_CUTS * new / tokens
        return {"tokens": N_CUTS * new, "seconds": (time.perf_counter() - start) * scale}

    return work


def main() -> None:
    """Prints the table, or is one contender."""
    args = arguments("Rollouts from 64 cuts, five ways.", {"new": 64})
    makers: dict[str, Callable[[str], Callable[[], dict[str, Any]]]] = {
        OURS: lambda folder: shared(folder, args.new),
        **{name: (lambda folder, size=size: padded(folder, args.new, size)) for name, size in SIZES.items()},
        BATCH: lambda folder: continuous(folder, args.new),
        LOOP: lambda folder: loop(folder, args.new),
    }
    if args.contender:
        worker(args.folder, makers[args.contender])
        return
    runs = interleaved(__file__, list(makers), args.rounds, args.threads, [f"--new={args.new}"])
    fastest = min(SIZES, key=lambda name: best(runs[name]))
    tokens = N_CUTS * args.new
    assert all(run.extra["tokens"] == tokens for found in runs.values() for run in found), "a contender made fewer tokens"
    print(f"{N_CUTS} rollouts of {args.new} tokens, {args.threads} thread(s), best of {args.rounds} rounds; [lowest–highest round]\n")
    print("| way | tokens/s | time over shared prefix | expected | memory grown by, MiB |\n|---|---:|---:|---|---:|")
    for name in makers:
        ratio = "1" if name == OURS else f"{best(runs[name]) / best(runs[OURS]):.1f} [{spread(runs[OURS], runs[name])}]"
        expected = "≥ 6 (its best batch size)" if name == fastest else ""
        print(f"| {name} | {tokens / best(runs[name]):.0f} | {ratio} | {expected} | {peak(runs[name]):.0f} |")


if __name__ == "__main__":
    main()
