"""Where an answer text states its answer, and whether it stands by it.

Every grader reads a text in the same way; only what counts as one whole answer differs (`Reader`).

**Places.** An answer is read where an instruction asks for one: in ``\\boxed{…}``, ``<answer>…</answer>``, box tokens, ``{"answer": …}``, on a
line after ``####``, and after words such as "the answer is", "Answer:", "Antwort:", "答案是" (`words.LEADS`), which emphasis or a line break may
surround. "If the answer is …" and "Bob's answer is …" are no such places.

**The whole answer.** What stands in a place, less the words of `words.FRAME` around it ("therefore", "option", "here"), is read as a whole or not
at all: a reader that finds more than one answer's worth ("I and II only", "6 feet 2 inches") reads nothing, and never the beginning of it.

**The last word.** The last place decides. Where another place says something else, the text is unparseable; so it is where a later clause
that consists of such words and another answer replaces it ("Update: C", "…, which is C"), and where its sentence or the next ones deny, doubt or
withdraw it ("That is wrong."; a short list of words, `words.WITHDRAWS` and `words.DENIED`).

**No place.** Without any, clauses are read that consist of an answer and words of `words.FRAME` alone ("C.", "I'd pick C", "It's 18."). A
grader may add one way of its own. Everything else is unparseable.

All of it takes time linear in the text: the last 32 places and the last 200 clauses are looked at, and 400 characters of each.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.text import CJK, CLAUSE, CUT, END, MARKS, WORD, denied, framed, innocent, lower, stops

T = TypeVar("T")
MAX_ANSWER = 400
"""Characters of the longest answer that is read; what is longer is not an answer."""
_MOST_PLACES = 32
_MOST_CLAUSES = 200
_NEAR = 6
"""Words of a clause after an answer in which it may be denied."""
_MOST_SENTENCES = 12
"""Sentences after an answer in which it may be withdrawn."""

# -- places


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[T]):
    """An answer that was read at the start of a text."""

    value: T
    end: int
    """Where it ends in that text."""
    listed: bool = False
    """Whether it may be an item of a list of answers: a label with its own text."""
    loose: bool = False
    """Whether it counts outside of a place only as the last thing said: an option's text alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Generic[T]):
    """What counts as one whole answer."""

    read: Callable[[str, bool], Read[T] | None]
    """(text, closed) -> the answer that the text begins with, or consists of where it is closed; None where it is not one answer."""
    begins: Callable[[str], T | None]
    """The answer that a text begins with: another one, after a first."""
    same: Callable[[T, T], bool]
    alone: bool = True
    """Whether a clause can be told to be an answer by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in which an answer is stated."""

    mark: int
    """Where what opens it begins."""
    start: int
    end: int
    closed: bool
    """Whether it ends where the answer ends, as a box does."""
    refused: bool = False
    """Whether no answer is stated here after all: "If the answer is …", a box that does not close."""


_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?=[-\\\w.]))")
_BARE = re.compile(r"-?(?:\\[A-Za-z]+)?[\w.,{}]*")
_PAIR = re.compile(
    r"(?:<(?:final_)?answer>|\[answer\]|<\|begin_of_box\|>)(?P<said>.{0,400}?)(?:</(?:final_)?answer>|\[/answer\]|<\|end_of_box\|>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FIELD = re.compile(
    r"""["'](?:final[_ ]?)?answer["']\s{0,4}:\s{0,4}(?:"(?P<d>[^"\n]{0,400})"|'(?P<s>[^'\n]{0,400})'|(?P<n>[-\d.,]{1,60}))""", re.IGNORECASE
)
_HASHES = re.compile(r"####[ \t]*(?P<said>[^\n]{1,400})")


def _leads() -> re.Pattern[str]:
    word_link = r"\s{1,3}(?:is|was|are|(?:would|should|must|will)\s(?:be|then\sbe)|remains)\b\s{0,3}:?"
    link = rf"(?:{word_link}|\s{{0,3}}(?:[:=→⇒]|->|=>)|\s[-–—](?=\s)|[ \t:]*\n)"
    kind = r"(?:correct|right|best|final|chosen|closest|appropriate)\s{1,3}(?:option|choice|letter|response|statement)"
    after = r"(?:\s(?:to|for)\s[^\n:.?!]{0,80}?)?(?:\s(?:choice|option|letter|number|here))?"
    english = rf"(?<![\w'-])(?P<english>(?:answers?|ans|{kind}){after}{link}|(?:update|correction|edit|revised|corrected)\s{{0,2}}:)"
    others: list[str] = []
    for _, nouns, follows, links in words.LEADS:
        gap = "" if "選" in nouns else r"\s{0,3}"
        between = rf"(?:\s{{0,3}}(?:{follows}))?" if follows else ""
        needed = rf"{gap}(?:(?:{links})\s{{0,3}}:?|:)" if links else rf"{gap}:?"
        word = r"(?<!\w)" if nouns[0].isalpha() and not re.match(f"[{CJK}\\u0e00-\\u0e7f[]", nouns) else ""
        edge = r"(?!\w)" if links and re.search(r"[a-zéèäöüÀ-ž\u0370-\u05ff\u0600-\u06ff]\Z", links) else ""
        others.append(rf"{word}(?:{nouns}){between}{needed}{edge}")
    return re.compile(f"{english}|{'|'.join(others)}", re.IGNORECASE)


