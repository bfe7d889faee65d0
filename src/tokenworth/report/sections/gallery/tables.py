"""What the rows of a survey say together, as tables: labels, start and end, commitment, length, clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenworth.core.document import Number
from tokenworth.core.estimate import Estimate
from tokenworth.methods.survey.document import LabelShare, SurveyDoc
from tokenworth.report.facts import provenance_facts
from tokenworth.report.sections.sheet import SheetCell, SheetColumn, SheetView, cell, number_cell


def _columns(*kinds: tuple[str, str]) -> tuple[SheetColumn, ...]:
    return tuple(SheetColumn(name=name, kind=kind) for name, kind in kinds)  # pyright: ignore[reportArgumentType]


def tables_of(doc: SurveyDoc) -> Iterator[SheetView]:
    """The tables of a survey; those without a row are left out."""
    yield _labels(doc, "labels", doc.labels, "The shape of the curve of the gold answer; every trace has one label.")
    yield _labels(doc, "labels without gold", doc.twins, "The shape of the curve of the answer that leads at the end.")
    yield _start_end(doc)
    for table in (_subjects(doc), _commitments(doc), _lengths(doc), _clusters(doc)):
        if table.rows:
            yield table


def _sheet(
    doc: SurveyDoc, title: str, columns: Sequence[SheetColumn], rows: Sequence[tuple[SheetCell, ...]], *, lead: str = ""
) -> SheetView:
    facts = tuple(provenance_facts(doc.provenance))
    return SheetView(title=title, lead=(lead,) * bool(lead), level=doc.level, columns=tuple(columns), rows=tuple(rows), facts=facts)


def _labels(doc: SurveyDoc, title: str, shares: Sequence[LabelShare], lead: str) -> SheetView:
    columns = _columns(("label", "text"), ("traces", "count"), ("share", "share"), ("open by rounding", "count"))
    rows = [(cell(one.label), cell(f"{one.share.k or 0:,}"), number_cell(one.share), cell(one.n_open)) for one in shares]
    return _sheet(doc, title, columns, rows, lead=lead)


def _start_end(doc: SurveyDoc) -> SheetView:
    at = doc.start_end
    columns = _columns(("leading option", "text"), ("ends right", "count"), ("ends wrong", "count"))
    rows = [
        (cell("begins right"), cell(f"{at.right_right:,}"), cell(f"{at.right_wrong:,}")),
        (cell("begins wrong"), cell(f"{at.wrong_right:,}"), cell(f"{at.wrong_wrong:,}")),
    ]
    ends = (("The option that leads first leads last", at.same_option), ("it leads at all readings", at.never_changes))
    lead = "; ".join(f"{words} in {_share(one)}" for words, one in ends) + f" (of {at.n:,} traces with gold)."
    return _sheet(doc, "start and end", columns, rows, lead=lead)


def _subjects(doc: SurveyDoc) -> SheetView:
    kinds = ("text", "count", "share", "share", "difference", "share", "text")
    names = ("subject", "traces", "begins right", "ends right", "difference", "never changes", "labels")
    rows = [
        (
            cell(one.subject or "none"),
            cell(f"{one.n:,}"),
            number_cell(one.starts),
            number_cell(one.ends),
            number_cell(one.difference, form="+.2f"),
            number_cell(one.never_changes),
            cell(", ".join(f"{name} {n:,}" for name, n in one.labels.items())),
        )
        for one in doc.subjects
    ]
    lead = "Is the trace needed? What leads before its first token and after its last one; differences are paired by trace."
    return _sheet(doc, "subjects", _columns(*zip(names, kinds, strict=True)), rows, lead=lead)


def _share(one: Estimate) -> str:
    return "no trace" if one.value is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _number(x: Number) -> SheetCell:
    return cell("–" if x is None else f"{x:.3f}")


def _commitments(doc: SurveyDoc) -> SheetView:
    kinds = ("text", "count", "count", "share", "share", "share", "share", "count")
    names = ("committed by", "traces", "never", "lower quartile", "median", "upper quartile", "goes back", "open by grid")
    rows = [
        (
            cell(one.definition),
            cell(f"{one.n:,}"),
            cell(f"{one.n_never:,}"),
            *(number_cell(x) for x in (one.lower, one.median, one.upper, one.relapse)),
            _number(one.bracket),
        )
        for one in doc.commitments
    ]
    lead = "When a trace commits itself to its last answer, as a share of its length; quartiles are over the traces that do."
    return _sheet(doc, "commitment", _columns(*zip(names, kinds, strict=True)), rows, lead=lead)


def _lengths(doc: SurveyDoc) -> SheetView:
    columns = _columns(("length with", "text"), ("by", "text"), ("correlation", "difference"), ("n", "count"), ("note", "text"))
    rows = [
        (cell(one.of), cell(one.how), number_cell(one.r, form="+.2f"), cell(f"{one.r.n or 0:,}"), cell(one.note)) for one in doc.lengths
    ]
    return _sheet(doc, "length", columns, rows)


def _clusters(doc: SurveyDoc) -> SheetView:
    columns = _columns(("cluster", "count"), ("traces", "count"), ("medoid", "text"), ("labels", "text"))
    rows = [
        (cell(one.number + 1), cell(f"{one.n:,}"), cell(one.medoid), cell(", ".join(f"{name} {n:,}" for name, n in one.labels.items())))
        for one in doc.clusters
    ]
    lead = ""
    if doc.clustering is not None:
        found = doc.clustering
        lead = (
            f"{found.how}; adjusted Rand index with the clusters of bootstrap samples {_share(found.stability)}; "
            f"in no cluster: {found.n_none:,}."
        )
    return _sheet(doc, "clusters", columns, rows, lead=lead)
