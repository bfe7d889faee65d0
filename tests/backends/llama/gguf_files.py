"""GGUF files for tests: the bundled model with another head, and a tiny random model with a SentencePiece vocabulary."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from tokenworth.backends.llama.file import read_gguf
from tokenworth.backends.llama.process import LlamaProcess
from tokenworth.backends.llama.settings import LlamaSettings

Tokenize = Callable[[str], list[int]]
WORDS = (
    "the",
    "them",
    "there",
    "then",
    "he",
    "her",
    "here",
    "hello",
    "world",
    "a",
    "an",
    "answer",
    "is",
    "in",
    "it",
    "12",
    "123",
    "caf\u00e9",
    "\u6771\u4eac",
)


def write_tiny(out: Path, *, pre: str = "gpt-2", more: Sequence[tuple[str, Any]] = (), tensors: Sequence[str] = ()) -> Path:
    """The bundled model with another pre-tokenizer, further values (``add_uint32`` and the like by type), or further tensors."""
    gguf = pytest.importorskip("gguf")
    from recipes.tiny.to_gguf import TINY, write_gguf

    plain = gguf.GGUFWriter.add_tokenizer_pre

    def add(writer: Any, _: str) -> None:
        plain(writer, pre)
        for name, value in more:
            {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string, bool: writer.add_bool}[type(value)](name, value)
        for name in tensors:
            writer.add_tensor(name, np.ones(16, dtype=np.float32))

    with patch.object(gguf.GGUFWriter, "add_tokenizer_pre", add):
        write_gguf(TINY, out)
    return out


def write_sentence_piece(out: Path, *, space_prefix: bool = True) -> Path:
    """A random model whose tokens are pieces of some words, by score."""
    gguf = pytest.importorskip("gguf")
    pieces: list[str] = []
    for word in ("\u2581" + one for one in WORDS):
        pieces += [word[i:j] for i in range(len(word)) for j in range(i + 1, len(word) + 1)]
    pieces = sorted(set(pieces) | set("bcfgklmopsuvxyz.,!?'\u2581"), key=lambda piece: (-len(piece), piece))
    tokens = ["<unk>", "<s>", "</s>", "<|user|>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    types = [2, 3, 3, 4, *[6] * 256, *[1] * len(pieces)]
    writer = gguf.GGUFWriter(out, "llama")
    for add, value in (
        (writer.add_context_length, 256), (writer.add_embedding_length, 32), (writer.add_block_count, 1),
        (writer.add_feed_forward_length, 32), (writer.add_head_count, 2), (writer.add_head_count_kv, 2),
        (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_rope_dimension_count, 16),
        (writer.add_vocab_size, len(tokens)), (writer.add_tokenizer_model, "llama"), (writer.add_token_list, tokens),
        (writer.add_token_types, types), (writer.add_token_scores, [float(-i) for i in range(len(tokens))]), (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, 2), (writer.add_unk_token_id, 0), (writer.add_add_space_prefix, space_prefix),
    ):  # fmt: skip
        add(value)
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("token_embd", "output"), (len(tokens), 32))
    shapes |= dict.fromkeys(("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"), (32,))
    shapes |= {f"blk.0.{name}": (32, 32) for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


@contextmanager
def tokenizing(file: Path) -> Iterator[Tokenize]:
    """llama.cpp's own ids of texts."""
    pytest.importorskip("xllamacpp")
    process = LlamaProcess(read_gguf(str(file)), LlamaSettings(slots=1, context=256, threads=1), key=None)
    try:
        url = process.address() + "/tokenize"

        def tokenize(text: str) -> list[int]:
            body = json.dumps({"content": text, "add_special": False, "parse_special": True}).encode()
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)["tokens"]

        yield tokenize
    finally:
        process.close()
