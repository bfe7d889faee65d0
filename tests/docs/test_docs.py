"""The checks of scripts/check_docs.py pass on the pages, and fail where a page is wrong. (`make docs` also runs the commands.)"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.checkout import ROOT
from tokenworth import catalog


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_docs", ROOT / "scripts" / "check_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_docs"] = module
    spec.loader.exec_module(module)
    return module


def test_result_fields_are_those_of_the_code(checks: ModuleType) -> None:
    assert [r for r in checks.check_results() if r.fault] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| `n_started` |", "| `started` |"),
        ("| `value` | [number?] |", "| `value` | [number] |"),
        ("| `seed` | integer? | names the stream of draws; null for imported results |\n", ""),
        ("## A value curve: CurveDoc", "## A value curve: CurvedDoc"),
    ],
)
def test_a_wrong_field_is_found(checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    page = tmp_path / "results.md"
    text = checks.RESULTS_PAGE.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(checks, "RESULTS_PAGE", page)
    assert [r for r in checks.check_results() if r.fault]


def test_keyboard_table_is_the_viewers(checks: ModuleType) -> None:
    assert checks.check_keys(write=False).fault == ""


def test_links_resolve(checks: ModuleType) -> None:
    assert [r for page in checks.PAGES for r in checks.check_links(page) if r.fault] == []


def test_a_dead_link_is_found_and_code_is_not_read_for_links(checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A head\n[a](#a-head) [b](#no-head) [c](no.md) [d](page.md)\n```text\n[e](x.md)\n```\n", encoding="utf-8")
    assert [bool(r.fault) for r in checks.check_links(page)] == [False, True, True, False]


def test_blocks_run_and_their_output_is_compared(checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    right = "```sh run\necho one; echo 2020-01-01T00:00:00+00:00\n```\n```text output\none\n2026-11-21T04:00:00+00:00\n```\n"
    page.write_text(
        right + "```sh run\nfalse\ntrue\n```\n```sh\nfalse\n```\n```python run\nprint(1)\n```\n```text output\n2\n```\n", encoding="utf-8"
    )
    assert [bool(r.fault) for r in checks.check_page(page, write=False)] == [False, False, True, False, True]
    checks.check_page(page, write=True)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(right) and "```text output\n1\n```" in text


def test_python_blocks_of_a_page_share_names(checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```python run\nx = 1\nprint(x)\n```\n```python run\nprint(x + 1)\n```\n```text output\n2\n```\n", encoding="utf-8")
    assert [r.fault for r in checks.check_page(page, write=False)] == ["", "", ""]


def test_blocks_that_need_a_server_get_its_address_or_are_skipped(
    checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```sh run server\necho http://127.0.0.1:8080/v1\n```\n```text output\nhttp://127.0.0.1:8080/v1\n```\n"
        "```python run server\nx = '127.0.0.1:8080'\n```\n```python run\nprint(1)\n```\n",
        encoding="utf-8",
    )

    class Elsewhere:
        SHOWN, MISSING, place = checks.Server.SHOWN, (), "127.0.0.1:4711"

    monkeypatch.setattr(checks, "Server", Elsewhere)
    assert [(r.fault, r.skipped) for r in checks.check_page(page, write=False, server=Elsewhere())] == [("", False)] * 4
    page.write_text(page.read_text(encoding="utf-8").replace("echo", "test http://127.0.0.1:4711/v1 = "), encoding="utf-8")
    assert checks.check_page(page, write=False, server=Elsewhere())[0].fault == ""
    Elsewhere.MISSING = ("xllamacpp",)
    monkeypatch.setattr(checks, "REQUIRED", False)
    assert [r.skipped for r in checks.check_page(page, write=False)] == [True, True, False]
    monkeypatch.setattr(checks, "REQUIRED", True)
    assert [(bool(r.fault), r.skipped) for r in checks.check_page(page, write=False)] == [(True, False), (True, False), (False, False)]


def test_formats_and_rows_of_doctor_are_those_of_the_code(checks: ModuleType) -> None:
    assert checks.check_formats().fault == ""
    assert checks.check_doctor().fault == ""


@pytest.mark.parametrize(
    ("page", "check", "old", "new"),
    [
        ("PROBLEMS_PAGE", "check_formats", "| `qwen` |", "| `qwern` |"),
        ("SERVERS_PAGE", "check_doctor", "| min-p obeyed |", "| min-p heeded |"),
    ],
)
def test_a_wrong_format_or_row_is_found(
    checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, check: str, old: str, new: str
) -> None:
    text = getattr(checks, page).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "page.md").write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(checks, page, tmp_path / "page.md")
    assert getattr(checks, check)().fault


def test_the_recorded_run_loads_and_renders(checks: ModuleType, tmp_path: Path) -> None:
    """Documents that an earlier version wrote stay readable."""
    import tokenworth as tw

    folder = checks.EXAMPLES / "served_curve"
    documents = [tw.read_document(folder / name) for name in ("curve.json", "forced.json")]
    assert [document.provenance.server.split()[0] for document in documents] == ["llamacpp", "llamacpp"]
    assert tw.write_report(tmp_path / "page.html", *documents).stat().st_size > 10_000
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000


def test_examples_are_short(checks: ModuleType) -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in checks.EXAMPLES.glob("*.py")}
    assert len(lengths) >= 5
    assert {name: n for name, n in lengths.items() if n > 40} == {}


def test_files_that_a_page_writes_are_there_for_its_blocks(checks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```python file part/one.py\nclass One:\n    x = 1\n```\n"
        "```python run\nfrom part.one import One\n\nprint(One.x)\n```\n```text output\n1\n```\n```sh run\ntest -f part/one.py\n```\n",
        encoding="utf-8",
    )
    assert [r.fault for r in checks.check_page(page, write=False)] == ["", "", ""]


def test_documents_are_those_of_the_catalogue(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.MEASURES, "spread", "tests.laws.toy_measure:MEASURE")
    faults = {r.name: r.fault for r in checks.check_results() if r.fault}
    assert set(faults) == {"docs/results.md: SpreadDoc", "docs/results.md: AnswerDoc"}
