"""How llama.cpp is set up for a file: slots, context and threads within this machine's memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tokenworth.backends.llama.file import GgufFile
from tokenworth.errors import InvalidInput

SLOTS = 16
"""Rollouts that decode together unless fewer are asked for, or fit."""
_SHORT = 8192
"""A context that is not shortened to make room for more slots."""
_LEAST = 256
_MOST_CACHE = 2 << 30
_SHARE = 4
"""The cache takes at most one part in so many of the memory that is left."""
_SMALL = 64 << 20
"""A file so small is computed faster by one thread: the products are too small to share."""
EXACT, HALF = "float32", "bfloat16"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaSettings:
    """``context``: tokens of one slot. ``cache``: numbers of keys and values; float32 also leaves flash attention off."""

    slots: int
    context: int
    threads: int
    gpu: bool = False
    cache: str = EXACT
    host: str = "127.0.0.1"
    port: int = 0

    def to_json(self) -> Mapping[str, Any]:
        """JSON-shaped values."""
        return asdict(self)


def settings_for(
    file: GgufFile,
    *,
    slots: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    cache: str = EXACT,
    free: int | None = None,
) -> LlamaSettings:
    """Settings within the memory that is free (``free`` in bytes; None: this machine's).

    Every slot can be filled. The context is what the model was trained for, or what memory leaves for it. Where ``slots`` are not given
    there are up to 16, in 2 GiB, and fewer where they would have less than 8,192 tokens. Raises: `InvalidInput` where the model does not
    fit.
    """
    if device not in ("cpu", "cuda"):
        raise InvalidInput(f"device {device!r}: llama.cpp computes on cpu or cuda")
    trained, memory = file.context_length, free_memory() if free is None else free
    context, n_slots = trained, SLOTS if slots is None else slots
    if memory is not None:
        each, share = max(1, cache_bytes(file, cache)), (memory - file.n_bytes) // _SHARE
        tokens, least = (min(_MOST_CACHE, share) if slots is None else share) // each, min(trained, _LEAST)
        if tokens < least * (slots or 1):
            raise InvalidInput(
                f"{file.path}: needs {size_text(file.n_bytes)} of memory, and {size_text(least * each)} for each slot of {least} tokens; "
                f"{size_text(memory)} are free, of which slots may take a quarter of what is left; take a smaller file or fewer slots"
            )
        context = min(trained, max(min(_SHORT, tokens) if slots is None else 0, tokens // n_slots))
        n_slots = n_slots if slots is not None else max(1, min(n_slots, tokens // context))
    return LlamaSettings(
        slots=n_slots,
        context=context,
        threads=threads or (1 if file.n_bytes < _SMALL else n_processors()),
        gpu=device != "cpu",
        cache=cache,
    )


def cache_bytes(file: GgufFile, cache: str) -> int:
    """Bytes of one token's keys and values in all layers together."""
    width, heads = _number(file.own("embedding_length")), _listed(file.own("attention.head_count"))
    layers, kv_heads = _number(file.own("block_count")), _listed(file.own("attention.head_count_kv", file.own("attention.head_count")))
    dim = width // max(1, max(heads, default=1))
    both = _number(file.own("attention.key_length", dim)) + _number(file.own("attention.value_length", dim))
    total_heads = sum(kv_heads) if len(kv_heads) > 1 else layers * sum(kv_heads)
    return total_heads * both * (4 if cache == EXACT else 2)


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _listed(value: Any) -> tuple[int, ...]:
    return tuple(map(_number, value)) if isinstance(value, tuple) else (_number(value),)


def n_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes of memory that can be had without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def size_text(n_bytes: int) -> str:
    """So many bytes, for people."""
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 1 << 30 else f"{n_bytes / 2**20:.0f} MiB"
