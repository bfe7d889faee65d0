"""Finds where an answer text states its answer: boxes, and sentences such as "The answer is …"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenworth.core.grade import RESERVED_OUTCOMES, UNPARSEABLE, Grade, Verdict

MAX_ANSWER = 400
"""Characters of the longest answer that is read; what is longer is not an answer."""
_MAX_LABEL = 40
_MAX_BOXES = 32

_LINK = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|will\s+be|remains|:|=|-|–|—|→|⇒)"
_ADVERB = r"(?:therefore|thus|then|hence|indeed|clearly|likely|most\s+likely|actually|still|simply|probably|definitely)"
_LEAD = re.compile(
    r"\b(?:answer|(?:correct|right|best|final|chosen)\s+(?:option|choice|letter|response))\b"
    r"(?:"
    r"[*_\s\"”]{0,6}(?:(?:to|for|of)\s[^\n:.]{0,80}?)?(?:\s{0,3}(?:choice|option|letter|here|number)\b)?[*_\s]{0,4}"
    rf"{_LINK}(?![a-z])(?:[\s*_,]{{0,4}}{_ADVERB}\b)?[\s*_,]{{0,4}}:?"
    r"|[*_:# \t]{0,6}\n"
    r")",
    re.IGNORECASE,
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def unparseable() -> Grade:
    """The grade of a text in which no single answer can be read."""
    return Grade(outcome=UNPARSEABLE, verdict=Verdict.UNKNOWN)


def answer_label(label: str) -> str:
    """The label of an answer: itself, in quotes where it is one of the labels that never name an answer."""
    return f"‘{label}’" if label in RESERVED_OUTCOMES else label


def outcome_label(answer: str) -> str:
    """A short label for a free answer: one line, at most 40 characters, never one of the reserved labels."""
    label = " ".join(answer.split())
    if len(label) > _MAX_LABEL:
        label = label[: _MAX_LABEL - 1] + "…"
    return answer_label(label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """An answer that a text states, and where it stands in the text."""

    answer: str
    start: int
    end: int


def boxed(text: str) -> list[Stated]:
    """Contents of the last ``\\boxed{…}`` groups, in order, braces balanced; a box that never closes is left out."""
    found: list[Stated] = []
    for match in list(_BOX.finditer(text))[-_MAX_BOXES:]:
        depth = 1
        for at in range(match.end(), min(len(text), match.end() + MAX_ANSWER + 1)):
            if text[at] == "{" and text[at - 1] != "\\":
                depth += 1
            elif text[at] == "}" and text[at - 1] != "\\":
                depth -= 1
                if depth == 0:
                    found.append(Stated(answer=text[match.end() : at].strip(), start=match.end(), end=at))
                    break
    return found


def statements(text: str, *, window: int = MAX_ANSWER) -> Iterator[Stated]:
    """What follows each "the answer is", "final answer:", … up to ``window`` characters; one that leads to another is skipped."""
    for match in _LEAD.finditer(text):
        rest = text[match.end() : match.end() + window]
        if not _LEAD.search(_sentence(rest.lstrip("\n"))):
            yield Stated(answer=rest, start=match.end(), end=match.end() + len(rest))


_SENTENCE_END = re.compile(r"(?<=[^\s.])\.(?=\s|$)|(?<=[^\W\d_]{2})[!?](?=\s|$)|\n")


def _sentence(text: str) -> str:
    return _SENTENCE_END.split(text, maxsplit=1)[0]


_COMMENT = re.compile(r"(?:in)?correct\b|wrong\b|right\b|not\b|below\b|above\b", re.IGNORECASE)
_WRAPS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("*", "*"), ("`", "`"), ('"', '"'), ("“", "”"))


def unwrapped(answer: str) -> str:
    """The answer without the marks around it (dollar signs, bold, quotes) and without a final full stop."""
    answer = answer.strip()
    while True:
        before = answer
        answer = answer.strip().strip("*_").removesuffix(".").strip()
        for left, right in _WRAPS:
            if len(answer) >= len(left) + len(right) and answer.startswith(left) and answer.endswith(right):
                answer = answer[len(left) : len(answer) - len(right)].strip()
        if answer == before:
            return answer


_DENIED = re.compile(
    r"(?:\bnot|n't|n’t|\bcannot|\bnever|\banything but|\bexcept|\b(?:more|less|fewer|greater|larger|smaller|higher|lower|other) than"
    r"|\bat (?:least|most)|\b(?:above|below|over|under|between|one of|minus|negative))(?:\s(?:be|equal|equal to))?[\s}({$\[*]*\Z",
    re.IGNORECASE,
)


def denied(before: str) -> bool:
    """Whether the words right before an answer deny or bound it: "not", "anything but", "more than", "one of" …"""
    return _DENIED.search(before[-40:]) is not None


def stated(text: str) -> list[Stated]:
    """The answers a text states: every box and the rest of every answer sentence, in that order, unwrapped."""
    found = [(box.answer, box.start) for box in boxed(text)]
    for statement in statements(text):
        rest = statement.answer.strip().lstrip(":").strip()
        line = rest.split("\n", 1)[0]
        if _BOX.search(line) or _COMMENT.match(line):
            continue
        found.append((_sentence(line), statement.start))
    unwraps = ((unwrapped(answer), start) for answer, start in found)
    return [_placed(text, answer, start) for answer, start in unwraps if answer]


def _placed(text: str, answer: str, at: int) -> Stated:
    # Unwrapping only takes marks away at both ends, so the answer is found where it stands.
    start = text.index(answer, at)
    return Stated(answer=answer, start=start, end=start + len(answer))
