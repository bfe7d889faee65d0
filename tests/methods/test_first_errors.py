"""First errors: which are measured, where the value is read, and what a page says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.core.document import About, ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.sampling import Sampling
from tokenworth.core.verification import Strictness, Tier, Verification, Violation
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.methods.first_errors import derive
from tokenworth.methods.first_errors.document import FirstErrorsDoc, FirstErrorTable
from tokenworth.methods.first_errors.rows import (
    COMMON,
    MOST,
    FirstError,
    MeasuredError,
    by_first_error,
    cuts_around,
    first_error_note,
    to_measure,
)
from tokenworth.methods.first_errors.settings import FirstErrorsSettings
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.page import page_of
from tokenworth.report.sections.sheet import SheetView


def verdict(code: str, plan: bool | None) -> Verification:
    error = Violation(code=code, tier=Tier.LISTS, event=1, tokens=(3, 6), chars=(10, 19), expected="a", got="b")
    return Verification(
        domain="maze",
        dialect="compact",
        strictness=Strictness.STRICT,
        version="0",
        parsed=True,
        trace_valid=not code,
        plan_valid=plan,
        plan_optimal=None,
        plan_follows_trace=None,
        violations=(error,) if code else (),
        counts={code: 1} if code else {},
        n_events=3,
    )


def curve(pieces: tuple[str, ...], answer: tuple[str, ...] = (" solution",), value: tuple[float, ...] | None = None) -> CurveDoc:
    n = len(pieces) + 1
    values = value or tuple(i / n for i in range(n))
    return CurveDoc(
        model=ModelDoc(name="m"),
        plan=PlanDoc(name="excursions"),
        trace=TraceDoc(unit="token", pieces=pieces, answer_pieces=answer),
        cuts=tuple(range(n)),
        value=values,
        low=tuple(max(0.0, v - 0.1) for v in values),
        high=tuple(min(1.0, v + 0.1) for v in values),
        level=0.95,
        n_effective=(1.0,) * n,
        n_started=(1,) * n,
        budget=BudgetDoc(),
        provenance=Provenance(version="0"),
    )


def sheets_of(found: Mapping[str, Sequence[FirstError]]) -> tuple[SheetView, ...]:
    tables = (
        FirstErrorTable(model=ModelDoc(name=name), problem="maze", n=sum(len(row.draws) for row in rows), rows=tuple(rows))
        for name, rows in found.items()
    )
    return page_of([FirstErrorsDoc(level=0.95, tables=tuple(tables), provenance=Provenance(version="0"))]).sheets


def test_draws_are_counted_by_first_error_and_unknown_answers_apart() -> None:
    rows = by_first_error([verdict(c, p) for c, p in (("A", True), ("", True), ("B", False), ("B", None), ("", True), ("C", False))])
    assert [(r.code, r.draws, r.n_right, r.n_unknown) for r in rows] == [
        ("", (1, 4), 2, 0),
        ("B", (2, 3), 0, 1),
        ("A", (0,), 1, 0),
        ("C", (5,), 0, 0),
    ]


@given(st.lists(st.sampled_from(["", "A", "B", "C", "D", "E"]), min_size=1, max_size=60))
def test_the_common_first_errors_and_a_draw_without_one_are_measured(codes: list[str]) -> None:
    rows = by_first_error([verdict(code, True) for code in codes])
    assert sorted(draw for row in rows for draw in row.draws) == list(range(len(codes)))
    chosen = to_measure(rows, len(codes))
    errors = [row for row in chosen if row.code]
    assert ("" in {row.code for row in chosen}) == ("" in codes)
    assert len(errors) <= MOST and bool(errors) == any(codes)
    left = [row for row in rows if row.code and row not in chosen]
    assert all(len(row.draws) <= min(len(e.draws) for e in errors) for row in left)
    if len(errors) < MOST:
        assert all(len(row.draws) < COMMON * len(codes) for row in left)


@given(st.lists(st.text(alphabet="abc12,", min_size=1, max_size=5), min_size=1, max_size=12), st.data())
def test_the_cuts_are_those_just_around_the_words(words: list[str], data: st.DataObject) -> None:
    """Pieces with a space before each word, as the bundled models have them; the verifier's text has none before the first."""
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first + 1, len(words)))
    start = len(" ".join([*words[:first], ""]))
    end = len(" ".join(words[:last]))
    assert cuts_around(curve(tuple(f" {w}" for w in words)), (start, end)) == (first, last)


