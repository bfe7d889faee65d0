"""Tokenizer files without a model: what is read, what it means, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, processors

import tokenworth
from tokenworth.backends.tokenizer.files import FILES, load_tokenizer
from tokenworth.backends.tokenizer.prompt import render_prompt
from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError

TINY = Path(tokenworth.__file__).parent / "assets" / "tiny"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The bundled model's tokenizer files, to be changed."""
    for name in FILES:
        if (TINY / name).is_file():
            (tmp_path / name).write_bytes((TINY / name).read_bytes())
    return tmp_path


def edit(folder: Path, name: str, **changes: Any) -> Path:
    file = folder / name
    value = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    value.update(changes)
    file.write_text(json.dumps({key: item for key, item in value.items() if item is not ...}), encoding="utf-8")
    return folder


def refusal(path: str | Path) -> TokenworthError:
    with pytest.raises(TokenworthError) as caught:
        load_tokenizer(str(path))
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_bundled_model() -> None:
    files = load_tokenizer(str(TINY))
    assert files.eos_ids == (2,) and files.vocab_size == 972 and isinstance(files.codec, Codec)
    assert files.special_tokens == {"eos_token": "<|end|>", "pad_token": "<|end|>"}
    assert files.convert_ids_to_tokens(3) == "<think>" and files.convert_ids_to_tokens(972) is files.convert_ids_to_tokens(-1) is None
    assert files.vocabulary["</think>"] == 4 and files.encode("hi") == (76, 77)
    assert render_prompt(files, "hi") == ("<|user|>hi<|end|><|assistant|><think>", (0, 76, 77, 2, 1, 3))
    assert files.digest == "b03aaaf6553a9e556a45f3f9a97e3b486e4ea2d7c4f0d7df56794aee5a407782"


def test_a_served_model_gets_the_same_prompt_as_a_local_one() -> None:
    """Ids, text, stop ids and pieces, for the bundled model and for one whose template switches on."""
    if "TOKENWORTH_REQUIRE_ALL" not in os.environ:
        pytest.importorskip("torch", reason="torch is not installed (extra: local)")
        pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")
    from tests.backends.local.local_models import folder_of
    from tokenworth.backends.local.load import load_local

    for path in (TINY, folder_of("llama")):
        files, local = load_tokenizer(str(path)), load_local(str(path))
        assert files.eos_ids == local.eos_ids and files.vocab_size == local.codec.vocab_size
        assert files.special_tokens == local.model.tokenizer.special_tokens_map
        for text in ("hi", "", "Is 7 prime?\n(A) yes <think>é 🦊 <|end|>", "  x\r\n"):
            assert render_prompt(files, text) == local.render_prompt(text)
            whole = local.render_prompt(text, allow_control=True)
            assert render_prompt(files, text, allow_control=True) == whole
            stock = local.model.tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=False
            )
            assert list(whole[1]) == stock
        ids = tuple(range(files.vocab_size))
        assert files.codec.piece_bytes(ids) == local.codec.piece_bytes(ids)


def test_thinking_is_switched_on_unless_told_otherwise(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ enable_thinking is defined and enable_thinking }}/{{ thinking }}", encoding="utf-8")
    files = load_tokenizer(str(folder))
    assert [render_prompt(files, "x", s)[0] for s in (THINKING_ON, THINKING_OFF, {})] == ["True/True", "False/False", "False/"]
    assert render_prompt(files, "x")[0] == "True/True"


def test_the_template_file_wins_and_of_several_the_default(folder: Path) -> None:
    edit(folder, "tokenizer_config.json", chat_template=[{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}])
    assert render_prompt(load_tokenizer(str(folder)), "x")[0] == "d"
    (folder / "chat_template.jinja").write_bytes(b"file\r\n{{ messages[0].content }}")
    assert render_prompt(load_tokenizer(str(folder)), "x")[0] == "file\nx"
    (folder / "chat_template.jinja").write_text("{{ strftime_now('%Y') }}", encoding="utf-8")
    assert render_prompt(load_tokenizer(str(folder), now=lambda: datetime(1999, 1, 1, tzinfo=UTC)), "x")[0] == "1999"


def test_without_a_template_the_tokenizers_own_tokens_are_added(folder: Path) -> None:
    edit(folder, "tokenizer_config.json", chat_template=...)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<|user|> $A", special_tokens=[("<|user|>", 0)])
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    files = load_tokenizer(str(folder))
    assert files.template is None and render_prompt(files, "hi") == ("<|user|>hi", (0, 76, 77))
    assert files.codec.encode("hi") == files.codec.encode_whole("hi") == (76, 77)
    with pytest.raises(InvalidInput, match="surrogate"):
        render_prompt(files, "a\ud800")


def test_stop_ids_are_all_that_the_files_name(folder: Path) -> None:
    edit(folder, "generation_config.json", eos_token_id=[7, 2])
    edit(folder, "config.json", eos_token_id=9)
    assert load_tokenizer(str(folder)).eos_ids == (2, 7, 9)
    edit(folder, "config.json", text_config={"eos_token_id": 11})
    assert load_tokenizer(str(folder)).eos_ids == (2, 7, 11)
    edit(folder, "tokenizer_config.json", eos_token={"content": "<think>", "lstrip": False})
    assert load_tokenizer(str(folder)).eos_ids == (2, 3, 7, 11)
    for name in ("generation_config.json", "config.json"):
        (folder / name).unlink()
    assert load_tokenizer(str(folder)).eos_ids == (3,)
    edit(folder, "tokenizer_config.json", eos_token="not in the vocabulary")
    assert load_tokenizer(str(folder)).eos_ids == ()


