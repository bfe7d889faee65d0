"""Which architectures shared-prefix attention computes correctly; the others are refused by name."""

from __future__ import annotations

from typing import Any

from tokenworth.errors import Unsupported

_ROPE_REFUSED = ("longrope",)


def context_length(config: Any) -> int:
    """The longest sequence the model's positions cover, or that it was trained on where positions have no end.

    Raises: `Unsupported` where the config states none.
    """
    named = next((name for name in _LENGTHS if getattr(config, name, None) is not None), None)
    length = _TRAINED.get(config.model_type) if named is None else getattr(config, named)
    if not isinstance(length, int) or length < 1:
        raise Unsupported(f"{config.model_type}: config.json states no max_position_embeddings, so the context is unknown")
    return length


_LENGTHS = ("max_position_embeddings", "max_seq_len", "seq_length")
_TRAINED = {"bloom": 2048}


def check_config(config: Any) -> None:
    """Returns if the architecture may be right; the probe after loading decides.

    Raises: `Unsupported`, with the feature named.
    """
    kind = config.model_type
    names = list(getattr(config, "architectures", None) or [])
    if getattr(config, "is_encoder_decoder", False):
        raise Unsupported(f"{kind}: an encoder-decoder model; a causal (decoder-only) language model is needed")
    if names and not any(name.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for name in names):
        raise Unsupported(f"{kind} ({names[0]}): not a causal language model")
    text = config.get_text_config()
    if getattr(text, "is_causal", True) is False or (kind in _ENCODERS and not getattr(text, "is_decoder", False)):
        raise Unsupported(f"{kind}: an encoder with attention in both directions; a causal language model is needed")
    if getattr(text, "alibi", False):
        raise Unsupported(f"{kind}: ALiBi attention biases are supported for BLOOM and MPT only")
    _check_layers(kind, text)
    _check_rope(kind, text)


_ENCODERS = ("bert", "roberta", "electra", "albert", "camembert", "xlm-roberta", "distilbert", "deberta", "deberta-v2")


def _check_layers(kind: str, config: Any) -> None:
    """Layers with a state are named here; what attention layers see is read off their masks (`patterns`)."""
    if getattr(config, "ssm_cfg", None) or getattr(config, "mamba_d_state", None) or getattr(config, "state_size", None):
        raise Unsupported(f"{kind}: a state-space model; only attention is supported")
    other = set(getattr(config, "layer_types", None) or []) - {"full_attention", "sliding_attention", "chunked_attention"}
    if other:
        raise Unsupported(f"{kind}: layers of type {', '.join(sorted(other))} are not supported; only attention")
    context_length(config)


def _check_rope(kind: str, config: Any) -> None:
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    nested = [value for value in rope.values() if isinstance(value, dict)] or [rope]
    for entry in nested:
        name = entry.get("rope_type", entry.get("type", "default"))
        if name in _ROPE_REFUSED:
            raise Unsupported(f"{kind}: rotary scaling {name!r} changes with the sequence length and is not supported")
