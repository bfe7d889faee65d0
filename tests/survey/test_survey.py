"""Labels, commitments and tables on made curves with known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.survey.cases import ABOUT, forced, step, survey, two
from tokenworth.errors import InvalidInput, MismatchError, UnknownName
from tokenworth.methods.survey.derive import survey_document
from tokenworth.methods.survey.document import SurveyDoc, SurveyRow
from tokenworth.methods.survey.labels import RULES, margins, matched
from tokenworth.methods.survey.packed import packed, unpacked
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.stats.commitment import DEFINITIONS, commitments, cusum, hold, largest_jump, last_flip, mid_gate, relapses, sustained


def feature(doc: SurveyDoc, row: SurveyRow, name: str) -> float | None:
    return row.features[[one.name for one in doc.features].index(name)]


def bump(low: float, high: float) -> list[float]:
    return step(low, high, 50) + step(high, low, 50)


SHAPES = {
    "productive": two(step(0.1, 0.9)),
    "counterproductive": two(step(0.9, 0.1)),
    "flat-right": two(step(0.9, 0.95)),
    "flat-wrong": two(step(0.1, 0.15)),
    "rise-and-fall": two(bump(0.1, 0.8)),
    "drift": forced([bump(0.05, 0.35), step(0.6, 0.1), step(0.05, 0.55)]),
    "marginal": two(step(0.4, 0.65)),
    "unanswerable": forced([step(0.05, 0.1), step(0.1, 0.05)]),
}


@pytest.mark.parametrize("label", SHAPES)
def test_each_shape_has_its_label(label: str) -> None:
    (row,) = survey(SHAPES[label]).rows
    assert row.label == label


def test_labels_are_exhaustive_and_exclusive() -> None:
    rng = np.random.default_rng(3)
    names = {condition.feature for rule in RULES for condition in rule.conditions}
    columns = {name: rng.uniform(-1, 1, 4000) for name in names}
    thresholds = {"gain": 0.3, "range": 0.2, "least_mass": 0.5}
    found = matched(RULES, thresholds, columns, 4000)
    assert found.min() >= 0 and set(found.tolist()) == set(range(len(RULES)))
    # The margin is what it says: a threshold moved by less leaves the label, the one that decides moved by more changes it.
    margin = margins(RULES, thresholds, columns, found)
    for name, sign in ((name, sign) for name in thresholds for sign in (-1, 1)):
        for by in (0.02, 0.1):
            moved = matched(RULES, {**thresholds, name: thresholds[name] + sign * by}, columns, 4000)
            assert (moved[margin > by + 1e-12] == found[margin > by + 1e-12]).all()
    changed = np.zeros(4000, dtype=bool)
    for name in thresholds:
        for sign in (-1, 1):
            changed |= matched(RULES, {**thresholds, name: thresholds[name] + sign * 0.1}, columns, 4000) != found
    assert changed.any() and (margin[changed] <= 0.1 + 1e-12).all()


def test_the_twins_need_no_gold() -> None:
    twins = {name: survey(one).rows[0].twin for name, one in SHAPES.items()}
    assert (twins["productive"], twins["counterproductive"]) == ("revising", "revising")
    assert (twins["flat-right"], twins["flat-wrong"], twins["rise-and-fall"]) == ("confirming", "confirming", "oscillating")
    (row,) = survey(two(step(0.1, 0.9), gold=None)).rows
    assert (row.label, row.twin, row.curve) == (None, "revising", "")


def test_commitment_by_all_definitions_on_a_step_and_on_a_ramp() -> None:
    own = np.asarray(step(0.1, 0.95, 100, 0.6))
    leader = np.where(own > 0.5, 0, 1)
    assert dict(zip(DEFINITIONS, commitments(own, leader).tolist(), strict=True)) == {
        "last flip": 60, "hold": 0, "largest jump": 60, "mid-gate": 60, "sustained .9": 60, "cusum": 60,
    }  # fmt: skip
    ramp = np.linspace(0, 1, 101)
    assert (mid_gate(ramp), sustained(ramp), cusum(ramp)) == (50, 90, 50)
    assert last_flip(np.asarray([-1, 1, -1, 0, 0])) == 3 and last_flip(np.asarray([-1, -1])) == -1
    assert hold(np.asarray([0, 1, 1, 1, 0])) == 1 and hold(np.asarray([0, 1, 0, 1])) == -1
    assert largest_jump(np.full(9, 0.4)) == -1 == sustained(np.full(9, 0.4)) == cusum(np.full(9, 0.4))


def test_a_relapse_is_found_and_a_rise_from_below_is_none() -> None:
    assert relapses(np.asarray([0.2, 0.9, 0.3, 0.9]), 1) and not relapses(np.asarray([0.2, 0.3, 0.9, 0.9]), 0)
    doc = survey(two(step(0.1, 0.9)), two(bump(0.1, 0.95) + step(0.1, 0.9), name="r"))
    jump = next(one for one in doc.commitments if one.definition == "largest jump")
    assert (jump.n, jump.relapse.k) == (2, 1)


def test_a_commitment_time_is_known_to_the_grid_only() -> None:
    coarse = forced([[0.1, 0.1, 0.9, 0.9], [0.9, 0.9, 0.1, 0.1]])
    exit_ = replace(coarse.exits[0], cuts=(0, 10, 20, 30))
    trace = replace(coarse.trace, pieces=tuple(f"w{i} " for i in range(30)))
    doc = survey(replace(coarse, exits=(exit_,), trace=trace))
    at = DEFINITIONS.index("last flip")
    assert (doc.rows[0].committed_after[at], feature(doc, doc.rows[0], "committed_last_flip")) == (10 / 30, 20 / 30)
    assert doc.commitments[at].bracket == pytest.approx(1 / 3)


def test_an_uneven_grid_counts_by_position() -> None:
    dense = two([0.9] * 20 + [0.1] * 80 + [0.9])
    keep = [*range(21), 100]
    exit_ = dense.exits[0]
    sparse = replace(
        exit_,
        cuts=tuple(keep),
        probability=tuple(tuple(column[i] for i in keep) for column in exit_.probability),
        mass=tuple(exit_.mass[i] for i in keep),
    )
    uneven = survey(replace(dense, exits=(sparse,)))
    whole = survey(dense)
    assert feature(uneven, uneven.rows[0], "aoc") == pytest.approx(feature(whole, whole.rows[0], "aoc"))
    assert feature(uneven, uneven.rows[0], "readings") == 22


def test_start_to_end() -> None:
    doc = survey(two(step(0.9, 0.95)), two(step(0.9, 0.1), name="b"), two(step(0.1, 0.9), name="c"), two(step(0.1, 0.2), name="d"))
    table = doc.start_end
    assert (table.right_right, table.right_wrong, table.wrong_right, table.wrong_wrong) == (1, 1, 1, 1)
    assert table.never_changes.value == table.same_option.value == 0.5


def test_traces_of_one_question_are_one_cluster() -> None:
    many = [two(step(0.1, 0.9), name=f"q{i}", words=f"v{i}.") for i in range(40)]
    one = [two(step(0.1, 0.9), name=f"q{i}", words=f"v{i}.", question="the same?") for i in range(40)]
    flat = [two(step(0.9, 0.95), name=f"f{i}", words=f"u{i}.") for i in range(40)]
    apart, together = (survey(*these, *flat).labels[1].share for these in (many, one))
    assert apart.value == together.value == 0.5
    assert together.high - together.low > 2 * (apart.high - apart.low)  # type: ignore[operator]


def test_the_gap_between_the_forced_answer_at_the_end_and_the_one_that_is_written() -> None:
    doc = survey(two(step(0.1, 0.9)), two(step(0.9, 0.1), name="b"))
    assert (doc.closure.k, doc.closure.n) == (1, 2)


def test_several_exit_texts_give_a_spread() -> None:
    one = two([0.5] * 50, exits=2)
    other = replace(one.exits[1], probability=(tuple([0.7] * 50), tuple([0.3] * 50)))
    doc = survey(replace(one, exits=(one.exits[0], other)))
    assert feature(doc, doc.rows[0], "spread") == pytest.approx(0.2)
    assert feature(survey(two([0.5] * 9)), survey(two([0.5] * 9)).rows[0], "spread") is None


@pytest.mark.slow
def test_clusters_find_the_families_that_curves_were_made_of() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(2)
    families = {"up": step(0.1, 0.9), "down": step(0.9, 0.1), "late": step(0.1, 0.9, at=0.85)}
    made = [
        two(np.clip(np.asarray(line) + rng.normal(0, 0.03, 100), 0, 1).tolist(), name=f"{name}/{i}", words=f"{name}{i}.")
        for name, line in families.items()
        for i in range(20)
    ]
    doc = survey(*made, cluster="curve", clusters=3)
    found: dict[str, set[int | None]] = {name: {row.cluster for row in doc.rows if row.problem.startswith(name)} for name in families}
    assert all(len(one) == 1 for one in found.values()) and len({min(one) for one in found.values()}) == 3  # type: ignore[type-var]
    assert doc.clustering is not None and doc.clustering.stability.value == pytest.approx(1.0)  # type: ignore[union-attr]
    assert {doc.rows[[row.id for row in doc.rows].index(one.medoid)].cluster for one in doc.clusters} == {0, 1, 2}
    dense = survey(*made, cluster="features")
    assert dense.clustering is not None and {row.cluster for row in dense.rows} - {None}


def test_what_is_kept_of_a_curve() -> None:
    values = np.asarray([0.0, 0.25, np.nan, 1.0])
    assert np.allclose(unpacked(packed(values)), values, atol=0.5 / 254 + 1e-12, equal_nan=True)
    with pytest.raises(InvalidInput, match="expected base64"):
        unpacked("§")


def test_surveys_are_joined_by_their_rows() -> None:
    first, second = survey(two(step(0.1, 0.9))), survey(two(step(0.9, 0.1), name="b"))
    both = survey_document([first, second], SurveySettings(), ABOUT)
    assert both == survey(two(step(0.1, 0.9)), two(step(0.9, 0.1), name="b"))
    with pytest.raises(MismatchError, match="give --points 200"):
        survey_document([first], SurveySettings(points=50), ABOUT)


WRONG: list[tuple[dict[str, object], str]] = [
    ({"gain": 0.0}, "above 0"),
    ({"range": 2.0}, "to 1"),
    ({"points": 1}, "2 to"),
    ({"by": "rang"}, "range"),
    ({"top": 0}, "at least 1"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises((InvalidInput, UnknownName), match=said):
        SurveySettings(**wrong)  # type: ignore[arg-type]
