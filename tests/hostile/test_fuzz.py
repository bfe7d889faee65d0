"""Files that were damaged at random: each is read, or refused in one line. ``TOKENWORTH_FUZZ``: how many of each kind."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest

from tests.hostile.bounded import CPU_S, bounded

N = int(os.environ.get("TOKENWORTH_FUZZ", "12"))
_LINES = b'{"id": "a", "text": "create 0 0 c0 c2 close 0 0 c0 c2", "prompt": "start 0 0 goal 2 0", "arm": [1, 2.5, null]}\n' * 3
_CONFIG = b'samples = 3\nseed = 8\n[curve]\nmax-rollouts = 20\ntarget = "gold"\n'
TOY = ["--model", "toy:toy.json", "--seed", "8", "--max-rollouts", "20"]


def _start(good: Path) -> dict[str, tuple[bytes, list[list[str]]]]:
    """What is damaged, and the commands that read it, in which ``FILE`` is its name."""
    store, document, toy = ((good / name).read_bytes() for name in ("run.db", "curve.json", "toy.json"))
    reads_store = [["runs", "--store", "FILE"], ["export", "FILE", "--out", "out.json"], ["curve", *TOY, "--store", "FILE"]]
    return {
        "store": (store, reads_store),
        "document": (document, [["report", "FILE", "--text"], ["export", "FILE", "--out", "out.csv"]]),
        "automaton": (toy, [["curve", "--model", "toy:FILE", "--max-rollouts", "20"]]),
        "lines": (_LINES, [["verify", "maze", "FILE"], ["confusion", "maze", "FILE"]]),
        "packed lines": (gzip.compress(_LINES, mtime=0), [["verify", "maze", "FILE"]]),
        "configuration": (_CONFIG, [["curve", "--model", "toy:toy.json", "--config", "FILE"]]),
        "token ids": (b"[1, 2, 3]", [["curve", *TOY, "--trace-ids", "FILE"]]),
    }


def _damaged(data: bytes, draw: random.Random) -> bytes:
    """The data after one to four changes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at, long = draw.randrange(len(changed) + 1), draw.choice((1, 1, 2, 8, 64, 512))
        way = draw.randrange(6)
        if way == 0:
            changed[at : at + long] = draw.randbytes(long)
        elif way == 1:
            del changed[at : at + long]
        elif way == 2:
            changed[at:at] = changed[at : at + long] * draw.choice((1, 2, 50))
        elif way == 3:
            changed[at:at] = draw.choice((b"1" * 400, b"9223372036854775808", b"NaN", b"-", b"1e999", b'"', b"[" * 3000, b"\xff", b"\0"))
        elif way == 4:
            other = draw.randrange(len(changed) + 1)
            changed[at : at + long] = changed[other : other + long]
        elif changed:
            changed[min(at, len(changed) - 1)] ^= 1 << draw.randrange(8)
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["store", "document", "automaton", "lines", "packed lines", "configuration", "token ids"])
def test_damaged_files_are_read_or_refused_in_one_line(good: Path, tmp_path: Path, kind: str) -> None:
    data, commands = _start(good)[kind]
    (tmp_path / "toy.json").write_bytes((good / "toy.json").read_bytes())
    draw, calls = random.Random(kind), list[list[str]]()
    for number in range(N):
        spoilt = _damaged(data, draw)
        for place, words in enumerate(commands):
            name = f"{number}-{place}.file" + ".gz" * (kind == "packed lines")
            (tmp_path / name).write_bytes(spoilt)
            calls.append([word.replace("FILE", name) for word in words])
    for words, ended in zip(calls, bounded(calls, tmp_path), strict=True):
        assert "Traceback" not in ended.err and ended.cpu_s < CPU_S, (words, ended.err)
        refused = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert ended.code in (0, 1) or (ended.code == 2 and len(refused) == 1), (words, ended)
