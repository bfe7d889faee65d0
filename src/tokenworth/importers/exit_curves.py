"""Forced-answer curves published as coloured pages (exit curves of MMLU traces): the JSONL made from them, and the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.files import gold_note, rate_of, text_of, texts_of
from tokenworth.importers.importer import Importer
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.tasks.sources.files import json_rows, whole_text

MODEL = "DeepSeek-R1-Distill-Qwen-7B"
END_OF_TRACE = "|End of Thinking|"

OptionProbabilities = tuple[float, ...]

_TITLE = re.compile(r"\s*([^\s:,]{1,20}):\s*([01](?:\.\d{1,6})?)\s*(?:,|$)")
_SPAN = re.compile(r'<span style="[^"<>]{0,400}" title="([^"<>]{0,400})">')
_PAGE_NAME = re.compile(r"(?P<subject>.+?)_questionID_(?P<question>\d+)")
_STATED = re.compile(r"(?:answer|choice)\s*(?:is|:)?\s*(?:choice|option|number)?[\s:*(\"]{0,8}([A-Z0-9])(?![\w]|[.,]\d)", re.IGNORECASE)

_NOTES = (
    f"The model is named by the publication ({MODEL}), not by the file.",
    "Probabilities are over the whole vocabulary, rounded to two decimals and not renormalised: 0 and 1 stand for less than "
    ".005 and more than .995.",
    "The text that was written at a cut to force the answer is not published.",
    "The source reads every few tokens and repeats the value until the next reading; only the first cut of a run of equal "
    "readings counts as measured, the others are marked as held. Equal neighbouring readings look the same as held ones.",
    "The reading shown on the last unit is that of the closed trace.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What both forms of the source say about one trace; ``runs`` are (number of tokens, reading)."""

    ident: str
    task: str
    prompt: str
    gold: str
    options: tuple[str, ...]
    pieces: tuple[str, ...]
    answer: tuple[str, ...]
    closed: bool
    runs: Sequence[tuple[int, OptionProbabilities]]
    at_end: OptionProbabilities | None
    own: str | None
    source: str


def exit_curve_rows(path: Path) -> Iterator[ForcedDoc]:
    """One forced document for each row of a ``curves-*.jsonl[.gz]`` file."""
    for where, row in json_rows(path):
        yield _document(_page_of_row(row, where, path.name), where)


def exit_curve_page(path: Path) -> ForcedDoc:
    """The forced document of one published HTML page.

    The pages put token text between tags unescaped, so a token such as ``<b`` would mislead an HTML parser; the page is
    scanned for the exact form of its token spans, and their text is read literally.
    """
    return _document(_page_of_html(whole_text(path), path), str(path))


def _page_of_row(row: dict[str, Any], where: str, source: str) -> _Page:
    prompt = text_of(row, "prompt", where)
    raw: object = row.get("prob_runs")
    if not isinstance(raw, list):
        raise InvalidInput(f"{where}: 'prob_runs' must be a list of [number of tokens, probabilities]")
    runs = [_run(item, where) for item in cast("list[object]", raw)]
    at_end = None if row.get("prob_at_end") is None else _reading(row["prob_at_end"], where)
    width = len(runs[0][1]) if runs else len(at_end or ())
    own: object = row.get("stated_choice")
    closed: object = row.get("thinking_closed")
    return _Page(
        ident=text_of(row, "id", where),
        task=text_of(row, "subject", where) if "subject" in row else "",
        prompt=prompt,
        gold=text_of(row, "correct", where),
        options=tuple(str(number) for number in range(1, width + 1)),
        pieces=texts_of(row, "thinking_tokens", where),
        answer=texts_of(row, "answer_tokens", where),
        closed=closed is not False,
        runs=runs,
        at_end=at_end,
        own=own if isinstance(own, str) else None,
        source=source,
    )


