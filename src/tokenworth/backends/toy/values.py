"""Exact values of toy automata, and random automata to estimate on.

``exact_values`` and ``exact_outcomes`` are the oracle: dynamic programming or a linear solve, no sampling.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from tokenworth.backends.toy.automaton import Automaton, Edge, shaped_edges, states_along
from tokenworth.core.grade import TRUNCATED
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.errors import InvalidInput

_Shaped = Mapping[str, tuple[Edge, ...]]


def exact_values(
    automaton: Automaton, sequence: TokenSequence, params: Sampling, *, until_limit: bool = False
) -> Float[np.ndarray, " cut"]:
    """V(c), the probability that a rollout from cut c ends in the correct outcome, at cuts 0 … len(completion).

    The process is the shaped one, q (temperature, top-k, top-p, min-p). ``params.max_tokens`` is treated as infinite;
    with ``until_limit`` it is honoured: rollouts that would pass it are not correct.
    """
    return exact_outcomes(automaton, sequence, params, until_limit=until_limit)[automaton.correct]


def exact_outcomes(
    automaton: Automaton, sequence: TokenSequence, params: Sampling, *, until_limit: bool = False
) -> dict[str, Float[np.ndarray, " cut"]]:
    """o(c): by outcome label, its probability for a rollout from cut c, at cuts 0 … len(completion).

    V(state) = Σ q(edge) · V(next state), with an outcome's own label at the end: by dynamic programming where the
    automaton has no cycle, otherwise as a linear system. ``max_tokens`` is treated as infinite; ``truncated`` is then
    the probability of never ending (above 0 only where q cuts off every way out). With ``until_limit`` a rollout ends
    as ``truncated`` when the completion reaches ``max_tokens``.
    """
    if sequence.prompt:
        raise InvalidInput(f"a toy model takes no prompt; got {len(sequence.prompt)} prompt ids")
    path = states_along(automaton, sequence.completion)
    labels = tuple(dict.fromkeys([*sorted(set(automaton.outcomes.values())), TRUNCATED]))
    shaped = {state: shaped_edges(automaton, state, params) for state in automaton.edges}
    ends = {state: np.asarray([float(label == name) for name in labels]) for state, label in automaton.outcomes.items()}
    if until_limit:
        remaining = [params.max_tokens - cut for cut in range(len(path))]
        rows = _limited(shaped, ends, path, remaining)
    else:
        by_state = _unlimited(shaped, ends)
        rows = np.stack([by_state[state] for state in path])
    total = rows.sum(axis=1)
    # Only mass that is missing beyond rounding.
    rows[:, labels.index(TRUNCATED)] += np.clip(1 - total, 0, None) * (total < 1 - 1e-12)
    return {label: rows[:, column] for column, label in enumerate(labels)}


def _unlimited(shaped: _Shaped, ends: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outcome probabilities of every state, no limit on length."""
    values = dict(ends)
    order = _from_the_end(shaped)
    if order is None:
        return values | _solved(shaped, ends)
    for state in order:
        values[state] = _mean_of_next(shaped[state], values)
    return values


def _mean_of_next(edges: tuple[Edge, ...], values: Mapping[str, np.ndarray]) -> np.ndarray:
    # A certain edge copies, so that the value of a forced step is equal to the last bit.
    live = [edge for edge in edges if edge.probability > 0]
    if len(live) == 1:
        return values[live[0].state].copy()
    return np.sum([edge.probability * values[edge.state] for edge in live], axis=0)


def _from_the_end(shaped: _Shaped) -> list[str] | None:
    """The states so that each follows all it leads to, or None where there is a cycle."""
    waiting = {s: len({e.state for e in edges if e.probability > 0 and e.state in shaped}) for s, edges in shaped.items()}
    into: dict[str, set[str]] = {}
    for state, edges in shaped.items():
        for edge in edges:
            if edge.probability > 0:
                into.setdefault(edge.state, set()).add(state)
    ready = [state for state, count in waiting.items() if count == 0]
    order: list[str] = []
    while ready:
        state = ready.pop()
        order.append(state)
        for before in into.get(state, ()):
            waiting[before] -= 1
            if waiting[before] == 0:
                ready.append(before)
    return order if len(order) == len(shaped) else None


