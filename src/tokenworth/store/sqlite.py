"""One SQLite file a run: responses by content key, append-only, and the runs that asked for them.

The file is in WAL mode with ``synchronous=NORMAL``. Every ``put`` commits on its own before it returns: killing the process
at any moment loses none of them, and other processes may write the same file between any two. Gathering rows into one
transaction would be about 1.5 times as fast (``bench/store.py``), lose what was gathered and keep other writers waiting.
Losing power may drop the last commits and never damages the file.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tokenworth import __version__
from tokenworth.core.request.kind import Draw, Request, Response
from tokenworth.core.request.sample import Rollout
from tokenworth.errors import InvalidInput, StoreError, UnknownName
from tokenworth.store.codec import MAX_BODY, body_length, decode_response, encode_response
from tokenworth.store.database import Database, Owner, connect_existing, create_or_open, damaged
from tokenworth.store.documents import MOST_BYTES

_SHORT, _MOST_RATIO = 1 << 25, 50
"""What a query reads unpacks to no more than this, or this many times its own length: a small file takes little memory."""
_KEY_BYTES = 32
_CHUNK = 500
_PUT = "INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One call of a verb on this store. Times are ISO 8601; ``finished`` is None for a run that did not end."""

    id: int
    verb: str
    config: Mapping[str, Any]
    started: str
    finished: str | None
    has_document: bool


class SqliteStore:
    """Keeps responses by content key in one file; use it as a context manager. Belongs to the thread that opened it."""

    def __init__(self, path: Path, database: Database, owner: Owner) -> None:
        self.path = path
        self.owner = owner
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the last process to close it folds the write-ahead log into it."""
        self._database.close()

    def __len__(self) -> int:
        # count(*) would be one step, which nothing interrupts.
        return self._database.ask("SELECT sum(1) FROM responses")[0][0] or 0

    def get(self, keys: Sequence[str]) -> Mapping[str, Response]:
        """The stored responses among ``keys``.

        Raises ``StoreError`` naming the key of a damaged response.
        """
        found: dict[str, Response] = {}
        raw = [_raw_key(key) for key in keys]
        for start in range(0, len(raw), _CHUNK):
            chunk = raw[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, CASE WHEN length(payload) <= {MAX_BODY} THEN payload END FROM responses WHERE key IN ({marks})"
            rows = self._typed("a response", self._database.ask(query, chunk), bytes, (bytes, type(None)))
            lengths = sum(body_length(payload or b"") for _, payload in rows)
            if lengths > max(2 * _SHORT, _MOST_RATIO * sum(len(payload or b"") for _, payload in rows)):
                fault = damaged(f"{len(rows)} responses unpack to {lengths:,} bytes")
                raise StoreError(f"store {str(self.path)!r}: {fault}")
            for key, payload in rows:
                found[key.hex()] = decode_response(key.hex(), payload)
        return found

    def put(self, key: str, request: Request, response: Response) -> None:
        """Keeps a response, committed when this returns; a key that is already there stays as it is.

        Raises ``StoreError`` when the disk is full or the file cannot be written; what was put before is kept.
        """
        draw = request if isinstance(request, Draw) else None
        rollout = response if isinstance(response, Rollout) else None
        row = (
            _raw_key(key),
            type(request).__name__,
            draw.cut if draw else None,
            draw.index if draw else None,
            rollout.stop.value if rollout else None,
            len(rollout.ids) if rollout else None,
            encode_response(response),
        )
        self._database.ask(_PUT, row)

    def flush(self) -> None:
        """Every put is committed already; finds out whether they are still where they were put. Raises ``StoreLost``."""
        self._database.check_place()

    def begin_run(self, *, verb: str, config: Mapping[str, Any], started: str) -> int:
        """The number of a new run; ``config`` is JSON-shaped."""
        text = json.dumps(config, sort_keys=True, allow_nan=False)
        query = "INSERT INTO runs (verb, config, started) VALUES (?, ?, ?) RETURNING id"
        return self._database.ask(query, (verb, text, started))[0][0]

    def finish_run(self, run: int, *, finished: str, document: bytes | None = None) -> None:
        """Notes that a run ended, with its result document as written to JSON."""
        packed = None if document is None else zlib.compress(document)
        query = "UPDATE runs SET finished = ?, document = ? WHERE id = ? RETURNING id"
        self._database.check_place()
        if not self._database.ask(query, (finished, packed, run)):
            raise UnknownName(f"store {str(self.path)!r} has no run {run}")

    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, first to last."""
        query = "SELECT id, verb, config, started, finished, document IS NOT NULL FROM runs ORDER BY started, id"
        rows = self._database.ask(query)
        return tuple(
            RunRecord(id=run, verb=verb, config=self._config(run, config), started=started, finished=finished, has_document=bool(has))
            for run, verb, config, started, finished, has in self._typed("a run", rows, int, str, str, str, (str, type(None)), int)
        )

    def _config(self, run: int, text: str) -> Mapping[str, Any]:
        try:
            config = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            config = None
        if not isinstance(config, dict):
            raise StoreError(f"store {str(self.path)!r}: the configuration of run {run} is damaged (not a JSON object)")
        return config

    def _typed(self, what: str, rows: list[tuple[Any, ...]], *kinds: type | tuple[type, ...]) -> list[tuple[Any, ...]]:
        """The rows, each value of its kind: SQLite keeps any kind in any column. Raises ``StoreError``."""
        for row in rows:
            for value, kind in zip(row, kinds, strict=True):
                if not isinstance(value, kind):
                    fault = damaged(f"{what} holds a {type(value).__name__} where a store keeps something else")
                    raise StoreError(f"store {str(self.path)!r}: {fault}")
        return rows

    def document(self, run: int) -> bytes | None:
        """The result document of a run, or None for one that left none.

        Raises ``UnknownName`` for a run that is not there, ``StoreError`` for a damaged document.
        """
        rows = self._database.ask("SELECT document FROM runs WHERE id = ?", (run,))
        if not rows:
            known = ", ".join(str(record.id) for record in self.runs()[-12:]) or "none"
            raise UnknownName(f"store {str(self.path)!r} has no run {run}; the last are: {known}")
        packed = rows[0][0]
        if packed is None:
            return None
        unpacker = zlib.decompressobj()
        try:
            document = unpacker.decompress(packed, min(MOST_BYTES, max(_SHORT, _MOST_RATIO * len(packed))))
        except (zlib.error, TypeError) as error:
            raise StoreError(f"store {str(self.path)!r}: the document of run {run} is damaged ({error})") from None
        if not unpacker.eof:
            raise StoreError(f"store {str(self.path)!r}: the document of run {run} is damaged (it ends early or is too long)")
        return document


def open_store(path: str | Path, *, fingerprint: str, name: str) -> SqliteStore:
    """The store of one model in a file, made if it is not there.

    Raises ``MismatchError`` naming both sides for a file of another model or schema, ``StoreError`` for a file that is not
    a store or cannot be written, ``MissingFile`` for a folder that is not there.
    """
    owner = Owner(name=name, fingerprint=fingerprint, version=__version__)
    return SqliteStore(Path(path), *create_or_open(Path(path), owner))


def open_existing(path: str | Path) -> SqliteStore:
    """The store in a file that is there, whatever its model: to list runs and read documents.

    Raises ``MissingFile``, ``MismatchError`` for another schema, or ``StoreError`` for a file that is not a store.
    """
    return SqliteStore(Path(path), *connect_existing(Path(path)))


def _raw_key(key: str) -> bytes:
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise InvalidInput(f"content key {key[:70]!r}: expected {2 * _KEY_BYTES} hexadecimal digits")
    return raw
