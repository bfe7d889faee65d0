"""Numbers of a user's own for each token, from a file: a reward model's scores, an entropy, a monitor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, cast

from tokenworth.core.document import Number, Provenance
from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.importers.files import read_object
from tokenworth.methods.inside.channels import ChannelDoc
from tokenworth.tasks.sources.files import json_rows

MOST_TOKENS = 1_000_000
"""Of one trace."""
_FORM = "expected {trace_id or problem id: [a number for each token, or null]}, or rows with trace_id or problem, token and value"


def read_channel(source: str) -> ChannelDoc:
    """The numbers of a file; the channel is called by the file's name.

    ``.json``: an object, id of a trace or of its problem -> a list of numbers. ``.jsonl``, ``.parquet``: rows with ``trace_id`` or
    ``problem``, ``token`` (from 0) and ``value``. Raises: InvalidInput naming the place; MissingExtra for Parquet without pyarrow.
    """
    path = Path(source)
    if path.suffix == ".json":
        found = {ident: _list(values, f"{path}: {ident!r}") for ident, values in read_object(path).items()}
    else:
        found = _rows(path, ((f"{path}: row {number}", row) for number, row in enumerate(_read(path), 1)))
    if not found:
        raise InvalidInput(f"{path}: no numbers in it; {_FORM}")
    return ChannelDoc(name=path.stem, values=found, provenance=Provenance(version="", source=path.name))


def _read(path: Path) -> Iterable[Mapping[str, Any]]:
    if path.suffix == ".jsonl":
        return (row for _, row in json_rows(path))
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra(f"{path}: Parquet needs pyarrow, which is not installed; run: pip install 'tokenworth[parquet]'") from error
    try:
        table: Any = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise InvalidInput(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return cast("list[dict[str, Any]]", table.to_pylist())


def _list(values: object, where: str) -> tuple[Number, ...]:
    if not isinstance(values, list):
        raise InvalidInput(f"{where} is a {type(values).__name__}; {_FORM}")
    return tuple(_number(one, where) for one in cast("list[object]", values))


def _number(value: object, where: str) -> Number:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InvalidInput(f"{where}: got {str(value)[:40]!r}, expected a finite number, or null for none")
    return float(value)


def _rows(path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, tuple[Number, ...]]:
    found: dict[str, dict[int, Number]] = {}
    for where, row in rows:
        ident, token = row.get("trace_id", row.get("problem")), row.get("token")
        if not isinstance(ident, str) or isinstance(token, bool) or not isinstance(token, int) or "value" not in row:
            raise InvalidInput(f"{where}: got the columns {', '.join(map(str, list(row)[:8]))}; {_FORM}")
        if not 0 <= token < MOST_TOKENS:
            raise InvalidInput(f"{where}: token {token}, expected 0 to {MOST_TOKENS - 1:,}")
        here = found.setdefault(ident, {})
        if token in here:
            raise InvalidInput(f"{where}: token {token} of {ident!r} has two numbers in {path.name}; expected one")
        here[token] = _number(row["value"], where)
    return {ident: tuple(here.get(token) for token in range(max(here) + 1)) for ident, here in found.items()}