def test_the_value_before_and_after_keeps_its_sign() -> None:
    error = verdict("A", False).violations[0]
    pieces = (" close", " 1,1", " c0", " close", " 2,2", " c1")
    place = len("close 1,1 c0 "), len("close 1,1 c0 close 2,2 c1")
    for value in ((0.5, 0.5, 0.5, 0.6, 0.9, 0.9, 0.9), (0.5, 0.5, 0.5, 0.6, 0.0, 0.0, 0.0)):
        at = Violation(code="A", tier=error.tier, event=1, tokens=(3, 6), chars=place, expected="", got="")
        measured = MeasuredError.of(curve(pieces, value=value), draw=7, error=at)
        assert measured.before is not None and measured.after is not None
        assert (measured.before.cut, measured.before.value.value) == (3, 0.6)
        assert (measured.after.cut, measured.after.value.value) == (6, value[-1])
        row = FirstError(code="A", draws=(7, 9), n_right=1, n_unknown=0, measured=measured)
        note = first_error_note(row, 20)
        assert f"at cut 3, {measured.before}; after it, at cut 6, {measured.after}" in note and "2 of 20 draws, 1 with a right" in note


def test_an_error_of_the_answer_has_no_value_after_it() -> None:
    pieces = (" close", " 1,1")
    whole = "close 1,1 solution 1,1"
    error = Violation(code="P", tier=Tier.LINK, event=None, tokens=(2, 4), chars=(10, len(whole)), expected="", got="")
    doc = curve(pieces, answer=(" solution", " 1,1"))
    measured = MeasuredError.of(doc, draw=0, error=error)
    assert measured.before is not None and measured.before.value.value == doc.value[2]
    assert measured.after is not None and measured.after.value.value is None
    row = FirstError(code="P", draws=(0,), n_right=0, n_unknown=0, measured=measured)
    (sheet,) = sheets_of({"m": [row]})
    assert [cell.text for cell in sheet.rows[0]][-1] == "–" and sheet.rows[0][3].text == "draw 0"
    assert "not measured" in first_error_note(row, 1)


def test_the_table_has_a_row_for_every_first_error_and_no_share_of_nothing() -> None:
    rows = by_first_error([verdict("A", True), verdict("A", False), verdict("B", None), verdict("", True)])
    sheets = sheets_of({"x": rows, "y": rows})
    assert [sheet.title.split(":")[0] for sheet in sheets] == ["x", "y"] and sheets[0].lead and not sheets[1].lead
    told = {row[0].text: row for row in sheets[0].rows}
    assert list(told) == ["none", "A", "B"]
    assert told["A"][2].main == "1/2" and told["A"][2].number.value == pytest.approx(0.5)
    assert told["B"][2].main == "– +1?" and told["B"][2].number is None
    assert all(row[4].text == row[5].text == "–" for row in sheets[0].rows)


def test_only_a_curve_of_gold_by_the_model_itself_has_a_value_across_a_first_error(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = curve(("aaaaaaaaaa", "bbbbbbbbb", "c"))
    problem = Problem(id="p", question="q", kind=AnswerKind.PLAN, task="maze:searchformer/7")
    mine = replace(mine, problem=problem)
    samples = SampleSetDoc(
        problem=problem,
        model=mine.model,
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=9, stop=()),
        seed=0,
        accuracy=0.0,
        low=0.0,
        high=1.0,
        level=0.95,
        n=1,
        outcomes={},
        length_correlation=None,
        length_correlation_low=None,
        length_correlation_high=None,
        chosen=None,
        traces=(mine.trace,),
        rollouts=1,
        generated_tokens=1,
        provenance=mine.provenance,
    )
    monkeypatch.setattr(derive, "verdicts_of", lambda _: (verdict("A", True),))

    def measured(one: CurveDoc) -> bool:
        made = derive.first_errors_document([samples, one], FirstErrorsSettings(), About(provenance=Provenance(version="0")))
        return made.tables[0].rows[0].measured is not None

    assert measured(mine)
    assert not measured(replace(mine, target="own"))
    assert not measured(replace(mine, provenance=Provenance(version="0", reader="another")))
