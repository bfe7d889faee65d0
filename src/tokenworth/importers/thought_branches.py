"""Trees of rollouts of Thought Anchors and Thought Branches: `chunks.json` with `chunk_<i>/solutions.json`, nothing computed yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc
from tokenworth.errors import InvalidInput
from tokenworth.importers.files import read_json, read_object, text_of, texts_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL, WILSON_NOTE
from tokenworth.importers.solution import CORRECT, laid_out, model_name, outcome_of, problem_of, source_of, verdict_of, what_of
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc, SampleDoc
from tokenworth.stats.proportion import share
from tokenworth.tasks.target import GOLD, LABEL

CHUNKS, SOLUTIONS = "chunks.json", "solutions.json"
NO_ANSWER = "no answer"
"""Outcome of a rollout without one."""
_MOST_TEXT = 1 << 26
"""Characters of rollouts that a result keeps; beyond these only first sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollout:
    first: str
    text: str
    outcome: str
    has_it: bool | None


def thought_branches_folder(folder: Path) -> CurveDoc:
    """The value curve of one folder, rates from its rollouts: those without an answer count as misses.

    Raises: MissingFile, InvalidInput naming the file.
    """
    base_path, chunk_path = folder / "base_solution.json", folder / CHUNKS
    base, fields = read_object(base_path), read_object(chunk_path)
    solution = text_of(base, "full_cot" if "solution" not in base else "solution", str(base_path))
    sentences, what = texts_of(fields, "chunks", str(chunk_path)), what_of(base, folder)
    if not sentences or not all(one.strip() for one in sentences):
        raise InvalidInput(f"{chunk_path}: 'chunks' must be sentences, none of them blank")
    pieces, answer, aligned = laid_out(solution, sentences)
    n = min(len(sentences), len(pieces))
    found = [_rollouts(folder / f"chunk_{i}" / SOLUTIONS, what) for i in range(n)]
    drawn = [[one for one in part if isinstance(one, _Rollout)] for part in found]
    is_correctness = what == CORRECT
    rates = [share(sum(one.has_it is True for one in part), len(part), LEVEL) for part in drawn]
    whole = sum(len(one.text) for part in drawn for one in part) <= _MOST_TEXT
    return CurveDoc(
        problem=problem_of(folder),
        model=ModelDoc(name=model_name(folder)),
        plan=PlanDoc(name="plain", samples=max(map(len, drawn), default=0) or None, interval="wilson", assumption=WILSON_NOTE),
        trace=TraceDoc(
            unit="sentence",
            pieces=pieces,
            answer_pieces=(answer,) if answer else (),
            prompt=text_of(base, "prompt", str(base_path)) if "prompt" in base else "",
            outcome=outcome_of(base, what),
            verdict=verdict_of(base.get(CORRECT)),
        ),
        cuts=tuple(range(n)),
        value=tuple(one.value for one in rates),
        low=tuple(one.low if part else None for one, part in zip(rates, drawn, strict=True)),
        high=tuple(one.high if part else None for one, part in zip(rates, drawn, strict=True)),
        level=LEVEL,
        n_effective=tuple(float(len(part)) if part else None for part in drawn),
        n_started=tuple(map(len, drawn)),
        outcomes=_shares(drawn),
        samples=_samples(drawn, whole, is_correctness),
        rollouts=sum(map(len, drawn)),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=source_of(folder)),
        value_label="P(correct)" if is_correctness else f"P({what})",
        target=GOLD if is_correctness else f"{LABEL}{what}",
        notes=tuple(_notes(found, aligned, whole, what, "separators" in fields, (folder / "fighting_back_results.json").exists())),
    )


def _shares(drawn: list[list[_Rollout]]) -> dict[str, tuple[Number, ...]]:
    """The share of each outcome at each sentence; None where nothing was drawn."""
    counts = [Counter(one.outcome for one in part) for part in drawn]
    labels = sorted({label for count in counts for label in count})
    return {label: tuple(count[label] / count.total() if count else None for count in counts) for label in labels}


