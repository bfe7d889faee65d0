"""The cache of the package `rollouts`: a folder for each prompt and setting, a file for each seed (`seed_00000.json`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.answers import NOT_GRADED, Answer, parted, set_of
from tokenworth.importers.files import read_object, text_of
from tokenworth.importers.importer import Importer
from tokenworth.methods.sample.document import SampleSetDoc

PATTERN = "seed_*.json"
_NAME = re.compile(r"seed_\d{1,9}\.json")
_STOPS = {"stop": "stop", "length": "length", "content_filter": "refused"}


def cached_prompt(path: Path) -> Iterator[SampleSetDoc]:
    """The answers to one prompt: all seeds of the folder, given by the first of them; nothing for the others.

    Raises InvalidInput naming the file.
    """
    files = sorted(one for one in path.parent.glob(PATTERN) if _NAME.fullmatch(one.name))
    if path not in files:
        raise InvalidInput(f"{path}: expected a file named as {PATTERN}, in the folder of its prompt")
    if path != files[0]:
        return
    entries = [(str(file), read_object(file)) for file in files]
    prompts, models = ({_text(entry, key) for _, entry in entries} for key in ("prompt", "model"))
    if len(prompts) > 1 or len(models) > 1:
        raise InvalidInput(f"{path.parent}: its files are of {len(prompts)} prompts and {len(models)} models; expected one of each")
    prompt, model = text_of(entries[0][1], "prompt", entries[0][0]), next(iter(models))
    answers = [_answer(entry, where) for where, entry in entries]
    problem = Problem(id=path.parent.name[:16], question=prompt, kind=AnswerKind.EXACT, task="rollouts")
    yield set_of(answers, problem=problem, prompt=prompt, model=model, source=f"{path.parent.name[:16]}/{PATTERN}", notes=_notes(entries))


def _text(fields: dict[str, Any], key: str) -> str:
    value: object = fields.get(key)
    return value if isinstance(value, str) else ""


def _answer(entry: dict[str, Any], where: str) -> Answer:
    response: object = entry.get("response")
    if not isinstance(response, dict):
        raise InvalidInput(f"{where}: 'response' must be an object")
    fields = cast("dict[str, Any]", response)
    trace, text = _text(fields, "reasoning"), _text(fields, "content")
    if not trace and not text:
        trace, text = parted(text_of(fields, "full", where))
    elif not trace:
        trace, text = parted(text)
    return Answer(trace=trace, text=text, outcome=NOT_GRADED, correct=None, stop=_STOPS.get(_text(fields, "finish_reason"), ""))


def _notes(entries: list[tuple[str, dict[str, Any]]]) -> tuple[str, ...]:
    names = ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "provider")
    told = [f"{name} {str(value)[:40]}" for name in names if (value := entries[0][1].get(name)) is not None]
    return (
        f"Sampled with {', '.join(told) or 'settings that the files do not have'}; the cache ignores min-p, stop, repetition penalty, "
        "logit bias and reasoning settings, so answers of other settings may be among them.",
        "The answers are not graded; reasoning that a provider does not return is not in the file.",
    )


CACHE = Importer(
    reads=f"a cache of the package rollouts, a folder with {PATTERN}",
    patterns=(PATTERN, *("/".join("*" * depth) + f"/{PATTERN}" for depth in range(1, 6))),
    claims=lambda path: bool(_NAME.fullmatch(path.name)),
    read=cached_prompt,
)
