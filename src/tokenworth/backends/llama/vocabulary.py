"""A GGUF file's vocabulary as the description of a tokenizer (what tokenizer.json says), for the two kinds that language models use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenworth.backends.llama.file import GgufFile
from tokenworth.backends.llama.splits import SPLITS, Split
from tokenworth.errors import InvalidInput, Unsupported

_SPACE = "\u2581"
_UNKNOWN, _CONTROL, _USER, _BYTE = 2, 3, 4, 6
_LONGEST_PIECE = 256
"""Characters of a token that is taken apart into pairs; those of real vocabularies have at most some 50."""
_ENDS = frozenset(
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>", "</s>",
        "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
    }
)  # fmt: skip
"""Texts of tokens at which llama.cpp ends a completion, whatever else a file names."""
_HARMONY = ({"<|return|>", "<|call|>"}, {"<|calls|>", "<|flush|>"})
"""Where both are tokens, ``<|end|>`` ends a message and not the completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """``spec``: the tokenizer's description. ``stop``: ids at which llama.cpp ends a completion. ``named``: texts of special tokens."""

    spec: Mapping[str, Any]
    stop: tuple[int, ...]
    named: Mapping[str, str]


def vocabulary_of(file: GgufFile) -> Vocabulary:
    """The vocabulary in a file.

    Raises: `Unsupported` for kinds of tokenizers that are not read here; `InvalidInput` for one that does not fit together.
    """
    kind = file.metadata.get("tokenizer.ggml.model")
    make = _KINDS.get(str(kind))
    if make is None:
        raise Unsupported(
            f"{file.path}: its tokenizer is of the kind {str(kind)[:40]!r}; expected gpt2 (byte-level BPE) or llama (SentencePiece BPE)"
        )
    tokens, types = _tokens(file), _types(file)
    found = _special(file, tokens, types)
    spec, bos, eos = make(file, tokens, types, found)
    named = {f"{name}_token": tokens[number] for name, number in _named_ids(file, tokens).items()}
    begins, ends = (file.metadata.get(f"tokenizer.ggml.add_{what}_token", fallback) for what, fallback in (("bos", bos), ("eos", eos)))
    spec = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(number, tokens[number], special=special) for number, special in sorted(found.items())],
        **spec,
        "post_processor": _framed(tokens, _named_ids(file, tokens), begins=bool(begins), ends=bool(ends)),
    }
    return Vocabulary(spec=spec, stop=_stops(file, tokens), named=named)


def _listed(file: GgufFile, name: str, kind: type | tuple[type, ...]) -> tuple[Any, ...]:
    found = file.metadata.get(f"tokenizer.ggml.{name}")
    if not isinstance(found, tuple) or not all(isinstance(one, kind) for one in found):
        raise InvalidInput(f"{file.path}: has no tokenizer.ggml.{name}, or another than a list; expected a whole GGUF file of a model")
    return found


def _tokens(file: GgufFile) -> tuple[str, ...]:
    tokens: tuple[str, ...] = tuple(text or f"[EMPTY_{number}]" for number, text in enumerate(_listed(file, "tokens", str)))
    if len(set(tokens)) != len(tokens):
        raise InvalidInput(f"{file.path}: two tokens of its vocabulary have the same text; ids would not be known from it")
    for text in tokens:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{file.path}: token {tokens.index(text)} of its vocabulary is no UTF-8 text") from error
    return tokens


def _types(file: GgufFile) -> tuple[int, ...]:
    n_tokens = len(file.metadata["tokenizer.ggml.tokens"])
    if "tokenizer.ggml.token_type" not in file.metadata:
        return (1,) * n_tokens
    types = _listed(file, "token_type", int)
    if len(types) < n_tokens:
        raise InvalidInput(f"{file.path}: {len(types)} token types for {n_tokens} tokens; expected one for each")
    return types[:n_tokens]


def _named_ids(file: GgufFile, tokens: Sequence[str]) -> dict[str, int]:
    """Special tokens that the file names: bos, eos, unk, pad."""
    keys = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "pad": "padding_token_id"}
    found = {name: file.metadata.get(f"tokenizer.ggml.{key}") for name, key in keys.items()}
    return {name: number for name, number in found.items() if type(number) is int and 0 <= number < len(tokens)}


def _special(file: GgufFile, tokens: Sequence[str], types: Sequence[int]) -> dict[int, bool]:
    """Tokens that are found in a text before it is split, by id; whether each is a control token or the user's."""
    found = {number: kind != _USER for number, kind in enumerate(types) if kind in (_UNKNOWN, _CONTROL, _USER)}
    return found | dict.fromkeys(_stops(file, tokens), True)


