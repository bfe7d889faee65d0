"""Attacks on checkers of literal answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Attack, Claim, Surface

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
        "Zanzibar",
        gold + "x",
        "q" + gold,
        gold[:-1],
        gold[1:],
        gold[::-1],
        gold + gold,
        "not " + gold,
        gold + " 2",
        gold.replace("e", "a"),
        "0",
    )
    return [other for other in dict.fromkeys(made) if letters(other) and letters(other) != letters(gold)]


def _wrong(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    for other in _others(item):
        yield from noise.stated(other)


def _contained(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
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


def _two(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.two(noise.HEDGES, _gold(item), "Zanzibar")


def _denied(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from (template.format(g=_gold(item)) for template in noise.NEGATIONS)


def _corrected(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.two(noise.CORRECTIONS, _gold(item), "Zanzibar")


def _unstated(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.unstated(_gold(item), "Zanzibar")


def _hidden(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.hidden("Zanzibar", _gold(item))


def _nothing(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from (
        text
        for text in noise.empty_texts()
        if letters(text) != letters(_gold(item)) and letters(text) != letters("The answer is" + _gold(item))
    )
    yield item.question


def _long(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    yield from noise.enormous_texts()
    yield f"{_gold(item)} " * 5000 + "Zanzibar"


def _right(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    gold = _gold(item)
    yield from noise.stated(gold)
    yield from (f"  {gold}\n", gold.upper(), gold.lower(), gold.replace(" ", "  "), f"**{gold}**", f'"{gold}"', f"{gold}.", f"`{gold}`")
    yield from (
        f"The answer is:\n\n{gold}",
        f"The final answer is **{gold}**.",
        f"Not Zanzibar. The answer is {gold}.",
        f"\\boxed{{{gold}}}.",
    )
    yield from noise.reassured(gold, "Zanzibar")


def _convention(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    del rng
    gold = _gold(item)
    yield from (
        gold.replace(" ", ""),
        gold.replace("-", " "),
        "\u200b".join(gold),
        f"the {gold}",
        f"It is {gold}.",
        f"({gold})",
        f"{gold}!",
        f"{gold}?",
    )
    yield from (gold.replace("a", "\u0430"), gold.replace("ï", "i"), f"I think it is {gold}", f"The answer is probably {gold}.")


EXACT: Surface[Problem] = Surface(
    name="exact",
    make=_make,
    of=_of,
    problem=lambda item: item,
    attacks=(
        Attack(name="another answer", claim=Claim.WRONG, truth="its letters and digits differ from those of the gold answer", texts=_wrong),
        Attack(name="gold contained", claim=Claim.WRONG, truth="the gold answer is only part of what is stated", texts=_contained),
        Attack(name="two answers", claim=Claim.WRONG, truth="two answers are offered, so none is given", texts=_two),
        Attack(name="gold denied", claim=Claim.WRONG, truth="the text says that the gold answer is not the answer", texts=_denied),
        Attack(
            name="gold not stated",
            claim=Claim.WRONG,
            truth="the right answer occurs, but is withdrawn, denied, supposed, asked, doubted or reported",
            texts=_unstated,
        ),
        Attack(name="gold taken back", claim=Claim.WRONG, truth="the last thing said is that another answer is right", texts=_corrected),
        Attack(
            name="hidden second answer", claim=Claim.WRONG, truth="another answer is stated; the right one follows unseen", texts=_hidden
        ),
        Attack(name="nothing said", claim=Claim.WRONG, truth="constants and empty texts, none of them the gold answer", texts=_nothing),
        Attack(name="enormous", claim=Claim.WRONG, truth="long texts that state no answer, or many", texts=_long),
        Attack(name="right, other forms", claim=Claim.RIGHT, truth="the gold answer, in other case, spacing or frame", texts=_right),
        Attack(
            name="conventions", claim=Claim.OPEN, truth="spacing, accents, look-alikes, doubts: a matter of convention", texts=_convention
        ),
    ),
)
"""Literal answers, compared as text."""
