"""A view as a JSON header and columnar blobs (`tokenworth.report.blob`): what the page carries and the viewer decodes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from tokenworth.core.document import Number
from tokenworth.report.blob import Blob, Json, dump
from tokenworth.report.encode_formal import encode_formal
from tokenworth.report.model import CurveView, MetricView, StackView, TraceView, View
from tokenworth.report.names import key, problem_names, trace_labels


def _curve(curve: CurveView, blob: Blob) -> dict[str, Json]:
    names = ("value", "low", "high", "n_effective", "delta", "delta_low", "delta_high", "delta_from")
    columns: dict[str, Json] = {name: blob.numbers(getattr(curve, name)) for name in names}
    columns |= {name: blob.integers(getattr(curve, name)) for name in ("cuts", "n_started")}
    columns["state"] = blob.small(curve.state)
    for name in ("leave", "unsampled", "log_kept", "widened"):
        values: tuple[Number, ...] | None = getattr(curve, name)
        columns[name] = None if values is None else blob.numbers(values)
    words: dict[str, Json] = {k: getattr(curve, k) for k in ("label", "level", "interval", "assumption", "follows")}
    return words | {"columns": columns}


def _stack(stack: StackView, blob: Blob) -> dict[str, Json]:
    """``share`` is left out: it is ``raw`` over ``mass_high``, or ``mass``. ``all_raw`` is left out where it is ``raw``."""
    whole = stack.all_raw != stack.raw
    head: dict[str, Json] = {k: getattr(stack, k) for k in ("kind", "name", "text", "labels", "colours", "gold", "all_labels")}
    tops = stack.top_token
    return head | {
        "columns": {
            "cuts": blob.integers(stack.cuts),
            "raw": [blob.numbers(row) for row in stack.raw],
            "all_raw": [blob.numbers(row) for row in stack.all_raw] if whole else None,
            "all_high": None if stack.all_high is None else [blob.numbers(row) for row in stack.all_high],
            "mass": blob.numbers(stack.mass),
            "mass_high": None if stack.mass_high is None else blob.numbers(stack.mass_high),
            "held": blob.small([int(x) for x in stack.held]) if any(stack.held) else None,
            "top": blob.integers(stack.top),
            "top_token": None if tops is None else blob.texts(tops),
            "top_probability": None if stack.top_probability is None else blob.numbers(stack.top_probability),
        }
    }


def _metric(metric: MetricView, blob: Blob) -> dict[str, Json]:
    head: dict[str, Json] = {k: getattr(metric, k) for k in ("key", "name", "scale", "note", "low", "high", "palette")}
    return head | {"columns": {"values": blob.numbers(metric.values), "bins": blob.small(metric.bins)}}


def _branches(trace: TraceView, blob: Blob) -> dict[str, Json]:
    rows = trace.branches
    columns: dict[str, Json] = {k: blob.integers([getattr(b, k) for b in rows]) for k in ("cut", "token", "n")}
    columns |= {k: blob.numbers([getattr(b, k) for b in rows]) for k in ("p", "value", "low", "high", "delta")}
    columns["is_base"] = blob.small([int(b.is_base) for b in rows])
    columns["text"] = blob.texts([b.text for b in rows])
    columns["counts"] = [blob.integers([b.counts[k] for b in rows]) for k in range(len(trace.outcomes))]
    return columns


def _samples(trace: TraceView, keep: Sequence[bool], blob: Blob, texts: Blob) -> dict[str, Json]:
    rows = trace.samples
    verdicts, stops = (sorted({getattr(s, k) for s in rows}) for k in ("verdict", "stop"))
    used = {s.outcome for s in rows}
    legend = [o.label for o in trace.outcomes if o.label in used]
    outcomes = [*legend, *sorted(used.difference(legend))]
    columns: dict[str, Json] = {k: blob.integers([getattr(s, k) for s in rows]) for k in ("cut", "index", "n_tokens", "branch", "diverges")}
    for name, words in (("outcome", outcomes), ("verdict", verdicts), ("stop", stops)):
        place = {w: i for i, w in enumerate(words)}
        columns[name] = blob.integers([place[getattr(s, name)] for s in rows])
    columns["kept"] = blob.small([int(x) for x in keep])
    text = texts.texts([s.text if k else "" for s, k in zip(rows, keep, strict=True)])
    head: dict[str, Json] = {"outcomes": outcomes, "verdicts": verdicts, "stops": stops, "left_out": len(rows) - sum(keep)}
    return head | {"columns": columns, "text": text}


def _trace(trace: TraceView, keep: Sequence[bool]) -> tuple[dict[str, Json], str, str]:
    blob, texts = Blob(), Blob()
    names = ("name", "title", "measured", "sample_set", "problem_id", "unit", "question", "outcome", "verdict", "notes")
    head: dict[str, Json] = {k: getattr(trace, k) for k in names}
    head["options"] = [asdict(o) for o in trace.options]
    head["facts"] = [asdict(f) for f in trace.facts]
    head["outcomes"] = [asdict(o) for o in trace.outcomes]
    head["text"] = {k: blob.texts(v) for k, v in (("pieces", trace.pieces), ("answer_pieces", trace.answer_pieces))}
    head["prompt"] = blob.texts((trace.prompt,))
    head["curve"] = None if trace.curve is None else _curve(trace.curve, blob)
    head["stacks"] = [_stack(s, blob) for s in trace.stacks]
    head["metrics"] = [_metric(m, blob) for m in trace.metrics]
    head["branches"] = _branches(trace, blob)
    head["events"] = _events(trace, blob)
    head["samples"] = _samples(trace, keep, blob, texts)
    return head, blob.packed(), texts.packed()


def _events(trace: TraceView, blob: Blob) -> dict[str, Json]:
    """Labels repeat (ends of sentences), so they are listed once."""
    labels = list(dict.fromkeys(e.label for e in trace.events))
    kinds = list(dict.fromkeys(e.kind for e in trace.events))
    place = {label: i for i, label in enumerate(labels)}
    return {
        "kinds": kinds,
        "labels": labels,
        "columns": {
            "cut": blob.integers([e.cut for e in trace.events]),
            "stack": blob.integers([e.stack for e in trace.events]),
            "kind": blob.small([kinds.index(e.kind) for e in trace.events]),
            "label": blob.integers([place[e.label] for e in trace.events]),
        },
    }


def encode(view: View, keep: Sequence[Sequence[bool]], keep_formal: Sequence[bool]) -> tuple[str, list[tuple[str, str]]]:
    """The JSON header (with a hash of all data) and the blobs by name.

    ``keep[t][s]`` says whether the text of sample s of trace t goes in; ``keep_formal[i]`` the same of verified trace i.
    """
    parts = [_trace(trace, k) for trace, k in zip(view.traces, keep, strict=True)]
    problems, labels = problem_names(view), trace_labels(view)
    named = [head | {"label": x, "problem": problems[key(t)]} for (head, _, _), x, t in zip(parts, labels, view.traces, strict=True)]
    formal, formal_blobs = encode_formal(view.formal, keep_formal)
    head: dict[str, Json] = {
        "schema": view.schema,
        "title": view.title,
        "generator": view.generator,
        "sets": [asdict(s) | {"problem": problems[key(s)]} for s in view.sets],
        "traces": named,
        "formal": formal,
        "sheets": [asdict(s) for s in view.sheets],
    }
    blobs = [(f"{kind}-{i}", body) for i, (_, data, texts) in enumerate(parts) for kind, body in (("data", data), ("texts", texts))]
    blobs += [("formal" if i == 0 else f"formal-{i - 1}", body) for i, body in enumerate(formal_blobs)]
    digest = hashlib.sha256(dump(head).encode())
    for _, body in blobs:
        digest.update(body.encode())
    return dump(head | {"hash": digest.hexdigest()}), blobs
