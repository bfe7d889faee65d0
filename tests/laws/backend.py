"""Laws that every backend keeps. The tests of a backend parametrise over ``BACKEND_LAWS`` and call ``law(case)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.core.toy_kind import Distance
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import Backend, KeyedRequest
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendCase:
    """A model to try the laws on.

    ``sequence`` is one of its completions, ``forks`` are cuts of it at which another token can be drawn, ``suffix`` and
    ``continuations`` can be read at ``read_cuts``. ``tolerance`` is on probabilities and log-probabilities. ``keyed_draws``: a rollout
    is decided by its key alone; a server's is decided by the server.
    """

    make: Callable[[], Backend]
    make_other: Callable[[], Backend]
    sequence: TokenSequence
    params: Sampling
    forks: tuple[int, ...]
    read_cuts: tuple[int, ...]
    suffix: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]
    tolerance: float = 1e-9
    keyed_draws: bool = True


def keyed(backend: Backend, requests: tuple[Request, ...]) -> list[KeyedRequest]:
    """The requests with their content keys."""
    keyer = Keyer(backend.fingerprint)
    return [KeyedRequest(key=keyer.key(request), request=request) for request in requests]


def answers(backend: Backend, requests: tuple[Request, ...]) -> list[Response]:
    """The responses in the order of the requests."""
    asked = keyed(backend, requests)
    got = list(backend.answer(asked))
    assert sorted(key for key, _ in got) == sorted(one.key for one in asked)
    by_key = dict(got)
    return [by_key[one.key] for one in asked]


def equal(one: Response, other: Response, tolerance: float = 0.0) -> bool:
    """Whether two responses are the same, arrays within ``tolerance``."""
    if type(one) is not type(other):
        return False
    for name in {name for layout in one.layouts.values() for name in layout}:
        pair = getattr(one, name), getattr(other, name)
        if any(value is None for value in pair):
            if not all(value is None for value in pair):
                return False
        elif isinstance(pair[0], np.ndarray) and pair[0].dtype.kind == "f":
            if not np.allclose(*pair, rtol=0, atol=tolerance, equal_nan=True):
                return False
        elif not np.array_equal(*pair):
            return False
    return True


def _samples(case: BackendCase, *, count: int = 6) -> tuple[Sample, ...]:
    length = len(case.sequence.completion)
    cuts = sorted({0, length // 3, length // 2, max(0, length - 1)})
    plain = [Sample(sequence=case.sequence, cut=cut, params=case.params, seed=3, index=index) for cut in cuts for index in range(count)]
    leaving = [replace(plain[0], cut=cut, leave=True, index=index) for cut in case.forks for index in range(count)]
    return (*plain, *leaving)


def _table(case: BackendCase, top: int = 4) -> NextToken:
    cuts = tuple(range(len(case.sequence.completion)))
    return NextToken(sequence=case.sequence, cuts=cuts, params=case.params, top=top)


def _read(case: BackendCase) -> Read:
    return Read(sequence=case.sequence, cuts=case.read_cuts, suffix=case.suffix, continuations=case.continuations)


def answers_each_request_once(case: BackendCase) -> None:
    requests = (*_samples(case), _table(case), _read(case))
    got = answers(case.make(), requests)
    assert [type(response) for response in got] == [request.response for request in requests]


def nothing_asked_nothing_answered(case: BackendCase) -> None:
    assert list(case.make().answer([])) == []


def answers_do_not_depend_on_company(case: BackendCase) -> None:
    requests = (*(_samples(case, count=3) if case.keyed_draws else ()), _table(case), _read(case))
    together = answers(case.make(), requests)
    backend = case.make()
    alone = [answers(backend, (request,))[0] for request in reversed(requests)][::-1]
    for one, other in zip(together, alone, strict=True):
        # How much a forced read computes depends on what was read before; what it finds does not.
        pair = [replace(response, token_forwards=0) if isinstance(response, ReadTable) else response for response in (one, other)]
        assert equal(pair[0], pair[1], case.tolerance)


def rollouts_differ_by_index_and_seed(case: BackendCase) -> None:
    first = _samples(case)[0]
    many = tuple(replace(first, index=index) for index in range(16))
    reseeded = tuple(replace(request, seed=4) for request in many)
    backend = case.make()
    one, other = answers(backend, many), answers(backend, reseeded)
    assert len({rollout.ids for rollout in one if isinstance(rollout, Rollout)}) > 1
    assert one != other


def rollouts_respect_the_limit(case: BackendCase) -> None:
    for limit in (1, 3, case.params.max_tokens):
        params = replace(case.params, max_tokens=limit)
        requests = tuple(replace(request, params=params) for request in _samples(case, count=2))
        for request, rollout in zip(requests, answers(case.make(), requests), strict=True):
            assert isinstance(rollout, Rollout)
            assert rollout.stop in (StopReason.STOP, StopReason.LENGTH)
            room = max(0, limit - request.cut)
            assert len(rollout.ids) <= room
            if rollout.stop is StopReason.LENGTH:
                assert len(rollout.ids) == room


def stop_tokens_end_rollouts(case: BackendCase) -> None:
    for rollout in answers(case.make(), _samples(case)):
        assert isinstance(rollout, Rollout)
        assert not set(rollout.ids[:-1]) & set(case.params.stop)


def leaving_leaves(case: BackendCase) -> None:
    requests = tuple(request for request in _samples(case) if request.leave)
    for request, rollout in zip(requests, answers(case.make(), requests), strict=True):
        assert isinstance(rollout, Rollout)
        assert rollout.ids[0] != case.sequence.completion[request.cut]


def avoided_tokens_are_avoided(case: BackendCase) -> None:
    """All but the two likeliest others are drawn with their share of the rest; where the backend cannot, it says so in one sentence."""
    backend, cut, n = case.make(), case.forks[0], 200
    table = answers(backend, (replace(_table(case, top=64), cuts=(cut,)),))[0]
    assert isinstance(table, NextTokenTable)
    others = [
        (t, q)
        for t, q in zip(table.top_ids[0].tolist(), table.top_p[0].tolist(), strict=True)
        if t >= 0 and t != case.sequence.completion[cut]
    ]
    avoid = tuple(token for token, _ in others[:2]) if len(others) > 2 else ()
    one = Sample(sequence=case.sequence, cut=cut, params=case.params, seed=5, index=0, leave=True, avoid=avoid or (others[0][0],))
    if not backend.capabilities.avoid:
        with pytest.raises(Unsupported) as refused:
            answers(backend, (one,))
        assert "\n" not in str(refused.value) and backend.name in str(refused.value)
    elif avoid:
        firsts = [x.ids[0] for x in answers(backend, tuple(replace(one, index=i) for i in range(n))) if isinstance(x, Rollout)]
        assert not {*avoid, case.sequence.completion[cut]} & set(firsts)
        left = 1 - float(table.p[0]) - sum(q for _, q in others[:2])
        for token, q in others[2:]:
            # Hoeffding: a false alarm has probability 2 exp(-2 · 200 · 0.22²) < 1e-8 a token.
            assert abs(firsts.count(token) / n - q / left) < 0.22


def branches_are_taken(case: BackendCase) -> None:
    backend = case.make()
    table = answers(backend, (_table(case),))[0]
    assert isinstance(table, NextTokenTable)
    for cut in case.forks:
        tokens = [token for token in table.top_ids[cut].tolist() if token >= 0]
        assert len(tokens) > 1
        requests = tuple(Sample(sequence=case.sequence, cut=cut, params=case.params, seed=0, index=0, branch=token) for token in tokens)
        for token, rollout in zip(tokens, answers(backend, requests), strict=True):
            assert isinstance(rollout, Rollout)
            assert rollout.ids[0] == token


def next_token_tables_are_distributions(case: BackendCase) -> None:
    table = answers(case.make(), (_table(case),))[0]
    assert isinstance(table, NextTokenTable)
    n_cuts = len(case.sequence.completion)
    assert table.p.shape == table.logprob.shape == table.support.shape == (n_cuts,)
    assert table.top_ids.shape == table.top_p.shape == (n_cuts, 4)
    assert (table.p >= 0).all() and (table.p <= 1 + 1e-6).all() and (table.logprob <= 1e-6).all()
    assert (table.support >= 1).all()
    assert (np.diff(table.top_p, axis=1) <= 0).all() and (table.top_p.sum(axis=1) <= 1 + 1e-6).all()
    assert ((table.top_ids >= 0) == (np.arange(4)[None, :] < table.support[:, None])).all()
    assert ((table.top_p > 0) == (table.top_ids >= 0)).all()
    for row, token in enumerate(case.sequence.completion):
        listed = np.flatnonzero(table.top_ids[row] == token)
        if len(listed):
            assert abs(table.top_p[row, listed[0]] - table.p[row]) <= case.tolerance
        if table.support[row] <= 4:
            assert abs(table.top_p[row].sum() - 1) <= max(1e-6, case.tolerance)


def next_token_cuts_are_independent(case: BackendCase) -> None:
    whole = answers(case.make(), (_table(case),))[0]
    assert isinstance(whole, NextTokenTable)
    cuts = case.forks[::-1]
    part = answers(case.make(), (replace(_table(case), cuts=cuts),))[0]
    assert isinstance(part, NextTokenTable)
    np.testing.assert_allclose(part.p, whole.p[list(cuts)], rtol=0, atol=case.tolerance)
    np.testing.assert_allclose(part.logprob, whole.logprob[list(cuts)], rtol=0, atol=case.tolerance)


def sampled_tokens_follow_the_table(case: BackendCase) -> None:
    """400 first tokens at a fork; a wrong sampler is caught at total variation about 0.2, a right one never fails."""
    cut, n = case.forks[0], 400
    backend = case.make()
    table = answers(backend, (replace(_table(case, top=64), cuts=(cut,)),))[0]
    assert isinstance(table, NextTokenTable)
    requests = tuple(Sample(sequence=case.sequence, cut=cut, params=case.params, seed=1, index=i) for i in range(n))
    firsts = [rollout.ids[0] for rollout in answers(backend, requests) if isinstance(rollout, Rollout)]
    for token, p in zip(table.top_ids[0].tolist(), table.top_p[0].tolist(), strict=True):
        if token >= 0:
            # Hoeffding: a false alarm has probability 2 exp(-2 · 400 · 0.15²) < 4e-8 a token.
            assert abs(firsts.count(token) / n - p) < 0.15


def reads_chain(case: BackendCase) -> None:
    """log P(ab | s) = log P(a | s) + log P(b | s a), and nothing is above 0."""
    backend = case.make()
    first, rest = case.continuations[0][:1], case.continuations[0]
    whole = answers(backend, (replace(_read(case), continuations=(rest,)),))[0]
    head = answers(backend, (replace(_read(case), continuations=(first,)),))[0]
    assert isinstance(whole, ReadTable) and isinstance(head, ReadTable)
    assert (whole.logprob <= 1e-6).all()
    assert (head.logprob[:, 0] <= head.top_logprob + case.tolerance).all()
    expected = head.logprob[:, 0]
    for k in range(1, len(rest)):
        step = answers(backend, (replace(_read(case), suffix=case.suffix + rest[:k], continuations=(rest[k : k + 1],)),))[0]
        assert isinstance(step, ReadTable)
        expected = expected + step.logprob[:, 0]
    np.testing.assert_allclose(whole.logprob[:, 0], expected, rtol=0, atol=max(case.tolerance, 1e-9))


def read_cuts_are_independent(case: BackendCase) -> None:
    whole = answers(case.make(), (_read(case),))[0]
    assert isinstance(whole, ReadTable)
    for row, cut in enumerate(case.read_cuts):
        one = answers(case.make(), (replace(_read(case), cuts=(cut,)),))[0]
        assert isinstance(one, ReadTable)
        np.testing.assert_allclose(one.logprob[0], whole.logprob[row], rtol=0, atol=case.tolerance)
        assert one.top_id[0] == whole.top_id[row]


def a_kind_nobody_knows_is_refused_in_one_sentence(case: BackendCase) -> None:
    backend = case.make()
    request = Distance(sequence=case.sequence, cuts=(0, 1))
    with pytest.raises(Unsupported) as refused:
        list(backend.answer(keyed(backend, (_table(case), request))))
    words = str(refused.value)
    assert "\n" not in words and backend.name in words and "distance request" in words
    assert all(kind in words for kind in backend.capabilities.kinds)


def fingerprints_name_the_model(case: BackendCase) -> None:
    assert case.make().fingerprint == case.make().fingerprint
    assert case.make().fingerprint != case.make_other().fingerprint


BACKEND_LAWS: tuple[Callable[[BackendCase], None], ...] = (
    answers_each_request_once,
    nothing_asked_nothing_answered,
    answers_do_not_depend_on_company,
    rollouts_differ_by_index_and_seed,
    rollouts_respect_the_limit,
    stop_tokens_end_rollouts,
    leaving_leaves,
    avoided_tokens_are_avoided,
    branches_are_taken,
    next_token_tables_are_distributions,
    next_token_cuts_are_independent,
    sampled_tokens_follow_the_table,
    reads_chain,
    read_cuts_are_independent,
    fingerprints_name_the_model,
    a_kind_nobody_knows_is_refused_in_one_sentence,
)
