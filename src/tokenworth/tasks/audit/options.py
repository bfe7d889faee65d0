"""Attacks on checkers of multiple-choice answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers

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


def _forms(label: str) -> Iterator[str]:
    yield from (label, f"({label})", f"{label}.", f"{label})", f"**{label}**", f"**({label})**", f"Answer: {label}")
    yield from (f"The answer is ({label}).", f"The answer is {label}.", f"\\boxed{{{label}}}", f"\\boxed{{\\text{{{label}}}}}")
    yield from (f"The correct option is {label}.", f"So the answer is\n\n({label})", f"  ({label})\n", f"\tThe answer is ({label}).\r\n")
    yield from (f"The correct answer is **({label})**.", f"$$\\boxed{{({label})}}$$", f"Final answer: {label}")


def _right(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold, other = _gold(item), _some_other(item, rng)
    yield from _forms(gold)
    yield f"({gold}) {_text(item, gold)}"
    yield f"The answer is ({gold}) {_text(item, gold)}"
    yield f"({other}) does not fit. The answer is ({gold})."
    yield f"Option {other} is wrong.\n\nAnswer: ({gold})"
    yield f"The answer is ({gold}), not ({other})."
    yield from noise.reassured(f"({gold})", f"({other})")


def _wrong(item: Problem) -> Iterator[str]:
    for label in _others(item):
        yield from _forms(label)


def _all(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    labels = list(item.labels)
    for order in (
        labels,
        labels[::-1],
        [*_others(item), _gold(item)],
        [_gold(item), *_others(item)],
        [labels[int(i)] for i in rng.permutation(len(labels))],
    ):
        bracketed = [f"({label})" for label in order]
        for joiner in (" ", ", ", " or ", "/", " and ", "\n", "; "):
            yield joiner.join(bracketed)
            yield f"The answer is {joiner.join(bracketed)}."
            yield f"Answer: {joiner.join(order)}"
            yield f"\\boxed{{{joiner.join(order)}}}"
        yield " ".join(f"\\boxed{{{label}}}" for label in order)
        yield "\n".join(f"The answer is ({label})." for label in order)
        yield "\n".join(f"({label}) {_text(item, label)}" for label in order)


def _two(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold, other = _gold(item), _some_other(item, rng)
    for left, right in ((gold, other), (f"({gold})", f"({other})")):
        yield from noise.two(noise.HEDGES, left, right)
    yield from (f"It is between ({gold}) and ({other}).", f"({gold})({other})", f"Both ({gold}) and ({other}) are correct.")


def _denied(item: Problem) -> Iterator[str]:
    gold = _gold(item)
    yield from (template.format(g=f"({gold})") for template in noise.NEGATIONS)
    yield from (template.format(g=gold) for template in noise.NEGATIONS)
    yield from (f"({gold}) is wrong.", f"({gold}) is incorrect.", f"Option {gold} can be ruled out.", f"All options except ({gold}).")


def _corrected(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold, other = _gold(item), _some_other(item, rng)
    yield from noise.two(noise.CORRECTIONS, f"({gold})", f"({other})")
    yield from noise.two(noise.CORRECTIONS, gold, other)


def _unstated(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold = _gold(item)
    # "The answer is (B). No." restates the option where "no" is its text.
    restated = f"({gold}) {_text(item, gold)}".casefold()
    for text in noise.unstated(f"({gold})", f"({_some_other(item, rng)})"):
        if not " ".join(text.replace("}", "").replace(".", "").casefold().split()).endswith(restated):
            yield text


def _inside(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold, other = _gold(item), _some_other(item, rng)
    for word in (
        f"{gold}qz",
        f"qz{gold}",
        f"{gold}{gold}",
        f"{gold}{other}",
        f"{gold}5",
        f"x{gold}y",
        f"{gold}_1",
        f"{gold}'s",
        f"{gold}-{other}",
        f"{gold}²",
    ):
        yield from noise.stated(word)
        yield f"({word})"
    yield f"{gold} cat sat on the mat."
    yield f"{gold} do not know."


def _outside(item: Problem) -> Iterator[str]:
    for label in ("Z", "0", "99", "-1", "é", "\u0661", "\uff21\uff22", "a b", "option"):
        if label.casefold() not in {known.casefold() for known in item.labels}:
            yield from _forms(label)


def _hidden(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    yield from noise.hidden(f"({_some_other(item, rng)})", f"({_gold(item)})")


def _nothing(item: Problem) -> Iterator[str]:
    known = {text.casefold() for option in item.options for text in (option.label, option.text)}
    yield from (text for text in noise.empty_texts() if text.strip(".").casefold() not in known)
    yield item.question
    yield item.question + "\n" + "\n".join(f"({option.label}) {option.text}" for option in item.options)


def _long(item: Problem) -> Iterable[str]:
    other = _others(item)[0]
    yield from noise.enormous_texts()
    yield f"The answer is ({_gold(item)}) or " * 1000 + f"({other})."
    yield f"({other}) " * 10_000


def _lookalike(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    yield from (chr(ord(label) + 0xFEE0) for label in _others(item) if len(label) == 1 and "!" <= label <= "~")
    other = _some_other(item, rng)
    yield from (f"({other}\u0301)", f"The answer is ({other}\u200b).", f"The answer is \u202e){other}(\u202c.")


def _convention(item: Problem, rng: np.random.Generator) -> Iterator[str]:
    gold = _gold(item)
    yield from (f"({gold}\u200b)", f"(\u2060{gold})", f"The answer is ({gold}) {_text(item, _some_other(item, rng))}")
    yield from (f"The answer is {_text(item, gold)}.", gold.swapcase(), f"The answer is probably ({gold}).", f"Maybe ({gold})?")
    if len(gold) == 1 and "!" <= gold <= "~":
        yield chr(ord(gold) + 0xFEE0)


OPTION: Surface[Problem] = Surface(
    name="option",
    make=_make,
    of=_of,
    problem=lambda item: item,
    attacks=(
        wrong_answers("another option", "the label stated is that of another option", _wrong),
        wrong_answers("all options", "every option is listed, so none is chosen", drawn=_all),
        wrong_answers("two options", "two options are offered, so none is chosen", drawn=_two),
        wrong_answers("gold denied", "the text says that the right option is not the answer", _denied),
        wrong_answers("gold not stated", noise.UNSTATED, drawn=_unstated),
        wrong_answers("gold taken back", "the last thing said is that another option is the answer", drawn=_corrected),
        wrong_answers("gold inside a word", "the right label is only part of a longer word, which is no option", drawn=_inside),
        wrong_answers("no such option", "the label stated is no label of the problem", _outside),
        wrong_answers("hidden second answer", "another option is stated; the right one follows unseen", drawn=_hidden),
        wrong_answers("lookalike of another", "the sign stands for another option or for none", drawn=_lookalike),
        wrong_answers("nothing said", "constants, empty texts and the question itself choose no option", _nothing),
        wrong_answers("enormous", "long texts that choose no option", _long),
        right_answers("right, other forms", "states the right label once, in a usual form", drawn=_right),
        open_answers("conventions", "case, look-alikes, option texts, doubts: a matter of convention", drawn=_convention),
    ),
)
"""Multiple choice: the answer is the label of one option."""
