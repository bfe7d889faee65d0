"""Served by llama.cpp and computed here, the bundled model is one model: tables, reads, draws and curves agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.backends.http.llama_cases import (
    CLOSE,
    fixed_sequence,
    local_model,
    needs_torch,
    sampled_sequence,
    served,
    served_case,
    served_model,
    shaped,
    table_of,
    whole_q,
)
from tests.helpers import chi_square_p
from tests.laws.backend import BACKEND_LAWS, answers
from tokenworth.core.grade import Verdict
from tokenworth.core.ports import Backend
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import Unsupported
from tokenworth.methods.curve.result import CurveResult
from tokenworth.workbench.bench import Workbench

FALSE_ALARM = 1e-6
SHAPES = {"plain": {}, "shaped": {"temperature": 0.6, "top_k": 20, "top_p": 0.95}, "min-p": {"temperature": 1.3, "min_p": 0.02}}
UNFORCED = {"logprobs_cap": 3, "bias_keeps_logprobs": False}
"""A server that lists three tokens and gives no other token's log-probability."""


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("shape", ["plain", "shaped"])
def test_backend_laws(llama_url: str, law: Any, shape: str):
    backend, sequence = served(llama_url), fixed_sequence(served_model(llama_url))
    law(served_case(backend, lambda: served(llama_url, model="other"), sequence, shaped(**SHAPES[shape]), tolerance=CLOSE))


@needs_torch
@pytest.mark.parametrize("shape", SHAPES)
def test_tables_equal_those_computed_here(llama_url: str, shape: str):
    """Three traces a sampler, 346 positions in all."""
    params = shaped(**SHAPES[shape])
    positions = 0
    for item, task in ((1, "world:steps"), (2, "world:recall"), (3, "world:guess")):
        sequence = sampled_sequence(item, params, task=task)
        here, there = table_of(local_model().backend, sequence, params), table_of(served(llama_url), sequence, params)
        positions += len(here.p)
        np.testing.assert_allclose(there.logprob, here.logprob, rtol=0, atol=CLOSE)
        np.testing.assert_allclose(there.p, here.p, rtol=0, atol=CLOSE)
        np.testing.assert_allclose(there.top_p, here.top_p, rtol=0, atol=CLOSE)
        assert np.array_equal(there.support, here.support) and there.slack is None
        # Tokens that are as likely as rounding can tell may change places.
        swapped = there.top_ids != here.top_ids
        assert (here.top_p[swapped] < CLOSE).all() or _near_ties(here.top_p, swapped)
    assert positions >= 80


def _near_ties(top_p: np.ndarray, swapped: np.ndarray) -> bool:
    gaps = np.abs(np.diff(top_p, axis=1))
    near = np.pad(gaps, ((0, 0), (0, 1)), constant_values=np.inf) < CLOSE
    return bool((near | np.roll(near, 1, axis=1))[swapped].all())


@needs_torch
def test_forced_reads_equal_those_computed_here(llama_url: str):
    codec = local_model().codec
    for item in (1, 2):
        sequence = sampled_sequence(item, shaped())
        read = Read(
            sequence=sequence,
            cuts=tuple(range(len(sequence.completion))),
            suffix=codec.encode("</think> The answer is ("),
            continuations=tuple(codec.encode(text) for text in ("A", "B).", "C", "D", "A) or", " seven")),
        )
        here, there = (answers(model.backend, (read,))[0] for model in (local_model(), served_model(llama_url)))
        assert isinstance(here, ReadTable) and isinstance(there, ReadTable) and there.ceiling is None
        # Whole texts can be as unlikely as e^-70, a sum of logits in single precision.
        np.testing.assert_allclose(there.logprob, here.logprob, rtol=1e-5, atol=CLOSE)
        np.testing.assert_allclose(there.logprob[:, [0, 2, 3]], here.logprob[:, [0, 2, 3]], rtol=0, atol=CLOSE)
        np.testing.assert_allclose(there.top_logprob, here.top_logprob, rtol=0, atol=CLOSE)
        assert np.array_equal(there.top_id, here.top_id)


@needs_torch
def test_likeliest_rollouts_equal_those_computed_here(llama_url: str):
    sequence, params = fixed_sequence(local_model()), shaped(temperature=0.0)
    requests = tuple(Sample(sequence=sequence, cut=cut, params=params, seed=0, index=0) for cut in range(len(sequence.completion) + 1))
    assert answers(served(llama_url), requests) == answers(local_model().backend, requests)


# -- curves --------------------------------------------------------------------------------------------------------------


