"""Many experiments: one by one against together, on the bundled model and on llama.cpp with 8 slots, and the memory of a long run.

``python bench/many.py [--only local|server|memory]``. Both sides of a pair run in one process, in changing order; results are compared
where draws repeat.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenworth.backends.http.options import ServerOptions
from tokenworth.core.ports import Metered
from tokenworth.core.request.experiment import Experiment
from tokenworth.methods.curve.experiment import curve_of
from tokenworth.methods.curve.result import CurveResult
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.sample.choice import choose_trace
from tokenworth.methods.sample.experiment import answers_of
from tokenworth.methods.sample.result import SampleResult
from tokenworth.run.drive import drive, drive_all
from tokenworth.store.memory import MemoryStore
from tokenworth.tasks.load import load_task
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.choices import SamplerSettings

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
TASK = "world:steps"
TINY = ROOT / "src" / "tokenworth" / "assets" / "tiny"
Made = list[tuple[str, Experiment[Any]]]


def answers(bench: Workbench, n: int, samples: int, limit: int | None = None) -> Iterator[tuple[str, Experiment[SampleResult]]]:
    """An experiment a problem: so many answers."""
    task = load_task(TASK, limit=n)
    for problem in task:
        subject = bench.case(problem).subject(SamplerSettings(limit=limit))
        yield problem.id, answers_of(subject, samples, seed=0, level=0.95)


def curves(bench: Workbench, n: int, rollouts: int) -> Iterator[tuple[str, Experiment[CurveResult]]]:
    """An experiment a problem: the first answer, and the curve of its trace."""
    for problem in load_task(TASK, limit=n):
        yield problem.id, curve(bench, problem, rollouts)


def curve(bench: Workbench, problem: Any, rollouts: int) -> Experiment[CurveResult]:
    """A base trace and its curve."""
    subject = bench.case(problem).subject()
    base = choose_trace((yield from answers_of(subject, 1, seed=0, level=0.95)), "any")[1]
    return (yield from curve_of(replace(subject, trace=base), CurveSettings(max_rollouts=rollouts)))


def compare(bench: Workbench, made: Any, *, together_first: bool) -> dict[str, Any]:
    """Seconds one by one and together, each from an empty store, requests and prompt tokens computed, how many results are the same."""
    backend = bench.model.backend

    def alone() -> dict[str, Any]:
        return {name: drive(experiment, backend=backend, store=MemoryStore()) for name, experiment in made()}

    def together() -> dict[str, Any]:
        return {ended.name: ended.value() for ended in drive_all(made(), models=backend, store=MemoryStore())}

    found: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for run in (together, alone) if together_first else (alone, together):
        before, start = spent(backend), time.perf_counter()
        results.append(run())
        found[run.__name__] = time.perf_counter() - start
        found[f"{run.__name__} sent"] = tuple(b - a for a, b in zip(before, spent(backend), strict=True))
    found["same"] = sum(same_result(one, results[1][name]) for name, one in results[0].items())
    return found | {"of": len(results[0])}


def spent(backend: Any) -> tuple[int, int]:
    """Requests sent to a server and prompt tokens that it computed, so far."""
    if not isinstance(backend, Metered):
        return 0, 0
    so_far = backend.spent()
    return so_far.requests, so_far.tokens_read - so_far.tokens_cached


def same_result(one: Any, other: Any) -> bool:
    """Whether two results say the same: answers token by token, curves value by value to rounding."""
    import numpy as np

    if isinstance(one, SampleResult):
        return one.rollouts == other.rollouts
    return (
        one.trace == other.trace and one.value.shape == other.value.shape and np.allclose(one.value, other.value, atol=1e-6, equal_nan=True)
    )


def workloads(bench: Workbench) -> dict[str, Any]:
    """What is compared."""
    return {
        "64 problems × 4 samples": lambda: answers(bench, 64, 4),
        "16 curves, ≤ 60 rollouts each": lambda: curves(bench, 16, 60),
    }


def rows(model: str, rounds: int, what: str) -> Iterator[str]:
    """A table row a workload: the round with the median ratio; which side goes first changes from round to round."""
    server = None if what == "local" else ServerOptions(tokenizer=str(TINY))
    with Workbench(model, threads=1, server=server) as bench:
        for name, made in workloads(bench).items():
            found = sorted(
                (compare(bench, made, together_first=i % 2 == 1) for i in range(rounds)), key=lambda one: one["alone"] / one["together"]
            )
            ratios = [one["alone"] / one["together"] for one in found]
            one = found[len(found) // 2]
            same = f"{one['same']} of {one['of']}" if what == "local" else "(draws differ)"
            requests, computed = zip(one["alone sent"], one["together sent"], strict=True)
            sent = "" if what == "local" else f"{requests[0]} / {requests[1]}, {computed[0]:,} / {computed[1]:,}"
            yield (
                f"| {what} | {name} | {one['alone']:.2f} | {one['together']:.2f} | {ratios[len(ratios) // 2]:.1f}× "
                f"[{ratios[0]:.1f}–{ratios[-1]:.1f}] | {same} | {sent} |"
            )


@contextmanager
def llama() -> Iterator[str]:
    """The address of a llama.cpp server of the bundled model with 8 slots."""
    from recipes.tiny.to_gguf import write_gguf
    from tests.servers.llama import llama_server

    with tempfile.TemporaryDirectory(prefix="tokenworth-") as folder:
        write_gguf(TINY, Path(folder) / "tiny.gguf")
        with llama_server(Path(folder) / "tiny.gguf", slots=8) as url:
            yield url


def memory(n: int) -> dict[str, float]:
    """Peak memory of a run over ``n`` problems, one short sample each, after the first 64; answers go to a file."""
    with tempfile.TemporaryDirectory() as folder, Workbench("tiny", threads=1, store=Path(folder) / "run.db") as bench:
        before = 0.0
        for done, ended in enumerate(drive_all(answers(bench, n, 1, limit=24), models=bench.model.backend, store=bench.store)):
            ended.value()
            if done == 63:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"before": before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("local", "server", "memory"), help="one part")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        print(json.dumps(memory(args.memory)))
        return
    print(
        "| model | workload | one by one, s | together, s | ratio [lowest–highest round] | results the same "
        "| requests and prompt tokens computed |\n|---|---|---:|---:|---:|---|---|"
    )
    if args.only in (None, "local"):
        for row in rows("tiny", args.rounds, "local"):
            print(row, flush=True)
    if args.only in (None, "server"):
        with llama() as url:
            for row in rows(url, args.rounds, "llama.cpp, 8 slots"):
                print(row, flush=True)
    if args.only in (None, "memory"):
        print("\n| problems, 1 short sample each | peak after 64, MiB | peak at the end, MiB |\n|---:|---:|---:|")
        for n in (100, 2000):
            done = subprocess.run([sys.executable, __file__, "--memory", str(n)], capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"| {n:,} | {found['before']:.0f} | {found['peak']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
