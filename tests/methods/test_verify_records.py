"""Records as they come: verdicts among the texts, odd JSON, and one rule for the fields of all domains."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.catalog import DOMAINS
from tokenworth.cli.main import run
from tokenworth.tasks.sources.odd_json import Unheld, odd_object

Run = Callable[..., tuple[int, str, str]]
MAZE_PROMPT = "start 0 0 goal 2 0 wall 0 1 wall 1 1"
MAZE_TRACE = "create 0 0 c0 c2 close 0 0 c0 c2 create 1 0 c1 c1 close 1 0 c1 c1 create 2 0 c2 c0 close 2 0 c2 c0 plan 0 0 plan 1 0 plan 2 0"
SOKOBAN_PROMPT = "worker 1 1 box 2 1 dock 3 1 " + " ".join(f"wall {x} {y}" for x in range(5) for y in range(3) if x in (0, 4) or y != 1)
BLOCKS_PROMPT = (
    "As initial conditions I have that, the red block is clear, the blue block is clear, the hand is empty, the red block is on the table "
    "and the blue block is on the table.\nMy goal is to have that the red block is on top of the blue block."
)
BLOCKS_PLAN = "(pick-up red)\n(stack red blue)"
COUNT_PROMPT = "Make 10 with the numbers [5, 5]."
COUNT_TRACE = "Exploring Operation: 5+5=10, Resulting Numbers: [10]\n10,10 equal: Goal Reached\n"
PAIRS = {
    "maze": (MAZE_PROMPT, MAZE_TRACE, ("--dialect", "searchformer")),
    "sokoban": (SOKOBAN_PROMPT, "create worker 1 1 box 2 1 c0 c1 plan 1 1 plan 2 1", ()),
    "countdown": (COUNT_PROMPT, f"Current State: 10:[5, 5], Operations: []\n{COUNT_TRACE}", ()),
    "blocksworld": (BLOCKS_PROMPT, BLOCKS_PLAN, ()),
}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(DOMAINS, "toy", "tests.laws.toy_domain:DOMAIN")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def written(*rows: Any) -> str:
    Path("in.jsonl").write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return "in.jsonl"


def verdicts(out: str) -> list[dict[str, Any]]:
    """The lines without their ids."""
    return [{name: value for name, value in json.loads(line).items() if name != "id"} for line in out.splitlines()]


# --- verdicts in the input ---------------------------------------------------------------------------------------------------------


def verdict_of(cli: Run, text: str) -> dict[str, Any]:
    return json.loads(cli("verify", "toy", written({"id": "x", "text": text}), "--json", "-")[1])


def test_a_verdict_is_no_evidence(cli: Run) -> None:
    """`verify` verifies what has a text whatever else stands beside it, and refuses what has none; confusion counts the latter."""
    valid = verdict_of(cli, "ok = yes")
    code, out, _ = cli("verify", "toy", written({**valid, "prompt": "p", "trace": "bad = no"}), "--json", "-")
    (found,) = verdicts(out)
    assert code == 1 and (found["trace_valid"], found["plan_valid"], found["n_errors"]) == (False, False, {"BAD": 1, "PLAN": 1})
    code, out, err = cli("verify", "toy", written(valid), "--json", "-")
    assert code == 2 and out == "" and "in.jsonl:1: a verdict without its text" in err
    code, out, _ = cli("confusion", "toy", written(valid, {**valid, "text": "bad = no"}))
    told = " ".join(out.split())
    assert code == 0 and "trace valid and answer correct 50.0%" in told and "trace invalid and answer incorrect 50.0%" in told


_WALL = {"code": "BAD", "tier": "lists", "event": 0, "tokens": [0, 1], "chars": [0, 3], "expected": "ok", "got": "bad"}
LIES: list[tuple[str, dict[str, Any], str]] = [
    ("ok = yes", {"n_events": -9}, "n_events is -9"),
    ("bad = yes", {"n_errors": {"BAD": -1}}, "BAD is -1"),
    ("bad = yes", {"trace_valid": True}, "trace_valid is true with the errors BAD"),
    ("ok = yes", {"trace_valid": False}, "trace_valid is false with the errors none"),
    ("ok = no", {"plan_valid": True}, "plan_valid is true with the errors PLAN"),
    ("ok = yes", {"plan_valid": False, "plan_optimal": False}, "plan_valid is false with the errors none"),
    ("ok = no", {"plan_optimal": True}, "plan_optimal is true"),
    ("bad = other", {"plan_follows_trace": True}, "plan_follows_trace is true with the errors BAD, LINK"),
    ("# = yes", {"parsed": True}, "parsed is true with the errors PARSE"),
    ("ok = yes", {"n_errors": {"WALL": 4}}, "'WALL' is not an error of toy"),
    ("bad = yes", {"n_errors": {}}, "not counted in n_errors"),
    ("bad = yes", {"errors": [], "first_error": None}, "first_error is not the first"),
    ("bad = yes", {"first_error": {**_WALL, "event": 7}}, "first_error is not the first"),
    ("bad = yes", {"first_error": {**_WALL, "tier": "answer"}, "errors": []}, "of another tier"),
]


@pytest.mark.parametrize(("text", "change", "said"), LIES)
def test_verdicts_that_contradict_themselves_are_not_counted(cli: Run, text: str, change: dict[str, Any], said: str) -> None:
    true = verdict_of(cli, text)
    assert cli("confusion", "toy", written(true))[0] == 0
    code, out, err = cli("confusion", "toy", written({**true, **change}))
    assert code == 2 and out == "" and "in.jsonl:1: a verdict that contradicts itself" in err and said in err


@pytest.mark.parametrize("domain", PAIRS)
def test_true_verdicts_of_spoilt_texts_are_counted(cli: Run, domain: str) -> None:
    """Whatever is cut off, repeated or swapped: what verify writes, confusion takes. A check too strict would refuse it."""
    prompt, trace, options = PAIRS[domain]
    words = trace.split(" ")
    rows = [{"id": f"cut {n}", "prompt": prompt, "trace": " ".join(words[:n]), "truncated": n % 2 == 0} for n in range(len(words))]
    rows += [{"id": f"no {n}", "prompt": prompt, "trace": " ".join([*words[:n], *words[n + 1 :]])} for n in range(len(words))]
    rows += [{"id": f"twice {n}", "prompt": prompt, "trace": " ".join([*words[:n], *words[max(n - 5, 0) :]])} for n in range(len(words))]
    rows += [{"id": "whole", "prompt": prompt, "trace": trace}, {"id": "none", "prompt": "?", "trace": trace}]
    assert cli("verify", domain, written(*rows), *options, "--max-errors", "0", "--json", "out.jsonl")[0] == 1
    code, out, err = cli("confusion", domain, "out.jsonl")
    assert code == 0 and f"{len(rows)} texts" in out, err


# --- odd JSON ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", PAIRS)
def test_half_a_surrogate_pair_is_a_text_that_does_not_parse(cli: Run, domain: str) -> None:
    prompt, trace, options = PAIRS[domain]
    spoilt = trace.replace("\n", " \ud800\n", 1) if "\n" in trace else trace + " \ud800"
    rows = [{"id": "a\ud800", "prompt": prompt, "trace": spoilt}, {"id": "b", "prompt": prompt, "trace": trace}]
    code, out, err = cli("verify", domain, written(*rows), "--json", "-", *options)
    torn, whole = (json.loads(line) for line in out.splitlines())
    assert code == 1 and "could not be read" not in err and torn["id"] == "a\ufffd"
    assert torn["parsed"] is False and whole["parsed"] is True
    assert torn["first_error"]["chars"][1] <= len(rows[0]["trace"])


ODD = {
    "digits": "9" * 10_000,
    "range": "1e999",
    "list": "[" * 100_000 + "]" * 100_000,
    "object": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "strings": '["\\ud800", {"a": "\\udfff"}]',
}


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD)
def test_odd_values_of_other_fields_do_not_matter(cli: Run, odd: str) -> None:
    row = '{"n": ' + ODD[odd] + ', "id": "a", "text": "ok \\u00e9 = yes", "arm": "x\\n", "n2": [' + ODD[odd] + "]}"
    code, out, _ = cli("verify", "toy", written(row), "--json", "-")
    found = json.loads(out)
    assert code == 1 and (found["id"], found["fields"], found["n_errors"]) == ("a", {"arm": "x\n"}, {"PARSE": 1})
    # Where the value is asked for, it is missed.
    for name, said in (("id", "the id is neither"), ("text", "expected id and text")):
        rest = "" if name == "text" else '"text": "ok", '
        code, _, err = cli("verify", "toy", written(f'{{{rest}"{name}": {ODD[odd]}}}'))
        assert code == 2 and f"in.jsonl:1: {said}" in err


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_odd_objects_are_read_as_json_is(fields: dict[str, Any], indent: int | str | None) -> None:
    """One field too large to hold changes no other one; without it nothing changes."""
    fields.pop("odd", None)
    line = json.dumps(fields, indent=indent)
    assert odd_object(line) == json.loads(line)
    more = line[:-1].rstrip() + (", " if fields else "") + '"odd" : 1e999 }'
    assert odd_object(more) == {**fields, "odd": Unheld()}
    for broken in (
        more[:-1],
        more + "}",
        more.replace("1e999", "1e999,"),
        more.replace("1e999", "01e999"),
        more.replace("1e999", "[1e999}"),
    ):
        with pytest.raises(ValueError, match=r"."):
            odd_object(broken)


def test_surrogates_by_halves_and_in_pairs() -> None:
    assert odd_object(r'{"\ud83d": "\ud83d\ude00 \\ud800 \ude00\ud83d \ud83d\ud83d\ude00 \u005cud800"}') == {
        "\ufffd": "\U0001f600 \\ud800 \ufffd\ufffd \ufffd\U0001f600 \\ud800"
    }
    for text in (
        '"\\ud800',
        '{"a": "\\ud8"}',
        '{"a": "\\q\\ud800"}',
        "[1e999]",
        "{1e999: 1}",
        '{"a" 1e999}',
        '{"a": 1e999 "b": 1}',
        "{,}",
        "nul",
    ):
        with pytest.raises(ValueError, match=r"."):
            odd_object(text)


# --- one rule for the fields -------------------------------------------------------------------------------------------------------


def forms(domain: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Records of the same prompt and trace, and whether they can be read."""
    prompt, trace, _ = PAIRS[domain]
    yield {"prompt": prompt, "trace": trace}, True
    yield {"prompt": prompt, "text": trace}, True
    yield {"prompt": prompt, "trace": None, "text": trace}, True
    yield {"prompt": prompt, "trace": trace, "text": "something else"}, True
    yield {"prompt": prompt, "trace": trace, "text": None, "id": None, "rows": None, "cols": None, "nums": None, "domain_pddl": None}, True
    for blank in ({}, {"prompt": None}, {"prompt": " \n"}):
        yield {**blank, "trace": f"{prompt} {trace}"}, False
    yield {"prompt": prompt}, False
    yield {"prompt": prompt, "trace": None, "text": None}, False
    yield {"prompt": ["x"], "trace": trace}, False
    yield {"prompt": prompt, "trace": 5}, False


