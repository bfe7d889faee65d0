"""Convert a Llama with a byte-level BPE tokenizer to a GGUF file: ``python recipes/tiny/to_gguf.py OUT.gguf``.

Weights are 32-bit floats, or with ``--quantise`` blocks of few bits. Needs numpy and the ``gguf`` package, not torch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import gguf.quants
import numpy as np

from tokenworth.backends.bundled import TINY

# llama.cpp's names of the tensors of one layer.
LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


KINDS = {"F32": gguf.LlamaFileType.ALL_F32, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0, "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0}
"""How matrices may be written; vectors stay 32-bit floats."""


def write_gguf(model_folder: Path, out: Path, kind: str = "F32") -> None:
    """Write the model in ``model_folder`` to ``out``, every weight as a 32-bit float, so nothing is rounded, or matrices of a `KINDS`.

    Raises ValueError for a model whose graph, rope or tokenizer this file does not know how to express.
    """
    config, generation, tokenizer, words = (
        json.loads((model_folder / name).read_text(encoding="utf-8"))
        for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
    )
    _check(config, tokenizer)
    writer = gguf.GGUFWriter(out, "llama")
    _write_shape(writer, config)
    writer.add_file_type(KINDS[kind])
    _write_tokenizer(writer, tokenizer)
    writer.add_chat_template(words["chat_template"])
    writer.add_eos_token_id(generation["eos_token_id"])
    writer.add_pad_token_id(generation["pad_token_id"])
    # Named even where there is none and none is added: llama.cpp would otherwise take id 11, an ordinary token, for it.
    writer.add_bos_token_id(generation["eos_token_id"] if config["bos_token_id"] is None else config["bos_token_id"])
    writer.add_add_bos_token(False)
    for name, weights in _tensors(model_folder / "model.safetensors", config):
        if kind == "F32" or weights.ndim < 2:
            writer.add_tensor(name, weights)
        else:
            block = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(name, gguf.quants.quantize(weights, block), raw_dtype=block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _check(config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    """Raise ValueError unless the model is a plain Llama whose pre-tokenizer llama.cpp has a name for.

    The bundled tokenizer also splits off parentheses, which ``gpt-2`` does not. Its merges never cross one, so the ids agree
    all the same; the one exception is a contraction right after a parenthesis, as in ``('think``: the mark is then split
    from its letters by one and not by the other. Prompts are sent as ids, so only the server's ``/tokenize`` is concerned.
    """
    if config["architectures"] != ["LlamaForCausalLM"] or config["attention_bias"] or config["mlp_bias"]:
        raise ValueError(f"expected a LlamaForCausalLM without biases, got {config['architectures']}")
    if config["rope_parameters"]["rope_type"] != "default":
        raise ValueError(f"expected plain rotary positions, got {config['rope_parameters']}")
    pre = tokenizer["pre_tokenizer"]
    last = pre["pretokenizers"][-1] if pre["type"] == "Sequence" else pre
    if tokenizer["model"]["type"] != "BPE" or last["type"] != "ByteLevel" or last["add_prefix_space"] or not last["use_regex"]:
        raise ValueError(f"expected byte-level BPE with the GPT-2 pattern and no prefix space, got {pre}")


def _write_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])


def _write_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    special = {token["id"] for token in tokenizer["added_tokens"] if token["special"]}
    ids = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    tokens = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if ids[token] in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])


def _tensors(file: Path, config: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """The weights under llama.cpp's names. Tied output weights are left out: llama.cpp then uses the embedding."""
    weights = read_safetensors(file)
    yield "token_embd.weight", weights["model.embed_tokens.weight"]
    yield "output_norm.weight", weights["model.norm.weight"]
    if not config["tie_word_embeddings"]:
        yield "output.weight", weights["lm_head.weight"]
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for layer in range(config["num_hidden_layers"]):
        for theirs, ours in LAYER.items():
            found = weights[f"model.layers.{layer}.{theirs}.weight"]
            yield f"blk.{layer}.{ours}.weight", interleaved(found, heads[ours]) if ours in heads else found


def interleaved(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head reordered from 0 … d−1 to 0, d/2, 1, d/2+1, …

    transformers rotates row i with row i + d/2 of a head, llama.cpp's Llama rotates neighbours.
    """
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def rounded(weights: np.ndarray, kind: str) -> np.ndarray:
    """A matrix as the file has it, in 32-bit floats: its rows are rounded in blocks, whatever their order."""
    block = gguf.GGMLQuantizationType[kind]
    return weights if weights.ndim < 2 else gguf.quants.dequantize(gguf.quants.quantize(weights, block), block)


def read_safetensors(file: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file as 32-bit floats; numpy has no bfloat16, whose bits are the upper half of a float's."""
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    out: dict[str, np.ndarray] = {}
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[start + begin : start + end]
        if entry["dtype"] == "BF16":
            flat = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        elif entry["dtype"] == "F32":
            flat = np.frombuffer(raw, "<f4")
        else:
            raise ValueError(f"{file.name}: tensor {name} is {entry['dtype']}; expected BF16 or F32")
        out[name] = flat.reshape(entry["shape"])
    return out


def main() -> None:
    """Read the arguments and convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the GGUF file to write")
    parser.add_argument("--model", type=Path, default=TINY, help="folder of the model (default: the bundled one)")
    parser.add_argument("--quantise", choices=KINDS, default="F32", help="how matrices are written (default: F32, nothing is rounded)")
    args = parser.parse_args()
    write_gguf(args.model, args.out, args.quantise)


if __name__ == "__main__":
    main()
