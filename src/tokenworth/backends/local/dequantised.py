"""A GGUF file in the local engine: its weights as plain numbers, in the architecture that transformers has for it.

transformers takes over some values of a file and passes over the others in silence. Here every value of the architecture is either known
to arrive in the config, and compared, or refused by name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, modeling_gguf_pytorch_utils

from tokenworth.backends.llama.file import GgufFile, read_gguf
from tokenworth.backends.llama.settings import free_memory, size_text
from tokenworth.backends.llama.tokenizer import gguf_tokenizer
from tokenworth.backends.tokenizer.files import TokenizerFiles
from tokenworth.errors import InvalidInput, MissingExtra, Unsupported

_CARRIED: Mapping[str, str] = {
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "attention.key_length": "head_dim",
    "attention.value_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "rope.dimension_count": "head_dim",
    "rope.freq_base": "rope_theta",
    "vocab_size": "vocab_size",
    "expert_count": "num_experts",
    "expert_used_count": "num_experts_per_tok",
}
"""Value under the architecture's name -> attribute of the config that must be equal to it."""
_TOLERANCE = 1e-6
_READ_TWICE = 4
"""Bytes of a weight while it is read, beside its place in the model: transformers makes 32-bit floats of all of them first."""


def open_dequantised(path: str, dtype: torch.dtype, *, free: int | None = None) -> tuple[Any, TokenizerFiles, str]:
    """Model, text files and fingerprint of a GGUF file. ``free``: bytes of memory; None: this machine's.

    Raises: `InvalidInput` for a file that is unsound, or needs more memory than is free; `Unsupported` for one of which transformers would
    leave something out; `MissingExtra` without gguf and accelerate.
    """
    file = read_gguf(path)
    lacking = [name for name in ("gguf", "accelerate") if find_spec(name) is None]
    if lacking:
        raise MissingExtra(f"{path}: its weights need {' and '.join(lacking)}; run: pip install 'tokenworth[local]'")
    _check_memory(file, dtype, free_memory() if free is None else free)
    files = gguf_tokenizer(file)
    config = _config(file)
    config.eos_token_id = list(files.eos_ids)
    model = _weights(file, config, dtype)
    text = f"tokenworth dequantised 1\n{dtype}\n{file.digest}"
    return model, files, hashlib.sha256(text.encode()).hexdigest()


def _check_memory(file: GgufFile, dtype: torch.dtype, free: int | None) -> None:
    needed = file.n_weights * (_READ_TWICE + dtype.itemsize)
    if free is not None and needed > free:
        raise InvalidInput(
            f"{file.path}: {file.n_weights:,} weights need {size_text(needed)} of memory as plain numbers, and {size_text(free)} are free; "
            f"answer it with llama.cpp: --model gguf:{file.path}"
        )


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def _config(file: GgufFile) -> Any:
    """The config, if all of what the file says of its architecture is in it."""
    layers = file.own("block_count")
    if type(layers) is not int or not 0 < layers <= len(file.tensors):
        raise InvalidInput(f"{file.path}: {file.architecture}.block_count is {str(layers)[:40]}, and it has {len(file.tensors)} tensors")
    try:
        config: Any = AutoConfig.from_pretrained(file.path.parent, gguf_file=file.path.name)
    except Exception as error:
        raise Unsupported(
            f"{file.path}: transformers does not read GGUF files of {file.architecture} ({_said(error)}); use --model gguf:{file.path}"
        ) from error
    lost = [name for name in _own_names(file) if not _arrives(file, config, name)]
    if lost:
        raise Unsupported(
            f"{file.path}: transformers does not take over {', '.join(f'{file.architecture}.{name}' for name in lost[:4])}, so it would "
            f"compute another model; use --model gguf:{file.path}"
        )
    return config


def _own_names(file: GgufFile) -> list[str]:
    start = file.architecture + "."
    return sorted(name.removeprefix(start) for name in file.metadata if name.startswith(start))


def _arrives(file: GgufFile, config: Any, name: str) -> bool:
    expected, key = file.own(name), _CARRIED.get(name)
    if expected in (0, False, "none") and key is None:
        return True
    rope = getattr(config, "rope_parameters", None) or {}
    got = rope.get(key) if key == "rope_theta" else getattr(config, key, None) if key else None
    if key == "head_dim" and got is None:
        got = config.hidden_size // config.num_attention_heads
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return math.isclose(expected, got, rel_tol=_TOLERANCE)
    return got is not None and got == expected


def _weights(file: GgufFile, config: Any, dtype: torch.dtype) -> Any:
    """The model, if each of its numbers comes from the file and each of the file's is in it."""
    from tokenworth.backends.local.model import no_progress_bar

    with torch.device("meta"):
        n_asked = sum(parameter.numel() for parameter in AutoModelForCausalLM.from_config(config, trust_remote_code=False).parameters())
    if n_asked != file.n_weights:
        others = [tensor.name for tensor in file.tensors if tensor.name.startswith("rope_")]
        raise Unsupported(
            f"{file.path}: holds {file.n_weights:,} weights, and transformers' {config.model_type} has room for {n_asked:,}"
            f"{f' (it leaves out {others[0]})' if others else ''}; use --model gguf:{file.path}"
        )
    try:
        with no_progress_bar(), _no_bar_of_files():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                file.path.parent, gguf_file=file.path.name, config=config, dtype=dtype, output_loading_info=True, trust_remote_code=False
            )
        model, info = loaded
    except Exception as error:
        raise InvalidInput(f"{file.path}: the weights cannot be loaded ({_said(error)})") from error
    for what in ("missing_keys", "mismatched_keys", "error_msgs"):
        names = sorted(str(name) for name in info.get(what, ()))
        if names:
            raise Unsupported(f"{file.path}: {len(names)} {what.replace('_', ' ')}, first {names[0]}; use --model gguf:{file.path}")
    model.generation_config.eos_token_id = config.eos_token_id
    return model


@contextmanager
def _no_bar_of_files() -> Iterator[None]:
    """transformers' bar over a file's tensors is tqdm's own, and not among those that it can switch off."""
    reading: Any = modeling_gguf_pytorch_utils
    shown = reading.tqdm
    reading.tqdm = lambda tensors, **_: tensors
    try:
        yield
    finally:
        reading.tqdm = shown


def stock_tokenizer(files: TokenizerFiles) -> Any:
    """The tokenizer as transformers has it."""
    text = None if files.template is None else files.template.text
    return PreTrainedTokenizerFast(tokenizer_object=files.tokenizer, chat_template=text, **files.special_tokens)
