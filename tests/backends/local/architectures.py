"""Tiny models of the families people run: the configuration class, and what differs from a small Llama."""

from __future__ import annotations

from typing import Any

CONTEXT = 256
WINDOW = {"sliding_window": 24}
_MIXED = {**WINDOW, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_HEAD = {"head_dim": 16}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
_LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12, "num_key_value_heads": 4}
_ROUTED = {
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": 32,
}
_OLD = {"n_layer": 3, "n_head": 4}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "llama-mha": ("LlamaConfig", {"num_key_value_heads": 4, "tie_word_embeddings": True}),
    "llama-yarn": (
        "LlamaConfig",
        {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 64}},
    ),
    "qwen2": ("Qwen2Config", {}),
    "qwen2-window": ("Qwen2Config", {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}),
    "qwen2_moe": ("Qwen2MoeConfig", {**_EXPERTS, "num_experts": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}),
    "qwen3": ("Qwen3Config", _HEAD),
    "qwen3_moe": ("Qwen3MoeConfig", {**_HEAD, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}),
    "mistral": ("MistralConfig", {"sliding_window": None}),
    "mistral-wide": ("MistralConfig", {"sliding_window": CONTEXT}),
    "mistral-window": ("MistralConfig", WINDOW),
    "ministral3": ("Ministral3Config", _HEAD),
    "mixtral": ("MixtralConfig", {"sliding_window": None, "num_local_experts": 4}),
    "gemma": ("GemmaConfig", {"head_dim": 32}),
    "gemma2": ("Gemma2Config", {**_HEAD, **WINDOW, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 2.0}),
    "gemma3": ("Gemma3TextConfig", {**_HEAD, **_MIXED, "query_pre_attn_scalar": 16}),
    "gemma3-full": ("Gemma3TextConfig", {"head_dim": 16, "layer_types": ["full_attention"] * 3}),
    "gemma3-wide": ("Gemma3TextConfig", {"head_dim": 16, "sliding_window": CONTEXT, "query_pre_attn_scalar": 16}),
    "gpt_oss": ("GptOssConfig", {**_HEAD, **_MIXED, **_EXPERTS}),
    "deepseek_v2": ("DeepseekV2Config", {**_LATENT, **_ROUTED}),
    "deepseek_v3": ("DeepseekV3Config", {**_LATENT, **_ROUTED}),
    "phi": ("PhiConfig", {}),
    "phi3": ("Phi3Config", {"sliding_window": None}),
    "phi3-window": ("Phi3Config", WINDOW),
    "granite": ("GraniteConfig", {"logits_scaling": 3.0, "attention_multiplier": 0.3, "residual_multiplier": 0.7}),
    "granitemoe": ("GraniteMoeConfig", _EXPERTS),
    "cohere": ("CohereConfig", {"logit_scale": 0.25}),
    "cohere2": ("Cohere2Config", {**_MIXED, "logit_scale": 0.25}),
    "olmo2": ("Olmo2Config", {}),
    "olmo3": ("Olmo3Config", _MIXED),
    "olmoe": ("OlmoeConfig", {"num_experts": 4, "num_experts_per_tok": 2}),
    "smollm3": ("SmolLM3Config", {}),
    "stablelm": ("StableLmConfig", {}),
    "starcoder2": ("Starcoder2Config", WINDOW),
    "exaone4": ("Exaone4Config", {**_MIXED, "sliding_window_pattern": 2}),
    "ernie4_5": ("Ernie4_5Config", _HEAD),
    "glm4": ("Glm4Config", _HEAD),
    "glm4_moe": ("Glm4MoeConfig", {**_HEAD, **_ROUTED}),
    "nemotron": ("NemotronConfig", {}),
    "seed_oss": ("SeedOssConfig", _HEAD),
    "gpt2": ("GPT2Config", {"n_inner": 96}),
    "gpt_neo": (
        "GPTNeoConfig",
        {"num_heads": 4, "num_layers": 3, "attention_types": [[["global", "local", "local"], 1]], "window_size": 24},
    ),
    "gpt_neox": ("GPTNeoXConfig", {}),
    "gptj": ("GPTJConfig", {**_OLD, "rotary_dim": 8}),
    "opt": ("OPTConfig", {"ffn_dim": 96, "word_embed_proj_dim": 64}),
    "bloom": ("BloomConfig", {**_OLD, "n_head": 6, "hidden_size": 96, "seq_length": CONTEXT}),
    "mpt": ("MptConfig", {"d_model": 64, "n_heads": 4, "n_layers": 3, "max_seq_len": CONTEXT}),
    "falcon": ("FalconConfig", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon-multi-query": ("FalconConfig", {}),
}

_LONGROPE = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [2.0] * 8, "rope_theta": 1e4}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("FalconConfig", {"alibi": True}, "falcon: ALiBi"),
    ("BertConfig", {"intermediate_size": 96, "num_hidden_layers": 1}, "bert: an encoder with attention in both directions"),
    ("DeepseekV32Config", {**_LATENT, **_ROUTED}, "deepseek_v32: layers of type indexed_attention"),
    (
        "Qwen3NextConfig",
        {"head_dim": 16, "num_experts": 2, "layer_types": ["linear_attention", "full_attention", "full_attention"]},
        "qwen3_next: layers of type linear_attention",
    ),
    ("MambaConfig", {}, "mamba: a state-space model"),
    ("Mamba2Config", {"num_heads": 4, "head_dim": 32, "n_groups": 1}, "mamba2: a state-space model"),
    ("FalconH1Config", {}, "falcon_h1: a state-space model"),
    ("JambaConfig", {}, "jamba: a state-space model"),
    ("Lfm2Config", {"layer_types": ["conv", "full_attention", "conv"]}, "lfm2: layers of type conv"),
    ("LlamaConfig", {"rope_scaling": _LONGROPE}, "longrope"),
]
"""What the configuration alone decides, and the words of the refusal."""
REFUSED_WHEN_LOADED: list[tuple[str, dict[str, Any], str]] = [
    ("XGLMConfig", {"d_model": 64, "attention_heads": 4, "num_layers": 3, "ffn_dim": 96}, "xglm: attention of its own"),
    ("RwkvConfig", {}, "rwkv: "),
    ("DogeConfig", {"num_experts": 4}, "doge: the model code does not work with shared-prefix attention"),
]
