"""The bundled models of mazes: what they are, and that they do what their cards say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tokenworth.backends.bundled import BUNDLED
from tokenworth.core.document import Provenance
from tokenworth.core.verification import Strictness
from tokenworth.errors import InvalidInput
from tokenworth.methods.verify.traces import verdicts_of, verified_documents
from tokenworth.tasks.load import load_item
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.page import write_report

MODELS = ("maze-correct", "maze-swapped")


@pytest.mark.parametrize("name", MODELS)
def test_files_are_whole_small_and_as_summed(name: str) -> None:
    folder = BUNDLED[name][0]
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    assert set(sums) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for file, digest in sums.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest, file
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000


def test_models_do_what_their_cards_say(tmp_path: Path) -> None:
    """12 draws on each of 10 mazes; at the cards' shares of plans (.88 and .62) the bounds fail once in 1e6 or less."""
    right: dict[str, int] = {}
    valid: dict[str, int] = {}
    for name in MODELS:
        with Workbench(name) as bench:
            for item in range(10):
                case = bench.case("maze:searchformer/7", item)
                samples = case.sample(12, seed=1)
                assert case.problem is not None and case.problem == load_item("maze:searchformer/7", item)
                right[name] = right.get(name, 0) + round(12 * samples.result.accuracy)
                found = verdicts_of(samples.document)
                # The grader and the verifier judge the same plans.
                graded = [grade.verdict == "correct" for grade in samples.result.grades]
                assert [v.plan_valid is True for v in found] == graded
                valid[name] = valid.get(name, 0) + sum(v.trace_valid is True for v in found)
    assert right["maze-correct"] > 75 > 20 < right["maze-swapped"]
    assert valid["maze-correct"] > 50 and valid["maze-swapped"] == 0


def test_a_report_of_a_maze_brings_its_verdicts(tmp_path: Path) -> None:
    with Workbench("maze-swapped", store=tmp_path / "run.db") as bench:
        case = bench.case("maze:searchformer/7", 1)
        samples = case.sample(4, seed=0, base="0")
        curve = case.curve(samples.trace("0"), plan="stride", stride=20, samples=2, seed=0)
    (found,) = verified_documents([curve.document, samples.document], provenance=Provenance(version="1"))
    assert [table.group for table in found.tables] == ["maze-swapped"]
    # The base trace of the curve is one of the samples and counts once.
    assert found.tables[0].n == 4 == len(found.traces) and found.strictness == str(Strictness.STRICT)
    page = write_report(tmp_path / "r.html", curve, samples).read_text(encoding="utf-8")
    assert "CLOSED_AGAIN" in page or "WALL" in page or "NOT_OPEN" in page
    assert verified_documents([], provenance=Provenance(version="1")) == ()


@pytest.mark.parametrize("task", ["world:steps", "maze:wilson/9"])
def test_a_question_in_unknown_words_is_refused(task: str) -> None:
    with Workbench("maze-correct") as bench, pytest.raises(InvalidInput, match=r"no token for \d+ words .* maze:searchformer/7"):
        bench.case(task, 0)


def test_plans_are_voted_for_by_what_they_say() -> None:
    """A vote over outcomes would know which plans are right: all of these are one outcome and different plans."""
    from tokenworth.methods.modulo.experiment import ballot
    from tokenworth.tasks.judge import answer_text

    with Workbench("maze-correct") as bench:
        case = bench.case("maze:searchformer/7", 3)
        samples = case.sample(24, seed=1).result
        close = case.model.codec.encode(" solution")
    told = {
        ballot(case.subject(), grade, rollout.ids)
        for rollout, grade in zip(samples.rollouts, samples.grades, strict=True)
        if grade.outcome == "PLAN_WALL"
    }
    texts = {
        " ".join((answer_text(rollout.ids, case.model.codec, close) or "").split())
        for rollout, grade in zip(samples.rollouts, samples.grades, strict=True)
        if grade.outcome == "PLAN_WALL"
    }
    assert len(texts) > 1 and told == texts
