"""What the lens costs beside the warm forced pass: prints a Markdown table.

    python bench/lens.py [--model NAME …] [--tokens T] [--rounds N] [--threads N]

`random` is an 8-layer Llama of width 256. Every cut of a trace of T tokens after an exit text of five tokens, four options of one
token; the prefix is computed before (warm). Forced answers and the others take turns in one process, in each round from another one on,
and a ratio is the median over rounds of their processor times in the same round. Hidden are 20 spans that cover the trace, read at its
end.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch

from local_bench import save_model
from tokenworth.backends.bundled import BUNDLED
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.forced import read
from tokenworth.backends.local.load import load_local
from tokenworth.core.request.hidden import Hidden
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.lens import Lens
from tokenworth.core.request.read import Read
from tokenworth.core.tokens import TokenSequence
from tokenworth.internals.hidden import hidden
from tokenworth.internals.layers import layers_of
from tokenworth.internals.lens import lens, with_mass
from tokenworth.internals.patch import hide

N_PROMPT, OPTIONS, SPANS = 40, (20, 21, 22, 23), 20


def opened(name: str) -> LocalBackend:
    """The bundled model, or any local one."""
    if name in BUNDLED:
        return load_local(str(BUNDLED[name][0]))
    if name == "random":
        folder = Path(mkdtemp(prefix="tokenworth-bench-"))
        save_model(folder)
        return load_local(str(folder))
    return load_local(name.removeprefix("hf:"))


def row(name: str, tokens: int, rounds: int) -> None:
    """One model: seconds of the forced pass, and every lens over it."""
    backend = opened(name)
    model, rng = backend.model, np.random.default_rng(0)
    ids = rng.integers(10, min(model.vocab_size, model.codec.vocab_size) - 1, size=N_PROMPT + tokens + 5).tolist()
    tokens = min(tokens, model.context_length - N_PROMPT - 8)
    sequence = TokenSequence(prompt=tuple(ids[:N_PROMPT]), completion=tuple(ids[N_PROMPT : N_PROMPT + tokens]))
    cuts, suffix = tuple(range(tokens + 1)), tuple(ids[-5:])
    forced = Read(sequence=sequence, cuts=cuts, suffix=suffix, continuations=tuple((one,) for one in OPTIONS))
    lenses = {
        mass: Lens(sequence=sequence, cuts=cuts, place="exit", suffix=suffix, tokens=OPTIONS, mass=mass) for mass in ("last", "some", "all")
    }
    along = Lens(sequence=sequence, cuts=cuts, place="trace", tokens=OPTIONS)
    states = Hidden(sequence=sequence, cuts=cuts, place="exit", suffix=suffix, layers=(layers_of(model).depth // 2,))
    edges = [round(i * tokens / SPANS) for i in range(SPANS + 1)]
    spans, options = tuple(zip(edges, edges[1:], strict=False)), forced.continuations
    direct = Hide(sequence=sequence, cut=tokens, spans=spans, way="direct", suffix=suffix, continuations=options)
    total = replace(direct, way="total")
    work = {
        "forced": lambda: read(model, backend.prefixes, forced),
        **{f"mass {mass}": lambda one=one: lens(model, backend.prefixes, one) for mass, one in lenses.items()},
        "trace": lambda: lens(model, backend.prefixes, along),
        "states of one layer": lambda: hidden(model, backend.prefixes, states),
        "direct": lambda: hide(model, backend.prefixes, direct),
        "total": lambda: hide(model, backend.prefixes, total),
    }
    seconds: dict[str, list[float]] = {one: [] for one in work}
    for number in range(rounds + 1):
        for one in [*work][number % len(work) :] + [*work][: number % len(work)]:
            start = time.process_time()
            work[one]()
            if number:
                seconds[one].append(time.process_time() - start)
    layers = len(with_mass(layers_of(model), lenses["some"]))
    base = seconds["forced"]
    print(
        f"| {name.rsplit('/', 1)[-1]} | {tokens} | {layers_of(model).depth} | {model.vocab_size:,} | {statistics.median(base):.2f} | ",
        end="",
    )
    ratios = [statistics.median(a / b for a, b in zip(seconds[one], base, strict=True)) for one in work if one != "forced"]
    print(" | ".join(f"{ratio:.2f}" for ratio in ratios), f"| {layers} |", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", action="append", default=None)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    names = [
        "model",
        "T",
        "layers",
        "vocabulary",
        "forced, s",
        "mass at the last layer",
        "at some",
        "at all",
        "place trace",
        "states of one layer",
        f"direct, {SPANS} spans",
        f"total, {SPANS} spans",
    ]
    print("| " + " | ".join(names) + " | layers with mass (some) |")
    print("|---" + "|---:" * len(names) + "|")
    for name in args.model or ["tiny"]:
        row(name, args.tokens, args.rounds)


if __name__ == "__main__":
    main()
