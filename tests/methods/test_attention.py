"""Receiver heads of a planted model: which head looks where is given, and so is what hiding does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import LADDER
from tests.methods.test_probe import OPTIONS, _Letters
from tokenworth import catalog
from tokenworth.backends.model import Model
from tokenworth.cli.main import run
from tokenworth.core.formats import format_named
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.problem import Problem
from tokenworth.core.request.kind import Response
from tokenworth.core.request.masses import Masses, MassTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.request.suppress import Suppress, SuppressTable
from tokenworth.core.tokens import StopReason
from tokenworth.errors import InvalidInput, Unsupported
from tokenworth.methods.attention.derive import random_like, top
from tokenworth.methods.attention.document import AttentionDoc
from tokenworth.methods.attention.experiment import windows_of
from tokenworth.methods.attention.settings import AttentionSettings
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.runner import Job

SENTENCES = 16
STAR = 3
"""The sentence that head 1.2 (layer, head) always looks at."""


class Looking:
    """2 layers of 4 heads: 1.0 looks at the segment before, 1.2 at sentence `STAR`, the others at all alike, with a little noise.

    Hiding a span has an effect on all later segments alike: large where it holds the first token of `STAR`, else by its place.
    """

    name, fingerprint = "looking", "e" * 16

    def __init__(self, star: int = STAR, kinds: Sequence[str] = ("sample", "masses", "suppress")) -> None:
        self.star = star
        self.capabilities = Capabilities(kinds=frozenset(kinds), leave=False)

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        for keyed in requests:
            yield keyed.key, self.one(keyed.request)

    def one(self, request: Any) -> Response:
        number = int("".join(map(chr, request.sequence.prompt)).split("#")[1][:3])
        rng = np.random.default_rng([number, 7])
        if isinstance(request, Sample):
            text = " ".join(f"w{'x' * int(rng.integers(1, 9))}." for _ in range(SENTENCES))
            return Rollout(ids=tuple(map(ord, f"{text}</think>\n\nThe answer is (A).")), stop=StopReason.STOP)
        n = len(request.bounds) - 1
        if isinstance(request, Masses):
            mass = np.zeros((2, 4, n, n + 2))
            mass[..., 0] = 0.4
            for i in range(n):
                alike = rng.dirichlet(np.full(i + 1, 40.0), size=(2, 4))
                alike[0, 0] = np.eye(i + 1)[max(0, i - 1)]
                alike[0, 2] = np.eye(i + 1)[min(self.star, i)]
                mass[:, :, i, 2 : 3 + i] = 0.6 * alike
            return MassTable(heads=4, mass=mass.reshape(-1, n + 2).astype(np.float32))
        assert isinstance(request, Suppress)
        mean = np.full((len(request.spans), n), np.nan)
        start = request.bounds[self.star]
        for row, (first, end) in enumerate(request.spans):
            later = [k for k, bound in enumerate(request.bounds[:-1]) if bound >= end]
            mean[row, later] = 1.0 if first <= start < end else 0.1 + first / 10_000
        return SuppressTable(mean=mean.astype(np.float32), far=np.zeros_like(mean, dtype=np.float32))


def bench_of(backend: Looking) -> Workbench:
    return Workbench(
        Model(
            name="looking", backend=backend, codec=_Letters(), stop=(), render=lambda turns: tuple(map(ord, turns[-1]["content"])),
            context_length=4000, format=format_named("think"), instruction=None,
        )  # type: ignore[arg-type]
    )  # fmt: skip


def looked(backend: Looking, n: int, **settings: Any) -> AttentionDoc:
    bench, measure = bench_of(backend), catalog.load(catalog.MEASURES, "measure", "attention")
    made = [Problem(id=f"q{i}", question=f"#{i:03}", options=OPTIONS, gold="A", task="t") for i in range(n)]
    job = Job(measure=measure, settings=AttentionSettings(**settings), task="planted")
    *_, last = bench.runner.run(job, [(one.id, lambda one=one: bench.case(one)) for one in made])
    if last.error is not None:
        raise last.error
    assert isinstance(last.document, AttentionDoc)
    return last.document


@pytest.fixture(scope="module")
def found() -> AttentionDoc:
    return looked(Looking(), 12, receivers=1)


def head(doc: AttentionDoc, layer: int, number: int) -> Any:
    return next(one for one in doc.heads if (one.layer, one.head) == (layer, number))


def test_the_planted_receiver_is_found_and_described_on_other_questions(found: AttentionDoc) -> None:
    assert [(one.layer, one.head) for one in found.heads if one.receiver] == [(1, 2)] and found.heads[0].receiver
    star, before, other = head(found, 1, 2), head(found, 1, 0), head(found, 2, 1)
    assert star.peak.value == pytest.approx(1, abs=1e-5) and star.recency == pytest.approx(3 / 14, abs=1e-5)
    assert before.recency == pytest.approx(1, abs=1e-5) and before.chosen_by is None and before.peak.value is None
    assert len(found.heads) == 8
    assert other.peak.value < 0.6 and other.recency < 0.5
    assert sum(one.chooses for one in found.traces) == 6 and star.peak.n == 6
    assert all(one.unit == "sentence" and len(one.texts) == SENTENCES for one in found.traces)
    assert all(one.strength[STAR] == pytest.approx(1, abs=1e-5) and one.strength[0] == pytest.approx(0, abs=1e-5) for one in found.traces)
    assert all(one.strength[-1] is None and one.random[STAR] < 0.6 for one in found.traces)  # type: ignore[operator]
    assert found.random_peak is not None and 0.5 < found.random_peak < 0.9, "one draw in four is the head itself"
    assert [one.gap for one in found.gaps] == [1, 2, 4, 8] and all((1, 2) in one.heads or one.gap == 1 for one in found.gaps)


def test_what_it_looks_at_is_set_beside_what_hiding_does(found: AttentionDoc) -> None:
    rho = {one.score: one.correlation for one in found.agreement}
    assert rho["position alone"].value > 0.7, "planted: the later, the larger, but for one"
    assert 0.2 < rho["receiver heads"].value < 0.6, "one segment of twelve agrees, the others are tied"
    percentiles = [one.percentile[STAR] for one in found.traces]
    assert all(x == 1 for x in percentiles) and found.percentile.value is not None


def test_one_question_claims_nothing() -> None:
    alone = looked(Looking(), 1, receivers=1, spans=0)
    assert "nothing here is a claim" in alone.notes[0] and alone.reliability is None
    assert alone.heads[0].peak.low is None and all(x is None for x in alone.traces[0].effect)


def test_the_published_procedure_is_repeated_with_what_is_wrong_in_it() -> None:
    """Excess kurtosis of mean weights, on all traces; by hand for one head of one trace."""
    doc = looked(Looking(), 4, receivers=2, spans=0, procedure="thought-anchors")
    ours = looked(Looking(), 4, receivers=2, spans=0)
    assert sum("as published" in one for one in doc.notes) == 4 and not any("as published" in one for one in ours.notes)
    n = SENTENCES - 4
    assert doc.heads[0].chosen_by == pytest.approx((n * n - 3 * n + 3) / (n - 1) - 3, abs=1e-4)
    assert head(doc, 1, 2).peak.n == 4 and head(ours, 1, 2).peak.n == 2


def test_windows_have_the_length_of_their_segment_and_do_not_touch_it() -> None:
    bounds = (0, 3, 5, 12, 14, 20, 24, 25)
    spans, owners = windows_of(bounds, 2, 3)
    own = list(pairwise(bounds))
    for (first, end), j in zip(spans, owners, strict=True):
        assert end - first == own[j][1] - own[j][0] and (end <= own[j][0] or first >= own[j][1]) and end <= bounds[-3]
    assert owners.count(0) == 3 and windows_of(bounds, 2, 0) == ([], [])


def test_heads_are_ranked_and_drawn_within_their_layers() -> None:
    score = np.asarray([[0.1, np.nan, 0.9], [0.9, 0.2, np.nan]])
    assert top(score, 3) == ((0, 2), (1, 0), (1, 1)) and len(top(score, 9)) == 4
    for some in random_like(((0, 2), (0, 0), (1, 1)), 3, 50, np.random.default_rng(0)):
        assert sorted(layer for layer, _ in some) == [0, 0, 1] and len(set(some)) == 3


def test_a_model_that_shows_no_attention_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unsupported, match="looking does not support attention of its heads: it needs the weights in this process"):
        bench_of(Looking(kinds=("sample",))).case(Problem(id="q", question="#001", options=OPTIONS, gold="A")).measure("attention")
    toy = tmp_path / "toy.json"
    toy.write_text(json.dumps(LADDER))
    assert run(["attention", "--model", f"toy:{toy}"]) == 2
    err = capsys.readouterr().err
    assert "does not support attention of its heads" in err and err.count("\n") == 1


def test_a_trace_that_is_too_short_says_so() -> None:
    case = bench_of(Looking()).case(Problem(id="q", question="#001", options=OPTIONS, gold="A"))
    with pytest.raises(InvalidInput, match=r"a trace of \d+ tokens: expected at least 510, 10 beyond the gap"):
        case.measure("attention", later=500)
    with pytest.raises(InvalidInput, match="receivers 0: expected at least 1"):
        AttentionSettings(receivers=0)
