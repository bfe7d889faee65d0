"""Sentence-level curves of the hinted answer: ``cue-curve-*.csv`` joined with the traces they belong to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc
from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.files import gold_note, rate_of, read_table, text_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL, WILSON_NOTE, limits, rejoined, split_text
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, EventDoc, PlanDoc
from tokenworth.tasks.sources.files import json_rows, text_lines
from tokenworth.tasks.target import LABEL

COLUMNS = ("pn", "sentence", "cue_score", "cue_p", "cue_score_prev", "cue_p_prev", "sentence_num", "gt_answer", "cue_answer")
_MODEL = re.compile(r"cue-curve-(?P<model>.+?)\.csv")
_OPTION = re.compile(r"^\(([A-Z])\) (.*)$", re.MULTILINE)
_MOST = 100_000

CsvRow = tuple[str, dict[str, str]]


def hinted_curves(path: Path, traces: Path | None = None) -> list[CurveDoc]:
    """One curve of P(hinted answer) for each question of a ``cue-curve-*.csv[.gz]`` file, in the file's order.

    ``traces``: the JSONL file with the traces; by default the one beside it. Without it the text is joined from the
    sentences and the last of them is missing.
    """
    traces = traces or paired_file(path.parent)
    records: dict[str, dict[str, Any]] = {}
    for _, record in json_rows(traces) if traces else ():
        records.setdefault(str(record.get("pn")), record)
    rows = list(read_table(path, COLUMNS))
    if not rows:
        raise InvalidInput(f"{path}: a header and no rows; expected one row a sentence")
    return [_document(list(group), records.get(pn), path) for pn, group in groupby(rows, key=lambda row: row[1]["pn"])]


def paired_file(folder: Path) -> Path | None:
    """The file of traces beside a curve file: ``*paired*.jsonl[.gz]``."""
    found = sorted([*folder.glob("*paired*.jsonl"), *folder.glob("*paired*.jsonl.gz")])
    return found[0] if found else None


def _number(text: str, what: str, where: str) -> float:
    try:
        return float(text) if len(text) <= 40 else float("nan")
    except ValueError as error:
        raise InvalidInput(f"{where}: {what} is {text[:40]!r}, expected a number") from error


def _measured(rows: Sequence[CsvRow]) -> tuple[list[float], list[int | None]]:
    """Rates at cut 0 (the first row's ``_prev``) and after each sentence, with n = score / rate, None where both are 0."""
    rates: list[float] = []
    counts: list[int | None] = []
    for number, (where, row) in enumerate(rows):
        if row["sentence_num"] != str(number):
            raise InvalidInput(f"{where}: sentence_num is {row['sentence_num'][:20]!r}, expected {number}")
        for suffix in ("_prev", "") if number == 0 else ("",):
            rate = rate_of(_number(row[f"cue_p{suffix}"], f"cue_p{suffix}", where), f"cue_p{suffix}", where)
            score = _number(row[f"cue_score{suffix}"], f"cue_score{suffix}", where)
            if not 0 <= score <= _MOST or (rate == 0) != (score == 0) or (rate > 0 and score / rate > _MOST):
                raise InvalidInput(f"{where}: cue_score{suffix} {score:g} and cue_p{suffix} {rate:g} do not fit together")
            rates.append(rate)
            counts.append(round(score / rate) if rate > 0 else None)
    return rates, counts


def _document(rows: Sequence[CsvRow], record: dict[str, Any] | None, path: Path) -> CurveDoc:
    where, first = rows[0]
    rates, known = _measured(rows)
    smallest = min((n for n in known if n is not None), default=None)
    counts = [n if n is not None else smallest or 0 for n in known]
    value: list[Number] = [rate if n else None for rate, n in zip(rates, counts, strict=True)]
    low, high = limits(value, counts)
    sentences = [row["sentence"] for _, row in rows]
    trace, aligned = _trace(sentences, record, first, where)
    name = _MODEL.match(path.name)
    problem, gold = _problem(first, record), first["gt_answer"]
    return CurveDoc(
        problem=problem,
        model=ModelDoc(name=name["model"] if name else "unknown"),
        plan=PlanDoc(name="plain", samples=max(counts), interval="wilson", assumption=WILSON_NOTE),
        trace=trace,
        cuts=tuple(range(len(value))),
        value=tuple(value),
        low=low,
        high=high,
        level=LEVEL,
        n_effective=tuple(float(n) if n else None for n in counts),
        n_started=tuple(counts),
        events=_events(value),
        rollouts=sum(counts),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=path.name),
        value_label="P(hinted answer)",
        target=f"{LABEL}{first['cue_answer']}",
        notes=_notes(first, known, aligned, record is not None) + ((gold_note(gold),) if gold and problem.gold is None else ()),
    )


