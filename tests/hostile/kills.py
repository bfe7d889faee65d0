"""Kills runs at any moment and has them go on: ``python -m tests.hostile.kills --kills 1000 --model tiny --log kills.jsonl``.

The model is loaded once; every run is a child that is forked from there, keeps its responses in a store and says each key that it has put.
A child is killed (SIGKILL) after some of them, or some time; in the end one child finishes, with a clock that jumps. Counted are responses
that were said and are lost, that were drawn again, stores that are damaged, and documents that differ from those of a run that nobody
disturbed (but for their provenance; of a server, from those of a second run over the same store). The log has a line for each store.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.helpers import LADDER
from tests.store.killing import stored
from tokenworth.backends.http.options import ServerOptions
from tokenworth.core.document import Provenance
from tokenworth.store.documents import document_json
from tokenworth.store.sqlite import SqliteStore
from tokenworth.workbench.bench import Workbench

KINDS = ("toy", "tiny", "served")
_RUNS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "toy": (("sample", {"samples": 80}), ("curve", {"max_rollouts": 300})),
    "tiny": (("sample", {"samples": 12}), ("curve", {"max_rollouts": 80}), ("forced", {})),
    "served": (("sample", {"samples": 12}), ("curve", {"max_rollouts": 60})),
}
_PER_STORE = 10
_LATE_S = 600.0


@dataclass(slots=True)
class _Child:
    """A forked run: its process, what it says, and what it complains of."""

    pid: int
    says: int
    errors: Path
    said: bytes = b""

    def wait(self, keys: int, seconds: float) -> bool:
        """Until it has said so many keys more, or for a time; whether it has ended by then."""
        wanted, until = self.said.count(b"\n") + keys, time.monotonic() + seconds
        while self.said.count(b"\n") < wanted and (left := until - time.monotonic()) > 0:
            if select.select([self.says], [], [], left)[0]:
                chunk = os.read(self.says, 1 << 16)
                if not chunk:
                    return True
                self.said += chunk
        return False

    def end(self, number: int) -> list[str]:
        """Sends a signal and waits; the lines that it said in all."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        while chunk := os.read(self.says, 1 << 16):
            self.said += chunk
        os.waitpid(self.pid, 0)
        os.close(self.says)
        return self.said.decode().split("\n")[:-1]


def _jumping(draw: random.Random) -> Any:
    """A clock that goes forth and back by years."""
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=draw.randint(-20_000, 20_000))


def _documents(bench: Workbench, kind: str, item: int) -> str:
    """The digest of what a run gives, its provenance aside."""
    whole = hashlib.sha256()
    for name, settings in _RUNS[kind]:
        task = None if kind == "toy" else "world:steps"
        (*_, last) = bench.measure(name, task, str(item), seed=item, **settings) if task else bench.measure(name, seed=item, **settings)
        if last.error is not None:
            raise last.error
        assert last.document is not None
        whole.update(document_json(replace(last.document, provenance=Provenance(version=""))))
    return whole.hexdigest()


