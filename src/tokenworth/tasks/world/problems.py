"""World questions by family and index, as problems."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.world import guess, recall, steps
from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import LABELS, WorldQuestion

FAMILIES = ("steps", "recall", "guess")
SPLITS = ("train", "test")
_TEST_SHARE = 5  # one content in five is held out

_BUILD: dict[str, Callable[[KeyedDraws], WorldQuestion[Any]]] = {"steps": steps.build, "recall": recall.build, "guess": guess.build}


def split_of(content: str) -> str:
    """``train`` or ``test``: decided by the hash of the content alone, so no content is in both."""
    digest = hashlib.blake2b(b"tokenworth-world-split\x00" + content.encode(), digest_size=8).digest()
    return "test" if int.from_bytes(digest, "big") % _TEST_SHARE == 0 else "train"


def world_item(family: str, index: int, *, split: str = "test", seed: int = 0) -> WorldQuestion[Any]:
    """The question behind ``world_problem``, with its content and its plan.

    Raises: UnknownName for a family or split that does not exist; InvalidInput for a negative index.
    """
    if family not in FAMILIES:
        raise unknown_name("world family", family, FAMILIES)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if index < 0:
        raise InvalidInput(f"world item index is {index}; expected 0 or more")
    draws = KeyedDraws(f"item/{seed}/{family}/{split}/{index}")
    while True:  # each attempt lands in the split with probability 1/5 or 4/5
        item = _BUILD[family](draws)
        if split_of(item.content) == split:
            return item


def problem_of(item: WorldQuestion[Any], family: str, index: int, *, split: str, seed: int) -> Problem:
    """The problem of an item already built."""
    where = f"{split}/{index}" if seed == 0 else f"{split}-{seed}/{index}"
    return Problem(
        id=f"world:{family}/{where}",
        question=item.question,
        options=tuple(Option(label=label, text=text) for label, text in zip(LABELS, item.options, strict=True)),
        gold=item.gold_label,
        task=f"world:{family}",
    )


def world_problem(family: str, index: int, *, split: str = "test", seed: int = 0) -> Problem:
    """Question ``index`` of a family: a pure function of its arguments, computed by hashing them.

    Raises: as `world_item`.
    """
    return problem_of(world_item(family, index, split=split, seed=seed), family, index, split=split, seed=seed)