def curve_of(model: Any, plan: str, temperature: float) -> CurveResult:
    """A curve over the one base trace, at a level that no run of the tests will see missed."""
    case = Workbench(model).case("world:steps", 0)
    trace = Workbench(local_model()).case("world:steps", 0).sample(8, sampling=shaped()).trace("correct")
    return case.curve(
        trace,
        sampling=shaped(temperature=temperature),
        plan=plan,
        level=1 - 1e-8,
        interval="beta",
        **({"samples": 12} if plan == "plain" else {"max_rollouts": 200}),
    ).result


@needs_torch
@pytest.mark.slow
@pytest.mark.parametrize("plan", ["excursions", "plain"])
def test_curves_agree_and_those_of_another_temperature_do_not(llama_url: str, plan: str):
    """At 26 cuts both intervals hold the value but for 1e-8 each: a false alarm has probability below 6e-7. Draws: Hoeffding, 1e-6."""
    here, there = curve_of(local_model(), plan, 1.0), curve_of(served_model(llama_url), plan, 1.0)
    assert np.array_equal(here.cuts, there.cuts) and len(here.cuts) == 26
    assert (np.maximum(here.low, there.low) <= np.minimum(here.high, there.high)).all()
    hotter = curve_of(served_model(llama_url), plan, 2.0)
    apart = np.maximum(here.low, hotter.low) > np.minimum(here.high, hotter.high)
    assert apart.sum() >= 8
    if plan == "plain":
        shares = [np.mean([draw.grade.verdict is Verdict.CORRECT for draw in result.draws]) for result in (here, there, hotter)]
        assert len(here.draws) == len(there.draws) == 312
        bound = np.sqrt(np.log(2 / FALSE_ALARM) / 312)
        assert abs(shares[0] - shares[1]) < bound < abs(shares[0] - shares[2])


# -- first tokens --------------------------------------------------------------------------------------------------------

CUT = 8
"""After "plus 6": what comes next is less sure than elsewhere."""
FIRST_TOKENS = {
    "from the list": ({"temperature": 2.0, "top_k": 20}, {}),
    "base banned": ({"temperature": 2.0}, {"logprobs_cap": 3}),
    "base banned, one less of top-k": ({"temperature": 2.0, "top_k": 9}, {"logprobs_cap": 3}),
    "drawn until another comes": ({"temperature": 2.0, "top_p": 0.9}, {"logprobs_cap": 3}),
    "drawn one by one": ({"temperature": 2.0, "top_p": 0.9}, {"logprobs_cap": 3, "n_most": 1}),
}


def restricted(sequence: TokenSequence, params: Sampling) -> np.ndarray:
    """q at the cut without the base's token, from the local model."""
    q = whole_q(sequence.prefix(CUT), params)
    q[sequence.completion[CUT]] = 0
    return q / q.sum()


@needs_torch
@pytest.mark.parametrize("way", FIRST_TOKENS)
def test_excursions_leave_by_the_other_tokens(llama_url: str, way: str):
    """Chi-square of 600 draws against q without the base; the same counts against a cooler q must fail."""
    changes, record = FIRST_TOKENS[way]
    sequence, params, n = fixed_sequence(local_model()), shaped(limit=CUT + 1, **changes), 600
    requests = tuple(Sample(sequence=sequence, cut=CUT, params=params, seed=1, index=i, leave=True) for i in range(n))
    backend = served(llama_url, **record)
    before = backend.spent().requests
    firsts = [rollout.ids[0] for rollout in answers(backend, requests) if isinstance(rollout, Rollout)]
    # The list is a request of each worker at most; everything else takes one for every eight draws at least.
    assert (backend.spent().requests - before <= 16) == (way == "from the list")
    counts = np.bincount(firsts, minlength=local_model().codec.vocab_size)
    q = restricted(sequence, params)
    assert counts[q == 0].sum() == 0 and counts.sum() == n
    assert chi_square_p(counts, q * n) > FALSE_ALARM
    cooler = restricted(sequence, replace(params, temperature=1.0))
    assert chi_square_p(counts, cooler * n) < FALSE_ALARM


