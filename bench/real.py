"""Rollouts of a real model, SmolLM2-135M: prints a Markdown table of tokens per second, and of where the time goes.

    python bench/real.py --real FOLDER [--rounds N] [--new N] [--threads 1 2] [--without generate llama.cpp] [--processor-time]

FOLDER holds the GGUF file that scripts/get_real.sh fetches (`make bench-real`); its weights are written there once as fp32. 64 rollouts
of 64 tokens from 64 cuts, evenly spread over a base of 500 tokens; temperature 1 and no filter. Every contender runs in its own process,
once a round, and its prefill counts.

*Products alone*: while the engine runs, after every few of its steps, all linear layers run once more on as many rows, one after the
other, and nothing else does. That many products as the run made give the seconds that the run would take if it did nothing else.
``generate`` (fp32) is tried at four batch sizes in the first round, and then at its best; llama.cpp has 8 slots, its own cache
settings and the 4-bit file. ``--processor-time`` counts what the engine's thread computes, not what it waits for others: with one thread,
and without the other contenders, on a machine that is busy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from local_bench import Run, measure, quiet, worker  # noqa: E402
from tests.real.weights import NAME, dequantise  # noqa: E402

N_BASE, N_PROMPT, N_CUTS, SLOTS, EVERY = 500, 50, 64, 8, 4
SIZES = (8, 16, 32, 64)
OURS = {"fp32": "float32", "bf16": "bfloat16"}
Work = Callable[[], dict[str, Any]]
clock = time.perf_counter


def base() -> list[int]:
    """Random ids of the model's vocabulary."""
    return np.random.default_rng(0).integers(300, 40_000, size=N_BASE).tolist()


def prefixes() -> list[list[int]]:
    """The ids before each of 64 cuts, the shortest first."""
    last = N_BASE - N_PROMPT
    return [base()[: N_PROMPT + round(i * last / (N_CUTS - 1))] for i in range(N_CUTS)]


class Products:
    """A model's linear layers, alone and while the engine uses them."""

    def __init__(self, model: Any, spent: Counter[str]) -> None:
        import torch

        from tokenworth.backends.local.packed import PackedLinear

        layers = [module for module in model.model.modules() if isinstance(module, torch.nn.Linear | PackedLinear)]
        self.head = model.head.forward
        self.layers = [(module.in_features, module.forward) for module in layers if module is not model.head]
        self.weights = [module.weight for module in layers]
        self.dtype = model.dtype
        self.seconds: dict[str, list[float]] = {"layers": [], "head": []}
        for module in layers:
            module.forward = timed(module.forward, "products", spent)
        self.width = model.head.in_features

    def alone(self, rows: int) -> None:
        """One pass of all of them over so many rows."""
        import torch

        x = {width: torch.randn(rows, 1, width).to(self.dtype) for width in {self.width, *(width for width, _ in self.layers)}}
        began = clock()
        for width, forward in self.layers:
            forward(x[width])
        middle = clock()
        self.head(x[self.width][:, -1])
        self.seconds["layers"].append(middle - began)
        self.seconds["head"].append(clock() - middle)

    def over_plain(self, rows: int, rounds: int = 7) -> float:
        """How many times as long the same products take with torch's plain weights."""
        import torch

        x = {weight.shape[1]: torch.randn(rows, weight.shape[1]).to(self.dtype) for weight in self.weights}
        ratios: list[float] = []
        for _ in range(rounds):
            self.alone(rows)
            began = clock()
            for weight in self.weights:
                torch.nn.functional.linear(x[weight.shape[1]], weight)
            plain = clock() - began
            ratios.append(plain / (self.seconds["layers"].pop() + self.seconds["head"].pop()))
        return statistics.median(ratios)


