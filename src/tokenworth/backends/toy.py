"""An exact model: a finite automaton that emits tokens and ends in a labelled outcome.

Every quantity the package estimates is known exactly for it (``toy_values``), which makes it the oracle of the tests.
The prompt of a toy sequence is empty; a completion is a path from the start state.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from types import MappingProxyType

import numpy as np

from tokenworth.core.grade import TRUNCATED, UNGRADED, Grade, Judge, Verdict
from tokenworth.core.keys import rollout_generator
from tokenworth.core.ports import Capabilities, KeyedRequest
from tokenworth.core.request import NextToken, NextTokenTable, Read, ReadTable, Response, Rollout, Sample
from tokenworth.core.sampling import Sampling, sampling_distribution
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput

SUM_TOLERANCE = 1e-9
"""How far from 1 the probabilities of one state may sum."""
MAX_VOCAB = 2**31
_NO_TOKEN = -1
_UNIFORMS = 64


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

    def is_outcome(self, state: str) -> bool:
        """Whether a rollout ends in this state."""
        return state in self.outcomes


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_frame(automaton: Automaton) -> None:
    if not 1 <= automaton.vocab_size <= MAX_VOCAB:
        raise InvalidInput(f"automaton: vocab_size {automaton.vocab_size}; expected 1 to {MAX_VOCAB}")
    for state in automaton.edges:
        if state in automaton.outcomes:
            raise InvalidInput(f"automaton: state {_show(state)} has both edges and an outcome; expected one of them")
    if automaton.start not in automaton.edges and automaton.start not in automaton.outcomes:
        raise InvalidInput(f"automaton: the start state {_show(automaton.start)} is not among its states")
    labels = set(automaton.outcomes.values())
    if automaton.correct not in labels:
        known = ", ".join(_show(label) for label in sorted(labels)[:8]) or "none"
        raise InvalidInput(f"automaton: 'correct' is {_show(automaton.correct)}, which no state has as outcome (outcomes: {known})")
    if automaton.correct in (UNGRADED, TRUNCATED):
        raise InvalidInput(f"automaton: 'correct' is {_show(automaton.correct)}, a label reserved for unknown outcomes")


def _check_edges(automaton: Automaton, state: str, edges: tuple[Edge, ...]) -> None:
    where = f"automaton: state {_show(state)}"
    if not edges:
        raise InvalidInput(f"{where} has neither edges nor an outcome; expected one of them")
    for edge in edges:
        if not 0 <= edge.token < automaton.vocab_size:
            raise InvalidInput(f"{where} emits token {edge.token}; expected 0 to {automaton.vocab_size - 1}")
        if not (math.isfinite(edge.probability) and edge.probability > 0):
            raise InvalidInput(f"{where} gives token {edge.token} the probability {edge.probability}; expected a number in (0, 1]")
        if edge.state not in automaton.edges and edge.state not in automaton.outcomes:
            raise InvalidInput(f"{where} leads to {_show(edge.state)} by token {edge.token}, which is not among the states")
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
            raise InvalidInput(f"automaton: no outcome can be reached from state {_show(state)} (a cycle without exit)")


def illegal_token(automaton: Automaton, state: str, token: int, position: int) -> InvalidInput:
    """The error for a token that ``state`` cannot emit at ``position`` (0 is the first completion token)."""
    if automaton.is_outcome(state):
        detail = "is an outcome, after which nothing follows"
    else:
        tokens = [str(edge.token) for edge in automaton.edges[state]]
        detail = "emits only " + ", ".join(tokens[:8]) + (", …" if len(tokens) > 8 else "")
    return InvalidInput(f"token {token} at position {position}: state {_show(state)} {detail}")


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


def toy_judge(automaton: Automaton) -> Judge:
    """A judge that walks the ids and grades the outcome they end in; not ended is ``truncated``, with verdict unknown.

    The outcome labels ``ungraded`` and ``truncated`` keep their meaning: their verdict is unknown.
    """

    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        state = states_along(automaton, ids)[-1]
        label = automaton.outcomes.get(state, TRUNCATED)
        if label in (UNGRADED, TRUNCATED):
            return Grade(outcome=label, verdict=Verdict.UNKNOWN)
        return Grade(outcome=label, verdict=Verdict.CORRECT if label == automaton.correct else Verdict.INCORRECT)

    return judge


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyCodec:
    """Text of toy tokens: token 17 is ``"t17 "``."""

    vocab_size: int

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of a text made of pieces such as ``"t17 "``; anything else raises ``InvalidInput``."""
        pieces = re.findall(r"t(0|[1-9][0-9]{0,9}) ", text)
        ids = tuple(int(piece) for piece in pieces)
        if self.decode(ids) != text or any(token >= self.vocab_size for token in ids):
            raise InvalidInput(f"toy text {_show(text)}: expected pieces 't0 ' to 't{self.vocab_size - 1} ', each with its space")
        return ids

    def decode(self, ids: tuple[int, ...]) -> str:
        """The pieces of ``ids``, joined."""
        return "".join(f"t{token} " for token in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        """The bytes of each piece."""
        return tuple(f"t{token} ".encode() for token in ids)


@dataclass(frozen=True, slots=True)
class _Draw:
    """A state's support under q, ready for inversion: cumulative probabilities, tokens and the states they lead to."""

    cumulative: tuple[float, ...]
    tokens: tuple[int, ...]
    states: tuple[str, ...]

    def pick(self, uniform: float) -> tuple[int, str]:
        at = min(bisect_right(self.cumulative, uniform), len(self.tokens) - 1)
        return self.tokens[at], self.states[at]


def _draw(edges: Sequence[Edge]) -> _Draw:
    kept = [edge for edge in edges if edge.probability > 0]
    total = math.fsum(edge.probability for edge in kept)
    return _Draw(
        tuple(accumulate(edge.probability / total for edge in kept)),
        tuple(edge.token for edge in kept),
        tuple(edge.state for edge in kept),
    )


def _uniforms(key: str) -> Iterator[float]:
    generator = rollout_generator(key)
    while True:
        yield from generator.random(_UNIFORMS).tolist()


class ToyBackend:
    """Answers requests of one automaton, exactly: one keyed uniform a sampled step, inverted through q's CDF."""

    def __init__(self, automaton: Automaton, *, name: str = "toy") -> None:
        self.automaton = automaton
        self.name = name
        self.fingerprint = _fingerprint(automaton)
        self.capabilities = Capabilities(leave=True, next_token=True, read=True)
        self._draws: dict[Sampling, dict[str, _Draw]] = {}
        self._walked: tuple[TokenSequence, tuple[str, ...]] | None = None

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        """Yields (key, response) in the order of the requests."""
        for keyed in requests:
            request = keyed.request
            if isinstance(request, Sample):
                yield keyed.key, self._rollout(request, keyed.key)
            elif isinstance(request, NextToken):
                yield keyed.key, self._next_token(request)
            else:
                yield keyed.key, self._read(request)

    def _states(self, sequence: TokenSequence, cut: int) -> tuple[str, ...]:
        """The states of the completion up to ``cut`` at least; what follows the cut need not be legal."""
        if sequence.prompt:
            raise InvalidInput(f"a toy model takes no prompt; got {len(sequence.prompt)} prompt ids")
        if self._walked is None or (self._walked[0] is not sequence and self._walked[0] != sequence):
            states = [self.automaton.start]
            for token in sequence.completion:
                after = follow(self.automaton, states[-1], token)
                if after is None:
                    break
                states.append(after)
            self._walked = (sequence, tuple(states))
        states = self._walked[1]
        if cut >= len(states):
            raise illegal_token(self.automaton, states[-1], sequence.completion[len(states) - 1], len(states) - 1)
        return states

    def _drawing(self, params: Sampling) -> dict[str, _Draw]:
        if params.stop:
            raise InvalidInput(f"a toy model has no stop tokens, it ends at an outcome; got stop ids {_show(params.stop)}")
        return self._draws.setdefault(params, {})

    def _rollout(self, request: Sample, key: str) -> Rollout:
        drawing = self._drawing(request.params)
        state = self._states(request.sequence, request.cut + request.leave)[request.cut]
        room = request.params.max_tokens - request.cut
        ids: list[int] = []
        uniforms = _uniforms(key)
        if request.branch is not None:
            after = follow(self.automaton, state, request.branch)
            if after is None:
                raise illegal_token(self.automaton, state, request.branch, request.cut)
            if room > 0:
                ids.append(request.branch)
                state = after
        elif request.leave and room > 0:
            token, state = self._leaving(request, state).pick(next(uniforms))
            ids.append(token)
        while state in self.automaton.edges and len(ids) < room:
            draw = drawing.get(state)
            if draw is None:
                draw = drawing.setdefault(state, _draw(shaped_edges(self.automaton, state, request.params)))
            token, state = draw.pick(next(uniforms))
            ids.append(token)
        return Rollout(ids=tuple(ids), stop=StopReason.STOP if state in self.automaton.outcomes else StopReason.LENGTH)

    def _leaving(self, request: Sample, state: str) -> _Draw:
        base = request.sequence.completion[request.cut]
        others = [edge for edge in shaped_edges(self.automaton, state, request.params) if edge.token != base]
        if not any(edge.probability > 0 for edge in others):
            raise InvalidInput(f"cut {request.cut}: no other token than {base} can be drawn in state {_show(state)}, so none leaves")
        return _draw(others)

    def _next_token(self, request: NextToken) -> NextTokenTable:
        self._drawing(request.params)
        n_cuts = len(request.cuts)
        p, logprob = np.zeros(n_cuts), np.zeros(n_cuts)
        top_ids = np.full((n_cuts, request.top), _NO_TOKEN, dtype=np.int64)
        top_p = np.zeros((n_cuts, request.top))
        support = np.zeros(n_cuts, dtype=np.int64)
        for row, cut in enumerate(request.cuts):
            state = self._states(request.sequence, cut + 1)[cut]
            base = request.sequence.completion[cut]
            shaped = shaped_edges(self.automaton, state, request.params)
            p[row] = next(edge.probability for edge in shaped if edge.token == base)
            logprob[row] = math.log(next(e.probability for e in self.automaton.edges[state] if e.token == base))
            ranked = sorted((edge for edge in shaped if edge.probability > 0), key=lambda edge: -edge.probability)
            support[row] = len(ranked)
            for column, edge in enumerate(ranked[: request.top]):
                top_ids[row, column], top_p[row, column] = edge.token, edge.probability
        return NextTokenTable(p=p, logprob=logprob, top_ids=top_ids, top_p=top_p, support=support)

    def _read(self, request: Read) -> ReadTable:
        """Raw log-probabilities; -inf (and top token -1) where the automaton cannot go, or has ended."""
        n_cuts = len(request.cuts)
        logprob = np.full((n_cuts, len(request.continuations)), -np.inf)
        top_id = np.full(n_cuts, _NO_TOKEN, dtype=np.int64)
        top_logprob = np.full(n_cuts, -np.inf)
        for row, cut in enumerate(request.cuts):
            before = self._states(request.sequence, cut)[cut]
            state, reached = self._emit(before, request.suffix)
            if state is None or reached == -math.inf:
                continue
            for column, continuation in enumerate(request.continuations):
                logprob[row, column] = self._emit(state, continuation)[1]
            best = max(self.automaton.edges.get(state, ()), key=lambda edge: edge.probability, default=None)
            if best is not None:
                top_id[row], top_logprob[row] = best.token, math.log(best.probability)
        read = len(request.suffix) + sum(len(ids) - 1 for ids in request.continuations)
        forwards = len(request.sequence.completion) + n_cuts * read
        return ReadTable(logprob=logprob, top_id=top_id, top_logprob=top_logprob, token_forwards=forwards)

    def _emit(self, state: str, ids: Sequence[int]) -> tuple[str | None, float]:
        total = 0.0
        for token in ids:
            edge = next((edge for edge in self.automaton.edges.get(state, ()) if edge.token == token), None)
            if edge is None:
                return None, -math.inf
            total += math.log(edge.probability)
            state = edge.state
        return state, total


def _fingerprint(automaton: Automaton) -> str:
    """A hash of what decides the distribution over token sequences: labels of outcomes do not."""
    edges = {state: [[e.token, e.probability, e.state] for e in edges] for state, edges in automaton.edges.items()}
    text = json.dumps([automaton.vocab_size, automaton.start, edges, sorted(automaton.outcomes)], sort_keys=True)
    return "toy-" + hashlib.sha256(text.encode("utf-8")).hexdigest()