@needs_torch
@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"top_p": 0.9}], ids=["base banned", "drawn until another comes"])
def test_second_tokens_do_not_know_how_the_first_was_drawn(llama_url: str, changes: dict[str, float]):
    """Each excursion asked for alone. With one seed for both tokens of it, one uniform would choose both.

    The second token's place in its distribution is uniform whatever the first's was: chi-square over two halves by four quarters, with
    tokens in order of id and in order of probability, as servers have them.
    """
    sequence, params, n = fixed_sequence(local_model()), shaped(limit=CUT + 2, temperature=4.0, **changes), 500
    backend = served(llama_url, logprobs_cap=3)
    requests = [Sample(sequence=sequence, cut=CUT, params=params, seed=2, index=i, leave=True) for i in range(n)]
    pairs = [rollout.ids for request in requests for rollout in answers(backend, (request,)) if isinstance(rollout, Rollout)]
    q_first = restricted(sequence, params)
    q_second = {first: whole_q((*sequence.prefix(CUT), first), params) for first in {ids[0] for ids in pairs}}
    for by_id in (True, False):
        rng, cells = np.random.default_rng(0), np.zeros((2, 4))
        for first, second in (ids for ids in pairs if len(ids) == 2):
            above = place(q_first, first, by_id, rng) > 0.5
            cells[int(above), int(4 * place(q_second[first], second, by_id, rng))] += 1
        assert cells.sum() > 450
        expected = np.repeat(cells.sum(axis=1, keepdims=True) / 4, 4, axis=1)
        assert chi_square_p(cells.ravel(), expected.ravel()) > FALSE_ALARM


def place(q: np.ndarray, token: int, by_id: bool, rng: np.random.Generator) -> float:
    """A point of the token's share of [0, 1): uniform for tokens that follow q."""
    before = q[:token].sum() if by_id else q[q > q[token]].sum()
    return min(float(before + rng.random() * q[token]), 1 - 1e-9)


def test_a_sure_token_cannot_be_left(llama_url: str):
    sequence, params = fixed_sequence(served_model(llama_url)), shaped(top_k=1)
    sure = int(np.argmax(table_of(served(llama_url), sequence, params).p))
    request = Sample(sequence=sequence, cut=sure, params=params, seed=0, index=0, leave=True)
    with pytest.raises(Unsupported, match="none leaves"):
        answers(served(llama_url), (request,))


def test_a_completion_that_stopped_stays_stopped(llama_url: str):
    sequence = fixed_sequence(served_model(llama_url))
    end = len(sequence.completion)
    requests = tuple(Sample(sequence=sequence, cut=end, params=shaped(), seed=0, index=i) for i in range(2))
    assert answers(served(llama_url), requests) == [Rollout(ids=(), stop=StopReason.STOP)] * 2


def test_an_unknown_stop_token_is_kept_and_nothing_is_added(llama_url: str):
    """The server ends at a token that the sampling does not name: the ids are what was generated."""
    sequence = fixed_sequence(served_model(llama_url))
    near_end = len(sequence.completion) - 2
    request = Sample(sequence=sequence, cut=near_end, params=shaped(temperature=0.0, stop=(7,)), seed=0, index=0)
    assert answers(served(llama_url), (request,)) == [Rollout(ids=sequence.completion[-2:], stop=StopReason.STOP)]


# -- bounds --------------------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 2.0},
        {"temperature": 0.6},
        {"top_p": 0.99},
        {"temperature": 1.5, "top_p": 0.9},
        {"temperature": 2.0, "min_p": 0.05},
        {"top_k": 9},
    ],
    ids=str,
)
def test_short_lists_bound_q(llama_url: str, changes: dict[str, Any]):
    sequence, params = fixed_sequence(local_model()), shaped(**changes)
    here, there = table_of(local_model().backend, sequence, params), table_of(served(llama_url, **UNFORCED), sequence, params)
    slack = np.zeros(len(there.p)) if there.slack is None else there.slack
    assert (np.abs(there.p - here.p) <= slack + CLOSE).all()
    assert (slack > 0.001).any() and (slack[here.p > 0.99] < 0.01).all()
    known = ~np.isnan(there.logprob)
    assert known.any()
    np.testing.assert_allclose(there.logprob[known], here.logprob[known], rtol=0, atol=CLOSE)


@needs_torch
def test_short_lists_bound_forced_reads(llama_url: str):
    codec, sequence = local_model().codec, fixed_sequence(local_model())
    read = Read(
        sequence=sequence,
        cuts=tuple(range(len(sequence.completion))),
        suffix=codec.encode("</think> The answer is ("),
        continuations=tuple(codec.encode(text) for text in ("A", "B", "C", "D", "E", "A).", "C) or")),
    )
    (here,), (there,) = answers(local_model().backend, (read,)), answers(served(llama_url, **UNFORCED), (read,))
    assert isinstance(here, ReadTable) and isinstance(there, ReadTable) and there.ceiling is not None
    unlisted = np.isnan(there.logprob)
    assert unlisted.any() and not unlisted.all()
    assert (here.logprob <= there.ceiling + CLOSE).all()
    np.testing.assert_allclose(there.logprob[~unlisted], here.logprob[~unlisted], rtol=0, atol=2 * CLOSE)
    np.testing.assert_allclose(there.ceiling[~unlisted], there.logprob[~unlisted], rtol=0, atol=1e-12)


