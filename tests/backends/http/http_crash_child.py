"""A process that measures a served model into an SQLite store; tests kill it.

``python -m tests.backends.http.http_crash_child URL STORE SECONDS`` says when it is about to make contact, then the key of each
response once it is put, ``SECONDS`` apart, and at the end one line with the documents, but for what may differ between runs.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import replace
from typing import Any

import msgspec

from tests.store.crash_child import Acknowledging
from tokenworth.backends.http.options import ServerOptions
from tokenworth.core.request.kind import Request, Response
from tokenworth.store.sqlite import SqliteStore
from tokenworth.workbench.bench import Workbench

SAMPLES, ROLLOUTS = 60, 200


class Unhurried(Acknowledging):
    """Takes its time over each response, so that there is time to be killed."""

    def __init__(self, inner: SqliteStore, seconds: float) -> None:
        super().__init__(inner)
        self.path, self.close, self._seconds = inner.path, inner.close, seconds

    def put(self, key: str, request: Request, response: Response) -> None:
        super().put(key, request, response)
        time.sleep(self._seconds)


def measure(url: str, path: str, seconds: float) -> list[Any]:
    """Samples, the curve of the first of them, forced answers on it."""
    with Workbench(url, store=path, server=ServerOptions(tokenizer="tiny")) as bench:
        assert isinstance(bench.store, SqliteStore)
        bench.runner.store = Unhurried(bench.store, seconds)
        case = bench.case("world:steps", 0)
        sampling = case.sampling(limit=60)
        samples = case.sample(SAMPLES, sampling=sampling)
        trace = samples.trace("0")
        parts = samples, case.curve(trace, sampling=sampling, max_rollouts=ROLLOUTS), case.forced(trace)
        return [part.document for part in parts]


def main(url: str, path: str, seconds: float) -> None:
    os.write(1, b"CONTACT\n")
    documents = measure(url, path, seconds)
    drawn = sum(document.provenance.drawn for document in documents)
    blank = {"created": "", "drawn": 0, "reused": 0, "tokens_drawn": 0, "tokens_cached": 0}
    kept = [replace(one, provenance=replace(one.provenance, **blank)) for one in documents]
    digest = hashlib.sha256(msgspec.json.encode(kept)).hexdigest()
    os.write(1, f"RESULT {digest} {drawn} {' '.join(name for name in ('torch', 'transformers') if name in sys.modules)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
