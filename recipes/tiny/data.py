"""Training sequences: world questions with traces, tokenised once, and the order they are seen in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from recipes.tiny.tokenizer import ASSISTANT, CLOSE, END, THINK, USER
from tokenworth.core.problem import Problem, question_text
from tokenworth.tasks.world.draws import Draws
from tokenworth.tasks.world.problems import FAMILIES, problem_of, world_item, write_item

# A quarter of the sequences are stopped early: half of these before the first trace token, half at a random place.
STOPPED = 0.25
STOPPED_EMPTY = 0.5
_CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """Token ids of many sequences end to end, the offsets between them, and which tokens the loss is taken on."""

    ids: np.ndarray
    learn: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


def prompt_text(problem: Problem) -> str:
    """What stands before the trace."""
    return f"{USER}{question_text(problem)}{END}{ASSISTANT}{THINK}"


def answer_text(label: str) -> str:
    """What stands after the trace."""
    return f"{CLOSE} The answer is ({label}).{END}"


def corpus(count: int, *, seed: int) -> Iterator[tuple[str, str, str]]:
    """``count`` training sequences as (prompt, trace, answer), families in turn."""
    for number in range(count):
        family, index = FAMILIES[number % len(FAMILIES)], number // len(FAMILIES)
        item = world_item(family, index, split="train", seed=seed)
        written = write_item(item, family, Draws(f"trace/{seed}/{family}/{index}"))
        problem = problem_of(item, family, index, split="train", seed=seed)
        yield prompt_text(problem), " " + written.text, answer_text(written.label)


def tokenised(tokenizer: Tokenizer, count: int, *, seed: int) -> Sequences:
    """The corpus as ids. The loss leaves out the prompt, and the closing mark of a trace that was stopped early.

    Leaving that mark out teaches the model to answer when it is stopped, without teaching it to stop early by itself.
    """
    ids: list[list[int]] = []
    learn: list[list[bool]] = []
    batch: list[tuple[str, str, str]] = []

    def flush() -> None:
        parts = [
            [encoding.ids for encoding in tokenizer.encode_batch(list(column))] for column in zip(*batch, strict=True)
        ]
        for prompt, trace, answer in zip(*parts, strict=True):
            draws = Draws(f"stop/{seed}/{len(ids)}")
            stopped = draws.chance(STOPPED)
            if stopped:
                trace = trace[: 0 if draws.chance(STOPPED_EMPTY) else draws.below(len(trace))]
            ids.append([*prompt, *trace, *answer])
            learn.append([False] * len(prompt) + [True] * len(trace) + [not stopped] + [True] * (len(answer) - 1))
        batch.clear()

    for row in corpus(count, seed=seed):
        batch.append(row)
        if len(batch) == _CHUNK:
            flush()
    if batch:
        flush()
    lengths = np.array([len(row) for row in ids])
    return Sequences(
        ids=np.concatenate([np.array(row, dtype=np.int64) for row in ids]),
        learn=np.concatenate([np.array(row, dtype=bool) for row in learn]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )


def batches(sequences: Sequences, *, rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of (ids, learn), padded on the right, every sequence once.

    Rows of similar length share a batch: hardly any padding, and no sequence sees another, so a plain causal mask is
    right and nothing has to be packed. Batches come in random order.
    """
    generator = np.random.default_rng([seed, 0x7E57])
    lengths = np.diff(sequences.offsets)
    order = generator.permutation(len(sequences))
    pools = np.array_split(order, max(1, len(order) // (rows * 64)))
    groups: list[np.ndarray] = []
    for pool in pools:
        by_length = pool[np.argsort(lengths[pool], kind="stable")]
        cut = [by_length[at : at + rows] for at in range(0, len(by_length), rows)]
        groups += [cut[at] for at in generator.permutation(len(cut))]
    for group in groups:
        width = int(lengths[group].max())
        ids = np.zeros((len(group), width), dtype=np.int64)
        learn = np.zeros((len(group), width), dtype=bool)
        for row, which in enumerate(group):
            start, stop = sequences.offsets[which], sequences.offsets[which + 1]
            ids[row, : stop - start] = sequences.ids[start:stop]
            learn[row, : stop - start] = sequences.learn[start:stop]
        yield ids, learn