@needs_torch
def test_longer_lists_are_asked_for_where_a_short_one_leaves_a_token_out(llama_url: str):
    """Without forcing, tokens far down the list are found by asking for more of it."""
    codec, sequence = local_model().codec, fixed_sequence(local_model())
    read = Read(sequence=sequence, cuts=(0, 7), suffix=(), continuations=(codec.encode("Q"), codec.encode(" Start")))
    (here,), (there,) = answers(local_model().backend, (read,)), answers(served(llama_url, bias_keeps_logprobs=False), (read,))
    assert isinstance(here, ReadTable) and isinstance(there, ReadTable) and there.ceiling is None
    np.testing.assert_allclose(there.logprob, here.logprob, rtol=0, atol=2 * CLOSE)


# -- tokens that are parts of characters ----------------------------------------------------------------------------------

BROKEN = " 🙂 naïve 東"


def broken_sequence() -> tuple[TokenSequence, tuple[int, ...]]:
    """A completion with characters of several tokens, and the cuts before and inside them."""
    model = local_model()
    sequence = fixed_sequence(model, BROKEN)
    parts = tuple(cut for cut, token in enumerate(sequence.completion) if "\ufffd" in model.codec.decode((token,)))
    assert len(parts) >= 8
    return sequence, parts


@needs_torch
def test_tables_and_reads_inside_characters(llama_url: str):
    sequence, parts = broken_sequence()
    for params in (shaped(), shaped(temperature=0.6, top_k=20, top_p=0.95)):
        here, there = table_of(local_model().backend, sequence, params), table_of(served(llama_url), sequence, params)
        np.testing.assert_allclose(there.logprob, here.logprob, rtol=1e-5, atol=CLOSE)
        np.testing.assert_allclose(there.p, here.p, rtol=0, atol=CLOSE)
        np.testing.assert_allclose(there.top_p, here.top_p, rtol=0, atol=CLOSE)
    tokens = tuple((sequence.completion[cut],) for cut in parts[:3])
    read = Read(sequence=sequence, cuts=parts, suffix=(), continuations=(*tokens, sequence.completion[parts[0] : parts[0] + 2], (100,)))
    both: list[ReadTable] = []
    for backend in (local_model().backend, served(llama_url)):
        (table,) = answers(backend, (read,))
        assert isinstance(table, ReadTable) and table.ceiling is None
        both.append(table)
    np.testing.assert_allclose(both[1].logprob, both[0].logprob, rtol=1e-5, atol=CLOSE)
    assert np.array_equal(both[1].top_id, both[0].top_id)


@needs_torch
def test_rollouts_inside_characters(llama_url: str):
    """Greedy rollouts are those computed here; forced parts stand first; draws follow q (chi-square, 600 draws)."""
    sequence, parts = broken_sequence()
    greedy = tuple(Sample(sequence=sequence, cut=cut, params=shaped(temperature=0.0), seed=0, index=0) for cut in parts)
    assert answers(served(llama_url), greedy) == answers(local_model().backend, greedy)
    forced = tuple(replace(request, branch=sequence.completion[request.cut], params=shaped()) for request in greedy)
    for request, rollout in zip(forced, answers(served(llama_url), forced), strict=True):
        assert isinstance(rollout, Rollout) and rollout.ids[0] == request.branch
    cut, n = parts[1], 600
    params = shaped(limit=cut + 1, temperature=1.5)
    q = whole_q(sequence.prefix(cut), params)
    for leave in (False, True):
        firsts = first_tokens(served(llama_url, logprobs_cap=3), sequence, cut, params, n, leave=leave)
        if leave:
            q[sequence.completion[cut]] = 0
        assert chi_square_p(np.bincount(firsts, minlength=len(q)), n * q / q.sum()) > FALSE_ALARM


def first_tokens(backend: Backend, sequence: TokenSequence, cut: int, params: Sampling, n: int, *, leave: bool) -> list[int]:
    requests = tuple(Sample(sequence=sequence, cut=cut, params=params, seed=4, index=i, leave=leave) for i in range(n))
    return [rollout.ids[0] for rollout in answers(backend, requests) if isinstance(rollout, Rollout)]
