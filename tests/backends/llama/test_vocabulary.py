"""A tokenizer that is read from a GGUF file makes the ids that llama.cpp makes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.backends.llama.gguf_files import WORDS, tokenizing, write_sentence_piece, write_tiny
from tokenworth.backends.gguf.backend import TEXTS
from tokenworth.backends.llama.file import read_gguf
from tokenworth.backends.llama.splits import SPLITS
from tokenworth.backends.llama.tokenizer import any_tokenizer, gguf_tokenizer
from tokenworth.errors import InvalidInput, Unsupported

_LETTERS = (
    *"abcXYZ 019'\n\r\t .,!?()[]{}<>|/\\-_=+*&^%$#@~`\"", *"\u00e9\u00df\u0416\u0437\u4e2d\u6587\u5b57\u306e\u30ab",
    *"\ud55c\uae00\u0639\u0936\u0967\u00b2\u00bd",
    "\U0001f98a", "\u0301", "\u00a0", "\u3000", "'s", "'LL", "  ", "\n\n", "123", "<|", "|>", "<|user|>", "<|end|>",
)  # fmt: skip


def texts(count: int) -> list[str]:
    rng = random.Random(0)
    some = ["".join(rng.choice(_LETTERS) for _ in range(rng.randint(1, 40))) for _ in range(count)]
    words = [" ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 8))) for _ in range(count // 4)]
    return ["", "a", *TEXTS, *some, *words]


@pytest.mark.slow
@pytest.mark.parametrize("pre", sorted({split: name for name, split in sorted(SPLITS.items())}.values()))
def test_every_split_gives_the_ids_of_llama_cpp(pre: str, tmp_path: Path):
    file = write_tiny(tmp_path / "tiny.gguf", pre=pre)
    files = gguf_tokenizer(read_gguf(str(file)))
    with tokenizing(file) as theirs:
        assert {text for text in texts(120) if list(files.encode(text)) != theirs(text)} == set()


@pytest.mark.slow
@pytest.mark.parametrize("space_prefix", [True, False])
def test_sentence_pieces_are_merged_as_llama_cpp_merges_them(space_prefix: bool, tmp_path: Path):
    file = write_sentence_piece(tmp_path / "pieces.gguf", space_prefix=space_prefix)
    files = gguf_tokenizer(read_gguf(str(file)))
    with tokenizing(file) as theirs:
        assert {text for text in texts(120) if list(files.encode(text)) != theirs(text)} == set()
    for text in ("hello world", "  the caf\u00e9\n", "\u2713"):
        assert files.codec.decode(files.codec.encode(text)) == text
    assert files.encode("a", add_special_tokens=True)[0] == 1
    # What data spells is no control token, although llama.cpp would make one of it.
    assert 2 not in files.codec.encode_data("the </s>") and 2 in files.codec.encode("the </s>")


def test_the_bundled_models_file_holds_the_bundled_models_text(tiny_gguf: Path):
    here, there = any_tokenizer(str(tiny_gguf)), any_tokenizer("src/tokenworth/assets/tiny")
    assert (here.eos_ids, here.vocab_size, here.special_tokens["eos_token"]) == (there.eos_ids, there.vocab_size, "<|end|>")
    assert here.template is not None and there.template is not None and here.template.text == there.template.text
    for text in (*TEXTS[:2], "How many eggs?</think> <|end|>"):
        assert here.encode(text) == there.encode(text)
        assert here.codec.encode_data(text) == there.codec.encode_data(text)


def test_what_is_not_known_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(Unsupported, match=r"tokenizer.ggml.pre\) is 'my-own'.*names are, such as"):
        any_tokenizer(str(write_tiny(tmp_path / "a.gguf", pre="my-own")))
    damaged = (tmp_path / "a.gguf").read_bytes().replace(b"\x04\0\0\0\0\0\0\0gpt2", b"\x04\0\0\0\0\0\0\0bert")
    (tmp_path / "b.gguf").write_bytes(damaged)
    with pytest.raises(Unsupported, match=r"of the kind 'bert'; expected gpt2"):
        any_tokenizer(str(tmp_path / "b.gguf"))
    twice = write_tiny(tmp_path / "c.gguf").read_bytes().replace(b"\x07\0\0\0\0\0\0\0<|end|>", b"\x07\0\0\0\0\0\0\0<think>")
    (tmp_path / "c.gguf").write_bytes(twice)
    with pytest.raises(InvalidInput, match="two tokens"):
        any_tokenizer(str(tmp_path / "c.gguf"))
