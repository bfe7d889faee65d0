"""How many tokens of prefixes a real server computes, by the order in which requests come: a part of `bench/servers.py`.

llama.cpp keeps the last sequence of each slot and computes what a new prompt has beyond the longest common beginning, and always its
last token. So the least it can do is every distinct token once, and one token for a prompt that came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from tokenworth.core.request.kind import Request
from tokenworth.core.request.next_token import NextToken
from tokenworth.core.request.sample import Sample
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import TokenSequence

VOCABULARY = 972
N_PROMPT, LIMIT, NEW = 50, 460, 8
"""The model's context is 512. Only the beginning of each rollout is drawn: its length does not change what its prefix costs."""
STRIDE, EACH = 4, 8
OURS = "as sent (this)"


def make_traces(n: int, length: int) -> list[TokenSequence]:
    """Sequences of random ids, which share no beginning."""
    rng = np.random.default_rng(n)
    ids = [tuple(rng.integers(5, VOCABULARY, size=N_PROMPT + length).tolist()) for _ in range(n)]
    return [TokenSequence(prompt=one[:N_PROMPT], completion=one[N_PROMPT:]) for one in ids]


def requests_of(kind: str, traces: Sequence[TokenSequence]) -> list[Request]:
    """What a method asks for: 8 rollouts at every fourth cut, or the next token at every cut."""
    params = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=LIMIT, stop=())
    if kind == "readings":
        return [NextToken(sequence=one, cuts=tuple(range(len(one.completion))), params=params, top=20) for one in traces]
    cuts = range(0, len(traces[0].completion), STRIDE)
    return [Sample(sequence=one, cut=cut, params=params, seed=0, index=i) for one in traces for cut in cuts for i in range(EACH)]


def orders(bodies: Sequence[bytes], slots: int) -> dict[str, list[bytes]]:
    """The same requests in other orders; an empty body is a wait for all replies."""
    made = [msgspec.json.decode(body) for body in bodies]
    prompts = [one["prompt"] for one in made]
    names = list(dict.fromkeys(tuple(prompt[:N_PROMPT]) for prompt in prompts))
    trace = [names.index(tuple(prompt[:N_PROMPT])) for prompt in prompts]
    short = [msgspec.json.encode(one | {"n_predict": min(NEW, one["n_predict"])}) for one in made]

    def by(key: Any) -> list[bytes]:
        return [short[i] for i in sorted(range(len(bodies)), key=key)]

    found = {
        OURS: short,
        "longest first": by(lambda i: (trace[i], -len(prompts[i]))),
        "shortest first": by(lambda i: (trace[i], len(prompts[i]))),
        "shuffled": [short[i] for i in np.random.default_rng(0).permutation(len(bodies)).tolist()],
        "every slot filled first": [],
    }
    for number in range(len(names)):
        mine = sorted((i for i in range(len(bodies)) if trace[i] == number), key=lambda i: -len(prompts[i]))
        fill = made[mine[0]] | {"n": slots, "n_predict": 1, "n_probs": 0, "logit_bias": []}
        found["every slot filled first"] += [b"", msgspec.json.encode(fill), b"", *(short[i] for i in mine)]
    if len(names) > 1:
        found["all traces in step"] = by(lambda i: (-len(prompts[i]), trace[i]))
    return found


def least(bodies: Sequence[bytes]) -> tuple[int, int]:
    """(Tokens of all prompts, the fewest that can be computed): distinct ones, and one for a prompt that came before."""
    prompts = sorted(msgspec.json.decode(body)["prompt"] for body in bodies if body)
    distinct, before = 0, list[int]()
    again = len(prompts) - len({tuple(prompt) for prompt in prompts})
    for prompt in prompts:
        shared = next((i for i, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b), min(len(before), len(prompt)))
        distinct, before = distinct + len(prompt) - shared, prompt
    return sum(map(len, prompts)), distinct + again
