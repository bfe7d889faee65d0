"""What a dialect does with a reply that is not an answer to what was asked, and with prompts as text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tokenworth.backends.http.llama_dialect import SAMPLERS, LlamaDialect
from tokenworth.backends.http.prompts import Prompts
from tokenworth.backends.http.wire import Ask, Malformed
from tokenworth.backends.tokenizer.files import load_tokenizer
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence
from tokenworth.workbench.models import TINY

PARAMS = Sampling(temperature=0.7, top_k=5, top_p=0.9, min_p=0.0, max_tokens=3, stop=(2,))
CODEC = load_tokenizer(str(TINY)).codec


def ask(n: int = 2) -> Ask:
    return Ask(prompt=Prompts(CODEC).of((5, 6, 7)), n=n, max_tokens=3, params=PARAMS, seed=40)


def sample(index: int, **changed: Any) -> dict[str, Any]:
    settings = {"seed": 40 + index, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.0, "samplers": SAMPLERS, "logit_bias": []}
    reply = {"index": index, "content": "x", "tokens": [9, 2], "stop_type": "eos", "tokens_evaluated": 3, "generation_settings": settings}
    settings.update({name: value for name, value in changed.items() if name in settings})
    reply.update({name: value for name, value in changed.items() if name in reply})
    return reply


def parsed(*samples: dict[str, Any]) -> Any:
    return LlamaDialect(972).parse(msgspec.json.encode(list(samples)), ask(len(samples)))


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
