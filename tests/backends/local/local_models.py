"""Tiny random models with a tokenizer of their own, made in the test; importing this skips the module without torch."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

if "TOKENWORTH_REQUIRE_ALL" not in os.environ:
    pytest.importorskip("torch", reason="torch is not installed (extra: local)")
    pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.backends.local.architectures import ARCHITECTURES, CONTEXT
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.load import load_local
from tokenworth.core.keys import Keyer
from tokenworth.core.ports import KeyedRequest
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

VOCAB = 320
CORPUS = "The answer is (A). So (B)? Wait, 12 + 7 = 19 😀 naïve 東京 the quick brown fox."
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>{% endif %}"
)
SPECIALS = ["<|im_start|>", "<|im_end|>", "<think>", "</think>"]
_SMALL: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    "eos_token_id": 1,
    "bos_token_id": None,
    "pad_token_id": 1,
}


def save_tokenizer(folder: Path) -> None:
    """A byte-level BPE tokenizer with a chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([CORPUS] * 4, trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)


def save_model(folder: Path, config_class: str, overrides: dict[str, Any], seed: int = 0) -> Path:
    """A random model and the tokenizer in ``folder``."""
    torch.manual_seed(seed)
    config = getattr(transformers, config_class)(**{**_SMALL, **overrides})
    model: Any = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@cache
def folder_of(architecture: str, seed: int = 0) -> Path:
    """The folder of one architecture's model; made once a test run."""
    config_class, overrides = ARCHITECTURES[architecture]
    return save_model(Path(mkdtemp(prefix="tokenworth-test-")), config_class, overrides, seed)


@cache
def backend_of(architecture: str = "llama", batch: int = 64) -> LocalBackend:
    """A loaded backend; shared between tests, which is sound because answers do not depend on what was asked before."""
    return load_local(str(folder_of(architecture)), batch=batch)


def sequence_of(n_prompt: int, n_completion: int, seed: int = 0, stop: int = 1) -> TokenSequence:
    """Random ids without the stop token."""
    rng = np.random.default_rng(seed)
    ids = [int(i) + (int(i) >= stop) for i in rng.integers(0, VOCAB - 1, size=n_prompt + n_completion)]
    return TokenSequence(prompt=tuple(ids[:n_prompt]), completion=tuple(ids[n_prompt:]))


def sampling(max_tokens: int, **changes: Any) -> Sampling:
    """Plain temperature 1 with a limit."""
    return Sampling(**{"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "stop": (), "max_tokens": max_tokens, **changes})


def keyed(backend: LocalBackend, requests: list[Any]) -> list[KeyedRequest]:
    """Requests with their content keys."""
    keyer = Keyer(backend.fingerprint)
    return [KeyedRequest(key=keyer.key(request), request=request) for request in requests]


def ask(backend: LocalBackend, requests: list[Any]) -> list[Any]:
    """Responses in the order of the requests."""
    items = keyed(backend, requests)
    answers: dict[str, Response] = dict(backend.answer(items))
    return [answers[item.key] for item in items]


def ask_one(backend: LocalBackend, request: Request) -> Any:
    """The response to one request."""
    return ask(backend, [request])[0]
