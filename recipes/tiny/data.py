"""Training sequences: world questions with traces, tokenised once, and the order they are seen in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from tokenizers import Tokenizer

from recipes.tiny.tokenizer import ASSISTANT, CLOSE, END, THINK, USER
from recipes.tiny.traces import write_item
from tokenworth.core.problem import Problem, question_text
from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import LABELS
from tokenworth.tasks.world.lexicon import COLOURS, MAKERS, PEOPLE, PETS, SIGHTS, TOWNS
from tokenworth.tasks.world.problems import FAMILIES, problem_of, world_item

# A quarter of the sequences are stopped early: half of these before the first trace token, half at a random place.
STOPPED = 0.25
STOPPED_EMPTY = 0.5
# The label of the answer is one token in a hundred, and all that is graded: it counts this many times.
LABEL_WEIGHT = 3.0
_CHUNK = 4096
_LABEL_FROM_END = -4  # the label, then ``)``, ``.`` and the end token

Row = tuple[str, str, str]  # prompt, trace, answer

WORDS = (
    *PETS,
    *(str(number) for number in range(2, 18)),
    *(str(number) for number in (0, 1, *range(18, 100))),
    *TOWNS,
    *SIGHTS,
    *COLOURS,
    *MAKERS,
    *PEOPLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """Token ids of many sequences end to end, the offsets between them, and the weight of each in the loss."""

    ids: np.ndarray
    weight: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


def prompt_text(problem: Problem) -> str:
    """What stands before the trace."""
    return f"{USER}{question_text(problem)}{END}{ASSISTANT}{THINK}"


def answer_text(label: str) -> str:
    """What stands after the trace."""
    return f"{CLOSE} The answer is ({label}).{END}"


def corpus(count: int, *, seed: int) -> Iterator[Row]:
    """``count`` training sequences as (prompt, trace, answer), families in turn."""
    for number in range(count):
        family, index = FAMILIES[number % len(FAMILIES)], number // len(FAMILIES)
        item = world_item(family, index, split="train", seed=seed)
        written = write_item(item, family, KeyedDraws(f"trace/{seed}/{family}/{index}"))
        problem = problem_of(item, family, index, split="train", seed=seed)
        yield prompt_text(problem), " " + written.text, answer_text(written.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of the drills: how many words the options are drawn from, and the ways a label is asked for."""

    words: int
    asks: tuple[str, ...]


_IN_TRACE, _AT_END = "So it is {text}, ({label}).", "So it is {text}.</think> The answer is ({label})."
LEVELS = (
    Level(words=1000, asks=(_IN_TRACE,)),
    Level(words=1000, asks=(_IN_TRACE, _AT_END)),
)
_ASKS = 6


def drill(level: Level, number: int, *, seed: int) -> Row:
    """Options of unrelated words, and their labels asked for again and again: all that a drill teaches is to find a label.

    Each ask draws its option anew. Were each asked once, the last labels would follow by elimination, which is learnt first
    and hides the way.
    """
    draws = KeyedDraws(f"drill/{seed}/{level.words}/{number}")
    words = draws.sample(WORDS[: level.words], len(LABELS))
    options = "\n".join(f"({label}) {word}" for label, word in zip(LABELS, words, strict=True))
    asks: list[str] = []
    for _ in range(_ASKS):
        at = draws.below(len(LABELS))
        asks.append(draws.choice(level.asks).format(text=words[at], label=LABELS[at]))
    return f"{USER}{options}{END}{ASSISTANT}{THINK}", " " + " ".join(asks), END


def drill_rows(level: Level, step: int, *, rows: int, seed: int) -> list[Row]:
    """The drills of one batch."""
    return [drill(level, step * rows + row, seed=seed) for row in range(rows)]


def direct_rows(step: int, *, rows: int, seed: int) -> list[Row]:
    """Questions with an empty trace and the right answer, of the kinds that can be answered at once.

    The corpus answers an empty trace with what some trace would have led to, which is right on average and too noisy to start from.
    """
    out: list[Row] = []
    number = step * rows * 2
    while len(out) < rows:
        family, index = FAMILIES[number % len(FAMILIES)], number // len(FAMILIES)
        number += 1
        item = world_item(family, index, split="train", seed=seed + 1000)
        if (family == "steps" and len(item.plan.steps) > 2) or (family == "recall" and len(item.plan.path) > 1):
            continue
        problem = problem_of(item, family, index, split="train", seed=seed + 1000)
        out.append((prompt_text(problem), answer_text(item.gold_label), ""))
    return out


def asked_labels(tokenizer: Tokenizer, texts: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """The ids of a batch of rows, and which of them are labels to be found: all those after the prompt."""
    parts = [[code.ids for code in tokenizer.encode_batch(list(column))] for column in zip(*texts, strict=True)]
    width = max(sum(map(len, row)) for row in zip(*parts, strict=True))
    labels = [tokenizer.token_to_id(label) for label in LABELS]
    ids = np.zeros((len(texts), width), dtype=np.int64)
    asked = np.zeros((len(texts), width), dtype=bool)
    for row, (prompt, trace, end) in enumerate(zip(*parts, strict=True)):
        line = [*prompt, *trace, *end]
        ids[row, : len(line)] = line
        asked[row, len(prompt) : len(line)] = np.isin(line[len(prompt) :], labels)
    return ids, asked


def tokenised(tokenizer: Tokenizer, rows: Iterable[Row], *, stopped: float, seed: int) -> Sequences:
    """The rows as ids, a share of them stopped early. The loss leaves out the prompt, and the closing mark of a stopped trace.

    Leaving that mark out teaches the model to answer when it is stopped, without teaching it to stop early by itself.
    """
    ids: list[np.ndarray] = []
    weight: list[np.ndarray] = []
    for batch in batched(rows, _CHUNK):
        parts = [[code.ids for code in tokenizer.encode_batch(list(column))] for column in zip(*batch, strict=True)]
        for prompt, trace, answer in zip(*parts, strict=True):
            draws = KeyedDraws(f"stop/{seed}/{len(ids)}")
            stop = draws.chance(stopped)
            if stop:
                trace = trace[: 0 if draws.chance(STOPPED_EMPTY) else draws.below(len(trace))]
            counts = np.ones(len(prompt) + len(trace) + len(answer), dtype=np.float32)
            counts[: len(prompt)] = 0.0
            counts[len(prompt) + len(trace)] = 0.0 if stop else 1.0
            counts[_LABEL_FROM_END] = LABEL_WEIGHT
            ids.append(np.array([*prompt, *trace, *answer], dtype=np.int64))
            weight.append(counts)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
    return Sequences(ids=np.concatenate(ids), weight=np.concatenate(weight), offsets=offsets)


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of ``size`` rows, the last one shorter."""
    pending = iter(rows)
    while batch := list(islice(pending, size)):
        yield batch


def batches(sequences: Sequences, *, rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of (ids, weight), padded on the right, every sequence once.

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
        weight = np.zeros((len(group), width), dtype=np.float32)
        for row, which in enumerate(group):
            start, stop = sequences.offsets[which], sequences.offsets[which + 1]
            ids[row, : stop - start] = sequences.ids[start:stop]
            weight[row, : stop - start] = sequences.weight[start:stop]
        yield ids, weight
