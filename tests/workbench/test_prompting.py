"""One's own prompt: what the model is asked, as ids, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tokenworth.cli.main import run
from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput, MissingFile
from tokenworth.store.sqlite import open_existing
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.prompting import Prompting, PromptSettings

PROBLEM = Problem(id="p", question="2 + 2?", options=(Option(label="A", text="4"), Option(label="B", text="5")), gold="A")


@pytest.fixture(scope="module")
def bench() -> Any:
    pytest.importorskip("torch")
    with Workbench("tiny") as made:
        yield made


def text_of(bench: Workbench, prompt: PromptSettings | Prompting | None, problem: Problem = PROBLEM) -> str:
    return bench.model.codec.decode(bench.case(problem, prompt=prompt).prompt)


def test_the_default_is_what_it_was(bench: Workbench) -> None:
    assert (
        bench.case(PROBLEM).prompt == bench.case(PROBLEM, prompt=PromptSettings()).prompt == bench.case(PROBLEM, prompt=Prompting()).prompt
    )


def test_a_template_of_ones_own(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "p.j2").write_text("{{ id }}: {{ question }}{% for o in options %} {{ o.label }}={{ o.text }}{% endfor %} [{{ message }}]")
    text = text_of(bench, PromptSettings(prompt=str(tmp_path / "p.j2")))
    assert "p: 2 + 2? A=4 B=5 [2 + 2?\n(A) 4\n(B) 5]" in text and text.count("<|user|>") == 1


def test_examples_are_earlier_turns(bench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user": "1 + 1?", "assistant": "2"}\n\n{"user": "3 + 3?", "assistant": "6"}\n')
    text = text_of(bench, PromptSettings(examples=str(path)))
    places = [text.index(one) for one in ("1 + 1?", "2", "3 + 3?", "6", "2 + 2?")]
    assert places == sorted(places) and text.count("<|user|>") == 3


def test_a_prefill_is_the_end_of_the_prompt(bench: Workbench) -> None:
    plain, begun = bench.case(PROBLEM).prompt, bench.case(PROBLEM, prompt=PromptSettings(prefill="Start with 2.")).prompt
    assert begun[: len(plain)] == plain and bench.model.codec.decode(begun[len(plain) :]) == "Start with 2."


def test_a_raw_prompt_has_no_template(bench: Workbench) -> None:
    text = text_of(bench, PromptSettings(raw_prompt=True, prefill="So"))
    assert text.endswith("(B) 5So") and "<|user|>" not in text
    for settings in ({"system": "x"}, {"examples": "e.jsonl"}):
        with pytest.raises(InvalidInput, match="no turns"):
            PromptSettings(raw_prompt=True, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "text", "said"), [
    ("prompt", "{{ question", "template fails: line 1"),
    ("prompt", "{{ ''.__class__ }}{{ x.y.z }}", "template fails"),
    ("prompt", "{% for i in range(100000000) %}{{ i }}{% endfor %}", "template fails"),
    ("examples", "", "no example"),
    ("examples", "[1]\n", r":1: expected a line"),
    ("examples", '{"user": "a"}\n', r":1: expected a line"),
    ("examples", '{"user": "a", "assistant": "b", "sytem": "c"}\n', "sytem"),
    ("examples", "{\n", r":1: "),
])  # fmt: skip
def test_files_that_cannot_be_used(bench: Workbench, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(InvalidInput, match=said):
        bench.case(PROBLEM, prompt=PromptSettings(**{name: str(tmp_path / "f")}))  # type: ignore[arg-type]
    with pytest.raises(MissingFile):
        PromptSettings(**{name: str(tmp_path / "none")}).texts()  # type: ignore[arg-type]


def test_the_record_of_a_run_says_it_all(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.j2").write_text("Q: {{ message }}")
    command = ["sample", "--task", "world:steps", "--samples", "2", "--store", "run.db", "--prompt", "p.j2", "--prefill", "Start"]
    assert run(command) == 0
    with open_existing("run.db") as store:
        (record,) = store.runs()
    assert record.config["prompt_template"] == "Q: {{ message }}" and record.config["prompt_prefill"] == "Start"
    # Another prompt is another request: nothing of this run is used for it.
    assert run([*command[:-2], "--json", "x.json"]) == 0
    assert json.loads(Path("x.json").read_text())["provenance"]["reused"] == 0


def test_an_automaton_is_asked_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.helpers import LADDER

    monkeypatch.chdir(tmp_path)
    Path("toy.json").write_text(json.dumps(LADDER))
    assert run(["sample", "--model", "toy:toy.json", "--system", "x"]) == 2
    assert "takes no task and no prompt" in capsys.readouterr().err
