"""Served models: what a request costs the client, what share of a server's throughput a run reaches, prefixes, many at once, memory.

    python bench/servers.py [--part NAME …] [--quick]

Prints Markdown tables. Two servers: one that answers at once in vLLM's shape (`servers_dummy.py`), and llama.cpp with the bundled
model (``xllamacpp``, ``gguf``). The exit code is 1 when the client's memory grows. ``--quick`` only shows that everything runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from servers_dummy import reply
from servers_prefix import OURS, least, make_traces, orders, requests_of
from servers_real import Job, Serve, Took, connect, generate, make_servers, record_order, run, sample_jobs

HERE = Path(__file__).parent
WAYS = {
    "aiohttp": "bare loop, aiohttp",
    "httpx2": "bare loop, httpx2",
    "ask": "`Client.ask`",
    "drive": "`drive`, backend, store (this)",
    "readings": "readings of one token (this)",
}
CASES = (("world:recall", 1), ("world:steps", 1), ("world:guess", 1))
WIDTHS = (1, 8, 32, 128)
MOST_GROWTH = 4.0
"""MiB that the client may grow by in the last 80 % of its requests: what it keeps on purpose is full by then."""
SETTLED = 20_000


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def call(script: str, *options: object) -> dict[str, Any]:
    """What a script prints as a line of JSON."""
    done = subprocess.run([sys.executable, HERE / script, *map(str, options)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(map(str, options))} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def dummy(*options: str) -> Iterator[str]:
    """The address of a dummy server."""
    command = [sys.executable, str(HERE / "servers_dummy.py"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def head(title: str, text: str, columns: str, *, left: int = 1) -> None:
    """A heading, what was compared with what, and the table's head; the first ``left`` columns are words."""
    names = columns.split(" | ")
    marks = "---|" * left + "---:|" * (len(names) - left)
    print(f"### {title}\n\n{text}\n\n| {columns} |\n|{marks}", flush=True)


