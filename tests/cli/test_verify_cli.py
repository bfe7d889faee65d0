"""The verbs `verify` and `confusion` as a user meets them, on a domain of known verdicts and on the real traces."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import child_environment
from tests.laws import toy_domain
from tests.real_data import shared
from tokenworth.catalog import DOMAINS
from tokenworth.cli.main import run
from tokenworth.cli.streams import records_of
from tokenworth.core.document import Provenance
from tokenworth.core.verification import FormalText, Verification
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.methods.verify import tally as tallies
from tokenworth.methods.verify.document import VerifiedDoc
from tokenworth.methods.verify.lines import Judged
from tokenworth.methods.verify.records import Verifier, judged, verifier
from tokenworth.methods.verify.tally import NO_GROUP, Tally
from tokenworth.store.documents import read_document
from tokenworth.tasks.domains import domain_named
from tokenworth.tasks.sources import files

Run = Callable[..., tuple[int, str, str]]
TEXTS = {
    "right": "ok ok = yes",
    "wrong": "ok bad bad = yes",
    "strict": "ugly = long",
    "torn": "ok # bad = yes",
    "lost": "ok = no",
    "alone": "= yes",
    "other": "bad = other",
}


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(DOMAINS, "toy", "tests.laws.toy_domain:DOMAIN")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def records(**fields: Any) -> list[dict[str, Any]]:
    return [{"id": name, "text": text, **fields} for name, text in TEXTS.items()]


def written(rows: list[Any], name: str = "in.jsonl") -> str:
    Path(name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return name


def judged_of(path: Path, check: Verifier, *, verdicts: bool = False) -> list[Judged]:
    return [judged(where, record, check, verdicts=verdicts) for where, record in records_of([path])]


def tables(text: str) -> str:
    """What is printed of a document, without its title and where it comes from."""
    return text[text.index("toy · ") :]


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def test_each_text_gets_a_line(cli: Run) -> None:
    code, out, err = cli("verify", "toy", written(records(arm="a", n=3, prompt="p" * 300)), "--json", "out.jsonl")
    assert code == 1 and out == "" and "wrote out.jsonl" in err
    found = {line["id"]: line for line in lines("out.jsonl")}
    assert list(found) == list(TEXTS)
    verdicts = {
        name: tuple(line[key] for key in ("parsed", "trace_valid", "plan_valid", "plan_optimal", "plan_follows_trace"))
        for name, line in found.items()
    }
    assert verdicts == {
        "right": (True, True, True, True, True),
        "wrong": (True, False, True, True, True),
        "strict": (True, False, True, False, True),
        "torn": (False, False, None, None, None),
        "lost": (True, True, False, False, True),
        "alone": (True, None, True, True, None),
        "other": (True, False, True, True, False),
    }
    wrong = found["wrong"]
    assert [error["code"] for error in wrong["errors"]] == ["BAD", "BAD"] and wrong["n_errors"] == {"BAD": 2}
    first = {"code": "BAD", "tier": "lists", "event": 1, "tokens": [1, 2], "chars": [3, 6], "expected": "ok", "got": "bad"}
    assert wrong["first_error"] == wrong["errors"][0] == first
    assert found["right"]["first_error"] is None and found["right"]["errors"] == []
    assert {(line["domain"], line["dialect"], line["strictness"], line["version"]) for line in found.values()} == {
        ("toy", "plain", "strict", "7")
    }
    assert wrong["fields"] == {"arm": "a", "n": 3} and wrong["facts"] == {"dialect": "plain"} and wrong["n_events"] == 3


def test_a_line_holds_every_field_of_a_verdict(cli: Run) -> None:
    """In the documented order; two have other names than in memory. What is read back is what was written."""
    path = written(records(arm="a"))
    cli("verify", "toy", path, "--json", "out.jsonl", "--max-errors", "1000")
    line = lines("out.jsonl")[1]
    assert list(line) == [
        "schema", "id", "domain", "dialect", "strictness", "version", "parsed", "trace_valid", "plan_valid", "plan_optimal",
        "plan_follows_trace", "first_error", "errors", "n_errors", "n_events", "facts", "undecided", "fields",
    ]  # fmt: skip
    check = verifier("toy", None, None, max_errors=1000)
    again = [judged_of(Path(name), check, verdicts=True) for name in (path, "out.jsonl")]
    assert [[(one.id, one.fields, one.verification) for one in ones if isinstance(one, Judged)] for ones in again[:1]] == [
        [(one.id, one.fields, one.verification) for one in again[1] if isinstance(one, Judged)]
    ]
    assert len(again[1]) == len(TEXTS)


def test_the_summary_says_what_was_found(cli: Run) -> None:
    _, out, err = cli("verify", "toy", written(records()))
    assert out == ""
    for part in (
        "toy · plain · strict · verifier 7",
        "texts:  7, of which 2 valid in every part",
        "traces: 2 valid, 3 invalid, 1 unparsed, 1 without a trace",
        "plans:  5 valid (4 optimal, 1 longer), 1 invalid, 1 unknown",
        "links:  4 follow from the trace, 1 do not, 2 unknown",
        "errors: BAD 5 in 4 texts, ",
    ):
        assert part in err


def test_exit_codes(cli: Run) -> None:
    row = {name: written([{"id": name, "text": text}], f"{name}.jsonl") for name, text in TEXTS.items()}
    codes = {name: cli("verify", "toy", path)[0] for name, path in row.items()}
    assert codes == {"right": 0, "wrong": 1, "strict": 1, "torn": 1, "lost": 1, "alone": 0, "other": 1}
    assert cli("verify", "toy", row["strict"], "--strictness", "paper")[0] == 0
    assert cli("verify", "toy", row["right"], row["alone"])[0] == 0 and cli("verify", "toy", row["right"], row["lost"])[0] == 1


def test_limit_lists_fewer_and_counts_all(cli: Run) -> None:
    path = written([{"id": "a", "text": "bad " * 500}])
    for limit, listed in ((0, 0), (3, 3), (1000, 500)):
        cli("verify", "toy", path, "--json", "out.jsonl", "--max-errors", str(limit))
        (line,) = lines("out.jsonl")
        assert len(line["errors"]) == listed and line["n_errors"] == {"BAD": 500} and line["first_error"]["event"] == 0


def test_prompt_and_trace_gzip_and_standard_output(cli: Run) -> None:
    rows = [{"id": "a", "prompt": "p", "trace": "ok = yes"}, {"id": "a", "prompt": "p", "trace": "bad"}, {"text": "ok"}]
    with gzip.open("in.jsonl.gz", "wt") as file:
        file.write("\n\n".join(map(json.dumps, rows)))
    code, out, err = cli("verify", "toy", "in.jsonl.gz", "--json", "-", "--table")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and [line["id"] for line in found] == ["a", "a", "in.jsonl.gz:5"]
    assert "95% intervals" in err
    _, out, _ = cli("verify", "toy", "in.jsonl.gz", "--table")
    assert out.startswith("toy: traces against the rules (plain, strict)\n") and tables(out).startswith(
        "toy · plain · strict · verifier 7 · 95%"
    )
    assert "unparsed" in out


BAD_LINES = {
    "cut short": '{"id": "b", "text": "ok',
    "got a JSON list": '["a"]',
    "got a JSON string": '"text"',
    "expected id and text": '{"id": "b"}',
    "expected id and text ": '{"id": "b", "text": 5}',
    "not valid JSON": "\x00\x01",
    "not valid JSON ": "[" * 100_000,
    "a trace without its prompt": '{"id": "b", "trace": "ok"}',
    "a trace without its prompt ": '{"id": "b", "prompt": " ", "text": null, "trace": "ok"}',
    "the id is neither": '{"id": ["b"], "text": "ok"}',
    "the id is neither ": '{"id": true, "text": "ok"}',
    "'truncated' is neither": '{"id": "b", "text": "ok", "truncated": "yes"}',
    "a verdict without its text": '{"schema": "tokenworth.verdict/1", "id": "b", "prompt": "p", "trace_valid": true}',
    "key 'text' stands twice": '{"id": "b", "text": "ok", "text": "bad"}',
    "key 'x' stands twice in one object": '{"id": "b", "text": "ok", "more": [{"x": 1, "y": 2, "x": 1}]}',
    "Number out of range": '{"id": "b", "text": "ok", "n": 1e999, "m": 01}',
}


@pytest.mark.parametrize("said", BAD_LINES)
def test_a_bad_line_is_told_and_loses_nothing(cli: Run, said: str) -> None:
    path = written([records()[0], records()[1], BAD_LINES[said], records()[2]])
    code, _, err = cli("verify", "toy", path, "--json", "out.jsonl", "--table")
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    (told,) = [line for line in err.splitlines() if line.startswith("in.jsonl:3: ")]
    assert code == 2 and "Traceback" not in err
    assert said.strip() in told or said == "cut short"
    assert error == "error: 1 line could not be read, as reported above; the other 3 are checked and in out.jsonl"
    assert [line["id"] for line in lines("out.jsonl")] == ["right", "wrong", "strict"]
    assert [p.name for p in Path().iterdir() if "part" in p.name] == []
    # A table of a part of the texts would mislead: confusion refuses.
    code, out, err = cli("confusion", "toy", path)
    assert code == 2 and out == "" and "in.jsonl:3: " in err and "count what verify --json writes" in err


def test_lines_that_cannot_be_read_change_no_other_verdict(cli: Run) -> None:
    """The verdicts, the summary and the table are those of the good lines alone; only the exit code and a note differ."""
    bad = ["{", "[1]", '{"id": 5}', '{"id": "x", "text": NaN}']
    whole = cli("verify", "toy", written(records(), "good.jsonl"), "--json", "good.out", "--table")
    mixed = cli("verify", "toy", written([*bad, *records(), *bad], "mixed.jsonl"), "--json", "mixed.out", "--table")
    assert (whole[0], mixed[0]) == (1, 2) and Path("good.out").read_bytes() == Path("mixed.out").read_bytes()
    note = "8 lines could not be read and are in no count"
    assert tables(mixed[1]) == f"{tables(whole[1])}\nnote: {note}\n"
    told = [line for line in mixed[2].splitlines() if line.startswith("mixed.jsonl:")]
    assert [line.split(":")[1] for line in told] == ["1", "2", "3", "4", "12", "13", "14", "15"]
    assert "NaN and Infinity are not JSON, write null" in told[3] and "write null" not in told[0]


@pytest.mark.parametrize(
    ("row", "is_number"), [('"n": NaN', True), ('"n":[1, -Infinity]', True), ('"n": nan', False), ('"n": "say NaN, "', None)]
)
def test_numbers_that_json_has_not(cli: Run, row: str, is_number: bool | None) -> None:
    code, _, err = cli("verify", "toy", written(['{"text": "ok = yes", ' + row + "}", records()[0]]))
    assert code == (0 if is_number is None else 2) and ("write null" in err) == (is_number is True)


def test_many_bad_lines_are_counted_and_a_wrong_file_is_one_line(cli: Run) -> None:
    code, _, err = cli("verify", "toy", written([*["{"] * 30, records()[0], *["{"] * 30]))
    assert code == 2 and err.count("in.jsonl:") == 20 and err.count("only counted") == 1 and "error: 60 lines could not be read" in err
    for rows in (["x,y", "1,2"], ["{", ' "id": 1', "}"]):
        code, out, err = cli("verify", "toy", written(rows, "other.txt"), "--json", "out.jsonl")
        assert (code, out, err.count("\n")) == (2, "", 1) and "other.txt:1: not valid JSON: " in err
        assert f"none of {len(rows)} lines could be read" in err and not Path("out.jsonl").exists()
    for data in (b"\x7fELF\x02\x01\x00\x00", json.dumps(records()[0]).encode("utf-16"), bytes(range(256))):
        Path("binary").write_bytes(data)
        code, out, err = cli("verify", "toy", "binary")
        assert (code, out, err.count("\n")) == (2, "", 1) and "binary: a binary file, or text that is not UTF-8" in err


def test_a_damaged_file_loses_only_its_rest(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a gzip file that was cut short, of a line that is too long and of text that is not UTF-8, all other lines are verified."""
    monkeypatch.setattr(files, "_MAX_LINE", 10_000)
    rows = [{"id": f"{i} {i * 7919 % 1000}", "text": "ok = yes"} for i in range(2000)]
    Path("cut.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())[:5000])
    long = json.dumps({"id": "long", "text": "ok " * 11_000})
    Path("odd.jsonl").write_bytes(f'{long}\n{{"id": "a", "text": "ok"}}\n'.encode() + b'{"id": "\xff", "text": "ok"}\n' + long.encode())
    code, _, err = cli("verify", "toy", "cut.gz", "odd.jsonl", written(records()[:1]), "--json", "out.jsonl")
    found = [line["id"] for line in lines("out.jsonl")]
    assert code == 2 and found[-2:] == ["a", "right"] and 0 < len(found) - 2 < 2000
    assert found[:-2] == [row["id"] for row in rows[: len(found) - 2]]
    for said in (
        "cut.gz: the gzip file ends",
        "odd.jsonl:1: the line is longer",
        "odd.jsonl:3: not UTF-8",
        "odd.jsonl:4: the line is longer",
    ):
        assert said in err
    assert f"error: 4 lines could not be read, as reported above; the other {len(found):,} are checked and in out.jsonl" in err


@pytest.mark.parametrize("after", [0, 3])
def test_stopped_from_the_keyboard_keeps_what_was_verified(cli: Run, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    seen: list[str] = []

    def check(text: FormalText, **options: Any) -> Verification:
        if len(seen) == after:
            raise KeyboardInterrupt
        seen.append(text.id)
        return toy_domain.verify(text, **options)

    monkeypatch.setattr(toy_domain, "DOMAIN", replace(toy_domain.DOMAIN, verify=check))
    Path("out.jsonl").write_text("old\n")
    code, out, err = cli("verify", "toy", written(records()), "--json", "out.jsonl")
    told = "stopped; the 3 texts so far are checked and in out.jsonl" if after else "stopped"
    assert (code, out, err.splitlines()[-1]) == (130, "", told) and "--store" not in err
    assert [line["id"] for line in lines("out.jsonl")] == seen if after else Path("out.jsonl").read_text() == "old\n"
    seen.clear()
    code, out, err = cli("confusion", "toy", "in.jsonl", "--json", "doc.json")
    assert (code, out, err.strip()) == (130, "", "stopped") and not Path("doc.json").exists()


def test_texts_that_no_grammar_fits_raise_a_doubt(cli: Run) -> None:
    path = written([{"id": "a", "text": "zzz"}, {"id": "b", "text": "# = yes"}])
    said = "no text could be parsed as toy · plain: are domain and --dialect (plain, ordered, loose) right?"
    for verb, expected in (("verify", 1), ("confusion", 0)):
        code, _, err = cli(verb, "toy", path)
        assert code == expected and said in err
        assert said not in cli(verb, "toy", path, written(records()[:1], "more.jsonl"))[2]


def test_what_cannot_run_writes_nothing(cli: Run) -> None:
    good, empty = written(records()), written(["", " "], "empty.jsonl")
    Path("old.jsonl").write_text("old")
    Path("folder").mkdir()
    first_bad = written(["{"], "bad.jsonl")
    for said, *arguments in (
        ("unknown domain 'maz'; did you mean maze?", "maz", good),
        ("did you mean plain?", "toy", good, "--dialect", "plan"),
        ("unknown strictness", "toy", good, "--strictness", "strictest"),
        ("strictness strict+ties does not fit dialect plain", "toy", good, "--strictness", "strict+ties"),
        ("no-such.jsonl does not exist", "toy", good, "no-such.jsonl"),
        ("no records", "toy", empty),
        ("bad.jsonl:1", "toy", first_bad),
        ("is both input and output; choose another", "toy", good, "--json", good),
        ("no/folder is not a folder that can be written to", "toy", good, "--json", "no/folder/out.jsonl"),
        ("folder is a folder", "toy", good, "folder"),
        ("file '' does not exist", "toy", good, ""),
        ("give - once", "toy", good, "-", "-"),
    ):
        for verb in ("verify", "confusion"):
            command = [verb, *arguments] if "--json" in arguments else [verb, *arguments, "--json", "old.jsonl"]
            code, out, err = cli(*command)
            assert code == 2 and said in err and err.count("error: ") == 1 and out == "", (verb, err)
    assert Path("old.jsonl").read_text() == "old" and lines(good)[0]["id"] == "right"


def test_dry_runs_write_nothing(cli: Run) -> None:
    path = written(records())
    code, _, err = cli("verify", "toy", path, "--json", "out.jsonl", "--dry-run")
    assert code == 1 and "would write out.jsonl" in err and "7, of which 2" in err
    code, out, err = cli("confusion", "toy", path, "--json", "doc.json", "--report", "page.html", "--dry-run")
    assert code == 0 and "7 texts" in out and "would write page.html" in err
    assert [p.name for p in Path().iterdir()] == ["in.jsonl"]


def test_strictness_and_dialects(cli: Run) -> None:
    path = written(records())
    for arguments, strictness in (
        ((), "strict"),
        (("--strictness", "paper"), "paper"),
        (("--dialect", "loose"), "paper"),
        (("--dialect", "ordered", "--strictness", "strict+ties"), "strict+ties"),
    ):
        cli("verify", "toy", path, "--json", "out.jsonl", *arguments)
        assert {line["strictness"] for line in lines("out.jsonl")} == {strictness}
    with pytest.raises(UnknownName):
        domain_named("nothing")


def test_hostile_records(cli: Run) -> None:
    rows = [
        {"id": "a" * 10_000, "text": "ok " * 400_000, "n": 10**40, "x": 1e300},
        {"id": "\x1b[2J", "text": "\x1b[31m \u202e = \x00"},
        {"id": 2.5, "text": "٣ ok", "arm": None, "list": [1], "unicode": "é" * 100},
        '{"id": 1, "text": "bad", "n": ' + "9" * 4000 + "}",
    ]
    code, _, err = cli("verify", "toy", written(rows), "--json", "out.jsonl", "--table")
    found = lines("out.jsonl")
    assert code == 1 and len(found) == 4 and "\x1b" not in err
    assert found[0]["fields"] == {"n": 10**40, "x": 1e300} and found[2]["fields"] == {"unicode": "é" * 100}
    assert [line["parsed"] for line in found] == [True, False, False, True]
    code, out, err = cli("confusion", "toy", "out.jsonl")
    assert code == 0 and "4 texts, 2 unparsed" in out, err


# --- confusion ---------------------------------------------------------------------------------------------------------------------


def cells(doc: VerifiedDoc, group: str = "") -> Counter[tuple[str, str, str]]:
    (table,) = [t for t in doc.tables if t.group == group]
    return Counter({(c.trace, c.link, c.answer): c.n for c in table.cells if c.n})


EXPECTED = Counter(
    {
        ("valid", "follows", "correct"): 1,
        ("invalid", "follows", "correct"): 2,
        ("unparsed", "unknown", "unknown"): 1,
        ("valid", "follows", "incorrect"): 1,
        ("none", "unknown", "correct"): 1,
        ("invalid", "differs", "correct"): 1,
    }
)


def document(path: str) -> VerifiedDoc:
    found = read_document(path)
    assert isinstance(found, VerifiedDoc)
    return found


def test_texts_and_verdicts_give_the_same_table(cli: Run) -> None:
    path = written(records())
    code, text, err = cli("confusion", "toy", path, "--json", "texts.json")
    assert code == 0 and "wrote texts.json" in err
    cli("verify", "toy", path, "--json", "verdicts.jsonl")
    _, again, _ = cli("confusion", "toy", "verdicts.jsonl", "--json", "verdicts.json")
    assert tables(text) == tables(again) and "7 texts, 1 unparsed, 1 with an unknown answer" in text
    texts, verdicts = document("texts.json"), document("verdicts.json")
    assert texts.tables == verdicts.tables and cells(texts) == EXPECTED
    assert [(t.id, t.text) for t in texts.traces] == list(TEXTS.items()) and {t.text for t in verdicts.traces} == {""}
    assert [t.verification for t in texts.traces] == [t.verification for t in verdicts.traces]
    assert (texts.domain, texts.dialect, texts.strictness, texts.version, texts.level) == ("toy", "plain", "strict", "7", 0.95)
    assert texts.tables[0].first_errors == {"BAD": 3, "PARSE": 1, "PLAN": 1}
    assert texts.provenance.source == "in.jsonl" and texts.provenance.created


def test_verdicts_keep_their_dialect_and_strictness_and_are_not_mixed(cli: Run) -> None:
    path = written(records())
    cli("verify", "toy", path, "--json", "paper.jsonl", "--strictness", "paper", "--max-errors", "0")
    cli("verify", "toy", path, "--json", "strict.jsonl")
    code, out, _ = cli("confusion", "toy", "paper.jsonl", "--json", "-")
    made = json.loads(out)
    assert code == 0 and made["strictness"] == "paper" and made["tables"][0]["first_errors"] == {"BAD": 2, "PARSE": 1, "PLAN": 1}
    for arguments in (("paper.jsonl", "strict.jsonl"), ("strict.jsonl", "--strictness", "paper"), ("strict.jsonl", "--dialect", "loose")):
        code, _, err = cli("confusion", "toy", *arguments)
        assert code == 2 and "strict.jsonl:1: a verdict of toy, plain, strict, 7; expected" in err
    assert cli("confusion", "toy", "strict.jsonl", path)[0] == 0
    old = [{**line, "version": "6"} for line in lines("strict.jsonl")]
    assert "verify the texts again" in cli("confusion", "toy", written(old, "old.jsonl"))[2]
    for change in ({"parsed": "yes"}, {"strictness": "x"}, {"strictness": 5}, {"dialect": [1]}, {"errors": [{"code": 1}]}, {"n_errors": 3}):
        code, _, err = cli("confusion", "toy", written([{**lines("strict.jsonl")[0], **change}], "odd.jsonl"))
        assert code == 2 and "odd.jsonl:1: not a verdict as verify writes it" in err


def test_groups(cli: Run) -> None:
    rows = [*records(arm="swapped", right=True), *records(arm="correct", right=False)[:2], {"id": "x", "text": "ok", "arm": None}]
    path = written(rows)
    cli("confusion", "toy", path, "--group", "arm", "--json", "doc.json")
    doc = document("doc.json")
    assert [(t.group, t.n) for t in doc.tables] == [("swapped", 7), ("correct", 2), (NO_GROUP, 1)]
    assert cells(doc, "swapped") == EXPECTED and {t.group for t in doc.traces} == {"swapped", "correct", NO_GROUP}
    _, out, _ = cli("confusion", "toy", path, "--group", "right")
    assert "true: 7 texts" in out and "false: 2 texts" in out
    cli("verify", "toy", path, "--json", "verdicts.jsonl")
    cli("confusion", "toy", "verdicts.jsonl", "--group", "arm", "--json", "again.json")
    assert document("again.json").tables == doc.tables
    assert "unknown field to group by 'amr'; did you mean arm?" in cli("confusion", "toy", path, "--group", "amr")[2]


def test_a_field_of_too_many_values_is_refused(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MAX_GROUPS", 20)
    path = written([{"id": "a", "text": "ok", "n": i} for i in range(21)])
    assert "more than 20 values" in cli("confusion", "toy", path, "--group", "n")[2]
    assert cli("confusion", "toy", written([{"id": "a", "text": "ok", "n": i} for i in range(20)]), "--group", "n")[0] == 0


def test_optimal_answers_and_level(cli: Run) -> None:
    path = written(records())
    cli("confusion", "toy", path, "--optimal", "--level", "0.8", "--json", "doc.json")
    doc = document("doc.json")
    assert doc.level == 0.8 and any("as short as can be" in note for note in doc.notes)
    assert cells(doc) == EXPECTED - Counter({("invalid", "follows", "correct"): 1}) + Counter({("invalid", "follows", "incorrect"): 1})
    assert {t.id: t.answer for t in doc.traces}["strict"] == "incorrect"
    assert cli("confusion", "toy", path, "--level", "1")[0] == 2
    assert "give the name of a file" in cli("confusion", "toy", path, "--report", "-")[2]
    assert "cannot write a twice" in cli("confusion", "toy", path, "--report", "a", "--json", "a")[2]


@pytest.mark.parametrize(
    ("keep", "expected"), [(0, {}), (3, {"A": 1, "B": 1, "C": 1}), (7, {"A": 3, "B": 3, "C": 1}), (50, {"A": 40, "B": 9, "C": 1})]
)
def test_the_texts_kept_are_spread_over_the_states(keep: int, expected: dict[str, int]) -> None:
    made = {"A": "ok = yes", "B": "bad = yes", "C": "#"}
    order = "A" * 30 + "BBBBC" + "A" * 10 + "BBBBB"
    path = Path(written([{"id": f"{name}{i}", "text": made[name]} for i, name in enumerate(order)]))
    check, tally = verifier("toy", None, None, max_errors=5), Tally(keep=keep)
    for one in judged_of(path, check):
        assert isinstance(one, Judged)
        tally.add(one)
    doc = tally.document(check, level=0.95, provenance=Provenance(version=""))
    assert Counter(t.id[0] for t in doc.traces) == expected and doc.tables[0].n == 50
    assert [int(t.id[1:]) for t in doc.traces] == sorted(int(t.id[1:]) for t in doc.traces)
    firsts = {name: [i for i, o in enumerate(order) if o == name][: expected.get(name, 0)] for name in made}
    assert {name: [int(t.id[1:]) for t in doc.traces if t.id[0] == name] for name in made} == firsts
    assert any("texts are listed" in note for note in doc.notes) == (keep not in (0, 50))
    with pytest.raises(InvalidInput, match="no texts"):
        Tally().document(check, level=0.95, provenance=Provenance(version=""))


def test_the_page_is_written_from_the_document(cli: Run) -> None:
    code, _, err = cli("confusion", "toy", written(records(arm="</script>")), "--group", "arm", "--report", "page.html")
    assert code == 0 and "wrote page.html" in err
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>") and page.count("</script>") == page.count("<script")


# --- real traces and size ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("strictness", ["paper", "strict", "strict+ties"])
def test_all_real_maze_traces_are_valid(cli: Run, strictness: str) -> None:
    path = str(shared("formal-astar", "astar-traces.jsonl.gz"))
    code, _, err = cli("verify", "maze", path, "--dialect", "beyond-semantics", "--strictness", strictness, "--json", "out.jsonl")
    found = lines("out.jsonl")
    assert code == 0 and len(found) == 324, err
    keys = ("parsed", "trace_valid", "plan_valid", "plan_optimal", "plan_follows_trace")
    assert {tuple(line[key] for key in keys) for line in found} == {(True,) * 5} and not any(line["errors"] for line in found)
    code, _, _ = cli("confusion", "maze", "out.jsonl", "--group", "generator", "--json", "doc.json")
    assert code == 0 and {t.group for t in document("doc.json").tables} == {"wilson", "dfs", "kruskal", "searchformer", "drunkards_walk"}
    # Twin: in another dialect the same texts are not valid.
    assert cli("verify", "maze", path, "--dialect", "searchformer")[0] == 1


_CHILD = """
import re, sys
from tokenworth.cli.main import run
from tokenworth.catalog import DOMAINS
DOMAINS["toy"] = "tests.laws.toy_domain:DOMAIN"
code = run(["verify", "toy", sys.argv[1], "--json", "out.jsonl", "--table"])
print(code, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


# What getrusage says of a child can be the memory of its parent, so that nothing could fail.
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_file() -> None:
    """40,000 texts take no more memory than 1,000, to within 8 MiB; a list of their verdicts would take about 40 MiB."""
    peaks = []
    for n in (1_000, 40_000):
        path = written([f'{{"id": "{i}", "text": "ok bad ok = yes", "arm": "a{i % 7}"}}' for i in range(n)])
        made = subprocess.run([sys.executable, "-c", _CHILD, path], env=child_environment(), capture_output=True, text=True, check=True)
        code, peak = made.stdout.split()[-2:]
        assert code == "1" and Path("out.jsonl").read_bytes().count(b"\n") == n
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < 8 * 1024, peaks