_LEAD = _leads()
_BEFORE = re.compile(r"[.!?][\"')\]]*\s|[,;:(—]|\n")


def _introduces(text: str, start: int, english: bool) -> bool:
    """Whether the clause before a lead leaves it a statement of the text's own answer."""
    clause = _BEFORE.split(text[max(0, start - 200) : start])[-1]
    said = lower(clause)
    return not denied(clause, words.SUPPOSED) and (not english or not said or said[-1] in words.KINDS)


def _boxes(text: str) -> Iterator[Place]:
    for match in list(_BOX.finditer(text))[-_MOST_PLACES:]:
        at = match.end()
        if text[at - 1] != "{":
            end = at + len(_BARE.match(text, at, at + 60)[0].rstrip(".,"))  # type: ignore[index]
            yield Place(mark=match.start(), start=at, end=end, closed=True)
            continue
        depth = 1
        for end in range(at, min(len(text), at + MAX_ANSWER + 1)):
            depth += (text[end] == "{" and text[end - 1] != "\\") - (text[end] == "}" and text[end - 1] != "\\")
            if depth == 0:
                break
        yield Place(mark=match.start(), start=at, end=end if depth == 0 else at, closed=True, refused=depth > 0)  # pyright: ignore


def _places(text: str) -> list[Place]:
    """The last places of a text, in order."""
    found = list(_boxes(text))
    for pattern in (_PAIR, _FIELD, _HASHES):
        for match in list(pattern.finditer(text))[-_MOST_PLACES:]:
            start, end = match.span(match.lastgroup or 0)
            found.append(Place(mark=match.start(), start=start, end=end, closed=True))
    for match in list(_LEAD.finditer(text))[-_MOST_PLACES:]:
        start = match.end()
        while start < len(text) and text[start] in " \t\n:":
            start += 1
        if start == len(text) or text.startswith("that ", start):
            continue
        said = framed(text[start : start + MAX_ANSWER])[0]
        if said and (start + said == len(text) or text[start + said] in ".!"):
            continue  # "so the answer is correct."
        end = text.find("\n", start, start + MAX_ANSWER)
        end = end if end >= 0 else min(len(text), start + MAX_ANSWER)
        refused = not _introduces(text, match.start(), match["english"] is not None)
        found.append(Place(mark=match.start(), start=start, end=end, closed=False, refused=refused))
    found.sort(key=lambda place: place.mark)
    kept: list[Place] = []
    for place, after in zip(found, [*found[1:], None], strict=False):
        # A statement that leads to another place in its sentence is not one of its own: "The answer is \boxed{C}".
        sentence = END.search(text, place.start, place.end)
        if place.closed or after is None or after.mark >= (sentence.start() if sentence else place.end):
            kept.append(place)
    return kept[-_MOST_PLACES:]


_CONTRAST = re.compile(r"not\s[^\n.]{1,80}?\bbut\s(?:rather\s)?", re.IGNORECASE)


def _read(text: str, place: Place, reader: Reader[T]) -> Read[T] | None:
    """What is read in a place; its end is that in the text."""
    said = text[place.start : place.end if place.closed else place.start + MAX_ANSWER]
    at, _ = framed(said)
    contrast = None if place.closed else _CONTRAST.match(said, at)
    for start in dict.fromkeys((contrast.end(),) if contrast else (0, at)):
        read = reader.read(said[start:], place.closed)
        if read is not None:
            return Read(value=read.value, end=place.start + start + read.end)
    return None


_SHUT = re.compile(r"\A\}(?:[.,;]?\s?(?:\$\$?|\\[)\]]))?|\A</?\S{1,20}>|\A[\"'}]+")
"""What closes a place: the rest of a box and of the formula around it."""


def stated(text: str, reader: Reader[T]) -> list[T] | None:
    """The answers that a text states, the deciding one last; empty where it does not stand by it, None where nothing is stated."""
    places = _places(text)
    tail = text.rstrip()
    read = [(place, None if place.refused else _read(text, place, reader)) for place in places]
    # A heading is no answer: a line after #### counts where it is one whole answer.
    read = [(p, one) for p, one in read if one is not None or not text.startswith("####", p.mark) or p.end >= len(tail)]
    # A supposed or foreign answer beside one that is stated is none either.
    read = [(p, one) for p, one in read if not p.refused or p.closed] or read
    if not read:
        return None
    last, answer = read[-1]
    if answer is None:
        after = [one for one in clauses(text[last.end :], reader) if not one.denied]
        strong = [one.value for one in after if not one.listed] or [one.value for one in after]
        return strong if strong and not last.refused else []
    found = [one.value for _, one in read if one is not None]
    rest = _SHUT.sub("", text[answer.end :], count=1) if last.closed else text[answer.end :]
    return [] if _replaced(rest, answer.value, reader) or not settled(rest, answer.value, reader) else found


