"""Templates, tokenizers and configurations of hostile model folders: one line each, within bounds of memory and processor time."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.hostile.bounded import bounded
from tests.hostile.inputs import DATA, TEMPLATES, TINY, TOKENIZERS, change, model_folder, tokenizer_folder
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.backends.tokenizer.prompt import render_prompt
from tokenworth.backends.tokenizer.template import ChatTemplate
from tokenworth.core.guard import Guard
from tokenworth.errors import InvalidInput
from tokenworth.tasks.load import load_item

_PEAK_MIB = 900
"""Of the guarded process, which may map 512 MiB, or of the one that reads its replies."""


def test_templates(tmp_path: Path) -> None:
    for number, text in enumerate(TEMPLATES.values()):
        change(model_folder(tmp_path / str(number)) / "tokenizer_config.json", chat_template=text)
    for name, ended in zip(TEMPLATES, bounded([["render", str(n), "x"] for n in range(len(TEMPLATES))], tmp_path), strict=True):
        assert "the chat template fails: " in ended.one_line, name
        assert ended.peak_mib < _PEAK_MIB, name


def test_templates_of_prompts(tmp_path: Path) -> None:
    """They are often somebody else's too, and run where chat templates run."""
    calls: list[list[str]] = []
    for number, text in enumerate(TEMPLATES.values()):
        (tmp_path / f"{number}.jinja").write_text(text)
        calls.append(["sample", "--model", "tiny", "--task", "world:steps", "--samples", "1", "--prompt", f"{number}.jinja"])
    for name, ended in zip(TEMPLATES, bounded(calls, tmp_path, room=1 << 30), strict=True):
        assert "template fails: " in ended.one_line, name


def test_the_template_of_a_prompt_runs_in_a_guarded_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenworth.backends.tokenizer import template
    from tokenworth.workbench.prompting import Prompting

    prompting, problem = Prompting(template="{{ question }}|{{ options[0].label }}|{{ instruction }}"), load_item("world:steps", 3)
    here = ChatTemplate("{{ question }}|{{ options[0].label }}|{{ instruction }}").fill(
        {"question": problem.question, "options": [{"label": problem.options[0].label}], "instruction": "I"}
    )

    def never(*_: object) -> None:
        raise AssertionError("it was rendered in this process")

    monkeypatch.setattr(template, "MeteredEnvironment", never)
    assert prompting.asked(problem, "I") == here
    with pytest.raises(InvalidInput, match=r"the prompt of problem .*: template fails: .*(work|memory|time)"):
        Prompting(template="{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}").asked(problem, None)


def test_tokenizers(tmp_path: Path) -> None:
    """Those whose fault shows only on some texts are refused at the text."""
    folders = [tokenizer_folder(tmp_path / str(number), name).name for number, name in enumerate(TOKENIZERS)]
    for name, ended in zip(TOKENIZERS, bounded([["render", folder, DATA] for folder in folders], tmp_path), strict=True):
        assert "tokenizer" in ended.one_line, name
        assert ended.peak_mib < _PEAK_MIB, name


def test_what_a_configuration_adds_to_a_tokenizer_is_tried_too(tmp_path: Path) -> None:
    """transformers puts added tokens through the normalizer, in the process that loads the model."""
    folder = tokenizer_folder(tmp_path / "model", "replace of a rare letter")
    change(folder / "tokenizer_config.json", added_tokens_decoder={"972": {"content": "~" * 1000, "normalized": True}})
    (ended,) = bounded([["render", "model", "harmless"]], tmp_path)
    assert "not a tokenizer" in ended.one_line and ended.peak_mib < _PEAK_MIB


def test_the_process_is_as_good_as_none(tmp_path: Path) -> None:
    """Same ids, same text, same pieces, same clock as in this process."""
    folder = model_folder(tmp_path / "model")
    template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    (folder / "chat_template.jinja").write_text(template + "{{ strftime_now('%Y-%m-%d %H:%M %Z') }}")
    clock = datetime(2031, 5, 6, 7, 8, tzinfo=UTC).astimezone()
    guarded, here = load_tokenizer(str(folder), now=lambda: clock), load_tokenizer(str(TINY))
    assert guarded.template is not None and here.template is not None
    rendered = ChatTemplate(guarded.template.text, here.special_tokens, now=lambda: clock)
    for text in ("hi", "é 🦊 \x00 \\ \" ' {{ 1 }}", "x</think><|end|>", "", "long " * 20_000):
        assert guarded.codec.encode(text) == here.codec.encode(text)
        assert guarded.codec.encode_whole(text) == here.codec.encode_whole(text)
        messages = [{"role": "user", "content": text}]
        assert guarded.template.render(messages, switches={}) == rendered.render(messages, switches={})
        ids = render_prompt(here, text)[1]
        assert render_prompt(guarded, text)[1][: len(ids)] == ids


