"""The tables of a run: ``python -m recipes.beyond_semantics.table DIR...`` prints Markdown; ``--json OUT`` also writes the numbers.

Every share has a Wilson interval at 95 % over the problems asked; nothing that was not parsed is left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from recipes.beyond_semantics.evaluate import verdicts
from tokenworth.stats.proportion import wilson

Row = dict[str, Any]
SHARES: dict[str, tuple[str, Callable[[Row], bool], Callable[[Row], bool]]] = {
    "plan_valid": ("plan correct", lambda row: row["plan_valid"] is True, lambda row: True),
    "plan_optimal": ("plan shortest", lambda row: row["plan_optimal"] is True, lambda row: True),
    "trace_valid": ("trace valid (strict)", lambda row: row["trace_valid"] is True, lambda row: row["trace_valid"] is not None),
    "trace_valid_paper": ("trace valid (paper)", lambda row: row["trace_valid_paper"] is True, lambda row: row["trace_valid"] is not None),
    "valid_given_correct": (
        "trace valid, of correct plans",
        lambda row: row["trace_valid"] is True,
        lambda row: row["trace_valid"] is not None and row["plan_valid"] is True,
    ),
    "follows_given_invalid_correct": (
        "plan is the trace's, of correct plans after invalid traces",
        lambda row: row["plan_follows_trace"] is True,
        lambda row: row["trace_valid"] is False and row["plan_valid"] is True,
    ),
}
"""Name -> (heading, what is counted, among which outputs)."""

BINS = (0, 15, 30, 45, 60, 1000)
"""Edges of the bins by the number of events that A* takes."""


def share(rows: Iterable[Row], name: str) -> Row:
    """k, n, value and interval of one share; value None where nothing is in the denominator."""
    _, counted, among = SHARES[name]
    members = [row for row in rows if among(row)]
    k, n = sum(map(counted, members)), len(members)
    low, high = wilson(np.asarray([float(k)]), np.asarray([float(n)]), 0.95)
    return {"k": k, "n": n, "value": k / n if n else None, "low": float(low[0]) if n else None, "high": float(high[0]) if n else None}


def told(found: Row) -> str:
    """A share as text: value and interval in per cent."""
    if found["value"] is None:
        return "–"
    return f"{100 * found['value']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def read_rows(folders: Iterable[Path]) -> list[Row]:
    """Every output of the arms in these folders, with the side and the training steps of the arm."""
    rows: list[Row] = []
    for folder in folders:
        for path in sorted(folder.glob("*/outputs.jsonl")):
            training = json.loads((path.parent / "training.json").read_text(encoding="utf-8"))
            steps, trained = training["config"]["shape"]["steps"], training["config"]["mazes"]["families"]
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                # By the verifier of today, whatever the one of the training day said.
                row |= verdicts(row)
                rows.append({**row, "side": row["rows"], "is_final": row["step"] == steps, "in_distribution": row["family"] in trained})
    return rows


def grouped(rows: Iterable[Row], *fields: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of some fields, in the order they come."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[field] for field in fields), []).append(row)
    return groups


def table(rows: Iterable[Row], fields: tuple[str, ...], names: tuple[str, ...]) -> Iterator[str]:
    """Lines of a Markdown table: a row a group, a column a share."""
    yield "| " + " | ".join((*fields, "n", *(SHARES[name][0] for name in names))) + " |"
    yield "|" + "---|" * (len(fields) + 1 + len(names))
    for key, members in grouped(rows, *fields).items():
        cells = [*map(str, key), str(len(members)), *(told(share(members, name)) for name in names)]
        yield "| " + " | ".join(cells) + " |"


def bin_of(events: int) -> str:
    """The bin of a problem by the length of its A* trace."""
    edge = max(edge for edge in BINS if edge <= events)
    past = min(edge for edge in BINS if edge > events)
    return f"{edge} to {past - 1}" if past < BINS[-1] else f"{edge} and more"


def pages(rows: list[Row]) -> Iterator[str]:
    """The whole of the tables as Markdown lines."""
    final = [row for row in rows if row["is_final"]]
    main = ("plan_valid", "plan_optimal", "trace_valid", "trace_valid_paper", "valid_given_correct", "follows_given_invalid_correct")
    yield "### By arm and maze family\n"
    yield from table(final, ("side", "arm", "family", "temperature"), main)
    yield "\n### By length of the A* trace (events), the family trained on, greedy\n"
    here = [{**row, "events of A*": bin_of(row["events"])} for row in final if row["in_distribution"] and row["temperature"] == 0]
    here.sort(key=lambda row: (row["side"], row["arm"], BINS.index(int(row["events of A*"].split()[0]))))
    yield from table(here, ("side", "arm", "events of A*"), ("plan_valid", "trace_valid", "valid_given_correct"))
    yield "\n### In training (greedy, the family trained on)\n"
    first = [row for row in rows if not row["is_final"]]
    yield from table(first, ("side", "arm", "step"), ("plan_valid", "trace_valid", "valid_given_correct", "follows_given_invalid_correct"))
    yield "\n### First error of the outputs with an invalid trace (greedy, the family trained on)\n"
    for (side, arm), members in grouped((row for row in here if row["trace_valid"] is False), "side", "arm").items():
        counts = {code: len(found) for (code,), found in grouped(members, "first_error").items()}
        listed = ", ".join(f"{code} {n}" for code, n in sorted(counts.items(), key=lambda item: -item[1]))
        yield f"* {side} × {side}, {arm}: {listed}"


def main() -> None:
    """Reads the command line and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = read_rows(chosen.folders)
    print("\n".join(pages(rows)))
    if chosen.json is not None:
        keys = ("side", "arm", "family", "temperature", "step")
        numbers = [
            {**dict(zip(keys, key, strict=True)), "shares": {name: share(members, name) for name in SHARES}}
            for key, members in grouped(rows, *keys).items()
        ]
        chosen.json.write_text(json.dumps(numbers) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
