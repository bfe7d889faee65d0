"""Damages good inputs at random and has them read: ``python -m tests.hostile.fuzzing --inputs 1000000 --log fuzz.jsonl``.

Every reader runs in a process of its own that may map `ROOM` more than it began with. An input that takes more processor time than
`LATE_S`, more memory, or ends in anything but a value or one line of error is a fault. Input n of a reader depends on the seed, the reader
and n alone. The log has a line for each slice, so that a second call goes on from there.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOM = 500 << 20
LATE_S = 5.0
_SLICE, _SLICE_S = 20_000, 60.0
_STUCK_S = 900.0
_TOKENS = (
    b"1" * 400, b"9223372036854775808", b"-9223372036854775809", b"NaN", b"-Infinity", b"1e999", b"-", b'"', b"[" * 3000, b'{"a":' * 500,
    b"\xff", b"\0", b"null", b"[]", b"{}", b'""', b"\\ud800", b"true", b"1.5", b"\xe2\x80\xae", b"\r", b"\n" * 50, b"\x1b[2J", b"{{", b"%}",
    b"</script>",
)  # fmt: skip


class Late(BaseException):
    """An input took too long."""


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The data after one to four changes: of bytes, of words, or of a value in a line of JSON."""
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        data = draw.choice((_bytes, _bytes, _words, _value))(data, draw)
    return data[: 1 << 20]


def _bytes(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    at, long = draw.randrange(len(changed) + 1), draw.choice((1, 1, 2, 8, 64, 512))
    way = draw.randrange(7)
    if way == 0:
        changed[at : at + long] = draw.randbytes(long)
    elif way == 1:
        del changed[at : at + long]
    elif way == 2:
        changed[at:at] = changed[at : at + long] * draw.choice((1, 2, 50))
    elif way == 3:
        changed[at:at] = draw.choice(_TOKENS)
    elif way == 4:
        other = draw.randrange(len(changed) + 1)
        changed[at : at + long] = changed[other : other + long]
    elif way == 5:
        del changed[at:]
    elif changed:
        changed[min(at, len(changed) - 1)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _words(data: bytes, draw: random.Random) -> bytes:
    """Swaps, repeats, drops or replaces words: text that stays near a grammar."""
    words = data.split(b" ")
    one, other = draw.randrange(len(words)), draw.randrange(len(words))
    way = draw.randrange(5)
    if way == 0:
        words[one], words[other] = words[other], words[one]
    elif way == 1:
        words[one] = words[other]
    elif way == 2:
        del words[one : one + draw.choice((1, 1, 3, 20))]
    elif way == 3:
        words[one:one] = words[other : other + draw.choice((1, 5, 50))]
    else:
        words[one] = draw.choice((b"-1", b"0", b"99999999999", b"c9", b"", b"1/0", *_TOKENS))
    return b" ".join(words)


def _value(data: bytes, draw: random.Random) -> bytes:
    """Another value at a place of a line of JSON; other data stays as it is."""
    rows = data.split(b"\n")
    at = draw.randrange(len(rows))
    try:
        value = json.loads(rows[at])
    except (ValueError, RecursionError):
        return data
    inner, key, parent = value, None, None
    while isinstance(inner, dict | list) and inner and (parent is None or draw.random() < 0.8):
        parent = inner
        key = draw.choice(list(inner)) if isinstance(inner, dict) else draw.randrange(len(inner))
        inner = inner[key]
    if parent is None:
        return data
    if draw.random() < 0.15:
        del parent[key]
    else:
        parent[key] = draw.choice(_VALUES)(draw, inner)
    rows[at] = json.dumps(value).encode()
    return b"\n".join(rows)


_VALUES: tuple[Callable[[random.Random, Any], Any], ...] = (
    lambda draw, old: None,
    lambda draw, old: draw.choice((True, False)),
    lambda draw, old: draw.choice((0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63, -(2**63), 10**30)),
    lambda draw, old: draw.choice((0.0, -0.5, 1.5, 1e300, float("nan"), float("inf"))),
    lambda draw, old: draw.choice(("", "x", "\ud83d", "\0", "a" * 10_000, "</script><script>", "１２", "\u202e", "{{7*7}}")),
    lambda draw, old: [],
    lambda draw, old: {},
    lambda draw, old: [old] * draw.choice((1, 2, 30)),
    lambda draw, old: {"a": old},
    lambda draw, old: old + 1 if isinstance(old, int | float) else old * 2 if isinstance(old, str | list) else old,
)


def _slice(name: str, seed: int, first: int, most: int, answer: Any) -> None:
    """Reads inputs from ``first`` on, for a while; sends what came of it."""
    from tests.hostile.readers import READERS
    from tokenworth.errors import TokenworthError

    reader, counts, faults = READERS[name], Counter[str](), list[dict[str, Any]]()
    seeds = reader.seeds()
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = _resident()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGPROF, _late)
    slowest, began, n = 0.0, time.monotonic(), 0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        while n < most and time.monotonic() - began < _SLICE_S:
            draw = random.Random(f"{seed}/{name}/{first + n}")
            data = damaged(draw.choice(seeds), draw)
            start = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, LATE_S)
            try:
                reader.read(data, Path(folder))
                counts["read"] += 1
            except TokenworthError as error:
                whole = str(error) and "\n" not in str(error)
                counts["refused" if whole else "faults"] += 1
                if not whole:
                    faults.append({"input": first + n, "error": repr(error)[:500]})
            except Late:
                counts["hangs"] += 1
                faults.append({"input": first + n, "error": "late", "at": traceback.format_exc()[-1500:]})
            except MemoryError:
                counts["out of memory"] += 1
                faults.append({"input": first + n, "error": "memory"})
            except Exception as error:  # noqa: BLE001 (what is counted)
                counts["tracebacks"] += 1
                faults.append({"input": first + n, "error": repr(error)[:300], "at": traceback.format_exc()[-1500:]})
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            slowest = max(slowest, time.process_time() - start)
            n += 1
    grown = _resident() - before
    answer.send(
        {"reader": name, "seed": seed, "first": first, "n": n, **counts, "worst": faults[:5], "slowest_s": slowest, "grown_mib": grown}
    )


