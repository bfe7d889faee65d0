"""Synthetic results of `edits` and `modulo`, as JSON objects."""

from __future__ import annotations

from typing import Any

MODEL = {"name": "tiny-world 5M", "fingerprint": "9f2c61d07ab1443e"}
MADE = {"version": "0.1.0", "created": "2026-01-02T03:04:05+00:00", "command": "tokenworth edits --task maze:searchformer/7"}


def estimate(value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def group(edit: str, **over: Any) -> dict[str, Any]:
    return {
        "edit": edit,
        "unit": "instances",
        "instances": 3,
        "variants": 3,
        "missing": 0,
        "rollouts_before": 60,
        "rollouts_after": 60,
        "unknown_before": 0,
        "unknown_after": 2,
        "before": estimate(0.9, 0.7, 1.0),
        "after": estimate(0.4, 0.1, 0.7),
        "difference": estimate(-0.5, -0.8, -0.2),
        "trace_valid_before": estimate(0.95, 0.9, 1.0),
        "trace_valid_after": None,
        **over,
    }


def edits(*groups: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {
        "schema": "tokenworth.edits/1",
        **MADE,
        "model": MODEL,
        "task": "maze:searchformer/7",
        "item": "0-2",
        "rollouts": 20,
        "place": "edit",
        "base": "solver",
        "seed": 0,
        "level": 0.95,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "alone": False,
        "codes": ["WALL", "paraphrase"],
        "groups": list(groups) or [group("paraphrase"), group("WALL")],
        "instances": [{"item": "maze 0", "edits": [{"edit": "WALL", "words": [3, 4]}]}],
        "failed_items": 0,
        "notes": ["OOB skipped in 3 of 3 mazes: the model has no token for a word of the edit"],
        **over,
    }


def count(k: int, n: int) -> dict[str, float]:
    return {"k": k, "n": n, "low": 0.1, "high": 0.8}


def arm(name: str, versus: bool = True, **over: Any) -> dict[str, Any]:
    paired = {"both": 1, "first_only": 0, "second_only": 1, "neither": 0, "difference": -0.5, "low": -0.9, "high": 0.1, "p": 1.0}
    return {
        "name": name,
        "solved": count(1, 2),
        "answered": count(2, 2),
        "right_of_answered": count(1, 2),
        "n_unknown": 0,
        "n_wrong": 1,
        "tokens": 1234,
        "draws": 4,
        "versus": paired if versus else None,
        **over,
    }


def modulo(**over: Any) -> dict[str, Any]:
    by = {"critic": "reference", "version": "0.1.0", "level": "reference"}
    attempt = {"outcome": "7", "verdict": "correct", "messages": [], "prompt_tokens": 9, "generated_tokens": 700, "text": "It is 7."}
    item = {
        "stopped": "accepted",
        "correct": True,
        "generated_tokens": 700,
        "read_tokens": 9,
        "unresolved": "",
        "draws": [{"outcome": "7"}],
    }
    return {
        "schema": "tokenworth.modulo/1",
        "model": MODEL,
        "task": "world:steps",
        "verifiers": [by],
        "is_sound": True,
        "plan": {
            "critic": "reference",
            "feedback": "none",
            "n_samples": 8,
            "max_attempts": 8,
            "max_tokens": None,
            "share": 0.5,
            "level": 0.95,
        },
        "sampling": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": 64, "stop": [0]},
        "arms": [arm("majority vote"), arm("loop", versus=False)],
        "items": [
            {"id": "a", "accepted": 0, "attempts": [{**attempt, "accepted": True, "accepted_by": [by]}], **item},
            {"id": "b", "accepted": None, "attempts": [{**attempt, "accepted": False, "accepted_by": []}], **{**item, "correct": None}},
        ],
        "failed": 0,
        "short": 0,
        "provenance": MADE,
        **over,
    }
