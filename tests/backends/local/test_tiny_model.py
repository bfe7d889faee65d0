"""The bundled tiny model: its files, its tokenizer, its format, and its measured behaviour re-measured with loose bounds.

The sampling here is transformers' own ``generate``, not the recipe's loop: an independent check of the card.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenworth
from recipes.tiny.traces import world_trace
from tokenworth.core.problem import question_text
from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.problems import FAMILIES, world_problem

FOLDER = Path(tokenworth.__file__).parent / "assets" / "tiny"
EXIT = "</think> The answer is ("
WELL_FORMED = re.compile(r"(?: [^<>]*)?</think> The answer is \(([A-D])\)\.<\|end\|>")
ANYTHING = st.text() | st.lists(
    st.sampled_from(["(A)", " (C)", "</think>", "<think>", "<|end|>", "<script>", "\n", "\r\n", "  ", "é", "🙂", "７", "12", " 12"])
).map("".join)

_ABSENT = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
needs_torch = pytest.mark.skipif(
    bool(_ABSENT) and "TOKENWORTH_REQUIRE_ALL" not in os.environ, reason=f"not installed: {', '.join(_ABSENT)} (extra: local)"
)


def test_files_match_their_checksums_and_stay_small():
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == {path.name for path in FOLDER.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    assert (FOLDER / "model.safetensors").stat().st_size <= 6_000_000
    assert sums["model.safetensors"] in (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_config_is_stock_and_runs_no_code():
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert "auto_map" not in config and config["tie_word_embeddings"]


@pytest.fixture(scope="module")
def tokenizer():
    transformers = pytest.importorskip("transformers") if "TOKENWORTH_REQUIRE_ALL" not in os.environ else __import__("transformers")
    return transformers.AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


def prompt(tokenizer, problem):
    chat = [{"role": "user", "content": question_text(problem)}]
    return tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)


@needs_torch
@settings(max_examples=300, deadline=None)
@given(text=ANYTHING)
def test_every_text_round_trips(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@needs_torch
def test_template_and_single_tokens(tokenizer):
    problem = world_problem("steps", 0)
    text = prompt(tokenizer, problem)
    assert text == f"<|user|>{question_text(problem)}<|end|><|assistant|><think>"
    for label in "ABCDEFGH":
        for before in (EXIT, "So it is 3, (", "\n("):
            ids = tokenizer.encode(f"{before}{label}", add_special_tokens=False)
            assert ids[-1] == tokenizer.convert_tokens_to_ids(label) and ids[:-1] == tokenizer.encode(before, add_special_tokens=False)
    for number in range(100):
        assert len(tokenizer.encode(f" {number}", add_special_tokens=False)) == 1
    assert tokenizer.convert_ids_to_tokens(tokenizer.eos_token_id) == "<|end|>"


@needs_torch
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_of_a_whole_are_the_tokens_of_its_parts(tokenizer, family):
    # A trace that is stopped and closed has the ids that training showed.
    for index in range(50):
        parts = (
            prompt(tokenizer, world_problem(family, index)),
            " " + world_trace(family, index, KeyedDraws("t")).text,
            EXIT,
            "C).<|end|>",
        )
        ids = [token for part in parts for token in tokenizer.encode(part, add_special_tokens=False)]
        assert ids == tokenizer.encode("".join(parts), add_special_tokens=False)
        assert len(ids) <= 256


def generated(model, tokenizer, problems, *, seed, **sampling):
    import torch

    batch = tokenizer(
        [prompt(tokenizer, problem) for problem in problems],
        return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False, return_token_type_ids=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        out = model.generate(**batch, do_sample=True, max_new_tokens=160, **sampling)
    texts = tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=False)
    # The end token is also the padding: keep the first of a run.
    return [re.sub(r"(<\|end\|>)+$", "<|end|>", text) for text in texts]


SAMPLERS = {
    "temperature 1.0": {"temperature": 1.0, "top_k": 0, "top_p": 1.0},
    "temperature 0.6": {"temperature": 0.6, "top_k": 20, "top_p": 0.95},
}


@needs_torch
@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_accuracy_and_form_on_held_out_questions(model, tokenizer, sampler):
    """120 questions per family, fixed seed. With other seeds each bound would fail by chance less than once in a million.

    Well-formed: 97 % is promised of all outputs and at least 98.5 % measured; of 360, fewer than 331 (91.9 %) has
    probability below 1e-6 when the true share is .97. Accuracy: ±.22 is five standard errors of 120 questions.
    """
    formed = 0
    for number, family in enumerate(FAMILIES):
        problems = [world_problem(family, index) for index in range(1000, 1120)]
        texts = generated(model, tokenizer, problems, seed=number, **SAMPLERS[sampler])
        found = [WELL_FORMED.fullmatch(text) for text in texts]
        formed += sum(match is not None for match in found)
        right = sum(match is not None and match[1] == problem.gold for match, problem in zip(found, problems, strict=True))
        assert 0.4 - 0.22 < right / 120 < 0.99, (family, right)
        # The negative twin: one fixed label is right a quarter of the time, so the traces must do better than that.
        assert right > sum(problem.gold == "A" for problem in problems) + 0.05 * 120
    assert formed >= 331


@needs_torch
def test_forced_answers_follow_the_trace(model, tokenizer):
    """A trace that works to the end moves the forced answer to what it says, whatever the gold answer is."""
    import torch

    labels = [tokenizer.convert_tokens_to_ids(label) for label in "ABCD"]
    followed = total = 0
    for family in FAMILIES:
        for index in range(40):
            problem, written = world_problem(family, index), world_trace(family, index, KeyedDraws(f"f{index}"), split="test")
            ids = tokenizer.encode(prompt(tokenizer, problem) + " " + written.text + EXIT, add_special_tokens=False, return_tensors="pt")
            with torch.inference_mode():
                logits = model(ids).logits[0, -1]
            assert logits.softmax(-1)[labels].sum() > 0.9
            followed += "ABCD"[int(logits[labels].argmax())] == written.label
            total += 1
    assert followed / total > 0.85
