"""Tables over many problems: read back from JSON and from the store, shown in a terminal and on a page."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.methods import tabled_cases as tabled
from tests.report import report_cases as cases
from tokenworth.errors import InvalidInput, MismatchError, MissingFile
from tokenworth.methods.edits.document import EditsDoc
from tokenworth.methods.modulo.document import ModuloDoc
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of
from tokenworth.report.sections.sheet import sheet_lines
from tokenworth.store.documents import parse_document, read_document
from tokenworth.store.sqlite import open_existing, open_store
from tokenworth.workbench.page import write_report


def run(arguments: list[str]) -> int:
    from tokenworth.cli.main import run as command

    return command(arguments)


def dumped(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode()


def lines(facts: dict[str, Any]) -> list[str]:
    return list(sheet_lines(page_of([tabled.document(facts)]).sheets[0]))


# -- reading --------------------------------------------------------------------------------------------------------------------------


def test_both_kinds_are_read_and_older_edits_without_notes_too() -> None:
    doc = parse_document(dumped(tabled.edits()), "x.json")
    assert isinstance(doc, EditsDoc) and doc.groups[1].difference.low == -0.8 and doc.instances[0].item == "maze 0"
    old = copy.deepcopy(tabled.edits())
    del old["notes"], old["provenance"]["created"]
    assert isinstance(parse_document(dumped(old), "x.json"), EditsDoc)
    made = parse_document(dumped(tabled.modulo()), "x.json")
    assert isinstance(made, ModuloDoc) and made.items[0].attempts[0].accepted_by[0].critic == "reference"


def change(facts: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    facts = copy.deepcopy(facts)
    at: Any = facts
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return facts


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (change(tabled.edits(), ("groups", 0, "befor"), 1), "unknown key 'groups[0].befor'; did you mean 'before'"),
        (change(tabled.edits(), ("groups", 0, "before"), "high"), "does not fit schema tokenworth.edits/2"),
        (change(tabled.edits(), ("level",), 1.5), "level is 1.5"),
        (change(tabled.modulo(), ("plan", "level"), None), "does not fit schema tokenworth.modulo/2"),
        (change(tabled.modulo(), ("items", 0, "accepted"), 1), "problem 'a' accepted attempt 1, expected an index below 1"),
        (change(tabled.modulo(), ("items", 0, "accepted"), -1), "accepted attempt -1"),
        (change(tabled.modulo(), ("arms", 0, "solved", "k"), "1"), "does not fit schema tokenworth.modulo/2"),
        (change(tabled.modulo(), ("arms", 0, "solved", "q"), 1), "unknown key 'arms[0].solved.q'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(facts: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_document(dumped(facts), "x.json")
    assert told in str(caught.value) and str(caught.value).startswith("x.json: ") and "\n" not in str(caught.value)


def test_other_schemas_broken_files_and_missing_ones(tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match=r"other/1.*expected .*tokenworth.curve/1.*tokenworth.modulo/2"):
        parse_document(b'{"schema": "tokenworth.other/1"}', "x.json")
    for broken in (dumped(tabled.edits())[:-9], b"", b"[1]", b"\xff", b"[" * 100_000, b'{"schema": 7}'):
        with pytest.raises(InvalidInput):
            parse_document(broken, "x.json")
    with pytest.raises(MissingFile):
        read_document(tmp_path / "none.json")


# -- terminal -------------------------------------------------------------------------------------------------------------------------


def test_edits_in_a_terminal_are_in_the_order_asked_for() -> None:
    shown = lines(tabled.edits())
    assert shown[0] == "rollouts continue after the edit; base: the solver's valid traces; 95% intervals"
    assert [line.split()[0] for line in shown[2:4]] == ["WALL", "paraphrase"]
    assert "0.90 [0.70, 1.00]  0.40 [0.10, 0.70]  -0.50 [-0.80, -0.20]  0.95          –            0/2" in shown[2]
    assert shown[4].startswith("note: OOB skipped")
    repairs = tabled.edits(tabled.group("repair"), trace_of="model", codes=["repair"], level=0.9)
    assert lines(repairs)[0].endswith("base: the model's valid traces, of repair the model's invalid ones; 90% intervals")


def test_what_was_not_measured_is_no_number() -> None:
    nothing = tabled.estimate(None, None, None)
    shown = lines(tabled.edits(tabled.group("WALL", instances=0, before=nothing, after=nothing, difference=nothing)))
    assert "– [–, –]" in shown[2] and "nan" not in shown[2].lower() and "0.00" not in shown[2]
    empty = {**tabled.edits(), "groups": []}
    assert lines(empty)[0] == "no edit could be made; see the notes" and len(lines(empty)) == 2


def test_arms_in_a_terminal() -> None:
    shown = lines(tabled.modulo(short=1, is_sound=False))
    assert shown[0] == "1 of 2 problems have an accepted answer; 1,400 tokens generated; accepted by reference 0.1.0 (reference)"
    assert shown[1] == "This verifier is UNSOUND: it may accept wrong answers." and shown[2] == ""
    assert shown[3] == "Arms on the same draws, each within 8 draws a problem:"
    cell = "1/2 (0.10 to 0.80)"
    assert shown[5] == f"{'majority vote':<26}{cell:>22}{2:>10}{1:>7}{cell:>23}{'1,234':>10}{'-0.50 (-0.90 to +0.10)':>24}"
    assert shown[6].endswith("1,234") and shown[7].startswith("note: in 1 of 2 problems")
    blind = tabled.arm("loop", right_of_answered=tabled.count(0, 0), n_unknown=2)
    shown = lines(tabled.modulo(arms=[blind], plan={**tabled.modulo()["plan"], "arm_tokens": 5000}))
    assert "within 5,000 generated tokens" in shown[2] and "1 +2?" in shown[4] and " - " in shown[4]


# -- page and store -------------------------------------------------------------------------------------------------------------------

HOSTILE = '</script><script>alert(1)</script>\x1b[31m\u202e"'


def test_hostile_names_stay_text() -> None:
    facts = tabled.edits(tabled.group(HOSTILE), task=HOSTILE, notes=[HOSTILE], model={"name": HOSTILE, "fingerprint": HOSTILE})
    view = page_of([tabled.document(facts)])
    page = render_html(view)
    # The viewer's own script may hold the words; the data and the plain tables may not.
    assert "<script>alert" not in page and "\x1b" not in "".join(lines(facts)) and "\u202e" not in "".join(lines(facts))
    assert page.count("<script") == render_html(page_of([tabled.document(tabled.edits())])).count("<script")
    twin = render_html(page_of([tabled.document(tabled.edits(task="plain & <b>"))]))
    assert "plain &amp; &lt;b&gt;" in twin


def test_a_page_holds_tables_beside_traces(tmp_path: Path) -> None:
    sheets = [tabled.document(tabled.edits()), tabled.document(tabled.modulo())]
    out = write_report(tmp_path / "all.html", cases.curve(), *sheets)
    page = out.read_text()
    head = cases.header(page)
    assert len(head["traces"]) == 1 and [s["title"].split(":")[0] for s in head["sheets"]] == ["Edits of traces", "Generate and test"]
    wall = head["sheets"][0]["rows"][0]
    assert (wall[0]["main"], wall[5]["number"]) == ("WALL", [-0.5, -0.8, -0.2])
    assert "<th>vs. loop</th>" in page, "readers without JavaScript see the table"


def test_report_and_export_of_files_and_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.json").write_bytes(dumped(tabled.edits()))
    with open_store("s.db", fingerprint="f", name="tiny") as store:
        for facts in (tabled.edits(samples=5), tabled.edits(), tabled.modulo()):
            number = store.begin_run(verb="edits", config={}, started="2026-01-01")
            store.finish_run(number, finished="2026-01-01", document=dumped(facts))
    assert run(["report", "e.json", "--text"]) == 0
    text = capsys.readouterr().out
    assert "Edits of traces: maze:searchformer/7, tiny-world 5M" in text and "-0.50 [-0.80, -0.20]" in text and "9f2c61d07ab1443e" in text
    assert run(["report", "--store", "s.db", "--dry-run"]) == 0
    assert "0 traces and 2 tables over problems of 2 documents" in capsys.readouterr().out
    assert run(["report", "e.json", "--store", "s.db", "-o", "all.html"]) == 0 and Path("all.html").stat().st_size > 50_000
    assert run(["export", "s.db", "--run", "1", "-o", "first.json"]) == 0
    first = read_document("first.json")
    assert isinstance(first, EditsDoc) and first.samples == 5
    assert first == parse_document(dumped(tabled.edits(samples=5)), "x"), "nothing is lost on the way"
    capsys.readouterr()
    assert run(["export", "s.db", "-o", "last.parquet"]) == 2
    assert "no rollouts to write as Parquet" in capsys.readouterr().err


@pytest.mark.slow
def test_a_modulo_run_is_recorded_with_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    store, out = tmp_path / "m.db", tmp_path / "m.json"
    command = ["modulo", "--model", "tiny", "--task", "world:steps", "--item", "0-1", "--max-attempts", "2", "--limit", "60"]
    assert run([*command, "--store", str(store), "--dry-run"]) == 0 and not store.exists()
    assert run([*command, "--store", str(store), "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    with open_existing(store) as opened:
        (made,) = opened.runs()
        payload = opened.document(made.id)
        assert (made.verb, made.config["task"], made.config["item"]) == ("modulo", "world:steps", "0-1") and made.finished and payload
        found = json.loads(payload)
        assert found == json.loads(out.read_text()) and found["model"]["fingerprint"] == opened.owner.fingerprint
    doc = read_document(out)
    assert isinstance(doc, ModuloDoc)
    told = list(sheet_lines(page_of([doc]).sheets[0]))
    assert printed.splitlines()[-len(told) :] == told, "the verb prints what the report says"


@pytest.mark.slow
def test_a_first_problem_that_fails_leaves_the_others_their_result(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from tokenworth.core.measure import Subject
    from tokenworth.methods.modulo import experiment

    whole, seen = experiment.bank_of, list[str]()

    def bank(subject: Subject, settings: object) -> object:
        assert subject.problem is not None
        seen.append(subject.problem.id)
        if subject.problem.id == seen[0]:
            raise InvalidInput("no verifier for it")
        return whole(subject, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(experiment, "bank_of", bank)
    command = ["modulo", "--model", "tiny", "--task", "world:steps", "--item", "0-1", "--max-attempts", "1", "--limit", "60"]
    assert run([*command, "--json", "-"]) == 1
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts["failed"] == 1 and len(facts["items"]) == 1 and "item 0: no verifier for it" in shown.err

    def none(subject: Subject, settings: object) -> object:
        raise InvalidInput("no verifier for it")

    monkeypatch.setattr(experiment, "bank_of", none)
    assert run(command) == 2 and "none of 2 problems could be run" in capsys.readouterr().err
