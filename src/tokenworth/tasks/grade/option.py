"""The option label an answer text ends up with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tokenworth.core.grade import Grade, Verdict
from tokenworth.core.problem import Problem
from tokenworth.tasks.grade.answers import MAX_ANSWER, answer_label, boxed, statements, unparseable
from tokenworth.tasks.grade.asserted import asserted

_OPENER = r"(?:\\(?:boxed|fbox|text|textbf|mathbf|mathrm|mathsf|boldsymbol)\s{0,2}\{|\\\(|\\\[|[*_`\"'“‘(\[{$<]|\s){0,12}"
_NOUN = r"(?:(?:the\s{1,2})?(?:option|choice|letter|answer|number)s?\b\s{0,2}:?)?"
_CLOSER = re.compile(r"\\\)|\\\]|[)\]}*`\"”$>]|_(?!\w)|['’](?!s\b)")
_STOP = re.compile(r"[.:,;!?](?![\w])|\n|$")
_CONNECTIVE = re.compile(r"[ \t]+(?:because|since|as|for|due|which|and|or|but)\b|[ \t]*[—–(]|[ \t]+-[ \t]|[ \t]*[/&]|[ \t]+$|[ \t]+\n")
_ALSO = r"(?:and|or|but|also|maybe|perhaps|possibly|even|plus|as well as)"
_LIST = re.compile(
    r"[)\]}*_`\"'”’$>.:]{0,6}\s{0,2}(?:[,;/&+]|\b(?:and|or|as well as)\b)"
    rf"(?:\s{{1,2}}{_ALSO}\b){{0,2}}(?=[\s(*\[\"'$\\/&]|\w)"
)
_JOIN = (
    r"[)\]}*_`\"'”’$>]{0,6}(?P<stop>[ \t]{0,2}[.!?][)\]}*_]{0,4})?[ \t]{0,3}[,;:/&+]?[ \t]{0,2}"
    rf"(?:{_ALSO}\b,?[ \t]{{0,2}}){{0,3}}(?:(?:option|choice)[ \t]{{1,2}})?"
)
_END = re.compile(r"[)\]}*_`\"'”’$>.!?; \t]{0,12}(?:\n|\Z)")
_RIGHT = re.compile(
    r"[)\]}*_`\"'”’$>]{0,6}\s{1,2}(?:is|must be|would be)\s{1,2}(?:therefore\s)?(?:the\s)?(?:correct|right|best)\b"
    r"(?!\s+(?:for|if|only|about))"
)
_WRONG = re.compile(r"[^\n.]{0,30}?\b(?:not|isn't|incorrect|wrong|false|cannot|can't|eliminated?|ruled out)\b")
_NOT = re.compile(
    r"(?:not|n't|n’t|\bneither|\bnor|\bexcept|\banything but|\bthan|\brule out)(?:\sbe)?[\s}]{1,4}(?:option\s|choice\s)?$", re.IGNORECASE
)
_BRACKETS = "([{"
_BETWEEN = " )].,:*_`-–—\t\n}$\\"
_SHUT = " )]}*_`\"'$\\"
_MARKS = " )]}*_`\"'.:$>\\"
_BULLET = re.compile(r"(?:[#>•\s]|-(?!\d))+")  # a minus before a digit is a sign


_Place = tuple[str, int, int]
"""A label, with start and end of what states it."""


@dataclass(frozen=True, slots=True)
class _Patterns:
    at_start: re.Pattern[str]
    """A label, marks around it allowed, at the place where an answer is expected."""
    named: re.Pattern[str]
    """``option C`` anywhere."""
    marked: re.Pattern[str] | None
    """``(C)`` or ``**C**`` anywhere; None for numeric labels, which are marked like that in formulas too."""
    further: re.Pattern[str]
    """What joins one label to another in brackets or bold: ``(C) (D)``, ``(C) and also **D**``."""
    fold: dict[str, str]


@lru_cache(maxsize=64)
def _patterns(labels: tuple[str, ...]) -> _Patterns:
    one = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    folded = [label.casefold() for label in labels]
    unique = len(set(folded)) == len(folded)
    numeric = any(label.isdigit() for label in labels)
    square = "" if numeric else rf"\[(?P<square>{one})\]|"  # [1] is a footnote
    joined = rf"{_JOIN}(?:\((?P<round>{one})\)|{square}\*\*\(?(?P<bold>{one})\)?\*\*)"
    marked = rf"(?:(?<![\w)\]])\((?P<round>{one})\)|\*\*\(?(?P<bold>{one})\)?\*\*|\\text(?:bf)?\{{\(?(?P<text>{one})\)?\}})"
    return _Patterns(
        at_start=re.compile(rf"(?P<open>{_OPENER}{_NOUN}{_OPENER})(?P<label>{one})", re.IGNORECASE if unique else 0),
        named=re.compile(rf"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer){_OPENER}(?P<label>{one})(?!\w|[.,]\d)"),
        marked=None if numeric else re.compile(marked),
        further=re.compile(joined, re.IGNORECASE if unique else 0),
        fold=dict(zip(folded if unique else labels, labels, strict=True)),
    )


def _canonical(patterns: _Patterns, label: str) -> str | None:
    # None: a letter that matches without regard to case, yet folds to something else (the long s).
    return patterns.fold.get(label) or patterns.fold.get(label.casefold())


def _label_at(problem: Problem, patterns: _Patterns, text: str, at: int) -> tuple[str, int] | None:
    """The label that stands at ``at`` as a label, and where it ends; None for a word that only begins like one."""
    match = patterns.at_start.match(text, at)
    if match is None:
        return None
    label, end = _canonical(patterns, match["label"]), match.end()
    if label is None:
        return None
    opener, rest = match["open"], text[end:]
    closer = _CLOSER.match(rest)
    bracketed = any(mark in opener for mark in _BRACKETS) or (closer is not None and closer[0] == ")")
    if match["label"] != label and not (bracketed and closer):
        return None
    if closer or _STOP.match(rest) or _CONNECTIVE.match(rest) or _restates(problem, label, rest):
        return label, end
    return None


def _restates(problem: Problem, label: str, rest: str) -> bool:
    """Whether the text goes on with this option's own text."""
    texts = {option.label: option.text for option in problem.options}
    own = " ".join(texts[label].casefold().split()).rstrip(".")
    said = " ".join(rest[: 2 * len(own) + 40].lstrip(" )].:*_`-–—\t").casefold().split())
    # Neither "BB" nor "(B) is wrong" restates an option B whose text is "B" or "I".
    runs_on = rest[:1].isalnum() or (own[-1:].isalnum() and len(own) <= 40 and said[len(own) :][:1].isalnum())
    return bool(own) and not runs_on and said.startswith(own[:40])


