"""What a dialect does with a reply that is not an answer to what was asked, and with prompts as text."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworth.backends.bundled import TINY
from tokenworth.backends.http.llama_api import NEUTRAL, SAMPLERS, LlamaApi
from tokenworth.backends.http.openai_api import Fields, OpenAIApi
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.shaping import Shaped, shape
from tokenworth.backends.http.tables import _base_bounds, unlisted_ceiling
from tokenworth.backends.http.wire import Ask, Malformed
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.core.sampling import Sampling, sampling_distribution
from tokenworth.core.tokens import TokenSequence

PARAMS = Sampling(temperature=0.7, top_k=5, top_p=0.9, min_p=0.0, max_tokens=3, stop=(2,))
CODEC = load_tokenizer(str(TINY)).codec


def ask(n: int = 2) -> Ask:
    return Ask(prompt=Prompts(CODEC).of((5, 6, 7)), n=n, max_tokens=3, params=PARAMS, seed=40)


def sample(index: int, **changed: Any) -> dict[str, Any]:
    settings = NEUTRAL | {"seed": 40 + index, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.0, "samplers": SAMPLERS}
    reply = {"index": index, "content": "x", "tokens": [9, 2], "stop_type": "eos", "tokens_evaluated": 3}
    reply |= {"tokens_predicted": 2, "generation_settings": settings}
    settings.update({name: value for name, value in changed.items() if name in settings})
    reply.update({name: value for name, value in changed.items() if name in reply})
    return reply


def parsed(*samples: dict[str, Any]) -> Any:
    return LlamaApi(972).parse(msgspec.json.encode(list(samples)), ask(len(samples)))


def test_a_right_reply_is_read() -> None:
    reply = parsed(sample(1), sample(0))
    assert [choice.ids for choice in reply.choices] == [(9, 2), (9, 2)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 77}, "another request's"),
        ({"tokens_evaluated": 4}, "prompt of 4 tokens where 3"),
        ({"temperature": 0.8}, "temperature"),
        ({"top_k": 40}, "top_k"),
        ({"samplers": SAMPLERS[1:]}, "samplers"),
        ({"tokens": [9, 972]}, "outside the vocabulary"),
        ({"stop_type": "limit"}, "stopped at its limit"),
        ({"mirostat": 2}, "mirostat"),
        ({"dynatemp_range": 0.9}, "dynatemp_range"),
        ({"min_keep": 5}, "min_keep"),
        ({"ignore_eos": True}, "ignore_eos"),
        ({"tokens_predicted": 10**9}, "at most 3 were asked for"),
    ],
)
def test_a_reply_to_something_else_is_not_used(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed, match=told):
        parsed(sample(0), sample(1, **changed))


def test_a_token_that_the_server_puts_in_front_is_not_sent_twice() -> None:
    sequence = TokenSequence(prompt=(2, *CODEC.encode("Start with 17")), completion=())
    whole = CODEC.decode(sequence.prompt)
    assert msgspec.json.decode(Prompts(CODEC, as_text=True).at(sequence, 0).encode()) == whole
    assert whole == CODEC.decode((2,)) + msgspec.json.decode(Prompts(CODEC, as_text=True, drop=(2,)).at(sequence, 0).encode())


SIZE = 40


@given(
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([0.5, 2.0, 6.0]),
    top=st.integers(1, SIZE),
    texts=st.integers(5, 60),
    silent=st.floats(0, 0.9),
    as_list=st.booleans(),
    params=st.builds(
        Sampling,
        temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        top_k=st.sampled_from([0, 1, 3, 20]),
        top_p=st.sampled_from([1.0, 0.9]),
        min_p=st.sampled_from([0.0, 0.1]),
        max_tokens=st.just(1),
        stop=st.just(()),
    ),
)
def test_listings_by_text_hold_the_truth(
    seed: int, spread: float, top: int, texts: int, silent: float, as_list: bool, params: Sampling
) -> None:
    """Tokens that share a text, or have none: what is listed of the others is still no more than what is so."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, SIZE)
    logprobs = logits - np.logaddexp.reduce(logits)
    text = {i: f"t{rng.integers(texts)}" if rng.random() > silent else "\ufffd" for i in range(SIZE)}
    shared = list(text.values())
    of = {one: i for i, one in text.items() if shared.count(one) == 1 and one != "\ufffd"}
    ranked = [int(i) for i in np.argsort(-logprobs)[:top]]
    sampled = int(rng.integers(SIZE))
    entries = [(text[i], float(logprobs[i])) for i in dict.fromkeys((*ranked, sampled))]
    place: dict[str, Any]
    if as_list:
        listed = [{"token": one, "logprob": value} for one, value in entries]
        place = {"content": [{"token": text[sampled], "logprob": float(logprobs[sampled]), "top_logprobs": listed[:top]}]}
    else:
        place = {"tokens": [text[sampled]], "token_logprobs": [dict(entries)[text[sampled]]], "top_logprobs": [dict(entries)]}
    body = msgspec.json.encode({"choices": [{"text": "", "index": 0, "finish_reason": "length", "logprobs": place}]})
    asked = Ask(prompt=Prompts(CODEC).of((5,)), n=1, max_tokens=1, params=params, seed=0, top=top)
    choice = OpenAIApi("m", SIZE, Fields(), of.get).parse(body, asked).choices[0]
    assert choice.listings is not None and choice.listings[0] is not None
    listing = choice.listings[0]
    assert list(listing.ids) == ranked[: len(listing.ids)]
    q = sampling_distribution(logprobs, params)
    if not listing.ids:
        shaped = Shaped(low=np.zeros(0), high=np.zeros(0), rest=1.0)
        assert listing.lost > -np.inf or top == 1
    else:
        shaped = shape(np.asarray(listing.logprobs), params, vocab_size=SIZE, order="min-p last")
    for token in range(SIZE):
        value = listing.of(token)
        assert value is None or abs(value - logprobs[token]) < 1e-9
        low, high = _base_bounds(listing, shaped, token, params)
        assert low - 1e-9 <= q[token] <= high + 1e-9
        if value is None and (listing.ids or listing.lost > -np.inf):
            assert logprobs[token] <= unlisted_ceiling(listing, SIZE) + 1e-9


def test_an_ordinary_token_goes_before_the_byte_of_its_text(tmp_path: Any) -> None:
    """Byte-fallback vocabularies (Llama 2, Mistral, Gemma) have a second token for each letter."""
    from tokenizers import Tokenizer, decoders, models

    from tokenworth.backends.http.load import _token_of

    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "A", "the"]
    made = Tokenizer(models.BPE(vocab={name: i for i, name in enumerate(names)}, merges=[], byte_fallback=True, unk_token="<unk>"))
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    made.save(str(tmp_path / "tokenizer.json"))
    find = _token_of(load_tokenizer(str(tmp_path)))
    assert (find("A"), find("B"), find("the"), find("\ufffd")) == (257, 1 + ord("B"), 258, None)