def _run(item: object, where: str) -> tuple[int, OptionProbabilities]:
    parts = cast("list[object]", item) if isinstance(item, list) else []
    if len(parts) != 2 or not isinstance(parts[0], int) or isinstance(parts[0], bool) or parts[0] < 1:
        raise InvalidInput(f"{where}: 'prob_runs' holds {str(item)[:60]}, expected [number of tokens, probabilities]")
    return parts[0], _reading(parts[1], where)


def _reading(value: object, where: str) -> OptionProbabilities:
    if not isinstance(value, list) or not value:
        raise InvalidInput(f"{where}: a reading is {str(value)[:60]}, expected a list of probabilities")
    return tuple(rate_of(item, "a probability", where) for item in cast("list[object]", value))


def _page_of_html(page: str, path: Path) -> _Page:
    tokens = list(_spans(page, str(path)))
    if not tokens:
        raise InvalidInput(f"{path}: no token spans with probabilities in it; expected a page of exit curves")
    labels, texts = tokens[0][0], [text for _, _, text in tokens]
    if any(other != labels for other, _, _ in tokens):
        raise InvalidInput(f"{path}: option labels change within the page")
    wall = texts.index(END_OF_TRACE) if END_OF_TRACE in texts else len(texts)
    closed = wall < len(texts)
    readings = [reading for _, reading, _ in tokens]
    name = _PAGE_NAME.match(path.name)
    answer = tuple(texts[wall + 1 :])
    stated = set(_STATED.findall("".join(answer))) & set(labels)
    return _Page(
        ident=f"{name['subject']}/{name['question']}" if name else path.stem,
        task=name["subject"] if name else "",
        prompt=_between(page, "<pre>", "</pre>"),
        gold=_gold(page, labels, str(path)),
        options=labels,
        pieces=tuple(texts[:wall]),
        answer=answer,
        closed=closed,
        runs=[(len(list(run)), reading) for reading, run in groupby(readings[:wall])],
        at_end=readings[wall] if closed else None,
        own=stated.pop() if len(stated) == 1 else None,
        source=path.name,
    )


def _spans(page: str, where: str) -> Iterator[tuple[tuple[str, ...], OptionProbabilities, str]]:
    """(labels, probabilities, token text) of each token span, by one pass over the page."""
    at = 0
    while (at := page.find('<span style="', at)) >= 0:
        start = _SPAN.match(page, at)
        if start is None:
            at += 1
            continue
        end = page.find("</span>", start.end())
        if end < 0:
            raise InvalidInput(f"{where}: the page ends inside a token; it was cut short")
        parts = _TITLE.findall(start[1])
        if not parts or _TITLE.sub("", start[1]).strip():
            raise InvalidInput(f"{where}: a token's title is {start[1][:60]!r}, expected '1: 0.02, 2: 0.96, …'")
        yield (
            tuple(label for label, _ in parts),
            tuple(rate_of(float(p), "a probability", where) for _, p in parts),
            page[start.end() : end],
        )
        at = end


def _between(page: str, left: str, right: str) -> str:
    start = page.find(left)
    end = page.find(right, start + len(left))
    return page[start + len(left) : end] if 0 <= start < end else ""


def _gold(page: str, labels: tuple[str, ...], where: str) -> str:
    said = page.rfind("The correct answer is choice ")
    gold = page[said:].split("<", 1)[0].rsplit(" ", 1)[-1].strip() if said >= 0 else ""
    if gold not in labels:
        raise InvalidInput(f"{where}: got {gold[:20]!r} as the correct answer, expected one of {', '.join(labels)}")
    return gold


