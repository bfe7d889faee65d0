"""Samples that lm-evaluation-harness logs: `samples_*.jsonl`, a line for each problem and filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.answers import NOT_GRADED, Answer, parted, set_of
from tokenworth.importers.files import beginning, list_of
from tokenworth.importers.importer import Importer
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.tasks.sources.files import json_rows

METRICS = ("exact_match", "acc", "pass@1", "math_verify", "prompt_level_strict_acc")
"""Of a line's metrics, the first of these says whether its answer is right."""
_QUESTIONS = ("question", "problem", "prompt", "query", "input")


def lm_eval_samples(path: Path) -> Iterator[SampleSetDoc]:
    """The answers to each problem, in the file's order. Of several filters the first one counts.

    Raises InvalidInput naming file and line.
    """
    task = path.name.removesuffix(".gz").removesuffix(".jsonl").removeprefix("samples_")
    held: tuple[str, str, dict[str, Any], list[str]] | None = None
    done = set[str]()
    for where, row in json_rows(path):
        ident, name = _ident(row, where), row.get("filter")
        told = [name[:60]] if isinstance(name, str) else []
        if held is not None and held[0] == ident:
            held[3].extend(told)
            continue
        if ident in done:
            # Lines of a filter after those of all problems of the one before it.
            continue
        if held is not None:
            yield _set(*held, task=task, source=path.name)
        held = (ident, where, row, told)
        done.add(ident)
    if held is not None:
        yield _set(*held, task=task, source=path.name)


def _ident(row: dict[str, Any], where: str) -> str:
    value: object = row.get("doc_id")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidInput(f"{where}: 'doc_id' is {str(value)[:40]!r}, expected a number or a name")
    return str(value)[:200]


def _set(ident: str, where: str, row: dict[str, Any], filters: list[str], *, task: str, source: str) -> SampleSetDoc:
    texts = [_response(one, where) for one in _flat(list_of(row, "resps", where), where)]
    if not texts:
        raise InvalidInput(f"{where}: 'resps' is empty; expected at least one answer")
    given = _flat_values(row.get("filtered_resps"))
    correct = _correct(row) if len(texts) == 1 else None
    outcomes = (
        given if len(given) == len(texts) else given * len(texts) if len(given) == 1 and len(texts) == 1 else [NOT_GRADED] * len(texts)
    )
    answers = [
        Answer(trace=trace, text=answer, outcome=outcome[:200] or NOT_GRADED, correct=correct)
        for (trace, answer), outcome in zip(map(parted, texts), outcomes, strict=True)
    ]
    prompt = _prompt(row)
    return set_of(
        answers,
        problem=_problem(row, ident, task, prompt),
        prompt=prompt,
        model="",
        source=source,
        notes=tuple(_notes(len(texts), filters, _metric(row))),
    )


def _flat(values: list[object], where: str) -> list[object]:
    """A list for each request of the problem, of which only one is a free answer."""
    if len(values) > 1 or (values and not isinstance(values[0], list)):
        raise InvalidInput(
            f"{where}: 'resps' has {len(values)} requests; only problems with one generated answer, repeated or not, are read"
        )
    return cast("list[object]", values[0]) if values else []


def _response(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: an answer in 'resps' is a {type(value).__name__}, expected a text; log-likelihoods are no answers")
    return value


def _flat_values(value: object) -> list[str]:
    """Filtered answers as texts, out of a list or a list of lists."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    if len(items) == 1 and isinstance(items[0], list):
        items = cast("list[object]", items[0])
    return [one if isinstance(one, str) else str(one) for one in items if isinstance(one, str | int | float)]


def _metric(row: dict[str, Any]) -> str | None:
    return next((name for name in METRICS if isinstance(row.get(name), int | float)), None)


def _correct(row: dict[str, Any]) -> bool | None:
    name = _metric(row)
    value: object = None if name is None else row[name]
    return None if value not in (0, 1) else value == 1


def _prompt(row: dict[str, Any]) -> str:
    """What was put to the model, where the line has it."""
    arguments: object = row.get("arguments")
    if isinstance(arguments, dict):
        first: object = next(iter(cast("dict[str, object]", arguments).values()), None)
        text: object = cast("dict[str, object]", first).get("arg_0") if isinstance(first, dict) else None
        return text if isinstance(text, str) else ""
    return ""


def _problem(row: dict[str, Any], ident: str, task: str, prompt: str) -> Problem:
    doc: object = row.get("doc")
    fields = cast("dict[str, object]", doc) if isinstance(doc, dict) else {}
    asked = next((text for name in _QUESTIONS if isinstance(text := fields.get(name), str) and text), prompt)
    gold: object = row.get("target")
    known = str(gold) if isinstance(gold, str | int | float) and not isinstance(gold, bool) else None
    return Problem(id=f"{task}/{ident}", question=asked, gold=known, kind=AnswerKind.EXACT, task=task)


def _notes(n: int, filters: list[str], metric: str | None) -> Iterator[str]:
    verdict = f"Verdicts are those of the source's {metric}" if metric is not None else "The line has no metric that is known here"
    if n > 1:
        yield f"The source's metric is of all {n} repeats together, so the single answers have no verdict."
    else:
        yield f"{verdict}{f', with the filter {filters[0]}' if filters else ''}."
    if len(filters) > 1:
        yield f"The file has other filters of the same answers, which are left out: {', '.join(filters[1:])[:200]}."
    yield "The model's name, sampling parameters and log-probabilities are not in the line; a trace may have been stripped earlier."


SAMPLES = Importer(
    reads="samples of lm-evaluation-harness, samples_*.jsonl[.gz]",
    patterns=("samples_*.jsonl", "samples_*.jsonl.gz", "*/samples_*.jsonl", "*/samples_*.jsonl.gz"),
    claims=lambda path: ".jsonl" in path.name and all(f'"{key}"' in beginning(path) for key in ("doc_id", "resps")),
    read=lm_eval_samples,
)
