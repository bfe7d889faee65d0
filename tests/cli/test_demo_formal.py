"""The formal demo: what it leaves agrees with itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenworth.cli import demo_formal
from tokenworth.cli.main import run
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.first_errors.rows import by_first_error, cuts_around, to_measure
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.store.documents import read_document


@pytest.mark.slow
def test_the_demo_leaves_documents_and_a_page_that_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_formal, "MAZE_DRAWS", 12)
    monkeypatch.setattr(demo_formal, "MAX_ROLLOUTS", 16)
    folder = tmp_path / "demo"
    assert run(["demo", "--formal", "--out", str(folder), "--json", str(tmp_path / "made.json")]) == 0
    out, err = capsys.readouterr()
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    assert out.split() == [made["report"]]
    documents = [read_document(Path(path)) for path in made["documents"]]
    (verified,) = [d for d in documents if isinstance(d, VerifiedDoc)]
    curves = [d for d in documents if isinstance(d, CurveDoc)]
    for table in verified.tables:
        traces = [t for t in verified.traces if t.group == table.group]
        rows = by_first_error([t.verification for t in traces])
        wanted = {row.draws[0]: row for row in to_measure(rows, len(traces))}
        mine = [d for d in curves if d.model.name == table.group]
        assert len(mine) == len(wanted) >= 1
        for doc, (draw, row) in zip(mine, wanted.items(), strict=True):
            # The curve is of the draw its note names, and the cuts lie just around the words of the first error.
            assert doc.notes[-1].startswith(f"draw {draw}, {f'first error {row.code}' if row.code else 'no error'}")
            text, error = "".join((*doc.trace.pieces, *doc.trace.answer_pieces)).strip(), traces[draw].verification.first_error
            assert text == traces[draw].text
            if error is not None and error.event is not None:
                assert cuts_around(doc, error.chars) == error.tokens
    page = Path(made["report"]).read_text(encoding="utf-8")
    for table in verified.tables:
        assert f"{table.group}: first errors, and P(correct) across them" in page
        assert f"{table.n} draws of {table.group}:" in err and all(code in err for code in table.first_errors)


def test_the_demo_refuses_one_store_for_two_models(tmp_path: Path) -> None:
    assert run(["demo", "--formal", "--store", "x.db", "--out", str(tmp_path)]) == 2
    assert run(["demo", "--formal", "--dry-run", "--out", str(tmp_path)]) == 0
