"""The verb `modulo` on the bundled model, loops with feedback on a scripted one, and the verb `replay` on PlanBench's recorded loops."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click import ClickException, NoSuchOption

from tests.real_data import shared
from tests.tasks.blocks_cases import PLAN, PROMPT
from tokenworth.backends.model import Model
from tokenworth.cli.main import cli
from tokenworth.core.formats import format_named
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.core.request.kind import Response
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError, UnknownName
from tokenworth.methods.modulo.document import ModuloDoc
from tokenworth.methods.modulo.experiment import LoopItem
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.case import Measured
from tokenworth.workbench.choices import SamplerSettings

PROBLEM = Problem(id="three", question=PROMPT, kind=AnswerKind.EXACT)
WRONG = "(unstack b a)\n(stack b c)\n(stack a b)\n(pick-up b)\n"


class _Letters:
    """One id a character."""

    vocab_size = 0x110000

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(map(chr, ids))

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(chr(i).encode() for i in ids)


class _Scripted:
    """Answers with the plan where the prompt tells of a fault that the script knows, else with a wrong plan."""

    name, fingerprint = "scripted", "0" * 16
    capabilities = Capabilities(kinds=frozenset({"sample"}), leave=False)

    def __init__(self, needs: str) -> None:
        self.needs, self.prompts = needs, list[str]()

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for keyed in requests:
            assert isinstance(keyed.request, Sample)
            prompt = "".join(map(chr, keyed.request.sequence.prompt))
            self.prompts.append(prompt)
            text = "<think>\nhm\n</think>\n\n" + (PLAN if self.needs in prompt else WRONG)
            yield keyed.key, Rollout(ids=tuple(map(ord, text)), stop=StopReason.STOP)


def scripted(needs: str, context: int | None = 40_000) -> tuple[Workbench, _Scripted]:
    backend = _Scripted(needs)
    model = Model(
        name="scripted", backend=backend, codec=_Letters(), stop=(),
        render=lambda turns: tuple(map(ord, turns[-1]["content"])), context_length=context,
        format=format_named("think"), instruction=None,
    )  # type: ignore[arg-type]  # fmt: skip
    return Workbench(model), backend


def looped(bench: Workbench, *, limit: int | None = None, max_attempts: int = 4, **settings: Any) -> Measured[LoopItem, ModuloDoc]:
    sampling = SamplerSettings(limit=limit)
    return bench.case(PROBLEM).measure("modulo", sampling=sampling, critic="blocksworld", max_attempts=max_attempts, **settings)


def test_a_fault_that_is_fed_back_is_mended_and_plain_rejection_never_is() -> None:
    pytest.importorskip("unified_planning")
    bench, backend = scripted("PLAN_PRECONDITION at step 3")
    fed = looped(bench, feedback="first")
    item = fed.result
    assert item.result.accepted is not None and len(item.result.attempts) == 2 and item.correct
    (by,) = item.result.accepted.checked.by
    assert (by.critic, by.version, by.strictness) == ("blocksworld/pddl", "4", "strict")
    last = backend.prompts[-1]
    assert WRONG.strip() in last and last.count("\n- ") == 1 and PROMPT in last and "hm" not in last
    bench, backend = scripted("PLAN_PRECONDITION at step 3")
    assert looped(bench).result.result.accepted is None
    arms = {arm.name: arm for arm in fed.document.arms}
    assert arms["loop, feedback first"].solved.k == 1 and arms["loop"].solved.k == 0


def test_all_faults_are_told_where_that_is_asked() -> None:
    pytest.importorskip("unified_planning")
    bench, backend = scripted("never")
    looped(bench, feedback="all", max_attempts=2)
    assert backend.prompts[-1].count("\n- ") >= 2


def test_a_prompt_that_leaves_no_room_ends_the_loop() -> None:
    pytest.importorskip("unified_planning")
    bench, _ = scripted("never", context=len(PROMPT) + 400)
    item = looped(bench, feedback="all", limit=200).result
    assert item.result.stopped == "no room" and len(item.result.attempts) == 1


# -- the verb -------------------------------------------------------------------------------------------------------------------------


def call(*arguments: str) -> int:
    result = cli.main(args=list(arguments), standalone_mode=False, prog_name="tokenworth")
    assert isinstance(result, int)
    return result


TINY = ("modulo", "--model", "tiny", "--task", "world:steps")


@pytest.mark.slow
def test_the_bundled_model_runs_and_every_acceptance_names_its_verifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "out.json"
    arguments = (*TINY, "--item", "0-3", "--max-attempts", "8", "--arm-tokens", "300", "--critic", "reference")
    assert call(*arguments, "--json", str(out)) == 0
    text = capsys.readouterr().out
    facts = json.loads(out.read_text())
    assert facts["schema"] == "tokenworth.modulo/2" and facts["is_sound"] and facts["verifiers"][0]["strictness"] == "reference"
    assert "loop, UNSOUND verifier" in text and "majority vote" in text
    for item in facts["items"]:
        assert item["generated_tokens"] <= 300
        for attempt in item["attempts"]:
            assert bool(attempt["accepted_by"]) is attempt["accepted"] is (attempt["verdict"] == "correct")
            assert attempt["accepted"] or attempt["messages"]
    arms = {arm["name"]: arm for arm in facts["arms"]}
    assert arms["loop"]["n_wrong"] == 0 and all(arm["tokens"] <= 4 * 300 for arm in arms.values())
    assert arms["loop"]["solved"]["k"] == sum(item["correct"] is True for item in facts["items"])
    assert arms["loop"]["tokens"] == sum(item["generated_tokens"] for item in facts["items"]), "the live loop is the arm, on the same draws"


@pytest.mark.slow
def test_a_critic_of_the_form_alone_says_that_it_is_unsound(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert call(*TINY, "--max-attempts", "2", "--json", "-") == 0
    facts = json.loads(capsys.readouterr().out)
    assert not facts["is_sound"] and facts["verifiers"][0]["strictness"] == "unsound"
    assert call(*TINY, "--max-attempts", "2") == 0
    assert "UNSOUND: it may accept wrong answers" in capsys.readouterr().out


def test_a_dry_run_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert call(*TINY, "--item", "0-1", "--max-attempts", "3", "--limit", "100", "--dry-run") == 0
    assert "at most 6 rollouts, 600 tokens generated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (("modulo", "--model", "tiny"), InvalidInput, "--task"),
        ((*TINY, "--feedback", "first"), InvalidInput, "--feedback none"),
        ((*TINY, "--critic", "nonsense"), UnknownName, "critic"),
        ((*TINY, "--unsound-share", "2"), InvalidInput, "unsound share 2"),
        ((*TINY, "--unsound-share", "nan"), InvalidInput, "unsound share nan"),
        ((*TINY, "--level", "1"), InvalidInput, "level"),
        ((*TINY, "--json", "nodir/x.json"), MissingFile, "cannot write nodir/x.json"),
        (("replay", "blocksworld", "LOOPS", "--json", "nodir/x.json"), MissingFile, "cannot write nodir/x.json"),
        (("replay", "blocksworld", "LOOPS", "--strictness", "paper"), NoSuchOption, "--strictness"),
        (("replay", "blocksworld", "LOOPS", "--model", "tiny"), NoSuchOption, "--model"),
        (("replay", "blocksworld", "LOOPS", "--max-attempts", "8"), NoSuchOption, "--max-attempts"),
        (("replay", "blocksworld", "nowhere.jsonl"), MissingFile, "nowhere"),
        (("replay", "format", "LOOPS"), UnknownName, "domain 'format'"),
        (("replay", "blocksworld", "LOOPS", "--dialect", "pdll"), UnknownName, "did you mean pddl"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(arguments: tuple[str, ...], error: type[Exception], told: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "x.jsonl").write_text("{}\n")
    with pytest.raises(error) as caught:
        call(*(str(tmp_path / "x.jsonl") if word == "LOOPS" else word for word in arguments))
    message = caught.value.format_message() if isinstance(caught.value, ClickException) else str(caught.value)
    assert told in message and "\n" not in message


def test_ranges_and_files_are_checked_before_a_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*_: object, **__: object) -> Workbench:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tokenworth.cli.verb.open_bench", loaded)
    for wrong in (("--unsound-share", "0"), ("--level", "0"), ("--json", "nodir/x.json")):
        with pytest.raises(TokenworthError):
            call(*TINY, *wrong)
    with pytest.raises(AssertionError):
        call(*TINY)


# -- replay ---------------------------------------------------------------------------------------------------------------------------


def test_a_record_that_disagrees_gives_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("unified_planning")
    step = {"plan": PLAN, "verifier": {"validation_info": {"is_valid_plan": True}}}
    good = {"id": "good", "prompt": PROMPT, "act_correct": True, "steps": [step]}
    bad = {**good, "id": "bad", "steps": [{**step, "plan": WRONG}]}
    path = tmp_path / "loops.jsonl"
    path.write_text(json.dumps(good) + "\n")
    assert call("replay", "blocksworld", str(path)) == 0 and "1 of 1 verdicts agree" in capsys.readouterr().out
    path.write_text(json.dumps(good) + "\n" + json.dumps(bad) + "\n")
    assert call("replay", "blocksworld", str(path), "--json", "-") == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["summary"]["disagreements"] == [["bad", 0]] and facts["summary"]["n_never"] == 1
    assert facts["loops"][0]["steps"][0]["by"] == [{"critic": "blocksworld/pddl", "version": "4", "strictness": "strict"}]
    path.write_text(
        "".join(json.dumps({"prompt": PROMPT, **more, "steps": [{"plan": PLAN}]}) + "\n" for more in ({}, {"act_correct": True}))
    )
    assert call("replay", "blocksworld", str(path)) == 1
    text = capsys.readouterr().out
    assert "1 of 2 verdicts agree with the record (1 not written there but implied: the loop is recorded to have ended well; 1 not" in text
    assert f"disagreement: {path}:1, step 1" in text
    path.write_text("")
    with pytest.raises(InvalidInput, match="no records in"):
        call("replay", "blocksworld", str(path))


@pytest.mark.slow
def test_all_recorded_loops_have_their_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("unified_planning")
    path = shared("planbench", "o1preview-blocksworld-hard-llm-modulo-loop.jsonl.gz")
    assert call("replay", "blocksworld", str(path), "--json", "-") == 0
    counted = json.loads(capsys.readouterr().out)["summary"]
    assert counted["n_loops"] == 68 and counted["n_steps"] == counted["n_agreeing"] == 183 and counted["n_unrecorded"] == 17
    assert counted["accepted_at"] == {"0": 17, "1": 21, "2": 14, "3": 5, "4": 7, "5": 1, "6": 3} and counted["n_never"] == 0
    # Negative twin: with one recorded verdict turned round the replay must not agree.
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:3]
    step = next(step for row in rows for step in row["steps"] if step["verifier"] is not None)
    step["verifier"]["validation_info"]["is_valid_plan"] ^= True
    turned = tmp_path / "turned.jsonl"
    turned.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("replay", "blocksworld", str(turned)) == 1
