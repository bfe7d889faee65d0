"""Prevalence of pivots: every number against counts made by hand or with numpy, and what is not counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.methods import tabled_cases as tabled
from tokenworth.core.document import About, Document, Provenance
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.methods.pivots.document import PivotDoc, PivotsDoc
from tokenworth.methods.prevalence.derive import prevalence_document
from tokenworth.methods.prevalence.document import PivotGroup, PrevalenceDoc
from tokenworth.methods.prevalence.settings import PrevalenceSettings
from tokenworth.report.page import page_of
from tokenworth.report.text import render_text
from tokenworth.stats.by_cluster import share_of
from tokenworth.store.documents import document_json, parse_document

SIZE = 20
TEXTS = tuple(" yes" if i % 2 else " no" for i in range(SIZE))


def search(
    number: int, claims: Sequence[tuple[int, float]] = (), *, question: str = "q", undecided: int = 0, most: float | None = 4.0
) -> PivotsDoc:
    """A search of which every token is a candidate: those named are claimed, the first others undecided, the rest excluded."""
    one = tabled.pivots("x", "y")
    row = one.claims[0]

    def made(token: int, delta: float) -> PivotDoc:
        return replace(row, token=token, text=TEXTS[token], delta=delta, low=-1.0, high=1.0, at_least_delta=abs(delta) >= 0.2)

    named = dict(claims)
    rest = [i for i in range(SIZE) if i not in named]
    return replace(
        one,
        problem=Problem(id=question, question=question, kind=AnswerKind.EXACT),
        trace=replace(one.trace, pieces=TEXTS, ids=tuple(100 * number + i for i in range(SIZE))),
        claims=tuple(made(token, delta) for token, delta in named.items()),
        undecided=tuple(made(i, 0.15) for i in rest[:undecided]),
        excluded=tuple(made(i, 0.01) for i in rest[undecided:]),
        unlikely=(),
        family=SIZE,
        most=most,
    )


def found(*docs: Document, **choices: float) -> PrevalenceDoc:
    return prevalence_document(docs, PrevalenceSettings(**choices), About(provenance=Provenance(version="0")))  # type: ignore[arg-type]


def only(*docs: Document) -> PivotGroup:
    (group,) = found(*docs).groups
    return group


def test_counts_are_those_made_by_hand() -> None:
    docs = (
        search(0, ((3, 0.3), (11, -0.15)), question="a"),
        search(1, question="a", undecided=2),
        search(2, ((19, 0.5),), question="b"),
        search(3, ((2, 0.12),), question="c", most=None),
    )
    group = only(*docs)
    assert (group.traces, group.questions, group.clusters) == (4, 3, "questions")
    assert (group.share.k, group.share.n, group.share.value) == (3, 4, 0.75)
    assert group.share_delta.value == 0.5
    assert group.number.value == pytest.approx(np.mean([2, 0, 1, 1])) and group.number_delta.value == pytest.approx(np.mean([1, 0, 1, 0]))
    assert group.number_open.value == pytest.approx(np.mean([2, 2, 1, 1]))
    expected = share_of(np.asarray([True, False, True, True]), np.asarray([0, 0, 1, 2]), 0.95)
    assert (group.share.low, group.share.high) == (expected.low, expected.high)
    places = (np.asarray([2, 3, 11, 19]) + 0.5) / SIZE
    assert [one.value for one in group.position] == pytest.approx(np.quantile(places, [0.25, 0.5, 0.75]).tolist())
    claims = np.bincount((places * 10).astype(int), minlength=10)
    assert [row.claims for row in group.tenths] == claims.tolist() and {row.candidates for row in group.tenths} == {8}
    assert (group.bound, group.n_bounded, group.bounded.value, group.exceeded) == (4.0, 3, pytest.approx(2 / 3), False)


def test_tokens_stand_with_how_often_they_are_not_claimed() -> None:
    group = only(search(0, ((3, 0.3), (11, -0.2))), search(1, ((5, 0.4),)), search(2, ((2, -0.3),)))
    yes, no = group.tokens
    assert (yes.text, yes.claims, yes.up, yes.traces, yes.candidates) == (" yes", 3, 2, 2, 30)
    assert (no.text, no.claims, no.up, no.traces) == (" no", 1, 0, 1) and group.n_texts == 2
    assert yes.size == pytest.approx(0.3) and yes.share.value == pytest.approx(0.1)
    assert not only(search(0)).tokens
    cut = prevalence_document(
        [search(0, ((3, 0.3), (2, 0.3)))], PrevalenceSettings(tokens=1), About(provenance=Provenance(version="0"))
    ).groups[0]
    assert len(cut.tokens) == 1 and cut.n_texts == 2


def test_limits_are_over_questions_and_over_traces_where_there_is_one_question() -> None:
    claim = ((3, 0.3),)
    apart = only(*(search(i, claim if i < 10 else (), question=str(i)) for i in range(20)))
    alike = only(*(search(i, claim if i < 10 else (), question=str(i // 10)) for i in range(20)))
    one = only(*(search(i, claim if i < 10 else ()) for i in range(20)))
    assert (one.clusters, one.share) == ("traces", apart.share)
    assert alike.share.value == apart.share.value == 0.5
    assert (alike.share.high or 0) - (alike.share.low or 0) > 1.5 * ((apart.share.high or 0) - (apart.share.low or 0))


def test_more_pivots_than_a_martingale_has_is_a_warning() -> None:
    many = tuple((i, 0.3 if i % 2 else -0.3) for i in range(8))
    docs = [search(i, many, question=str(i)) for i in range(6)]
    group = only(*docs)
    assert group.exceeded and group.bounded.value == 8
    text = render_text(page_of([found(*docs)]), width=160)
    assert "WARNING" in text and "look at the draws again" in text
    chance = [search(0, many, question="a"), search(1, ((3, 0.3),), question="b")]
    assert only(*chance).exceeded and "which chance can do" in render_text(page_of([found(*chance)]), width=160)
    chosen = [replace(one, most=None) for one in docs]
    assert not only(*chosen).exceeded and only(*chosen).bound is None
    assert "no bound on the number" in render_text(page_of([found(*chosen)]), width=160)
    below = render_text(page_of([found(search(0, ((3, 0.3),)))]), width=160)
    assert "WARNING" not in below and "check: claims of at least 0.2 per trace: 1.00" in below


def test_what_is_no_search_is_passed_over_and_other_questions_stand_apart() -> None:
    one = search(0, ((3, 0.3),))
    other = replace(one, plan=replace(one.plan, delta=0.3))
    plan = replace(one, plan=replace(one.plan, name="every"))
    doc = found(one, other, plan, tabled.first_errors(), one)
    assert [group.delta for group in doc.groups] == [0.2, 0.3]
    assert any("1 documents are not of pivots" in note for note in doc.notes)
    assert any("plans for comparison" in note for note in doc.notes) and any(
        "1 traces were searched more than once" in n for n in doc.notes
    )
    with pytest.raises(InvalidInput, match="no searches for pivots"):
        found(plan, tabled.first_errors())


def test_it_survives_a_file() -> None:
    doc = found(search(0, ((3, 0.3),)), search(1, most=None))
    assert parse_document(document_json(doc), "x") == doc
