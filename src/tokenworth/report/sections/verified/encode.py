"""Verified traces as columns: an index of all of them for the tables and the list, and their texts and events in chunks.

A chunk is unpacked when one of its traces is opened, so that a page with a thousand traces starts as fast as one with ten.
Places in a text are UTF-16 units, as the viewer counts; lists of each trace lie one after another, with a column of their lengths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import accumulate

from tokenworth.core.inert import whole
from tokenworth.core.verification import Drawing, Step, Violation
from tokenworth.methods.verify.document import ANSWER_STATES, LINK_STATES, TRACE_STATES
from tokenworth.report.blob import Blob, Json
from tokenworth.report.lines import facts_table, safe
from tokenworth.report.section import Encoded
from tokenworth.report.sections.verified.model import FormalTraceView, VerifiedView

CHUNK = 50
_DOCUMENT = ("domain", "dialect", "strictness", "version", "notes")


def encode(part: VerifiedView, most: int | None) -> Encoded:
    """The index of all verified traces, then their chunks; with the texts of the first ``most`` of each group."""
    keep = [most is None or rank < most for rank in _ranks(part)]
    views = part.documents
    traces = [t for v in views for t in v.traces]
    codes = {c.name: c for v in views for c in v.codes}
    names = [*codes, *sorted({c for t in traces for c, _ in t.counts if c not in codes})]
    place = {name: i for i, name in enumerate(names)}
    first, index = 0, Blob()
    columns: dict[str, list[int]] = {"table": [], "document": []}
    for number, view in enumerate(views):
        columns["document"] += [number] * len(view.traces)
        columns["table"] += [t.table + first if t.table >= 0 else -1 for t in view.traces]
        first += len(view.tables)
    chunks, blobs = list[Json](), list[str]()
    shown = [t if k else _bare(t) for t, k in zip(traces, keep, strict=True)]
    for at in range(0, len(traces), CHUNK):
        blob = Blob()
        chunks.append(_chunk(shown[at : at + CHUNK], place, blob))
        blobs.append(blob.packed())
    head: dict[str, Json] = {
        "documents": [{k: getattr(v, k) for k in _DOCUMENT} | {"facts": [asdict(f) for f in v.facts]} for v in views],
        "codes": [asdict(codes[n]) if n in codes else {"name": n, "tier": "", "text": ""} for n in names],
        "tables": [asdict(t) | {"document": i} for i, v in enumerate(views) for t in v.tables],
        "n": len(traces),
        "left_out": len(traces) - sum(keep),
        "chunk": CHUNK,
        "index": _index(traces, keep, columns, place, index),
        "chunks": chunks,
        "scripts": ["verified"],
    }
    return head, [("formal", index.packed()), *((f"formal-{i}", body) for i, body in enumerate(blobs))]


def most_texts(part: VerifiedView) -> int:
    """The largest number of texts in a group."""
    return max((rank + 1 for rank in _ranks(part)), default=0)


def _ranks(part: VerifiedView) -> Iterator[int]:
    """The place of each verified trace among those of its group; a measured one is always among the first."""
    seen: Counter[tuple[int, str]] = Counter()
    for number, document in enumerate(part.documents):
        for trace in document.traces:
            yield 0 if 0 <= trace.measured < part.n_measured else seen[number, trace.group]
            seen[number, trace.group] += 1


def noscript(part: VerifiedView) -> Iterator[str]:
    """The two-way table of each group."""
    for document in part.documents:
        for table in document.tables:
            name = " · ".join(x for x in (table.group, document.domain, document.dialect, document.strictness) if x)
            yield f"<h2>{safe(name)}: {table.n} trace{'s' * (table.n != 1)}</h2>\n<table>\n<tr><th>trace</th>"
            yield "".join(f"<th>answer {answer}</th>" for answer in ANSWER_STATES) + "</tr>\n"
            for state in TRACE_STATES:
                counts = "".join(f"<td>{cell.n}</td>" for cell in table.joint if cell.trace == state)
                yield f"<tr><th>{state}</th>{counts}</tr>\n"
            yield "</table>\n"
        if not document.tables:
            yield f"<p>{safe(document.domain)}: {len(document.traces)} traces, no table</p>\n"
        yield facts_table(document.facts)


def _bare(trace: FormalTraceView) -> FormalTraceView:
    """A trace whose text is left out: its verdict stays in the index."""
    return replace(trace, prompt="", text="", head=0, tail=0, violations=(), drawing=None, facts=())


def _index(
    traces: Sequence[FormalTraceView], keep: Sequence[bool], given: dict[str, list[int]], place: dict[str, int], blob: Blob
) -> dict[str, Json]:
    columns: dict[str, Json] = {k: blob.integers(v) for k, v in given.items()}
    states: tuple[tuple[str, tuple[str, ...], Callable[[FormalTraceView], str]], ...] = (
        ("state", TRACE_STATES, lambda t: t.state),
        ("link", LINK_STATES, lambda t: t.link),
        ("answer", ANSWER_STATES, lambda t: t.answer),
    )
    for name, words, of in states:
        columns[name] = blob.small([words.index(of(t)) for t in traces])
    firsts = [t.violations[0] if t.violations else None for t in traces]
    columns["first"] = blob.integers([place[v.code] if v is not None else -1 for v in firsts])
    columns["first_event"] = blob.integers([-1 if v is None or v.event is None else v.event for v in firsts])
    columns["violations"] = blob.integers([sum(n for _, n in t.counts) for t in traces])
    columns["events"] = blob.integers([t.n_events for t in traces])
    columns["measured"] = blob.integers([t.measured for t in traces])
    columns["kept"] = blob.small([int(x) for x in keep])
    columns["plan_valid"] = blob.small([_tri(t.plan_valid) for t in traces])
    columns["plan_optimal"] = blob.small([_tri(t.plan_optimal) for t in traces])
    groups = list(dict.fromkeys(t.group for t in traces))
    columns["group"] = blob.integers([groups.index(t.group) for t in traces])
    return {"groups": groups, "columns": columns, "ids": blob.texts([t.id for t in traces])}


def _tri(value: bool | None) -> int:
    return 2 if value is None else int(value)


def _chunk(traces: Sequence[FormalTraceView], place: dict[str, int], blob: Blob) -> dict[str, Json]:
    columns: dict[str, Json] = {}
    offsets = [_offsets(t.text) for t in traces]
    for name, values in (
        ("head", [at(t.head) for t, at in zip(traces, offsets, strict=True)]),
        ("tail", [at(t.tail) for t, at in zip(traces, offsets, strict=True)]),
        ("skip", [t.skip for t in traces]),
        ("drawn", [int(t.drawing is not None) for t in traces]),
    ):
        columns[name] = blob.integers(values)
    texts: dict[str, Json] = {"prompt": blob.texts([t.prompt for t in traces]), "text": blob.texts([t.text for t in traces])}
    facts = [fact for t in traces for fact in t.facts]
    columns["n_facts"] = blob.integers([len(t.facts) for t in traces])
    columns["n_counts"] = blob.integers([len(t.counts) for t in traces])
    columns["count_code"] = blob.integers([place[c] for t in traces for c, _ in t.counts])
    columns["count"] = blob.integers([n for t in traces for _, n in t.counts])
    violations = [v for t in traces for v in t.violations]
    columns["n_violations"] = blob.integers([len(t.violations) for t in traces])
    columns["code"] = blob.integers([place[v.code] for v in violations])
    columns["event"] = blob.integers([-1 if v.event is None else v.event for v in violations])
    _spans(columns, "violation", [[at_span(at, v) for v in t.violations] for t, at in zip(traces, offsets, strict=True)], blob)
    texts |= {
        "expected": blob.texts([v.expected for v in violations]),
        "got": blob.texts([v.got for v in violations]),
        "fact": blob.texts([k for k, _ in facts]),
        "fact_value": blob.texts([v for _, v in facts]),
    }
    drawn = [(t.drawing, at) for t, at in zip(traces, offsets, strict=True) if t.drawing is not None]
    _drawings(columns, [d for d, _ in drawn], blob)
    verbs = _steps(columns, [d.steps for d, _ in drawn], blob)
    _spans(columns, "step", [[at_span(at, s) for s in d.steps] for d, at in drawn], blob)
    return {"verbs": verbs, "columns": columns, "texts": texts}


def _offsets(text: str) -> Callable[[int], int]:
    """From a place in a text to the place in what the viewer has: UTF-16 units, unpaired surrogates written out; clipped to the text."""
    if text.isascii():
        return lambda at: max(0, min(len(text), at))
    sizes = (len(whole(c)) if 0xD800 <= ord(c) <= 0xDFFF else 1 + (c > "\uffff") for c in text)
    sums = [0, *accumulate(sizes)]
    return lambda at: sums[max(0, min(len(text), at))]


def at_span(at: Callable[[int], int], of: Violation | Step) -> tuple[int, int]:
    """First and past place of what a violation or a step is about."""
    start = at(of.chars[0])
    return start, max(start, at(of.chars[1]))


def _spans(columns: dict[str, Json], name: str, lists: Sequence[Sequence[tuple[int, int]]], blob: Blob) -> None:
    """Places as differences and lengths: they repeat, so they pack well."""
    starts: list[int] = []
    for spans in lists:
        before = 0
        for start, _ in spans:
            starts.append(start - before)
            before = start
    columns[f"{name}_from"] = blob.integers(starts)
    columns[f"{name}_size"] = blob.integers([b - a for spans in lists for a, b in spans])


def _drawings(columns: dict[str, Json], drawings: Sequence[Drawing], blob: Blob) -> None:
    columns["rows"] = blob.integers([d.rows for d in drawings])
    columns["cols"] = blob.integers([d.cols for d in drawings])
    for name, cells in (
        ("start", [(d.start,) for d in drawings]),
        ("walls", [d.walls for d in drawings]),
        ("goals", [d.goals for d in drawings]),
        ("boxes", [d.boxes for d in drawings]),
        ("plan", [d.plan for d in drawings]),
    ):
        _cells(columns, name, cells, blob)


def _cells(columns: dict[str, Json], name: str, lists: Sequence[Sequence[tuple[int, int]]], blob: Blob) -> None:
    columns[f"n_{name}"] = blob.integers([len(cells) for cells in lists])
    columns[f"{name}_x"] = blob.integers([x for cells in lists for x, _ in cells])
    columns[f"{name}_y"] = blob.integers([y for cells in lists for _, y in cells])


def _steps(columns: dict[str, Json], lists: Sequence[Sequence[Step]], blob: Blob) -> list[str]:
    steps = [s for one in lists for s in one]
    verbs = list(dict.fromkeys(s.verb for s in steps))
    columns["n_steps"] = blob.integers([len(one) for one in lists])
    columns["verb"] = blob.integers([verbs.index(s.verb) for s in steps])
    for name, values in (("x", (s.x for s in steps)), ("y", (s.y for s in steps))):
        columns[name] = blob.integers(list(values))
    for name, costs in (("g", (s.g for s in steps)), ("h", (s.h for s in steps))):
        columns[name] = blob.integers([-1 if c is None else c for c in costs])
    if any(s.boxes for s in steps):
        _cells(columns, "step_boxes", [s.boxes for s in steps], blob)
    return verbs
