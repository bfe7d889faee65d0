"""Chat templates of real models: byte-equal to transformers' renderings, pinned by hash, and fitting the trace formats."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from tests.real_data import shared
from tokenworth.backends.tokenizer.template import THINKING_OFF, THINKING_ON, ChatTemplate
from tokenworth.core.formats import OPTION_LEAD, detect_format, format_named
from tokenworth.errors import InvalidInput

NOW = datetime(2025, 6, 28, 12, 0, 0, tzinfo=UTC)
SPECIAL = {"bos_token": "<BOS>", "eos_token": "<EOS>"}
USER = {"role": "user", "content": "What is 2 + 2? <é> “7”\n "}
SYSTEM = {"role": "system", "content": "Be brief."}
ASSISTANT = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nFour."}
CHATS = {
    "user": [USER],
    "system": [SYSTEM, USER],
    "turns": [USER, ASSISTANT, {"role": "user", "content": "And 3?"}],
    "answered": [USER, ASSISTANT],
}
SWITCHES = {"on": THINKING_ON, "off": THINKING_OFF, "unset": {}}
CASES = [(chat, switch, prompt) for chat in CHATS for switch in SWITCHES for prompt in (True, False)]

# Template -> trace format, and what the prompt of one user turn ends in with the switch on, off and unset.
_QWEN, _CLOSED = "<|im_start|>assistant\n", "<think>\n\n</think>\n"
TEMPLATES: dict[str, tuple[str, ...]] = {
    "Apriel-1.6-15b-Thinker-fixed": ("apriel", *("\n<|begin_assistant|>\nHere are my reasoning steps:\n",) * 3),
    "ByteDance-Seed-OSS": ("seed", *("<seed:bos>assistant\n",) * 3),
    "GLM-4.6": ("glm", " <|assistant|>", " /nothink<|assistant|>\n<think></think>", " <|assistant|>"),
    "GLM-4.7-Flash": ("glm-4.7", "<|assistant|><think>", "<|assistant|></think>", "<|assistant|><think>"),
    "HuggingFaceTB-SmolLM3-3B": ("think-line", _QWEN, f"{_QWEN}{_CLOSED}", _QWEN),
    "Kimi-K2-Thinking": ("kimi", *("<|im_assistant|>assistant<|im_middle|>",) * 3),
    "MiMo-VL": ("plain", *(_QWEN,) * 3),
    "Qwen-QwQ-32B": ("think", f"{_QWEN}<think>\n", f"{_QWEN}<think>\n</think>", f"{_QWEN}<think>\n</think>"),
    "Qwen-Qwen2.5-7B-Instruct": ("plain", *(_QWEN,) * 3),
    "Qwen-Qwen3-0.6B": ("qwen", _QWEN, f"{_QWEN}{_CLOSED}\n", _QWEN),
    "Qwen3.5-4B": ("qwen", f"{_QWEN}<think>\n", f"{_QWEN}{_CLOSED}\n", f"{_QWEN}<think>\n"),
    "StepFun3.5-Flash": ("think-line", *(f"{_QWEN}<think>\n",) * 3),
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": ("think", *("<｜Assistant｜><think>\n",) * 3),
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": (
        *("think", "<｜Assistant｜><think>\n"),
        *("<｜Assistant｜><think>\n</think>",) * 2,
    ),
    "deepseek-ai-DeepSeek-V3.1": ("deepseek-v3", "<｜Assistant｜><think>", *("<｜Assistant｜><think></think>",) * 2),
    "deepseek-ai-DeepSeek-V3.2": ("deepseek-v3", "<｜Assistant｜><think>", *("<｜Assistant｜><think></think>",) * 2),
    "ibm-granite-granite-3.3-2B-Instruct": ("granite", *("<|start_of_role|>assistant<|end_of_role|>",) * 3),
    "llama-cpp-deepseek-r1": ("think", *("<｜Assistant｜><think>\n",) * 3),
    "microsoft-Phi-3.5-mini-instruct": ("plain", *("<|assistant|>\n",) * 3),
    "mistralai-Ministral-3-14B-Reasoning-2512": ("mistral", *(" [/INST]",) * 3),
    "mistralai-Mistral-Nemo-Instruct-2407": ("plain", *(" [/INST]",) * 3),
    "moonshotai-Kimi-K2": ("plain", *("<|im_assistant|>assistant<|im_middle|>",) * 3),
    "openai-gpt-oss-120b": ("harmony", *("<|start|>assistant",) * 3),
}
GOLDEN: dict[str, str] = {
    "Apriel-1.6-15b-Thinker-fixed": "f3f8eadbe52348686d2c13dc2cdccf46",
    "ByteDance-Seed-OSS": "89401ec8f9571ffe95c4f46e236f87c2",
    "GLM-4.6": "a77e97ed0a4309be1c71c96aa26b95a7",
    "GLM-4.7-Flash": "45aa6bf64542d8c89ddfc46254be631f",
    "HuggingFaceTB-SmolLM3-3B": "ba0c493e2f7c681d4c6fbb0d6a0a1831",
    "Kimi-K2-Thinking": "822d03398d36ee15ca84c102bd6993ce",
    "MiMo-VL": "7293fd234fd51bcf77581da77d70618b",
    "Qwen-QwQ-32B": "91930488dbaff1f5dd07fe9505647949",
    "Qwen-Qwen2.5-7B-Instruct": "ef2904ea974fc9df534ab50b2f5687c7",
    "Qwen-Qwen3-0.6B": "ecc1a56a1763644ed7d0cf6ab559fc01",
    "Qwen3.5-4B": "4edec0e51cdb0a8225c22aede8a09d05",
    "StepFun3.5-Flash": "b649bea46f0db782658282a0fba77bdb",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "05cfc573eac103f74a05e2cb90ede534",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "15b0cc79f10357a01d1416bc6ce421eb",
    "deepseek-ai-DeepSeek-V3.1": "bdf2a8385d1ae7a56f79ca4dc2eaf88e",
    "deepseek-ai-DeepSeek-V3.2": "38046aa23eedc0680f4b445d41762c39",
    "ibm-granite-granite-3.3-2B-Instruct": "0c9c3232e44ae44ac2140ca73fe1a102",
    "llama-cpp-deepseek-r1": "d0211c07fcebfc9c4506df66d5f45924",
    "microsoft-Phi-3.5-mini-instruct": "578aa4ef2e640feaf2f67684092a20ff",
    "mistralai-Ministral-3-14B-Reasoning-2512": "52c5fa4d042eee443ee3c99e9b10fd02",
    "mistralai-Mistral-Nemo-Instruct-2407": "881c9236de1f288163aa314fda4fa9b2",
    "moonshotai-Kimi-K2": "76de6fd38d29957980bda1dcc1ce1c31",
    "openai-gpt-oss-120b": "7700037d348225c751a4ac6a1ee61dd9",
}

_PARTS = [{"type": "thinking", "thinking": "TRACE"}, {"type": "text", "text": "ANSWER"}]
# How each template is given a finished trace; what it writes then must hold the format's exit text up to the answer.
FINISHED: dict[str, tuple[dict[str, Any], str]] = {
    "Apriel-1.6-15b-Thinker-fixed": ({"reasoning_content": "TRACE"}, "on"),
    "ByteDance-Seed-OSS": ({"reasoning_content": "TRACE"}, "on"),
    "GLM-4.6": ({"reasoning_content": "TRACE"}, "on"),
    "GLM-4.7-Flash": ({"reasoning_content": "TRACE"}, "on"),
    "HuggingFaceTB-SmolLM3-3B": ({}, "off"),
    "Kimi-K2-Thinking": ({}, "on"),
    "Qwen-Qwen3-0.6B": ({"reasoning_content": "TRACE"}, "on"),
    "Qwen3.5-4B": ({"reasoning_content": "TRACE"}, "on"),
    "StepFun3.5-Flash": ({"reasoning_content": "TRACE"}, "on"),
    "deepseek-ai-DeepSeek-V3.1": ({}, "off"),
    "deepseek-ai-DeepSeek-V3.2": ({"reasoning_content": "TRACE"}, "on"),
    "mistralai-Ministral-3-14B-Reasoning-2512": ({"content": _PARTS}, "on"),
    "openai-gpt-oss-120b": ({"thinking": "TRACE"}, "on"),
}


def source(name: str) -> str:
    return shared("chat-templates", f"{name}.jinja").read_text(encoding="utf-8")


@cache
def template(name: str) -> ChatTemplate:
    return ChatTemplate(source(name), SPECIAL, now=lambda: NOW)


def rendered(name: str, chat: str, switch: str, prompt: bool) -> str:
    try:
        return template(name).render(CHATS[chat], switches=SWITCHES[switch], add_generation_prompt=prompt)
    except InvalidInput as error:
        return f"refused: {error}"


def test_the_table_names_every_template() -> None:
    folder = shared("chat-templates", "README.md").parent
    assert {path.stem for path in folder.glob("*.jinja")} == set(TEMPLATES) == set(GOLDEN)


@pytest.fixture
def transformers_renderer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """transformers' own renderer with the clock of these tests."""
    if "TOKENWORTH_REQUIRE_ALL" not in os.environ:
        pytest.importorskip("transformers", reason="transformers is not installed (extra: local)")
    from transformers.utils import chat_template_utils

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW

    monkeypatch.setattr(chat_template_utils, "datetime", Clock)
    return chat_template_utils.render_jinja_template


