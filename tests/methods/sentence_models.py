"""Automata that write sentences, of which every path and so every importance is known; and a codec that spells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np

from tokenworth.backends.toy.automaton import Automaton
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton, toy_judge
from tokenworth.core.grade import Judge
from tokenworth.core.tokens import StopReason, TokenSequence, Trace

PIECES = (b" note", b" a", b" A", b" b", b" c", b".", b" yes", b" no")
NOTE, WORDS, STOP, YES, NO = 0, (1, 2, 3, 4), 5, 6, 7
ALIKE = {1: 0, 2: 0, 3: 1, 4: 2}
"""Words by what they say: ``a`` and ``A`` are one sentence in two spellings."""


@dataclass(frozen=True)
class Spelling:
    """Text of token ids by a list of pieces."""

    pieces: tuple[bytes, ...] = PIECES

    @property
    def vocab_size(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> tuple[int, ...]:
        raise NotImplementedError

    def decode(self, ids: tuple[int, ...]) -> str:
        return b"".join(self.piece_bytes(ids)).decode("utf-8", "replace")

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self.pieces[i] for i in ids)


def find_wall(ids: tuple[int, ...]) -> int:
    """The trace ends before the answer."""
    return next((i for i, token in enumerate(ids) if token in (YES, NO)), len(ids))


@dataclass(frozen=True, kw_only=True)
class Story:
    """Sentences "note W." one after another, then yes or no: the word of sentence i has probabilities ``q[i]``, and P(yes) is the ``end``
    of the last word but for the words in ``turns``, where (sentence, word) sets it for good. Yes is right."""

    q: tuple[tuple[float, float, float, float], ...]
    start: float = 0.5
    turns: dict[tuple[int, int], float] = field(default_factory=dict)

    @cached_property
    def automaton(self) -> Automaton:
        states: dict[str, object] = {"yes": {"outcome": "yes"}, "no": {"outcome": "no"}}
        levels = sorted({self.start, *self.turns.values()})
        for i, q in enumerate(self.q):
            for level in levels:
                at = f"{i}|{level}"
                states[at] = {"edges": [[NOTE, 1.0, f"w{at}"]]}
                words = [(w, p) for w, p in zip(WORDS, q, strict=True) if p > 0]
                states[f"w{at}"] = {"edges": [[w, p, f".{i}|{self.turns.get((i, w), level)}"] for w, p in words]}
                states[f".{at}"] = {"edges": [[STOP, 1.0, f"{i + 1}|{level}"]]}
        for level in levels:
            ends = [(YES, level, "yes"), (NO, 1 - level, "no")]
            states[f"{len(self.q)}|{level}"] = {"edges": [[token, p, to] for token, p, to in ends if p > 0]}
        return parse_automaton({"vocab_size": len(PIECES), "start": f"0|{self.start}", "states": states, "correct": "yes"})

    @property
    def judge(self) -> Judge:
        return toy_judge(self.automaton)

    @property
    def backend(self) -> ToyBackend:
        return ToyBackend(self.automaton)

    def trace(self, words: tuple[int, ...], end: int = YES) -> Trace:
        """The base with these words."""
        ids = tuple(token for word in words for token in (NOTE, word, STOP))
        return Trace(sequence=TokenSequence(prompt=(), completion=(*ids, end)), n_trace=len(ids), stop=StopReason.STOP)

    def paths(self, prefix: tuple[int, ...]) -> list[tuple[tuple[int, ...], float, float]]:
        """(words, probability given the first ones, P(yes)) of all stories."""
        found = []
        for rest in product(WORDS, repeat=len(self.q) - len(prefix)):
            words = (*prefix, *rest)
            weight = float(np.prod([self.q[i][WORDS.index(w)] for i, w in enumerate(words) if i >= len(prefix)]))
            if weight > 0:
                level = self.start
                for i, word in enumerate(words):
                    level = self.turns.get((i, word), level)
                found.append((words, weight, level))
        return found

    def value(self, prefix: tuple[int, ...]) -> float:
        return sum(weight * yes for _, weight, yes in self.paths(prefix))

    def instead(self, words: tuple[int, ...], i: int) -> tuple[float, float]:
        """(P(another sentence at i), P(yes) given it)."""
        other = [(w, p, y) for w, p, y in self.paths(words[:i]) if ALIKE[w[i]] != ALIKE[words[i]]]
        total = sum(p for _, p, _ in other)
        return total, sum(p * y for _, p, y in other) / total

    def effect(self, words: tuple[int, ...], i: int, j: int) -> float:
        """P(a sentence like j after i), less that given another one at i."""

        def has(path: tuple[int, ...]) -> bool:
            return any(ALIKE[w] == ALIKE[words[j]] for w in path[i + 1 :])

        kept = sum(p for w, p, _ in self.paths(words[: i + 1]) if has(w))
        other = [(w, p) for w, p, _ in self.paths(words[:i]) if ALIKE[w[i]] != ALIKE[words[i]]]
        return kept - sum(p for w, p in other if has(w)) / sum(p for _, p in other)
