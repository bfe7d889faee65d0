"""Loading a causal language model, and its forward pass through a shared-prefix step."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from tokenworth.backends.llama.file import SUFFIX
from tokenworth.backends.local import attention
from tokenworth.backends.local.architecture import check_config, context_length
from tokenworth.backends.local.families import adapt
from tokenworth.backends.local.fingerprint import fingerprint_folder, model_folder
from tokenworth.backends.local.packed import PackedLinear, pack
from tokenworth.backends.local.sizes import check_built, check_sizes
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.files import guarded
from tokenworth.backends.tokenizer.guarded import GuardedFiles
from tokenworth.backends.tokenizer.template import ChatTemplate
from tokenworth.errors import InvalidInput, TokenworthError, Unsupported

_HEAD_ELEMENTS = 1 << 24


class LocalModel:
    """Weights, tokenizer and the two halves of a forward pass: ``hidden`` states, then ``logits`` where they are needed."""

    def __init__(self, model: Any, tokenizer: Any, fingerprint: str, guard: GuardedFiles | None = None) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint
        self.config = model.config.get_text_config()
        self.context_length = context_length(self.config)
        self.codec = TokenizerCodec(tokenizer, guard)
        self.template = _template(tokenizer, guard)
        self.decoder = model.get_decoder()
        self.adapted = adapt(model.config.model_type, model)
        self.windows: Sequence[int | None] = ()
        self._cache = cache_argument(self.decoder)
        self.head = model.get_output_embeddings()
        self.vocab_size = int(self.head.out_features if isinstance(self.head, PackedLinear) else self.head.weight.shape[0])
        self.device = model.device
        self.dtype: torch.dtype = model.dtype
        self._cap = getattr(self.config, "final_logit_softcapping", None)
        scale = getattr(self.config, "logit_scale", None)
        divide = getattr(self.config, "logits_scaling", None)
        self._scale = (1.0 if scale is None else float(scale)) / (1.0 if divide is None else float(divide))

    def hidden(self, ids: Tensor, positions: Tensor, step: attention.ForwardPass) -> Tensor:
        """Last hidden states ``[rows, tokens, width]`` of ``ids`` at ``positions``, attending as ``step`` says."""
        step.windows = self.windows
        with attention.under_way(step):
            out = self.decoder(input_ids=ids, position_ids=positions, use_cache=True, return_dict=True, **{self._cache: step})
        return out.last_hidden_state

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits ``[rows, vocabulary]`` in float32 of hidden states ``[rows, width]``."""
        return self.shaped(self.head(hidden))

    def shaped(self, out: Tensor) -> Tensor:
        """What the model makes of its head's output before it is a logit, in float32."""
        out = out.float()
        if self._scale != 1.0:
            out = out * self._scale
        if self._cap is not None:
            out = torch.tanh(out / self._cap) * self._cap
        return out

    @property
    def no_gaps(self) -> str:
        """Why tokens cannot be hidden by leaving them out of the cache; empty where they can."""
        far = any(window is not None for window in self.windows) or (self.adapted and self.config.model_type != "falcon")
        return "its attention depends on how far back a key is (sliding windows or ALiBi), so no span can be left out" if far else ""

    def encode(self, text: str, *, add_special_tokens: bool) -> tuple[int, ...]:
        """Ids of a whole text; with ``add_special_tokens`` those that the tokenizer always adds (such as a BOS token)."""
        return self.codec.encode_whole(text, add_special_tokens=add_special_tokens)

    @property
    def head_rows(self) -> int:
        """How many hidden states the head takes at once, so that logits stay below 64 MiB."""
        return max(1, _HEAD_ELEMENTS // self.vocab_size)

    @contextmanager
    def stock_attention(self) -> Iterator[Any]:
        """The model with its own eager attention, for checks."""
        if self.adapted:
            yield self.model
            return
        self.model.set_attn_implementation("eager")
        try:
            yield self.model
        finally:
            self.model.set_attn_implementation(attention.NAME)

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Stop ids the model's files name, ascending."""
        found: set[int] = set()
        for source in (getattr(self.model, "generation_config", None), self.config, self.tokenizer):
            value = getattr(source, "eos_token_id", None)
            if value is not None:
                found.update(value if isinstance(value, list | tuple) else [value])
        return tuple(sorted(int(i) for i in found))


def cache_argument(model: torch.nn.Module) -> str:
    """What the model's forward calls its cache: newer versions of transformers have renamed it, and warn at the older name."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def one_line(error: BaseException) -> str:
    """The first line of what a library says, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 300 else text[:297] + "…"


def open_model(path: str, *, device: str, dtype: str) -> LocalModel:
    """A loaded `LocalModel`; see `tokenworth.backends.local.load.load_local` for what it raises."""
    where = _device(device)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if path.endswith(SUFFIX):
        return _from_gguf(path, where, getattr(torch, dtype))
    folder = model_folder(path)
    check_sizes(path, folder)
    guard = guarded(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise Unsupported(f"{path}: config.json names no architecture that transformers has built in ({one_line(error)})") from error
    check_config(config)
    tokenizer = _tokenizer(path, folder)
    model = _weights(path, folder, config, getattr(torch, dtype))
    model.to(where).eval().requires_grad_(False)
    pack(model)
    return LocalModel(model, tokenizer, fingerprint_folder(folder, dtype), guard)


def _from_gguf(path: str, where: torch.device, dtype: torch.dtype) -> LocalModel:
    from tokenworth.backends.local.dequantised import open_dequantised, stock_tokenizer

    model, files, fingerprint = open_dequantised(path, dtype)
    check_config(model.config)
    model.to(where).eval().requires_grad_(False)
    return LocalModel(model, stock_tokenizer(files), fingerprint, files.codec.guard)


def _device(device: str) -> torch.device:
    try:
        where = torch.device(device)
    except RuntimeError as error:
        raise InvalidInput(f"device {device!r}: expected cpu, cuda or cuda:N") from error
    if where.type not in ("cpu", "cuda"):
        raise InvalidInput(f"device {device!r}: expected cpu, cuda or cuda:N")
    if where.type == "cuda" and not torch.cuda.is_available():
        raise InvalidInput(f"device {device!r}: this torch sees no CUDA device; use cpu")
    return where


def _tokenizer(path: str, folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        if isinstance(error, TokenworthError):
            raise
        raise InvalidInput(f"{path}: the tokenizer cannot be loaded ({one_line(error)})") from error


def _template(tokenizer: Any, guard: GuardedFiles | None) -> ChatTemplate | None:
    """The tokenizer's chat template; of several the one named ``default``."""
    found = getattr(tokenizer, "chat_template", None)
    if isinstance(found, dict):
        if "default" not in found:
            raise InvalidInput(f"chat templates {', '.join(sorted(map(str, found)))}: none is named 'default'; expected one that is")
        found = found["default"]
    return None if found is None else ChatTemplate(str(found), tokenizer.special_tokens_map, guard=guard)


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Progress is the caller's to show: transformers' own bar stays off inside."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _weights(path: str, folder: Path, config: Any, dtype: torch.dtype) -> Any:
    try:
        check_built(path, folder, config)
        with no_progress_bar():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, trust_remote_code=False
            )
        model, info = loaded
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput(f"{path}: the weights cannot be loaded ({one_line(error)})") from error
    for what in ("missing_keys", "mismatched_keys", "error_msgs"):
        names = sorted(str(name) for name in info.get(what, ()))
        if names:
            raise InvalidInput(f"{path}: weights do not fit config.json: {len(names)} {what.replace('_', ' ')}, first {names[0]}")
    return model
