"""The derivation of `survey`: documents in, one row for each trace, and what all rows say together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from tokenworth.core.document import About, Document, numbers
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.methods.survey.clustered import clustered
from tokenworth.methods.survey.document import SurveyDoc, SurveyRow
from tokenworth.methods.survey.exits import exit_rows
from tokenworth.methods.survey.features import FEATURES
from tokenworth.methods.survey.labels import RULES, TWIN_RULES, RuleDoc, margins, matched
from tokenworth.methods.survey.lengths import length_rows
from tokenworth.methods.survey.packed import packed
from tokenworth.methods.survey.readings import Readings, of_exit
from tokenworth.methods.survey.rows import rows_of
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.methods.survey.tables import Columns, closure, commitment_tables, label_shares, share_map, start_end, subject_rows
from tokenworth.methods.survey.two_curves import Pair, PairEnds, pair_of, two_curves
from tokenworth.stats.shapes import at_positions

_ORDER = ("forced", "value", "table", "length")
"""Of several rows of one trace the first of these stays."""


def survey_document(documents: Iterable[Document], settings: SurveySettings, about: About) -> SurveyDoc:
    """The survey of all traces in the documents; what is in none of the forms it reads is passed over.

    Raises: InvalidInput without any trace; MismatchError for surveys whose curves have other positions.
    """
    rows, notes, pairs = _gathered(documents, settings)
    if not rows:
        raise InvalidInput("no traces among the documents; give results of forced, curve or sample, or other surveys")
    return survey_of(rows, settings, about, notes=notes, pairs=pairs)


def survey_of(
    rows: Sequence[SurveyRow], settings: SurveySettings, about: About, *, notes: Sequence[str] = (), pairs: Mapping[str, Pair] | None = None
) -> SurveyDoc:
    """The survey of rows, with labels by these settings. ``pairs``: by the id of a row, its two curves."""
    columns = Columns.of(rows)
    thresholds = {one.name: one.value for one in settings.thresholds}
    rng = np.random.default_rng(settings.seed)
    found, twins = (_found(rules, thresholds, columns, which) for rules, which in _tables(columns))
    rows = _labelled(rows, columns, thresholds, found, twins)
    columns = replace(columns, rows=rows)
    clustering, clusters, number = clustered(columns, settings)
    rows = tuple(replace(row, cluster=None if one < 0 else one) for row, one in zip(rows, number.tolist(), strict=True))
    both = [i for i, row in enumerate(rows) if pairs is not None and row.id in pairs]
    compared = [pairs[rows[i].id] for i in both] if pairs else []
    commitments, agreements = commitment_tables(columns, settings.level, rng)
    is_open = np.asarray([row.is_open for row in rows], dtype=np.bool_)
    gold, curve, question = columns.has_gold, columns.has_curve, columns.question
    return SurveyDoc(
        traces=len(rows),
        level=settings.level,
        points=settings.points,
        thresholds=settings.thresholds,
        features=FEATURES,
        rules=RULES,
        twin_rules=TWIN_RULES,
        labels=label_shares(RULES, found[gold], is_open[gold], question[gold], settings.level),
        twins=label_shares(TWIN_RULES, twins[curve], np.zeros(int(curve.sum()), dtype=np.bool_), question[curve], settings.level),
        map=share_map(columns, thresholds),
        start_end=start_end(columns, settings.level),
        subjects=tuple(subject_rows(columns, settings.level, np.random.default_rng([settings.seed, 1]))),
        closure=closure(rows, question, settings.level),
        commitments=commitments,
        agreements=agreements,
        lengths=tuple(length_rows(columns, settings.level, rng)),
        exits=tuple(exit_rows(columns, settings.level, rng)),
        two_curves=two_curves(compared, question[both], level=settings.level, decided=settings.decided, rng=rng),
        clustering=clustering,
        clusters=clusters,
        rows=rows,
        provenance=about.provenance,
        notes=(*notes, *_notes(rows, columns, settings, clusters=len(clusters))),
    )


# -- rows -----------------------------------------------------------------------------------------------------------------------------


def _gathered(documents: Iterable[Document], settings: SurveySettings) -> tuple[tuple[SurveyRow, ...], list[str], dict[str, Pair]]:
    """One row for each trace, with an id of its own; what is to be said of those that are not here; two curves where a trace has them."""
    found: dict[tuple[str, str], SurveyRow] = {}
    forced, ends = dict[tuple[str, str], Readings](), dict[tuple[str, str], PairEnds]()
    again = unread = 0
    for document in documents:
        made = _rows(document, settings)
        unread += made is None
        for row in made or ():
            key = (row.id.partition("#")[0], row.problem)
            known = found.get(key)
            again += known is not None and known.kind == row.kind and known != row
            if known is None or _ORDER.index(row.kind) <= _ORDER.index(known.kind):
                found[key] = row
            if isinstance(document, ForcedDoc) and row.own_curve:
                readings = of_exit(document.exits[0]).known()
                forced[key] = readings.at(np.unique(at_positions(readings.cuts, min(settings.points, len(readings.cuts)))))
            elif isinstance(document, CurveDoc) and row.own_curve:
                ends[key] = PairEnds.of(document)
    notes = [f"documents that contradict an earlier one of the same trace: {again:,}; the last one of each counts"] if again else []
    notes += [f"documents without curves or answers: {unread:,}, passed over"] if unread else []
    found = dict(sorted(found.items(), key=lambda pair: _place(pair[1])))
    rows, pairs = dict(zip(found, _with_names(found.values()), strict=True)), dict[str, Pair]()
    for key in sorted(forced.keys() & ends.keys()):
        pair = pair_of(forced[key], ends[key], least_mass=settings.least_mass, decided=settings.decided)
        if pair is not None:
            pairs[rows[key].id] = pair
            rows[key] = _with_pair(rows[key], pair, settings.points)
    return tuple(rows.values()), notes, pairs


def _place(row: SurveyRow) -> tuple[list[tuple[int, str]], str]:
    """Where a row stands: by problem, numbers as numbers, then by id. So a survey is the same in whatever order traces come."""
    return [
        (int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in re.split(r"([0-9]{1,18})", row.problem)
    ], row.id


def _rows(document: Document, settings: SurveySettings) -> Sequence[SurveyRow] | None:
    """The rows of a document, None for one of another kind."""
    if isinstance(document, SurveyDoc):
        if document.points != settings.points and any(row.own_curve for row in document.rows):
            raise MismatchError(
                f"a survey keeps its curves at {document.points} positions and this one at {settings.points}; "
                f"give --points {document.points}"
            )
        return document.rows
    return rows_of(document, settings) if isinstance(document, ForcedDoc | CurveDoc | SampleSetDoc) else None


def _with_pair(row: SurveyRow, pair: Pair, points: int) -> SurveyRow:
    where = at_positions(pair.cuts, points)
    return replace(row, value=packed(pair.value[where]), states="".join(map(str, pair.state[where].tolist())))


def _with_names(rows: Iterable[SurveyRow]) -> Iterator[SurveyRow]:
    """The rows with an id each: of the same trace under several problems, as published data have it, all but the first get a number."""
    count = Counter[str]()
    for row in rows:
        name = row.id.partition("#")[0]
        count[name] += 1
        yield row if count[name] == 1 and row.id == name else replace(row, id=name if count[name] == 1 else f"{name}#{count[name]}")


def _tables(columns: Columns) -> Iterator[tuple[Sequence[RuleDoc], np.ndarray]]:
    yield RULES, columns.has_gold
    yield TWIN_RULES, columns.has_curve


def _found(rules: Sequence[RuleDoc], thresholds: dict[str, float], columns: Columns, which: np.ndarray) -> Int[np.ndarray, " row"]:
    return np.where(which, matched(rules, thresholds, columns.by_name, len(columns.rows)), -1)


def _labelled(
    rows: Sequence[SurveyRow],
    columns: Columns,
    thresholds: dict[str, float],
    found: Int[np.ndarray, " row"],
    twins: Int[np.ndarray, " row"],
) -> tuple[SurveyRow, ...]:
    margin, twin_margin = (margins(rules, thresholds, columns.by_name, one) for rules, one in ((RULES, found), (TWIN_RULES, twins)))
    slack = columns.by_name["slack"]
    return tuple(
        replace(
            row,
            label=RULES[label].label if label >= 0 else None,
            margin=side if label >= 0 else None,
            is_open=bool(label >= 0 and margin[i] < slack[i]),
            twin=TWIN_RULES[twin].label if twin >= 0 else None,
            twin_margin=twin_side if twin >= 0 else None,
        )
        for i, (row, label, side, twin, twin_side) in enumerate(
            zip(rows, map(int, found), numbers(margin), map(int, twins), numbers(twin_margin), strict=True)
        )
    )


# -- notes ----------------------------------------------------------------------------------------------------------------------------


def _notes(rows: Sequence[SurveyRow], columns: Columns, settings: SurveySettings, *, clusters: int) -> Iterator[str]:
    curve, gold, names = columns.has_curve, columns.has_gold, columns.by_name
    without = int((curve & ~gold).sum())
    if without:
        yield f"curves without gold among their options: {without:,} of {int(curve.sum()):,}; they have a twin label only"
    if (bare := int((~curve).sum())) and curve.any():
        yield f"traces without a curve: {bare:,} of {len(rows):,}; they count in correlations of length only"
    if told := sum(row.kind == "table" for row in rows):
        yield (
            f"rows of a published table: {told:,}; start and end are single raw readings, the range is not smoothed, and there is no "
            "mass; their labels differ from those of the curves"
        )
    if cut := sum(not row.closed for row in rows):
        yield (
            f"traces without an end, because of the token limit or because no marker ends them: {cut:,}; their length is not known and is "
            "in no correlation, and their last readings may follow an answer that is written already"
        )
    if held := int((names["held"] > 0).sum()):
        share = float(np.nanmean(names["held"]))
        yield f"curves held in blocks by their source: {held:,}; {share:.0%} of their cuts repeat a reading and are not measured"
    if rounded := int((names["slack"] > 0).sum()):
        opened = sum(row.is_open for row in rows)
        yield (
            f"curves rounded by their source: {rounded:,}; 0 and 1 stand for intervals, and the label is nearer to a threshold than that "
            f"leaves certain in {opened:,}"
        )
    moved = sum(row.label == "flat-wrong" and not same for row, same in zip(rows, (names["same_option"] > 0.5).tolist(), strict=True))
    if moved:
        yield f"flat-wrong traces that go from one wrong option to another: {moved:,}; P(gold) is flat, the answer is not"
    alone = sum(n == 1 for subject, n in Counter(row.subject for row in rows).items() if subject)
    if alone:
        yield f"subjects with a single trace: {alone:,}; it says nothing within its subject"
    twice = sum(n > 1 for n in Counter(row.problem for row in rows if row.kind != "length").values())
    if twice:
        yield f"problem ids with several traces: {twice:,}; traces of one question are one cluster in every interval"
    if settings.cluster != "none" and not clusters:
        yield "fewer than 10 curves are not clustered"
