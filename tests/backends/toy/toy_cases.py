"""A small automaton with a cycle, and rollouts of it."""

from __future__ import annotations

from typing import Any

from tests.laws.backend import answers
from tokenworth.backends.toy.backend import ToyBackend
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence

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


def with_state(name: str, value: object) -> dict[str, Any]:
    made = document()
    made["states"][name] = value
    return made
