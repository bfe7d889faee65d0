"""Pieces of tokens: exact bytes for byte-level and SentencePiece-style tokenizers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.backends.local import local_models  # noqa: F401  (skips without torch)
from tests.backends.local.local_models import backend_of
from tests.checkout import ROOT
from tokenworth.backends.tokenizer.codec import TokenizerCodec, byte_alphabet
from tokenworth.core.tokens import pieces_text


def metaspace_tokenizer(*, prefix: bool, new: bool = False) -> Any:
    """A SentencePiece-style BPE with byte fallback; ``prefix``: puts a space before every text, as Llama 2 does.

    Files of the ``new`` kind do it in the pre-tokenizer, older ones in the normalizer.
    """
    words = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "▁", "a", "b", "c", "é", "▁a", "ab", "▁ab"]
    merges = [("▁", "a"), ("a", "b"), ("▁a", "b")]
    tokenizer = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=merges, unk_token="<unk>", byte_fallback=True))
    steps = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    if new:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first" if prefix else "never", split=False)
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    tokenizer.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", bos_token="<s>", unk_token="<unk>")


def plain_decode(codec: TokenizerCodec, tokenizer: Any, ids: tuple[int, ...]) -> tuple[str, str]:
    return codec.decode(ids), tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)


def test_byte_alphabet_is_a_bijection():
    table = byte_alphabet()
    assert sorted(table.values()) == list(range(256)) and len(table) == 256
    assert table["A"] == 65 and table["Ġ"] == 32 and table["Ċ"] == 10


def test_a_byte_level_tokenizer_that_prepends_a_space_does_not_to_fragments():
    tokenizer = Tokenizer.from_str(backend_of("llama").model.tokenizer.backend_tokenizer.to_str())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    codec = TokenizerCodec(PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    assert codec.decode(codec.encode("answer<think>so")) == "answer<think>so"


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_byte_level_pieces_concatenate_to_the_text(text: str):
    codec = backend_of("llama").codec
    text = text.encode("utf-8", errors="replace").decode()
    ids = codec.encode(text)
    assert b"".join(codec.piece_bytes(ids)) == text.encode() and codec.decode(ids) == text


@given(st.lists(st.integers(0, 319), max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_byte_level_ids_decode_as_the_tokenizer_does(ids: list[int]):
    backend = backend_of("llama")
    ids = [i % backend.codec.vocab_size for i in ids]
    ours, theirs = plain_decode(backend.codec, backend.model.tokenizer, tuple(ids))
    assert ours == theirs


def test_a_split_character_shows_as_bytes():
    codec = backend_of("llama").codec
    ids = codec.encode("é🦊<think>")
    pieces = codec.piece_bytes(ids)
    assert b"".join(pieces) == "é🦊<think>".encode() and pieces[-1] == b"<think>"
    shown = pieces_text(pieces)
    assert any(text.startswith("⟨") for text in shown) and shown[-1] == "<think>"


@pytest.mark.parametrize(("prefix", "new"), [(True, False), (False, False), (True, True), (False, True)])
@given(text=st.lists(st.sampled_from(["a", "b", " ", "c", "é", "😀", "\n", "<s>", "</s>", "ab"]), max_size=12).map("".join))
@settings(max_examples=100, deadline=None)
def test_metaspace_pieces_concatenate_to_the_text(prefix: bool, new: bool, text: str):
    """Also where the tokenizer puts a space before every text: a fragment keeps what it was."""
    tokenizer = metaspace_tokenizer(prefix=prefix, new=new)
    codec = TokenizerCodec(tokenizer)
    ids = codec.encode(text)
    assert codec.kind == "metaspace" and b"".join(codec.piece_bytes(ids)) == text.encode() and codec.decode(ids) == text


@pytest.mark.parametrize(("prefix", "new"), [(True, False), (False, False), (True, True), (False, True)])
def test_a_bare_tokenizer_gives_the_same_pieces_as_the_one_around_it(prefix: bool, new: bool):
    tokenizer = metaspace_tokenizer(prefix=prefix, new=new)
    around, bare = TokenizerCodec(tokenizer), TokenizerCodec(tokenizer.backend_tokenizer)
    assert bare.vocab_size == around.vocab_size == len(tokenizer) and bare.spec == around.spec
    assert bare.piece_bytes(tuple(range(bare.vocab_size))) == around.piece_bytes(tuple(range(bare.vocab_size)))
    for text in ("ab a", " a", "<s>a é😀\n", ""):
        assert bare.encode(text) == around.encode(text) and bare.encode_whole(text) == around.encode_whole(text)
    # A whole prompt keeps the space that the tokenizer puts before it; a fragment does not.
    assert (bare.encode_whole("a") == bare.encode("a")) is not prefix


def test_a_fragment_is_never_cut_off_or_filled_up():
    tokenizer = metaspace_tokenizer(prefix=True)
    tokenizer.backend_tokenizer.enable_truncation(1)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    assert len(TokenizerCodec(tokenizer).encode("a b c")) == 5


def test_metaspace_bytes_and_specials():
    tokenizer = metaspace_tokenizer(prefix=True)
    codec = TokenizerCodec(tokenizer)
    ids = codec.encode("<s>ab 😀</s>")
    assert codec.piece_bytes(ids)[0] == b"<s>" and codec.piece_bytes(ids)[-1] == b"</s>"
    assert b"\xf0" in codec.piece_bytes(ids) and codec.decode(ids) == "<s>ab 😀</s>"
    ours, theirs = plain_decode(codec, tokenizer, (*tokenizer.encode("ab c 😀é", add_special_tokens=False),))
    assert ours == " " + theirs


def test_unknown_decoders_grow_a_prefix():
    class WordPiece:
        vocab_size = 4
        words = ("ab", "##c", "é", "x")

        def __len__(self) -> int:
            return 4

        def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
            return [3]

        def decode(self, ids: list[int], **_: Any) -> str:
            text = ""
            for i in ids:
                text += self.words[i][2:] if self.words[i].startswith("##") else (" " if text else "") + self.words[i]
            return text

    codec = TokenizerCodec(WordPiece())
    assert codec.kind == "other" and codec.piece_bytes((0, 1, 2)) == (b"ab", b"c", " é".encode())
    assert codec.decode((0, 1, 2)) == "abc é"


def test_ids_beyond_the_tokenizer_are_empty():
    codec = backend_of("llama").codec
    assert codec.piece_bytes((codec.vocab_size + 3, -1)) == (b"", b"")


def test_gpt2_vectors():
    """47 texts with known ids: encoding, pieces and decoding."""
    root = Path(os.environ.get("TOKENWORTH_SHARED") or ROOT.parent / "shared" / "data") / "tokenizers" / "gpt2"
    if not (root / "vocab.json").is_file():
        pytest.skip(f"no GPT-2 vocabulary at {root}")
    tokenizer = Tokenizer(models.BPE.from_file(str(root / "vocab.json"), str(root / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    codec = TokenizerCodec(PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    texts = (root / "test-vectors-gpt-2.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lines = (root / "test-vectors-gpt-2.out").read_text(encoding="utf-8").splitlines()
    checked = 0
    for text, line in zip(texts, lines, strict=False):
        ids = tuple(int(i) for i in line.split())
        if codec.encode(text) == ids:
            checked += 1
        assert b"".join(codec.piece_bytes(ids)) == text.encode() and codec.decode(ids) == text
    assert checked >= 46 and codec.vocab_size == 50257
