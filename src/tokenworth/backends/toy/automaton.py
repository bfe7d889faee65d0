"""Finite automata that emit tokens: the values, their invariants, and walking along them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.core.sampling import Sampling, sampling_distribution
from tokenworth.errors import InvalidInput

SUM_TOLERANCE = 1e-9
"""How far from 1 the probabilities of one state may sum."""
MAX_VOCAB = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A token a state can emit, its probability in (0, 1] and the state that follows."""

    token: int
    probability: float
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Automaton:
    """States that emit tokens (``edges``, kept in ascending token order) and states that end a rollout (``outcomes``).

    Raises ``InvalidInput`` naming the state when the parts do not make a process that ends with probability 1.
    """

    vocab_size: int
    start: str
    edges: Mapping[str, tuple[Edge, ...]]
    outcomes: Mapping[str, str]
    correct: str

    def __post_init__(self) -> None:
        by_token = {state: tuple(sorted(edges, key=lambda edge: edge.token)) for state, edges in self.edges.items()}
        object.__setattr__(self, "edges", MappingProxyType(by_token))
        object.__setattr__(self, "outcomes", MappingProxyType(dict(self.outcomes)))
        _check_frame(self)
        for state, edges in self.edges.items():
            _check_edges(self, state, edges)
        _check_exits(self)


def shown(value: object) -> str:
    """``repr`` of a value from a file, shortened to 60 characters, for one-line messages."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_frame(automaton: Automaton) -> None:
    if not 1 <= automaton.vocab_size <= MAX_VOCAB:
        raise InvalidInput(f"automaton: vocab_size {automaton.vocab_size}; expected 1 to {MAX_VOCAB}")
    for state in automaton.edges:
        if state in automaton.outcomes:
            raise InvalidInput(f"automaton: state {shown(state)} has both edges and an outcome; expected one of them")
    if automaton.start not in automaton.edges and automaton.start not in automaton.outcomes:
        raise InvalidInput(f"automaton: the start state {shown(automaton.start)} is not among its states")
    labels = set(automaton.outcomes.values())
    if automaton.correct not in labels:
        known = ", ".join(shown(label) for label in sorted(labels)[:8]) or "none"
        raise InvalidInput(f"automaton: 'correct' is {shown(automaton.correct)}, which no state has as outcome (outcomes: {known})")
    if automaton.correct in RESERVED_OUTCOMES:
        raise InvalidInput(f"automaton: 'correct' is {shown(automaton.correct)}, a label reserved for unknown outcomes")


def _check_edges(automaton: Automaton, state: str, edges: tuple[Edge, ...]) -> None:
    where = f"automaton: state {shown(state)}"
    if not edges:
        raise InvalidInput(f"{where} has neither edges nor an outcome; expected one of them")
    for edge in edges:
        if not 0 <= edge.token < automaton.vocab_size:
            raise InvalidInput(f"{where} emits token {edge.token}; expected 0 to {automaton.vocab_size - 1}")
        if not (math.isfinite(edge.probability) and edge.probability > 0):
            raise InvalidInput(f"{where} gives token {edge.token} the probability {edge.probability}; expected a number in (0, 1]")
        if edge.state not in automaton.edges and edge.state not in automaton.outcomes:
            raise InvalidInput(f"{where} leads to {shown(edge.state)} by token {edge.token}, which is not among the states")
    for first, second in pairwise(edges):
        if first.token == second.token:
            raise InvalidInput(f"{where} emits token {first.token} by two edges; expected each token once")
    total = math.fsum(edge.probability for edge in edges)
    if abs(total - 1) > SUM_TOLERANCE:
        raise InvalidInput(f"{where}: its probabilities sum to {total:.12g}; expected 1")


def _check_exits(automaton: Automaton) -> None:
    into: dict[str, list[str]] = {}
    for state, edges in automaton.edges.items():
        for edge in edges:
            into.setdefault(edge.state, []).append(state)
    ending = set(automaton.outcomes)
    waiting = list(automaton.outcomes)
    while waiting:
        for state in into.get(waiting.pop(), ()):
            if state not in ending:
                ending.add(state)
                waiting.append(state)
    for state in automaton.edges:
        if state not in ending:
            raise InvalidInput(f"automaton: no outcome can be reached from state {shown(state)} (a cycle without exit)")


def illegal_token(automaton: Automaton, state: str, token: int, position: int) -> InvalidInput:
    """The error for a token that ``state`` cannot emit at ``position`` (0 is the first completion token)."""
    if state in automaton.outcomes:
        detail = "is an outcome, after which nothing follows"
    else:
        tokens = [str(edge.token) for edge in automaton.edges[state]]
        detail = "emits only " + ", ".join(tokens[:8]) + (", …" if len(tokens) > 8 else "")
    return InvalidInput(f"token {token} at position {position}: state {shown(state)} {detail}")


def follow(automaton: Automaton, state: str, token: int) -> str | None:
    """The state after ``token``, or None where ``state`` cannot emit it."""
    return next((edge.state for edge in automaton.edges.get(state, ()) if edge.token == token), None)


def states_along(automaton: Automaton, ids: Sequence[int]) -> tuple[str, ...]:
    """The states at cuts 0 … len(ids) of a completion; the first is the start state.

    Raises ``InvalidInput`` naming position and state at the first token the automaton cannot emit.
    """
    states = [automaton.start]
    for position, token in enumerate(ids):
        after = follow(automaton, states[-1], token)
        if after is None:
            raise illegal_token(automaton, states[-1], token, position)
        states.append(after)
    return tuple(states)


def shaped_edges(automaton: Automaton, state: str, params: Sampling) -> tuple[Edge, ...]:
    """The edges of a state with q, the probability a sampler with ``params`` gives them, in ascending token order.

    q may be 0 where the parameters cut an edge off. Ties at the edge of top-k and top-p go to the lower token id.
    """
    edges = automaton.edges[state]
    q = sampling_distribution(np.log([edge.probability for edge in edges]), params)
    return tuple(Edge(token=edge.token, probability=float(p), state=edge.state) for edge, p in zip(edges, q, strict=True))
