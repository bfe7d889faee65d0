"""Effects of edits as JSON."""

from __future__ import annotations

from math import isfinite
from typing import Any

from tokenworth.methods.edits.groups import Estimate, GroupEffect
from tokenworth.methods.edits.intervene import Arm, InterveneResult
from tokenworth.workbench.intervene import Planned


def _estimate(value: Estimate | None) -> dict[str, float | None] | None:
    if value is None:
        return None
    return {name: one if isfinite(one) else None for name, one in zip(("value", "low", "high"), value, strict=True)}


def _arm_record(arm: Arm) -> dict[str, Any]:
    return {
        "cut": arm.cut,
        "n": arm.n,
        "correct": arm.n_correct,
        "unknown": arm.n_unknown,
        "p": _estimate(arm.correct),
        "trace_valid": _estimate(arm.trace_valid) if arm.n_checked else None,
        "trace_checked": arm.n_checked,
        "outcomes": dict(arm.outcomes),
    }


def instance_record(planned: Planned, result: InterveneResult) -> dict[str, Any]:
    """The edits of one base as JSON: what was changed and what followed."""
    rows: list[dict[str, Any]] = []
    for effect in result.effects:
        made = planned.edits[effect.variant.name]
        rows.append(
            {
                "edit": effect.variant.name,
                "code": made.code,
                "kind": made.kind,
                "event": made.event,
                "along": list(made.along),
                "words": list(made.words),
                "words_changed": made.n_changed,
                "trace": made.after.trace,
                "before": _arm_record(effect.before),
                "after": _arm_record(effect.after),
                "difference": _estimate(effect.change),
            }
        )
    return {
        "item": planned.item,
        "base_trace": planned.text.trace,
        "base_valid": planned.code is None,
        "base_code": planned.code,
        "edits": rows,
        "skipped": dict(planned.skipped),
        "unresolved": result.unresolved,
    }


def group_record(group: GroupEffect) -> dict[str, Any]:
    """One row of the table as JSON."""
    return {
        "edit": group.group,
        "unit": group.unit,
        "instances": group.n_instances,
        "variants": group.n_variants,
        "missing": group.n_missing,
        "rollouts_before": group.n_before,
        "rollouts_after": group.n_after,
        "unknown_before": group.unknown_before,
        "unknown_after": group.unknown_after,
        "before": _estimate(group.before),
        "after": _estimate(group.after),
        "difference": _estimate(group.change),
        "trace_valid_before": _estimate(group.valid_before),
        "trace_valid_after": _estimate(group.valid_after),
    }
