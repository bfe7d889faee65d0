"""Cuts that survive the way through text: the short way to them must agree with encoding every prefix in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import tokenworth
from tests.real_data import shared
from tokenworth.backends.tokenizer.codec import TokenizerCodec
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.backends.tokenizer.safe_cuts import reachable
from tokenworth.backends.tokenizer.seams import SEAM, alternatives, has_seams
from tokenworth.errors import InvalidInput

TINY = Path(tokenworth.__file__).parent / "assets" / "tiny"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
)
O200K = _CASED + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+"""
    "[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
]
SPLITS: dict[str, list[str]] = {
    "qwen2": [LLAMA3.replace("{1,3}", "")],
    "llama3": [LLAMA3],
    "o200k": [O200K],
    "deepseek": DEEPSEEK,
    "gpt2": [],
}
CHUNKS = [
    *(
        "a",
        "b",
        "abc",
        "Zb",
        "The",
        " answer",
        "is",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "\u00a0",
        "\u3000",
        "，",
        "。",
        "、",
        "下",
        "一",
        "龥",
        "あ",
    ),
    *("é", "e\u0301", "\u0301", "ß", "ǅ", "ʰ", "ﬁ", "\u2126", "\u212b", "😀", "👩‍💻", "'", "'s", "'r", "'re", "'R", "1", "12", "345", "７"),
    *("(", ")", " (", "!", "/", ".", ",", "_", "{", "|", "<think>", "<|end|>", "<|en", "</think>"),
]
TEXTS = st.lists(st.sampled_from(CHUNKS), max_size=25).map("".join)


def whole_prefixes(ids: tuple[int, ...], codec: TokenizerCodec, before: int, suffix: tuple[int, ...] = ()) -> list[bool]:
    """The definition."""
    kept = (ids[: before + cut] + suffix for cut in range(len(ids) - before + 1))
    return [codec.encode_whole(codec.decode(prefix)) == prefix for prefix in kept]


def agree(ids: Sequence[int], codec: TokenizerCodec, before: int = 0, suffix: tuple[int, ...] = ()) -> list[bool]:
    ids = tuple(ids)
    found = reachable(ids, codec, cuts=range(len(ids) - before + 1), before=before, suffix=suffix)
    assert found.tolist() == whole_prefixes(ids, codec, before, suffix)
    return found.tolist()


@cache
def tiny() -> TokenizerCodec:
    return load_tokenizer(str(TINY)).codec


@cache
def dressed(kind: str) -> TokenizerCodec:
    """GPT-2's vocabulary behind the split pattern of another family."""
    root = shared("tokenizers", "gpt2", "vocab.json").parent
    tokenizer = Tokenizer(models.BPE.from_file(str(root / "vocab.json"), str(root / "merges.txt")))
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in SPLITS[kind]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not splits)])
    tokenizer.decoder = decoders.ByteLevel()
    if kind in ("qwen2", "o200k"):
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in ("<think>", "</think>", "<|end|>")])
    tokenizer.add_tokens([AddedToken("abc", normalized=True)])
    return TokenizerCodec(tokenizer)


def test_the_tokenizers_at_hand_have_seams() -> None:
    assert has_seams(tiny().spec) and all(has_seams(dressed(kind).spec) for kind in SPLITS)


