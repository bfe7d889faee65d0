"""A bare load generator: sends request bodies made before, a fixed number at a time, and does not look at the replies.

    python bench/servers_bare.py --url ADDRESS --bodies FILE --width N [--replies FILE]

One body a line; at an empty line it waits for all replies to what came before. It is the ceiling that a run is compared with, so it
does nothing but send and receive.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending bodies."""

    seconds: float
    replies: list[bytes]


def send_bodies(url: str, bodies: Sequence[bytes], width: int) -> Sent:
    """Sends the bodies from a process of its own, ``width`` at a time."""
    with tempfile.TemporaryDirectory(prefix="tokenworth-bench-") as folder:
        given, got = Path(folder) / "bodies", Path(folder) / "replies"
        given.write_bytes(b"\n".join(bodies))
        command = [sys.executable, __file__, "--url", url, "--bodies", given, "--width", str(width), "--replies", got]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the load generator failed:\n{done.stderr[-2000:]}")
        return Sent(seconds=json.loads(done.stdout)["seconds"], replies=got.read_bytes().split(b"\n"))


async def send_all(url: str, bodies: Sequence[bytes], width: int) -> tuple[float, list[bytes]]:
    """Seconds, and the replies in the order of the bodies. A reply with another status than 200 ends it."""
    replies = [b""] * len(bodies)
    breaks = [-1, *(i for i, body in enumerate(bodies) if not body), len(bodies)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"content-type": "application/json"}) as session:

        async def worker(pending: Iterator[int]) -> None:
            for i in pending:
                async with session.post(url, data=bodies[i]) as response:
                    replies[i] = await response.read()
                    response.raise_for_status()

        began = time.perf_counter()
        for before, after in itertools.pairwise(breaks):
            pending = iter(range(before + 1, after))
            await asyncio.gather(*(worker(pending) for _ in range(width)))
        return time.perf_counter() - began, [reply for reply in replies if reply]


def main() -> None:
    """Sends the bodies of a file and prints the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--bodies", type=Path, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--replies", type=Path)
    args = parser.parse_args()
    seconds, replies = asyncio.run(send_all(args.url, args.bodies.read_bytes().split(b"\n"), args.width))
    if args.replies:
        args.replies.write_bytes(b"\n".join(reply.replace(b"\n", b" ") for reply in replies))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
