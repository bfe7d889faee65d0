"""Attacks on checkers of multiple-choice answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, Wordings, filled, framed, open_answers, right_answers, wrong_answers

_LABELS = ("ABCD", "ABCDE", "ABCDEFGHIJ", "1234", "abcd", "AB", "PQRST")
_TEXTS = (
    "the cat", "bed", "cell wall", "a dune", "Both are right", "none of these", "12", "0.5", "I", "an apple", "x + 1", "B", "type C",
    "not enough is known", "the second one", "Paris", "it depends", "yes", "no", "C major",
)  # fmt: skip


def _make(count: int, rng: np.random.Generator) -> list[Problem]:
    made: list[Problem] = []
    for number in range(count):
        labels = _LABELS[int(rng.integers(len(_LABELS)))]
        # An option whose text is another option's label would leave open what "(A) B" says.
        texts = [text for text in _TEXTS if text.casefold() not in labels.casefold()]
        order = rng.permutation(len(texts))[: len(labels)]
        options = tuple(Option(label=label, text=texts[int(at)]) for label, at in zip(labels, order, strict=True))
        gold = labels[int(rng.integers(len(labels)))]
        made.append(Problem(id=f"option-{number}", question="Which of these is it?", options=options, gold=gold))
    return made


def _of(problem: Problem) -> Problem | None:
    return problem if problem.kind is AnswerKind.OPTION and problem.gold is not None and len(problem.options) > 1 else None


def _gold(item: Problem) -> str:
    assert item.gold is not None
    return item.gold


def _others(item: Problem) -> list[str]:
    return [label for label in item.labels if label != item.gold]


def _some_other(item: Problem, rng: np.random.Generator) -> str:
    others = _others(item)
    return others[int(rng.integers(len(others)))]


def _text(item: Problem, label: str) -> str:
    return next(option.text for option in item.options if option.label == label)


_FORMS = (
    "{}", "({})", "{}.", "{})", "**{}**", "**({})**", "Answer: {}", "The answer is ({}).", "The answer is {}.", "\\boxed{{{}}}",
    "\\boxed{{\\text{{{}}}}}", "The correct option is {}.", "So the answer is\n\n({})", "  ({})\n", "\tThe answer is ({}).\r\n",
    "The correct answer is **({})**.", "$$\\boxed{{({})}}$$", "Final answer: {}",
)  # fmt: skip
"""Ways to state one label."""


def _says(*templates: str) -> Callable[[Problem, np.random.Generator], Iterator[str]]:
    """Every template, with another option that is drawn. g: the right label, t: its text; o and u: those of the other one."""

    def drawn(item: Problem, rng: np.random.Generator) -> Iterator[str]:
        gold, other = _gold(item), _some_other(item, rng)
        return filled(templates, g=gold, o=other, t=_text(item, gold), u=_text(item, other))

    return drawn


def _bracketed(templates: Iterable[str]) -> tuple[str, ...]:
    return noise.between("(", ")", templates)


def _fields(item: Problem) -> dict[str, str]:
    return {"g": _gold(item)}


_denies = Wordings(_fields)
_WORDS = ("{g}qz", "qz{g}", "{g}{g}", "{g}{o}", "{g}5", "x{g}y", "{g}_1", "{g}'s", "{g}-{o}", "{g}²")


def _all(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    labels, gold, others = list(item.labels), _gold(item), _others(item)
    drawn = [labels[int(at)] for at in rng.permutation(len(labels))]
    for order in (labels, labels[::-1], [*others, gold], [gold, *others], drawn):
        bracketed = [f"({label})" for label in order]
        for joiner in (" ", ", ", " or ", "/", " and ", "\n", "; "):
            yield from framed(("{}", "The answer is {}."), (joiner.join(bracketed),))
            yield from framed(("Answer: {}", "\\boxed{{{}}}"), (joiner.join(order),))
        yield " ".join(f"\\boxed{{{label}}}" for label in order)
        yield "\n".join(f"The answer is ({label})." for label in order)
        yield "\n".join(f"({label}) {_text(item, label)}" for label in order)


def _unstated(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    # "The answer is (B). No." restates the option where "no" is its text.
    restated = f"({_gold(item)}) {_text(item, _gold(item))}".casefold()
    for text in _says(*_bracketed(noise.UNSTATED))(item, rng):
        if not " ".join(text.replace("}", "").replace(".", "").casefold().split()).endswith(restated):
            yield text


def _outside(item: Problem) -> Iterator[str]:
    known = {label.casefold() for label in item.labels}
    strange = ("Z", "0", "99", "-1", "é", "\u0661", "\uff21\uff22", "a b", "option")
    return framed(_FORMS, (label for label in strange if label.casefold() not in known))


def _constants(item: Problem) -> Iterator[str]:
    known = {text.casefold() for option in item.options for text in (option.label, option.text)}
    yield from (text for text in noise.NOTHING if text.strip(".").casefold() not in known)
    yield item.question
    yield item.question + "\n" + "\n".join(f"({option.label}) {option.text}" for option in item.options)


def _long(item: Problem) -> Iterator[str]:
    other = _others(item)[0]
    yield from noise.ENORMOUS
    yield f"The answer is ({_gold(item)}) or " * 1000 + f"({other})."
    yield f"({other}) " * 10_000


def _fullwidth(labels: Iterable[str]) -> Iterator[str]:
    return (chr(ord(label) + 0xFEE0) for label in labels if len(label) == 1 and "!" <= label <= "~")


def _lookalike(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    yield from _fullwidth(_others(item))
    yield from _says("({o}\u0301)", "The answer is ({o}\u200b).", "The answer is \u202e){o}(\u202c.")(item, rng)


def _convention(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    yield from _says(
        "({g}\u200b)", "(\u2060{g})", "The answer is ({g}) {u}", "The answer is {t}.", "The answer is probably ({g}).", "Maybe ({g})?"
    )(item, rng)
    yield from (_gold(item).swapcase(), *_fullwidth((_gold(item),)))


OPTION: Surface[Problem] = Surface(
    name="option",
    make=_make,
    of=_of,
    problem=lambda item: item,
    attacks=(
        wrong_answers("another option", "the label stated is that of another option", lambda item: framed(_FORMS, _others(item))),
        wrong_answers("all options", "every option is listed, so none is chosen", drawn=_all),
        wrong_answers(
            "two options", "two options are offered, so none is chosen",
            drawn=_says(
                *noise.HEDGES, *_bracketed(noise.HEDGES), "({g})({o})", "It is between ({g}) and ({o}).",
                "Both ({g}) and ({o}) are correct.",
            ),
        ),
        wrong_answers(
            "gold denied", "the text says that the right option is not the answer",
            _denies(*_bracketed(noise.NEGATIONS), *noise.NEGATIONS),
            _denies("({g}) is wrong.", "({g}) is incorrect.", "Option {g} can be ruled out.", "All options except ({g})."),
        ),
        wrong_answers("gold not stated", noise.UNSTATED_TRUTH, drawn=_unstated),
        wrong_answers(
            "gold taken back", "the last thing said is that another option is the answer",
            drawn=_says(*_bracketed(noise.CORRECTIONS), *noise.CORRECTIONS),
        ),
        wrong_answers(
            "gold inside a word", "the right label is only part of a longer word, which is no option",
            drawn=_says(
                *(frame.replace("{}", word) for word in _WORDS for frame in (*noise.FRAMES, "({})")),
                "{g} cat sat on the mat.", "{g} do not know.",
            ),
        ),
        wrong_answers("no such option", "the label stated is no label of the problem", _outside),
        wrong_answers(
            "hidden second answer", "another option is stated; the right one follows unseen", drawn=_says(*_bracketed(noise.HIDDEN)),
        ),
        wrong_answers("lookalike of another", "the sign stands for another option or for none", drawn=_lookalike),
        wrong_answers("nothing said", "constants, empty texts and the question itself choose no option", _constants),
        wrong_answers("enormous", "long texts that choose no option", _long),
        right_answers(
            "right, other forms", "states the right label once, in a usual form",
            drawn=_says(
                *(form.replace("{}", "{g}") for form in _FORMS), "({g}) {t}", "The answer is ({g}) {t}",
                "({o}) does not fit. The answer is ({g}).", "Option {o} is wrong.\n\nAnswer: ({g})", "The answer is ({g}), not ({o}).",
                *_bracketed(noise.REASSURED),
            ),
        ),
        open_answers("conventions", "case, look-alikes, option texts, doubts: a matter of convention", drawn=_convention),
    ),
)  # fmt: skip
"""Multiple choice: the answer is the label of one option."""
