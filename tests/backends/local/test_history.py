"""A response depends on its request and the model alone: to the last bit, whatever the process was asked before. One thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import torch

import tokenworth
from recipes.tiny.traces import world_trace
from tests.backends.local.local_models import backend_of, keyed, sampling, sequence_of
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.load import load_local
from tokenworth.backends.local.model import LocalModel
from tokenworth.core.problem import question_text
from tokenworth.core.request.kind import Request
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.read import Read
from tokenworth.core.request.sample import Sample
from tokenworth.core.tokens import TokenSequence
from tokenworth.store.codec import encode_response
from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.problems import world_problem

TINY = Path(tokenworth.__file__).parent / "assets" / "tiny"
PROBLEMS = (("recall", 0), ("steps", 0), ("steps", 3), ("guess", 2))
Calls = Sequence[tuple[Request, ...]]
"""Requests that are answered together, call after call."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def tiny() -> LocalModel:
    return load_local(str(TINY)).model


@cache
def tiny_calls(family: str, number: int) -> Calls:
    backend = fresh(tiny())
    problem = world_problem(family, number)
    trace = backend.codec.encode(world_trace(family, number, KeyedDraws(f"trace {number}"), split="test").text)
    sequence = TokenSequence(prompt=backend.render_prompt(question_text(problem))[1], completion=trace)
    return calls(sequence, suffix=backend.codec.encode("</think> The answer is ("), stop=backend.eos_ids)


def calls(sequence: TokenSequence, *, suffix: tuple[int, ...], stop: tuple[int, ...]) -> Calls:
    """Every kind, at many cuts; options of one token and of several."""
    n = len(sequence.completion)
    params = sampling(n + 4, stop=stop)
    draws = tuple(Sample(sequence=sequence, cut=cut, params=params, seed=0, index=i) for cut in (n - 6, n - 2, n) for i in range(2))
    leaving = tuple(Sample(sequence=sequence, cut=2, params=sampling(7), seed=0, index=i, leave=True) for i in range(2))
    table = NextToken(sequence=sequence, cuts=tuple(range(n)), params=params, top=5)
    read = Read(sequence=sequence, cuts=tuple(range(n + 1)), suffix=suffix, continuations=((7,), (8, 9), (8, 10)))
    return (draws, leaving, (table,), (read,))


def fresh(model: LocalModel) -> LocalBackend:
    return LocalBackend(model, name="fresh")


def answered(backend: LocalBackend, requests: tuple[Request, ...], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, bytes], str]:
    """Payloads by key, and a digest of every logit that was computed on the way: ids alone would hardly show a last bit."""
    seen = hashlib.sha256()
    plain: Callable[..., torch.Tensor] = LocalModel.logits

    def noting(self: LocalModel, hidden: torch.Tensor) -> torch.Tensor:
        found = plain(self, hidden)
        seen.update(found.numpy().tobytes())
        return found

    with monkeypatch.context() as patch:
        patch.setattr(LocalModel, "logits", noting)
        payloads = {key: encode_response(response) for key, response in backend.answer(keyed(backend, list(requests)))}
    return payloads, seen.hexdigest()


def check(model: LocalModel, every: Sequence[Calls], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of each after all calls of every other, against the same call to a backend that was asked nothing before."""
    alone = [[answered(fresh(model), call, monkeypatch) for call in one] for one in every]
    for before in every:
        for one, expected in zip(every, alone, strict=True):
            backend = fresh(model)
            for call in before:
                list(backend.answer(keyed(backend, list(call))))
            assert [answered(backend, call, monkeypatch) for call in one] == expected


def test_every_problem_after_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    check(tiny(), [tiny_calls(*problem) for problem in PROBLEMS], monkeypatch)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mixtral"])
def test_sequences_that_share_a_beginning(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Around and across the ends of chunks; some are the beginning of others, one nearly fills the context."""
    model, longest = backend_of(architecture).model, sequence_of(9, 220, seed=3)
    other = sequence_of(9, 60, seed=4).completion
    sequences = [TokenSequence(prompt=longest.prompt, completion=longest.completion[:n]) for n in (20, 150, 220)]
    sequences += [TokenSequence(prompt=longest.prompt, completion=(*longest.completion[:n], *other)) for n in (130,)]
    check(model, [calls(sequence, suffix=(5, 6), stop=(1,)) for sequence in sequences], monkeypatch)


def test_the_order_of_requests_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """All draws of all problems at once, and in the reverse order: every row decodes in the same company."""
    firsts = [tiny_calls(*problem)[0][0] for problem in PROBLEMS]
    draws = [Sample(sequence=one.sequence, cut=cut, params=sampling(24), seed=0, index=0) for one in firsts for cut in (5, 10)]
    assert answered(fresh(tiny()), tuple(draws), monkeypatch) == answered(fresh(tiny()), tuple(draws[::-1]), monkeypatch)