@pytest.mark.parametrize("name", TEMPLATES)
def test_renders_as_transformers_does(name: str, transformers_renderer: Any) -> None:
    """Byte by byte, and where one refuses the other does, for the same reason."""
    for chat, switch, prompt in CASES:
        arguments: Any = {"chat_template": source(name), "add_generation_prompt": prompt, **SPECIAL, **SWITCHES[switch]}
        try:
            theirs = transformers_renderer([CHATS[chat]], **arguments)[0][0]
        except Exception as error:  # noqa: BLE001  (whatever it refuses with)
            theirs = f"refused: the chat template fails: {str(error).splitlines()[0]}"
        assert rendered(name, chat, switch, prompt) == theirs, (chat, switch, prompt)


@pytest.mark.parametrize("name", TEMPLATES)
def test_renderings_are_what_they_were(name: str) -> None:
    whole = "\x1e".join(rendered(name, *case) for case in CASES)
    assert hashlib.sha256(whole.encode()).hexdigest()[:32] == GOLDEN[name]


@pytest.mark.parametrize("name", TEMPLATES)
def test_prompts_end_as_the_table_says_and_fit_the_format(name: str) -> None:
    trace_format, *tails = TEMPLATES[name]
    found = detect_format(source(name))
    assert found.name == trace_format
    for switch, tail in zip(SWITCHES, tails, strict=True):
        text = rendered(name, "user", switch, True)
        bare = text.removesuffix(tail)
        assert bare + tail == text and "2 + 2?" in bare, (switch, text[-60:])
        # With thinking on, the prompt never ends behind a close marker: the model still has its trace to write.
        if switch == "on" and found.close:
            assert found.close not in text[len(bare) :]


