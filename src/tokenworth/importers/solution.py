"""Folders of the Thought Anchors family: what was asked, what the base solution came to, and its sentences laid over its text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import MissingFile
from tokenworth.importers.files import read_object, text_of
from tokenworth.importers.sentences import rejoined, split_text

CORRECT = "is_correct"
"""Field of a solution that says whether it is right; where another one says what came out, the rates are of that."""
OPEN, CLOSE = "<think>", "</think>"


def what_of(base: dict[str, Any], folder: Path) -> str:
    """What the rates are of: the field of the base solution that says what came out. ``accuracy``, their own name, where none does."""
    told = [name for name, value in base.items() if isinstance(value, bool) and name != CORRECT]
    if CORRECT in base or not (told or (folder / "scenario.json").exists()):
        return CORRECT
    return told[0][:60] if len(told) == 1 else "accuracy"


def outcome_of(base: dict[str, Any], what: str) -> str | None:
    """The base's answer, or whether it has what the rates are of."""
    final, has_it = base.get("answer"), base.get(what)
    if isinstance(final, str) and final:
        return final
    return f"{what}: {'yes' if has_it else 'no'}" if what != CORRECT and isinstance(has_it, bool) else None


def verdict_of(is_correct: object) -> str:
    """The verdict that a truth value is; unknown for anything else."""
    return "unknown" if not isinstance(is_correct, bool) else "correct" if is_correct else "incorrect"


def problem_of(folder: Path) -> Problem | None:
    """The problem, or the scenario, that the folder states; None where it states none."""
    path = folder / "problem.json"
    try:
        fields = read_object(path)
    except MissingFile:
        return _scenario(folder)
    gold: object = fields.get("gt_answer")
    parts = [str(fields[key]) for key in ("type", "level") if isinstance(fields.get(key), str)]
    return Problem(
        id=folder.name,
        question=text_of(fields, "problem", str(path)),
        gold=gold if isinstance(gold, str) else None,
        kind=AnswerKind.LATEX,
        task=", ".join(["MATH", *parts]),
    )


def _scenario(folder: Path) -> Problem | None:
    path = folder / "scenario.json"
    if not path.exists():
        return None
    fields = read_object(path)
    asked = "\n\n".join(text_of(fields, name, str(path)) for name in ("system_prompt", "user_prompt") if name in fields)
    return Problem(id=folder.name, question=asked, kind=AnswerKind.EXACT, task="scenario")


def laid_out(solution: str, sentences: Sequence[str]) -> tuple[tuple[str, ...], str, bool]:
    """(sentences of the trace as in the text, the answer, whether they were found there)."""
    wall = solution.find(CLOSE)
    trace = solution if wall < 0 else solution[:wall]
    answer = "" if wall < 0 else solution[wall:]
    # A mark that opens the trace is of no sentence, and is shown with the first.
    opened = len(trace) - len(trace.lstrip().removeprefix(OPEN)) if trace.lstrip().startswith(OPEN) else 0
    for kept in (len(sentences), *_up_to_wall(trace, sentences)):
        split = split_text(trace[opened:], sentences[:kept])
        if split is not None and len(split) in (kept, kept + 1):
            return (trace[:opened] + split[0], *split[1:]), answer, True
    return rejoined(sentences), answer, False


def _up_to_wall(trace: str, sentences: Sequence[str]) -> tuple[int, ...]:
    """How many sentences fit before the wall, for sources that cut the answer into sentences too."""
    room = sum(not mark.isspace() for mark in trace)
    for number, sentence in enumerate(sentences):
        room -= sum(not mark.isspace() for mark in sentence)
        if room < 0:
            return (number,)
    return ()


def _known_place(folder: Path) -> bool:
    return "base_solution" in folder.parent.name


def model_name(folder: Path) -> str:
    """The model, by the folders above."""
    if not _known_place(folder):
        return "unknown"
    above = folder.parent.parent
    return above.parent.name if above.name.startswith("temperature_") else above.name


def source_of(folder: Path) -> str:
    """What provenance says of the folder."""
    return f"{model_name(folder)}/{folder.parent.name}/{folder.name}" if _known_place(folder) else folder.name
