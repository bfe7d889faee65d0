"""The command line as a user meets it: verbs on a toy automaton, resume, config files, and bad input in one line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import LADDER
from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.cli.main import run
from tokenworth.errors import BudgetExceeded, InvalidInput
from tokenworth.run.cost import Price
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Case

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def toy(tmp_path: Path) -> str:
    path = tmp_path / "toy.json"
    path.write_text(json.dumps(LADDER))
    return f"toy:{path}"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def refused(result: tuple[int, str, str]) -> str:
    """The one line of a refusal; fails on a traceback, another exit code or more lines."""
    code, _, err = result
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(lines) == 1 and "Traceback" not in err, err
    return lines[0]


CURVE_FIELDS = {
    "schema", "model", "sampling", "plan", "seed", "trace", "cuts", "value", "low", "high", "level", "n_effective", "outcomes",
    "rollouts", "generated_tokens", "budget", "provenance",
}  # fmt: skip


def test_curve_json_holds_what_scripts_rely_on(cli: Run, toy: str) -> None:
    code, out, err = cli("curve", "--model", toy, "--seed", "3", "--max-rollouts", "200", "--json", "-")
    assert code == 0, err
    document = json.loads(out)
    assert document.keys() >= CURVE_FIELDS and document["schema"] == "tokenworth.curve/1"
    n = len(document["trace"]["ids"])
    assert document["cuts"] == list(range(n + 1))
    assert len(document["trace"]["pieces"]) == len(document["trace"]["probabilities"]) == n
    for name in ("value", "low", "high", "n_effective"):
        assert len(document[name]) == n + 1
    assert all(a <= v <= b for a, v, b in zip(document["low"], document["value"], document["high"], strict=True))
    np.testing.assert_allclose(np.sum([document["outcomes"][label] for label in document["outcomes"]], axis=0), 1.0)
    assert document["rollouts"] == 200 == len(document["samples"])


def _without_provenance(text: str) -> dict[str, object]:
    document = json.loads(text)
    document.pop("provenance")
    return document


@pytest.mark.parametrize("plan", [["--plan", "excursions"], ["--plan", "plain", "--samples", "5"], ["--plan", "stride", "--stride", "2"]])
def test_a_second_run_draws_nothing_and_gives_the_same_result(cli: Run, toy: str, plan: list[str]) -> None:
    command = ["curve", "--model", toy, "--store", "run.db", "--json", "-", *plan]
    first, second = cli(*command), cli(*command)
    assert first[0] == second[0] == 0
    assert _without_provenance(first[1]) == _without_provenance(second[1])
    assert json.loads(second[1])["provenance"]["drawn"] == 0


def test_seeds_name_streams(cli: Run, toy: str) -> None:
    texts = [cli("curve", "--model", toy, "--seed", seed, "--max-rollouts", "50", "--json", "-")[1] for seed in ("1", "1", "2")]
    assert _without_provenance(texts[0]) == _without_provenance(texts[1]) != _without_provenance(texts[2])


def test_a_given_trace_is_the_base(cli: Run, toy: str) -> None:
    for content in ("[0, 1, 3, 6]", "0 1 3 6\n", '{"ids": [0, 1, 3, 6]}'):
        Path("ids").write_text(content)
        document = json.loads(cli("curve", "--model", toy, "--trace-ids", "ids", "--max-rollouts", "20", "--json", "-")[1])
        assert document["trace"]["ids"] == [0, 1, 3, 6]
    Path("ids").write_text("[0, 1]")
    document = json.loads(cli("curve", "--model", toy, "--trace-ids", "ids", "--max-rollouts", "20", "--json", "-")[1])
    assert document["trace"]["ids"][:2] == [0, 1] and len(document["trace"]["ids"]) == 4


def test_forced_on_an_automaton_reads_exact_probabilities(cli: Run, toy: str) -> None:
    Path("ids").write_text("[0, 1, 3, 6]")
    code, out, err = cli("forced", "--model", toy, "--trace-ids", "ids", "--exit", "t3 ", "--options", "t6 ,t7 ", "--json", "-")
    assert code == 0, err
    exit_doc = json.loads(out)["exits"][0]
    # Only at cut 2 (state b) can t3 be written: .9 · .8 and .9 · .2 are of the suffix; the options are read after it.
    assert exit_doc["mass"][0] == 0 and exit_doc["probability"][0][2] == pytest.approx(0.8)
    assert exit_doc["probability"][1][2] == pytest.approx(0.2)


def test_sample_reports_accuracy_with_an_interval(cli: Run, toy: str) -> None:
    document = json.loads(cli("sample", "--model", toy, "-n", "200", "--json", "-")[1])
    assert document["low"] < 0.689 < document["high"] and sum(document["outcomes"].values()) == 200


def test_report_and_export_of_a_result(cli: Run, toy: str) -> None:
    assert cli("curve", "--model", toy, "--store", "run.db", "--json", "curve.json", "--report", "one.html")[0] == 0
    assert cli("report", "curve.json", "-o", "two.html")[0] == 0
    assert Path("one.html").read_text().startswith("<!") and Path("two.html").stat().st_size > 10_000
    assert "P(correct)" in cli("report", "curve.json", "--text")[1]
    assert cli("export", "run.db", "-o", "again.json")[0] == 0
    assert _without_provenance(Path("again.json").read_text()) == _without_provenance(Path("curve.json").read_text())
    code, out, _ = cli("runs", "--store", "run.db")
    assert code == 0 and "curve" in out and "finished" in out


def test_dry_run_calls_no_model_and_prices(cli: Run, toy: str) -> None:
    prices = ["--price-input", "1", "--price-output", "2"]
    code, out, _ = cli("curve", "--model", toy, "--dry-run", "--store", "run.db", *prices)
    assert code == 0 and "curve, next batch: 1 requests" in out and "at most 0.0200 USD" in out and "no bound" in out
    assert not Path("run.db").exists(), "a dry run leaves nothing behind"
    bounded = json.loads(cli("curve", "--model", toy, "--dry-run", "--max-rollouts", "100", "--limit", "50", *prices, "--json", "-")[1])
    # The longest prefix of an excursion has 49 tokens; the table of next-token probabilities reads as many once more.
    read, written = 100 * 49 + 49, 101 * 50
    assert bounded["at_most"] == {
        "rollouts": 101, "generated_tokens": written, "input_tokens": read, "money": pytest.approx((read + 2 * written) / 1e6),
    }  # fmt: skip
    assert bounded["currency"] == "USD"
    assert cli("sample", "--model", toy, "-n", "1", "--store", "run.db")[0] == 0
    code, out, _ = cli("curve", "--model", toy, "--dry-run", "--store", "run.db", "--max-rollouts", "9")
    assert code == 0 and "curve, next batch" in out and "at most 10 rollouts" in out


@pytest.mark.parametrize("plan", [["plain", "--samples", "3"], ["stride", "--stride", "2", "--samples", "3"]])
def test_the_bound_of_a_given_trace_is_what_is_drawn(cli: Run, toy: str, plan: list[str]) -> None:
    assert cli("curve", "--model", toy, "--max-rollouts", "20", "--json", "first.json")[0] == 0
    ids = json.loads(Path("first.json").read_text())["trace"]
    Path("ids.json").write_text(json.dumps(ids["ids"] + ids["answer_ids"]))
    given = ["curve", "--model", toy, "--trace-ids", "ids.json", "--plan", *plan, "--json", "-"]
    bound = json.loads(cli(*given, "--dry-run")[1])["at_most"]["rollouts"]
    assert bound == json.loads(cli(*given)[1])["rollouts"]


PRICES = "[models.small]\ninput = 1\ncached_input = 0.1\noutput = 2\n[models.'http://host/v1#large']\ninput = 3\noutput = 4\n"


def opened(monkeypatch: pytest.MonkeyPatch, cli: Run, *options: str) -> tuple[tuple[int, str, str], dict[str, object]]:
    """The command's outcome and what it gave to the workbench, which refuses."""
    given: dict[str, object] = {}

    def bench(model: str, **options: object) -> None:
        given.update(options)
        raise InvalidInput("no server here")

    monkeypatch.setattr("tokenworth.cli.choices.Workbench", bench)
    model = () if "--model" in options else ("--model", "http://host/v1#small")
    return cli("sample", *model, "--task", "world:steps", *options), given


