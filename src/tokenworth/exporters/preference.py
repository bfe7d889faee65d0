"""Preference pairs of pivots as JSON lines for direct preference optimisation, in the format that TRL reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenworth.core.document import Document
from tokenworth.errors import InvalidInput
from tokenworth.exporters.lines import one_of, trace_text, write_lines
from tokenworth.methods.pivots.document import PairDoc, PivotsDoc


def write_pairs(document: Document | Sequence[Document], path: str | Path) -> None:
    """Writes a line for each pair of claims with a better side: ``prompt``, ``chosen`` and ``rejected`` as texts and as ids, and evidence.

    TRL reads the three texts and passes the rest over. Raises: InvalidInput for a result without such pairs; StoreError when the disk
    refuses.
    """
    doc = one_of(document, PivotsDoc, "preference pairs", "the result of pivots --pairs N")
    if not doc.pairs:
        raise InvalidInput("this result has no pairs to write as preference pairs; run pivots with --pairs N, on a trace with a claim")
    rows = list(_rows(doc))
    if not rows:
        raise InvalidInput(
            f"none of {len(doc.pairs)} pairs is told apart at a false-discovery rate of {doc.plan.false_discovery:g}, so no side is to be "
            "chosen; give more rollouts with --pairs"
        )
    write_lines(rows, path)


def _rows(doc: PivotsDoc) -> Iterator[dict[str, Any]]:
    trace = doc.trace
    for pair in doc.pairs:
        if pair.better is None:
            continue
        sides = {"token": pair.text, "other": pair.other_text}
        ids = {"token": None if trace.ids is None else trace.ids[pair.token], "other": pair.other}
        better, worse = ("token", "other") if pair.better == "token" else ("other", "token")
        before, is_text = trace_text(trace.pieces[: pair.token])
        chosen, chosen_is_text = trace_text((sides[better],))
        rejected, rejected_is_text = trace_text((sides[worse],))
        prefix = None if trace.ids is None or trace.prompt_ids is None else [*trace.prompt_ids, *trace.ids[: pair.token]]
        yield {
            "prompt": trace.prompt + before,
            "chosen": chosen,
            "rejected": rejected,
            "prompt_ids": prefix,
            "chosen_ids": None if ids[better] is None else [ids[better]],
            "rejected_ids": None if ids[worse] is None else [ids[worse]],
            "is_text": is_text and chosen_is_text and rejected_is_text,
            "evidence": _evidence(doc, pair, better),
        }


def _evidence(doc: PivotsDoc, pair: PairDoc, better: str) -> dict[str, Any]:
    sign = 1 if better == "token" else -1
    delta, low, high = (None if x is None else sign * x for x in (pair.delta, pair.low, pair.high))
    counts = [(pair.n_token, pair.k_token, pair.unknown_token), (pair.n_other, pair.k_other, pair.unknown_other)][::sign]
    (n_chosen, k_chosen, unknown_chosen), (n_rejected, k_rejected, unknown_rejected) = counts
    return {
        "value": doc.value_label,
        "target": doc.target,
        "problem": None if doc.problem is None else doc.problem.id,
        "model": doc.model.name,
        "fingerprint": doc.model.fingerprint,
        "token": pair.token,
        "chosen_is_base": better == "token",
        "p_chosen": pair.p if better == "token" else pair.other_p,
        "p_rejected": pair.other_p if better == "token" else pair.p,
        "n_chosen": n_chosen,
        "k_chosen": k_chosen,
        "unknown_chosen": unknown_chosen,
        "n_rejected": n_rejected,
        "k_rejected": k_rejected,
        "unknown_rejected": unknown_rejected,
        "difference": delta,
        "low": low if sign > 0 else high,
        "high": high if sign > 0 else low,
        "level": pair.level,
        "p_value": pair.p_value,
        "false_discovery": doc.plan.false_discovery,
        "pairs": len(doc.pairs),
        "draws": "fresh: they chose neither token",
    }
