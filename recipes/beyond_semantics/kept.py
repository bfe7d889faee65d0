"""Training problems kept in a file, so that they are made once for all arms and runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from tokenizers import Tokenizer

from recipes.beyond_semantics.data import Solved, solved
from tokenworth.errors import InvalidInput, MismatchError

SCHEMA = "tokenworth.maze-data/1"
_PARTS = ("prompts", "traces", "plans")


def kept(
    path: Path, tokenizer: Tokenizer, families: Sequence[str], side: int, n: int, *, seed: int, longest: int | None = None, workers: int = 1
) -> Solved:
    """The problems of `solved`, out of the file if it is there; else they are made and written.

    Raises: MismatchError for a file of other problems or another vocabulary; InvalidInput for one that cannot be read.
    """
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    settings = {
        "schema": SCHEMA,
        "families": list(families),
        "side": side,
        "n": n,
        "seed": seed,
        "longest": longest,
        "vocabulary": hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16],
    }
    if path.exists():
        return _read(path, settings, len(words))
    data = solved(tokenizer, families, side, n, seed=seed, longest=longest, workers=workers)
    _write(path, data, settings)
    return data


def _write(path: Path, data: Solved, settings: dict[str, Any]) -> None:
    arrays: dict[str, np.ndarray] = {}
    for name in _PARTS:
        ids: tuple[np.ndarray, ...] = getattr(data, name)
        arrays[name] = np.concatenate([np.empty(0, np.int16), *ids])
        arrays[f"{name}_end"] = np.cumsum([len(one) for one in ids], dtype=np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under its name only when whole: another run may be looking for it.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as out:
        np.savez(out, settings=np.frombuffer(json.dumps(settings).encode(), np.uint8), **arrays)
    part.replace(path)


def _read(path: Path, wanted: dict[str, Any], n_words: int) -> Solved:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = json.loads(file["settings"].tobytes())
            arrays = {name: file[name] for part in _PARTS for name in (part, f"{part}_end")}
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise InvalidInput(f"cannot read {path} as training problems: {error}; delete it, and it is made again") from error
    if found != wanted:
        other = [name for name in wanted if not isinstance(found, dict) or found.get(name) != wanted[name]]
        raise MismatchError(f"{path} holds other problems: another {', '.join(other) or 'schema'}; name another file with --data")
    parts: dict[str, tuple[np.ndarray, ...]] = {}
    for name in _PARTS:
        ids, end = arrays[name], arrays[f"{name}_end"]
        whole = ids.dtype == np.int16 and ids.ndim == end.ndim == 1 and len(end) == wanted["n"] and np.issubdtype(end.dtype, np.integer)
        whole = whole and end[-1] == len(ids) and end[0] >= 0 and bool(np.all(np.diff(end) >= 0))
        if not whole or (len(ids) and not 0 <= ids.min() <= ids.max() < n_words):
            raise InvalidInput(f"{path}: its {name} are damaged; delete it, and it is made again")
        parts[name] = tuple(np.split(ids, end[:-1]))
    return Solved(**parts)
