"""Edits of a whole trace, after which it is ended and the answer is drawn: is it needed, is it enough."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice

from tokenworth.core.tokens import Codec
from tokenworth.errors import InvalidInput
from tokenworth.methods.intervene.entry import Made, Material, TraceEdit

LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. "
    "Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. "
)
DOTS = " ..."
HIDDEN = "The question is not shown."
"""Stands for the question where only the options and the trace are left."""
_MARK = re.compile(r"\s*(?:<[^<>\s]{1,60}>|\[[A-Z_/]{2,20}\])\s*")
"""A token that is a mark by itself."""
_TRIES = 64
"""Draws of one token before the vocabulary is given up."""


def repeated(ids: tuple[int, ...], n: int) -> tuple[int, ...]:
    """The ids again and again, cut to exactly ``n``."""
    return tuple(islice(cycle(ids), n)) if ids else ()


def _filled(text: str, what: str) -> Callable[[Material], Made]:
    """As many tokens of a text as the trace has, whatever the text's own length in tokens is."""

    def make(material: Material) -> Made:
        ids = _encoded(material.codec, text)
        if ids is None:
            return f"the tokenizer cannot write {what}"
        n = len(material.ids)
        return material.whole(repeated(ids, n), f"{n:,} tokens of {what}")

    return make


def _encoded(codec: Codec, text: str) -> tuple[int, ...] | None:
    """Ids of a text; None where they do not come back as it."""
    try:
        ids = codec.encode(text)
    except InvalidInput:
        return None
    return ids if ids and codec.decode(ids).strip() == text.strip() else None


def _none(material: Material) -> Made:
    return material.whole((), "no trace")


def _resample(material: Material) -> Made:
    return replace(material.whole((), "a trace of the model's own, drawn anew"), closed=False, base_closed=True)


def _repeat(material: Material) -> Made:
    token = material.ids[int(material.rng.integers(len(material.ids)))]
    return material.whole((token,) * len(material.ids), "one token of the trace, repeated")


def _random(material: Material) -> Made:
    drawn = list[int]()
    for _ in material.ids:
        token = next(
            (one for one in map(int, material.rng.integers(material.codec.vocab_size, size=_TRIES)) if _is_text(one, material)), None
        )
        if token is None:
            return "the vocabulary has hardly a token that is text"
        drawn.append(token)
    return material.whole(tuple(drawn), f"{len(drawn):,} tokens drawn from the vocabulary")


def _is_text(token: int, material: Material) -> bool:
    if token in material.banned:
        return False
    (piece,) = material.codec.piece_bytes((token,))
    return bool(piece) and _MARK.fullmatch(piece.decode("utf-8", "replace")) is None


def _shuffled(material: Material) -> Made:
    order = material.rng.permutation(len(material.ids))
    return material.whole(tuple(material.ids[int(i)] for i in order), "the trace's own tokens in random order")


def _sentences(material: Material) -> Made:
    runs = material.text.sentences()
    if len(runs) < 2:
        return "the trace has a single sentence"
    order = material.rng.permutation(len(runs))
    while (order == range(len(runs))).all():
        order = material.rng.permutation(len(runs))
    ids = tuple(token for i in order for token in material.ids[slice(*runs[int(i)])])
    return material.whole(ids, f"its {len(runs)} sentences in random order")


def _random_other(material: Material) -> Made:
    assert material.other is not None
    order = material.rng.permutation(len(material.other.ids))
    ids = repeated(tuple(material.other.ids[int(i)] for i in order), len(material.ids))
    return material.whole(ids, "tokens of another problem's trace in random order, as many as the trace has")


def _swap(material: Material) -> Made:
    assert material.other is not None
    return material.whole(material.other.ids, "another problem's trace")


def _no_question(material: Material) -> Made:
    if material.put is None or material.problem is None:
        return "an automaton is asked nothing"
    try:
        prompt = material.put(replace(material.problem, question=HIDDEN))
    except InvalidInput as error:
        return f"the prompt without a question cannot be written: {error}"
    return material.whole(material.ids, "the trace under a prompt without the question", prompt=prompt)


NONE = TraceEdit(family="necessity", told="no trace", make=_none)
RESAMPLE = TraceEdit(family="necessity", told="another trace of the model's own", make=_resample)
BLANK = TraceEdit(family="necessity", told="line breaks, as many as the trace has tokens", make=_filled("\n", "line breaks"))
FILLER = TraceEdit(family="necessity", told="dots, as many tokens as the trace has", make=_filled(DOTS, "dots"))
LOREM_FILLER = TraceEdit(family="necessity", told="lorem ipsum, as many tokens", make=_filled(LOREM, "lorem ipsum"))
REPEAT = TraceEdit(family="necessity", told="one token of the trace, as often as it has tokens", make=_repeat)
RANDOM = TraceEdit(family="necessity", told="tokens drawn from the vocabulary, as many", make=_random)
SHUFFLED = TraceEdit(family="necessity", told="the trace's own tokens in random order", make=_shuffled)
SENTENCES = TraceEdit(family="necessity", told="the trace's sentences in random order", make=_sentences)
RANDOM_OTHER = TraceEdit(
    family="necessity", told="tokens of another problem's trace in random order, as many", make=_random_other, needs_other=True
)
SWAP = TraceEdit(family="necessity", told="another problem's trace", make=_swap, needs_other=True)
NO_QUESTION = TraceEdit(family="sufficiency", told="the trace under a prompt without the question", make=_no_question)
