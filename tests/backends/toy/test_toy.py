"""The exact automata as a backend: laws, sampling against exact probabilities, codec, judge."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.toy.toy_cases import EMPTY, PLAIN, document, rollouts, sequence, with_state
from tests.laws.backend import BACKEND_LAWS, BackendCase, answers
from tokenworth.backends.toy.automaton import Automaton, shaped_edges, states_along
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, parse_automaton, toy_judge
from tokenworth.backends.toy.values import exact_values, random_automaton
from tokenworth.core.grade import RESERVED_OUTCOMES, Verdict
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput


def lane_case() -> BackendCase:
    automaton = random_automaton(np.random.default_rng(5), length=40)
    base = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=0, index=0),))[0]
    states = states_along(automaton, base.ids)
    forks = tuple(cut for cut, state in enumerate(states[:-1]) if len(automaton.edges[state]) > 1)
    cuts = tuple(cut for cut in forks[:4])
    return BackendCase(
        make=lambda: ToyBackend(automaton),
        make_other=lambda: ToyBackend(random_automaton(np.random.default_rng(6), length=40)),
        sequence=sequence(*base.ids),
        params=PLAIN,
        forks=forks,
        read_cuts=cuts,
        suffix=(),
        continuations=(base.ids[cuts[0] : cuts[0] + 3], (0,)),
    )


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("shape", [{}, {"temperature": 0.6, "top_k": 20, "top_p": 0.95}], ids=["plain", "shaped"])
def test_backend_laws(law, shape):
    case = lane_case()
    case = replace(case, params=replace(case.params, **shape))
    if shape:
        forks = [cut for cut in case.forks if _support(case, cut) > 1 and _base_is_not_all(case, cut)]
        case = replace(case, forks=tuple(forks))
    law(case)


def _support(case: BackendCase, cut: int) -> int:
    request = NextToken(sequence=case.sequence, cuts=(cut,), params=case.params, top=1)
    table = answers(case.make(), (request,))[0]
    assert isinstance(table, NextTokenTable)
    return int(table.support[0])


def _base_is_not_all(case: BackendCase, cut: int) -> bool:
    request = NextToken(sequence=case.sequence, cuts=(cut,), params=case.params, top=1)
    table = answers(case.make(), (request,))[0]
    assert isinstance(table, NextTokenTable)
    return bool(table.p[0] < 1)


def test_a_start_that_is_an_outcome_gives_empty_rollouts():
    automaton = parse_automaton(document() | {"start": "A"})
    got = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=0, index=0),))
    assert got == [Rollout(ids=(), stop=StopReason.STOP)]
    assert exact_values(automaton, EMPTY, PLAIN).tolist() == [1.0]


def test_sampling_matches_exact_path_probabilities():
    """3,000 whole rollouts of an acyclic automaton against its paths; a false alarm has probability below 1e-6."""
    made = with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5, "b"]]})
    automaton = parse_automaton(made)
    params = replace(PLAIN, temperature=0.8, top_k=2)
    backend = ToyBackend(automaton)
    paths: dict[tuple[int, ...], float] = {}

    def walk(state: str, ids: tuple[int, ...], p: float) -> None:
        if state in automaton.outcomes:
            paths[ids] = p
            return
        for edge in shaped_edges(automaton, state, params):
            walk(edge.state, (*ids, edge.token), p * edge.probability)

    walk("s", (), 1.0)
    assert math.isclose(sum(paths.values()), 1.0)
    n = 3_000
    got = rollouts(backend, tuple(Sample(sequence=EMPTY, cut=0, params=params, seed=0, index=i) for i in range(n)))
    counts = {ids: sum(rollout.ids == ids for rollout in got) for ids in paths}
    assert sum(counts.values()) == n
    chi_square = sum((counts[ids] - n * p) ** 2 / (n * p) for ids, p in paths.items())
    assert len(paths) == 5
    limit = 35.0  # chi-square with 4 degrees of freedom exceeds 35 with probability 4.6e-7
    assert chi_square < limit
    wrong = dict(zip(paths, itertools.islice(itertools.cycle(list(paths.values())), 1, None), strict=False))
    assert sum((counts[ids] - n * p) ** 2 / (n * p) for ids, p in wrong.items()) > limit


def test_leave_and_branch_draw_as_stated():
    automaton = parse_automaton(with_state("s", {"edges": [[1, 0.5, "a"], [3, 0.3, "b"], [7, 0.2, "b"]]}))
    backend = ToyBackend(automaton)
    base = sequence(1, 4, 3, 5)
    leave = tuple(Sample(sequence=base, cut=0, params=PLAIN, seed=0, index=i, leave=True) for i in range(2_000))
    firsts = [rollout.ids[0] for rollout in rollouts(backend, leave)]
    assert set(firsts) == {3, 7}
    assert abs(firsts.count(3) / 2_000 - 0.6) < 0.06  # Hoeffding: 2 exp(-2 · 2000 · 0.06²) = 1.1e-6
    (one,) = rollouts(backend, (Sample(sequence=base, cut=2, params=PLAIN, seed=0, index=0, branch=7),))
    assert one.ids[0] == 7
    with pytest.raises(InvalidInput, match="token 9 at position 2: state 's' emits only 1, 3, 7"):
        rollouts(backend, (Sample(sequence=base, cut=2, params=PLAIN, seed=0, index=0, branch=9),))
    greedy = replace(PLAIN, temperature=0.0)
    with pytest.raises(InvalidInput, match="none leaves"):
        rollouts(backend, (Sample(sequence=base, cut=0, params=greedy, seed=0, index=0, leave=True),))


def test_ties_go_to_the_lower_token():
    automaton = parse_automaton(with_state("a", {"edges": [[4, 0.5, "s"], [2, 0.5, "A"]]}))
    q = {edge.token: edge.probability for edge in shaped_edges(automaton, "a", replace(PLAIN, top_k=1))}
    assert q == {2: 1.0, 4: 0.0}


def test_sequences_that_leave_the_automaton_are_refused():
    backend = ToyBackend(parse_automaton(document()))
    bad = sequence(1, 4, 9, 2)
    with pytest.raises(InvalidInput, match="token 9 at position 2: state 's' emits only 1, 3"):
        rollouts(backend, (Sample(sequence=bad, cut=3, params=PLAIN, seed=0, index=0),))
    assert rollouts(backend, (Sample(sequence=bad, cut=2, params=PLAIN, seed=0, index=0),))
    with pytest.raises(InvalidInput, match="position 2: state 'A' is an outcome"):
        rollouts(backend, (Sample(sequence=sequence(1, 2, 2), cut=3, params=PLAIN, seed=0, index=0),))
    prompted = TokenSequence(prompt=(1,), completion=())
    with pytest.raises(InvalidInput, match="takes no prompt"):
        rollouts(backend, (Sample(sequence=prompted, cut=0, params=PLAIN, seed=0, index=0),))
    with pytest.raises(InvalidInput, match="no stop tokens"):
        rollouts(backend, (Sample(sequence=EMPTY, cut=0, params=replace(PLAIN, stop=(3,)), seed=0, index=0),))


def test_next_token_table_and_reads_are_exact():
    backend = ToyBackend(parse_automaton(document()))
    base = sequence(1, 4, 3, 5)
    table, read = answers(
        backend,
        (
            NextToken(sequence=base, cuts=(0, 3), params=replace(PLAIN, top_k=1), top=2),
            Read(sequence=base, cuts=(0, 2, 3, 4), suffix=(3,), continuations=((5,), (6,), (5, 5))),
        ),
    )
    assert isinstance(table, NextTokenTable) and isinstance(read, ReadTable)
    assert table.p.tolist() == [1.0, 1.0] and table.support.tolist() == [1, 1]
    assert table.top_ids.tolist() == [[1, -1], [5, -1]]
    np.testing.assert_allclose(table.logprob, np.log([0.75, 0.9]))
    expected = [[0.9, 0.1, 0], [0.9, 0.1, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(np.exp(read.logprob), expected)
    assert read.top_id.tolist() == [5, 5, -1, -1]
    assert read.token_forwards == 4 + 4 * 2


@pytest.mark.parametrize("label", RESERVED_OUTCOMES)
def test_judge_labels_ends(label: str):
    judge = toy_judge(parse_automaton(with_state("B", {"outcome": label})))
    assert judge((1, 2), StopReason.STOP).verdict is Verdict.CORRECT
    assert judge((3, 5), StopReason.STOP).verdict is Verdict.UNKNOWN
    unfinished = judge((1, 4), StopReason.LENGTH)
    assert (unfinished.outcome, unfinished.verdict) == ("truncated", Verdict.UNKNOWN)
    with pytest.raises(InvalidInput, match="position 1"):
        judge((1, 9), StopReason.STOP)


@given(st.lists(st.integers(0, 999)))
def test_codec_round_trips(ids):
    codec = ToyCodec(vocab_size=1_000)
    text = codec.decode(tuple(ids))
    assert codec.encode(text) == tuple(ids)
    assert b"".join(codec.piece_bytes(tuple(ids))).decode() == text


@pytest.mark.parametrize("text", ["t05 ", "t1000 ", "x", "5", "t-1 ", "t٣ ", "t1t2"])
def test_codec_refuses_other_text(text):
    with pytest.raises(InvalidInput):
        ToyCodec(vocab_size=1_000).encode(text)


def test_fingerprint_ignores_labels_only():
    one = ToyBackend(parse_automaton(document())).fingerprint
    relabelled = ToyBackend(parse_automaton(document() | {"correct": "no"})).fingerprint
    assert one == relabelled
    for other in (document() | {"vocab_size": 11}, document() | {"start": "a"}, with_state("b", {"edges": [[5, 1.0, "B"]]})):
        assert ToyBackend(parse_automaton(other)).fingerprint != one


def test_automata_are_frozen():
    automaton = parse_automaton(document())
    assert isinstance(automaton, Automaton)
    with pytest.raises(TypeError):
        automaton.edges["x"] = ()  # type: ignore[index]
