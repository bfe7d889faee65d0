"""Pivots as events of Pivotal Token Search (PTS): JSON lines of its schema 2.0."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document
from tokenworth.core.problem import question_text
from tokenworth.core.table import trace_id
from tokenworth.errors import InvalidInput
from tokenworth.exporters.lines import one_of, trace_text, write_lines
from tokenworth.methods.pivots.document import PivotsDoc

SCHEMA = "2.0"


def write_pivotal(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes an event for each claim. What PTS has no field for (limits, level, draws, false-discovery rate, ids) stands in ``metadata``.

    Raises: InvalidInput for a result that is no search, or claims nothing; StoreError when the disk refuses.
    """
    doc = one_of(document, PivotsDoc, "events of pivotal tokens", "the result of pivots")
    if not doc.claims:
        raise InvalidInput("this result claims no token, so there is no event to write; raw differences of --compare are no claims")
    write_lines(_events(doc), path)


def _events(doc: PivotsDoc) -> Iterator[dict[str, Any]]:
    trace, name = doc.trace, trace_id(doc.model.name, doc.trace)
    n_prompt = len(trace.prompt_ids or ())
    for row in doc.claims:
        context, is_text = trace_text(trace.pieces[: row.token])
        label, label_is_text = trace_text((row.text,))
        after = None if row.before is None or row.delta is None else row.before + row.delta
        yield {
            "schema_version": SCHEMA,
            "event_id": hashlib.sha256(f"{name}/{row.token}".encode()).hexdigest()[:16],
            "event_type": "pivotal_token",
            "granularity": "token",
            "visibility": "emitted",
            "model_id": doc.model.name,
            "task_type": "" if doc.problem is None else doc.problem.task,
            "dataset_item_id": "" if doc.problem is None else doc.problem.id,
            "query": "" if doc.problem is None else question_text(doc.problem),
            "context": context,
            "label": label,
            "token_id": None if trace.ids is None else trace.ids[row.token],
            "position": n_prompt + row.token,
            "prob_before": row.before,
            "prob_after": after,
            "prob_delta": row.delta,
            "score": None if row.delta is None else abs(row.delta),
            "is_positive": (row.delta or 0.0) > 0,
            "search_method": "tokenworth pivots",
            "intervention_type": "append_token",
            "timestamp": doc.provenance.created,
            "metadata": {
                "value": doc.value_label,
                "target": doc.target,
                "low": row.low,
                "high": row.high,
                "level": row.level,
                "p_value": row.p_value,
                "draws_at_token": row.n,
                "rollouts": doc.rollouts,
                "false_discovery": doc.plan.false_discovery,
                "delta": doc.plan.delta,
                "at_least_delta": row.at_least_delta,
                "probability": row.p,
                "prompt": trace.prompt,
                "prefix_ids": None if trace.ids is None else [*(trace.prompt_ids or ()), *trace.ids[: row.token]],
                "is_text": is_text and label_is_text,
                "seed": doc.seed,
            },
        }