def _start(model: Any, path: Path, kind: str, item: int, draw: random.Random) -> _Child:
    out, there = os.pipe()
    errors = path.with_name("errors.txt")
    pid = os.fork()
    if pid:
        os.close(there)
        return _Child(pid, out, errors)
    code = 1
    try:
        os.close(out)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        put = SqliteStore.put

        def said(self: SqliteStore, key: str, *rest: Any) -> None:
            put(self, key, *rest)
            os.write(there, f"{key}\n".encode())

        SqliteStore.put = said  # type: ignore[method-assign]
        server = {"server": ServerOptions(tokenizer="tiny")} if kind == "served" else {}
        with Workbench(model, store=path, now=_jumping(draw), **server) as bench:
            digest = _documents(bench, kind, item)
        os.write(there, f"RESULT {digest}\n".encode())
        code = 0
    except BaseException:  # noqa: BLE001 (what is counted)
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _store(model: Any, kind: str, seed: int, number: int, kills: int) -> dict[str, Any]:
    """One store: killed, resumed, and compared."""
    draw, counts = random.Random(f"{seed}/{kind}/{number}"), Counter[str]()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        whole = _finished(_start(model, Path(folder) / "whole.db", kind, number, draw), counts)
        n_keys = sum(line != "" and not line.startswith("RESULT") for line in whole)
        path, drawn, spared = Path(folder) / "run.db", list[str](), 0
        while counts["kills"] < kills and spared < 3 * kills:
            before = set(stored(path))
            child = _start(model, path, kind, number, draw)
            early = draw.random() < 0.3
            child.wait(1 if early else draw.randint(1, max(2, n_keys // 4)), draw.uniform(0, 0.1) if early else _LATE_S)
            time.sleep(draw.uniform(0, 0.004))
            lines = child.end(signal.SIGKILL)
            ended = any(line.startswith("RESULT") for line in lines)
            new, after = [line for line in lines if len(line) == 64], set(stored(path))
            counts["lost"] += len((before | set(new)) - after)
            counts["doubled"] += len(set(new) & before) + len(new) - len(set(new))
            counts["unsaid"] += len(after - before - set(new))
            counts["kills"] += not ended
            counts["finished"] += ended
            drawn += new
            if ended or len(after) >= n_keys:
                spared += 1
                for end in ("", "-wal", "-shm"):
                    path.with_name(f"run.db{end}").unlink(missing_ok=True)
                drawn.clear()
            else:
                counts["resumes"] += bool(before)
        last = _finished(_start(model, path, kind, number, draw), counts)
        counts["resumes"] += bool(drawn)
        again, keys = _finished(_start(model, path, kind, number, draw), counts), stored(path)
        counts["doubled"] += len(keys) - len(set(keys)) + len(again) - 1
        counts["other documents"] += again != last[-1:]
        if kind != "served":
            # A server draws what is missing anew, with random numbers of its own.
            counts["other documents"] += last[-1:] != whole[-1:]
            counts["keys too many or too few"] += abs(len(keys) - n_keys)
        text = (Path(folder) / "errors.txt").read_text() if (Path(folder) / "errors.txt").exists() else ""
        counts["tracebacks"] += text.count("Traceback")
    return {"kind": kind, "seed": seed, "store": number, **counts, **({"errors": text[-2000:]} if "Traceback" in text else {})}


def _finished(child: _Child, counts: Counter[str]) -> list[str]:
    """The lines of a child that is left in peace."""
    is_over = child.wait(1 << 40, _LATE_S)
    counts["hangs"] += not is_over
    return child.end(0 if is_over else signal.SIGKILL)


@contextlib.contextmanager
def model_of(kind: str) -> Iterator[Any]:
    """The model, loaded, or the address of a server that runs meanwhile."""
    if kind == "served":
        from tests.servers.faulty import faulty_server

        with faulty_server() as server:
            yield f"{server.url}/v1#chain"
        return
    if kind == "tiny":
        import torch

        torch.set_num_threads(1)  # a process with threads cannot be forked
        yield Workbench("tiny", threads=1).model
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "toy.json").write_text(json.dumps(LADDER))
        yield Workbench(f"toy:{folder}/toy.json").model


def run(kind: str, kills: int, seed: int, log: Path | None) -> list[dict[str, Any]]:
    """Kills so many children in all, those of the log included; a line for each store."""
    done = [json.loads(line) for line in log.read_text().splitlines()] if log is not None and log.exists() else []
    done = [one for one in done if one["seed"] == seed and one["kind"] == kind]
    with model_of(kind) as model:
        while (made := sum(one.get("kills", 0) for one in done)) < kills:
            done.append(_store(model, kind, seed, len(done), min(_PER_STORE, kills - made)))
            if log is not None:
                with log.open("a") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    return done


BAD = ("lost", "doubled", "other documents", "keys too many or too few", "tracebacks", "hangs")


def table(done: list[dict[str, Any]]) -> str:
    """A line for each kind of model, in Markdown."""
    columns = ("kills", "resumes", *BAD)
    told = [f"| model | stores | {' | '.join(columns)} |", "|---|---:|" + "---:|" * len(columns)]
    for kind in dict.fromkeys(one["kind"] for one in done):
        mine = [one for one in done if one["kind"] == kind]
        told.append(f"| {kind} | {len(mine)} | {' | '.join(f'{sum(one.get(c, 0) for one in mine):,}' for c in columns)} |")
    return "\n".join(told)


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--model", choices=KINDS, default="toy")
    words.add_argument("--log", type=Path)
    words.add_argument("--table", action="store_true", help="the table of the log; nothing is killed")
    given = words.parse_args()
    if given.table:
        done = [json.loads(line) for line in given.log.read_text().splitlines()]
    else:
        done = run(given.model, given.kills, given.seed, given.log)
    print(table(done))
    sys.exit(any(one.get(name, 0) for one in done for name in BAD))


if __name__ == "__main__":
    main()
