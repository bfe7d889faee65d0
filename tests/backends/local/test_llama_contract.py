"""What the adapter for llama.cpp's server relies on, asked of the real server; a new release that changes it fails here first."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tokenworth.core.sampling import Sampling, sampling_distribution

SLOTS, CONTEXT, VOCABULARY, END = 8, 512, 972, 2
NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "return_tokens": True, "cache_prompt": True}
ORDER = ["temperature", "top_k", "top_p", "min_p"]
# A slip after "is" is likely, so the next token is uncertain.
TEXT = (
    "<|user|>Mara has 17 eggs. Mara sells 3. Then Mara gives away 4. How many eggs does Mara have?\n(A) 8\n(B) 10\n(C) 9\n(D) 12"
    "<|end|><|assistant|><think> Start with 17. 17 minus 3 is"
)
OPEN = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=1, stop=())

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def root(llama_url: str) -> str:
    return llama_url.removesuffix("/v1#tiny")


def fetch(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


@pytest.fixture(scope="module")
def prompt(root: str) -> list[int]:
    return fetch(f"{root}/tokenize", {"content": TEXT})["tokens"]


@pytest.fixture(scope="module")
def complete(root: str, prompt: list[int]) -> Ask:
    return lambda **fields: fetch(f"{root}/completion", {"prompt": prompt, **NEUTRAL, **fields})


def error_of(complete: Ask, **fields: Any) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        complete(**fields)
    return {"status": caught.value.code, **json.load(caught.value)["error"]}


def first(sample: dict[str, Any]) -> dict[str, Any]:
    return sample["completion_probabilities"][0]


def full_row(complete: Ask, **fields: Any) -> np.ndarray:
    row = np.full(VOCABULARY, -np.inf)
    for entry in first(complete(n_predict=1, n_probs=VOCABULARY, **fields))["top_logprobs"]:
        row[entry["id"]] = entry["logprob"]
    return row


def drawn_from(complete: Ask, **fields: Any) -> np.ndarray:
    """The distribution the server drew from, by its own account."""
    row = np.zeros(VOCABULARY)
    for entry in first(complete(n_predict=1, n_probs=VOCABULARY, post_sampling_probs=True, **fields))["top_probs"]:
        row[entry["id"]] = entry["prob"]
    return row


def test_server_says_what_it_serves(root: str):
    props, models = fetch(f"{root}/props"), fetch(f"{root}/v1/models")
    assert props["total_slots"] == SLOTS and props["default_generation_settings"]["n_ctx"] == CONTEXT
    assert props["model_alias"] == models["data"][0]["id"] == "tiny"
    assert models["data"][0]["meta"]["n_vocab"] == VOCABULARY
    assert fetch(f"{root}/health") == {"status": "ok"}


def test_one_sample_is_an_object_and_several_are_a_list_of_the_next_seeds(complete: Ask):
    hot = {"temperature": 2.0, "n_predict": 12}
    alone = [complete(seed=70 + k, **hot) for k in range(4)]
    together = complete(seed=70, n=4, **hot)
    assert [child["index"] for child in together] == [0, 1, 2, 3]
    assert [child["tokens"] for child in together] == [sample["tokens"] for sample in alone]
    assert len({tuple(child["tokens"]) for child in together}) > 1


def test_more_samples_than_slots_are_refused(complete: Ask):
    assert len(complete(n=SLOTS, n_predict=1)) == SLOTS
    assert error_of(complete, n=SLOTS + 1, n_predict=1)["status"] == 400


def test_ids_include_the_end_token_and_each_has_its_entry(complete: Ask, prompt: list[int]):
    sample = complete(n_predict=200, n_probs=1, seed=1, temperature=0.5)
    tokens = sample["tokens"]
    assert sample["stop_type"] == "eos" and not sample["truncated"] and tokens[-1] == END
    assert [entry["id"] for entry in sample["completion_probabilities"]] == tokens
    assert sample["tokens_predicted"] == len(tokens) and sample["tokens_evaluated"] == len(prompt)
    assert sample["timings"]["cache_n"] + sample["timings"]["prompt_n"] == len(prompt)
    cut = complete(n_predict=3, seed=1, temperature=0.5)
    assert cut["stop_type"] == "limit" and cut["tokens"] == tokens[:3]


def test_log_probabilities_are_those_before_sampling(complete: Ask):
    plain = full_row(complete)
    assert np.exp(plain).sum() == pytest.approx(1, abs=1e-5)
    for fields in ({"temperature": 0.5}, {"top_k": 1}, {"top_p": 0.1}, {"min_p": 0.9}, {"logit_bias": [[int(plain.argmax()), False]]}):
        np.testing.assert_allclose(full_row(complete, **fields), plain, atol=1e-3, err_msg=str(fields))


def test_the_drawn_token_has_its_own_log_probability_in_the_list_or_not(complete: Ask):
    plain = full_row(complete)
    rare = int(np.argsort(-plain)[40])
    entry = first(complete(n_predict=1, n_probs=2, logit_bias=[[rare, 1000.0]]))
    assert entry["id"] == rare and rare not in [other["id"] for other in entry["top_logprobs"]]
    assert entry["logprob"] == pytest.approx(plain[rare], abs=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 3.0, "top_p": 0.9},
        {"temperature": 0.6, "top_k": 20, "top_p": 0.95},
        {"temperature": 3.0, "top_k": 50, "top_p": 0.9, "min_p": 0.1},
        {"temperature": 1.5, "min_p": 0.05},
        {"temperature": 0.0, "top_p": 0.9},
    ],
)
def test_order_of_filters_can_be_made_ours(complete: Ask, settings: dict[str, Any]):
    expected = sampling_distribution(full_row(complete), replace(OPEN, **settings))
    np.testing.assert_allclose(drawn_from(complete, samplers=ORDER, **settings), expected, atol=1e-5)


def test_the_server_takes_temperature_last_unless_told_and_no_list_is_no_temperature(complete: Ask):
    hot = {"temperature": 3.0, "top_p": 0.9}
    ours = sampling_distribution(full_row(complete), replace(OPEN, **hot))
    assert np.count_nonzero(drawn_from(complete, **hot)) < 10 < 100 < np.count_nonzero(ours)
    np.testing.assert_allclose(drawn_from(complete, samplers=[], **hot), np.exp(full_row(complete)), atol=1e-5)
    assert complete(n_predict=1, samplers=[*ORDER, "unheard_of"])["generation_settings"]["samplers"] == ORDER


def test_bias_restricts_to_a_set_and_what_is_not_understood_is_missing_from_the_echo(complete: Ask):
    allowed = {5, 6, 7}
    banned = [[token, False] for token in range(VOCABULARY) if token not in allowed]
    assert {child["tokens"][0] for child in complete(n=SLOTS, n_predict=1, seed=3, logit_bias=banned)} <= allowed
    assert complete(n_predict=1, logit_bias={"420": 1000.0})["tokens"] == [420]
    for wrong in ([[VOCABULARY, 9.0]], [[5, "much"]], [[5.0, 9.0]]):
        assert complete(n_predict=1, logit_bias=wrong)["generation_settings"]["logit_bias"] == []


def test_half_a_character_keeps_its_id_but_loses_its_entry(complete: Ask, root: str, prompt: list[int]):
    parts = fetch(f"{root}/tokenize", {"content": "🙂"})["tokens"]
    sample = complete(n_predict=1, n_probs=1, logit_bias=[[parts[0], 1000.0]])
    assert sample["tokens"] == parts[:1] and not sample.get("completion_probabilities")
    after = complete(prompt=[*prompt, *parts[:2]], n_predict=1, n_probs=1)
    assert after["tokens_evaluated"] == len(prompt) + 2


def test_no_tokens_is_one_token_and_too_long_is_refused_or_cut(complete: Ask):
    assert len(complete(n_predict=0)["tokens"]) == 1
    refused = error_of(complete, prompt=[374] * CONTEXT, n_predict=1)
    assert refused["status"] == 400 and refused["type"] == "exceed_context_size_error" and refused["n_ctx"] == CONTEXT
    short = complete(prompt=[374] * (CONTEXT - 2), n_predict=10, ignore_eos=True)
    assert len(short["tokens"]) == 2 and short["stop_type"] == "limit" and short["truncated"]
    assert error_of(complete, prompt=[VOCABULARY], n_predict=1)["status"] == 400
    assert error_of(complete, prompt=[], n_predict=1)["status"] == 400


def test_openai_path_gives_ids_only_with_log_probabilities_and_counts_one_choice(root: str, prompt: list[int], complete: Ask):
    body = {"model": "tiny", "prompt": prompt, **NEUTRAL, "max_tokens": 4, "seed": 7, "n": 3}
    reply = fetch(f"{root}/v1/completions", {**body, "logprobs": 2})
    ids = [[entry["id"] for entry in choice["logprobs"]["content"]] for choice in reply["choices"]]
    assert ids == [child["tokens"] for child in complete(n_predict=4, seed=7, n=3)]
    assert reply["usage"]["completion_tokens"] == 4 and reply["usage"]["prompt_tokens"] == len(prompt)
    bare = fetch(f"{root}/v1/completions", body)["choices"][0]
    assert bare["logprobs"] is None and "tokens" not in bare and "token_ids" not in bare


def test_rising_cuts_of_one_sequence_compute_each_token_once(complete: Ask):
    sequence = [int(token) for token in np.random.default_rng(5).integers(5, VOCABULARY, 200)]
    timings = [complete(prompt=sequence[:cut], n_predict=1)["timings"] for cut in range(20, 201, 20)]
    assert sum(timing["prompt_n"] for timing in timings) == 200
    assert all(math.isclose(timing["prompt_n"], 20) for timing in timings)