def row(*cells: object) -> None:
    """A row of the table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median with the lowest and the highest."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


# -- what a request costs the client ----------------------------------------------------------------------------------


def overhead(args: argparse.Namespace) -> None:
    """CPU time of the client a request, with a server that costs nothing to wait for."""
    ways = [way for way in WAYS if way != "httpx2" or importlib.util.find_spec("httpx2")]
    n, rounds = (200, 1) if args.quick else (2000, 5)
    found: dict[tuple[str, bool], list[dict[str, float]]] = {}
    with dummy() as full, dummy("--plain") as plain:
        for i in range(rounds):
            for way in ways:
                say(f"overhead, round {i + 1} of {rounds}: {way} …")
                for url in (full, plain):
                    found.setdefault((way, url == full), []).append(call("servers_client.py", way, "--url", url, "--requests", n))
        profiles = {way: call("servers_client.py", way, "--url", plain, "--requests", n // 2, "--profile") for way in ("ask", "drive")}
    size = len(reply(20, False, 2000, 30, True)) // 1024
    head(
        "What a request costs the client",
        f"Prompts of 2,000 ids, 20 completions of 30, 32 in flight, {n:,} requests, best of {rounds} round(s). Compared by the client's "
        "CPU time with a loop that sends bodies made before and does not parse; [lowest–highest round]. vLLM repeats the prompt's ids in "
        f"every choice ({size} KiB a reply of 20): the right half is without that.",
        "way | CPU, ms | over bare aiohttp | requests/s | CPU, ms | over bare aiohttp | requests/s",
    )
    for way in ways:
        cells: list[str] = []
        for repeated in (True, False):
            mine, base = found[way, repeated], found["aiohttp", repeated]
            ratios = [one["cpu_ms"] / other["cpu_ms"] for one, other in zip(mine, base, strict=True)]
            rate = 1000 / min(one["wall_ms"] for one in mine)
            cells += [f"{min(one['cpu_ms'] for one in mine):.2f}", spread(ratios, 1), f"{rate:,.0f}"]
        row(WAYS[way], *cells)
    print("\n<!-- cProfile, without the repeated prompts; own time a request")
    for way, threads in profiles.items():
        for title, lines in threads.items():
            print("\n".join([f"{way} {title}", *lines]))
    print("-->\n")


# -- share of the server's own throughput -----------------------------------------------------------------------------


def plans_of(args: argparse.Namespace, cases: Sequence[tuple[str, int]]) -> Iterator[tuple[int, Serve, Sequence[Job], str]]:
    """(slots, how to start a server, a trace of each problem, plan): every combination."""
    for slots in (8,) if args.quick else (8, 16):
        with make_servers(slots) as serve:
            jobs = sample_jobs(serve, cases)
            for plan in ("plain",) if args.quick else ("plain", "excursions"):
                yield slots, serve, jobs, plan


def share(args: argparse.Namespace) -> None:
    """A run against the bare generator that sends the same requests."""
    rounds, cases = (1, CASES[:1]) if args.quick else (5, CASES)
    head(
        "Share of the server's own throughput",
        f"Curves of {len(cases)} trace(s) of the bundled model (drive, store in a file, grading). Compared with a "
        "bare generator that sends the recorded requests of such a run without waiting for anything, with as many in flight as was best "
        f"for it; {rounds} round(s) in turns, a fresh server for each. The share of tokens generated a second is the median of the rounds "
        "[lowest–highest]; expected ≥ 0.95.",
        "plan | slots | requests | run, tokens/s | generator, tokens/s | its in flight | share | retries",
    )
    for slots, serve, jobs, plan in plans_of(args, cases):
        bodies, widths = run(serve, jobs, plan).bodies, (1, 2, slots)
        found: dict[int, list[Took]] = {width: [] for width in (0, *widths)}
        for i in range(rounds):
            say(f"share, {plan}, {slots} slots, round {i + 1} of {rounds} …")
            turn = (0, *widths)[i % len(found) :] + (0, *widths)[: i % len(found)]
            for width in turn:
                found[width].append(generate(serve, bodies, width) if width else run(serve, jobs, plan))
        best = max(widths, key=lambda width: statistics.median(one.rate for one in found[width]))
        shares = [mine.rate / other.rate for mine, other in zip(found[0], found[best], strict=True)]
        rates = [f"{statistics.median(one.rate for one in found[width]):,.0f}" for width in (0, best)]
        row(plan, slots, len(bodies), *rates, best, spread(shares), sum(one.faults for one in found[0]))
    print()


def settings(args: argparse.Namespace) -> None:
    """Samples a request and requests in flight: which is fastest for llama.cpp."""
    rounds, cases = (1, CASES[:1]) if args.quick else (3, CASES[:2])
    head(
        "Samples a request and requests in flight",
        f"Curves of {len(cases)} trace(s) with other settings, {rounds} round(s) in turns. Compared with the default in the same round "
        "by tokens generated a second; median [lowest–highest].",
        "plan | slots | samples a request | in flight | over the default | tokens/s",
    )
    for slots, serve, jobs, plan in plans_of(args, cases):
        # With more connections than the server has threads, of which it has a few more than slots, requests wait for seconds ("Many in
        # flight" shows it); twice the slots is tried only where requests are few.
        grid = [(n, width) for n in (1, 4, slots) for width in sorted({slots // n, 2, slots, 2 * slots if n == slots else slots})]
        base: list[Took] = []
        found: dict[tuple[int, int], list[Took]] = {place: [] for place in grid}
        for i in range(rounds):
            base.append(run(serve, jobs, plan))
            for n, width in grid:
                say(f"settings, {plan}, {slots} slots, round {i + 1} of {rounds}: {n} a request, {width} in flight …")
                found[n, width].append(run(serve, jobs, plan, n_most=n, concurrency=width))
        n, width = base[0].settings
        row(plan, slots, f"{n} (default)", f"{width} (default)", 1, f"{statistics.median(one.rate for one in base):,.0f}")
        for (n, width), took in found.items():
            ratios = [one.rate / other.rate for one, other in zip(took, base, strict=True)]
            row(plan, slots, n, width, spread(ratios), f"{statistics.median(one.rate for one in took):,.0f}")
    print()


# -- prefixes computed twice ------------------------------------------------------------------------------------------


def prefix(args: argparse.Namespace) -> None:
    """Tokens of prefixes that the server computes, by the order of requests."""
    length, counts, slots = (40, (1,), 8) if args.quick else (120, (1, 8), 8)
    head(
        "Prefixes computed twice",
        f"Tokens of prompts that llama.cpp with {slots} slots computes for traces of {length} tokens after prompts of 50, by the order of "
        "the same requests. Compared with the least: every distinct token once, as an unlimited cache would, and one token for a prompt "
        "that came before, whose last token is computed again.",
        "requests | order | traces | number | all their tokens | least | in flight | computed | over the least | seconds",
        left=2,
    )
    with make_servers(slots) as serve:
        for kind, n_most in (("rollouts", None), ("rollouts", 1), ("readings", None)):
            name = "readings" if kind == "readings" else f"{n_most or slots} rollout(s) each"
            for count in counts:
                with serve() as url, connect(url, n_most=n_most) as bench:
                    bodies = record_order(bench, requests_of(kind, make_traces(count, length)))
                total, floor = least(bodies)
                for order, sent in orders(bodies, slots).items():
                    for width in (2, slots) if order == OURS else (slots,):
                        say(f"prefix, {name}, {count} trace(s), {order}, {width} in flight …")
                        took = generate(serve, sent, width)
                        ratio = f"{took.computed / floor:.2f}"
                        row(
                            name,
                            order,
                            count,
                            len(bodies),
                            f"{total:,}",
                            f"{floor:,}",
                            width,
                            f"{took.computed:,}",
                            ratio,
                            f"{took.seconds:.1f}",
                        )
    print()


# -- many at once -----------------------------------------------------------------------------------------------------


def flight(args: argparse.Namespace) -> None:
    """1, 8, 32 and 128 requests in flight."""
    n_dummy, n_real = (200, 150) if args.quick else (4000, 1000)
    head(
        "Many in flight",
        f"`Client.ask`, {n_dummy:,} requests to the dummy server (20 choices) and {n_real:,} to llama.cpp with 8 slots (16 tokens after "
        "prefixes of 50 to 250), a fresh server for each row. Compared with one in flight at the same server; errors expected: 0.",
        "server | in flight | requests/s | over one in flight | p50, ms | p95, ms | longest, ms | errors | retries",
    )
    with make_servers(8) as serve:
        for name, start, n, more in (("dummy", dummy, n_dummy, ()), ("llama.cpp", serve, n_real, ("--real",))):
            first = 0.0
            for width in WIDTHS:
                say(f"flight, {name}, {width} …")
                with start() as url:
                    got = call("servers_long.py", "flight", "--url", url, "--requests", n, "--width", width, *more)
                first = first or got["rate"]
                times = (f"{got[key]:,.1f}" for key in ("p50", "p95", "longest"))
                row(name, width, f"{got['rate']:,.0f}", f"{got['rate'] / first:.2f}", *times, got["errors"], got["retried"])
    print()


# -- memory -----------------------------------------------------------------------------------------------------------


def memory(args: argparse.Namespace) -> int:
    """The client's memory over a long run; 1 when it grows."""
    n = 4_000 if args.quick else 100_000
    found: dict[str, dict[str, list[float]]] = {}
    with dummy() as url:
        for kind in ("rollouts", "readings"):
            say(f"memory, {kind} …")
            found[kind] = call("servers_long.py", kind, "--url", url, "--requests", n)
    head(
        "Memory",
        f"Resident memory of the client, MiB, over {n:,} requests through the backend in batches as methods ask for them (4,096 rollouts, "
        "20 a request; tables of 200 one-token readings), a new trace for each, answers dropped. Compared with itself after "
        f"{SETTLED:,} requests, when what it keeps on purpose is full; growth after that: at most {MOST_GROWTH:g} MiB.",
        "requests | " + " | ".join(found),
        left=0,
    )
    for i, made in enumerate(found["rollouts"]["requests"]):
        row(f"{made:,.0f}", *(f"{some['mib'][i]:.1f}" for some in found.values() if i < len(some["mib"])))
    failed = 0
    print()
    for kind, some in found.items():
        late = [(made, mib) for made, mib in zip(some["requests"], some["mib"], strict=True) if made >= min(SETTLED, n / 2)]
        # Replies on their way take memory, too, a different amount at each look.
        (first, low), (last, high) = (np.median(part, axis=0) for part in (late[:3], late[-3:]))
        growth = high - low
        slope = growth / (last - first) * 10_000
        print(f"{kind.capitalize()}: {growth:+.1f} MiB after that (medians of three looks), {slope:+.2f} each 10,000 requests.", end=" ")
        failed += growth > MOST_GROWTH and not args.quick
    print("\n")
    if failed:
        say(f"the client's memory grows by more than {MOST_GROWTH:g} MiB: {json.dumps(found)}")
    return 1 if failed else 0


PARTS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "overhead": overhead,
    "share": share,
    "settings": settings,
    "prefix": prefix,
    "flight": flight,
    "memory": memory,
}


def main() -> int:
    """Prints the tables of the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="*", choices=list(PARTS), help="leave the others out")
    parser.add_argument("--quick", action="store_true", help="a minute of everything: do not read the numbers")
    args = parser.parse_args()
    return max(PARTS[name](args) or 0 for name in args.part or PARTS)


if __name__ == "__main__":
    sys.exit(main())
