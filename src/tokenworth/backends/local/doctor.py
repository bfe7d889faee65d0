"""Self-check of a loaded model: does the engine agree with the plain forward, and do the tokenizer's files fit?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.model import LocalModel
from tokenworth.backends.local.probe import (
    TOLERANCE,
    cached_logits,
    decoded_logits,
    probe_ids,
    read_logits,
    relative_difference,
    stock_logits,
)
from tokenworth.errors import TokenworthError

_TEXTS = ("The answer is (C).", " two  spaces\n\nand lines\t", "naïve café — 東京 😀👩‍💻", "x<think>y</think>z", "3.14 + 2/7 = ?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. ``detail`` holds the number that was measured, or what is wrong."""

    name: str
    ok: bool
    detail: str


def self_check(backend: LocalBackend) -> list[Finding]:
    """All checks, in the order a reader wants them; none of them raises."""
    return [
        *_numeric_checks(backend.model),
        _round_trip(backend),
        _chat_template(backend),
        _stop_ids(backend),
        _vocabulary(backend.model),
    ]


def _difference(name: str, value: float, tolerance: float) -> Finding:
    return Finding(name=name, ok=value <= tolerance, detail=f"relative difference of logits {value:.2g} (at most {tolerance:g})")


def _numeric_checks(model: LocalModel) -> list[Finding]:
    """The four ways logits come about, against the stock forward and against each other."""
    n = max(8, min(96, model.context_length - 1))
    ids = probe_ids(model, n, seed=1)
    lengths = np.sort(np.random.default_rng(2).integers(1, n - 4, size=7))
    tolerance = TOLERANCE.get(model.dtype, 0.1)
    expected = stock_logits(model, ids)
    at = torch.from_numpy(lengths[:, None] + np.arange(4)[None, :]).to(model.device)
    batch = decoded_logits(model, ids, lengths, 4)
    single = torch.cat([decoded_logits(model, ids, lengths[i : i + 1], 4) for i in range(len(lengths))])
    suffix = probe_ids(model, 3, seed=3)
    reads = read_logits(model, ids, lengths, suffix)
    plain = torch.stack([stock_logits(model, np.concatenate([ids[:length], suffix]))[-3:] for length in lengths.tolist()])
    pairs = {
        "cached = uncached": (cached_logits(model, ids), expected),
        "shared prefix = plain forward": (batch, expected[at]),
        "batch = single": (batch, single),
        "forced reads = plain forward": (reads, plain),
    }
    return [_difference(name, relative_difference(got, wanted, model.dtype), tolerance) for name, (got, wanted) in pairs.items()]


def _round_trip(backend: LocalBackend) -> Finding:
    name, codec = "tokenizer round trip", backend.codec
    for text in _TEXTS:
        ids = codec.encode(text)
        if codec.decode(ids) != text:
            return Finding(
                name=name, ok=False, detail=f"{text!r} comes back as {codec.decode(ids)!r}; traces keep their ids, text is a view"
            )
        own = backend.model.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if own.strip() != text.strip():
            return Finding(name=name, ok=False, detail=f"pieces of {text!r} differ from the tokenizer's own text {own!r}")
    return Finding(name=name, ok=True, detail=f"{len(_TEXTS)} of {len(_TEXTS)} texts come back unchanged ({codec.kind} pieces)")


def _chat_template(backend: LocalBackend) -> Finding:
    name = "chat template"
    try:
        text, ids = backend.render_prompt("Is 7 a prime number?")
    except TokenworthError as error:
        return Finding(name=name, ok=False, detail=str(error))
    if getattr(backend.model.tokenizer, "chat_template", None) is None:
        return Finding(name=name, ok=True, detail=f"none: a question is sent as it is ({len(ids)} tokens)")
    ok = "Is 7 a prime number?" in text and len(ids) > 0
    return Finding(name=name, ok=ok, detail=f"renders a question as {len(ids)} tokens" if ok else f"loses the question: {text!r}")


def _stop_ids(backend: LocalBackend) -> Finding:
    ids = backend.eos_ids
    size = backend.model.vocab_size
    ok = bool(ids) and max(ids) < size
    pieces = ", ".join(f"{i} {backend.codec.decode((i,))!r}" for i in ids)
    missing = "none named in generation_config.json, config.json or the tokenizer; rollouts would run to the limit"
    return Finding(name="stop tokens", ok=ok, detail=pieces or missing)


def _vocabulary(model: LocalModel) -> Finding:
    known, rows = model.codec.vocab_size, model.vocab_size
    detail = f"{known} tokens in the tokenizer, {rows} rows in the output head"
    return Finding(name="vocabulary", ok=known <= rows, detail=detail)
