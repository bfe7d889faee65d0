"""A run in shards, their stores in one, and what is done of a task."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import child_environment
from tests.cli.test_cli import Run, cli, refused, toy  # noqa: F401
from tokenworth.catalog import DOMAINS
from tokenworth.errors import InvalidInput
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.items import Shard, parse_items


@pytest.mark.parametrize("of", [1, 2, 3, 7, 30])
def test_shards_share_out_all_items_whatever_their_order(of: int) -> None:
    items = [*parse_items("3-24"), "maze:lists/7", "q-17", "٣"]
    shares = [Shard(number, of).items(items) for number in range(1, of + 1)]
    assert sorted(item for share in shares for item in share) == sorted(items)
    assert [sorted(Shard(number, of).items(items[::-1])) for number in range(1, of + 1)] == [sorted(share) for share in shares]
    # What else is asked for moves no item to another share.
    assert all(set(Shard(number, of).items(items[4:])) <= set(share) for number, share in enumerate(shares, 1))
    numbers = [len([item for item in share if item.isascii() and item.isdecimal()]) for share in shares]
    assert max(numbers) - min(numbers) <= 1


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1/0", "0/0", "-1/4", "1", "1/", "/4", "1/4/2", "1.0/4", "a/b", "", " 1/4", "1/100001", "9" * 30 + "/9"]
)
def test_what_names_no_shard_is_refused(text: str, cli: Run, toy: str) -> None:  # noqa: F811
    with pytest.raises(InvalidInput, match="expected I/N with I from 1 to N, such as 1/8 to 8/8"):
        Shard.parse(text)
    assert "such as 1/8 to 8/8" in refused(cli("sample", "--model", toy, f"--shard={text}"))


def _numbers(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "provenance"}


def _run_shards(words: list[str], folder: Path, shards: int) -> None:
    """The shards in two processes at a time."""
    program = [sys.executable, "-m", "tokenworth", *words]
    for first in range(1, shards + 1, 2):
        pair = [
            subprocess.Popen(
                [*program, "--shard", f"{number}/{shards}", "--store", f"part-{number}.db"],
                cwd=folder, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            for number in (first, first + 1)
        ]  # fmt: skip
        assert [(child.communicate()[1].decode()[-300:], child.returncode)[1] for child in pair] == [0, 0]


def _same_as_serial(cli: Run, words: list[str], items: int, tmp_path: Path, *, task: list[str]) -> None:  # noqa: F811
    """Shards merged hold the responses, the results and the runs of the serial run; a re-run on them draws nothing."""
    assert cli(*words, "--store", "serial.db", "--json", "serial-{item}.json")[0] == 0
    _run_shards(words, tmp_path, 4)
    code, out, err = cli("merge", *(f"part-{number}.db" for number in (3, 1, 4, 2)), "--store", "all.db", "--json", "-")
    facts = json.loads(out)
    assert code == 0 and facts["conflicts"] == 0 and facts["missing_shards"] == [] and "note" not in err
    listed = [json.loads(cli("runs", "--store", name, "--json", "-")[1]) for name in ("serial.db", "all.db")]
    assert listed[0]["responses"] == listed[1]["responses"] == facts["responses"]
    assert sorted(run["options"]["item"] for run in listed[1]["runs"]) == sorted(run["options"]["item"] for run in listed[0]["runs"])
    by_item = {run["options"]["item"]: run["run"] for run in listed[1]["runs"]}
    assert cli(*words, "--store", "all.db", "--json", "again-{item}.json")[0] == 0
    for item in range(items):
        assert cli("export", "all.db", "--run", str(by_item[str(item)]), "--out", "kept.json")[0] == 0
        serial, kept, again = (json.loads(Path(name).read_text()) for name in (f"serial-{item}.json", "kept.json", f"again-{item}.json"))
        assert _numbers(serial) == _numbers(kept) == _numbers(again) and again["provenance"]["drawn"] == 0
    code, out, _ = cli("status", "all.db", *task, "--item", f"0-{items - 1}", "--json", "-")
    assert code == 0 and [row["done"] for row in json.loads(out)["runs"]] == [list(range(items))]


@pytest.mark.slow
def test_four_shards_in_two_processes_are_the_serial_run_of_an_automaton(cli: Run, toy: str, tmp_path: Path) -> None:  # noqa: F811
    words = ["curve", "--model", toy, "--item", "0-9", "--seed", "3", "--max-rollouts", "60"]
    _same_as_serial(cli, words, 10, tmp_path, task=[])


@pytest.mark.slow
def test_and_that_of_a_model_on_problems_of_their_own(cli: Run, tmp_path: Path) -> None:  # noqa: F811
    words = ["forced", "--task", "world:steps", "--item", "0-7"]
    _same_as_serial(cli, words, 8, tmp_path, task=["--task", "world:steps"])


def test_a_share_without_items_is_done(cli: Run, toy: str) -> None:  # noqa: F811
    code, out, err = cli("sample", "--model", toy, "--item", "0-2", "--shard", "7/8", "--store", "x.db")
    assert (code, out, err) == (0, "", "shard 7/8 has none of the items 0-2; nothing to do\n") and not Path("x.db").exists()
    assert cli("sample", "--model", toy, "--item", "6", "--shard", "7/8", "--store", "x.db")[0] == 0


def test_a_share_of_a_dry_run_and_of_a_python_call(cli: Run, toy: str) -> None:  # noqa: F811
    code, out, _ = cli("sample", "--model", toy, "--item", "0-9", "--shard", "2/4", "--dry-run", "--json", "-")
    assert code == 0 and len(json.loads(out)["steps"]) == 3
    with Workbench(toy) as bench:
        ended = [one.item for one in bench.measure("sample", items="0-9", shard="2/4", samples=2)]
    assert sorted(ended) == ["1", "5", "9"]


def test_names_of_results_are_those_of_the_whole_run(cli: Run, toy: str) -> None:  # noqa: F811
    assert "write {item}" in refused(cli("sample", "--model", toy, "--item", "0-3", "--shard", "1/4", "--json", "one.json"))


def test_lines_of_shards_are_the_lines_of_one_pass(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setitem(DOMAINS, "toy", "tests.laws.toy_domain:DOMAIN")
    rows = [{"id": str(n), "text": ("ok ok = yes", "ok bad = yes", "ok = no")[n % 3]} for n in range(7)]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli("verify", "toy", "r.jsonl", "--json", "whole.jsonl")[0] == 1
    for number in (1, 2, 3):
        cli("verify", "toy", "r.jsonl", "--json", f"{number}.jsonl", "--shard", f"{number}/3")
    found = [[json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()] for name in ("whole", 1, 2, 3)]
    assert sorted([line for part in found[1:] for line in part], key=lambda line: line["id"]) == found[0] and len(found[1]) == 3
    assert "no records in shard 9/9 of r.jsonl" in refused(cli("verify", "toy", "r.jsonl", "--shard", "9/9"))


# -- merge and status -----------------------------------------------------------------------------------------------------------------


def _shard(cli: Run, toy: str, number: int, *more: str) -> None:  # noqa: F811
    words = ["curve", "--model", toy, "--item", "0-9", "--max-rollouts", "20", *more]
    assert cli(*words, "--shard", f"{number}/4", "--store", f"part-{number}.db")[0] == 0


def test_a_missing_shard_is_named_and_its_items_are(cli: Run, toy: str) -> None:  # noqa: F811
    for number in (1, 2, 4):
        _shard(cli, toy, number)
    code, out, err = cli("merge", "part-1.db", "part-2.db", "part-4.db", "--store", "all.db")
    assert code == 0 and "all.db holds" in out and "runs are new" in out
    assert err == "note: curve of the automaton, items 0-9: no run of the shards 3/4\n"
    code, out, _ = cli("status", "all.db", "--item", "0-9", "--max-rollouts", "20", "--batch", "8", "--store", "any.db")
    assert code == 1 and out.splitlines() == ["curve max-rollouts 20", "  done          8", "  begun         0", "  missing       2  2,6"]
    code, out, _ = cli("status", "part-1.db", "part-2.db", "--item", "0-9", "--json", "-")
    (row,) = json.loads(out)["runs"]
    assert code == 1 and (row["done"], row["begun"], row["missing"]) == ([0, 1, 4, 5, 8, 9], [], [2, 3, 6, 7])
    assert row["options"]["max_rollouts"] == 20 and "shard" not in row["options"]


def test_shards_of_other_seeds_are_runs_of_their_own(cli: Run, toy: str) -> None:  # noqa: F811
    for number in (1, 2, 3, 4):
        _shard(cli, toy, number, *(["--seed", "5"] if number == 3 else []))
    code, _, err = cli("merge", *(f"part-{number}.db" for number in (1, 2, 3, 4)), "--store", "all.db")
    assert code == 0 and sorted(err.splitlines()) == [
        "note: curve of the automaton, items 0-9, seed 5: no run of the shards 1/4, 2/4, 4/4",
        "note: curve of the automaton, items 0-9: no run of the shards 3/4",
    ]
    code, out, _ = cli("status", "all.db", "--item", "0-9")
    assert code == 1 and [line for line in out.splitlines() if line.startswith("curve")] == [
        "curve max-rollouts 20, seed 0",
        "curve max-rollouts 20, seed 5",
    ]
    code, out, _ = cli("status", "all.db", "--item", "2,6", "--seed", "5", "--measure", "curve")
    assert code == 0 and "missing       0" in out


def test_shards_of_other_models_and_a_part_named_twice_are_refused(cli: Run, toy: str, tmp_path: Path) -> None:  # noqa: F811
    _shard(cli, toy, 1)
    Path("other.json").write_text(Path(toy[4:]).read_text().replace("0.7", "0.6").replace("0.3", "0.4"))
    assert cli("sample", "--model", "toy:other.json", "--store", "other.db")[0] == 0
    assert "of the model 'toy:other.json'" in refused(cli("merge", "part-1.db", "other.db", "--store", "all.db"))
    assert "both a part and the target" in refused(cli("merge", "part-1.db", "--store", "part-1.db"))
    assert "name each part once" in refused(cli("merge", "part-1.db", "./part-1.db", "--store", "all.db"))
    assert "does not exist; nothing was merged" in refused(cli("merge", "part-1.db", "part-2.db", "--store", "all.db"))
    assert not Path("all.db").exists()
    code, out, _ = cli("merge", "part-1.db", "--store", "all.db", "--dry-run")
    assert code == 0 and "all.db would hold" in out and not Path("all.db").exists()


def test_shards_of_other_tasks_lie_side_by_side(cli: Run) -> None:  # noqa: F811
    for name, items in (("a", 3), ("b", 2)):
        rows = [{"id": f"{name}{n}", "question": "Which?", "options": ["x", "y"], "gold": "A"} for n in range(items)]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = ["sample", "--task", f"{name}.jsonl", "-n", "1", "--limit", "20", "--item", f"0-{items - 1}", "--store", f"{name}.db"]
        assert cli(*words)[0] == 0
    assert cli("merge", "a.db", "b.db", "--store", "all.db")[0] == 0
    assert cli("status", "all.db", "--task", "a.jsonl")[0] == 0
    code, out, _ = cli("status", "all.db", "--task", "b.jsonl", "--item", "b1", "--json", "-")
    assert code == 0 and json.loads(out)["runs"][0]["done"] == [1], "an id and an index are the same item"
    code, out, err = cli("status", "all.db", "--task", "a.jsonl", "--samples", "2")
    assert code == 1 and "no such run; the runs here are of: a.jsonl, b.jsonl" in err and "missing       3  0-2" in out


def test_what_status_cannot_answer(cli: Run, toy: str) -> None:  # noqa: F811
    _shard(cli, toy, 1)
    assert "items without end; give --item" in refused(cli("status", "part-1.db"))
    assert "world:steps makes items without end" in refused(cli("status", "part-1.db", "--task", "world:steps"))
    assert "unknown option '--seeed'; did you mean --seed" in refused(cli("status", "part-1.db", "--item", "0", "--seeed", "1"))
    assert "expected a value" in refused(cli("status", "part-1.db", "--item", "0", "--seed"))
    assert "unknown measure 'kurve'" in refused(cli("status", "part-1.db", "--item", "0", "--measure", "kurve"))
    assert "gone.db' does not exist" in refused(cli("status", "gone.db", "--item", "0"))
    assert "no store; name one" in refused(cli("status", "--seed", "1", "--item", "0"))
