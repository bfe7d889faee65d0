"""Sentence-level success rates published as thought-anchors folders (``…/problem_<n>/``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.importers.files import rate_of, read_json, read_object, text_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL, WILSON_NOTE, answered, limits, rejoined, split_text
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, EventDoc, PlanDoc, SampleDoc

CHUNKS = "chunks_labeled.json"
NOT_RECORDED = "not recorded"
"""Outcome of a resample whose answer the source does not keep."""
_ASSUMED = 100
_CLOSE = "</think>"


def thought_anchors_folder(folder: Path) -> CurveDoc:
    """The value curve of one problem folder: at cut i the success rate when everything from sentence i on is resampled.

    Raises: MissingFile, InvalidInput naming the file.
    """
    base_path, chunk_path = folder / "base_solution.json", folder / CHUNKS
    base = read_object(base_path)
    solution = text_of(base, "solution", str(base_path))
    chunks = _chunks(chunk_path)
    resamples, complete = _resamples(folder)
    sentences = [text_of(chunk, "chunk", str(chunk_path)) for chunk in chunks]
    pieces, answer, aligned = _pieces(solution, sentences)
    chunks = chunks[: len(pieces)]
    stored = [len(resamples.get(i, ())) if complete else _ASSUMED for i in range(len(chunks))]
    value = [_rate(chunk, count, str(chunk_path)) for chunk, count in zip(chunks, stored, strict=True)]
    used = [0 if rate is None else answered(rate, count) for rate, count in zip(value, stored, strict=True)]
    low, high = limits(value, used)
    correct: object = base.get("is_correct")
    verdict = "unknown" if not isinstance(correct, bool) else "correct" if correct else "incorrect"
    final: object = base.get("answer")
    problem = _problem(folder)
    return CurveDoc(
        problem=problem,
        model=ModelDoc(name=_model_name(folder)),
        plan=PlanDoc(name="plain", samples=max(stored, default=None), interval="wilson", assumption=WILSON_NOTE),
        trace=TraceDoc(
            unit="sentence",
            pieces=pieces,
            answer_pieces=(answer,) if answer else (),
            prompt=text_of(base, "prompt", str(base_path)) if "prompt" in base else "",
            outcome=final if isinstance(final, str) and final else None,
            verdict=verdict,
        ),
        cuts=tuple(range(len(chunks))),
        value=tuple(value),
        low=low,
        high=high,
        level=LEVEL,
        n_effective=tuple(float(n) if rate is not None else None for rate, n in zip(value, used, strict=True)),
        n_started=tuple(stored),
        samples=_samples(resamples, len(chunks)),
        events=_events(chunks),
        rollouts=sum(stored),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=_source(folder)),
        notes=_notes(complete, aligned, value, stored, used),
    )


def _chunks(path: Path) -> list[dict[str, Any]]:
    raw = read_json(path)
    if not isinstance(raw, list) or not raw or not all(isinstance(item, dict) for item in cast("list[object]", raw)):
        raise InvalidInput(f"{path}: expected a list of sentences, each an object")
    chunks = cast("list[dict[str, Any]]", raw)
    for number, chunk in enumerate(chunks):
        if chunk.get("chunk_idx", number) != number:
            raise InvalidInput(f"{path}: sentence {number} has chunk_idx {chunk['chunk_idx']!r}; expected them in order from 0")
    return chunks


def _resamples(folder: Path) -> tuple[dict[int, list[str]], bool]:
    """First sentences of the resamples at each sentence, and whether the source has them at all."""
    for name in ("chunks_resampled.json.gz", "chunks_resampled.json"):
        path = folder / name
        if path.exists():
            break
    else:
        return {}, False
    found: dict[int, list[str]] = {}
    for key, texts in read_object(path).items():
        if not (key.isascii() and key.isdecimal() and len(key) < 7) or not isinstance(texts, list):
            raise InvalidInput(f"{path}: {key[:40]!r} is not the number of a sentence with a list of texts")
        found[int(key)] = [str(text) if text is not None else "" for text in cast("list[object]", texts)]
    return found, True


def _pieces(solution: str, sentences: Sequence[str]) -> tuple[tuple[str, ...], str, bool]:
    """(sentences of the trace as in the text, the answer, whether they were found there)."""
    wall = solution.find(_CLOSE)
    trace = solution if wall < 0 else solution[:wall]
    answer = "" if wall < 0 else solution[wall:]
    for kept in (len(sentences), *_up_to_wall(trace, sentences)):
        split = split_text(trace, sentences[:kept])
        if split is not None and len(split) in (kept, kept + 1):
            return split, answer, True
    return rejoined(sentences), answer, False


def _up_to_wall(trace: str, sentences: Sequence[str]) -> tuple[int, ...]:
    """How many sentences fit before the wall, for sources that cut the answer into sentences too."""
    room = sum(not mark.isspace() for mark in trace)
    for number, sentence in enumerate(sentences):
        room -= sum(not mark.isspace() for mark in sentence)
        if room < 0:
            return (number,)
    return ()


def _rate(chunk: dict[str, Any], stored: int, where: str) -> Number:
    # Where no resample is stored the source writes 0: no data, not no success.
    value: object = chunk.get("accuracy")
    return None if value is None or stored == 0 else rate_of(value, "'accuracy'", where)


def _samples(resamples: dict[int, list[str]], count: int) -> tuple[SampleDoc, ...]:
    return tuple(
        SampleDoc(cut=cut, index=index, text=text, outcome=NOT_RECORDED, verdict="unknown", stop="", n_tokens=0)
        for cut in range(count)
        for index, text in enumerate(resamples.get(cut, ()))
    )


def _events(chunks: Sequence[dict[str, Any]]) -> tuple[EventDoc, ...]:
    events: list[EventDoc] = []
    for cut, chunk in enumerate(chunks):
        tags: object = chunk.get("function_tags")
        if isinstance(tags, list):
            events += [EventDoc(cut=cut, kind="note", label=str(tag)[:60]) for tag in cast("list[object]", tags)]
    return tuple(events)


def _problem(folder: Path) -> Problem | None:
    path = folder / "problem.json"
    try:
        fields = read_object(path)
    except MissingFile:
        return None
    gold: object = fields.get("gt_answer")
    parts = [str(fields[key]) for key in ("type", "level") if isinstance(fields.get(key), str)]
    return Problem(
        id=folder.name,
        question=text_of(fields, "problem", str(path)),
        gold=gold if isinstance(gold, str) else None,
        kind=AnswerKind.LATEX,
        task=", ".join(["MATH", *parts]),
    )


def _known_place(folder: Path) -> bool:
    return folder.parent.name.startswith(("correct_base_solution", "incorrect_base_solution"))


def _model_name(folder: Path) -> str:
    if not _known_place(folder):
        return "unknown"
    above = folder.parent.parent
    return above.parent.name if above.name.startswith("temperature_") else above.name


def _source(folder: Path) -> str:
    return f"{_model_name(folder)}/{folder.parent.name}/{folder.name}" if _known_place(folder) else folder.name


def _notes(complete: bool, aligned: bool, value: Sequence[Number], stored: Sequence[int], used: Sequence[int]) -> tuple[str, ...]:
    """What a reader of the curve must know about where its numbers come from."""
    notes = [
        "The value at a cut is the success rate when the sentence that follows it is removed and everything from there on is "
        "resampled; the last cut was not measured.",
        "The source re-joined its sentences with single spaces before sampling, and removed a sentence by a text search that "
        "also removes earlier sentences with the same text: the prefixes are not exactly those of the trace.",
        "Of each resample only the first sentence is published, neither its answer nor its length (shown as 0); sampling parameters are "
        "not in the folder.",
        "A sentence's tags are notes at the cut before it.",
    ]
    if not complete:
        notes.append(f"The number of resamples is not in the folder; {_ASSUMED} are assumed at each cut.")
    else:
        notes.append(
            "Resamples without an answer are not in the rates. n effective is the largest count, at most the number stored, "
            f"that gives the rate; it is below the number stored at {sum(u < s for u, s in zip(used, stored, strict=True))} cuts."
        )
    missing = sum(rate is None for rate in value)
    if missing:
        notes.append(f"{missing} cuts have no stored resample; the source writes 0 there, which is read as not measured.")
    if not aligned:
        notes.append("The sentences were not found in the text in order; the trace shows them joined by single spaces.")
    return tuple(notes)


FOLDERS = Importer(
    reads=f"a problem folder with {CHUNKS}, or a folder above such folders",
    patterns=(CHUNKS, f"*/{CHUNKS}", f"*/*/{CHUNKS}", f"*/*/*/{CHUNKS}"),
    claims=lambda path: path.name.casefold() == CHUNKS,
    read=lambda path: (thought_anchors_folder(path.parent if path.name == CHUNKS else path),),
)
