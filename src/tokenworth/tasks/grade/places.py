"""Where an answer text states its answer.

Every grader reads a text in the same way; only what counts as one whole answer differs (`AnswerReader`).

**Places.** An answer is read where an instruction asks for one: in ``\\boxed{…}``, ``<answer>…</answer>``, box tokens, ``{"answer": …}``,
on a line after ``####``, and after words such as "the answer is", "Answer:", "Antwort:", "答案是" (`words.LEADS`), whatever emphasis or
line break is around them. "If the answer is …" and "Bob's answer is …" are no such places.

**The whole answer.** What stands in a place, less the words of `words.FRAME` around it ("therefore", "option", "here"), is read as a
whole or not at all. A reader that finds more than one answer's worth ("I and II only", "6 feet 2 inches") reads nothing, and never how it
begins.

**The last word** (`stated`). The last place decides. Where another place says something else, the text is unparseable. So it is where a
later clause that consists of an answer and frame words says something else ("Update: C", "…, which is C"), and where the sentence goes
on, or the next ones begin, by denying, doubting or withdrawing the answer ("…, but I doubt it", "Wait, …"): a short list of English
words.

**No place.** Then such clauses are read by themselves ("C.", "I'd pick C", "It's 18."). Everything else is unparseable.

All of it takes time linear in the text: the last 32 places and the last 200 clauses are looked at, and 400 characters of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.text import CJK, END, denied, framed, lower, reported

T = TypeVar("T")
MAX_ANSWER = 400
"""Characters of the longest answer that is read; what is longer is not an answer."""
_MOST = 32

BOX, SAID, CLAUSE = "box", "said", "clause"
"""Where a text stands that is read: in a place that ends where the answer ends, in one that does not, in a clause of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRead(Generic[T]):
    """An answer that was read at the start of a text."""

    value: T
    end: int
    """Where it ends in that text."""
    listed: bool = False
    """Whether it may be an item of a list of answers: a label with its own text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReader(Generic[T]):
    """What counts as one whole answer."""

    read: Callable[[str, str], AnswerRead[T] | None]
    """(text, where) -> the answer that the text begins with, or consists of in a box; None where it is not one answer."""
    begins: Callable[[str], T | None]
    """The answer that a text begins with, after another one."""
    same: Callable[[T, T], bool]
    hint: Callable[[str], T | None] = lambda sentence: None
    """The answer that a later sentence may be meant to give instead, where its last word is unmistakable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPlace:
    """A place in which an answer is stated."""

    mark: int
    """Where what opens it begins."""
    start: int
    end: int
    """Where a box, or the line, ends."""
    where: str
    refused: bool = False
    """Whether no answer is stated here after all: "If the answer is …", a box that does not close."""


_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>-?(?:\\[A-Za-z]+)?[\w.,{}]{1,60}))")
_CLOSED = re.compile(
    r"(?:<(?:final_)?answer>|\[answer\]|<\|begin_of_box\|>)(?P<tag>.{0,400}?)(?:</(?:final_)?answer>|\[/answer\]|<\|end_of_box\|>|\Z)"
    r"""|["'](?:final[_ ]?)?answer["']\s{0,4}:\s{0,4}(?:"(?P<double>[^"\n]{0,400})"|'(?P<single>[^'\n]{0,400})'|(?P<bare>[-\d.,]{1,60}))"""
    r"|####[ \t]*(?P<hashes>[^\n]{1,400})|\A(?P<begun>[^<]{1,400})</(?:final_)?answer>",
    re.IGNORECASE | re.DOTALL,
)
_KIND = r"(?:correct|right|best|final|chosen|closest|appropriate)\s{1,3}(?:option|choice|letter|response|statement)"
_AFTER = r"(?:\s(?:to|for)\s[^\n:.?!]{0,80}?)?(?:\s(?:choice|option|letter|number|here))?"
_LINK = (
    r"(?:\s{1,3}(?:is|was|are|(?:would|should|must|will)\s(?:be|then\sbe)|remains)\b\s{0,3}:?"
    r"|\s{0,3}(?:->|=>|[:=→⇒])|\s[-–—](?=\s)|[ \t:]*\n)"
)
_ENGLISH = rf"(?<![\w'-])(?P<english>(?:answers?|ans|{_KIND}){_AFTER}{_LINK}|(?:update|correction|edit|revised|corrected)\s{{0,2}}:)"


