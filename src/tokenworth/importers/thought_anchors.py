"""Sentence-level success rates published as thought-anchors folders (``…/problem_<n>/``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc
from tokenworth.errors import InvalidInput
from tokenworth.importers.files import rate_of, read_json, read_object, text_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL, WILSON_NOTE, answered, limits
from tokenworth.importers.solution import CORRECT, laid_out, model_name, outcome_of, problem_of, source_of, verdict_of, what_of
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, EventDoc, PlanDoc, SampleDoc
from tokenworth.tasks.target import GOLD, LABEL

CHUNKS = "chunks_labeled.json"
NOT_RECORDED = "not recorded"
"""Outcome of a resample whose answer the source does not keep."""
_TEXTS = ("chunk_resampled", "chunk", "text")
_ASSUMED = 100
_MOST_LEFT_OUT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resample:
    """What is kept of one resample: its first sentence, its answer, and whether it has what the rates are of."""

    text: str
    answer: str = NOT_RECORDED
    has_it: bool | None = None


def thought_anchors_folder(folder: Path) -> CurveDoc:
    """The value curve of one problem folder: at cut i the success rate when everything from sentence i on is resampled.

    Sentences keep the numbers of the source: where it leaves one out, an empty piece stands. The rates are of what the base solution is
    said to be: `CORRECT`, or the one other thing.

    Raises: MissingFile, InvalidInput naming the file.
    """
    base_path, chunk_path = folder / "base_solution.json", folder / CHUNKS
    base = read_object(base_path)
    solution, what = text_of(base, "solution", str(base_path)), what_of(base, folder)
    chunks, numbers = _chunks(chunk_path)
    resamples, complete = _resamples(folder, what)
    sentences = [text_of(chunk, "chunk", str(chunk_path)) for chunk in chunks]
    pieces, answer, aligned = laid_out(solution, sentences)
    chunks, numbers = chunks[: len(pieces)], numbers[: len(pieces)]
    stored = [len(resamples.get(i, ())) if complete else _ASSUMED for i in numbers]
    value = [_rate(chunk, count, str(chunk_path)) for chunk, count in zip(chunks, stored, strict=True)]
    used = [_used(rate, resamples.get(i, ()), count) for rate, i, count in zip(value, numbers, stored, strict=True)]
    low, high = limits(value, used)
    is_correctness = what == CORRECT
    return CurveDoc(
        problem=problem_of(folder),
        model=ModelDoc(name=model_name(folder)),
        plan=PlanDoc(name="plain", samples=max(stored, default=None), interval="wilson", assumption=WILSON_NOTE),
        trace=TraceDoc(
            unit="sentence",
            pieces=_numbered(pieces, numbers),
            answer_pieces=(answer,) if answer else (),
            prompt=text_of(base, "prompt", str(base_path)) if "prompt" in base else "",
            outcome=outcome_of(base, what),
            verdict=verdict_of(base.get(CORRECT)),
        ),
        cuts=tuple(numbers),
        value=tuple(value),
        low=low,
        high=high,
        level=LEVEL,
        n_effective=tuple(float(n) if rate is not None else None for rate, n in zip(value, used, strict=True)),
        n_started=tuple(stored),
        samples=_samples(resamples, numbers, is_correctness),
        events=_events(chunks, numbers),
        rollouts=sum(stored),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=source_of(folder)),
        value_label="P(correct)" if is_correctness else f"P({what})",
        target=GOLD if is_correctness else f"{LABEL}{what}",
        notes=_notes(complete, aligned, value, stored, used, what) + _odd(numbers, resamples, value) + _unbacked(chunks, numbers, stored),
    )


def _chunks(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """The sentences with their numbers, which the source may leave out, and of which some may be missing."""
    raw = read_json(path)
    if not isinstance(raw, list) or not raw or not all(isinstance(item, dict) for item in cast("list[object]", raw)):
        raise InvalidInput(f"{path}: expected a list of sentences, each an object")
    chunks = cast("list[dict[str, Any]]", raw)
    numbers: list[int] = []
    for place, chunk in enumerate(chunks):
        number: object = chunk.get("chunk_idx", numbers[-1] + 1 if numbers else 0)
        after = numbers[-1] if numbers else -1
        if not isinstance(number, int) or isinstance(number, bool) or not after < number <= place + _MOST_LEFT_OUT:
            raise InvalidInput(f"{path}: sentence {place} has chunk_idx {number!r}; expected whole numbers in order, each once")
        numbers.append(number)
    return chunks, numbers


def _numbered(pieces: tuple[str, ...], numbers: Sequence[int]) -> tuple[str, ...]:
    """The pieces, each at the number of its sentence; what stands behind the last sentence comes last."""
    placed = dict(zip(numbers, pieces, strict=False))
    return (*(placed.get(i, "") for i in range(numbers[-1] + 1)), *pieces[len(numbers) :])


def _resamples(folder: Path, what: str) -> tuple[dict[int, list[_Resample]], bool]:
    """The resamples at each sentence, and whether the source has them at all."""
    for name in ("chunks_resampled.json.gz", "chunks_resampled.json"):
        path = folder / name
        if path.exists():
            break
    else:
        return {}, False
    found: dict[int, list[_Resample]] = {}
    for key, texts in read_object(path).items():
        if not (key.isascii() and key.isdecimal() and len(key) < 7) or not isinstance(texts, list):
            raise InvalidInput(f"{path}: {key[:40]!r} is not the number of a sentence with a list of texts")
        found[int(key)] = [_resample(item, what, f"{path}: sentence {key}") for item in cast("list[object]", texts)]
    return found, True


def _resample(item: object, what: str, where: str) -> _Resample:
    """One resample: its first sentence alone, or an object with it and what came out."""
    if not isinstance(item, dict):
        return _Resample(text="" if item is None else str(item))
    fields = cast("dict[str, Any]", item)
    name = next((name for name in _TEXTS if name in fields), None)
    if name is None:
        raise InvalidInput(
            f"{where}: a resample with the fields {', '.join(map(ascii, fields))[:80] or '(none)'}; expected {' or '.join(_TEXTS)}"
        )
    answer, has_it = fields.get("answer"), fields.get(what)
    return _Resample(
        text=text_of(fields, name, where),
        answer=answer if isinstance(answer, str) and answer else outcome_of(fields, what) or NOT_RECORDED,
        has_it=has_it if isinstance(has_it, bool) else None,
    )


def _used(rate: Number, resamples: Sequence[_Resample], stored: int) -> int:
    """Over how many resamples a rate was taken: those of which it is known what came out, if they give it."""
    told = [one.has_it for one in resamples if one.has_it is not None]
    if rate is None or (told and _is_of(rate, told)):
        return len(told) if rate is not None else 0
    return answered(rate, stored)


def _is_of(rate: float, told: Sequence[bool]) -> bool:
    return abs(sum(told) - rate * len(told)) < 1e-6


def _rate(chunk: dict[str, Any], stored: int, where: str) -> Number:
    # Where no resample is stored the source writes 0: no data, not no success.
    value: object = chunk.get("accuracy")
    return None if value is None or stored == 0 else rate_of(value, "'accuracy'", where)


def _samples(resamples: dict[int, list[_Resample]], numbers: Sequence[int], is_correctness: bool) -> tuple[SampleDoc, ...]:
    return tuple(
        SampleDoc(
            cut=cut,
            index=index,
            text=one.text,
            outcome=one.answer,
            verdict=verdict_of(one.has_it) if is_correctness else "unknown",
            stop="",
            n_tokens=0,
            hit=None if is_correctness else one.has_it,
        )
        for cut in range(numbers[-1] + 1)
        for index, one in enumerate(resamples.get(cut, ()))
    )


def _events(chunks: Sequence[dict[str, Any]], numbers: Sequence[int]) -> tuple[EventDoc, ...]:
    events: list[EventDoc] = []
    for cut, chunk in zip(numbers, chunks, strict=True):
        tags: object = chunk.get("function_tags")
        if isinstance(tags, list):
            events += [EventDoc(cut=cut, kind="note", label=str(tag)[:60]) for tag in cast("list[object]", tags)]
    return tuple(events)


def _notes(
    complete: bool, aligned: bool, value: Sequence[Number], stored: Sequence[int], used: Sequence[int], what: str
) -> tuple[str, ...]:
    """What a reader of the curve must know about where its numbers come from."""
    rate = "success rate" if what == CORRECT else f"rate of {what!r}, not of correct answers,"
    notes = [
        f"The value at a cut is the {rate} when the sentence that follows it is removed and everything from there on is "
        "resampled; the last cut was not measured.",
        "The source re-joined its sentences with single spaces before sampling, and removed a sentence by a text search that "
        "also removes earlier sentences with the same text: the prefixes are not exactly those of the trace.",
        "Of each resample only the first sentence is published, and its answer only where the folder has it; lengths are shown as 0, "
        "sampling parameters are not in the folder.",
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
        notes.append(f"{missing} cuts have no stored resample and are not measured; a 0 that the source writes there is no rate.")
    if not aligned:
        notes.append("The sentences were not found in the text in order; the trace shows them joined by single spaces.")
    return tuple(notes)


def _unbacked(chunks: Sequence[dict[str, Any]], numbers: Sequence[int], stored: Sequence[int]) -> tuple[str, ...]:
    """A note on rates of the source that rest on no resample that is there."""
    told = [(i, chunk["accuracy"]) for chunk, i, n in zip(chunks, numbers, stored, strict=True) if n == 0 and chunk.get("accuracy")]
    if not told:
        return ()
    shown = ", ".join(f"{rate:g} at cut {i}" for i, rate in told[:6] if isinstance(rate, int | float))
    return (f"The source has rates without resamples ({shown}); they are left out, because nothing says how many draws they rest on.",)


def _odd(numbers: Sequence[int], resamples: dict[int, list[_Resample]], value: Sequence[Number]) -> tuple[str, ...]:
    """Notes on what does not fit together in the source."""
    notes: list[str] = []
    left_out = sorted(set(range(numbers[-1])) - set(numbers))
    if left_out:
        shown = ", ".join(map(str, left_out[:12])) + (" …" if len(left_out) > 12 else "")
        notes.append(
            f"The source numbers its sentences to {numbers[-1]} and leaves out {shown}: those are empty here, the others keep theirs."
        )
    told = [[one.has_it for one in resamples.get(i, ()) if one.has_it is not None] for i in numbers]
    wrong = [i for i, rate, has_it in zip(numbers, value, told, strict=True) if rate is not None and has_it and not _is_of(rate, has_it)]
    if wrong:
        shown = ", ".join(map(str, wrong[:12]))
        notes.append(f"At {len(wrong)} cuts ({shown}) the rate is not that of the resamples stored there; the rate of the source is shown.")
    return tuple(notes)


FOLDERS = Importer(
    reads=f"a problem folder with {CHUNKS}, or a folder above such folders",
    patterns=(CHUNKS, f"*/{CHUNKS}", f"*/*/{CHUNKS}", f"*/*/*/{CHUNKS}"),
    claims=lambda path: path.name.casefold() == CHUNKS,
    read=lambda path: (thought_anchors_folder(path.parent if path.name == CHUNKS else path),),
)
