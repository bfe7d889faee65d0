"""An exact model: a finite automaton that emits tokens and ends in a labelled outcome.

``toy:FILE.json`` is ``{"vocab_size": int, "start": state, "states": {state: {"edges": [[token, probability, state], …]}
| {"outcome": label}}, "correct": label}``. Every quantity the package estimates is known exactly for it
(``values``), which makes it the oracle of the tests. The prompt of a toy sequence is empty; a completion is a path
from the start state.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from tokenworth.backends.toy.automaton import Automaton, Edge, follow, illegal_token, shaped_edges, shown, states_along
from tokenworth.core.files import read_input
from tokenworth.core.grade import RESERVED_OUTCOMES, TRUNCATED, Grade, Judge, Verdict
from tokenworth.core.keys import rollout_generator
from tokenworth.core.ports import Capabilities, KeyedRequest, check_kind
from tokenworth.core.request.kind import Response
from tokenworth.core.request.next_token import NextToken, NextTokenTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence
from tokenworth.errors import InvalidInput, MissingFile

_NO_TOKEN = -1
_MOST_BYTES = 64 << 20
_UNIFORMS = 64
_T = TypeVar("_T")


class _EdgeForm(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    token: int
    probability: float
    state: str


class _StateForm(msgspec.Struct, forbid_unknown_fields=True):
    edges: list[_EdgeForm] | msgspec.UnsetType = msgspec.UNSET
    outcome: str | msgspec.UnsetType = msgspec.UNSET


class _FileForm(msgspec.Struct, forbid_unknown_fields=True):
    vocab_size: int
    start: str
    states: dict[str, Any]
    correct: str


def _convert(value: object, form: type[_T], where: str) -> _T:
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        # The message may quote a key of the file, which need not be one line or even encodable.
        text = " ".join(str(error).split())[:200].encode("utf-8", "backslashreplace").decode()
        raise InvalidInput(f"{where}: {text}") from None


def parse_automaton(mapping: Mapping[str, object]) -> Automaton:
    """The automaton a decoded JSON object describes.

    Raises ``InvalidInput``, with the state named, for keys or types out of place and for everything ``Automaton`` refuses.
    """
    form = _convert(dict(mapping) if isinstance(mapping, Mapping) else mapping, _FileForm, "automaton")
    edges: dict[str, tuple[Edge, ...]] = {}
    outcomes: dict[str, str] = {}
    for state, value in form.states.items():
        parsed = _convert(value, _StateForm, f"automaton: state {shown(state)}")
        if not isinstance(parsed.edges, msgspec.UnsetType):
            made = (Edge(token=edge.token, probability=edge.probability, state=edge.state) for edge in parsed.edges)
            edges[state] = tuple(made)
        if not isinstance(parsed.outcome, msgspec.UnsetType):
            outcomes[state] = parsed.outcome
        if state not in edges and state not in outcomes:
            raise InvalidInput(f"automaton: state {shown(state)} has neither edges nor an outcome; expected one of them")
    return Automaton(vocab_size=form.vocab_size, start=form.start, edges=edges, outcomes=outcomes, correct=form.correct)


def load_toy(path: str | Path) -> Automaton:
    """The automaton in a JSON file.

    Raises ``MissingFile``, or ``InvalidInput`` naming the file for text that is not JSON and for faults of the automaton.
    """
    try:
        text = read_input(path, _MOST_BYTES).decode()
    except FileNotFoundError:
        raise MissingFile(f"no toy automaton at {shown(str(path))}; expected a JSON file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(f"cannot read the toy automaton {shown(str(path))}: {reason}") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        fault = f"{error.msg} at line {error.lineno}, column {error.colno}; is the file truncated?"
        raise InvalidInput(f"{shown(str(path))} is not JSON: {fault}") from None
    except (ValueError, RecursionError) as error:
        fault = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
        raise InvalidInput(f"{shown(str(path))}: {fault}") from None
    try:
        return parse_automaton(value)
    except InvalidInput as error:
        raise InvalidInput(f"{shown(str(path))}: {error}") from None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for key, value in pairs:
        if key in made:
            raise InvalidInput(f"the key {shown(key)} appears twice in one object; expected each once")
        made[key] = value
    return made


def _no_constant(name: str) -> float:
    raise InvalidInput(f"{name} is not a JSON number")


def toy_judge(automaton: Automaton) -> Judge:
    """A judge that walks the ids and grades the outcome they end in; not ended is ``truncated``, with verdict unknown.

    The labels of unknown outcomes (``unparseable``, ``refused``, …) keep their meaning: their verdict is unknown.
    """

    def judge(ids: tuple[int, ...], stop: StopReason) -> Grade:
        state = states_along(automaton, ids)[-1]
        label = automaton.outcomes.get(state, TRUNCATED)
        if label in RESERVED_OUTCOMES:
            return Grade(outcome=label, verdict=Verdict.UNKNOWN)
        return Grade(outcome=label, verdict=Verdict.CORRECT if label == automaton.correct else Verdict.INCORRECT)

    return judge


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyCodec:
    """Text of toy tokens: token 17 is ``"t17 "``."""

    vocab_size: int

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of names such as ``"t17"`` apart by space; anything else raises ``InvalidInput``."""
        names = text.split()
        ids = tuple(int(name[1:]) for name in names if re.fullmatch(r"t(0|[1-9][0-9]{0,9})", name))
        if len(ids) != len(names) or any(token >= self.vocab_size for token in ids):
            raise InvalidInput(f"toy text {shown(text)}: expected names from t0 to t{self.vocab_size - 1}, separated by spaces")
        return ids

    def decode(self, ids: tuple[int, ...]) -> str:
        """The pieces of ``ids``, joined."""
        return "".join(f"t{token} " for token in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        """The bytes of each piece."""
        return tuple(f"t{token} ".encode() for token in ids)


@dataclass(frozen=True, slots=True)
class _Inverse:
    """A state's support under q, ready for inversion: cumulative probabilities, tokens and the states they lead to."""

    cumulative: tuple[float, ...]
    tokens: tuple[int, ...]
    states: tuple[str, ...]

    def pick(self, uniform: float) -> tuple[int, str]:
        at = min(bisect_right(self.cumulative, uniform), len(self.tokens) - 1)
        return self.tokens[at], self.states[at]


def _draw(edges: Sequence[Edge]) -> _Inverse:
    kept = [edge for edge in edges if edge.probability > 0]
    total = math.fsum(edge.probability for edge in kept)
    return _Inverse(
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
        self.methods: dict[str, Callable[[Any, str], Response]] = {
            Sample.name: self._rollout,
            NextToken.name: lambda request, key: self._next_token(request),
            Read.name: lambda request, key: self._read(request),
        }
        self.capabilities = Capabilities(kinds=frozenset(self.methods), leave=True, avoid=True)
        self._draws: dict[Sampling, dict[str, _Inverse]] = {}
        self._walked: tuple[TokenSequence, tuple[str, ...]] | None = None

    def answer(self, requests: Sequence[KeyedRequest]) -> Iterator[tuple[str, Response]]:
        """Yields (key, response) in the order of the requests."""
        for keyed in requests:
            check_kind(self, keyed.request)
        for keyed in requests:
            yield keyed.key, self.methods[keyed.request.name](keyed.request, keyed.key)

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

    def _drawing(self, params: Sampling) -> dict[str, _Inverse]:
        if params.stop:
            raise InvalidInput(f"a toy model has no stop tokens, it ends at an outcome; got stop ids {shown(params.stop)}")
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

    def _leaving(self, request: Sample, state: str) -> _Inverse:
        base = request.sequence.completion[request.cut]
        refused = {base, *request.avoid}
        others = [edge for edge in shaped_edges(self.automaton, state, request.params) if edge.token not in refused]
        if not any(edge.probability > 0 for edge in others):
            but = f"{base}" if not request.avoid else f"{base} and {len(request.avoid)} that are to be avoided"
            raise InvalidInput(f"cut {request.cut}: no other token than {but} can be drawn in state {shown(state)}, so none leaves")
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
