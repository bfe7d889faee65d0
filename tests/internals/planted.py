"""A stock Llama whose every weight is set by hand, so that what each layer knows, and from which token, is known.

Features are dimensions of the residual stream. Head 1 of block 0 lets a *copy* token take the answer of the *carrier*; head 2 of block 1
lets the *root* take it from the copy token. All else attends to the first token, whose value is nothing. Content is matched in the slowest
pair of the rotary positions, which with a base of 1e12 does not turn.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.backends.local.local_models import save_tokenizer
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.local.load import load_local

SINK, CARRIERS, COPY, FILL, ROOT, LABELS = 10, (20, 21, 22, 23), 30, 40, 50, (60, 61, 62, 63)
_SINK, _CARRIER, _COPY, _ROOT, _CONST, _ANSWER, _COPIED, _OUT = 0, 1, 2, 3, 4, 5, 9, 13
_MATCH, _FIRST, _SHARP, _BLUNT = 7, 15, 3.0, 1.77
PROMPT = (SINK, FILL)
SUFFIX = (41, ROOT)
AT = 6
"""Where the copy token stands in the trace: it is kept from cut AT + 1 on."""


def trace_of(answer: int, copies: bool = True) -> tuple[int, ...]:
    """A trace whose second token carries an answer, and whose seventh copies it."""
    return (FILL, CARRIERS[answer], FILL, FILL, FILL, FILL, COPY if copies else FILL, FILL, FILL, FILL, FILL, FILL)


def _plant(model: Any, sink: bool) -> None:
    import torch

    for name, weights in model.named_parameters():
        weights.data.fill_(1.0 if "norm" in name else 0.0)
    embedding, head = model.model.embed_tokens.weight.data, model.lm_head.weight.data
    embedding[:, _CONST] = 1.0
    for token, feature in ((SINK, _SINK), (COPY, _COPY), (ROOT, _ROOT), *((one, _CARRIER) for one in CARRIERS)):
        embedding[token, feature] = 1.0
    for a in range(4):
        embedding[CARRIERS[a], _ANSWER + a] = 1.0
        head[LABELS[a], _OUT + a] = 20.0
    plans = ((0, 1, 0, _COPY, _CARRIER, _ANSWER, _COPIED), (1, 2, 1, _ROOT, _COPY, _COPIED, _OUT))
    for block, query, key, asks, answers, reads, writes in plans:
        attention = model.model.layers[block].self_attn
        attention.q_proj.weight.data[16 * query + _MATCH, asks] = _SHARP
        attention.k_proj.weight.data[16 * key + _MATCH, answers] = _SHARP
        attention.q_proj.weight.data[16 * query + _FIRST, _CONST] = _BLUNT
        attention.k_proj.weight.data[16 * key + _FIRST, _SINK] = _BLUNT if sink else 0.0
        for a in range(4):
            attention.v_proj.weight.data[16 * key + a, reads + a] = 1.0
            attention.o_proj.weight.data[writes + a, 16 * query + a] = 0.217
    assert torch.isfinite(embedding).all()


@cache
def planted(sink: bool = True) -> LocalBackend:
    """The model; without the key of its first token, what attends to nothing spreads the carrier: the negative twin."""
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=16, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, rope_parameters={"rope_type": "default", "rope_theta": 1e12},
        eos_token_id=1, bos_token_id=None, tie_word_embeddings=False,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    _plant(model, sink)
    folder = Path(mkdtemp(prefix="tokenworth-planted-"))
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return load_local(str(folder))
