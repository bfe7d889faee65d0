"""Rejected plans of training problems, and the second attempts made of them.

A second attempt is one more training problem: its prompt holds the rejected plan and its faults, its plan is the right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from recipes.beyond_semantics.data import DIALECT, Solved
from recipes.beyond_semantics.words import CLOSE, END
from recipes.modulo_feedback.config import Second
from recipes.modulo_feedback.words import FORM
from tokenworth.tasks.critics.critic import Bank
from tokenworth.tasks.critics.formal import FormalCritic
from tokenworth.tasks.maze.domain import DOMAIN

_EMPTY = np.empty(0, dtype=np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A plan that the verifier rejected. ``index``: of its problem; ``answer``: what follows ``solution``; ``messages``: its faults."""

    index: int
    answer: str
    messages: tuple[str, ...]
    is_drawn: bool


def is_finished(completion: str) -> bool:
    """Whether there is an answer that ended by itself."""
    return completion.endswith(END) and CLOSE.strip() in completion.split()


def faults(question: str, completion: str, side: int) -> tuple[str, ...]:
    """The verifier's messages of a rejected completion, the first fault first; none where it is accepted, or not finished."""
    if not is_finished(completion):
        return ()
    critic = FormalCritic(domain=DOMAIN, prompt=question, dialect=DIALECT.name, reads_whole=True, given={"rows": side, "cols": side})
    ruling = Bank(critics=(critic,)).check("", completion)
    return ruling.messages


def answer_of(completion: str) -> str:
    """What a completion writes after its first ``solution``, the word that ends it included."""
    return " ".join(completion.partition(CLOSE.strip())[2].split())


def texts(tokenizer: Tokenizer, parts: Sequence[np.ndarray]) -> list[str]:
    """Ids as texts."""
    return [tokenizer.decode(part.tolist(), skip_special_tokens=False) for part in parts]


def first_attempts(data: Solved) -> Solved:
    """The problems with their plans and no traces."""
    return Solved(prompts=data.prompts, traces=(_EMPTY,) * len(data), plans=data.plans)


def rejected(questions: Sequence[str], made: Iterable[str], side: int) -> Iterator[Rejected]:
    """What the verifier rejects of one completion a question."""
    for index, (question, completion) in enumerate(zip(questions, made, strict=True)):
        messages = faults(question, completion, side)
        if messages:
            yield Rejected(index=index, answer=answer_of(completion), messages=messages, is_drawn=True)


def edited(questions: Sequence[str], plans: Sequence[str], side: int, *, seed: int) -> Iterator[Rejected]:
    """Right plans with one random edit that the verifier rejects: a cell changed, left out, or the end cut off; without end."""
    rng = np.random.default_rng([seed, 13])
    while True:
        index = int(rng.integers(len(plans)))
        cells = answer_of(plans[index]).split()[:-1]
        at, kind = int(rng.integers(len(cells))), int(rng.integers(3))
        other = f"{rng.integers(side)},{rng.integers(side)}"
        changed = [*cells[:at], *((other, *cells[at + 1 :]) if kind == 0 else cells[at + 1 :] if kind == 1 else ())] or [other]
        completion = " ".join([CLOSE.strip(), *changed, END.strip()])
        messages = faults(questions[index], completion, side)
        if messages:
            yield Rejected(index=index, answer=answer_of(completion), messages=messages, is_drawn=False)


def told(rng: np.random.Generator, messages: Sequence[str], second: Second) -> tuple[str, ...]:
    """The messages that an example is told: none, all, or the first."""
    draw = rng.random()
    return () if draw < second.bare else tuple(messages) if draw < second.bare + second.every else tuple(messages[:1])


def second_attempts(
    data: Solved, questions: Sequence[str], plans: Sequence[Rejected], tokenizer: Tokenizer, second: Second, *, longest: int
) -> Solved:
    """Problem, rejected plan and faults as the prompt; the right plan as the plan. Those of more than ``longest`` tokens are left out."""
    rng = np.random.default_rng([second.seed, 17])
    made: list[tuple[np.ndarray, np.ndarray]] = []
    for one in plans:
        prompt = FORM.again(questions[one.index], one.answer, told(rng, one.messages, second))
        ids = np.asarray(tokenizer.encode(prompt).ids, dtype=np.int16)
        if len(ids) + len(data.plans[one.index]) <= longest:
            made.append((ids, data.plans[one.index]))
    return Solved(prompts=tuple(prompt for prompt, _ in made), traces=(_EMPTY,) * len(made), plans=tuple(plan for _, plan in made))


def joined(one: Solved, other: Solved) -> Solved:
    """The problems of both."""
    return Solved(prompts=one.prompts + other.prompts, traces=one.traces + other.traces, plans=one.plans + other.plans)
