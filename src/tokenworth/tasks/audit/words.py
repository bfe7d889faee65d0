"""Attacks on checkers of literal answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

_WORDS = (
    "Paris", "left", "True", "New York", "ab", "x7", "Wednesday", "Marie Curie", "photosynthesis", "No", "C-3PO", "eins zwei drei",
    "west", "17 March", "O'Brien", "naïve", "abcba", "U.S.A", "42nd", "e5",
)  # fmt: skip


def _make(count: int, rng: np.random.Generator) -> list[Problem]:
    golds = [_WORDS[int(at)] for at in rng.integers(len(_WORDS), size=count)]
    return [Problem(id=f"exact-{i}", question="What is it?", gold=gold, kind=AnswerKind.EXACT) for i, gold in enumerate(golds)]


def _of(problem: Problem) -> Problem | None:
    gold = problem.gold
    fits = problem.kind is AnswerKind.EXACT and gold is not None and letters(gold) != "" and len(gold) <= 80 and "\n" not in gold
    return problem if fits else None


def letters(text: str) -> str:
    """The letters and digits of a text, case folded: two texts that differ here are different answers in any convention."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _gold(item: Problem) -> str:
    assert item.gold is not None
    return item.gold


def _others(item: Problem) -> list[str]:
    gold = _gold(item)
    made = (
        "Zanzibar", gold + "x", "q" + gold, gold[:-1], gold[1:], gold[::-1], gold + gold, "not " + gold, gold + " 2",
        gold.replace("e", "a"), "0",
    )  # fmt: skip
    return [other for other in dict.fromkeys(made) if letters(other) and letters(other) != letters(gold)]


def _wrong(item: Problem) -> Iterator[str]:
    for other in _others(item):
        yield from noise.stated(other)


def _contained(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    for text in (
        f"anti{gold}",
        f"{gold}ville",
        f"xx{gold}xx",
        f"{gold} and more",
        f"almost {gold}",
        f"{gold}, Zanzibar",
        f"Zanzibar {gold}",
    ):
        yield from noise.stated(text)
    yield f"{gold}: no. Zanzibar: yes."
    yield " ".join((*_WORDS, gold)) if gold in _WORDS else " ".join((gold, *_WORDS))


def _two(item: Problem) -> Iterator[str]:
    yield from noise.two(noise.HEDGES, _gold(item), "Zanzibar")


def _denied(item: Problem) -> Iterator[str]:
    yield from (template.format(g=_gold(item)) for template in noise.NEGATIONS)


def _corrected(item: Problem) -> Iterator[str]:
    yield from noise.two(noise.CORRECTIONS, _gold(item), "Zanzibar")


def _hidden(item: Problem) -> Iterator[str]:
    yield from noise.hidden("Zanzibar", _gold(item))


def _nothing(item: Problem) -> Iterator[str]:
    yield from (
        text
        for text in noise.empty_texts()
        if letters(text) != letters(_gold(item)) and letters(text) != letters("The answer is" + _gold(item))
    )
    yield item.question


def _long(item: Problem) -> Iterator[str]:
    yield from noise.enormous_texts()
    yield f"{_gold(item)} " * 5000 + "Zanzibar"


def _right(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    yield from noise.stated(gold)
    yield from (f"  {gold}\n", gold.upper(), gold.lower(), gold.replace(" ", "  "), f"**{gold}**", f'"{gold}"', f"{gold}.", f"`{gold}`")
    yield from (
        f"The answer is:\n\n{gold}", f"The final answer is **{gold}**.", f"Not Zanzibar. The answer is {gold}.", f"\\boxed{{{gold}}}.",
    )  # fmt: skip
    yield from noise.reassured(gold, "Zanzibar")


def _convention(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    yield from (
        gold.replace(" ", ""), gold.replace("-", " "), "\u200b".join(gold), f"the {gold}", f"It is {gold}.", f"({gold})", f"{gold}!",
        f"{gold}?",
    )  # fmt: skip
    yield from (gold.replace("a", "\u0430"), gold.replace("ï", "i"), f"I think it is {gold}", f"The answer is probably {gold}.")


EXACT: Surface[Problem] = Surface(
    name="exact",
    make=_make,
    of=_of,
    problem=lambda item: item,
    attacks=(
        wrong_answers("another answer", "its letters and digits differ from those of the gold answer", _wrong),
        wrong_answers("gold contained", "the gold answer is only part of what is stated", _contained),
        wrong_answers("two answers", "two answers are offered, so none is given", _two),
        wrong_answers("gold denied", "the text says that the gold answer is not the answer", _denied),
        wrong_answers("gold not stated", noise.UNSTATED, lambda item: noise.unstated(_gold(item), "Zanzibar")),
        wrong_answers("gold taken back", "the last thing said is that another answer is right", _corrected),
        wrong_answers("hidden second answer", "another answer is stated; the right one follows unseen", _hidden),
        wrong_answers("nothing said", "constants and empty texts, none of them the gold answer", _nothing),
        wrong_answers("enormous", "long texts that state no answer, or many", _long),
        right_answers("right, other forms", "the gold answer, in other case, spacing or frame", _right),
        open_answers("conventions", "spacing, accents, look-alikes, doubts: a matter of convention", _convention),
    ),
)
"""Literal answers, compared as text."""
