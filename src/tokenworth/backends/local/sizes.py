"""Sizes that a config.json asks for, held against the weights before anything is built: neither time nor memory is spent on absurd ones."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from tokenworth.backends.local.fingerprint import weight_files
from tokenworth.backends.tokenizer.files import read_bytes
from tokenworth.errors import InvalidInput

_MOST_PARTS = 1024
"""Layers, heads, experts and the like that any model may have; of more, each has a tensor in the weights."""
_MOST_POSITIONS = 1 << 24
_MOST_BUFFER = 1 << 28
_PACKED = 16
"""Quantised weights hold up to so many parameters in one number."""
_PARTS = re.compile(r"(?:^|_)(?:num|n)_|layer|block|depth|expert|heads?$|stage|level")
_NO_PARTS = re.compile(r"embd|embed|pos|ctx|inner|tok|vocab|dim|size|width|param|len|theta|window")
_POSITIONS = re.compile(r"position_embeddings$|^n_positions$|^n_ctx$|^max_seq")
_LONGEST_CONFIG = 1 << 20
_LONGEST_HEADER = 100 << 20


def check_sizes(path: str, folder: Path) -> None:
    """Refuses a config.json that asks for more layers, heads, experts or positions than its weights can have. Raises: `InvalidInput`."""
    try:
        config: Any = json.loads(read_bytes(folder / "config.json", _LONGEST_CONFIG))
    except (ValueError, RecursionError) as error:
        said = error if isinstance(error, InvalidInput) else f"config.json is not JSON ({type(error).__name__})"
        raise InvalidInput(f"{path}: {said}") from error
    try:
        n_tensors = len(_shapes(path, folder))
    except InvalidInput:  # said where they are loaded, after what no weights could mend
        n_tensors = 0
    for key, number in _numbers(config, ""):
        if _POSITIONS.search(key) and number > _MOST_POSITIONS:
            raise InvalidInput(f"{path}: config.json asks for {number:,} positions ({key}); expected at most {_MOST_POSITIONS:,}")
        if _PARTS.search(key) and not _NO_PARTS.search(key) and number > max(_MOST_PARTS, n_tensors):
            raise InvalidInput(f"{path}: config.json asks for {key} = {number:,}, and its weights have {n_tensors:,} tensors in all")


def check_built(path: str, folder: Path, config: Any) -> None:
    """Refuses a config.json whose model has far more numbers than its weights: built without memory first. Raises: `InvalidInput`."""
    n_held = sum(map(math.prod, _shapes(path, folder)))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    n_asked = sum(parameter.numel() for parameter in model.parameters())
    n_buffer = sum(buffer.numel() for buffer in model.buffers())
    if n_asked > _PACKED * n_held or n_buffer > max(_MOST_BUFFER, n_held):
        asked = f"{max(n_asked, n_buffer):,} numbers"
        raise InvalidInput(f"{path}: config.json asks for {asked}, and its weights hold {n_held:,}; weights and config.json do not fit")


def _numbers(value: Any, key: str) -> Iterator[tuple[str, float]]:
    """(key, number) of every number in a JSON value; those of a list stand under the list's key."""
    pending = [(key, value)]
    while pending:
        key, one = pending.pop()
        if isinstance(one, dict):
            pending.extend((str(name), inner) for name, inner in one.items())
        elif isinstance(one, list):
            pending.extend((key, inner) for inner in one)
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield key, one


def _shapes(path: str, folder: Path) -> list[list[int]]:
    """The shapes of all tensors of the weights, from the heads of their files."""
    found: list[list[int]] = []
    for file in weight_files(folder):
        try:
            with file.open("rb") as stream:
                length = int.from_bytes(stream.read(8), "little")
                if length > _LONGEST_HEADER:
                    raise ValueError(f"a header of {length:,} bytes")
                head = json.loads(stream.read(length))
            found += [[int(size) for size in entry["shape"]] for name, entry in head.items() if name != "__metadata__"]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidInput(f"{path}: the weights cannot be loaded ({file.name}: {error})") from error
    return found
