"""How byte-level BPE splits a text before merging, by the name that a GGUF file gives (``tokenizer.ggml.pre``).

Ids must be llama.cpp's: where it approximates the pattern of a model's own tokenizer (cased letters are those outside a-z and A-Z), so is
done here. Tests compare every entry with llama.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ENDINGS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_MARKS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CASED = r"[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]*[\p{L}&&[^A-Z]]+"
_UPPER = r"[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]+[\p{L}&&[^A-Z]]*"
_PATHS = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
_ASCII_MARK = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"


@dataclass(frozen=True, slots=True)
class Split:
    """Patterns that are applied one after the other. ``whole``: a piece that is a token stays whole; ``bos``: texts begin with one."""

    patterns: tuple[str, ...]
    whole: bool = False
    bos: bool = False


_PLAIN = Split((_GPT2,))
_DIGITS = Split((r"\p{N}", _GPT2))
_QWEN = Split((f"{_ENDINGS}|{_WORD}|\\p{{N}}|{_MARKS}|{_SPACES}",))
_THREES = (f"{_ENDINGS}|{_WORD}|\\p{{N}}{{1,3}}|{_MARKS}|{_SPACES}",)
_LLAMA3 = Split(_THREES, whole=True, bos=True)
_GPT4O = Split((f"{_CASED}{_ENDINGS}?|{_UPPER}{_ENDINGS}?|\\p{{N}}{{1,3}}|{_PATHS}|{_SPACES}",))
_DEEPSEEK = Split(
    (
        r"\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        f"{_ASCII_MARK}|[^\\r\\n\\p{{L}}\\p{{P}}\\p{{S}}]?[\\p{{L}}\\p{{M}}]+| ?[\\p{{P}}\\p{{S}}]+[\\r\\n]*|{_SPACES}",
    )
)
SPLITS: Mapping[str, Split] = {
    **dict.fromkeys(("gpt-2", "phi-2", "mpt", "olmo", "exaone4", "gigachat", "mellum", "trillion", "granite-docling"), _PLAIN),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"), _DIGITS),
    **dict.fromkeys(("qwen2", "stablelm2", "deepseek-r1-qwen", "megrez", "hunyuan", "solar-open", "grok-2", "kormo"), _QWEN),
    "qwen35": Split(
        (f"{_ENDINGS}|[^\\r\\n\\p{{L}}\\p{{N}}]?[\\p{{L}}\\p{{M}}]+|\\p{{N}}| ?[^\\s\\p{{L}}\\p{{M}}\\p{{N}}]+[\\r\\n]*|{_SPACES}",)
    ),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "lfm2"), _LLAMA3),
    **dict.fromkeys(("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"), Split(_THREES)),
    **dict.fromkeys(("gpt-4o", "llama4", "kanana2", "minimax-m2"), _GPT4O),
    "tekken": Split((f"{_CASED}|{_UPPER}|\\p{{N}}|{_PATHS}|{_SPACES}",), whole=True, bos=True),
    **dict.fromkeys(("deepseek-v3", "hunyuan-dense", "joyai-llm"), _DEEPSEEK),
    "default": Split((r"[\p{P}$+<=>^~|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")),
}
