"""Which architectures shared-prefix attention computes correctly; the others are refused by name."""

from __future__ import annotations

from typing import Any

from tokenworth.errors import Unsupported

_ROPE_REFUSED = ("longrope",)


def context_length(config: Any) -> int:
    """The longest sequence the model's positions cover.

    Raises: `Unsupported` where the config states none.
    """
    length = getattr(config, "max_position_embeddings", None)
    if not isinstance(length, int) or length < 1:
        raise Unsupported(f"{config.model_type}: config.json states no max_position_embeddings, so the context is unknown")
    return length


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
    if getattr(text, "attn_logit_softcapping", None) is not None:
        raise Unsupported(f"{kind}: attention logit soft-capping is not supported")
    if getattr(text, "alibi", False) or kind in ("bloom", "mpt"):
        raise Unsupported(f"{kind}: ALiBi attention biases are not supported")
    _check_layers(kind, text)
    _check_rope(kind, text)


_ENCODERS = ("bert", "roberta", "electra", "albert", "camembert", "xlm-roberta", "distilbert", "deberta", "deberta-v2")


def _check_layers(kind: str, config: Any) -> None:
    """Sliding, chunked and linear attention are right only while they cannot take effect."""
    length = context_length(config)
    types = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    sliding = "sliding_attention" in types or (window is not None and getattr(config, "layer_types", None) is None)
    if sliding and getattr(config, "use_sliding_window", True) and (window is None or window < length):
        raise Unsupported(
            f"{kind}: sliding-window attention ({window} of {length} tokens) is not supported; only models with full attention"
        )
    chunk = getattr(config, "attention_chunk_size", None)
    if "chunked_attention" in types and (chunk is None or chunk < length):
        raise Unsupported(f"{kind}: chunked attention ({chunk} of {length} tokens) is not supported")
    other = types - {"full_attention", "sliding_attention", "chunked_attention"}
    if other:
        raise Unsupported(f"{kind}: layers of type {', '.join(sorted(other))} are not supported; only full attention")
    if getattr(config, "ssm_cfg", None) or getattr(config, "mamba_d_state", None) or getattr(config, "state_size", None):
        raise Unsupported(f"{kind}: a state-space model; only full attention is supported")


def _check_rope(kind: str, config: Any) -> None:
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    nested = [value for value in rope.values() if isinstance(value, dict)] or [rope]
    for entry in nested:
        name = entry.get("rope_type", entry.get("type", "default"))
        if name in _ROPE_REFUSED:
            raise Unsupported(f"{kind}: rotary scaling {name!r} changes with the sequence length and is not supported")
