"""The page as a file: what it carries, how large it is, and that nothing in it acts."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checkout import ROOT
from tests.report import report_cases as cases
from tokenworth.errors import InvalidInput
from tokenworth.report.blob import Blob, dump
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of


def blob(page: str, name: str) -> bytes:
    return zlib.decompress(base64.b64decode(re.search(rf'id="{name}">(.*?)</script>', page).group(1)))


def column(data: bytes, entry: dict) -> np.ndarray:
    size = 4 * entry["n"]
    raw = np.frombuffer(data[entry["at"] : entry["at"] + size], dtype=np.uint8).reshape(4, -1).T.tobytes()
    return np.frombuffer(raw, dtype={"f4": "<f4", "i4": "<i4"}[entry["kind"]])[entry.get("skip", 0) :]


def both(n=None):
    base = cases.trace(n)
    return cases.curve(n, trace=base), cases.forced(n, trace=base)


def test_the_numbers_in_the_page_are_the_documents():
    curve, forced = both()
    page = render_html(page_of([curve, forced]))
    head, data = cases.header(page)["traces"][0], blob(page, "tw-data-0")
    columns = head["curve"]["columns"]
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(column(data, columns[name]), getattr(curve, name), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(column(data, columns["n_started"]), curve.n_started)
    np.testing.assert_array_equal(column(data, columns["cuts"]), curve.cuts)
    stack = head["stacks"][0]["columns"]
    for k, row in enumerate(forced.exits[0].probability):
        np.testing.assert_allclose(column(data, stack["raw"][k]), row, rtol=1e-6, atol=1e-9)
    value = next(m for m in head["metrics"] if m["key"] == "value")
    np.testing.assert_allclose(column(data, value["columns"]["values"]), curve.value[1:], rtol=1e-7)
    entry = head["text"]["pieces"]
    assert data[entry["at"] : entry["at"] + entry["n"]].decode() == "".join(curve.trace.pieces)


def test_a_column_that_repeats_another_is_written_once():
    data = Blob()
    first = data.numbers([0.1, 0.2, 0.3])
    assert data.numbers([0.1, 0.2, 0.3]) == first
    assert data.numbers([0.2, 0.3]) == first | {"skip": 1}
    assert data.numbers([0.2, 0.4])["at"] == 12


def test_the_policy_names_exactly_the_inline_code():
    page = render_html(page_of(both()))
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page).group(1).replace("&#x27;", "'")
    assert policy.startswith("default-src 'none'")
    script = re.findall(r"<script>(.*?)</script>", page, re.S)
    styles = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(script) == 1 and len(styles) == 2
    for text in script + styles:
        assert "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" in policy
    assert "unsafe" not in policy and "http" not in policy


def test_nothing_is_asked_for_from_outside():
    page = render_html(page_of(both()))
    bare = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert not re.search(r'(?:src|href)="(?!data:)', bare)
    assert not re.search(r"url\(|@import", bare)
    assert "sourceMappingURL" not in page


def test_hostile_text_is_data_only():
    bad = "".join(cases.HOSTILE)
    base = cases.trace(pieces=cases.HOSTILE, ids=None, probabilities=None, prompt=bad)
    problem = dataclasses.replace(cases.problem((cases.Option(label=bad, text=bad),), bad), question=bad)
    curve = cases.curve(trace=base, plan="plain", problem=problem, notes=(bad,), branches=(), outcomes={bad: (1.0,) * 14}, value_label=bad)
    page = render_html(page_of([curve], title=bad))
    outside = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)
    assert len(re.findall(r"<script", outside)) == 3
    assert "<img" not in outside and "<svg" not in outside and "\u2028" not in outside
    assert cases.header(page)["traces"][0]["question"] == bad


@pytest.mark.slow
@given(
    st.recursive(
        st.text() | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_dumped_json_reads_back_and_cannot_close_a_script(value):
    text = dump(value)
    assert json.loads(text) == value
    assert "<" not in text and "\u2028" not in text and "\u2029" not in text


def test_the_same_view_gives_the_same_page():
    assert render_html(page_of(both())) == render_html(page_of(both()))


def test_texts_are_left_out_to_keep_the_page_small():
    view = page_of(both())
    samples = tuple(
        dataclasses.replace(s, text=hashlib.sha256(str(i).encode()).hexdigest() * 40) for i, s in enumerate(view.traces[0].samples)
    )
    view = cases.changed(view, "traces", traces=(dataclasses.replace(view.traces[0], samples=samples),))
    full = render_html(view)
    empty = dataclasses.replace(view.traces[0], samples=tuple(dataclasses.replace(s, text="") for s in samples))
    limit = (len(full.encode()) + len(render_html(cases.changed(view, "traces", traces=(empty,))).encode())) / 2e6
    page = render_html(view, max_mb=limit)
    assert len(page.encode()) <= limit * 1e6
    left = cases.header(page)["traces"][0]["samples"]["left_out"]
    assert 0 < left < len(samples)
    with pytest.raises(InvalidInput, match="without any rollout text"):
        render_html(view, max_mb=0.01)


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf, 0, -1])
def test_a_limit_that_is_no_size_is_refused(limit):
    with pytest.raises(InvalidInput, match="expected a finite number above 0") as error:
        render_html(page_of(both(3)), max_mb=limit)
    assert "\n" not in str(error.value)


def test_a_page_of_several_problems_names_them():
    page = render_html(page_of(cases.two_problems(), title="two"))
    head = cases.header(page)
    assert [head["sets"][t["sample_set"]]["problem"] for t in head["traces"]] == [t["problem"] for t in head["traces"]]
    assert "<h2>other · measured trace</h2>" in page
    one = cases.header(render_html(page_of(both(3))))
    assert [t["problem"] for t in one["traces"]] == [""]


def test_paper_is_light():
    page = render_html(page_of(both(3)))
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    for at in re.finditer(r"data-theme=.?dark|prefers-color-scheme: ?dark", styles):
        assert "@media screen" in styles[: at.end()][-400:]


def test_a_page_without_scripts_has_a_summary():
    curve, forced = both()
    page = render_html(page_of([curve, forced]))
    summary = re.search(r"<noscript>(.*?)</noscript>", page, re.S).group(1)
    assert "P(correct)" in summary and f"<td>{curve.value[0]:.3f}</td>" in summary
    assert "not measured" not in summary


@pytest.mark.parametrize("n", [0, 1])
def test_tiny_traces(n):
    assert cases.header(render_html(page_of(both(n))))["traces"][0]["text"]["pieces"]["n"] >= 0


def test_unpaired_surrogates_are_written_out():
    base = cases.trace(pieces=("a\ud83d", "b"), ids=None, probabilities=None)
    page = render_html(page_of([cases.curve(trace=base, plan="plain")]))
    assert "a⟨U+D83D⟩b" in blob(page, "tw-data-0").decode("utf-8", "replace")


@pytest.mark.parametrize("part", ["gallery", "pieces", "verified"])
def test_the_viewer_of_a_page_is_within_its_budget(part):
    from importlib import resources

    folder = resources.files("tokenworth") / "assets" / "viewer"
    size = [(folder / f"{name}.{end}").read_bytes() for name in ("viewer", part) for end in ("js", "css")]
    assert sum(len(x) for x in size) <= 212_000
    assert sum(len(zlib.compress(x, 9)) for x in size) <= 70_000


def test_the_viewer_never_builds_markup_from_text():
    source = ROOT / "web" / "src"
    text = "".join(p.read_text() for p in sorted(source.rglob("*.ts*")))
    assert text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc", text)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|https?:", text)
