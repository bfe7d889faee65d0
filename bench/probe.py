"""What probes of the bundled model tell, by family: is the trace needed, and the value; the table of docs/methods/probe.md.

    python bench/probe.py --questions 200 --folder probes

Rollouts are kept in the folder: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tokenworth as tw
from tokenworth.core.estimate import Estimate
from tokenworth.methods.probe.document import ProbeDoc
from tokenworth.workbench.runner import EndedCase

FAMILIES = ("guess", "steps", "recall")
NEEDED: dict[str, Any] = {"samples": 32}
RUNS: dict[str, dict[str, Any]] = {
    "needed": NEEDED,
    "needed, all": {**NEEDED, "unclear": True},
    "value": {"ask": "value", "samples": 16},
    "settled": {"ask": "settled", "samples": 16},
    "right": {"ask": "right", "samples": 32},
}
ROWS = ("probe", "words", "length", "forced", "text", "text + forced", "forced gold", "baseline", "labels shuffled", "random by question")


def documents(folder: Path, questions: int, runs: list[str]) -> Iterator[tuple[str, str, ProbeDoc]]:
    """Each run on each family."""
    for name in runs:
        for family in FAMILIES:
            with tw.Workbench("tiny", store=folder / f"{family}.db") as bench:
                last: EndedCase | None = None
                for last in bench.measure("probe", f"world:{family}", f"0-{questions - 1}", **RUNS[name]):
                    if last.error is not None:
                        print(f"{family} {last.item}: {last.error}")
                assert last is not None and isinstance(last.document, ProbeDoc)
            tw.write_document(last.document, folder / f"{name.replace(', ', '-')}-{family}.json")
            yield name, family, last.document


def number(one: Estimate | None, form: str = ".3f") -> str:
    if one is None or one.value is None:
        return ""
    value, low, high = (f"{x:{form}}" if x is not None else "–" for x in one)
    return f"{value} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("probes"))
    parser.add_argument("--run", action="append", choices=list(RUNS), help="may be repeated; all of them where there is none")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, family, doc in documents(chosen.folder, chosen.questions, chosen.run or list(RUNS)):
        counts = dict(zip(doc.classes, doc.counts, strict=True)) or f"ceiling {doc.ceiling}"
        print(f"\n{name}, {family}: {len(doc.questions)} questions, {len(doc.rows.question)} rows, {counts}")
        by_name = {one.name: one for one in doc.scores}
        for row in ROWS:
            if row in by_name:
                one = by_name[row]
                print(f"  {row:20} {one.metric:5} {number(one.quality):26} Δ {number(one.gain, '+.3f')}")
        print(f"  calibration error {doc.calibration_error}, Brier {doc.brier} of {doc.brier_base}")
        print("  bins " + " ".join(f"{one.predicted:.2f}→{one.observed:.2f}" for one in doc.calibration))
        for note in doc.notes:
            print(f"  note: {note}")


if __name__ == "__main__":
    main()
