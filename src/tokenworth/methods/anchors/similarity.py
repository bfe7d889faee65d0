"""How alike two sentences are: a number from 0, or −1, to 1 by words, by embeddings, or by a function of the user's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float

from tokenworth.errors import InvalidInput, MissingExtra
from tokenworth.tasks.user_code import first_line, user_callable

WORDS, EMBEDDINGS = "words", "sentence-transformers"
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]")
_USAGE = f"expected {WORDS}, {EMBEDDINGS}:MODEL or module:callable"
BLOCK = 4096
"""Texts that are compared at once."""
Similarity = Callable[[Sequence[str], Sequence[str]], Float[np.ndarray, "a b"]]
"""Of two lists of sentences: how alike each of the first is to each of the second."""


def check_similarity(name: str) -> None:
    """Refuses what names no similarity; nothing is imported. Raises InvalidInput."""
    if name != WORDS and (":" not in name or not all(name.partition(":")[::2])):
        raise InvalidInput(f"similarity {name!r}: {_USAGE}")


@lru_cache(maxsize=4)
def similarity_of(name: str) -> Similarity:
    """The similarity of this name, loaded once. What a user's function gives is checked: one finite number for each pair.

    Raises: MissingExtra for embeddings without their package; what `user_callable` raises.
    """
    check_similarity(name)
    if name == WORDS:
        return _in_blocks(name, by_words)
    if name.startswith(f"{EMBEDDINGS}:"):
        return _in_blocks(name, _by_embeddings(name.partition(":")[2]))
    return _in_blocks(name, user_callable(name, "similarity", "two lists of texts"))


def words(text: str) -> tuple[str, ...]:
    """The words, numbers and signs of a text, in lower case; full stops and commas are left out."""
    return tuple(word for word in _WORD.findall(text.casefold()) if word not in ".,;:!?…。，！？")


def by_words(first: Sequence[str], second: Sequence[str]) -> Float[np.ndarray, "a b"]:
    """Cosine of the word counts; 0 where the two do not have the same numbers in them, and for a text without words.

    "17 minus 3 is 14" and "17 minus 3 is 13" share four words of five and say different things. Source: ours.
    """
    bags = [[Counter(words(text)) for text in texts] for texts in (first, second)]
    # A word of the first alone counts for its length only.
    index = {word: i for i, word in enumerate(sorted({word for bag in bags[1] for word in bag}))}
    matrices = [np.zeros((len(side), len(index))) for side in bags]
    for matrix, side in zip(matrices, bags, strict=True):
        for row, bag in enumerate(side):
            for word in bag.keys() & index.keys():
                matrix[row, index[word]] = bag[word] / sum(n * n for n in bag.values()) ** 0.5
    numbers = [np.asarray([_numbers_in(bag) for bag in side], dtype=np.str_) for side in bags]
    same = numbers[0][:, None] == numbers[1][None, :]
    return np.where(same, np.clip(matrices[0] @ matrices[1].T, 0.0, 1.0), 0.0)


def _numbers_in(bag: Counter[str]) -> str:
    """The numbers of a text, each once, in one word."""
    return " ".join(sorted(word for word in bag if word[0].isdigit()))


def _by_embeddings(model: str) -> Callable[..., Any]:
    try:
        library = import_module("sentence_transformers")
    except ImportError as error:
        raise MissingExtra(
            "this similarity needs sentence-transformers, which is not installed; run: pip install 'tokenworth[similarity]'"
        ) from error
    try:
        encoder: Any = library.SentenceTransformer(model)
    except Exception as error:  # a hub, files and weights: whatever goes wrong there is one line here
        raise InvalidInput(f"similarity {EMBEDDINGS}:{model}: the model cannot be loaded: {first_line(error)}") from error

    def cosine(first: Sequence[str], second: Sequence[str]) -> Any:
        sides = [np.asarray(encoder.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)) for texts in (first, second)]
        return sides[0] @ sides[1].T

    return cosine


def _in_blocks(name: str, function: Callable[..., Any]) -> Similarity:
    """The function on at most `BLOCK` texts at once, its answers checked."""

    def of(first: Sequence[str], second: Sequence[str]) -> Float[np.ndarray, "a b"]:
        blocks = [_asked(name, function, first[at : at + BLOCK], second) for at in range(0, len(first), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros((0, len(second)))

    return of


def _asked(name: str, function: Callable[..., Any], first: Sequence[str], second: Sequence[str]) -> Float[np.ndarray, "a b"]:
    try:
        found = np.asarray(function(list(first), list(second)), dtype=np.float64)
    except Exception as error:  # the user's code may raise anything, and the run must end in one line
        raise InvalidInput(f"similarity {name!r} raised {first_line(error)}; expected a matrix of numbers") from error
    expected = (len(first), len(second))
    if found.shape != expected:
        raise InvalidInput(f"similarity {name!r} returned the shape {found.shape}; expected {expected}, a number for each pair of texts")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        a, b = wrong[0].tolist()
        raise InvalidInput(
            f"similarity {name!r} returned {found[a, b]} for {first[a][:40]!r} and {second[b][:40]!r}; expected finite numbers, "
            "so that each pair is alike or not"
        )
    return found
