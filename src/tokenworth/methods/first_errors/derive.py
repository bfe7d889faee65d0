"""The derivation of `first-errors`: sampled traces are verified, and curves of some of them looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tokenworth.core.document import About, Document
from tokenworth.core.verification import Verification
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.first_errors.document import FirstErrorsDoc, FirstErrorTable
from tokenworth.methods.first_errors.rows import FirstError, MeasuredError, by_first_error
from tokenworth.methods.first_errors.settings import FirstErrorsSettings
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.verify.traces import verdicts_of
from tokenworth.tasks.target import GOLD


def first_errors_document(documents: Sequence[Document], settings: FirstErrorsSettings, about: About) -> FirstErrorsDoc:
    """A table for each sample of formal traces among the documents.

    A curve of P(correct), by the model itself, belongs to the draw of its model and problem that has its tokens.

    Raises: InvalidInput without any sample of formal traces.
    """
    curves = [one for one in documents if isinstance(one, CurveDoc) and (one.target, one.provenance.reader) == (GOLD, "")]
    tables: list[FirstErrorTable] = []
    for one in documents:
        if isinstance(one, SampleSetDoc) and one.problem is not None and (verdicts := verdicts_of(one)):
            rows = tuple(_measured(row, one, curves, verdicts) for row in by_first_error(verdicts))
            tables.append(FirstErrorTable(model=one.model, problem=one.problem.id, n=one.n, rows=rows))
    if not tables:
        raise InvalidInput("no sampled traces of a formal problem among the documents; give what sample wrote for a task such as maze:…")
    return FirstErrorsDoc(level=settings.level, tables=tuple(tables), provenance=about.provenance)


def _measured(row: FirstError, samples: SampleSetDoc, curves: Sequence[CurveDoc], verdicts: Sequence[Verification]) -> FirstError:
    """The row with the first of its draws that has a curve."""
    for draw in row.draws:
        trace = samples.traces[draw]
        for curve in curves:
            same = (curve.model, curve.problem, curve.trace.ids, curve.trace.answer_ids, curve.trace.pieces)
            if same == (samples.model, samples.problem, trace.ids, trace.answer_ids, trace.pieces):
                return replace(row, measured=MeasuredError.of(curve, draw=draw, error=verdicts[draw].first_error))
    return row
