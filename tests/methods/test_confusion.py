"""The table of verdicts: its arithmetic against published counts, its denominators, and documents that contradict themselves."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from tokenworth.core.document import Provenance
from tokenworth.core.verification import Strictness, Tier, Verification, Violation
from tokenworth.errors import InvalidInput
from tokenworth.exporters.parquet import write_parquet
from tokenworth.methods.verify.document import (
    ANSWER_STATES,
    LINK_STATES,
    TRACE_STATES,
    OddsDoc,
    ShareDoc,
    TableDoc,
    VerifiedDoc,
    VerifiedTraceDoc,
)
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import verifier
from tokenworth.methods.verify.table import WORDS, JointState, state_of, table_of
from tokenworth.methods.verify.tally import Tally
from tokenworth.report.sections.verified.text import table_lines
from tokenworth.stats.proportion import wilson
from tokenworth.store.documents import document_json, parse_document, read_document, write_document

states = st.tuples(st.sampled_from(TRACE_STATES), st.sampled_from(LINK_STATES), st.sampled_from(ANSWER_STATES))


def verdict(**changes: Any) -> Verification:
    made: dict[str, Any] = {
        "domain": "toy",
        "dialect": "plain",
        "strictness": Strictness.STRICT,
        "version": "1",
        "parsed": True,
        "trace_valid": True,
        "plan_valid": True,
        "plan_optimal": True,
        "plan_follows_trace": True,
        "violations": (),
        "counts": {},
        "n_events": 1,
    }
    return Verification(**{**made, **changes})


def words(states: str) -> str:
    return " and ".join(WORDS[state] for state in states.split(" + ") if state)


def share(table: TableDoc, of: str, given_: str = "") -> ShareDoc:
    (found,) = [s for s in table.shares if (s.of, s.given) == (words(of), words(given_))]
    return found


def odds_of(table: TableDoc, rows: str, columns: str = "answer correct") -> OddsDoc:
    (found,) = [o for o in table.odds if (o.rows, o.columns) == (rows, columns)]
    return found


# sbhambr1/Trace_Check_QA, results/Cotempqa/confusion_matrix: answer right or wrong, trace right or wrong.
# Columns: n(ans+ tr+), n(ans+ tr-), n(ans- tr+), n(ans- tr-); P(ans|tr+), P(ans|tr-), joint, wrong trace among right answers, chi².
PUBLISHED = [
    ((174, 244, 187, 345), (0.482, 0.414, 0.183, 0.58), 4.17),
    ((261, 248, 195, 245), (0.572, 0.503, 0.275, 0.49), 4.58),
    ((34, 347, 71, 498), (0.324, 0.411, 0.036, 0.91), 2.93),
    ((34, 485, 30, 371), (0.531, 0.567, 0.037, 0.93), 0.30),
]


@pytest.mark.parametrize(("counts", "expected", "chi2"), PUBLISHED)
def test_the_published_tables(counts: tuple[int, int, int, int], expected: tuple[float, ...], chi2: float) -> None:
    a, b, c, d = counts
    cells = {("valid", "correct"): a, ("invalid", "correct"): b, ("valid", "incorrect"): c, ("invalid", "incorrect"): d}
    table = table_of({(trace, "unknown", answer): n for (trace, answer), n in cells.items()}, {}, level=0.95)
    found = [
        share(table, "correct", "valid"),
        share(table, "correct", "invalid"),
        share(table, "valid + correct"),
        share(table, "invalid", "correct"),
    ]
    assert [s.value for s in found] == pytest.approx(expected, abs=0.0052)
    assert [(s.k, s.n) for s in found] == [(a, a + c), (b, b + d), (a, a + b + c + d), (b, a + b)]
    for s in found:
        low, high = wilson(np.array([float(s.k)]), np.array([float(s.n)]), 0.95)
        assert (s.low, s.high) == (low[0], high[0]) and s.low is not None and s.value is not None and s.low < s.value < (s.high or 0)
    odds = odds_of(table, "trace valid")
    assert odds.counts == ((a, c), (b, d))
    assert chi2_contingency(odds.counts, correction=False).statistic == pytest.approx(chi2, abs=0.02)
    assert odds.value == pytest.approx(a * d / (b * c), rel=0.01)
    # Fisher's exact test and chi² agree on which of the four tables show an association at 5 %.
    assert odds.p is not None and (odds.p < 0.05) == (chi2 > 3.841)
    assert table.n == sum(counts) and table.n_unparsed == 0


def test_the_unparsed_stay_in_the_total() -> None:
    """Two of the published tables count 949 and 920 of 950 texts; with the missing ones in, the joint share falls and says so."""
    kept = {("valid", "follows", "correct"): 34, ("invalid", "follows", "correct"): 886}
    dropped = table_of(kept, {}, level=0.95)
    whole = table_of({**kept, ("unparsed", "unknown", "unknown"): 30}, {"PARSE": 30}, level=0.95)
    assert (dropped.n, dropped.n_unparsed, whole.n, whole.n_unparsed, whole.n_unknown) == (920, 0, 950, 30, 30)
    assert share(whole, "valid + correct").n == 950 and share(dropped, "valid + correct").n == 920
    assert share(whole, "correct", "valid") == share(dropped, "correct", "valid")
    text = "\n".join(table_lines(whole))
    assert "unparsed" in text and "30" in text and "PARSE 30" in text
    assert "unparsed" in "\n".join(table_lines(dropped))


@pytest.mark.slow
@given(st.dictionaries(states, st.integers(0, 40), max_size=36), st.sampled_from([0.5, 0.95]))
def test_every_text_is_in_one_cell_and_every_denominator_is_what_it_says(counts: dict[JointState, int], level: float) -> None:
    table = table_of(counts, {}, level=level)
    assert table.n == sum(counts.values()) == sum(cell.n for cell in table.cells)
    assert {(c.trace, c.link, c.answer) for c in table.cells if c.n} == {s for s, n in counts.items() if n}
    known = {(c.trace, c.link, c.answer) for c in table.cells if c.trace in ("valid", "invalid") and "unknown" not in (c.link, c.answer)}
    assert len(known) == 8 and len({(c.trace, c.link, c.answer) for c in table.cells}) == len(table.cells)

    def number(test: Any) -> int:
        return sum(n for (trace, link, answer), n in counts.items() if test(trace, link, answer))

    assert table.n_unparsed == number(lambda t, _, __: t == "unparsed")
    assert table.n_unknown == number(lambda _, __, a: a == "unknown")
    expected = {
        ("correct", "valid"): number(lambda t, _, a: t == "valid" and a != "unknown"),
        ("correct", "unparsed"): number(lambda t, _, a: t == "unparsed" and a != "unknown"),
        ("valid", "correct"): number(lambda t, _, a: t != "none" and a == "correct"),
        ("unparsed", "incorrect"): number(lambda t, _, a: t != "none" and a == "incorrect"),
        ("follows", "valid"): number(lambda t, link, _: t == "valid" and link != "unknown"),
        ("correct", "invalid + differs"): number(lambda t, link, a: (t, link) == ("invalid", "differs") and a != "unknown"),
        ("follows", "invalid + correct"): number(lambda t, link, a: (t, a) == ("invalid", "correct") and link != "unknown"),
        ("invalid + correct", ""): table.n,
        ("valid + incorrect", ""): table.n,
        ("invalid + incorrect", ""): table.n,
        ("unparsed", ""): table.n,
        ("valid", "follows"): number(lambda t, link, _: link == "follows" and t != "none"),
        ("invalid", "differs"): number(lambda t, link, _: link == "differs" and t != "none"),
        ("follows", "valid + incorrect"): number(lambda t, link, a: (t, a) == ("valid", "incorrect") and link != "unknown"),
    }
    for (of, given_), n in expected.items():
        found = share(table, of, given_)
        assert found.n == n
        assert found.value == (None if n == 0 else found.k / n)
        assert (found.low is None) == (found.high is None) == (n == 0)
    joint = {(t, a): share(table, f"{t} + {a}").k for t in ("valid", "invalid") for a in ("correct", "incorrect")}
    assert joint == {(t, a): number(lambda x, _, z, t=t, a=a: (x, z) == (t, a)) for t, a in joint}
    assert share(table, "unparsed").k == table.n_unparsed
    for answer in ("correct", "incorrect"):
        three = [share(table, trace, answer) for trace in ("valid", "invalid", "unparsed")]
        assert sum(s.k for s in three) == three[0].n
    for odds in table.odds:
        empty = 0 in (*map(sum, odds.counts), *map(sum, zip(*odds.counts, strict=True)))
        assert (odds.p is None) == (odds.low is None) == empty and (not empty or odds.value is None)
    strata = [odds_of(table, f"trace valid, where plan {link}") for link in ("follows", "differs")]
    pooled = odds_of(table, "trace valid")
    unlinked = number(lambda t, link, a: link == "unknown" and t in ("valid", "invalid") and a != "unknown")
    assert sum(n for o in strata for row in o.counts for n in row) + unlinked == sum(n for row in pooled.counts for n in row)
    folded = [o for o in table.odds if "unparsed" in o.rows]
    assert bool(folded) == (table.n_unparsed > 0)
    if folded:
        assert sum(n for row in folded[0].counts for n in row) == number(lambda t, _, a: t != "none" and a != "unknown")
    table_lines(table)


@pytest.mark.parametrize(
    ("changes", "optimal", "state"),
    [
        ({}, False, ("valid", "follows", "correct")),
        ({"trace_valid": False}, False, ("invalid", "follows", "correct")),
        ({"trace_valid": None, "plan_follows_trace": None}, False, ("none", "unknown", "correct")),
        ({"parsed": False, "trace_valid": False, "plan_valid": None}, False, ("unparsed", "follows", "unknown")),
        ({"parsed": False, "trace_valid": None}, False, ("unparsed", "follows", "correct")),
        ({"plan_valid": False, "plan_optimal": False, "plan_follows_trace": False}, False, ("valid", "differs", "incorrect")),
        ({"plan_optimal": False}, False, ("valid", "follows", "correct")),
        ({"plan_optimal": False}, True, ("valid", "follows", "incorrect")),
        ({"plan_optimal": None}, True, ("valid", "follows", "unknown")),
        ({"plan_valid": False, "plan_optimal": None}, True, ("valid", "follows", "incorrect")),
    ],
)
def test_states(changes: Mapping[str, Any], optimal: bool, state: JointState) -> None:
    assert state_of(verdict(**changes), optimal=optimal) == state


def test_verdicts_are_counted_with_their_first_errors() -> None:
    wall, plan = (
        Violation(code=code, tier=tier, event=0, tokens=(0, 1), chars=(0, 4), expected="a free cell", got="a wall")
        for code, tier in (("WALL", Tier.GEOMETRY), ("PLAN_STEP", Tier.ANSWER))
    )
    found = [verdict(), verdict(trace_valid=False, violations=(wall, plan)), verdict(plan_valid=False, violations=(plan,))]
    tally = Tally()
    for one in [*found, found[1]]:
        tally.add(Judged(id="", fields={}, verification=one, text=None))
    (table,) = tally.document(verifier("maze", None, None, max_errors=1), level=0.9, provenance=Provenance(version="")).tables
    assert table.first_errors == {"WALL": 2, "PLAN_STEP": 1} and list(table.first_errors) == ["WALL", "PLAN_STEP"]
    assert table == table_of(Counter(map(state_of, [*found, found[1]])), {"PLAN_STEP": 1, "WALL": 2}, level=0.9)
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidInput, match="level"):
            table_of({}, {}, level=level)


def test_every_cell_is_printed_with_its_joint_share() -> None:
    counts = {(t, link, a): 10 * i + 1 for i, (t, link, a) in enumerate(product(TRACE_STATES[:3], LINK_STATES[:2], ANSWER_STATES[:2]))}
    n = sum(counts.values())
    lines = table_lines(table_of(counts, {}, level=0.95))
    starts = [at for at, line in enumerate(lines) if line.startswith(("  plan follows from", "  plan differs from"))]
    for link, start in zip(LINK_STATES[:2], starts, strict=True):
        for at, trace in enumerate(TRACE_STATES[:3], start + 1):
            for answer in ANSWER_STATES[:2]:
                k = counts[trace, link, answer]
                assert re.search(rf" {k} +{100 * k / n:.1f}%", lines[at]), (lines[at], k)
    text = "\n".join(lines)
    for name in ("valid and answer correct", "invalid and answer correct", "valid and answer incorrect", "invalid and answer incorrect"):
        assert re.search(rf"^    trace {name} +[0-9.]+%  \[[0-9.]+, [0-9.]+\] +[0-9]+ of {n}$", text, re.MULTILINE)
    assert re.search(rf"^    trace unparsed +[0-9.]+%  \[[0-9.]+, [0-9.]+\] +[0-9]+ of {n}$", text, re.MULTILINE)


def test_the_text_is_narrow_plain_and_says_what_is_unbounded() -> None:
    counts = {("valid", "follows", "correct"): 1_234_567, ("invalid", "differs", "incorrect"): 1_234_567, ("none", "unknown", "unknown"): 3}
    lines = table_lines(table_of(counts, {"W\x1b[31mALL": 1_234_567}, level=0.95, group="x\x1b[2J"))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100 and "\x1b" not in text and "1,234,567" in text
    assert "infinite" in text and "unknown" in text and "no trace" in text


_COUNTS: dict[JointState, int] = {
    ("valid", "follows", "correct"): 3,
    ("invalid", "differs", "incorrect"): 1,
    ("unparsed", "unknown", "unknown"): 2,
}
DOC = VerifiedDoc(
    domain="toy",
    dialect="plain",
    strictness="strict",
    version="1",
    level=0.95,
    tables=(table_of(_COUNTS, {}, level=0.95),),
    traces=(
        VerifiedTraceDoc(
            id="a",
            group="",
            prompt="",
            text="one two",
            answer="correct",
            verification=verdict(
                violations=(Violation(code="WALL", tier=Tier.GEOMETRY, event=0, tokens=(0, 1), chars=(4, 7), expected="a", got="b"),),
                facts={"steps": 3, "numbers": [1, 2]},
            ),
        ),
    ),
    provenance=Provenance(version="0"),
)


def test_a_document_survives_a_file(tmp_path: Path) -> None:
    write_document(DOC, tmp_path / "a.json")
    read = read_document(tmp_path / "a.json")
    assert read == DOC and document_json(read) == document_json(DOC)
    with pytest.raises(InvalidInput, match="no rollouts"):
        write_parquet(DOC, tmp_path / "a.parquet")


def _changed(*path: str | int, to: object) -> bytes:
    raw = json.loads(document_json(DOC))
    place = raw
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("level",), 1.5, "level is 1.5"),
        (("tables", 0, "n"), 7, "n is 7, expected 6"),
        (("tables", 0, "n_unparsed"), 0, "n_unparsed is 0, expected 2"),
        (("tables", 0, "n_unknown"), 1, "n_unknown is 1, expected 2"),
        (("tables", 0, "cells", 0, "trace"), "fine", "does not exist"),
        (("tables", 0, "cells", 0, "link"), "differs", "comes twice"),
        (("tables", 0, "cells", 0, "share"), 1.5, "from 0 to 1"),
        (("tables", 0, "shares", 0, "k"), 9, "expected 0 to all"),
        (("tables", 0, "shares", 0, "value"), None, "expected null for none"),
        (("tables", 0, "odds", 0, "p"), -0.5, "from 0 to 1"),
        (("tables", 0, "odds", 0, "low"), -1.0, "negative"),
        (("tables", 0, "odds", 0, "counts"), [[1, -1], [0, 0]], "below 0"),
        (("tables", 0, "first_errors"), {"WALL": -1}, "below 0"),
        (("traces", 0, "answer"), "right", "expected correct, incorrect, unknown"),
        (("traces", 0, "verification", "dialect"), "other", "expected toy, plain, strict"),
        (("traces", 0, "verification", "strictness"), "sloppy", "sloppy"),
        (("traces", 0, "verification", "violations", 0, "chars"), [4, 8], "characters 4 to 8 of a text of 7"),
        (("traces", 0, "verification", "violations", 0, "chars"), [5, 4], "characters 5 to 4"),
        (("traces", 0, "verification", "violations", 0, "why"), "x", "unknown key"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(path: tuple[str | int, ...], to: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_document(_changed(*path, to=to), "a.json")


def test_places_are_kept_where_the_text_is_not() -> None:
    trace = dataclasses.replace(DOC.traces[0], text="")
    assert parse_document(document_json(dataclasses.replace(DOC, traces=(trace,))), "a.json")