def test_a_refusal_spoils_nothing(tmp_path: Path) -> None:
    """After a text that killed the process the next one is encoded by a new one."""
    files = load_tokenizer(str(tokenizer_folder(tmp_path / "model", "replace of a rare letter")))
    before = files.codec.encode("hello")
    for _ in range(2):
        with pytest.raises(InvalidInput, match="the tokenizer fails on a text of 100,000 characters"):
            files.codec.encode("~" * 100_000)
        assert files.codec.encode("hello") == before


def _children() -> set[str]:
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def test_no_process_outlives_its_model(tmp_path: Path) -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("no /proc")
    folder, before = model_folder(tmp_path / "model"), _children()
    files = load_tokenizer(str(folder))
    assert len(_children() - before) == 1
    shown = render_prompt(files, "x</think>")
    files.codec.close()
    assert _children() == before and render_prompt(files, "x</think>") == shown
    assert len(_children() - before) == 1
    del files
    assert _children() == before


_WORKER = """
import sys
from tokenworth.core.guarded import serve
def answer(request):
    if request["do"] == "memory":
        return {"n": len("x" * request["n"])}
    if request["do"] == "time":
        while True:
            pass
    if request["do"] == "file":
        with open(sys.argv[0] + ".out", "w") as file:
            file.write("x")
    if request["do"] == "exit":
        raise SystemExit(3)
    return {"n": request["n"]}
serve(answer)
"""


def test_the_limits_of_a_guarded_process(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(_WORKER)
    guard = Guard(program, workers=1, limit_s=1.0, memory=300 << 20)
    try:
        assert guard.call({"do": "answer", "n": 5}) == {"failed": False, "n": 5, "id": 1}
        for do, kind in (("memory", "MemoryError"), ("file", "OSError"), ("exit", "SystemExit")):
            reply = guard.call({"do": do, "n": 10**9})
            assert reply is not None and (reply["failed"], reply["kind"]) == (True, kind)
        assert guard.restarts == 0 and (tmp_path / "worker.py.out").stat().st_size == 0
        before = os.times()
        assert guard.call({"do": "time", "n": 0}) is None
        after = os.times()
        assert guard.restarts == 1 and after.children_user + after.children_system - before.children_user - before.children_system < 20
        assert guard.call({"do": "answer", "n": 6}) is not None
    finally:
        guard.close()


SIZES = {
    "num_hidden_layers": 10**8,
    "num_attention_heads": 10**9,
    "num_key_value_heads": 10**7,
    "n_layer": 10**12,
    "num_local_experts": 10**8,
    "num_labels": 10**9,
    "max_position_embeddings": 10**10,
}


@pytest.mark.parametrize("key", SIZES)
def test_absurd_sizes_are_refused_before_anything_is_built(tmp_path: Path, key: str) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")
    from tokenworth.backends.local.sizes import check_sizes

    folder = model_folder(tmp_path / "model")
    (folder / "model.safetensors").write_bytes((TINY / "model.safetensors").read_bytes())
    check_sizes("m", folder)
    began = time.process_time()
    for config in ({key: SIZES[key]}, {"text_config": {"inner": [{key: float(SIZES[key])}]}}):
        change(folder / "config.json", **config)
        with pytest.raises(InvalidInput, match=f"config.json asks for.*{key}") as caught:
            check_sizes("m", folder)
        assert "\n" not in str(caught.value)
        (folder / "config.json").write_bytes((TINY / "config.json").read_bytes())
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("key", "size"), [("hidden_size", 1 << 17), ("intermediate_size", 10**7), ("vocab_size", 10**9)])
def test_a_model_far_larger_than_its_weights_is_refused_before_it_has_memory(tmp_path: Path, key: str, size: int) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")
    from transformers import AutoConfig

    from tokenworth.backends.local.sizes import check_built

    folder = model_folder(tmp_path / "model")
    (folder / "model.safetensors").write_bytes((TINY / "model.safetensors").read_bytes())
    check_built("m", folder, AutoConfig.from_pretrained(folder))
    change(folder / "config.json", **{key: size})
    with pytest.raises(InvalidInput, match="do not fit"):
        check_built("m", folder, AutoConfig.from_pretrained(folder))


def test_files_that_are_too_long_or_no_files(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "chat_template.jinja"):
        folder = model_folder(tmp_path / name)
        with (folder / name).open("ab") as file:
            file.truncate(1 << 40)  # a hole, which takes no place
        with pytest.raises(InvalidInput, match="longer than") as caught:
            load_tokenizer(str(folder))
        assert name in str(caught.value) and "\n" not in str(caught.value)
    deep = model_folder(tmp_path / "deep")
    (deep / "tokenizer_config.json").write_text("[" * 10**6)
    with pytest.raises(InvalidInput, match="not JSON"):
        load_tokenizer(str(deep))