# -- clauses that are an answer and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause(Generic[T]):
    """A clause that consists of an answer and words of a frame."""

    value: T
    end: int
    listed: bool
    whole: bool
    """Whether it is a line that says nothing else."""
    denied: bool
    """Whether its sentence denied or doubted something before it."""


def clauses(text: str, reader: Reader[T], *, loose: bool = True) -> list[Clause[T]]:
    """The clauses of the end of a text that consist of an answer and words of a frame, in order."""
    if not reader.alone:
        return []
    text = text.rstrip()
    starts = [(0, True)]
    starts += ((match.end(), match[0][0] in ".!?…" or "\n" in match[0]) for match in CLAUSE.finditer(text))
    found: list[Clause[T]] = []
    listed = -1  # where the line ends that is an item of a list: its clauses say something about that item
    for start, opens in starts[-_MOST_CLAUSES:]:
        line = text.find("\n", start, start + MAX_ANSWER)
        end = line if line >= 0 else min(len(text), start + MAX_ANSWER)
        begin = start + (len(MARKS.match(text, start, end)[0]) if opens else 0)  # type: ignore[index]
        at, count = framed(text[begin:end])
        first = start == 0 or text[start - 1] == "\n"
        for skip, bare in ((begin, True), (begin + at, False))[not opens : 1 + (count > 0)] if start > listed else ():
            read = reader.read(text[skip:end], False)
            rest = "" if read is None else text[skip + read.end : end]
            if read is None or not stops(rest) or (read.loose and (not loose or text[skip + read.end :].strip(" .!\""))):
                continue
            if first and bare and not read.listed and _ITEM.match(rest):
                listed = end
                break
            before = "" if opens else END.split(text[max(0, start - 200) : start])[-1]
            found.append(
                Clause(
                    value=read.value, end=skip + read.end, listed=read.listed and bare, whole=first and bare,
                    denied=denied(before, words.SUPPOSED),
                )
            )  # fmt: skip
            break
    return found


_ITEM = re.compile(r"[)\]}]*[.:)]\s*\S")
"""What follows the mark of an item of a list: "A. The cat does not fit"."""


def _replaced(rest: str, value: T, reader: Reader[T]) -> bool:
    """Whether a later clause states another answer."""
    found = clauses(rest, reader, loose=False)
    strong = [one.value for one in found if not one.listed]
    weak = [one.value for one in found if one.listed]
    return (bool(strong) and not reader.same(strong[-1], value)) or (bool(weak) and not any(reader.same(one, value) for one in weak))


# -- whether a text stands by its answer


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    at, stop = 0, min(len(text), 2 * MAX_ANSWER)
    while at < stop:
        match = END.search(text, at, stop)
        end, after = (stop, stop) if match is None else match.span()
        yield text[at:end], text[end:after]
        at = after


def settled(rest: str, value: T, reader: Reader[T]) -> bool:
    """Whether what follows an answer leaves it standing: not denied, doubted, asked, joined to another one or withdrawn."""
    near = True
    for count, (sentence, mark) in enumerate(_sentences(rest)):
        if count == 0:
            if "?" in mark or not _goes_on(sentence, value, reader):
                return False
            continue
        if count > _MOST_SENTENCES:
            break
        said = list(itertools.dropwhile(words.SOFT.__contains__, lower(innocent(sentence))))
        if not said:
            continue
        first = said[0].partition("'")[0]
        asks = "?" in mark and len(said) <= 4 and first not in ("why", "how")
        again = said[:2] == ["let", "me"] and said[2:3] != ["know"]
        about = first in words.ABOUT or said[:2] == ["the", "answer"] or (first == "i" and not words.ADMITS.isdisjoint(said))
        if said[0] in words.WITHDRAWS or asks or again or (near and about and denied(sentence)):
            return False
        near = count < 2 and len(said) <= 8
    return True


def _goes_on(sentence: str, value: T, reader: Reader[T]) -> bool:
    """Whether the rest of an answer's sentence leaves it standing."""
    listing = True  # nothing but other answers so far
    for part in CUT.split(sentence):
        said, at = lower(part), len(part) - len(part.lstrip(" ,/&+|"))
        while (join := WORD.match(part, at)) is not None and join[0].casefold() in words.JOINS:
            at = len(part) - len(part[join.end() :].lstrip(" ,"))
        if part[at : at + 4].casefold() == "not " and reader.begins(part[at + 4 :]) is not None:
            continue
        other = reader.begins(part[at:])
        if listing and ((other is not None and not reader.same(other, value)) or said[:1] == ["or"]):
            return False
        listing = listing and (not said or other is not None)
        if said and said[0] in words.REASONS:
            return True
        if (said and said[0] in words.WITHDRAWS) or (len(said) <= 3 and not words.SAID.isdisjoint(said)):
            return False
        aside = part.lstrip().startswith("(") and denied(part)
        if aside or (said and (said[0].partition("'")[0] in words.TURNS or said[0].endswith("n't")) and denied(" ".join(said[:_NEAR]))):
            return False
    return True
