"""A base trace that is given, not drawn: by its ids, by its text, or taken from a file of a run that somebody made before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document, TraceDoc
from tokenworth.core.measure import Subject
from tokenworth.errors import InvalidInput, MismatchError, MissingFile
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.store.documents import parse_document
from tokenworth.workbench.choices import BaseSettings

_LONGEST = 200_000_000
_SHOWN = 20
_OPEN = re.compile(r"\s*(<[^<>\s]{1,40}>|\[[A-Z]{2,20}\])")


def given_ids(base: BaseSettings, subject: Subject, fingerprint: str) -> tuple[int, ...]:
    """The ids of the base completion that the settings name. Raises MissingFile, InvalidInput, MismatchError."""
    if base.trace_ids is not None:
        return read_ids(base.trace_ids)
    if base.trace is not None:
        return ids_of_text(_text(base.trace, "the text of a trace"), subject, base.trace)
    assert base.trace_from is not None
    path, _, number = base.trace_from.rpartition("#") if re.search(r"#\d+$", base.trace_from) else (base.trace_from, "", "0")
    found = _found(path, _text(path, "a result, lm-eval samples or an Inspect log"), int(number))
    if isinstance(found, str):
        return ids_of_text(found, subject, path)
    document, trace = found
    made_by = getattr(document, "model", None)
    if trace.ids is None or made_by is None or made_by.fingerprint != fingerprint:
        return ids_of_text("".join((*trace.pieces, *trace.answer_pieces)), subject, path)
    if trace.prompt_ids is not None and trace.prompt_ids != subject.prompt:
        raise MismatchError(f"{path}: its trace followed another prompt; put the same problem in the same way (--task, --item, --system …)")
    return (*trace.ids, *(trace.answer_ids or ()))


def ids_of_text(text: str, subject: Subject, path: str) -> tuple[int, ...]:
    """The ids of a completion's text; the close marker is that of the trace format. Raises InvalidInput where they give another text."""
    encode, decode = subject.codec.encode, subject.codec.decode
    opened = _OPEN.match(text)
    if opened and decode(subject.prompt[-12:]).rstrip().endswith(opened[1]):
        text = text[opened.end() :]
    close = "" if subject.close is None else decode(subject.close)
    trace, mark, answer = text.partition(close) if close else (text, "", "")
    ids = encode(trace) + (() if subject.close is None or not mark else subject.close) + (encode(answer) if answer else ())
    back = decode(ids)
    if back != text:
        at = next((i for i, (a, b) in enumerate(zip(back, text, strict=False)) if a != b), min(len(back), len(text)))
        raise InvalidInput(
            f"{path}: the tokenizer gives another text back at character {at}, {back[at : at + _SHOWN]!r} for {text[at : at + _SHOWN]!r}; "
            "give its token ids (--trace-ids)"
        )
    if not ids:
        raise InvalidInput(f"{path}: the trace is empty; expected its text")
    return ids


def read_ids(path: str) -> tuple[int, ...]:
    """Token ids from a file: a JSON list, an object with a list under ``ids``, or whole numbers separated by white space."""
    stripped = _text(path, "token ids").strip()
    try:
        value: object = json.loads(stripped) if stripped[:1] in ("[", "{") else [int(word) for word in stripped.split()]
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path}: expected token ids, a JSON list or whole numbers apart by spaces ({' '.join(str(error).split())}); "
            "for a text give --trace FILE"
        ) from error
    if isinstance(value, dict):
        value = value.get("ids")
    if not isinstance(value, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in value):
        raise InvalidInput(f"{path}: expected a list of whole numbers, the token ids of the base completion")
    if not value:
        raise InvalidInput(f"{path}: the trace is empty; expected at least one token id")
    return tuple(value)


def _text(path: str, expected: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise InvalidInput(f"{path}: more than {_LONGEST:,} bytes; expected {expected}")
        return data.decode("utf-8")
    except FileNotFoundError:
        raise MissingFile(f"no file {path}; expected {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read ({error}); expected {expected}") from error


def _found(path: str, text: str, number: int) -> tuple[Document, TraceDoc] | str:
    """Trace ``number`` of a file: with its document, or the text that another tool kept."""
    try:
        whole: object = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("schema"), str):
        document: Any = parse_document(text.encode(), path)
        traces = document.traces if isinstance(document, SampleSetDoc) else [document.trace] if hasattr(document, "trace") else []
        return document, _numbered(iter(traces), number, path)
    return _numbered(_answers(whole, text, path), number, path)


def _numbered(found: Iterator[Any], number: int, path: str) -> Any:
    for one in islice(found, number, None):
        return one
    raise InvalidInput(f'{path}: it holds no trace {number}; expected a result, lines with "resps", or a log with "samples"')


def _answers(whole: object, text: str, path: str) -> Iterator[str]:
    """The answers in lm-eval's lines or in an Inspect log."""
    if isinstance(whole, dict) and isinstance(whole.get("samples"), list):
        yield from (_inspected(one, f"{path}: sample {i}") for i, one in enumerate(whole["samples"]))
        return
    for number, line in enumerate(text.splitlines(), 1):
        try:
            record: object = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}:{number}: {error}; expected lines of JSON objects") from None
        responses = record.get("resps") if isinstance(record, dict) else None
        while isinstance(responses, list) and responses:
            responses = responses[0]
        if isinstance(responses, str):
            yield responses


def _inspected(sample: object, where: str) -> str:
    """The text of an Inspect sample's answer; its blocks of reasoning stand before the rest."""
    output = sample.get("output") if isinstance(sample, Mapping) else None
    choices = output.get("choices") if isinstance(output, Mapping) else None
    message = choices[0].get("message") if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidInput(f"{where}: no text under output.choices[0].message.content")
    parts = [one for one in content if isinstance(one, Mapping)]
    before = "".join(str(one.get("reasoning", "")) for one in parts if one.get("type") == "reasoning")
    return (f"<think>{before}</think>" if before else "") + "".join(str(one.get("text", "")) for one in parts if one.get("type") == "text")