def test_special_tokens_by_name(folder: Path) -> None:
    edit(
        folder,
        "tokenizer_config.json",
        bos_token={"content": "<|user|>"},
        unk_token=None,
        add_bos_token=True,
        extra_special_tokens={"image": "<i>"},
    )
    edit(folder, "special_tokens_map.json", eos_token={"content": "</think>"})
    tokens = {"bos_token": "<|user|>", "eos_token": "</think>", "pad_token": "<|end|>", "image": "<i>"}
    assert load_tokenizer(str(folder)).special_tokens == tokens
    edit(folder, "tokenizer_config.json", added_tokens_decoder={})
    assert load_tokenizer(str(folder)).special_tokens == {**tokens, "eos_token": "<|end|>"}


def test_the_digest_changes_with_every_part(folder: Path) -> None:
    seen = [load_tokenizer(str(folder)).digest]
    assert seen[0] == load_tokenizer(str(TINY)).digest
    for change in ({"name": "generation_config.json", "eos_token_id": 3}, {"name": "tokenizer_config.json", "bos_token": "<s>"}):
        seen.append(load_tokenizer(str(edit(folder, change.pop("name"), **change))).digest)
    (folder / "chat_template.jinja").write_text("x", encoding="utf-8")
    seen.append(load_tokenizer(str(folder)).digest)
    with (folder / "tokenizer.json").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    seen.append(load_tokenizer(str(folder)).digest)
    edit(folder, "tokenizer_config.json", model_max_length=7)
    assert len(set(seen)) == 5 and load_tokenizer(str(folder)).digest == seen[-1]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tokenizer.json", b"{", "not a tokenizer"),
        ("tokenizer.json", b"[" * 100_000, "not a tokenizer"),
        ("tokenizer.json", b"\xff", "not a tokenizer"),
        ("tokenizer.json", b"{}", "not a tokenizer"),
        ("tokenizer.json", b'{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "x"}}', "not a tokenizer"),
        ("tokenizer_config.json", b"{", "not JSON"),
        ("tokenizer_config.json", b"[" * 100_000, "not JSON"),
        ("tokenizer_config.json", b"\xff\xfe\x00", "not JSON"),
        ("tokenizer_config.json", b"[]", "expected an object"),
        ("tokenizer_config.json", b'{"bos_token": 3}', "special token 'bos_token'"),
        ("tokenizer_config.json", b'{"bos_token": {"content": null}}', "special token 'bos_token'"),
        ("tokenizer_config.json", b'{"chat_template": 3}', "no chat_template named 'default'"),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "rag", "template": "x"}]}', "no chat_template named 'default'"),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "default", "template": 3}]}', "expected a text"),
        ("special_tokens_map.json", b"3", "expected an object"),
        ("chat_template.jinja", b"\xff", "not UTF-8"),
        ("config.json", b"null", "expected an object"),
        ("config.json", b'{"eos_token_id": "2"}', "eos_token_id"),
        ("generation_config.json", b'{"eos_token_id": [2, true]}', "eos_token_id"),
        ("generation_config.json", b'{"eos_token_id": -1}', "eos_token_id"),
    ],
)
def test_damaged_files(folder: Path, name: str, content: bytes, words: str) -> None:
    (folder / name).write_bytes(content)
    error = refusal(folder)
    assert isinstance(error, InvalidInput) and words in str(error) and len(str(error)) < 600


def test_a_tokenizer_that_panics_is_refused(folder: Path) -> None:
    piece = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [], "special_tokens": {}}
    assert "not a tokenizer" in str(refusal(edit(folder, "tokenizer.json", post_processor=piece)))


def test_places_without_a_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    error = refusal(tmp_path)
    assert isinstance(error, MissingFile) and "no tokenizer.json" in str(error) and "save_pretrained" in str(error)
    for path in (
        tmp_path / "nowhere",
        "tiny",
        "a/b/c",
        "./x",
        "someone/not-here-at-all",
        "hf:someone/not-here-at-all",
        "hf:a name",
        "a b/c?",
    ):
        assert isinstance(refusal(path), MissingFile), path


def test_hub_names_fetch_tokenizer_files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def snapshot(name: str, **arguments: Any) -> str:
        asked.append((name, arguments))
        return str(TINY)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert load_tokenizer("hf:owner/name").eos_ids == load_tokenizer("owner/name").eos_ids == (2,)
    assert asked == [("owner/name", {"allow_patterns": list(FILES)})] * 2
    assert not any(name.endswith((".safetensors", ".bin", ".py")) for name in FILES)


def test_torch_and_transformers_stay_unloaded() -> None:
    code = (
        "import sys; from tokenworth.backends.tokenizer import files, prompt, safe_cuts; "
        f"files.load_tokenizer({str(TINY)!r}); print(sorted({{'torch', 'transformers', 'huggingface_hub'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
