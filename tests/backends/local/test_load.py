"""Loading: what is refused and how, the fingerprint, prompts, and the self-check."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.backends.local.architectures import CONTEXT, REFUSED, REFUSED_WHEN_LOADED
from tests.backends.local.local_models import TEMPLATE, backend_of, folder_of, save_model
from tokenworth import catalog
from tokenworth.backends.local.attention import NAME, ForwardPass, under_way
from tokenworth.backends.local.doctor import self_check
from tokenworth.backends.local.load import load_local
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError, Unsupported


def copy_of(architecture: str, target: Path) -> Path:
    return Path(shutil.copytree(folder_of(architecture), target / "model"))


def edit(folder: Path, **changes: Any) -> Path:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return folder


def refusal(path: str | Path, **arguments: Any) -> TokenworthError:
    with pytest.raises(TokenworthError) as caught:
        load_local(str(path), **arguments)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("config_class", "overrides", "words"), REFUSED, ids=[f"{c}-{i}" for i, (c, _, _) in enumerate(REFUSED)])
def test_unsupported_attention_is_refused_by_name(tmp_path: Path, config_class: str, overrides: dict[str, Any], words: str):
    """The config decides, so no weights are needed."""
    small = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3, "vocab_size": 320}
    config = getattr(transformers, config_class)(**{**small, "max_position_embeddings": CONTEXT, **overrides})
    config.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    error = refusal(tmp_path)
    assert isinstance(error, Unsupported)
    assert re.search(words, str(error)), str(error)


@pytest.mark.parametrize(("config_class", "overrides", "words"), REFUSED_WHEN_LOADED, ids=[c for c, _, _ in REFUSED_WHEN_LOADED])
def test_what_the_config_does_not_show_is_refused_when_loaded(tmp_path: Path, config_class: str, overrides: dict[str, Any], words: str):
    error = refusal(save_model(tmp_path, config_class, overrides))
    assert isinstance(error, Unsupported)
    assert str(error).startswith(words), str(error)


def test_the_probe_catches_what_no_rule_names(monkeypatch: pytest.MonkeyPatch):
    """A model whose attention is not plain causal softmax attention is refused even if its config looks right."""
    attention = transformers.models.llama.modeling_llama
    original = attention.eager_attention_forward

    def twisted(module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **kwargs: Any) -> Any:
        return original(module, query, key, value, mask, scaling * 1.5, **kwargs)

    monkeypatch.setattr(attention, "eager_attention_forward", twisted)
    error = refusal(folder_of("llama"))
    assert isinstance(error, Unsupported) and "shared-prefix logits differ from the model's own by" in str(error)


def test_attention_extras_are_refused():
    """An argument that is not known to change nothing is refused by name, and so is attention outside a step of the engine."""
    backend = backend_of("llama")
    function = transformers.AttentionInterface()[NAME]
    module = backend.model.model.model.layers[0].self_attn
    x = torch.zeros(1, 4, 1, 16)
    with under_way(ForwardPass()):
        for extra in ("head_mask", "position_bias", "anything_new"):
            with pytest.raises(Unsupported, match=extra):
                function(module, x, x, x, None, **{extra: x})
    with pytest.raises(Unsupported, match="outside a step"):
        function(module, x, x, x, None)


def test_places_that_hold_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert isinstance(refusal(tmp_path / "nowhere"), MissingFile)
    assert "no config.json" in str(refusal(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert "no model.safetensors" in str(refusal(tmp_path))
    assert isinstance(refusal("someone/some-model-that-is-not-here"), MissingFile)
    assert isinstance(refusal("a name with spaces"), MissingFile)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert isinstance(refusal(tmp_path), Unsupported)


def test_damaged_files(tmp_path: Path):
    folder = copy_of("llama", tmp_path)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert "weights cannot be loaded" in str(refusal(folder))
    weights.write_bytes(whole)
    assert "missing keys" in str(refusal(edit(folder, num_hidden_layers=4)))
    edit(folder, num_hidden_layers=3)
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    assert "not a tokenizer" in str(refusal(folder))
    (folder / "config.json").write_text("{", encoding="utf-8")
    assert isinstance(refusal(folder), TokenworthError)


def test_own_code_is_never_run(tmp_path: Path):
    folder = edit(copy_of("llama", tmp_path), model_type="mine", auto_map={"AutoConfig": "code.Mine", "AutoModelForCausalLM": "code.Model"})
    (folder / "code.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    assert isinstance(refusal(folder), Unsupported)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dtype": "int8"}, "float32, bfloat16"),
        ({"batch": 0}, "at least 1"),
        ({"device": "abacus"}, "cpu, cuda"),
        ({"device": "meta"}, "cpu, cuda"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str):
    error = refusal(folder_of("llama"), **arguments)
    assert isinstance(error, InvalidInput) and words in str(error)


def test_shards_are_found_and_missing_ones_named(tmp_path: Path):
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder_of("llama"))
    folder = copy_of("llama", tmp_path)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    backend = load_local(str(folder))
    assert len(backend.fingerprint) == 64 and backend.fingerprint != backend_of("llama").fingerprint
    shard = sorted(folder.glob("model-*.safetensors"))[-1]
    shard.unlink()
    assert shard.name in str(refusal(folder))


def test_fingerprint_changes_with_every_part(tmp_path: Path):
    folder = copy_of("llama", tmp_path)
    seen = {load_local(str(folder)).fingerprint}
    assert seen == {backend_of("llama").fingerprint}
    for change in ("weights", "config", "tokenizer", "dtype"):
        if change == "weights":
            tensors = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(tensors[:-1] + bytes([tensors[-1] ^ 1]))
        elif change == "config":
            edit(folder, rms_norm_eps=1e-5)
        elif change == "tokenizer":
            (folder / "chat_template.jinja").write_text(TEMPLATE + " ", encoding="utf-8")
        seen.add(load_local(str(folder), dtype="bfloat16" if change == "dtype" else "float32").fingerprint)
    assert len(seen) == 5


def test_prompts_are_rendered_by_the_template(tmp_path: Path):
    backend = backend_of("llama")
    text, ids = backend.render_prompt("2 + 2?")
    assert text == "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n<think>"
    assert backend.codec.decode(ids) == text and ids[-1] == backend.codec.encode("<think>")[0]
    folder = copy_of("llama", tmp_path)
    (folder / "chat_template.jinja").unlink()
    plain = load_local(str(folder))
    assert plain.render_prompt("2 + 2?")[0] == "2 + 2?"
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no users here') }}", encoding="utf-8")
    with pytest.raises(InvalidInput, match="the chat template fails"):
        load_local(str(folder)).render_prompt("2 + 2?")


def test_properties():
    backend = backend_of("llama")
    assert backend.eos_ids == (1,) and backend.context_length == CONTEXT
    assert backend.capabilities.kinds == set(catalog.REQUESTS) and backend.capabilities.leave


@pytest.mark.parametrize("architecture", ["llama", "gemma3-wide", "gpt2"])
def test_self_check_passes_on_a_sound_model(architecture: str):
    checks = self_check(backend_of(architecture))
    assert [check.name for check in checks if not check.ok] == []
    assert {"cached = uncached", "batch = single", "shared prefix = plain forward", "tokenizer round trip"} <= {c.name for c in checks}


def test_self_check_names_what_is_wrong(tmp_path: Path):
    folder = save_model(tmp_path, "LlamaConfig", {"vocab_size": 300, "eos_token_id": None})
    backend = load_local(str(folder))
    backend.model.tokenizer.eos_token_id = None
    (folder / "generation_config.json").unlink(missing_ok=True)
    backend.model.model.generation_config.eos_token_id = None
    backend.model.tokenizer.add_tokens([f"<extra{i}>" for i in range(40)])
    wide = type(backend.codec)(backend.model.tokenizer)
    backend.model.codec = wide
    failed = {check.name for check in self_check(backend) if not check.ok}
    assert failed == {"stop tokens", "vocabulary"}