def timed(function: Callable[..., Any], name: str, spent: Counter[str]) -> Callable[..., Any]:
    """The function, with its seconds added up."""

    def measured(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        found = function(*args, **kwargs)
        spent[name] += clock() - began  # pyright: ignore[reportArgumentType]
        return found

    return measured


def shared(folder: str, dtype: str, new: int) -> Work:
    """The backend's engine; limits count from the prompt there, so each row's is set to ``new`` more tokens."""
    import torch

    from tokenworth.backends.local import engine as engines
    from tokenworth.backends.local.attention import ForwardPass
    from tokenworth.backends.local.load import load_local
    from tokenworth.backends.local.rows import Rows
    from tokenworth.core.keys import Keyer
    from tokenworth.core.ports import KeyedRequest
    from tokenworth.core.request.sample import Sample
    from tokenworth.core.sampling import Sampling
    from tokenworth.core.tokens import TokenSequence

    backend, spent = load_local(folder, dtype=dtype), Counter[str]()
    products = Products(backend.model, spent)
    engines.draw = timed(engines.draw, "sampling", spent)  # pyright: ignore[reportPrivateImportUsage]
    ForwardPass.run = timed(ForwardPass.run, "attention", spent)

    class Equal(engines.Engine):
        def _seat(self, row: int, start: engines.Start) -> None:
            start.limit = new
            super()._seat(row, start)

        def _step(self) -> list[int]:
            rows = self.rows.n
            done = super()._step()
            if self.steps % EVERY == 0:
                with torch.inference_mode():
                    timed(products.alone, "alone", spent)(rows)
            return done

    ids = base()
    sequence = TokenSequence(prompt=tuple(ids[:N_PROMPT]), completion=tuple(ids[N_PROMPT:]))
    params = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=N_BASE + new, stop=())
    requests = [Sample(sequence=sequence, cut=len(row) - N_PROMPT, params=params, seed=0, index=i) for i, row in enumerate(prefixes())]
    keyer = Keyer(backend.fingerprint)

    def work() -> dict[str, Any]:
        items = [KeyedRequest(key=keyer.key(request), request=request) for request in requests]
        engine, began = Equal(backend.model, backend.prefixes, Rows(N_CUTS)), clock()
        done = list(engine.run(iter(items), lambda request: None, whole=True))  # pyright: ignore[reportArgumentType]
        seconds = clock() - began - spent["alone"]
        shares = {name: spent[name] / seconds for name in ("products", "attention", "sampling")}
        layers, head = (statistics.median(products.seconds[name]) for name in ("layers", "head"))
        # The base is computed in chunks of 64 tokens, and first tokens are drawn from it.
        chunks = -(-N_BASE // backend.prefixes.size) * backend.prefixes.size / N_CUTS
        floor = layers * (engine.steps + chunks) + head * (engine.steps + 1)
        with torch.inference_mode():
            plain = products.over_plain(N_CUTS)
        tokens = sum(len(rollout.ids) for _, rollout in done)  # pyright: ignore[reportAttributeAccessIssue]
        return {"seconds": seconds, "tokens": tokens, "floor": floor, "plain": floor * plain, **shares}

    return work


def padded(folder: str, new: int, size: int) -> Work:
    """``generate`` with left padding, its inputs sorted by length."""
    import torch
    from transformers import AutoModelForCausalLM

    quiet()
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    sampling = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0, "eos_token_id": None}

    @torch.inference_mode()
    def work() -> dict[str, Any]:
        tokens, rows = 0, prefixes()
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            longest = max(map(len, part))
            ids = torch.tensor([[0] * (longest - len(row)) + row for row in part])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part])
            out = model.generate(ids, attention_mask=mask, max_new_tokens=new, **sampling)
            tokens += out.shape[0] * (out.shape[1] - longest)
        return {"tokens": tokens}

    return work


def llama(gguf: Path, threads: int, new: int) -> Run:
    """The 4-bit file behind llama.cpp, 8 slots."""
    from servers_bare import send_bodies
    from tests.servers.llama import llama_server

    settings = {"n_predict": new, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "ignore_eos": True, "cache_prompt": True}
    bodies = [json.dumps({"prompt": row, "seed": i, **settings}).encode() for i, row in enumerate(prefixes())]
    with llama_server(gguf, SLOTS, threads=threads, fast=True) as url:
        sent = send_bodies(url.partition("/v1")[0] + "/completion", bodies, SLOTS)
    tokens = sum(json.loads(reply)["tokens_predicted"] for reply in sent.replies)
    return Run(seconds=sent.seconds, peak=0.0, extra={"tokens": tokens})


