"""The head of a GGUF file is read as it is, and whatever else a file holds is refused in one line."""

from __future__ import annotations

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from tests.backends.llama.gguf_files import write_tiny
from tokenworth.backends.llama import file as module
from tokenworth.backends.llama.file import read_gguf
from tokenworth.backends.llama.settings import EXACT, HALF, cache_bytes, settings_for
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError


def test_sizes_of_types_are_those_of_gguf():
    gguf = pytest.importorskip("gguf")
    known = {int(kind): (int(block), int(size)) for kind, (block, size) in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: size for kind, size in module._BLOCKS.items() if known[kind] != size} == {}


def test_values_and_tensors_are_read(tiny_gguf: Path):
    gguf = pytest.importorskip("gguf")
    read, reader = read_gguf(str(tiny_gguf)), gguf.GGUFReader(tiny_gguf)
    assert (read.architecture, read.context_length, read.n_bytes) == ("llama", 512, tiny_gguf.stat().st_size)
    for name, value in read.metadata.items():
        expected = reader.fields[name].contents()
        assert value == (tuple(expected) if isinstance(expected, list) else expected), name
    assert {one.name: (list(one.shape), one.n_bytes) for one in read.tensors} == {
        one.name: ([int(size) for size in one.shape], int(one.n_bytes)) for one in reader.tensors
    }


def test_the_digest_is_that_of_the_content(tiny_gguf: Path, tmp_path: Path):
    shutil.copy(tiny_gguf, tmp_path / "moved.gguf")
    whole = bytearray(tiny_gguf.read_bytes())
    whole[-1] ^= 1
    (tmp_path / "other.gguf").write_bytes(whole)
    assert read_gguf(str(tmp_path / "moved.gguf")).digest == read_gguf(str(tiny_gguf)).digest
    assert read_gguf(str(tmp_path / "other.gguf")).digest != read_gguf(str(tiny_gguf)).digest


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([("split.count", 3)], "one of 3 parts"),
        ([("llama.pooling_type", 1)], "an embedding model"),
        ([("llama.attention.causal", False)], "an embedding model"),
    ],
)
def test_other_kinds_of_files_are_refused(more: list[tuple[str, object]], told: str, tmp_path: Path):
    with pytest.raises(InvalidInput, match=told):
        read_gguf(str(write_tiny(tmp_path / "tiny.gguf", more=more)))


def test_what_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(MissingFile, match="no such file"):
        read_gguf(str(tmp_path / "none.gguf"))
    for content in (b"", b"GG", b"hello, world", b"GGUF", b"GGUF\x01\0\0\0", b"GGUF\x03\0\0\0" + b"\xff" * 16):
        (tmp_path / "a.gguf").write_bytes(content)
        with pytest.raises(InvalidInput):
            read_gguf(str(tmp_path / "a.gguf"))


def test_cut_and_damaged_heads_are_read_or_refused(tiny_gguf: Path, tmp_path: Path):
    whole, rng = tiny_gguf.read_bytes(), random.Random(1)
    head = len(whole) - read_gguf(str(tiny_gguf)).n_weights * 4
    place = tmp_path / "a.gguf"
    for _ in range(60):
        place.write_bytes(whole[: rng.randrange(4, len(whole) - 64)])
        with pytest.raises(InvalidInput, match="cut off"):
            read_gguf(str(place))
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(4, head)] = rng.choice((0, 1, 255, rng.randrange(256)))
        place.write_bytes(damaged)
        with contextlib.suppress(TokenworthError):
            read_gguf(str(place))


def test_slots_and_context_are_what_memory_allows(tiny_gguf: Path):
    file = read_gguf(str(tiny_gguf))
    each = cache_bytes(file, EXACT)
    assert each == 5 * 2 * (32 + 32) * 4 and cache_bytes(file, HALF) * 2 == each
    assert settings_for(file, free=1 << 34).slots == 16
    assert (settings_for(file, free=1 << 34).context, settings_for(file, free=1 << 34).threads) == (512, 1)
    assert settings_for(file, free=file.n_bytes + 4 * each * 512 * 3).slots == 3
    few = settings_for(file, slots=2, free=file.n_bytes + 4 * each * 600)
    assert (few.slots, few.context) == (2, 300)
    with pytest.raises(InvalidInput, match=r"needs 4 MiB of memory, and .* for each slot of 256 tokens; 5 MiB are free"):
        settings_for(file, free=file.n_bytes + (1 << 20))
