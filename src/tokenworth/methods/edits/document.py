"""Edits of traces with known truth as a document: one table over all mazes, and what each base gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenworth.core.document import ModelDoc, Number

EDITS_SCHEMA = "tokenworth.edits/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateDoc:
    """A value with its limits."""

    value: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class EditGroupDoc:
    """One kind of edit over all mazes. ``before``, ``after``, ``difference``: P(plan correct), with limits over the ``unit``.

    ``unit``: ``instances`` (mazes), or ``rollouts`` where there is one maze. ``missing``: edits with rollouts on one side only, left out.
    """

    edit: str
    unit: str
    instances: int
    variants: int
    missing: int
    rollouts_before: int
    rollouts_after: int
    unknown_before: int
    unknown_after: int
    before: EstimateDoc
    after: EstimateDoc
    difference: EstimateDoc
    trace_valid_before: EstimateDoc | None
    trace_valid_after: EstimateDoc | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsDoc:
    """Edits of traces with known truth and what they did. ``instances``: each base trace with its edits, as the method wrote them.

    ``place``, ``base``: where rollouts begin, and whose traces are edited. ``level``: confidence of the intervals.
    """

    schema: str = EDITS_SCHEMA
    version: str
    created: str = ""
    command: str
    model: ModelDoc
    task: str | None
    item: str
    rollouts: int
    place: str
    base: str
    seed: int
    level: float
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    alone: bool
    codes: tuple[str, ...]
    groups: tuple[EditGroupDoc, ...]
    instances: tuple[Mapping[str, object], ...]
    failed_items: int
    notes: tuple[str, ...] = ()