def test_prices_and_the_limit_reach_the_model(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("prices.toml").write_text(PRICES)
    result, given = opened(monkeypatch, cli, "--prices", "prices.toml", "--max-usd", "0.5")
    assert "no server here" in refused(result)
    assert given["price"] == Price(input_per_million=1.0, cached_input_per_million=0.1, output_per_million=2.0) and given["max_usd"] == 0.5
    _, given = opened(monkeypatch, cli, "--prices", "prices.toml", "--price-output", "9", "--price-cached", "0")
    assert given["price"] == Price(input_per_million=1.0, cached_input_per_million=0.0, output_per_million=9.0), "the command line wins"
    _, given = opened(monkeypatch, cli, "--price-input", "5", "--price-output", "9", "--max-usd", "3")
    assert given["price"] == Price(input_per_million=5.0, output_per_million=9.0)
    _, given = opened(monkeypatch, cli, "--prices", "prices.toml", "--model", "http://host/v1#large")
    assert given["price"] == Price(input_per_million=3.0, output_per_million=4.0), "a whole address comes before the name in it"
    assert opened(monkeypatch, cli)[1]["price"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-usd", "3"], "--max-usd 3 needs prices: give --prices FILE.toml, or --price-input and --price-output"),
        (["--max-usd", "3", "--price-input", "1"], "no output price; give --price-output"),
        (["--max-usd", "3", "--price-input", "1", "--dry-run"], "needs prices"),
        (["--max-usd", "0", "--price-input", "1", "--price-output", "1"], "--max-usd 0.0"),
        (["--max-usd", "nan", "--price-input", "1", "--price-output", "1"], "--max-usd nan"),
        (["--max-usd", "3", "--prices", "none.toml"], "none.toml"),
        (["--prices", "prices.toml", "--model", "http://host/v1#smal"], "did you mean small"),
        (["--prices", "euro.toml", "--max-usd", "3"], "euro.toml are in EUR; expected USD"),
        (["--prices", "euro.toml", "--price-input", "3"], "in EUR; give one or the other"),
        (["--prices", "prices.toml", "--max-usd", "3", "--model", "TOY"], "costs nothing here"),
        (["--max-usd", "3", "--model", "tiny"], "costs nothing here"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(cli: Run, toy: str, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str) -> None:
    Path("prices.toml").write_text(PRICES)
    Path("euro.toml").write_text('currency = "EUR"\n' + PRICES)
    assert says in refused(opened(monkeypatch, cli, *(toy if option == "TOY" else option for option in options))[0])


def test_a_dry_run_says_what_the_limit_is(cli: Run, toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenworth.cli.money.is_served", lambda name: True)
    prices = ["--price-input", "1", "--price-output", "2", "--max-usd", "0.5"]
    code, out, _ = cli("curve", "--model", toy, "--dry-run", "--max-rollouts", "100", "--limit", "50", *prices)
    assert code == 0 and "at most 101 rollouts, 5,050 tokens generated, at most 0.0150 USD." in out
    assert "It stops before it has cost more than 0.5 USD" in out
    assert "until it is done" in cli("curve", "--model", toy, "--dry-run", *prices)[1]
    assert json.loads(cli("sample", "--model", toy, "--dry-run", "--json", "-", *prices)[1])["max_usd"] == 0.5


def test_prices_are_free_to_stay_where_a_local_model_is_used(cli: Run, toy: str) -> None:
    Path("prices.toml").write_text(PRICES)
    assert cli("sample", "--model", toy, "-n", "2", "--prices", "prices.toml")[0] == 0


def test_an_item_that_fails_harms_no_other(cli: Run, toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Workbench.case

    def case(self: Workbench, task: object = None, item: int | str = 0, **options: Any) -> Case:
        if item == "1":
            raise InvalidInput("no\nsuch \x1b[31mproblem")
        return whole(self, item=item, **options)

    monkeypatch.setattr(Workbench, "case", case)
    Path("out").mkdir()
    code, out, err = cli("sample", "--model", toy, "--item", "0-2", "--store", "x.db", "--json", "out/{item}.json")
    assert code == 1 and sorted(path.name for path in Path("out").iterdir()) == ["0.json", "2.json"]
    assert sum(line.startswith("item 1: no") for line in err.splitlines()) == 1 and "\x1b" not in err and out.count("P(correct)") <= 2
    assert "name each; write {item}" in refused(cli("sample", "--model", toy, "--item", "0-2", "--json", "out.json"))
    assert "no\\nsuch" not in refused(cli("sample", "--model", toy, "--item", "1")), "the error of the only item is that of the run"


def test_spent_money_ends_the_items_that_are_left_in_two_lines(cli: Run, toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(self: ToyBackend, requests: object) -> None:
        raise BudgetExceeded("the money is spent")

    monkeypatch.setattr(ToyBackend, "answer", answer)
    code, out, err = cli("sample", "--model", toy, "--item", "0-99", "--store", "x.db")
    lines = [line for line in err.splitlines() if "spent" in line or "paid" in line]
    assert code == 1 and not out and lines == ["item 0: the money is spent", "99 more items could not be paid for either"]


def test_two_imports_into_one_folder_keep_the_documents_of_both(cli: Run, toy: str) -> None:
    for seed in ("1", "2"):
        assert cli("sample", "--model", toy, "--seed", seed, "--json", f"{seed}.json")[0] == 0
        assert cli("import", f"{seed}.json", "--out", "found")[0] == 0
    kept = [json.loads(path.read_text())["seed"] for path in sorted(Path("found").iterdir())]
    assert kept == [1, 2]
    assert cli("import", "2.json", "--out", "found")[0] == 0 and len(list(Path("found").iterdir())) == 2


@pytest.mark.parametrize("verb", ["report", "import", "export", "runs", "doctor", "demo"])
def test_every_plain_verb_takes_json_and_config(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--json", "--config"))


def test_config_file_sets_options_and_the_command_line_wins(cli: Run, toy: str) -> None:
    Path("run.toml").write_text(f'model = "{toy}"\nseed = 4\n[curve]\nmax-rollouts = 30\n')
    document = json.loads(cli("curve", "--config", "run.toml", "--json", "-")[1])
    assert document["seed"] == 4 and document["rollouts"] == 30
    document = json.loads(cli("curve", "--config", "run.toml", "--max-rollouts", "7", "--json", "-")[1])
    assert document["rollouts"] == 7
    Path("run.toml").write_text("[curve]\nmax-rolouts = 30\n")
    assert "max-rollouts" in refused(cli("curve", "--config", "run.toml"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["curv"], "curve"),
        (["curve", "--sampels", "3"], "--samples"),
        (["curve", "--model", "tyni"], "tiny"),
        (["curve", "--model", "toy:none.json"], "none.json"),
        (["curve", "--model", "TOY", "--plan", "excrusions"], "excursions"),
        (["curve", "--model", "TOY", "--temperature", "-1"], "temperature"),
        (["curve", "--model", "TOY", "--temperature", "nan"], "temperature"),
        (["curve", "--model", "TOY", "--top-p", "0"], "top-p"),
        (["curve", "--model", "TOY", "--samples", "0"], "samples"),
        (["curve", "--model", "TOY", "--plan", "stride"], "stride"),
        (["curve", "--model", "TOY", "--max-rollouts", "0"], "rollouts"),
        (["curve", "--model", "TOY", "--half-width", "2"], "half-width"),
        (["curve", "--model", "TOY", "--trace-ids", "none"], "none"),
        (["curve", "--model", "TOY", "--trace-ids", "empty"], "empty"),
        (["curve", "--model", "TOY", "--trace-ids", "words"], "words"),
        (["curve", "--model", "TOY", "--trace-ids", "foreign"], "vocabulary"),
        (["curve", "--model", "TOY", "--trace-ids", "illegal"], "state"),
        (["curve", "--model", "TOY", "--base", "99", "--draws", "3"], "99"),
        (["curve", "--model", "TOY", "--task", "world:steps"], "automaton"),
        (["curve", "--model", "TOY", "--config", "none.toml"], "none.toml"),
        (["curve", "--model", "TOY", "--config", "words"], "words"),
        (["sample", "--model", "TOY", "-n", "0"], "samples"),
        (["sample", "--model", "TOY", "--store", "words"], "words"),
        (["forced", "--model", "TOY"], "exit"),
        (["forced", "--model", "TOY", "--exit", "t3 ", "--options", "t6 "], "two options"),
        (["forced", "--model", "TOY", "--exit", "t3 ", "--options", "t6 ,t6 t7 "], "overlap"),
        (["report", "none.json"], "none.json"),
        (["report", "words"], "words"),
        (["export", "words", "-o", "x.parquet"], "words"),
        (["runs", "--store", "none.db"], "none.db"),
        (["import", "none"], "none"),
    ],
)
def test_bad_input_is_one_line_with_exit_code_2(cli: Run, toy: str, arguments: list[str], says: str) -> None:
    for name, content in (("empty", "[]"), ("words", "not ids"), ("foreign", "[0, 99]"), ("illegal", "[0, 5]")):
        Path(name).write_text(content)
    assert says in refused(cli(*(toy if a == "TOY" else a for a in arguments)))


def test_a_store_of_another_model_is_refused(cli: Run, toy: str, tmp_path: Path) -> None:
    assert cli("sample", "--model", toy, "--store", "run.db")[0] == 0
    before = Path("run.db").read_bytes()
    other = json.loads(json.dumps(LADDER).replace("0.7", "0.6").replace("0.3", "0.4"))
    Path("other.json").write_text(json.dumps(other))
    line = refused(cli("sample", "--model", "toy:other.json", "--store", "run.db"))
    assert "toy:other.json" in line and "toy.json" in line
    assert Path("run.db").read_bytes() == before


def test_a_full_disk_is_one_line_and_leaves_no_part(cli: Run, toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = set(Path().iterdir())
    monkeypatch.setattr(os, "fsync", full)
    line = refused(cli("curve", "--model", toy, "--max-rollouts", "5", "--report", "page.html"))
    assert "page.html" in line and "No space left" in line and set(Path().iterdir()) == before


def test_help_of_every_verb() -> None:
    from tokenworth.cli.main import cli as group

    for verb in group.list_commands(None):  # type: ignore[arg-type]
        assert run([verb, "--help"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("code", ["import tokenworth", "from tokenworth.cli.main import run; run(['report', '--help'])"])
def test_torch_stays_unloaded(code: str) -> None:
    check = f"import sys; {code}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.slow
def test_the_test_above_can_fail() -> None:
    pytest.importorskip("torch")
    check = "import sys, torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sample", "--concurrency", "4"], "--concurrency is for servers, and TOY is not one; leave it out"),
        (["sample", "--timeout", "1"], "--timeout is for servers"),
        (["sample", "--max-mb", "1"], "--max-mb 1 is for a page; give --report FILE.html, or leave it out"),
        (["modulo", "--dialect", "zzz"], "dialect zzz: only a formal critic has one, and format is none; leave it out"),
        (["doctor", "--concurrency", "4"], "--concurrency is for servers"),
        (["modulo", "--strictness", "paper"], "strictness paper: only a formal critic has one"),
    ],
)
def test_what_would_have_no_effect_is_refused(cli: Run, toy: str, words: list[str], told: str) -> None:
    assert told.replace("TOY", toy) in refused(cli(*words, "--model", toy))


@pytest.mark.slow
def test_a_target_that_no_answer_can_be_is_refused(cli: Run) -> None:
    told = refused(cli("curve", "--task", "world:steps", "--target", "label:ZZZ", "--max-rollouts", "8"))
    assert "unknown outcome of the target 'ZZZ'; known: A, B, C, D" in told
    code, out, _ = cli("curve", "--task", "world:steps", "--target", "label:unparseable", "--max-rollouts", "8")
    assert code == 0 and "P(unparseable)" in out


@pytest.mark.slow
def test_a_target_is_an_outcome_of_the_grader_in_use(cli: Run) -> None:
    curve = ("curve", "--task", "world:steps", "--max-rollouts", "8")
    assert cli(*curve, "--grader", "exact", "--target", "label:7")[0] == 0
    assert "is not a number" in refused(cli(*curve, "--grader", "numeric", "--target", "label:7"))


@pytest.mark.slow
def test_a_line_of_a_config_file_is_refused_nowhere(cli: Run, toy: str) -> None:
    Path("all.toml").write_text("max_mb = 2\nconcurrency = 4\n")
    assert cli("sample", "--model", toy, "-n", "2", "--config", "all.toml")[0] == 0


def test_a_shared_line_that_means_nothing_for_a_verb_is_left_out_there(cli: Run, toy: str) -> None:
    shared = "samples = 5\nstride = 2\nmax-usd = 1.0\nread-mass = 0.4\nrefine = 0.2\n"
    Path("all.toml").write_text(shared)
    document = json.loads(cli("curve", "--model", toy, "--max-rollouts", "40", "--config", "all.toml", "--json", "-")[1])
    assert document["plan"]["name"] == "excursions" and document["plan"]["samples"] is None
    document = json.loads(cli("curve", "--model", toy, "--plan", "stride", "--config", "all.toml", "--json", "-")[1])
    assert (document["plan"]["samples"], document["plan"]["stride"], document["plan"]["refine"]) == (5, 2, 0.2)
    # What is said to the verb itself has to mean something there.
    assert "--plan plain or stride" in refused(cli("curve", "--model", toy, "--config", "all.toml", "--samples", "5"))
    Path("own.toml").write_text("[curve]\nsamples = 5\n")
    assert "--plan plain or stride" in refused(cli("curve", "--model", toy, "--config", "own.toml"))
    Path("bad.toml").write_text("samples = 0\n")
    assert "expected at least 1" in refused(cli("curve", "--model", toy, "--config", "bad.toml"))


def test_a_measure_names_a_task_that_it_takes(cli: Run) -> None:
    assert "give --task, such as maze:searchformer/7 " in refused(cli("edits"))
    assert "give --task, such as world:steps " in refused(cli("modulo"))
    told = " ".join(cli("edits", "--help-all")[1].split())
    assert "Where problems come from: maze:FAMILY/SIDE. --item" in told and "[default: maze-correct]" in told


def test_options_for_reading_answers_stand_where_a_model_may_read_them(cli: Run) -> None:
    for verb in ("sample", "curve", "forced", "edits", "modulo"):
        told = cli(verb, "--help-all")[1]
        assert ("--read-text" in told) == ("read is" in " ".join(told.split())) == (verb in ("sample", "curve", "forced"))


@pytest.mark.slow
def test_a_dry_run_prices_what_it_can(cli: Run) -> None:
    asked = [{"id": str(i), "question": "What? " * n, "options": ["x", "y"], "gold": "A"} for i, n in enumerate((1, 400, 1))]
    Path("problems.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    code, out, err = cli("sample", "--task", "problems.jsonl", "--item", "0-2", "-n", "2", "--limit", "50", "--dry-run")
    assert code == 1 and out.count("next batch") == 2 and err.count("item 1: ") == 1 and "Traceback" not in err
    assert "longer than" not in err, "a warning of a library"
    assert "1 of 3 items failed and are in no sum" in out
    code, out, err = cli("sample", "--task", "problems.jsonl", "--item", "1,8", "--limit", "50", "--dry-run", "--json", "-")
    assert code == 1 and json.loads(out) == {"steps": {}, "failed": 2} and len(err.splitlines()) == 2


@pytest.mark.slow
def test_a_derived_result_is_recorded_beside_what_it_was_derived_from(cli: Run) -> None:
    draw = ("sample", "--model", "maze-correct", "--task", "maze:searchformer/7", "-n", "4", "--store", "run.db")
    assert cli(*draw)[0] == 0
    code, out, _ = cli("first-errors", "--store", "run.db", "--dry-run", "--json", "errors.json")
    assert code == 0 and "4 draws of maze-correct" in out and not Path("errors.json").exists()
    assert cli("first-errors", "--store", "run.db")[0] == 0
    runs = json.loads(cli("runs", "--store", "run.db", "--json", "-")[1])["runs"]
    assert [one["verb"] for one in runs] == ["sample", "first-errors"] and runs[1]["has_result"]
    assert runs[1]["options"]["source"] == "run.db"
    assert "4 draws of maze-correct" in cli("report", "--store", "run.db", "--text")[1]


def test_runs_are_told_apart_by_what_they_were_asked(cli: Run, toy: str) -> None:
    curve = ("curve", "--model", toy, "--max-rollouts", "30", "--store", "run.db")
    assert cli(*curve)[0] == cli(*curve, "--target", "own", "--base", "0")[0] == 0
    first, second = cli("runs", "--store", "run.db")[1].splitlines()[1:]
    assert first.endswith("item 0, max-rollouts 30") and "target own" in second and "base 0" in second