def _after_own_text(problem: Problem, label: str, text: str, at: int) -> int:
    """Where the text goes on after the label at ``at`` and, where it is restated, this option's own text."""
    (own,) = (option.text.strip() for option in problem.options if option.label == label)
    start = at
    while start < len(text) and text[start] in " )].:*_`-–—\t":
        start += 1
    said = text[start : start + len(own)]
    return start + len(own) if own and said.casefold() == own.casefold() else at


def _after_restating(problem: Problem, label: str, text: str, at: int) -> int:
    """Where the text goes on after this option's own text, as often as it is restated; nothing else may stand in that sentence."""
    (own,) = (option.text.strip().rstrip(".") for option in problem.options if option.label == label)
    while own:
        start = at
        while start < len(text) and text[start] in _BETWEEN:
            start += 1
        end = start + len(own)
        if text[start:end].casefold() != own.casefold() or not _STOP.match(text[end:].lstrip(_SHUT)):
            break
        at = end
    return at


def _further(problem: Problem, patterns: _Patterns, text: str, label: str, at: int) -> list[str]:
    """Labels in brackets or bold that follow the label that ends at ``at`` in the same statement.

    After a full stop they count only when nothing else follows: "(C). (D)" states two labels, "(C). (D) is wrong" one.
    """
    found: list[str] = []
    after_stop: list[str] = []
    while True:
        at = _after_own_text(problem, label, text, at)
        match = patterns.further.match(text, at)
        said = "" if match is None else next(filter(None, (match[name] for name in match.re.groupindex if name != "stop")))
        following = _canonical(patterns, said)
        if match is None or following is None:
            break
        (after_stop if match["stop"] or after_stop else found).append(following)
        label, at = following, match.end()
    return [*found, *after_stop] if _END.match(text, at) else found


def _labels_at(problem: Problem, patterns: _Patterns, text: str) -> list[str]:
    """The label at the start of ``text``, with those listed after it ("A or B", "(A) (B)")."""
    found: list[str] = []
    at, end = 0, 0
    while (here := _label_at(problem, patterns, text, at)) is not None:
        label, end = here
        found.append(label)
        listed = _LIST.match(text, end)
        if listed is None:
            break
        at = listed.end()
    if not found:
        return []
    return [*found, *_further(problem, patterns, text, found[-1], end), *_listed_below(problem, patterns, text, end)]


def _stated(problem: Problem, patterns: _Patterns, text: str) -> list[_Place]:
    found: list[_Place] = []
    for box in boxed(text):
        found += ((label, box.start, box.end) for label in _labels_at(problem, patterns, box.answer))
    for rest in statements(text):
        here = _label_at(problem, patterns, rest.answer, 0)
        if here is not None:
            found += ((label, rest.start, rest.start + here[1]) for label in _labels_at(problem, patterns, rest.answer))
    named = ((match["label"], match.start(), match.end()) for match in patterns.named.finditer(text))
    for label, start, end in (*named, *_marks(patterns, text)):
        right = _RIGHT.match(text, end)
        if right:
            found.append((label, start, right.end()))
    return found


