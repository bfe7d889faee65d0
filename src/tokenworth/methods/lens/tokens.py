"""The tokens that stand for the options: the first ones at which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenworth.core.problem import Problem
from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput


def first_different(names: Sequence[str], ids: Sequence[tuple[int, ...]], where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What all options begin with, and the token of each that follows it.

    Raises InvalidInput where two options go on with the same token: a lens reads one position, and there they are not yet told apart.
    """
    shared = 0
    while all(len(one) > shared + 1 for one in ids) and len({one[shared] for one in ids}) == 1:
        shared += 1
    firsts = tuple(one[shared] for one in ids)
    seen: dict[int, str] = {}
    for name, token in zip(names, firsts, strict=True):
        if token in seen:
            raise InvalidInput(
                f"{where} options {seen[token]!r} and {name!r} begin with the same token, so a lens cannot tell them apart there; "
                "use labels that differ, such as A and B, at the place exit"
            )
        seen[token] = name
    return ids[0][:shared], firsts


def own_words(labels: Sequence[str], problem: Problem | None, codec: Codec) -> tuple[int, ...]:
    """The first token of each option's text as it stands in running text, with the space before it.

    Raises InvalidInput for options without a text, and for texts that begin alike.
    """
    texts = {} if problem is None else {one.label: one.text.strip() for one in problem.options}
    for label in labels:
        if not texts.get(label):
            raise InvalidInput(f"option {label!r} has no words of its own, which the place trace reads; use the place exit")
    ids = [codec.encode(f" {texts[label]}") for label in labels]
    shared, firsts = first_different([texts[label] for label in labels], ids, "at the trace")
    space = codec.encode(" ")
    if shared and shared != space:
        raise InvalidInput(
            f"the options' words all begin with {codec.decode(shared)!r}, so a lens cannot tell them apart; use the place exit"
        )
    # A tokenizer that makes a token of the space alone: the words are read where the model would begin one, without it.
    return firsts


def texts_of(labels: Sequence[str], problem: Problem | None) -> Mapping[str, tuple[str, ...]]:
    """What names each option in a text: its own words, and its label in brackets."""
    own = {} if problem is None else {one.label: one.text.strip() for one in problem.options}
    return {label: tuple(text for text in (own.get(label, ""), f"({label})") if text) for label in labels}
