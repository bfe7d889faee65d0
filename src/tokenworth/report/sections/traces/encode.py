"""Traces as a JSON header and columnar blobs (`tokenworth.report.blob`), which the viewer decodes, and as plain tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

from tokenworth.core.document import Number
from tokenworth.core.no_verdict import beside
from tokenworth.report.blob import Blob, Json
from tokenworth.report.lines import facts_table, safe
from tokenworth.report.section import Encoded
from tokenworth.report.sections.traces.model import CurveView, MetricView, StackView, TracesView, TraceView
from tokenworth.report.sections.traces.names import key, problem_names, trace_labels

NONE = "–"
_TRACES, _ROWS = 20, 200
"""Of a page without JavaScript: the traces that are shown, and the rows of a curve."""


def _curve(curve: CurveView, blob: Blob) -> dict[str, Json]:
    names = ("value", "low", "high", "n_effective", "delta", "delta_low", "delta_high", "delta_from")
    columns: dict[str, Json] = {name: blob.numbers(getattr(curve, name)) for name in names}
    columns |= {name: blob.integers(getattr(curve, name)) for name in ("cuts", "n_started")}
    columns["state"] = blob.small(curve.state)
    for name in ("leave", "unsampled", "log_kept", "widened", "band_low", "band_high"):
        values: tuple[Number, ...] | None = getattr(curve, name)
        columns[name] = None if values is None else blob.numbers(values)
    open_ = curve.verdicts
    columns["verdicts"] = None if open_ is None else {one.name: blob.numbers(getattr(open_, one.name)) for one in fields(open_)}
    words: dict[str, Json] = {k: getattr(curve, k) for k in ("label", "level", "interval", "assumption", "follows", "delta_limits")}
    return words | {"columns": columns}


def _stack(stack: StackView, blob: Blob) -> dict[str, Json]:
    """``share`` is left out: it is ``raw`` over ``mass_high``, or ``mass``. ``all_raw`` is left out where it is ``raw``."""
    whole = stack.all_raw != stack.raw
    head: dict[str, Json] = {
        k: getattr(stack, k) for k in ("kind", "name", "text", "labels", "colours", "gold", "all_labels", "least_mass")
    }
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
    hatched = blob.small(metric.hatched) if metric.hatched else None
    return head | {"columns": {"values": blob.numbers(metric.values), "bins": blob.small(metric.bins), "hatched": hatched}}


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
    head["lead"] = None if trace.lead is None else asdict(trace.lead)
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


def encode(part: TracesView, most: int | None) -> Encoded:
    """Traces and sample sets, and for each trace a blob of its columns and one of its rollout texts, ``most`` of each cut."""
    parts = [_trace(trace, [most is None or r < most for r in _ranks(trace)]) for trace in part.traces]
    problems, labels = problem_names(part), trace_labels(part)
    named = [head | {"label": x, "problem": problems[key(t)]} for (head, _, _), x, t in zip(parts, labels, part.traces, strict=True)]
    blobs = [(f"{kind}-{i}", body) for i, (_, data, texts) in enumerate(parts) for kind, body in (("data", data), ("texts", texts))]
    return {"sets": [asdict(s) | {"problem": problems[key(s)]} for s in part.sets], "traces": named}, blobs


def most_texts(part: TracesView) -> int:
    """The largest number of rollout texts at one cut."""
    return max((rank + 1 for trace in part.traces for rank in _ranks(trace)), default=0)


def _ranks(trace: TraceView) -> Iterator[int]:
    """The place of each sample among those of its cut."""
    seen: Counter[int] = Counter()
    for sample in trace.samples:
        yield seen[sample.cut]
        seen[sample.cut] += 1


def noscript(part: TracesView) -> Iterator[str]:
    """The facts and the curve of each trace as plain tables."""
    for trace, label in list(zip(part.traces, trace_labels(part), strict=True))[:_TRACES]:
        yield f"<h2>{safe(label)}</h2>\n{facts_table(trace.facts)}"
        if trace.lead is not None:
            yield f"<p>{safe(trace.lead.text)}</p>\n<p>{safe(trace.lead.detail)}</p>\n"
        if trace.curve is not None:
            yield from _plain_curve(trace.curve)


def _plain_curve(curve: CurveView) -> Iterator[str]:
    step = max(1, -(-len(curve.cuts) // _ROWS))
    band = () if curve.band_low is None or curve.band_high is None else (curve.band_low, curve.band_high)
    about = ("low of the band of the whole curve", "high of the band")[: len(band)]
    heads = ("cut", curve.label, "low", "high", *about, "rollouts begun here", *["no verdict"] * (curve.verdicts is not None))
    yield f"<table>\n<tr>{''.join(f'<th>{safe(name)}</th>' for name in heads)}</tr>\n"
    for i in range(0, len(curve.cuts), step):
        numbers = (curve.value[i], curve.low[i], curve.high[i], *(side[i] for side in band))
        none = "not measured" if curve.low[i] is None else "no draw"
        cells = "".join(f"<td>{none if x is None else f'{x:.3f}'}</td>" for x in numbers)
        none = "" if curve.verdicts is None else f"<td>{safe(beside(curve.verdicts.missing[i]) or NONE)}</td>"
        yield f"<tr><td>{curve.cuts[i]}</td>{cells}<td>{curve.n_started[i]}</td>{none}</tr>\n"
    yield "</table>\n"