def _stops(file: GgufFile, tokens: Sequence[str]) -> tuple[int, ...]:
    """Ids at which llama.cpp ends a completion: those that the file names, and those with the texts that usually do."""
    texts = set(tokens)
    ends = _ENDS - {"<|end|>"} if any(pair <= texts for pair in _HARMONY) else _ENDS
    ends = ends - {"</s>"} if "<|tool_response>" in texts else ends
    found = {number for number, text in enumerate(tokens) if text in ends}
    for name in ("eos", "eot", "eom"):
        number = file.metadata.get(f"tokenizer.ggml.{name}_token_id")
        if type(number) is int and 0 <= number < len(tokens):
            found.add(number)
    return tuple(sorted(found))


def _added(number: int, text: str, *, special: bool) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": text, **plain, "special": special}


def _framed(tokens: Sequence[str], named: Mapping[str, int], *, begins: bool, ends: bool) -> dict[str, Any] | None:
    """What puts the special tokens around a whole text."""
    around = [named[name] if on and name in named else None for name, on in (("bos", begins), ("eos", ends))]
    if around == [None, None]:
        return None
    pieces = [None if number is None else {"SpecialToken": {"id": tokens[number], "type_id": 0}} for number in around]
    single = [piece for piece in (pieces[0], {"Sequence": {"id": "A", "type_id": 0}}, pieces[1]) if piece is not None]
    texts = {tokens[number]: {"id": tokens[number], "ids": [number], "tokens": [tokens[number]]} for number in around if number is not None}
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": texts}


_Made = tuple[dict[str, Any], bool, bool]
"""A description, and whether texts begin and end with special tokens unless the file says otherwise."""


def _byte_level(file: GgufFile, tokens: Sequence[str], types: Sequence[int], special: Mapping[int, bool]) -> _Made:
    del types, special
    split = _split(file)
    ids = {text: number for number, text in enumerate(tokens)}
    pairs = (_pair(merge) for merge in _listed(file, "merges", str))
    # llama.cpp does not mind merges of what are no tokens; they never come about.
    kept = [pair for pair in pairs if pair is not None and pair[0] in ids and pair[1] in ids and pair[0] + pair[1] in ids]
    steps: list[dict[str, Any]] = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False} for pattern in split.patterns
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    spec = {
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, level]},
        "decoder": level,
        "model": _bpe(ids, kept, ignore_merges=split.whole),
    }
    return spec, split.bos, False


def _split(file: GgufFile) -> Split:
    name = str(file.metadata.get("tokenizer.ggml.pre", "default"))
    if name not in SPLITS:
        raise Unsupported(
            f"{file.path}: how its tokenizer splits a text (tokenizer.ggml.pre) is {name[:40]!r}, which is not known here; "
            f"{len(SPLITS)} names are, such as gpt-2, llama-bpe, qwen2 and smollm"
        )
    return SPLITS[name]


def _pair(merge: str) -> tuple[str, str] | None:
    at = merge.find(" ", 1)
    return None if at < 0 else (merge[:at], merge[at + 1 :])


def _sentence_piece(file: GgufFile, tokens: Sequence[str], types: Sequence[int], special: Mapping[int, bool]) -> _Made:
    """Pairs are merged in the order of the scores of what they become; characters that are no tokens become bytes."""
    scores = _listed(file, "scores", (int, float))
    if len(scores) < len(tokens):
        raise InvalidInput(f"{file.path}: {len(scores)} scores for {len(tokens)} tokens; expected one for each")
    ids = {text: number for number, text in enumerate(tokens)}
    plain = {text: number for text, number in ids.items() if number not in special and types[number] != _BYTE}
    pairs = [
        (-scores[number], number, text[:at], text[at:])
        for text, number in plain.items()
        if 1 < len(text) <= _LONGEST_PIECE
        for at in range(1, len(text))
        if text[:at] in plain and text[at:] in plain
    ]
    pairs.sort(key=lambda pair: pair[:2])
    first = bool(file.metadata.get("tokenizer.ggml.add_space_prefix", True))
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    texts = {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    unknown = _named_ids(file, tokens).get("unk")
    spec = {
        "normalizer": {"type": "Sequence", "normalizers": [*([{"type": "Prepend", "prepend": _SPACE}] if first else []), spaces]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [texts, {"type": "ByteFallback"}, {"type": "Fuse"}, *([strip] if first else [])]},
        "model": _bpe(
            ids,
            [(left, right) for _, _, left, right in pairs],
            unk_token=None if unknown is None else tokens[unknown],
            byte_fallback=True,
            fuse_unk=True,
        ),
    }
    return spec, True, False


def _bpe(ids: Mapping[str, int], merges: Sequence[tuple[str, str]], **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"))
    plain = {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {"type": "BPE", **nothing, **plain, **more, "vocab": dict(ids), "merges": [list(pair) for pair in merges]}


_KINDS: Mapping[str, Callable[[GgufFile, Sequence[str], Sequence[int], Mapping[int, bool]], _Made]] = {
    "gpt2": _byte_level,
    "llama": _sentence_piece,
}
