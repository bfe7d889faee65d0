"""Verified traces in the report: what the page carries, which measured trace is which, sizes, and the text form."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
import zlib
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.real_data import shared
from tests.report import formal_cases as formal
from tests.report import report_cases as cases
from tokenworth.core.verification import Strictness, Tier, Violation
from tokenworth.errors import InvalidInput
from tokenworth.methods.verify.document import ANSWER_STATES, TRACE_STATES
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.sections.verified.codes import explained
from tokenworth.report.sections.verified.encode import CHUNK
from tokenworth.report.text import render_text
from tokenworth.workbench.page import write_report


class Blob:
    """The columns of one blob of a page."""

    def __init__(self, page: str, name: str):
        self.data = zlib.decompress(base64.b64decode(re.search(rf'id="tw-{name}">(.*?)</script>', page).group(1)))

    def ints(self, entry: dict) -> list[int]:
        if entry["kind"] == "u1":
            return list(self.data[entry["at"] : entry["at"] + entry["n"]])
        raw = np.frombuffer(self.data[entry["at"] : entry["at"] + 4 * entry["n"]], dtype=np.uint8).reshape(4, -1).T.tobytes()
        return np.frombuffer(raw, dtype="<i4").tolist()

    def texts(self, entry: dict) -> list[str]:
        units = self.data[entry["at"] : entry["at"] + entry["n"]].decode().encode("utf-16-le")
        ends = np.cumsum([0, *self.ints(entry["lengths"])]) * 2
        return [units[a:b].decode("utf-16-le") for a, b in zip(ends, ends[1:], strict=False)]


def parts(values: list, sizes: list[int]) -> list[list]:
    ends = np.cumsum([0, *sizes])
    return [values[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def spans(blob: Blob, columns: dict, name: str, sizes: list[int]) -> list[list[tuple[int, int]]]:
    starts = [np.cumsum(x).tolist() for x in parts(blob.ints(columns[f"{name}_from"]), sizes)]
    lengths = parts(blob.ints(columns[f"{name}_size"]), sizes)
    return [[(a, a + n) for a, n in zip(x, y, strict=True)] for x, y in zip(starts, lengths, strict=True)]


def html_of(doc, **options) -> str:
    return render_html(page_of([doc]), **options)


def test_the_index_and_the_chunks_hold_the_document():
    doc = formal.mixed(CHUNK + 7, side=5)
    page = html_of(doc)
    head = cases.header(page)["formal"]
    index = Blob(page, "formal")
    columns = head["index"]["columns"]
    assert index.texts(head["index"]["ids"]) == [t.id for t in doc.traces]
    assert [TRACE_STATES[k] for k in index.ints(columns["state"])] == [formal.state(t) for t in doc.traces]
    assert [ANSWER_STATES[k] for k in index.ints(columns["answer"])] == [t.answer for t in doc.traces]
    names = [c["name"] for c in head["codes"]]
    firsts = [names[k] if k >= 0 else None for k in index.ints(columns["first"])]
    assert firsts == [t.verification.first_error.code if t.verification.first_error else None for t in doc.traces]
    assert [head["tables"][k]["group"] for k in index.ints(columns["table"])] == [t.group for t in doc.traces]
    assert len(head["chunks"]) == 2 and head["left_out"] == 0
    for number, chunk in enumerate(head["chunks"]):
        traces = doc.traces[number * CHUNK : (number + 1) * CHUNK]
        blob = Blob(page, f"formal-{number}")
        assert blob.texts(chunk["texts"]["text"]) == [t.text for t in traces]
        violations = [v for t in traces for v in t.verification.violations]
        assert blob.texts(chunk["texts"]["expected"]) == [v.expected for v in violations]
        assert [names[k] for k in blob.ints(chunk["columns"]["code"])] == [v.code for v in violations]
        sizes = blob.ints(chunk["columns"]["n_violations"])
        assert spans(blob, chunk["columns"], "violation", sizes) == [[v.chars for v in t.verification.violations] for t in traces]
        steps = spans(blob, chunk["columns"], "step", blob.ints(chunk["columns"]["n_steps"]))
        assert steps == [[s.chars for s in t.drawing.steps] for t in traces]
        for name in ("x", "y", "g", "h"):
            assert blob.ints(chunk["columns"][name]) == [getattr(s, name) for t in traces for s in t.drawing.steps]
        for name in ("walls", "plan"):
            cells = list(zip(blob.ints(chunk["columns"][f"{name}_x"]), blob.ints(chunk["columns"][f"{name}_y"]), strict=True))
            assert cells == [c for t in traces for c in getattr(t.drawing, name)]


@pytest.mark.slow
@given(st.text(max_size=30), st.integers(-5, 60), st.integers(-5, 60))
def test_places_count_in_utf16_units_and_stay_in_the_text(text, a, b):
    n = len(text)
    # Verdicts that were read without their texts keep the places.
    a, b = sorted((a % (n + 1), b % (n + 1))) if n else (abs(a), abs(a) + abs(b))
    at = Violation(code="X", tier=Tier.SYNTAX, event=None, tokens=(0, 0), chars=(a, b), expected="", got="")
    base = formal.row(5, 1)
    row = formal.renamed(base, text=text, drawing=None, verification=dataclasses.replace(base.verification, violations=(at,)))
    page = html_of(formal.document([row]))
    head = cases.header(page)["formal"]["chunks"][0]
    blob = Blob(page, "formal-0")
    ((start, end),) = spans(blob, head["columns"], "violation", [1])[0]
    (shown,) = blob.texts(head["texts"]["text"])
    units = shown.encode("utf-16-le")
    assert 0 <= start <= end <= len(units) // 2
    if 0 <= a <= b <= len(text) and text.isprintable():
        assert units[2 * start : 2 * end].decode("utf-16-le") == text[a:b]


def test_two_way_cells_add_up_and_have_intervals():
    doc = formal.mixed(60)
    for table in page_of([doc]).formal[0].tables:
        assert sum(j.n for j in table.joint) == table.n
        assert {(j.trace, j.answer) for j in table.joint} == {(s, a) for s in TRACE_STATES for a in ANSWER_STATES}
        for joint in table.joint:
            assert joint.n == sum(c.n for c in table.cells if (c.trace, c.answer) == (joint.trace, joint.answer))
            assert 0 <= joint.low <= joint.share <= joint.high <= 1
        assert sum(j.n for j in table.joint if j.trace == "unparsed") == table.n_unparsed > 0


@pytest.mark.parametrize(("joiner", "end"), [("", ""), ("", " end eos"), (" ", ""), (" ", " eos")])
def test_a_curve_of_the_same_words_is_joined(joiner, end):
    rows = [formal.row(6, 4, group="correct"), formal.row(6, 5, group="swapped", errors=("WALL",))]
    view = page_of([formal.measured(rows[1], joiner=joiner, end=end), formal.document(rows)], title="both")
    first, second = view.formal[0].traces
    assert (first.measured, second.measured) == (-1, 0)
    assert view.traces[0].name == "swapped · maze-5"
    assert second.skip == len(rows[1].text[: rows[1].drawing.steps[0].chars[0]].split())


def test_other_words_or_another_prompt_are_not_joined():
    row = formal.row(6, 5)
    other = formal.row(6, 6)
    view = page_of([formal.measured(other), formal.document([row])], title="no")
    assert view.formal[0].traces[0].measured == -1
    view = page_of([formal.measured(row, prompt="start 0 0 goal 1 1"), formal.document([row])], title="no")
    assert view.formal[0].traces[0].measured == -1
    view = page_of([formal.measured(row, prompt=""), formal.document([row])], title="no prompt is known")
    assert view.formal[0].traces[0].measured == 0


def test_samples_are_called_by_group_and_id_of_their_own_model():
    rows = [formal.row(6, k, id=f"draw {k}") for k in (4, 5, 6)]
    docs = []
    for group in ("one", "two"):
        curves = [formal.measured(row) for row in rows]
        model = dataclasses.replace(curves[0].model, name=group, fingerprint="")
        traces = tuple(c.trace for c in curves)
        docs.append(dataclasses.replace(curves[0], model=model))
        docs.append(dataclasses.replace(cases.sample_set(3), problem=curves[0].problem, model=model, traces=traces, chosen=None))
    # The rows of the second model come first: the words alone do not say whose they are.
    verified = [formal.renamed(row, group=group) for group in ("two", "one") for row in rows]
    view = page_of([*docs, formal.document(verified)], title="two models")
    by_name = {t.name: next(f.value for f in t.facts if f.label == "model") for t in view.traces}
    assert by_name == {f"{g} · draw {k}": g for g in ("one", "two") for k in (4, 5, 6)}
    assert sorted(t.measured for t in view.formal[0].traces) == list(range(6))
    assert [view.traces[t.measured].name for t in view.formal[0].traces] == [f"{t.group} · {t.id}" for t in verified]


def test_a_maze_is_headed_with_its_id():
    curve = formal.measured(formal.row(6, 5))
    problem = dataclasses.replace(curve.problem, id="maze:x/3", question="query start 4,5", task="maze:x")
    view = page_of([dataclasses.replace(curve, problem=problem)])
    assert (view.title, view.traces[0].title, view.traces[0].question) == ("maze:x/3", "maze:x/3", "query start 4,5")
    view = page_of([dataclasses.replace(curve, problem=dataclasses.replace(problem, task="other"))])
    assert (view.title, view.traces[0].title) == ("query start 4,5", "")


def test_two_curves_of_one_text_take_one_row_each():
    row = formal.row(6, 5)
    docs = [formal.measured(row), formal.measured(row, seed=12), formal.document([row, formal.renamed(row, id="again")])]
    view = page_of(docs, title="two")
    assert sorted(t.measured for t in view.formal[0].traces) == [0, 1]


def test_a_page_of_everything_is_written(tmp_path):
    row = formal.row(6, 5, group="swapped", errors=("WALL", "PLAN_STEP"))
    path = write_report(tmp_path / "r.html", formal.measured(row), formal.document([row]), cases.sample_set(3), title="all")
    head = cases.header(path.read_text(encoding="utf-8"))
    assert len(head["traces"]) == 4 and head["formal"]["n"] == 1
    assert "<th>answer correct</th>" in path.read_text(encoding="utf-8")


def test_two_documents_keep_their_tables_apart():
    a = formal.document([formal.row(5, 1, group="x")])
    row = formal.row(5, 2, group="x", errors=("WALL",))
    row = formal.renamed(row, verification=dataclasses.replace(row.verification, domain="sokoban"))
    b = formal.document([row], domain="sokoban")
    page = render_html(page_of([a, b], title="two"))
    head = cases.header(page)["formal"]
    assert [t["document"] for t in head["tables"]] == [0, 1]
    assert Blob(page, "formal").ints(head["index"]["columns"]["table"]) == [0, 1]


@pytest.mark.slow
def test_a_thousand_traces_stay_small():
    some = [formal.row(10, i, errors=("WALL",) * (i % 3 > 0)) for i in range(40)]
    rows = [formal.renamed(some[i % 40], id=f"maze-{i}") for i in range(1000)]
    assert len(html_of(formal.document(rows)).encode()) < 5_000_000


@pytest.mark.slow
def test_texts_of_verified_traces_are_left_out_last():
    rows = [formal.row(8, i, group=("a", "b")[i % 2], errors=("WALL",) * (i % 2)) for i in range(60)]
    curve = dataclasses.replace(formal.measured(rows[0]), samples=cases.curve().samples)
    view = page_of([curve, formal.document(rows)], title="both")
    sizes = {}
    for samples, texts in ((True, True), (False, True), (False, False)):
        head = dataclasses.replace(view.traces[0], samples=view.traces[0].samples if samples else ())
        rest = view.formal if texts else (dataclasses.replace(view.formal[0], traces=()),)
        part = cases.changed(cases.changed(view, "traces", traces=(head,)), "verified", documents=rest)
        sizes[samples, texts] = len(render_html(part).encode())
    between = (sizes[True, True] + sizes[False, True]) / 2e6
    head = cases.header(render_html(view, max_mb=between))
    assert head["traces"][0]["samples"]["left_out"] > 0 and head["formal"]["left_out"] == 0
    smaller = (sizes[False, True] + sizes[False, False]) / 2e6
    page = render_html(view, max_mb=smaller)
    assert len(page.encode()) <= smaller * 1e6
    head = cases.header(page)["formal"]
    kept = Blob(page, "formal").ints(head["index"]["columns"]["kept"])
    assert 0 < head["left_out"] == kept.count(0) < 60
    assert kept[0] == 1
    assert abs(sum(kept[::2]) - sum(kept[1::2])) <= 1
    with pytest.raises(InvalidInput, match="text of a verified trace"):
        render_html(view, max_mb=0.02)


def test_hostile_text_is_data_only():
    page = html_of(formal.poisoned())
    outside = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)
    assert len(re.findall(r"<script", outside)) == 3
    assert "<img" not in outside and "<svg" not in outside and "\u2028" not in outside


@settings(max_examples=20)
@given(st.text(alphabet=st.characters(), max_size=20))
def test_the_text_form_is_inert(bad):
    base = formal.row(5, 1, group=bad, id=bad, errors=("WALL",))
    violation = dataclasses.replace(base.verification.violations[0], expected=bad, got=bad)
    row = formal.renamed(base, verification=dataclasses.replace(base.verification, violations=(violation,)))
    view = page_of([formal.document([row], notes=(bad,))])
    text = render_text(view, width=80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", text)
    assert all(len(line) <= 80 for line in text.split("\n") if line.isascii())


def test_the_text_form_has_the_table_and_the_first_errors():
    doc = formal.mixed(40)
    view = page_of([doc])
    text = render_text(view, width=100)
    for table in doc.tables:
        assert f"{table.group}: {table.n} texts, {table.n_unparsed} unparsed" in text
        assert re.search(r"trace invalid +\d+ ", text)
    first = next(t for t in doc.traces if t.verification.violations)
    assert f"{first.group} · {first.id}: {first.verification.violations[0].code} at event 3: expected an open cell" in text
    assert "unparsed" in text and "odds ratio" in text
    assert all(len(line) <= 100 for line in text.split("\n"))


def test_the_text_of_a_joined_trace_names_its_first_error():
    row = formal.row(6, 5, group="swapped", errors=("WALL", "NOT_OPEN"))
    text = render_text(page_of([formal.measured(row), formal.document([row])], title="t"), width=120)
    assert "2 errors; first WALL at event 3" in text


def test_a_document_without_traces_or_drawings_is_shown():
    row = formal.renamed(formal.row(5, 1), drawing=None)
    whole = formal.document([row])
    for doc in (whole, dataclasses.replace(whole, traces=()), dataclasses.replace(whole, traces=(), tables=())):
        view = page_of([doc])
        assert cases.header(render_html(view))["formal"]["n"] == len(doc.traces)
        assert render_text(view)


@pytest.mark.parametrize("name", ["maze", "sokoban", "countdown", "blocksworld"])
def test_every_code_is_explained(name):
    domain = pytest.importorskip(f"tokenworth.tasks.{name}.domain").DOMAIN
    general = {explained("no such code", tier) for tier in Tier}
    assert [code for code, tier in domain.codes.items() if explained(code, tier, name) in general] == []


def test_real_traces_are_drawn_where_they_are_written():
    domain = pytest.importorskip("tokenworth.tasks.maze.domain").DOMAIN
    with gzip.open(shared("formal-astar", "astar-traces.jsonl.gz"), "rt") as lines:
        records = [json.loads(line) for line in islice(lines, 0, None, 40)]
    rows = []
    for record in records:
        text = domain.read(record, "test")
        found = domain.verify(text, dialect="beyond-semantics", strictness=Strictness.STRICT)
        drawing = domain.draw(text, "beyond-semantics")
        rows.append(formal.row(5, 1, id=text.id, text=text.trace, verification=found, drawing=drawing))
    doc = formal.document(rows)
    (view,) = page_of([doc]).formal
    for trace in view.traces:
        assert (trace.state, trace.link) == ("valid", "follows")
        assert trace.text[: trace.head].endswith("reasoning ") and trace.text[trace.tail :].startswith(" solution plan")
        for step in trace.drawing.steps:
            assert trace.text[slice(*step.chars)] == f"{step.verb} {step.x} {step.y} c{step.g} c{step.h}"
    assert "no rule is broken" in render_text(page_of([doc]))