@pytest.mark.parametrize("name", FINISHED)
def test_exit_texts_are_what_templates_write_before_an_answer(name: str) -> None:
    message, switch = FINISHED[name]
    chat = [USER, {"role": "assistant", "content": "ANSWER", **message}]
    text = template(name).render(chat, switches=SWITCHES[switch], add_generation_prompt=False)
    assert detect_format(source(name)).exit.removesuffix(OPTION_LEAD) + "ANSWER" in text, text[-120:]


def test_a_fixed_clock_pins_the_prompt() -> None:
    text = template("openai-gpt-oss-120b").render([USER], switches=THINKING_ON)
    assert "Current date: 2025-06-28" in text
    later = ChatTemplate(source("openai-gpt-oss-120b"), now=lambda: datetime(2031, 1, 2, tzinfo=UTC))
    assert "Current date: 2031-01-02" in later.render([USER], switches=THINKING_ON)


HARMONY_USER = {"role": "user", "content": "What is 2 + 2?"}
CAPITAL = {"role": "user", "content": "What is the capital of the largest country in the world?"}
TURNS = [
    HARMONY_USER,
    {"role": "assistant", "thinking": "Easy.", "content": "2 + 2 equals 4."},
    {"role": "user", "content": "What about 9 / 2?"},
]
KEPT = [
    *(HARMONY_USER, {"role": "assistant", "content": "4"}),
    *({"role": "user", "content": "What is 3 + 5?"}, {"role": "assistant", "thinking": "thinking 3+5", "content": "8"}),
]


def harmony(name: str) -> str:
    return shared("chat-templates", "harmony-rendered", f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize(
    ("file", "messages", "switches"),
    [
        ("test_simple_convo", [HARMONY_USER], {}),
        ("test_simple_convo_low_effort_no_instruction", [CAPITAL], {"reasoning_effort": "low"}),
        ("test_simple_convo_medium_effort_no_instruction", [CAPITAL], {"reasoning_effort": "medium"}),
        ("test_simple_convo_high_effort_no_instruction", [CAPITAL], {"reasoning_effort": "high"}),
    ],
)
def test_harmony_conversations_of_openai(file: str, messages: list[Any], switches: dict[str, str]) -> None:
    """OpenAI's renderer leaves the date out of these; the template always writes it."""
    text = template("openai-gpt-oss-120b").render(messages, switches=switches)
    assert text.replace("Current date: 2025-06-28\n", "") == harmony(file)


def test_harmony_system_message_and_turns_of_openai() -> None:
    renderer = template("openai-gpt-oss-120b")
    turn = "<|start|>user<|message|>What is 2 + 2?<|end|>"
    assert renderer.render([HARMONY_USER], switches={}).replace(turn, "") == harmony("test_no_tools")
    from_user = renderer.render(TURNS, switches={})
    assert from_user[from_user.index("<|start|>user") :] == harmony("test_dropping_cot_by_default")
    kept = renderer.render(KEPT, switches={}, add_generation_prompt=False)
    assert kept[kept.index("<|start|>user") :].replace("<|return|>", "<|end|>") == harmony("test_keep_analysis_between_finals")


def test_harmony_markers_split_openais_conversations() -> None:
    markers = format_named("harmony")
    for file in ("test_keep_analysis_between_finals", "test_preserve_cot"):
        before, _, rest = harmony(file).partition(markers.open)
        trace, close, answer = rest.partition(markers.close)
        assert before.endswith("<|start|>assistant") and close and "<|" not in trace and answer
    # A trace that goes on to call a tool has no final channel: it is not taken for an answer.
    assert harmony("test_streamable_parser").startswith(markers.open) and markers.close not in harmony("test_streamable_parser")
    # The same as ids of the o200k vocabulary: channel 200005, message 200008, start 200006 ("analysis" 35644, "final" 17196).
    ids = [int(i) for i in harmony("test_simple_reasoning_response").split()]
    assert ids[:3] == [200005, 35644, 200008]
    assert [ids[i + 2 : i + 5] for i, token in enumerate(ids) if token == 200006] == [[200005, 17196, 200008]]
