"""Servers that lack something, and what is then not offered."""

from __future__ import annotations

from typing import Any

from tests.servers.faulty import Ways

NO_IDS = {"ids_out": False, "stop_in_ids": False, "counts_all_choices": None, "logprobs": "text"}


FOR_TABLES = {"next_token", "leave"}


POOR: dict[str, tuple[Ways, dict[str, Any], set[str]]] = {
    "good": (Ways(), {}, set()),
    "text prompts": (Ways(ids_in=False), {"ids_in": False}, {*FOR_TABLES, "any_cut"}),
    "no ids out": (Ways(ids_out=False), NO_IDS, {"leave"}),
    "text only": (Ways(ids_in=False, ids_out=False), {"ids_in": False, **NO_IDS}, {*FOR_TABLES, "any_cut"}),
    "n ignored": (Ways(n="ignored"), {"n_most": 1, "n_honoured": False, "counts_all_choices": None}, set()),
    "n refused": (Ways(n="refused"), {"n_most": 1, "n_honoured": False, "counts_all_choices": None}, set()),
    "n the same": (Ways(n="same"), {"n_most": 1, "n_honoured": False, "counts_all_choices": None}, set()),
    "top-k refused": (Ways(refuses=("top_k",)), {"top_k_honoured": False}, set()),
    "plain OpenAI": (
        Ways(
            refuses=(
                "top_k", "min_p", "repetition_penalty", "stop_token_ids", "add_special_tokens", "skip_special_tokens",
                "return_token_ids", "allowed_token_ids", "prompt_logprobs",
            ),
            owner="openai", ids_in=False, ids_out=False, cap=5,
        ),
        {
            "ids_in": False, **NO_IDS, "top_k_honoured": False, "min_p_honoured": False, "logprobs_cap": 5, "server": "openai",
            "order": "unknown", "allowed_token_ids": False, "prompt_logprobs": False,
        },
        {*FOR_TABLES, "any_cut"},
    ),
    "five listed": (Ways(cap=5), {"logprobs_cap": 5}, set()),
    "none listed": (
        Ways(cap=0),
        {
            "logprobs": "none", "logprobs_cap": 0, "logprobs_raw": None, "bias_keeps_logprobs": False, "prompt_logprobs": False,
            "echo": "none", "sampler_agrees": None,
        },
        {*FOR_TABLES, "read"},
    ),
    "keyed by text": (Ways(by_text=True), {}, set()),
    "processed": (
        Ways(processed=True),
        {"logprobs_raw": False, "bias_keeps_logprobs": False, "prompt_logprobs": False, "sampler_agrees": None},
        {*FOR_TABLES, "read"},
    ),
    "always greedy": (
        Ways(temperature="greedy"),
        {"temperature_honoured": False, "n_most": 1, "n_honoured": False, "counts_all_choices": None, "seeds": "none",
         "sampler_agrees": None},
        {"sample", "leave"},
    ),
    "a temperature of its own": (
        Ways(temperature="fixed"),
        {"temperature_honoured": False, "sampler_agrees": None},
        {"sample", "leave"},
    ),
    "top-k ignored": (Ways(ignores=("top_k",)), {"top_k_honoured": False}, set()),
    "top-p ignored": (Ways(ignores=("top_p",)), {"top_p_honoured": False}, set()),
    "min-p ignored": (Ways(ignores=("min_p",)), {"min_p_honoured": False}, set()),
    "bias ignored": (
        Ways(ignores=("logit_bias",)),
        {"bias_honoured": False, "bias_keeps_logprobs": False, "stops_at": [], "stop_in_ids": False},
        set(),
    ),
    "allowed ids ignored": (Ways(ignores=("allowed_token_ids",)), {"allowed_token_ids": False}, set()),
    "seed ignored": (Ways(ignores=("seed",)), {"seeds": "none"}, set()),
    "stop strings ignored": (Ways(ignores=("stop",)), {"stop_text_trimmed": False}, set()),
    "echo off by one": (Ways(echo="off"), {"echo": "off"}, set()),
    "no echo": (Ways(echo="none"), {"echo": "none"}, set()),
    "opens the turn again": (Ways(reopens=True), {"continues_open_trace": False}, {"sample", "leave"}),
    "no usage": (
        Ways(usage=False),
        {"text_counts": None, "tokenizer_agrees": True, "counts_all_choices": None, "counts_cached": False},
        set(),
    ),
    "one reply id": (Ways(ids="constant"), {"reply_ids": "repeating"}, set()),
    "no reply id": (Ways(ids="none"), {"reply_ids": "none"}, set()),
    "BOS before text": (Ways(bos=True), {"bos_added": True}, set()),
    "BOS, text only": (
        Ways(bos=True, ids_in=False),
        {"bos_added": True, "ids_in": False, "echo": "off", "prompt_logprobs": False},
        {*FOR_TABLES, "any_cut"},
    ),
    "no name": (Ways(owner=""), {"server": "unknown", "order": "unknown"}, set()),
    "name for a terminal": (Ways(owner="vllm\x1b[31m\n" + "x" * 999), {"server": ("vllm[31m" + "x" * 60)[:60]}, set()),
}  # fmt: skip
