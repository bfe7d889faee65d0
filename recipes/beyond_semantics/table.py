"""The tables of a run: ``python -m recipes.beyond_semantics.table DIR...`` prints Markdown; ``--json OUT`` also writes the numbers.

Every share has a Wilson interval at 95 % over the problems asked; nothing that was not parsed is left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from recipes.beyond_semantics.evaluate import verdicts
from recipes.beyond_semantics.testing import CHECKPOINTS, OUTPUTS, TRAINING, read_lines
from tokenworth.stats.proportion import wilson

Row = dict[str, Any]
SCHEMA = "tokenworth.recipe-results/1"
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


def arm_rows(folder: Path) -> list[Row]:
    """Every output of an arm, of the saved model and of its checkpoints, with the side, and whether it is of the saved model."""
    config = training_of(folder)["config"]
    steps, trained = config["shape"]["steps"], config["mazes"]["families"]
    rows: list[Row] = []
    for row in itertools.chain(read_lines(folder / CHECKPOINTS), read_lines(folder / OUTPUTS)):
        # By the verifier of today, whatever the one of the training day said.
        row |= verdicts(row)
        rows.append({**row, "side": row["rows"], "is_final": row["step"] == steps, "in_distribution": row["family"] in trained})
    return rows


def training_of(folder: Path) -> Row:
    """How an arm was made: its ``training.json``."""
    return json.loads((folder / TRAINING).read_text(encoding="utf-8"))


def arms_in(folders: Iterable[Path]) -> list[Path]:
    """The arms in some folders, in the order of their names."""
    return [path.parent for folder in folders for path in sorted(folder.glob(f"*/{OUTPUTS}"))]


def read_rows(folders: Iterable[Path]) -> list[Row]:
    """Every output of the arms in these folders: see `arm_rows`."""
    return [row for arm in arms_in(folders) for row in arm_rows(arm)]


COSTS = {
    "presentations": "presentations",
    "tokens": "tokens trained on",
    "loss": "final loss",
    "cpu_seconds": "CPU-seconds of training",
    "data_cpu_seconds": "of making the problems",
    "test_cpu_seconds": "of testing",
}
"""Field of ``training.json`` -> heading."""


def costs_of(folders: Iterable[Path]) -> list[Row]:
    """Side, arm and what it took, of every arm in these folders; None for what was not measured."""
    made = [training_of(arm) for arm in arms_in(folders)]
    more = ("seconds", "data_seconds", "test_seconds", "parameters")
    return [
        {"side": one["config"]["mazes"]["side"], "arm": one["arm"]["name"], **{name: one["training"].get(name) for name in (*COSTS, *more)}}
        for one in made
    ]


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
    for one in numbers(rows, fields, names):
        cells = [*(str(one[field]) for field in fields), str(one["n"]), *(told(one["shares"][name]) for name in names)]
        yield "| " + " | ".join(cells) + " |"


def numbers(rows: Iterable[Row], fields: tuple[str, ...], names: tuple[str, ...]) -> list[Row]:
    """What a table says, as numbers: the fields of each group, n, and its shares."""
    return [
        {**dict(zip(fields, key, strict=True)), "n": len(members), "shares": {name: share(members, name) for name in names}}
        for key, members in grouped(rows, *fields).items()
    ]


def bin_of(events: int) -> str:
    """The bin of a problem by the length of its A* trace."""
    edge = max(edge for edge in BINS if edge <= events)
    past = min(edge for edge in BINS if edge > events)
    return f"{edge} to {past - 1}" if past < BINS[-1] else f"{edge} and more"


def by_length(rows: Iterable[Row]) -> list[Row]:
    """The greedy outputs of saved models in the families they were trained on, with their bin, in the order of the bins."""
    final = [row for row in rows if row["is_final"] and row["in_distribution"] and row["temperature"] == 0]
    here = [{**row, LENGTH: bin_of(row["events"])} for row in final]
    return sorted(here, key=lambda row: (row["side"], row["arm"], BINS.index(int(row[LENGTH].split()[0]))))


def first_errors(rows: Iterable[Row]) -> list[Row]:
    """Side, arm, n and how often each code was the first error of an invalid trace, the commonest first; of the rows of `by_length`."""
    found: list[Row] = []
    for (side, arm), members in grouped((row for row in by_length(rows) if row["trace_valid"] is False), "side", "arm").items():
        counts = {code: len(same) for (code,), same in grouped(members, "first_error").items()}
        ordered = dict(sorted(counts.items(), key=lambda item: -item[1]))
        found.append({"side": side, "arm": arm, "n": len(members), "codes": ordered})
    return found


LENGTH = "events of A*"
MAIN, LENGTHS, STEPS = ("side", "arm", "family", "temperature"), ("side", "arm", LENGTH), ("side", "arm", "step")
"""What the rows of each table are named by."""
SHORT = ("plan_valid", "trace_valid", "valid_given_correct")


def pages(rows: list[Row], costs: Iterable[Row] = ()) -> Iterator[str]:
    """The whole of the tables as Markdown lines."""
    yield "### By arm and maze family\n"
    yield from table((row for row in rows if row["is_final"]), MAIN, tuple(SHARES))
    yield "\n### By length of the A* trace (events), the family trained on, greedy\n"
    yield from table(by_length(rows), LENGTHS, SHORT)
    yield "\n### In training (greedy, the family trained on)\n"
    yield from table((row for row in rows if not row["is_final"]), STEPS, (*SHORT, "follows_given_invalid_correct"))
    yield "\n### First error of the outputs with an invalid trace (greedy, the family trained on)\n"
    for one in first_errors(rows):
        yield f"* {one['side']} × {one['side']}, {one['arm']}: {', '.join(f'{code} {n}' for code, n in one['codes'].items())}"
    yield "\n### Cost\n"
    yield "| side | arm | " + " | ".join(COSTS.values()) + " |"
    yield "|" + "---|" * (2 + len(COSTS))
    for one in costs:
        cells = ("–" if one[name] is None else f"{one[name]:.4f}" if name == "loss" else f"{one[name]:,.0f}" for name in COSTS)
        yield f"| {one['side']} | {one['arm']} | " + " | ".join(cells) + " |"


def results(rows: list[Row], costs: Iterable[Row]) -> Row:
    """All numbers of the tables, a list a table, with every share of every group."""
    every = tuple(SHARES)
    return {
        "schema": SCHEMA,
        "by_family": numbers((row for row in rows if row["is_final"]), MAIN, every),
        "by_length": numbers(by_length(rows), LENGTHS, every),
        "in_training": numbers((row for row in rows if not row["is_final"]), (*STEPS, "family", "temperature"), every),
        "first_errors": first_errors(rows),
        "costs": list(costs),
    }


def main() -> None:
    """Reads the command line and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows, costs = read_rows(chosen.folders), costs_of(chosen.folders)
    print("\n".join(pages(rows, costs)))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results(rows, costs)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
