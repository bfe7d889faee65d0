"""Choosing an importer, and refusing what none can read."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.importers.importer_cases import HEADER, ROW, anchors_folder, one_line, rows_file
from tokenworth.catalog import IMPORTERS, load
from tokenworth.errors import InvalidInput, MissingFile, UnknownName
from tokenworth.importers.importer import Importer, import_path
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.store.documents import write_document


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    anchors = anchors_folder(tmp_path)
    for path in (anchors, anchors.parent, anchors.parent.parent, tmp_path, anchors / "chunks_labeled.json"):
        (doc,) = import_path(path)
        assert isinstance(doc, CurveDoc) and doc.trace.unit == "sentence"
    (doc,) = import_path(rows_file(tmp_path, ROW), limit=1)
    write_document(doc, tmp_path / "own.json")
    assert import_path(tmp_path / "own.json") == [doc]
    other = shutil.copy(rows_file(tmp_path, ROW), tmp_path / "renamed.data")
    with pytest.raises(InvalidInput):
        import_path(other)
    assert import_path(other, layout="exit-curves") == import_path(other, layout="exit-curves", limit=1)


def test_unknown_layouts_list_what_can_be_read(tmp_path: Path) -> None:
    for name, content in (("a.csv", "x,y\n1,2\n"), ("b.jsonl", '{"x": 1}\n'), ("c.txt", "hello"), ("d.jsonl", "")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput) as error:
            import_path(tmp_path / name)
        assert all(kind in one_line(error) for kind in IMPORTERS)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="layout is not known"):
        import_path(empty)
    with pytest.raises(UnknownName, match="did you mean exit-page"):
        import_path(empty, layout="exit-pages")
    with pytest.raises(InvalidInput, match="nothing to import"):
        import_path(empty, layout="exit-page")
    with pytest.raises(MissingFile):
        import_path(tmp_path / "no")
    with pytest.raises(MissingFile):
        import_path("a\0b")


def test_gzip_faults(tmp_path: Path) -> None:
    path = tmp_path / "curves-x.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode())[:-9])
    with pytest.raises(InvalidInput, match="cut short"):
        import_path(path)
    path.write_bytes(b"\x1f\x8b" + b"\0" * 30)
    with pytest.raises(InvalidInput, match="damaged gzip"):
        import_path(path)
    (tmp_path / "x.html").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        import_path(tmp_path / "x.html")


def test_a_gold_answer_that_is_no_option_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "cue-curve-m.csv").write_text(f"{HEADER}\n5,First.,1,0.5,1,0.5,0,C,D,5_0\n", encoding="utf-8")
    for path in (rows_file(tmp_path, {**ROW, "correct": "7"}), tmp_path / "cue-curve-m.csv"):
        (doc,) = import_path(path)
        assert isinstance(doc, CurveDoc | ForcedDoc) and doc.problem is not None and doc.problem.gold is None
        assert [note for note in doc.notes if "correct answer (7)" in note or "correct answer (C)" in note]
    assert doc.trace.verdict == "unknown"
    (doc,) = import_path(rows_file(tmp_path, {**ROW, "correct": "7"}))
    assert isinstance(doc, ForcedDoc) and doc.trace.verdict == "incorrect"  # the source says that "2" is not the answer


@pytest.mark.parametrize("name", IMPORTERS)
def test_every_importer_keeps_its_contract(name: str, tmp_path: Path) -> None:
    importer = load(IMPORTERS, "kind of import", name)
    assert isinstance(importer, Importer) and importer.reads
    for path in (tmp_path / "a.txt", tmp_path / "no.html", tmp_path / "no.json"):
        assert isinstance(importer.claims(path), bool)
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")
    assert not importer.claims(tmp_path / "a.txt")
    with pytest.raises((InvalidInput, MissingFile)):
        list(importer.read(tmp_path / "a.txt"))