@given(text=TEXTS, cut=st.integers(0, 60), stray=st.lists(st.integers(0, 971), max_size=4), before=st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_bundled_tokenizer_agrees_with_whole_prefixes(text: str, cut: int, stray: list[int], before: int) -> None:
    """Texts and ids alike: a sampled trace need not be what the tokenizer would make of its text."""
    ids = tiny().encode(text)
    mixed = (*ids[:cut], *stray, *ids[cut:])
    agree(mixed, tiny(), min(before, len(mixed)))
    agree(mixed, tiny(), min(before, len(mixed)), tiny().encode("</think> The answer is ("))


@pytest.mark.parametrize("kind", SPLITS)
@given(text=TEXTS, cut=st.integers(0, 40), stray=st.lists(st.integers(0, 50_000), max_size=3), end=TEXTS)
@settings(max_examples=120, deadline=None)
def test_other_split_patterns_agree_with_whole_prefixes(kind: str, text: str, cut: int, stray: list[int], end: str) -> None:
    codec = dressed(kind)
    ids = codec.encode(text)
    agree((*ids[:cut], *stray, *ids[cut:]), codec, 0, codec.encode(end)[:6])


@pytest.mark.parametrize("kind", ["tiny", *SPLITS])
@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_law_of_seams(kind: str, text: str) -> None:
    codec = tiny() if kind == "tiny" else dressed(kind)
    raw = text.encode()
    for match in SEAM.finditer(raw):
        left, right = raw[: match.start()].decode(), raw[match.start() :].decode()
        assert codec.encode_whole(text) == codec.encode_whole(left) + codec.encode_whole(right)


def test_what_is_and_is_not_reached() -> None:
    codec = tiny()
    ids = codec.encode("naïve 🦊 (B)")
    found = agree(ids, codec)
    pieces = codec.piece_bytes(ids)
    for cut in range(len(ids) + 1):
        if b"".join(pieces[:cut]).decode(errors="replace").endswith("\ufffd"):
            assert not found[cut]
    assert found[0] and found[-1] and not all(found)
    split = (*codec.encode("a"), *codec.encode("n"), *codec.encode("d"))
    assert codec.encode("and") != split and not agree(split, codec)[-1]
    assert agree((codec.vocab_size + 5,), codec) == [True, False]


def test_a_long_trace_is_checked_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = load_tokenizer(str(TINY)).codec
    ids = codec.encode("Wait, is it (B)? The answer says 12 + 7 = 19, so we go on. " * 200)[:2000]
    lengths: list[int] = []
    encode = codec.encode_whole

    def counted(text: str) -> tuple[int, ...]:
        lengths.append(len(text))
        return encode(text)

    monkeypatch.setattr(codec, "encode_whole", counted)
    assert reachable(ids, codec, cuts=range(len(ids) + 1), before=0).all()
    assert sum(lengths) < 30 * len(codec.decode(ids)) and max(lengths) < 100


def changed(**parts: Any) -> dict[str, Any]:
    return {**json.loads((TINY / "tokenizer.json").read_text(encoding="utf-8")), **parts}


def split(pattern: Any, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}]}


def token(**flags: Any) -> list[dict[str, Any]]:
    return [
        {"id": 0, "content": "<x>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, True),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}}, True),
        ({"normalizer": {"type": "NFKC"}}, False),
        ({"normalizer": {"type": "Prepend", "prepend": " "}}, False),
        ({"pre_tokenizer": None}, False),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}}, False),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}}, False),
        ({"pre_tokenizer": split({"Regex": LLAMA3})}, True),
        ({"pre_tokenizer": split({"Regex": LLAMA3}, "Removed", True)}, True),
        ({"pre_tokenizer": split({"Regex": LLAMA3}, "MergedWithPrevious")}, False),
        ({"pre_tokenizer": split({"Regex": LLAMA3 + "|(?<=a)b"})}, False),
        ({"pre_tokenizer": split({"Regex": r".+"})}, False),
        ({"pre_tokenizer": split({"Regex": r"\p{N}"})}, False),
        ({"pre_tokenizer": split({"Regex": _CASED.partition(")?|")[0] + ")?"})}, False),
        ({"pre_tokenizer": split({"String": " "})}, False),
        ({"pre_tokenizer": {"type": "Whitespace"}}, False),
        ({"added_tokens": token(content="a b")}, False),
        ({"added_tokens": token(lstrip=True)}, False),
        ({"added_tokens": token(single_word=True)}, False),
        ({"model": {"type": "BPE", "dropout": 0.1}}, False),
        ({"model": {"type": "Unigram"}}, False),
    ],
)
def test_seams_are_only_seen_where_the_law_is_known(parts: dict[str, Any], expected: bool) -> None:
    assert has_seams(changed(**parts)) is expected


def test_where_there_are_no_seams_prefixes_are_encoded_in_full() -> None:
    """The negative twin: without a split the law is false, and its short way would be wrong."""
    root = shared("tokenizers", "gpt2", "vocab.json").parent
    # "b c" is one token here, so that E("ab c") is not E("ab") + E(" c").
    vocabulary = json.loads((root / "vocab.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer(models.BPE(vocab={**vocabulary, "bĠ": 60000}, merges=[("b", "Ġ")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    codec = TokenizerCodec(tokenizer)
    assert codec.encode_whole("ab c") != codec.encode_whole("ab") + codec.encode_whole(" c") and not has_seams(codec.spec)
    assert agree(codec.encode("ab cab"), codec) == [True] * 6
    assert agree([*codec.encode("ab"), *codec.encode(" c")], codec) == [True, True, True, False, False]


def test_alternatives_of_a_pattern() -> None:
    assert alternatives(r"a|(?i:b|c)+|[|)\]]|\||") == ("a", "(?i:b|c)+", r"[|)\]]", r"\|", "")
    assert alternatives("[\r\n]|x") == (r"[\r\n]", "x")


def test_cuts_outside_the_completion_are_refused() -> None:
    for cuts, before in (([4], 0), ([-1], 0), ([3], 1), ([0], 4), ([0], -1)):
        with pytest.raises(InvalidInput, match="expected 0 to"):
            reachable((5, 6, 7), tiny(), cuts=cuts, before=before)
