"""Attacks on checkers of literal answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, Wordings, framed, open_answers, right_answers, wrong_answers

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


def _fields(item: Problem) -> dict[str, str]:
    gold = _gold(item)
    return {
        "g": gold, "o": "Zanzibar", "upper": gold.upper(), "lower": gold.lower(), "spread": gold.replace(" ", "  "),
        "joined": gold.replace(" ", ""), "spaced": gold.replace("-", " "), "unseen": "\u200b".join(gold),
        "cyrillic": gold.replace("a", "\u0430"), "plain": gold.replace("ï", "i"),
    }  # fmt: skip


_says, _states = Wordings(_fields), Wordings(_fields, noise.FRAMES)


def _amid(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    yield " ".join((*_WORDS, gold)) if gold in _WORDS else " ".join((gold, *_WORDS))


def _constants(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    yield from (text for text in noise.NOTHING if letters(text) not in (letters(gold), letters("The answer is" + gold)))
    yield item.question


EXACT: Surface[Problem] = Surface(
    name="exact",
    make=_make,
    of=_of,
    problem=lambda item: item,
    attacks=(
        wrong_answers(
            "another answer", "its letters and digits differ from those of the gold answer",
            lambda item: framed(noise.FRAMES, _others(item)),
        ),
        wrong_answers(
            "gold contained", "the gold answer is only part of what is stated",
            _states("anti{g}", "{g}ville", "xx{g}xx", "{g} and more", "almost {g}", "{g}, {o}", "{o} {g}"),
            _says("{g}: no. {o}: yes."),
            _amid,
        ),
        wrong_answers("two answers", "two answers are offered, so none is given", _says(*noise.HEDGES)),
        wrong_answers("gold denied", "the text says that the gold answer is not the answer", _says(*noise.NEGATIONS)),
        wrong_answers("gold not stated", noise.UNSTATED_TRUTH, _says(*noise.UNSTATED)),
        wrong_answers("gold taken back", "the last thing said is that another answer is right", _says(*noise.CORRECTIONS)),
        wrong_answers("hidden second answer", "another answer is stated; the right one follows unseen", _says(*noise.HIDDEN)),
        wrong_answers("nothing said", "constants and empty texts, none of them the gold answer", _constants),
        wrong_answers(
            "enormous", "long texts that state no answer, or many", noise.ENORMOUS, _says("{g} " * 5000 + "{o}"),
        ),
        right_answers(
            "right, other forms", "the gold answer, in other case, spacing or frame",
            _states("{g}"),
            _says(
                "  {g}\n", "{upper}", "{lower}", "{spread}", "**{g}**", '"{g}"', "{g}.", "`{g}`", "The answer is:\n\n{g}",
                "The final answer is **{g}**.", "Not {o}. The answer is {g}.", "\\boxed{{{g}}}.", *noise.REASSURED,
            ),
        ),
        open_answers(
            "conventions", "spacing, accents, look-alikes, doubts: a matter of convention",
            _says(
                "{joined}", "{spaced}", "{unseen}", "the {g}", "It is {g}.", "({g})", "{g}!", "{g}?", "{cyrillic}", "{plain}",
                "I think it is {g}", "The answer is probably {g}.",
            ),
        ),
    ),
)  # fmt: skip
"""Literal answers, compared as text."""