@pytest.mark.parametrize("domain", PAIRS)
def test_records_are_read_alike_in_every_domain(cli: Run, domain: str) -> None:
    made = list(forms(domain))
    code, out, err = cli("verify", domain, written(*(row for row, _ in made)), *PAIRS[domain][2], "--json", "-")
    lines = out.splitlines()
    good = [f"in.jsonl:{at}" for at, (_, fine) in enumerate(made, 1) if fine]
    assert code == 2 and [json.loads(line)["id"] for line in lines] == good
    assert all(line == verdicts(lines[0])[0] for line in verdicts(out)) and verdicts(out)[0]["parsed"]
    told = [line.split(":")[1] for line in err.splitlines() if line.startswith("in.jsonl:")]
    assert told == [str(at) for at, (_, fine) in enumerate(made, 1) if not fine]


@pytest.mark.parametrize("domain", PAIRS)
def test_ids_are_strings_or_numbers(cli: Run, domain: str) -> None:
    prompt, trace, options = PAIRS[domain]
    named: list[Any] = ["a", "", 7, 0, 2.5, -1, None, [1, 2], {"a": 1}, True]
    code, out, err = cli("verify", domain, written(*({"id": i, "prompt": prompt, "trace": trace} for i in named)), *options, "--json", "-")
    found = [json.loads(line)["id"] for line in out.splitlines()]
    assert code == 2 and found == ["a", "in.jsonl:2", "7", "0", "2.5", "-1", "in.jsonl:7"] and err.count("the id is neither") == 3