def run_rounds(args: argparse.Namespace, gguf: Path, folder: str, threads: int) -> Iterator[tuple[str, Run]]:
    """Every contender once a round, so that all see the same disturbances."""
    sizes = [] if "generate" in args.without else list(SIZES)
    seconds: dict[int, float] = {}
    for i in range(args.rounds):
        for name in (*OURS, *(f"generate {size}" for size in sizes), "llama.cpp"):
            if name in args.without:
                continue
            print(f"{threads} thread(s), round {i + 1} of {args.rounds}: {name} …", file=sys.stderr, flush=True)
            options = [f"--real={args.real}", f"--new={args.new}", *["--processor-time"] * args.processor_time]
            run = llama(gguf, threads, args.new) if name == "llama.cpp" else measure(__file__, name, folder, threads, options)
            assert run.extra["tokens"] == N_CUTS * args.new, f"{name} made {run.extra['tokens']} tokens"
            if name.startswith("generate"):
                seconds[int(name.split()[1])] = run.seconds
            yield name, run
        sizes = [min(seconds, key=lambda size: seconds[size])] if seconds else []


def ratio(runs: dict[str, list[Run]], one: str, other: str) -> str:
    """How many times as fast, the median of the rounds."""
    if not runs.get(other):
        return ""
    return f"{statistics.median(b.seconds / a.seconds for a, b in zip(runs[one], runs[other], strict=True)):.1f}"


def rows(runs: dict[str, list[Run]], threads: int, tokens: int) -> Iterator[str]:
    """Lines of the table."""
    tried = [name for name in runs if name.startswith("generate")]
    best = max(tried, key=lambda name: (len(runs[name]), -runs[name][0].seconds), default="")

    def of(name: str, value: Callable[[Run], float]) -> float:
        return statistics.median(map(value, runs[name]))

    for name in OURS:
        share = of(name, lambda run: run.extra["floor"] / run.seconds)
        parts = [of(name, lambda run, part=part: run.extra[part]) for part in ("products", "attention", "sampling")]
        rest = of(name, lambda run: 1 - sum(run.extra[part] for part in ("products", "attention", "sampling")))
        rates = [
            tokens / of(name, value) for value in (lambda run: run.seconds, lambda run: run.extra["floor"], lambda run: run.extra["plain"])
        ]
        cells = [
            threads,
            name,
            f"{rates[0]:.0f}",
            f"{rates[1]:.0f}",
            f"{share:.2f}",
            f"{rates[2]:.0f}",
            *(f"{x:.2f}" for x in (*parts, rest)),
        ]
        cells += [ratio(runs, name, "fp32"), ratio(runs, name, best), ratio(runs, name, "llama.cpp")]
        yield "| " + " | ".join(map(str, cells)) + " |"
    for name in (*tried, "llama.cpp"):
        if name in runs:
            yield f"| {threads} | {name} | {tokens / of(name, lambda run: run.seconds):.0f} |" + " |" * 10


HEAD = (
    "threads",
    "way",
    "tokens/s",
    "products alone, tokens/s",
    "share of that",
    "plain products, tokens/s",
    "products",
    "attention",
    "sampling",
    "rest",
    "over fp32",
    "over generate",
    "over llama.cpp",
)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Rollouts of a real model.")
    parser.add_argument("--real", type=Path, required=True, help="folder of the GGUF file")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--new", type=int, default=64, help="tokens of a rollout (64)")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="default 1 2")
    parser.add_argument("--without", nargs="*", default=[], choices=["generate", "llama.cpp"])
    parser.add_argument("--processor-time", action="store_true", help="for one thread on a busy machine")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main() -> None:
    """Prints the table, or is one contender."""
    args = arguments()
    if args.processor_time:
        global clock
        clock = time.thread_time
    if args.contender in OURS:
        worker(args.folder, lambda folder: shared(folder, OURS[args.contender], args.new))
    elif args.contender:
        worker(args.folder, lambda folder: padded(folder, args.new, int(args.contender.split()[1])))
    else:
        table(args)


def table(args: argparse.Namespace) -> None:
    """Measures, and prints the table."""
    gguf = args.real / f"{NAME}.gguf"
    quiet()
    folder = str(dequantise(gguf, args.real / "smollm2"))
    print(f"{N_CUTS} rollouts of {args.new} tokens from a base of {N_BASE}, medians of {args.rounds} rounds\n")
    print("| " + " | ".join(HEAD) + " |\n|--:|---|" + "--:|" * (len(HEAD) - 2))
    for threads in args.threads:
        runs: dict[str, list[Run]] = {}
        for name, run in run_rounds(args, gguf, folder, threads):
            runs.setdefault(name, []).append(run)
        print("\n".join(rows(runs, threads, N_CUTS * args.new)), flush=True)


if __name__ == "__main__":
    main()
