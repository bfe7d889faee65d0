"""Trace formats: told from real templates and from vocabularies."""

from __future__ import annotations

import pytest

from tests.real_data import shared
from tokenworth.core.formats import FORMATS, detect_format, exit_text, exit_texts, format_named
from tokenworth.core.problem import AnswerKind
from tokenworth.errors import UnknownName


def test_formats_are_consistent() -> None:
    for trace_format in FORMATS.values():
        assert exit_text(trace_format, AnswerKind.OPTION) == trace_format.exit
        if trace_format.name == "maze":  # a plan follows its mark at once, whatever is asked
            assert exit_text(trace_format, AnswerKind.PLAN) == exit_text(trace_format, AnswerKind.NUMERIC) == trace_format.close
        else:
            assert exit_text(trace_format, AnswerKind.NUMERIC) + "(" == trace_format.exit
        for kind in AnswerKind:
            first, *others = exit_texts(trace_format, kind)
            assert first == exit_text(trace_format, kind) and first not in others
            assert all(one.lstrip("\n").startswith(trace_format.close.lstrip("\n")) for one in others)
            assert len(set(others)) == len(others) and bool(others) is (trace_format.name != "maze")
    assert format_named("think").exit == "</think>\n\nThe answer is ("
    assert format_named("tiny").exit == "</think> The answer is ("
    assert format_named("plain").exit == "\n\nThe answer is ("
    with pytest.raises(UnknownName, match="did you mean think"):
        format_named("thnk")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("Qwen-Qwen3-0.6B", "qwen"),
        ("Qwen3.5-4B", "qwen"),
        ("Qwen-QwQ-32B", "think"),
        ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "think"),
        ("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "think"),
        ("llama-cpp-deepseek-r1", "think"),
        ("StepFun3.5-Flash", "think-line"),
        ("HuggingFaceTB-SmolLM3-3B", "think-line"),
        ("deepseek-ai-DeepSeek-V3.1", "deepseek-v3"),
        ("deepseek-ai-DeepSeek-V3.2", "deepseek-v3"),
        ("GLM-4.6", "glm"),
        ("GLM-4.7-Flash", "glm-4.7"),
        ("Kimi-K2-Thinking", "kimi"),
        ("openai-gpt-oss-120b", "harmony"),
        ("mistralai-Ministral-3-14B-Reasoning-2512", "mistral"),
        ("ByteDance-Seed-OSS", "seed"),
        ("Apriel-1.6-15b-Thinker-fixed", "apriel"),
        ("ibm-granite-granite-3.3-2B-Instruct", "granite"),
        ("Qwen-Qwen2.5-7B-Instruct", "plain"),
        ("microsoft-Phi-3.5-mini-instruct", "plain"),
        ("mistralai-Mistral-Nemo-Instruct-2407", "plain"),
        ("moonshotai-Kimi-K2", "plain"),
        ("MiMo-VL", "plain"),
    ],
)
def test_formats_of_real_templates(template: str, name: str) -> None:
    text = shared("chat-templates", f"{template}.jinja").read_text(encoding="utf-8")
    assert detect_format(text).name == name


def test_formats_of_vocabularies() -> None:
    tiny = {word: i for i, word in enumerate(("<|user|>", "<|assistant|>", "<|end|>", "<think>", "</think>"))}
    assert detect_format(tiny).name == "tiny"
    assert detect_format([*tiny, "<|system|>"]).name == "think"
    assert detect_format({"<|im_start|>": 0, "<think>": 1, "</think>": 2}).name == "think"
    assert detect_format({"<|channel|>", "<|message|>", "<|start|>"}.__contains__).name == "harmony"
    assert detect_format({"a": 0}).name == "plain"


@pytest.mark.parametrize(
    ("name", "lead", "gap"),
    [
        ("think", "", "\n\n"),
        ("qwen", "\n", "\n\n"),
        ("think-line", "\n", "\n"),
        ("glm", "", "\n"),
        ("glm-4.7", "", ""),
        ("kimi", "", ""),
        ("deepseek-v3", "", ""),
        ("seed", "", "\n"),
        ("apriel", "", "\n"),
    ],
)
def test_what_stands_around_the_close_marker(name: str, lead: str, gap: str) -> None:
    """What each family's template writes there; `test_chat_templates` checks it against renderings."""
    trace_format = format_named(name)
    assert trace_format.exit == f"{lead}{trace_format.close}{gap}The answer is ("


def test_harmony_markers_are_those_of_rendered_conversations() -> None:
    text = shared("chat-templates", "harmony-rendered", "test_keep_analysis_between_finals.txt").read_text(encoding="utf-8")
    harmony = format_named("harmony")
    assert harmony.open in text and harmony.close in text