def test_the_size_of_a_maze_is_known_or_refused(cli: Run) -> None:
    """Judged on the square it was given, on 2 rows, or not at all: never on another one than the record says."""
    sizes: list[Any] = [{}, {"rows": 3, "cols": 3}, {"rows": 2, "cols": 3}, {"rows": None}, {"rows": 3.0, "cols": 3}]
    bad: list[Any] = [
        {"rows": "1", "cols": "6"},
        {"rows": 3},
        {"cols": 3},
        {"rows": 3.5, "cols": 3},
        {"rows": True, "cols": 3},
        {"rows": -1, "cols": 3},
    ]
    rows = [{"prompt": MAZE_PROMPT, "trace": MAZE_TRACE, **size} for size in (*sizes, *bad)]
    code, out, err = cli("verify", "maze", written(*rows), "--dialect", "searchformer", "--json", "-")
    assert [(line["facts"]["cols"], line["facts"]["rows"]) for line in verdicts(out)] == [(3, 3), (3, 3), (3, 2), (3, 3), (3, 3)]
    assert code == 2 and [f"in.jsonl:{at}: the size of the grid is not known" in err for at in range(1, 12)] == [False] * 5 + [True] * 6


@pytest.mark.parametrize("puzzle", [{"nums": [], "target": 5}, {"target": 5}, {"nums": [1, 2]}, {"nums": "1,2", "target": 3}])
def test_a_countdown_puzzle_that_is_none_is_told_with_its_line(cli: Run, puzzle: dict[str, Any]) -> None:
    good = {"id": "a", "nums": [5, 5], "target": 10, "trace": COUNT_TRACE}
    code, out, err = cli(
        "verify", "countdown", written(good, {**good, "nums": None, "target": None, "prompt": COUNT_PROMPT, **puzzle}), "--json", "-"
    )
    assert code == 2 and len(out.splitlines()) == 1 and "in.jsonl:2: a " in err and "puzzle" in err


# --- the summary -------------------------------------------------------------------------------------------------------------------


def test_plans_of_unknown_length_are_not_told_as_longer(cli: Run) -> None:
    row = {"id": "a", "prompt": COUNT_PROMPT, "trace": PAIRS["countdown"][1]}
    _, _, err = cli("verify", "countdown", written(row, row))
    assert "plans:  2 valid (2 of unknown optimality), 0 invalid, 0 unknown" in err
    long = MAZE_TRACE.replace("plan 1 0", "plan 1 0 plan 0 0 plan 1 0")
    rows = [{"prompt": MAZE_PROMPT, "trace": trace} for trace in (MAZE_TRACE, long, MAZE_TRACE, MAZE_TRACE.replace("plan 2 0", "plan 2 2"))]
    _, _, err = cli("verify", "maze", written(*rows), "--dialect", "searchformer")
    assert "plans:  3 valid (2 optimal, 1 longer), 1 invalid, 0 unknown" in err