def _rollouts(path: Path, what: str) -> list[_Rollout | None]:
    """The rollouts of a sentence; None for each that failed. None at all where the file is not there."""
    if not path.exists():
        return []
    raw = read_json(path)
    if not isinstance(raw, list):
        raise InvalidInput(f"{path}: expected a list of rollouts, got a {type(raw).__name__}")
    made: list[_Rollout | None] = []
    for number, one in enumerate(cast("list[object]", raw)):
        if one is None or (isinstance(one, dict) and "error" in one):
            made.append(None)
        elif isinstance(one, dict):
            made.append(_rollout(cast("dict[str, Any]", one), what, f"{path}, rollout {number}"))
        else:
            raise InvalidInput(f"{path}: rollout {number} is a {type(one).__name__}, expected an object or null")
    return made


def _rollout(fields: dict[str, Any], what: str, where: str) -> _Rollout:
    first = text_of(fields, "chunk_resampled", where)
    text: object = fields.get("rollout")
    given, has_it = fields.get("answer"), fields.get(what)
    answer = given[:200] if isinstance(given, str) and given.strip() else ""
    told = has_it if isinstance(has_it, bool) else None
    # Without an answer the source writes false, or nothing at all.
    no_answer = what == CORRECT and not answer
    outcome = answer or (NO_ANSWER if no_answer else outcome_of(fields, what) or NO_ANSWER)
    return _Rollout(first=first, text=text if isinstance(text, str) else first, outcome=outcome, has_it=None if no_answer else told)


def _samples(drawn: Sequence[Sequence[_Rollout]], whole: bool, is_correctness: bool) -> tuple[SampleDoc, ...]:
    return tuple(
        SampleDoc(
            cut=cut,
            index=index,
            text=one.text if whole else one.first,
            outcome=one.outcome,
            verdict=verdict_of(one.has_it) if is_correctness else "unknown",
            stop="",
            n_tokens=0,
            hit=None if is_correctness else one.has_it,
        )
        for cut, part in enumerate(drawn)
        for index, one in enumerate(part)
    )


def _notes(found: Sequence[Sequence[object]], aligned: bool, whole: bool, what: str, exact: bool, resilience: bool) -> Iterator[str]:
    rate = "success rate" if what == CORRECT else f"rate of {what!r}, not of correct answers,"
    yield (
        f"The value at a cut is the {rate} of all rollouts when the sentence that follows it is removed and everything from there on is "
        "resampled; rollouts without an answer are misses, where the source leaves them out. The last cut was not measured."
    )
    if not exact:
        yield "The source re-joined its sentences with single spaces before sampling: the prefixes are not exactly those of the trace."
    yield "Token ids, lengths and log-probabilities are not in the folder; lengths are shown as 0."
    failed, empty = sum(one is None for part in found for one in part), sum(not part for part in found)
    if failed:
        yield f"{failed} rollouts failed or are null in the source, and are left out."
    if empty:
        yield f"{empty} sentences have no rollouts, and the cut before each is not measured."
    if not aligned:
        yield "The sentences are not found in the text of the solution; they are shown as the source has them, with spaces between."
    if not whole:
        yield "Of each rollout only the first sentence is kept, because all their texts are too long for one result."
    if resilience:
        yield "fighting_back_results.json (resilience of sentences) is not read."


TREES = Importer(
    reads=f"a folder of rollouts with {CHUNKS} and chunk_*/{SOLUTIONS}, or a folder above such folders",
    patterns=(CHUNKS, f"*/{CHUNKS}", f"*/*/{CHUNKS}", f"*/*/*/{CHUNKS}"),
    claims=lambda path: path.name == CHUNKS,
    read=lambda path: (thought_branches_folder(path.parent if path.name == CHUNKS else path),),
)