def _late(*_: object) -> None:
    raise Late


def _resident() -> float:
    """Most memory resident so far, in MiB."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")) / 1024


def run(inputs: int, seed: int, log: Path | None, only: str = "") -> list[dict[str, Any]]:
    """Has so many inputs read in all, those of the log included; the slices."""
    from tests.hostile.readers import READERS

    known = {name: one for name, one in READERS.items() if only in name}
    done = [json.loads(line) for line in log.read_text().splitlines()] if log is not None and log.exists() else []
    done = [one for one in done if one["seed"] == seed and one["reader"] in known]
    total = sum(one.share for one in known.values())
    wanted = {name: max(1, math.ceil(inputs * one.share / total)) for name, one in known.items()}
    counted: Counter[str] = Counter()
    for one in done:
        counted[one["reader"]] += one["n"]
    fork = multiprocessing.get_context("fork")
    while left := [name for name in known if counted[name] < wanted[name]]:
        for name in left:
            known[name].seeds()  # what is kept of them, the child has too
            here, there = fork.Pipe(duplex=False)
            most = min(_SLICE, wanted[name] - counted[name])
            child = fork.Process(target=_slice, args=(name, seed, counted[name], most, there))
            child.start()
            there.close()
            try:
                found = here.recv() if here.poll(_STUCK_S) else {"n": most, "hangs": 1, "worst": [{"error": "stuck"}]}
            except EOFError:
                child.join()
                found = {"n": most, "tracebacks": 1, "worst": [{"error": f"the process ended with {child.exitcode}"}]}
            found = {"reader": name, "seed": seed, "first": counted[name], **found}
            child.kill()
            child.join()
            counted[name] += found["n"]
            done.append(found)
            if log is not None:
                with log.open("a") as file:
                    file.write(json.dumps(found) + "\n")
    return done


COLUMNS = ("n", "read", "refused", "tracebacks", "hangs", "out of memory", "faults")


def table(done: list[dict[str, Any]]) -> str:
    """A line for each reader, in Markdown."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    grown: dict[str, float] = defaultdict(float)
    for one in done:
        for name in (one["reader"], "all"):
            rows[name].update({column: one.get(column, 0) for column in COLUMNS})
            slowest[name] = max(slowest[name], one.get("slowest_s", 0.0))
            grown[name] = max(grown[name], one.get("grown_mib", 0.0))
    told = [
        "| reader | inputs | read | refused in one line | tracebacks | hangs | out of memory | slowest | memory |",
        "|---|" + "---:|" * 8,
    ]
    for name, row in rows.items():
        counts = (row["n"], row["read"], row["refused"], row["tracebacks"] + row["faults"], row["hangs"], row["out of memory"])
        told.append(f"| {name} | {' | '.join(f'{n:,}' for n in counts)} | {slowest[name]:.2f} s | {grown[name]:.0f} MiB |")
    return "\n".join(told)


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--inputs", type=int, default=100_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--log", type=Path)
    words.add_argument("--only", default="", help="readers with this in their name")
    words.add_argument("--table", action="store_true", help="the table of the log; nothing is read")
    given = words.parse_args()
    if given.table:
        done = [json.loads(line) for line in given.log.read_text().splitlines()]
    else:
        done = run(given.inputs, given.seed, given.log, given.only)
    print(table(done))
    faults = [one for one in done if one.get("worst")]
    for one in faults:
        print(one["reader"], json.dumps(one["worst"])[:3000], file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
