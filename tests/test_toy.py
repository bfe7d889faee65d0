"""The exact automata: refusals, sampling against exact probabilities, exact values against a second derivation."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import BACKEND_LAWS, BackendCase, answers
from tokenworth.backends.toy import ToyBackend, ToyCodec, load_toy, parse_automaton, toy_judge
from tokenworth.backends.toy_automaton import Automaton, shaped_edges, states_along
from tokenworth.backends.toy_values import exact_outcomes, exact_values, random_automaton
from tokenworth.core.grade import Verdict
from tokenworth.core.request import NextToken, NextTokenTable, Read, ReadTable, Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError

PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=1_000, stop=())
EMPTY = TokenSequence(prompt=(), completion=())


def document() -> dict[str, Any]:
    """A small automaton with a cycle: s -> (a | b), a -> (A | s), b -> (A | B)."""
    return {
        "vocab_size": 10,
        "start": "s",
        "states": {
            "s": {"edges": [[3, 0.25, "b"], [1, 0.75, "a"]]},
            "a": {"edges": [[2, 0.5, "A"], [4, 0.5, "s"]]},
            "b": {"edges": [[5, 0.9, "B"], [6, 0.1, "A"]]},
            "A": {"outcome": "yes"},
            "B": {"outcome": "no"},
        },
        "correct": "yes",
    }


def sequence(*ids: int) -> TokenSequence:
    return TokenSequence(prompt=(), completion=ids)


def rollouts(backend: ToyBackend, requests: tuple[Sample, ...]) -> list[Rollout]:
    return [response for response in answers(backend, requests) if isinstance(response, Rollout)]


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


def with_state(name: str, value: object) -> dict[str, Any]:
    made = document()
    made["states"][name] = value
    return made


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.4, "s"]]}), "'a'.*sum to 0.9"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5 + 1e-8, "s"]]}), "'a'.*sum"),
        (with_state("a", {"edges": [[2, 1.0, "A"], [4, 0.0, "s"]]}), "'a'.*probability 0.0"),
        (with_state("a", {"edges": [[2, 1.5, "A"], [4, -0.5, "s"]]}), "'a'.*probability -0.5"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5, "nowhere"]]}), "'a'.*'nowhere'"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [2, 0.5, "s"]]}), "'a'.*token 2.*two edges"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [10, 0.5, "s"]]}), "'a'.*token 10.*0 to 9"),
        (with_state("a", {"edges": [[-1, 1.0, "A"]]}), "'a'.*token -1"),
        (with_state("a", {"edges": []}), "'a'.*neither"),
        (with_state("a", {}), "'a'.*neither"),
        (with_state("a", {"edges": [[2, 1.0, "A"]], "outcome": "yes"}), "'a'.*both"),
        (with_state("loop", {"edges": [[2, 1.0, "loop"]]}), "'loop'.*cycle without exit"),
        (with_state("a", {"edges": [[2, 1.0, "A"]], "note": "x"}), "'a'.*unknown field"),
        (with_state("a", {"edges": [[2, 1.0, "A", 3]]}), "'a'.*length"),
        (with_state("a", {"edges": [["2", 1.0, "A"]]}), "'a'.*int"),
        (with_state("a", [1]), "'a'.*object"),
        (document() | {"start": "z"}, "start state 'z'"),
        (document() | {"correct": "maybe"}, "'maybe'.*'no', 'yes'"),
        (document() | {"vocab_size": 0}, "vocab_size 0"),
        (document() | {"extra": 1}, "unknown field"),
        ({"vocab_size": 3}, "missing required field"),
    ],
)
def test_faults_are_refused_with_the_state_named(made, named):
    with pytest.raises(InvalidInput, match=named) as caught:
        parse_automaton(made)
    assert "\n" not in str(caught.value)


def test_states_that_nothing_leads_to_are_allowed():
    assert parse_automaton(with_state("spare", {"outcome": "no"})).outcomes["spare"] == "no"


def test_a_start_that_is_an_outcome_gives_empty_rollouts():
    automaton = parse_automaton(document() | {"start": "A"})
    got = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=0, index=0),))
    assert got == [Rollout(ids=(), stop=StopReason.STOP)]
    assert exact_values(automaton, EMPTY, PLAIN).tolist() == [1.0]


def test_files(tmp_path: Path):
    path = tmp_path / "toy.json"
    text = json.dumps(document())
    path.write_text(text)
    assert load_toy(path) == parse_automaton(document())
    with pytest.raises(MissingFile):
        load_toy(tmp_path / "none.json")
    faults = {
        text[: len(text) // 2]: "not JSON",
        "": "not JSON",
        "[1, 2]": "object",
        "[" * 100_000: "nested|not JSON",
        text.replace("0.25", "NaN"): "NaN",
        text.replace("0.25", "1e999"): "inf",
        text.replace('"B": {', '"A": {"outcome": "no"}, "B": {', 1): "twice",
        text.replace("0.25", "9" * 5_000): "digits|probability",
    }
    for content, named in faults.items():
        path.write_text(content)
        with pytest.raises(InvalidInput, match=named) as caught:
            load_toy(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InvalidInput, match="UTF-8"):
        load_toy(path)
    with pytest.raises(InvalidInput, match="directory"):
        load_toy(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_readers_refuse_or_read_anything(data, tmp_path_factory):
    made = document()
    place = data.draw(st.sampled_from(["", "vocab_size", "start", "correct", "states", "a", "edges"]))
    value = data.draw(JSON)
    if place == "a":
        made["states"]["a"] = value
    elif place == "edges":
        made["states"]["a"]["edges"] = value
    elif place:
        made[place] = value
    else:
        made = value
    path = tmp_path_factory.mktemp("fuzz") / "toy.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    message = ""
    try:
        load_toy(path)
    except TokenworthError as error:
        message = str(error)
    assert "\n" not in message


def test_sampling_matches_exact_path_probabilities():
    """3,000 whole rollouts of an acyclic automaton against its paths; a false alarm has probability below 1e-6."""
    made = with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5, "b"]]})
    automaton = parse_automaton(made)
    params = replace(PLAIN, temperature=0.8, top_k=2)
    backend = ToyBackend(automaton)
    paths: dict[tuple[int, ...], float] = {}

    def walk(state: str, ids: tuple[int, ...], p: float) -> None:
        if automaton.is_outcome(state):
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


def test_exact_values_by_hand_on_a_cycle():
    automaton = parse_automaton(document())
    # V(s) = .75 V(a) + .25 · .1 and V(a) = .5 + .5 V(s) give V(s) = .4 / .625.
    s = 0.4 / 0.625
    got = exact_values(automaton, sequence(1, 4, 3, 5), PLAIN)
    np.testing.assert_allclose(got, [s, 0.5 + 0.5 * s, s, 0.1, 0.0], atol=1e-12)
    outcomes = exact_outcomes(automaton, sequence(1, 4, 3, 5), PLAIN)
    np.testing.assert_allclose(outcomes["yes"] + outcomes["no"], 1)
    assert outcomes["truncated"].tolist() == [0, 0, 0, 0, 0]


def test_cut_off_exits_count_as_truncated():
    # Top-k 1 keeps s -> a (.75) and, by the lower token, a -> A; forbid that by making the way back likelier.
    automaton = parse_automaton(with_state("a", {"edges": [[2, 0.4, "A"], [4, 0.6, "s"]]}))
    outcomes = exact_outcomes(automaton, sequence(3), replace(PLAIN, top_k=1))
    assert outcomes["truncated"].tolist() == [1.0, 0.0]
    assert outcomes["yes"].tolist() == [0.0, 0.0] and outcomes["no"].tolist() == [0.0, 1.0]


def test_exact_values_with_a_limit():
    automaton = parse_automaton(document())
    base = sequence(1, 4, 1, 2)
    params = replace(PLAIN, max_tokens=4)
    got = exact_outcomes(automaton, base, params, until_limit=True)
    # From cut 2 two tokens are left: s a A (.75 · .5) or s b A (.25 · .1); s b B (.25 · .9); else truncated.
    assert math.isclose(got["yes"][2], 0.75 * 0.5 + 0.25 * 0.1)
    assert math.isclose(got["no"][2], 0.25 * 0.9)
    assert math.isclose(got["truncated"][2], 0.75 * 0.5)
    assert got["yes"][4] == 1.0
    unlimited = exact_values(automaton, base, PLAIN)
    np.testing.assert_allclose(exact_values(automaton, base, PLAIN, until_limit=True), unlimited, atol=1e-12)
    judge = toy_judge(automaton)
    n = 2_000
    drawn = rollouts(ToyBackend(automaton), tuple(Sample(sequence=base, cut=0, params=params, seed=0, index=i) for i in range(n)))
    for label in ("yes", "no", "truncated"):
        share = sum(judge(rollout.ids, rollout.stop).outcome == label for rollout in drawn) / n
        assert abs(share - got[label][0]) < 0.062  # Hoeffding: below 5e-7 each


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0, 1), st.integers(1, 5))
def test_values_obey_the_recursion(seed, length, certain_share, lanes):
    """V(c) = Σ q(token) V(next): checked on the base path by asking for the value after every edge."""
    rng = np.random.default_rng(seed)
    automaton = random_automaton(rng, length=length, certain_share=certain_share, lanes=lanes)
    params = replace(PLAIN, temperature=0.7, top_p=0.9)
    (base,) = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=seed, index=0),))
    states = states_along(automaton, base.ids)
    values = exact_values(automaton, sequence(*base.ids), params)
    assert ((values >= 0) & (values <= 1)).all()
    for cut in range(0, len(base.ids), max(1, len(base.ids) // 5)):
        edges = shaped_edges(automaton, states[cut], params)
        following = [exact_values(automaton, sequence(*base.ids[:cut], edge.token), params)[-1] for edge in edges]
        assert math.isclose(values[cut], sum(e.probability * v for e, v in zip(edges, following, strict=True)), abs_tol=1e-12)


def test_random_automata_are_as_described():
    shares, lengths = [], []
    for seed in range(20):
        automaton = random_automaton(np.random.default_rng(seed), length=150)
        (base,) = rollouts(ToyBackend(automaton), (Sample(sequence=EMPTY, cut=0, params=PLAIN, seed=0, index=0),))
        states = states_along(automaton, base.ids)
        shares.append(np.mean([len(automaton.edges[state]) == 1 for state in states[:-1]]))
        lengths.append(len(base.ids))
        assert len(automaton.edges) == 4 * 150
    assert 0.70 <= np.mean(shares) <= 0.80
    assert min(lengths) >= 120 and max(lengths) <= 150
    once, again = (random_automaton(np.random.default_rng(1), length=20) for _ in range(2))
    assert once == again
    with pytest.raises(InvalidInput):
        random_automaton(np.random.default_rng(1), length=1)


def test_judge_labels_ends():
    judge = toy_judge(parse_automaton(with_state("B", {"outcome": "ungraded"})))
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
