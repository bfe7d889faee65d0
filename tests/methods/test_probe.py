"""Probes of a planted model: which layer knows what, and how well, is given; so is what text and forced answer know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from tests.helpers import LADDER
from tests.stats.test_nested import Z, bound
from tokenworth import catalog
from tokenworth.backends.model import Model
from tokenworth.cli.main import run
from tokenworth.core.formats import format_named
from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.problem import Option, Problem
from tokenworth.core.request.hidden import Hidden, HiddenTable
from tokenworth.core.request.kind import Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput, MismatchError, Unsupported
from tokenworth.exporters.tensors import write_tensors
from tokenworth.methods.probe.arrays import states_of, tensors_of
from tokenworth.methods.probe.document import ProbeDoc
from tokenworth.methods.probe.evaluate import LEAST_QUESTIONS
from tokenworth.methods.probe.labels import ending_label, forced_features, needed_label, state_labels
from tokenworth.methods.probe.settings import ProbeSettings
from tokenworth.store.documents import document_json, parse_document
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.runner import Job

WIDTH, LAYERS, PLANTED = 8, 3, 1
OPTIONS = tuple(Option(label=one, text=f"the {one.lower()}") for one in "ABCD")


class _Letters:
    """One id a character."""

    vocab_size = 0x110000

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(map(chr, ids))

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(chr(i).encode() for i in ids)


class Planted:
    """A model whose question's number decides everything: how often rollouts are right, and one direction of one layer.

    ``value``: number → P(right). ``shift``: number → what is added to direction 0 of layer `PLANTED`. The forced answer knows nothing.
    """

    name = "planted"
    capabilities = Capabilities(kinds=frozenset({"sample", "hidden", "read"}), leave=False)

    def __init__(self, value: Any, shift: Any, fingerprint: str = "f" * 16) -> None:
        self.value, self.shift, self.fingerprint = value, shift, fingerprint

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for keyed in requests:
            yield keyed.key, self.one(keyed.request)

    def one(self, request: Any) -> Response:
        number = int("".join(map(chr, request.sequence.prompt)).split("#")[1][:3])
        if isinstance(request, Read):
            n = len(request.cuts)
            flat = np.full((n, 4), np.log(0.25))
            return ReadTable(logprob=flat, top_id=np.zeros(n, dtype=np.int64), top_logprob=flat[:, 0], token_forwards=n)
        if isinstance(request, Hidden):
            layers = request.layers or tuple(range(LAYERS))
            rng = np.random.default_rng([number, 1])
            cube = rng.normal(size=(len(request.cuts), LAYERS, WIDTH))
            cube[:, PLANTED, 0] += self.shift(number)
            kept = cube[:, list(layers)]
            return HiddenTable(layers=len(layers), states=kept.reshape(-1, WIDTH).astype(np.float32))
        assert isinstance(request, Sample)
        draw = np.random.default_rng([number, request.cut, request.index, 2])
        label = "A" if draw.random() < self.value(number) else "BCD"[draw.integers(3)]
        text = f"<think>hm hm hm hm</think>\n\nThe answer is ({label})."
        return Rollout(ids=tuple(map(ord, text)), stop=StopReason.STOP)


def bench_of(backend: Planted) -> Workbench:
    return Workbench(
        Model(
            name="planted", backend=backend, codec=_Letters(), stop=(), render=lambda turns: tuple(map(ord, turns[-1]["content"])),
            context_length=4000, format=format_named("think"), instruction=None,
        )  # type: ignore[arg-type]
    )  # fmt: skip


def probed(backend: Planted, n: int, *, first: int = 0, tasks: Sequence[str] = ("t",), **settings: Any) -> ProbeDoc:
    bench, measure = bench_of(backend), catalog.load(catalog.MEASURES, "measure", "probe")
    made = [
        Problem(id=f"q{i}", question=f"#{i:03}", options=OPTIONS, gold="A", task=tasks[i % len(tasks)]) for i in range(first, first + n)
    ]
    job = Job(measure=measure, settings=ProbeSettings(**settings), task="planted")
    *_, last = bench.runner.run(job, [(one.id, lambda one=one: bench.case(one)) for one in made])
    if last.error is not None:
        raise last.error
    assert isinstance(last.document, ProbeDoc)
    return last.document


def coin(number: int) -> int:
    return int(np.random.default_rng([number, 3]).random() < 0.5)


def needing(d: float) -> Planted:
    """Questions that need their trace have rollouts that are always right, the others 1 in 4; layer 1 knows by d′ = d."""
    return Planted(lambda i: 1.0 if coin(i) else 0.25, lambda i: d * coin(i))


def score(doc: ProbeDoc, name: str) -> Any:
    return next(one for one in doc.scores if one.name == name)


@pytest.fixture(scope="module")
def found() -> ProbeDoc:
    return probed(needing(1.5), 160, samples=8, unclear=True)


# -- a planted direction --------------------------------------------------------------------------------------------------------------


def test_a_planted_direction_is_told_and_nothing_else_is(found: ProbeDoc) -> None:
    """AUROC Φ(1.5/√2) = .856, within its sampling error at 160 questions and .04 for the fit."""
    truth = float(norm.cdf(1.5 / np.sqrt(2)))
    q1, q2, half = truth / (2 - truth), 2 * truth**2 / (1 + truth), 80
    error = np.sqrt((truth * (1 - truth) + (half - 1) * (q1 + q2 - 2 * truth**2)) / half**2)
    probe = score(found, "probe")
    assert truth - 0.04 - Z * error < probe.quality.value < truth + Z * error
    assert found.probe is not None and found.probe.layer == PLANTED
    assert [one.chosen for one in found.layers] == [0, 5, 0]
    for name in ("length", "forced", "random features", "labels shuffled", "random by question"):
        assert abs(score(found, name).quality.value - 0.5) < bound(160), name
    assert score(found, "baseline").gain.low > 0
    assert found.strata[0].questions == len(found.questions) == 160 and found.left_out == 0
    assert found.brier is not None and found.brier_base is not None and found.brier < found.brier_base
    assert "must not" not in " ".join(found.notes) and any("need not be what the model uses" in one for one in found.notes)


def test_where_nothing_is_planted_nothing_is_told() -> None:
    """The negative twin."""
    doc = probed(needing(0.0), 160, samples=8, unclear=True)
    assert abs(score(doc, "probe").quality.value - 0.5) < bound(160)
    assert any("is not shown to tell more than words" in one for one in doc.notes)


def test_questions_that_the_draws_do_not_settle_are_left_out(found: ProbeDoc) -> None:
    few = probed(needing(1.5), 40, samples=6)
    assert 0 < len(few.questions) < 40 and few.left_out == 40 - len(few.questions)
    assert any("contains the margin" in one for one in few.notes)


@pytest.mark.parametrize(
    ("k", "forced", "keep", "expected"),
    [(100, 0.25, False, 1.0), (25, 0.25, False, 0.0), (45, 0.25, False, np.nan), (46, 0.25, True, 1.0), (44, 0.25, True, 0.0)],
)
def test_a_trace_is_needed_where_its_interval_says_so(k: int, forced: float, keep: bool, expected: float) -> None:
    assert needed_label(k, 100, forced, margin=0.2, level=0.95, keep=keep) == pytest.approx(expected, nan_ok=True)


def test_what_the_task_alone_decides_is_no_finding() -> None:
    """Two tasks: in one all traces are needed, in the other none. The state knows which; so does the name of the task."""
    backend = Planted(lambda i: 1.0 if i % 2 else 0.25, lambda i: 6.0 * (i % 2))
    doc = probed(backend, 60, tasks=("even", "odd"), samples=8, unclear=True)
    assert score(doc, "probe").quality.value > 0.85 and score(doc, "stratum").quality.value > 0.85
    assert any("is not shown to tell more than" in one and "stratum" in one for one in doc.notes)
    assert [one.name for one in doc.strata] == ["even", "odd"]
    assert score(doc, "labels shuffled").quality.value > 0.8, "shuffled within tasks, the label is what it was: the null is not .5"


# -- the other questions --------------------------------------------------------------------------------------------------------------


def test_the_value_is_told_up_to_its_noise() -> None:
    """States that hold logit V: a probe explains nearly what the noise of 16 rollouts leaves, words and the forced answer nothing."""
    logit = {i: float(np.random.default_rng([i, 4]).normal(0, 1.5)) for i in range(400)}
    doc = probed(Planted(lambda i: expit(logit[i]), lambda i: 6 * logit[i]), 100, ask="value", samples=16, cuts=2)
    assert doc.classes == () and doc.ceiling is not None
    assert doc.ceiling - 0.15 < score(doc, "probe").quality.value < doc.ceiling + 0.1
    assert score(doc, "baseline").quality.value < 0.2 and score(doc, "baseline").gain.low > 0
    assert doc.calibration_error is not None and doc.calibration_error < 0.1
    assert len(doc.rows.question) == 200 and set(doc.rows.cut) == {0, 18}


def test_a_class_of_the_whole_trace_labels_all_of_its_cuts() -> None:
    doc = probed(needing(0.0), 40, ask="right", samples=4, cuts=3, layers=("1",))
    labels = np.asarray(doc.rows.label).reshape(-1, 3)
    assert (labels == labels[:, :1]).all() and doc.rows.cut[:3] == (0, 9, 18) and [one.layer for one in doc.layers] == [1]
    options = probed(needing(0.0), 40, ask="option", samples=4, cuts=3, layers=("1",))
    assert options.classes == ("A", "B", "C", "D") and sum(options.counts) == len(options.rows.question) == 120
    assert options.probe is not None and len(options.probe.weight) == 4
    assert np.allclose(np.asarray(options.rows.probability).sum(axis=0), 1)


def test_the_four_states_are_those_of_the_survey() -> None:
    """Rows: says and ends in A; ends in A unsaid; nothing decided; says A, ends elsewhere."""
    shares = np.asarray([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    right, other = Grade(outcome="A", verdict=Verdict.CORRECT), Grade(outcome="B", verdict=Verdict.INCORRECT)
    ends = [[right] * 10, [right] * 9 + [other], [right] * 5 + [other] * 5, [other] * 10]
    assert state_labels(ends, ("A", "B"), shares, np.ones(4), 0.8).tolist() == [0, 1, 2, 3]
    assert state_labels(ends, ("A", "B"), shares, np.zeros(4), 0.8).tolist() == [1, 1, 2, 1], "without mass nothing is said"


def test_an_ending_has_a_class_or_none() -> None:
    cut = Grade(outcome="truncated", verdict=Verdict.UNKNOWN)
    right = Grade(outcome="B", verdict=Verdict.CORRECT)
    assert ending_label("option", right, ("A", "B")) == 1 and ending_label("right", right, ("A", "B")) == 1
    assert np.isnan(ending_label("option", cut, ("A", "B"))) and np.isnan(ending_label("right", cut, ("A", "B")))


def test_a_forced_answer_is_read_as_shares_and_mass() -> None:
    features, share, mass = forced_features(np.log([[0.3, 0.1]]))
    assert share[0] == pytest.approx([0.75, 0.25]) and mass[0] == pytest.approx(0.4)
    assert features[0] == pytest.approx([np.log(0.75), np.log(0.25), 0.75, -0.75 * np.log(0.75) - 0.25 * np.log(0.25), 0.4])


# -- a saved probe --------------------------------------------------------------------------------------------------------------------


def test_a_saved_probe_tells_other_questions(found: ProbeDoc, tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    path.write_bytes(document_json(found))
    assert parse_document(path.read_bytes(), "probe.json") == found
    doc = probed(needing(1.5), 80, first=300, samples=8, unclear=True, apply=str(path))
    assert doc.applied == str(path) and doc.probe is None and doc.layers == ()
    truth = float(norm.cdf(1.5 / np.sqrt(2)))
    assert abs(score(doc, "probe").quality.value - truth) < 0.04 + bound(80)
    probe = found.probe
    assert probe is not None
    one = np.asarray(needing(1.5).one(_hidden(300)).cube[0, PLANTED], dtype=np.float64)  # type: ignore[attr-defined]
    by_hand = ((one - probe.mean) / probe.scale) @ probe.weight[0] + probe.intercept[0]
    assert doc.rows.probability[0][0] == pytest.approx(float(expit(probe.slope[0] * by_hand + probe.offset[0])), abs=1e-9)


def _hidden(number: int) -> Hidden:
    return Hidden(sequence=TokenSequence(prompt=tuple(map(ord, f"#{number:03}")), completion=()), cuts=(0,), place="trace")


def test_a_probe_of_another_model_is_refused(found: ProbeDoc, tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    path.write_bytes(document_json(found))
    other = needing(1.5)
    other.fingerprint = "0" * 16
    with pytest.raises(MismatchError, match="of another model: planted ffffffffffff, expected planted 000000000000"):
        refused(other, apply=str(path))
    with pytest.raises(InvalidInput, match="tells needed, not value; leave --ask out"):
        refused(needing(1.5), apply=str(path), ask="value")
    path.write_bytes(document_json(replace(found, probe=None)))
    with pytest.raises(InvalidInput, match="holds no probe"):
        refused(needing(1.5), apply=str(path))


def refused(backend: Planted, **settings: Any) -> None:
    bench = bench_of(backend)
    bench.case(Problem(id="q", question="#001", options=OPTIONS, gold="A")).measure("probe", **settings)


def test_states_and_probe_are_read_by_safetensors(tmp_path: Path) -> None:
    load = pytest.importorskip("safetensors.numpy").load_file
    doc = probed(needing(1.5), 30, samples=4, unclear=True, states=True)
    path = tmp_path / "probe.safetensors"
    write_tensors(doc, path)
    arrays = load(str(path))
    assert arrays["states"].shape == (30, LAYERS, WIDTH) and arrays["states"].dtype == np.float32
    assert arrays["states"][2] == pytest.approx(np.asarray(needing(1.5).one(_hidden(2)).cube[0]))  # type: ignore[attr-defined]
    assert arrays["question"].tolist() == list(doc.rows.question) and arrays["cut"].tolist() == [0] * 30
    assert doc.probe is not None and arrays["probe.weight"].tolist() == [list(doc.probe.weight[0])]
    with path.open("rb") as handle:
        header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
    assert json.loads(header["__metadata__"]["questions"])[2] == "q2" and header["__metadata__"]["fingerprint"] == "f" * 16
    with pytest.raises(InvalidInput, match="holds neither a probe nor hidden states"):
        tensors_of(replace(doc, probe=None, states=None))
    assert doc.states is not None
    for bad, why in (("*", "not base64"), ("AAAA", "holds 3 bytes, expected 30 × 3 × 8 numbers")):
        with pytest.raises(InvalidInput, match=why):
            states_of(replace(doc.states, data=bad), 30)


# -- what fits no probe ---------------------------------------------------------------------------------------------------------------


def test_one_question_and_one_class_fit_no_probe_and_say_so() -> None:
    alone = probed(needing(1.5), 1, samples=4, unclear=True)
    assert alone.probe is None and alone.scores == () and f"1 question with a label, expected at least {LEAST_QUESTIONS}" in alone.notes[0]
    same = probed(Planted(lambda i: 1.0, lambda i: 0.0), 30, samples=4, unclear=True)
    assert same.probe is None and "all 30 rows are 'needed', and a probe needs two classes" in same.notes[0]
    flat = probed(Planted(lambda i: 1.0, lambda i: 0.0), 30, samples=4, ask="value", cuts=1)
    assert flat.probe is None and "the value is 1 in all rows" in flat.notes[0]
    rare = probed(Planted(lambda i: 1.0 if i > 1 else 0.0, lambda i: 0.0), 30, samples=4, unclear=True)
    assert rare.probe is None and "2 questions with 'not needed', expected one for each of 5 folds or more" in rare.notes[0]


def test_a_model_without_states_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served = needing(1.5)
    served.capabilities = Capabilities(kinds=frozenset({"sample", "read"}), leave=False)
    with pytest.raises(Unsupported, match="planted does not support a probe of hidden states: it needs the weights in this process"):
        refused(served)
    toy = tmp_path / "toy.json"
    toy.write_text(json.dumps(LADDER))
    assert run(["probe", "--model", f"toy:{toy}"]) == 2
    err = capsys.readouterr().err
    assert "does not support a probe of hidden states" in err and err.count("\n") == 1
    with pytest.raises(InvalidInput, match="has no gold answer, which --ask needed takes; ask option or settled"):
        bench_of(needing(1.5)).case(Problem(id="q", question="#001", options=OPTIONS)).measure("probe")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"layers": ("x",)}, "layers x: expected whole numbers"),
        ({"margin": 1.0}, "margin 1.0: expected a share"),
        ({"decided": 0.5}, "decided 0.5: expected a share above 0.5"),
        ({"folds": 1}, "folds 1: expected at least 2"),
        ({"unclear": True, "ask": "value"}, "--unclear is for --ask needed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        ProbeSettings(**settings)


@pytest.mark.slow
def test_the_bundled_model_is_probed_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    out, store = tmp_path / "probe.json", tmp_path / "run.db"
    words = ["probe", "--task", "world:guess", "--item", "0-23", "-n", "6", "--unclear", "--folds", "3", "--store", str(store)]
    assert run([*words, "--json", str(out)]) == 0
    text = capsys.readouterr().out
    assert "Is the trace needed? world:guess, tiny" in text and "random by question" in text and "By layer" in text
    doc = parse_document(out.read_bytes(), "probe.json")
    assert isinstance(doc, ProbeDoc) and len(doc.questions) == 24 and len(doc.layers) == 6
    assert run([*words, "--json", str(out)]) == 0
    assert parse_document(out.read_bytes(), "probe.json").provenance.drawn == 0
    assert replace(parse_document(out.read_bytes(), "probe.json"), provenance=doc.provenance) == doc
    assert run([*words, "--layers", "9"]) == 2
    assert "layer 9: expected 0 to 5, the layers of the model" in capsys.readouterr().err