def _other(nouns: str, follows: str, links: str) -> str:
    """The pattern of the leads of another language; their words are bounded by other signs where the script has spaces."""
    spaced = re.match(f"[{CJK}\\u0e00-\\u0e7f[]", nouns) is None
    between = rf"(?:\s{{0,3}}(?:{follows}))?\s{{0,3}}" if follows else r"\s{0,3}" if spaced else ""
    edges = (r"(?<!\w)", r"(?!\w)") if spaced else ("", "")
    return rf"{edges[0]}(?:{nouns}){between}" + (rf"(?:(?:{links}){edges[1]}\s{{0,3}}:?|:)" if links else ":?")


_LEAD = re.compile("|".join((_ENGLISH, *(_other(*lead[1:]) for lead in words.LEADS))), re.IGNORECASE)
_BEFORE = re.compile(r"[.!?][\"')\]]*\s|[,;:(—]|\n")


def _boxes(text: str) -> Iterator[AnswerPlace]:
    for match in list(_BOX.finditer(text))[-_MOST:]:
        start, end = match.span("bare") if match["bare"] else (match.end(), match.end())
        depth = 0 if match["bare"] else 1
        while depth and end < min(len(text), start + MAX_ANSWER):
            depth += 0 if text[end - 1] == "\\" else (text[end] == "{") - (text[end] == "}")
            end += 1
        end -= not match["bare"]
        end = start + len(text[start:end].rstrip(".,")) if match["bare"] else end
        yield AnswerPlace(mark=match.start(), start=start, end=end, where=BOX, refused=depth > 0)


def _leads(text: str) -> Iterator[AnswerPlace]:
    for match in list(_LEAD.finditer(text))[-_MOST:]:
        start = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip(" \t\n:"))
        over = start + framed(text[start : start + MAX_ANSWER])
        if over == len(text) or text.startswith("that ", start) or (over > start and text[over] in ".!"):
            continue  # nothing follows, or a remark: "so the answer is correct."
        end = text.find("\n", start, start + MAX_ANSWER)
        before = text[max(0, match.start() - 200) : match.start()]
        clause, sentence = _BEFORE.split(before)[-1], END.split(before)[-1]
        own = match["english"] is None or not lower(clause) or lower(clause)[-1] in words.KINDS
        yield AnswerPlace(
            mark=match.start(), start=start, end=end if end >= 0 else min(len(text), start + MAX_ANSWER), where=SAID,
            refused=not own or denied(clause, words.SUPPOSED) or reported(sentence),
        )  # fmt: skip


def places(text: str) -> list[AnswerPlace]:
    """The last places of a text, in order."""
    closed = (match for match in list(_CLOSED.finditer(text))[-_MOST:])
    spans = ((match.start(), *match.span(match.lastgroup or 0)) for match in closed)
    found = [*_boxes(text), *_leads(text), *(AnswerPlace(mark=mark, start=start, end=end, where=BOX) for mark, start, end in spans)]
    found.sort(key=lambda place: place.mark)
    kept: list[AnswerPlace] = []
    for place, after in zip(found, [*found[1:], None], strict=False):
        # A statement that leads to another place in its sentence is not one of its own: "The answer is \boxed{C}".
        stop = END.search(text, place.start, place.end)
        if place.where == BOX or after is None or after.mark >= (stop.start() if stop else place.end):
            kept.append(place)
    return kept[-_MOST:]


CONTRAST = re.compile(r"\s*not\s[^\n.]{1,80}?\bbut\s(?:rather\s)?", re.IGNORECASE)
"""What comes before an answer in "not B but C"."""


def read_place(text: str, place: AnswerPlace, reader: AnswerReader[T]) -> AnswerRead[T] | None:
    """What is read in a place, with or without the words of a frame before it; its end is that in the text."""
    if place.refused:
        return None
    said = text[place.start : place.end if place.where == BOX else place.start + MAX_ANSWER]
    contrast = CONTRAST.match(said, framed(said)) if place.where == SAID else None
    for at in (contrast.end(),) if contrast else (0, framed(said)):
        start = len(said) - len(said[at:].lstrip())
        read = reader.read(said[start:], place.where)
        if read is not None:
            return replace(read, end=place.start + start + read.end)
    return None