def _solved(shaped: _Shaped, ends: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The minimal solution of (I − Q) V = R over the states from which q lets an outcome be reached; others are 0."""
    reached = set(ends)
    grew = True
    while grew:
        new = {s for s, edges in shaped.items() if s not in reached and any(e.probability > 0 and e.state in reached for e in edges)}
        reached |= new
        grew = bool(new)
    width = len(next(iter(ends.values())))
    live = [state for state in shaped if state in reached]
    at = {state: row for row, state in enumerate(live)}
    system = np.eye(len(live))
    known = np.zeros((len(live), width))
    for state, row in at.items():
        for edge in shaped[state]:
            if edge.state in ends:
                known[row] += edge.probability * ends[edge.state]
            elif edge.state in at:
                system[row, at[edge.state]] -= edge.probability
    solution = np.clip(np.linalg.solve(system, known), 0, 1)
    zero = np.zeros(width)
    return {state: solution[at[state]] if state in at else zero for state in shaped}


def _limited(
    shaped: _Shaped, ends: Mapping[str, np.ndarray], path: tuple[str, ...], remaining: list[int]
) -> Float[np.ndarray, "cut outcome"]:
    """Outcome probabilities at each cut when only ``remaining[cut]`` more tokens may follow."""
    names = [*shaped, *ends]
    at = {state: row for row, state in enumerate(names)}
    links = [(at[s], at[e.state], e.probability) for s, edges in shaped.items() for e in edges if e.probability > 0]
    source, target = (np.asarray([link[k] for link in links], dtype=np.int64) for k in (0, 1))
    q = np.asarray([link[2] for link in links])
    width = len(next(iter(ends.values())))
    fixed = np.zeros((len(names), width))
    for state, row in ends.items():
        fixed[at[state]] = row
    rows = np.zeros((len(path), width))
    values = fixed
    asking: dict[int, list[int]] = {}
    for cut, room in enumerate(remaining):
        asking.setdefault(max(room, 0), []).append(cut)
    for left in range(max(asking) + 1):
        for cut in asking.get(left, ()):
            rows[cut] = values[at[path[cut]]]
        after = fixed.copy()
        np.add.at(after, source, q[:, None] * values[target])
        values = after
    return rows


def random_automaton(
    rng: np.random.Generator,
    *,
    length: int,
    certain_share: float = 0.75,
    lanes: int = 4,
    branches: int = 3,
    switch_share: float = 0.1,
    fork_alpha: float = 1.0,
    labels: tuple[str, ...] = ("A", "B", "C"),
) -> Automaton:
    """A random merging automaton whose traces have about ``length`` tokens, ``certain_share`` of them certain.

    ``lanes`` parallel chains of ``length`` states. In each lane a random ``certain_share`` of the states has one edge, to
    the next state of the lane; the others are forks with 2 to ``branches`` edges, whose probabilities are a
    Dirichlet(``fork_alpha``) draw (1: every split is as likely; smaller: one edge has most of the probability), sorted so
    that the likeliest edge continues the lane. A side edge changes to a random other lane with probability ``switch_share``
    (where the outcome is different), otherwise it merges into its own lane 0 to 3 states
    further on (where it is not). Each lane ends in outcomes by its own draw from Dirichlet(0.3), so that lanes differ in
    value. The graph has ``lanes`` · ``length`` states whatever paths there are; ``correct`` is the first label.
    """
    if length < 2 or lanes < 1 or branches < 2 or not labels or not 0 <= certain_share <= 1 or not 0 <= switch_share <= 1:
        raise InvalidInput("random automaton: expected length ≥ 2, lanes ≥ 1, branches ≥ 2, a label, and shares in [0, 1]")
    edges: dict[str, tuple[Edge, ...]] = {}
    vocab_size = max(16, 2 * branches, len(labels))

    def edge(token: int, probability: float, lane: int, at: int) -> Edge:
        return Edge(token=token, probability=float(probability), state=f"{lane}.{min(at, length - 1)}")

    for lane in range(lanes):
        forks = set(rng.permutation(length - 1)[: round((1 - certain_share) * (length - 1))].tolist())
        for at in range(length - 1):
            if at not in forks:
                edges[f"{lane}.{at}"] = (edge(int(rng.integers(vocab_size)), 1.0, lane, at + 1),)
                continue
            n_edges = int(rng.integers(2, branches + 1))
            share = _probabilities(np.sort(rng.dirichlet(np.full(n_edges, fork_alpha)))[::-1])
            tokens = rng.choice(vocab_size, size=n_edges, replace=False).tolist()
            made = [edge(tokens[0], share[0], lane, at + 1)]
            for k in range(1, n_edges):
                switches = lanes > 1 and rng.random() < switch_share
                to = (lane + int(rng.integers(1, lanes))) % lanes if switches else lane
                made.append(edge(tokens[k], share[k], to, at + 1 if switches else at + 1 + int(rng.integers(4))))
            edges[f"{lane}.{at}"] = tuple(made)
        share = _probabilities(rng.dirichlet(np.full(len(labels), 0.3)))
        last = (Edge(token=k, probability=float(share[k]), state=label) for k, label in enumerate(labels))
        edges[f"{lane}.{length - 1}"] = tuple(last)
    outcomes = {label: label for label in labels}
    return Automaton(vocab_size=vocab_size, start="0.0", edges=edges, outcomes=outcomes, correct=labels[0])


def _probabilities(share: Float[np.ndarray, " edge"]) -> Float[np.ndarray, " edge"]:
    """The shares with none below 0.001, summing to 1: an edge of probability 0 is not an edge."""
    raised = np.maximum(share, 1e-3)
    return raised / raised.sum()
