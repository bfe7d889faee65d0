"""Events of Pivotal Token Search: isolated points of a value curve (JSON lines of its versions 1 and 2)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Number, Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.files import LARGEST_ID, beginning, rate_of, text_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, EventDoc, PlanDoc
from tokenworth.tasks.sources.files import json_rows

_KEYS = re.compile(r'"(?:pivot_context|prefix_context|event_type)"\s*:')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """``before``: text of the trace before the token or sentence. ``low`` to ``after``: V before and after it.

    A sentence has no V before it: its source compares with other sentences that were prompted for.
    """

    kind: Literal["token", "sentence"]
    prompt: str
    context: str
    text: str
    before: Number
    after: Number
    label: str


def pivotal_events(path: Path) -> Iterator[CurveDoc]:
    """One curve for each trace: events whose context and text begin another's context are of one trace.

    Raises InvalidInput naming file and line.
    """
    groups: defaultdict[tuple[str, str, str], list[_Event]] = defaultdict(list)
    left_out = 0
    for where, row in json_rows(path):
        query, model = text_of(row, "query", where), _text(row, "model_id") or "unknown"
        event = _event(row, query, where)
        left_out += event is None
        if event is not None:
            groups[model, query, _text(row, "task_type") or _text(row, "dataset_id")].append(event)
    if not groups and left_out:
        raise InvalidInput(f"{path}: its {left_out} events are all of kinds that have no value before and after a token or sentence")
    number = 0
    for (model, query, task), events in groups.items():
        for chain in _chains(events):
            yield _document(chain, model, query, task, path, number, left_out if number == 0 else 0)
            number += 1


def _text(row: dict[str, Any], key: str) -> str:
    value: object = row.get(key)
    return value[:200] if isinstance(value, str) else ""


def _event(row: dict[str, Any], query: str, where: str) -> _Event | None:
    """A row of either version; None for a kind of event without a value before and after it."""
    kind: object = row.get("event_type")
    if kind is None:
        kind = "pivotal_token" if "pivot_token" in row else "thought_anchor"
        names = ("pivot_context", "pivot_token") if kind == "pivotal_token" else ("prefix_context", "sentence")
    else:
        names = ("context", "label")
    if kind not in ("pivotal_token", "thought_anchor"):
        return None
    context, text = text_of(row, names[0], where), text_of(row, names[1], where)
    if not text:
        raise InvalidInput(f"{where}: {names[1]!r} is empty; expected the text of the token or sentence")
    prompt, context = _parted(context, query)
    is_token = kind == "pivotal_token"
    old = not is_token and "prob_with_sentence" in row
    first, last = ("prob_without_sentence", "prob_with_sentence") if old else ("prob_before", "prob_after")
    before, after = (None if row.get(name) is None else rate_of(row[name], f"{name!r}", where) for name in (first, last))
    change = "" if before is None or after is None else f" {after - before:+.2f}"
    token: object = row.get("pivot_token_id", row.get("token_id"))
    ident = f" (id {token})" if isinstance(token, int) and not isinstance(token, bool) and 0 <= token <= LARGEST_ID else ""
    label = f"pivotal token{ident}{change}" if is_token else f"anchor{change} to other sentences"
    return _Event(
        kind="token" if is_token else "sentence",
        prompt=prompt,
        context=context,
        text=text,
        before=before if is_token else None,
        after=after,
        label=label,
    )


def _parted(context: str, query: str) -> tuple[str, str]:
    """(prompt, trace before the event): version 1 has the whole rendered prompt before the trace, and its question ends somewhere in it."""
    end = context.find(query) + len(query) if query and query in context else 0
    return context[:end], context[end:]


def _chains(events: Sequence[_Event]) -> list[list[_Event]]:
    """The events of each trace: sorted by where they end, each begins with all that comes before it."""
    chains: list[list[_Event]] = []
    for event in sorted(events, key=lambda one: (len(one.context), one.context, one.text)):
        for chain in reversed(chains):
            last = chain[-1]
            if event.context.startswith(last.context + last.text):
                chain.append(event)
                break
        else:
            chains.append([event])
    return chains


def _document(chain: Sequence[_Event], model: str, query: str, task: str, path: Path, number: int, left_out: int) -> CurveDoc:
    pieces: list[str] = []
    value: dict[int, Number] = {}
    events: list[EventDoc] = []
    at = 0
    for event in chain:
        if event.context[at:]:
            pieces.append(event.context[at:])
        cut = len(pieces)
        pieces.append(event.text)
        at = len(event.context) + len(event.text)
        if value.get(cut) is None:
            value[cut] = event.before
        value[cut + 1] = event.after
        events.append(EventDoc(cut=cut, kind="change", label=event.label))
    cuts = tuple(sorted(value))
    values = tuple(value[cut] for cut in cuts)
    change = tuple(
        None if not i or cuts[i - 1] != cut - 1 or values[i] is None or values[i - 1] is None else _less(values[i], values[i - 1])
        for i, cut in enumerate(cuts)
    )
    none: tuple[Number, ...] = (None,) * len(cuts)
    return CurveDoc(
        problem=Problem(id=f"{path.name.partition('.')[0]}/{number}", question=query, kind=AnswerKind.EXACT, task=task),
        model=ModelDoc(name=model),
        plan=PlanDoc(name="plain", assumption="the source does not say how many rollouts its probabilities rest on"),
        trace=TraceDoc(unit="sentence", pieces=tuple(pieces), prompt=chain[0].prompt),
        cuts=cuts,
        value=values,
        low=none,
        high=none,
        level=LEVEL,
        change=change,
        change_low=none,
        change_high=none,
        n_effective=none,
        n_started=(0,) * len(cuts),
        events=tuple(events),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=path.name),
        notes=tuple(_notes(chain, left_out)),
    )


def _less(after: Number, before: Number) -> float:
    assert after is not None and before is not None
    return after - before


def _notes(chain: Sequence[_Event], left_out: int) -> Iterator[str]:
    yield (
        "The source keeps isolated points: probabilities before and after the tokens that its search named, selected and estimated on the "
        "same rollouts, whose number it does not say. There are no limits, and nothing is claimed of these tokens here."
    )
    yield (
        "It keeps texts, not token ids: a unit is a named token or sentence, or the text between two of them. Sampling parameters, seeds "
        "and the rest of the trace are not in the file."
    )
    if any(one.prompt for one in chain):
        yield (
            "The contexts hold the prompt. The trace is taken to begin where the question ends: the first unit may begin with the rest of "
            "a template."
        )
    if any(one.kind == "sentence" for one in chain):
        yield (
            "An anchor's change is against other sentences that the model was prompted for, not against V before the sentence: only the "
            "value after it is a point of the curve."
        )
    if left_out:
        yield f"{left_out} events of other kinds in the file are left out."


EVENTS = Importer(
    reads="events of Pivotal Token Search, *.jsonl",
    patterns=("*.pts.jsonl", "*.pts.jsonl.gz"),
    claims=lambda path: ".jsonl" in path.name and bool(_KEYS.search(beginning(path).partition("\n")[0])),
    read=pivotal_events,
)
