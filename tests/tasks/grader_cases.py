"""Problems that the graders' tests share."""

from __future__ import annotations

from tokenworth.core.problem import AnswerKind, Option, Problem


def choice(*texts: str, labels: str = "ABCDEFGHIJ", gold: str | None = None) -> Problem:
    options = tuple(Option(label=label, text=text) for label, text in zip(labels, texts, strict=False))
    return Problem(id="p", question="?", options=options, gold=gold)


FOUR = choice("the cat", "bed", "cell wall", "dune", gold="C")
NUMBERED = choice("(1,1)", "4x", "7", "none", labels="1234", gold="3")


def free(gold: str | None, kind: AnswerKind) -> Problem:
    return Problem(id="p", question="?", gold=gold, kind=kind)