def _trace(sentences: Sequence[str], record: dict[str, Any] | None, first: dict[str, str], where: str) -> tuple[TraceDoc, bool]:
    pieces, aligned = rejoined(sentences), False
    answer, prompt, own = "", "", None
    if record is not None:
        split = split_text(text_of(record, "reasoning_text", where), sentences)
        if split is not None:
            pieces, aligned = split, True
        answer = record["post_reasoning"] if isinstance(record.get("post_reasoning"), str) else ""
        prompt = record["question"] if isinstance(record.get("question"), str) else ""
        own = record["answer"] if isinstance(record.get("answer"), str) else None
    verdict = "unknown" if own is None else "correct" if own == first["gt_answer"] else "incorrect"
    answer_pieces = (answer,) if answer else ()
    return TraceDoc(unit="sentence", pieces=pieces, answer_pieces=answer_pieces, prompt=prompt, outcome=own, verdict=verdict), aligned


def _problem(first: dict[str, str], record: dict[str, Any] | None) -> Problem:
    text = record["question"] if record is not None and isinstance(record.get("question"), str) else ""
    question, _, rest = text.partition("\nAnswer choices:\n")
    options = tuple(Option(label=label, text=said) for label, said in _OPTION.findall(rest))
    if len({option.label for option in options}) != len(options):
        options = ()
    return Problem(
        id=first["pn"],
        question=question.removeprefix("user: ").strip(),
        options=options,
        gold=first["gt_answer"] if first["gt_answer"] in {option.label for option in options} else None,
        task="MMLU with a hinted answer",
    )


def _events(value: Sequence[Number]) -> tuple[EventDoc, ...]:
    """The first cut from which the hinted answer stays the likelier one."""
    above = [rate is not None and rate >= 0.5 for rate in value]
    if not above or not above[-1]:
        return ()
    first = len(above) - next((i for i, here in enumerate(reversed(above)) if not here), len(above))
    return (EventDoc(cut=first, kind="change", label="hinted answer at .5 or above from here on"),) if first else ()


def _notes(first: dict[str, str], known: Sequence[int | None], aligned: bool, joined: bool) -> tuple[str, ...]:
    hinted = first["cue_answer"][:20]
    notes = [
        f"The value is the probability of the hinted answer ({hinted}), not of the correct one ({first['gt_answer'][:20]}).",
        "The trace was written with the hint in the prompt; at each cut its sentences so far were put after the prompt without "
        "the hint and continued. The prompt shown is the one without the hint.",
        "n is the number of resamples with an answer, computed as score / rate. The last sentence was not measured.",
        "The model is named by the file name only.",
    ]
    if any(n is None for n in known):
        notes.append("Where no resample gave the hinted answer n cannot be computed; the smallest n of this trace is taken.")
    if not joined:
        notes.append("The file with the traces was not found; the text is joined from the sentences and its end is missing.")
    elif not aligned:
        notes.append("The sentences were not found in the trace in order; the text is joined from them by single spaces.")
    return tuple(notes)


def _is_table(path: Path) -> bool:
    if not path.name.casefold().endswith((".csv", ".csv.gz")):
        return False
    _, header = next(text_lines(path), (1, ""))
    return all(column in header for column in COLUMNS)


CURVES = Importer(
    reads="cue-curve-*.csv[.gz] (with the *paired*.jsonl file beside it), or their folder",
    patterns=("cue-curve-*.csv", "cue-curve-*.csv.gz"),
    claims=_is_table,
    read=hinted_curves,
)