def _problem(page: _Page) -> Problem:
    """The problem as far as the prompt shows it: ``Question: … Choices: 1: … 2: …``."""
    question = _between(page.prompt, "Question: ", "\nChoices:") or page.prompt
    texts: list[str] = []
    at = page.prompt.find("\nChoices:")
    stop = page.prompt.find(".\n\nPlease give me your choice", at)
    for number, label in enumerate(page.options):
        start = page.prompt.find(f"\n{label}: ", at) if at >= 0 else -1
        following = page.options[number + 1] if number + 1 < len(page.options) else None
        end = stop if following is None else page.prompt.find(f"\n{following}: ", start + 1)
        if start < 0 or end < start:
            break
        texts.append(page.prompt[start + len(label) + 3 : end])
        at = start + 1
    options = tuple(
        Option(label=label, text=texts[number] if len(texts) == len(page.options) else "") for number, label in enumerate(page.options)
    )
    gold = page.gold if page.gold in page.options else None
    return Problem(id=page.ident, question=question.strip(), options=options, gold=gold, task=page.task)


def _exit(page: _Page, where: str) -> ExitDoc:
    """The reading on token i is that after it: cut i + 1. Cut T is the reading of the closed trace."""
    count = len(page.pieces)
    if sum(length for length, _ in page.runs) != count:
        raise InvalidInput(f"{where}: {sum(n for n, _ in page.runs)} readings for {count} trace tokens; expected one for each")
    widths = {len(reading) for _, reading in page.runs} | ({len(page.at_end)} if page.at_end is not None else set())
    if widths - {len(page.options)}:
        raise InvalidInput(f"{where}: readings of different lengths; expected {len(page.options)} probabilities in each")
    readings: list[OptionProbabilities] = []
    held: list[bool] = []
    for length, reading in page.runs:
        readings += [reading] * length
        held += [False] + [True] * (length - 1)
    if page.at_end is not None:
        readings[count - 1 :] = [page.at_end]
        held[count - 1 :] = [False]
    return ExitDoc(
        name="source",
        text="",
        cuts=tuple(range(1, count + 1)) if count else (0,) * len(readings),
        options=page.options,
        probability=tuple(tuple(reading[k] for reading in readings) for k in range(len(page.options))),
        mass=tuple(round(sum(reading), 6) for reading in readings),
        held=tuple(held),
    )


def _document(page: _Page, where: str) -> ForcedDoc:
    best = max(page.at_end) if page.at_end else None
    winners = [label for label, p in zip(page.options, page.at_end or (), strict=False) if p == best]
    broken = sum("\ufffd" in piece for piece in page.pieces)
    verdict = "unknown" if page.own is None else "correct" if page.own == page.gold else "incorrect"
    notes = (*_NOTES, f"{broken} tokens are parts of a character and show as \ufffd.") if broken else _NOTES
    if page.gold not in page.options:
        notes = (*notes, gold_note(page.gold))
    return ForcedDoc(
        problem=_problem(page),
        model=ModelDoc(name=MODEL),
        trace=TraceDoc(
            unit="token",
            pieces=page.pieces,
            answer_pieces=page.answer,
            prompt=page.prompt,
            outcome=page.own,
            verdict=verdict,
            stop="stop" if page.closed else "length",
        ),
        exits=(_exit(page, where),),
        own_answer=page.own,
        forced_at_end=winners[0] if len(winners) == 1 else None,
        provenance=Provenance(version=__version__, source=page.source),
        notes=notes if page.closed else (*notes[:4], *notes[5:], "The token limit came before the end of the trace."),
    )


def _is_rows(path: Path) -> bool:
    if not path.name.casefold().endswith((".jsonl", ".jsonl.gz")):
        return False
    _, row = next(json_rows(path), ("", {}))
    return {"prob_runs", "thinking_tokens"} <= set(row)


ROWS = Importer(
    reads="curves-*.jsonl[.gz] with prob_runs and thinking_tokens",
    patterns=("curves-*.jsonl", "curves-*.jsonl.gz"),
    claims=_is_rows,
    read=exit_curve_rows,
)
PAGES = Importer(
    reads="an HTML page of exit curves, or a folder of them",
    patterns=("*_questionID_*.html", "*.html"),
    claims=lambda path: path.name.casefold().endswith((".html", ".htm")),
    read=lambda path: (exit_curve_page(path),),
)