def _marks(patterns: _Patterns, text: str) -> Iterator[_Place]:
    """Each label in brackets or bold."""
    if patterns.marked is not None:
        for match in patterns.marked.finditer(text):
            yield match["round"] or match["bold"] or match["text"], match.start(), match.end()


def _bare(line: str) -> str:
    """A line without white space around it and the marks of headings and lists before it."""
    return _BULLET.sub("", line.strip(), count=1) if _BULLET.match(line.strip()) else line.strip()


def _listed_below(problem: Problem, patterns: _Patterns, text: str, at: int) -> list[str]:
    """Labels that make up the whole lines after the one in which the label that ends at ``at`` is the last thing."""
    found: list[str] = []
    first, *lines = text[at : at + MAX_ANSWER].split("\n")
    if first.strip(_MARKS):
        return found
    for line in filter(None, map(_bare, lines)):
        here = _label_at(problem, patterns, line, 0)
        if here is None or line[here[1] :].strip(_MARKS):
            break
        found.append(here[0])
    return found


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """(line, where its last visible character ends) of each line, without the marks before it."""
    at = 0
    for line in text.splitlines(keepends=True):
        yield _bare(line), at + len(line.rstrip())
        at += len(line)


def _alone(problem: Problem, patterns: _Patterns, text: str) -> list[_Place]:
    """Labels that make up a whole line."""
    found: list[_Place] = []
    for line, end in _lines(text):
        here = _label_at(problem, patterns, line, 0) if len(line) <= 40 else None
        if here is not None and not line[here[1] :].strip(_MARKS):
            found.append((here[0], end - len(line), end - len(line) + here[1]))
    return found


def _leading(problem: Problem, patterns: _Patterns, text: str) -> list[_Place]:
    """Labels that begin a line and are followed by their own option's text."""
    found: list[_Place] = []
    for line, end in _lines(text):
        match = patterns.at_start.match(line)
        if match is not None and line[match.end() :][:1] in {")", "]", ".", ":", "*", " "}:
            label = _canonical(patterns, match["label"])
            if label is not None and label == match["label"] and _restates(problem, label, line[match.end() :]):
                start = end - len(line)
                found += ((one, start, start + match.end()) for one in (label, *_further(problem, patterns, line, label, match.end())))
    return found


def _mentioned(patterns: _Patterns, text: str) -> list[_Place]:
    """Labels mentioned anywhere in brackets, bold or after "option", unless one is ruled out: then nothing is read."""
    found: list[_Place] = []
    named = ((match["label"], match.start(), match.end()) for match in patterns.named.finditer(text))
    for label, start, end in (*_marks(patterns, text), *named):
        if _WRONG.match(text, end) or _NOT.search(text[max(0, start - 24) : start]):
            return []
        found.append((label, start, end))
        beside = patterns.marked and patterns.marked.match(text[end : end + 40])  # ``(C)(D)``: the second has no space before it
        if beside:
            found.append((beside["round"] or beside["bold"] or beside["text"], start, end + beside.end()))
    return found


def option(problem: Problem, text: str) -> Grade:
    """Grade of the option label the text states.

    Read in this order, the first that gives any label decides: statements ("The answer is (C)", "**Answer:** C",
    ``\\boxed{C}``, "option C is correct"); a line that is only a label; a line that is a label and its option's text; a
    label in brackets or bold. Two different labels, or none: unparseable; so is a statement that goes on to another label
    ("The answer is (C) (D)", "(C) and also (D)"), unless that is ruled out ("(C), not (D)"). Only the problem's labels count, and a bare
    letter counts only where it stands as a label ("A cat" is not option A, unless that is its text). A text that does not stand by the
    last place that decides ("The answer is (C). No, that is wrong.") is unparseable (`asserted`).
    """
    if not problem.options or not text.strip():
        return unparseable()
    patterns = _patterns(problem.labels)
    found = (
        _stated(problem, patterns, text)
        or _alone(problem, patterns, text)
        or _leading(problem, patterns, text)
        or _mentioned(patterns, text)
    )
    if len({label for label, _, _ in found}) != 1:
        return unparseable()
    label, start, end = max(found, key=lambda place: place[1:])
    if not asserted(text, start, _after_restating(problem, label, text, end), strict=False):
        return unparseable()
    if problem.gold is None:
        return Grade(outcome=answer_label(label), verdict=Verdict.UNKNOWN)
    return Grade(outcome=answer_label(label), verdict=Verdict.CORRECT if label == problem.gold else Verdict.INCORRECT)
