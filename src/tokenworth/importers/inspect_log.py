"""Logs of Inspect as JSON: the samples of an evaluation, epochs as draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.answers import NOT_GRADED, Answer, parted, set_of
from tokenworth.importers.files import beginning, objects_of, read_object
from tokenworth.importers.importer import Importer
from tokenworth.methods.sample.document import SampleSetDoc

RIGHT = {"C": True, "I": False, 1: True, 0: False}
"""Scores that are verdicts; others, such as P for partly right, are none."""
_PARTS = {"text": "text", "reasoning": "reasoning"}
_STOPS = {"stop": "stop", "max_tokens": "length", "model_length": "length", "content_filter": "refused"}
ARCHIVE = "is an archive of Inspect; write it as JSON first: inspect log dump LOG.eval > LOG.json"


def inspect_samples(path: Path) -> Iterator[SampleSetDoc]:
    """The answers to each sample, its epochs as draws, in the file's order. Raises InvalidInput naming the file."""
    if path.suffix == ".eval":
        raise InvalidInput(f"{path} {ARCHIVE}")
    log, where = read_object(path), str(path)
    about: object = log.get("eval")
    named = cast("dict[str, object]", about) if isinstance(about, dict) else {}
    task, model = (str(named.get(key) or "")[:200] for key in ("task", "model"))
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in objects_of(log, "samples", where):
        groups[str(one.get("id"))[:200]].append(one)
    for ident, samples in groups.items():
        answers = [_answer(one, f"{where}, sample {ident}") for one in samples]
        yield set_of(
            answers,
            problem=_problem(samples[0], ident, task),
            prompt="",
            model=model,
            source=path.name,
            notes=tuple(_notes(samples, answers)),
        )


def _answer(sample: dict[str, Any], where: str) -> Answer:
    output: object = sample.get("output")
    choices: object = cast("dict[str, object]", output).get("choices") if isinstance(output, dict) else None
    first: object = cast("list[object]", choices)[0] if isinstance(choices, list) and choices else None
    choice = cast("dict[str, object]", first) if isinstance(first, dict) else {}
    message: object = choice.get("message")
    content: object = cast("dict[str, object]", message).get("content") if isinstance(message, dict) else ""
    trace, text = _content(content, where)
    scored, outcome = _score(sample)
    return Answer(trace=trace, text=text, outcome=outcome, correct=scored, stop=_STOPS.get(str(choice.get("stop_reason")), ""))


def _content(content: object, where: str) -> tuple[str, str]:
    """(trace, answer): of parts, or of a text that has them in one."""
    if content is None or isinstance(content, str):
        return parted(content or "")
    if not isinstance(content, list):
        raise InvalidInput(f"{where}: the content of its answer is a {type(content).__name__}, expected a text or a list of parts")
    found = {"text": "", "reasoning": ""}
    for part in cast("list[object]", content):
        fields = cast("dict[str, object]", part) if isinstance(part, dict) else {}
        kind = str(fields.get("type"))
        text: object = fields.get(_PARTS.get(kind, ""))
        if isinstance(text, str):
            found[kind] += text
    return (found["reasoning"], found["text"]) if found["reasoning"] else parted(found["text"])


def _score(sample: dict[str, Any]) -> tuple[bool | None, str]:
    """Whether the first score is a verdict, and the answer that was scored."""
    scores: object = sample.get("scores")
    first: object = next(iter(cast("dict[str, object]", scores).values()), None) if isinstance(scores, dict) else None
    fields = cast("dict[str, object]", first) if isinstance(first, dict) else {}
    value, answer = fields.get("value"), fields.get("answer")
    verdict = RIGHT.get(value) if isinstance(value, str | int | float) else None
    return verdict, answer[:200] if isinstance(answer, str) and answer else NOT_GRADED


def _problem(sample: dict[str, Any], ident: str, task: str) -> Problem:
    asked: object = sample.get("input")
    if isinstance(asked, list):
        messages = [cast("dict[str, object]", one) for one in cast("list[object]", asked) if isinstance(one, dict)]
        asked = "\n\n".join(text for one in messages if isinstance(text := one.get("content"), str))
    gold: object = sample.get("target")
    known = gold if isinstance(gold, str) and gold else None
    return Problem(id=ident, question=asked if isinstance(asked, str) else "", gold=known, kind=AnswerKind.EXACT, task=task)


def _notes(samples: list[dict[str, Any]], answers: list[Answer]) -> Iterator[str]:
    names = sorted({str(name)[:60] for one in samples if isinstance(one.get("scores"), dict) for name in one["scores"]})
    if names:
        yield f"Verdicts are those of the scorer {names[0]} (C and 1 are right, I and 0 wrong, others none)."
    if len(names) > 1:
        yield f"Other scorers are left out: {', '.join(names[1:])[:200]}."
    yield "Sampling parameters, log-probabilities, tool calls and events of the log are left out; of each answer the first choice is read."
    empty = sum(not one.text and not one.trace for one in answers)
    if empty:
        yield f"{empty} samples have no answer, such as those that ended with an error."


def _claims(path: Path) -> bool:
    if path.suffix == ".eval":
        return True
    return path.suffix == ".json" and all(f'"{key}"' in beginning(path)[:4096] for key in ("version", "status", "eval"))


LOGS = Importer(reads="a log of Inspect as JSON (inspect log dump)", claims=_claims, read=inspect_samples)
