"""The last word of a text: the answer that its last place states, if the text stands by it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.places import BOX, CLAUSE, CONTRAST, MAX_ANSWER, AnswerRead, AnswerReader, T, places, read_place
from tokenworth.tasks.grade.text import CLAUSES, CUT, END, MARKS, WORD, denied, ends, framed, lower, reported

_MOST_CLAUSES = 200
_MOST_SENTENCES = 12
"""Sentences after an answer in which it may be withdrawn."""
_NEAR = 6
"""Words of a clause after an answer in which it may be denied."""
_SHUT = re.compile(r"\A\}(?:[.,;]?\s?(?:\$\$?|\\[)\]]))?|\A</?\S{1,20}>|\A[\"'}]+")
"""What closes a place: the rest of a box and of the formula around it."""
_SHORT = re.compile(r"\s*[A-Z][^\W\d_]*(?:[,;]?\s[^\WA-Z\d_][^\W\d_]*)+[\s'’,;]*|\s*[A-Z][^\W\d_]*'[a-z ]+")
"""A short sentence that speaks of nothing by its name: "We shall see", not "Phoebe lies to Ann" or "Trachea"."""
_UNLIKE = re.compile(r"[)*]*,?\s+not\s+")
"""What comes after an answer in "C, not B"."""
_INITIALS = re.compile(r"\b[A-Z]\. \Z")
_ITEM = re.compile(r"[)\]}]*[.:)]\s*[^\s.]")
"""What follows the mark of an item of a list: "A. The cat does not fit"."""


def stated(text: str, reader: AnswerReader[T]) -> list[T] | None:
    """The answers that a text states, the deciding one last; empty where it does not stand by it, None where nothing is stated."""
    last_line = len(text.rstrip())
    found = [(place, read_place(text, place, reader)) for place in places(text)]
    # A heading is no answer: what is not one after #### counts as the last thing said alone.
    found = [(at, one) for at, one in found if one is not None or not text.startswith("####", at.mark) or at.end >= last_line]
    # A supposed or foreign answer beside one that is stated is none either.
    found = [(at, one) for at, one in found if not at.refused or at.where == BOX] or found
    if not found:
        return None
    place, answer = found[-1]
    if answer is None:
        return [] if place.refused else strongest(clauses(text[place.end :], reader))
    begun = (reader.begins(text[at.start : at.end]) for at, one in found if one is None and not at.refused)
    if place.where != BOX and any(one is not None and not reader.same(one, answer.value) for one in begun):
        return []  # "The best answer is (B) false … the answer is A"
    rest = _SHUT.sub("", text[answer.end :], count=1) if place.where == BOX else text[answer.end :]
    stands = settled(rest, answer.value, reader) and not _replaced(rest, answer.value, reader)
    return [one.value for _, one in found if one is not None] if stands else []


def clauses(text: str, reader: AnswerReader[T], *, after: bool = False) -> list[AnswerRead[T]]:
    """The clauses at the end of a text that consist of an answer and words of a frame, in order; their ends are those in the text.

    ``after``: the text follows an answer, so that it does not begin with a clause, and what is denied in it may be that answer.
    """
    text = text.rstrip()
    starts = [(0, True), *((one.end(), one[0][0] in ".!?…" or "\n" in one[0]) for one in CLAUSES.finditer(text))]
    found: list[AnswerRead[T]] = []
    item = -1  # where the line ends that is an item of a list: its clauses say something about that item
    for start, opens in starts[after:][-_MOST_CLAUSES:]:
        line = text.find("\n", start, start + MAX_ANSWER)
        end = line if line >= 0 else min(len(text), start + MAX_ANSWER)
        before = "" if opens else END.split(text[max(0, start - 200) : start])[-1]
        if start <= item or (not after and (denied(before, words.SUPPOSED) or reported(before))):
            continue
        begin = start + (len(MARKS.match(text, start, end)[0]) if opens else 0)  # type: ignore[index]
        frame = framed(text[begin:end])
        contrast = CONTRAST.match(text, begin + frame, end)
        frame = contrast.end() - begin if contrast else frame
        for at in (begin, begin + frame) if opens and frame else (begin + frame,) if opens or frame else ():
            at += len(text[at:end]) - len(text[at:end].lstrip())
            read = reader.read(text[at:end], CLAUSE)
            if read is None:
                continue
            rest = text[at + read.end : end]
            unlike = _UNLIKE.match(rest)
            if not ends(rest, sentence=True) and not (unlike and reader.begins(rest[unlike.end() :]) is not None):
                continue
            mark = _ITEM.match(rest) if at == begin and not read.listed and (start == 0 or text[start - 1] == "\n") else None
            if mark is not None and reader.begins(rest[mark.end() - 1 :]) is None:
                item = end
            elif not (at == begin and not after and _INITIALS.search(text, max(0, start - 4), start)):
                found.append(replace(read, end=at + read.end, listed=read.listed and at == begin))
            break
    return found


def strongest(found: list[AnswerRead[T]]) -> list[T]:
    """The answers of clauses that are no items of a list, else of all."""
    return [one.value for one in found if not one.listed] or [one.value for one in found]


def _replaced(rest: str, value: T, reader: AnswerReader[T]) -> bool:
    """Whether a later clause states another answer, later lines list others, or a later sentence ends in one."""
    found = clauses(rest, reader, after=True)
    hints = (reader.hint(one) for one in END.split(rest)[1:][-_MOST_CLAUSES:] if not denied(one))
    if any(one is not None and not reader.same(one, value) for one in hints):
        return True
    strong, listed = ([one.value for one in found if one.listed is is_listed] for is_listed in (False, True))
    return bool(strong and not reader.same(strong[-1], value)) or bool(listed and not any(reader.same(one, value) for one in listed))


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    at, stop = 0, min(len(text), 2 * MAX_ANSWER)
    while at < stop:
        match = END.search(text, at, stop)
        end, after = (stop, stop) if match is None else match.span()
        yield text[at:end], text[end:after]
        at = after


def settled(rest: str, value: T, reader: AnswerReader[T]) -> bool:
    """Whether what follows an answer leaves it standing: not denied, doubted, asked, joined to another one or withdrawn."""
    near = True
    for count, (sentence, mark) in enumerate(itertools.islice(_sentences(rest), _MOST_SENTENCES)):
        if count == 0:
            if "?" in mark or not _goes_on(sentence, value, reader):
                return False
            continue
        said = list(itertools.dropwhile(words.SOFT.__contains__, lower(sentence)))
        if not said:
            continue
        first = said[0].partition("'")[0]
        if first in words.HEADS and (":" in sentence or len(said) == 1):
            return True
        if "?" in mark and not words.OFFERS.isdisjoint(said):
            continue
        if near and _turns(sentence, said, stops=bool(mark.strip()) or sentence == rest[-len(sentence) :]):
            return False
        asks = "?" in mark and len(said) <= 4 and first not in ("why", "how")
        again = said[:2] == ["let", "me"] and said[2:3] != ["know"]
        dummy = said[:2] == ["it", "is"] and not {"to", "that"}.isdisjoint(said[3:7])  # "It is a mistake to stop here."
        own = first == "i" and not words.ADMITS.isdisjoint(said)
        about = own or said[:2] == ["the", "answer"] or (first in words.ABOUT and not dummy)
        if said[0] in words.WITHDRAWS or asks or again or (near and about and denied(sentence)):
            return False
        near = count < 2 and len(said) <= 8
    return True


def _turns(sentence: str, said: list[str], *, stops: bool) -> bool:
    """Whether one of the next sentences after an answer speaks of it, and not of what was asked; ``stops``: it is no line of code."""
    first, before = said[0].partition("'")[0], lower(sentence)[: len(lower(sentence)) - len(said) + 1]
    short = stops and len(WORD.findall(sentence)) <= 3 and words.CLOSES.isdisjoint(said) and _SHORT.fullmatch(sentence) is not None
    return (
        (first == "i" and not words.UNSAYS.isdisjoint(said))
        or (short and framed(sentence.strip()) < len(sentence.strip()))
        or not words.TELLS.isdisjoint(said)
        or first in words.REREADS
        or {"confidence", "low"}.issubset(said)
        or (first in ("or", "who") and len(said) > 1)
        or (first == "let" and (said[0] == "let's" or said[1:2] in (["us"], ["me"])) and said[2:3] != ["know"])
        or said[:2] == ["we", "shall"]
        or (first == "the" and not words.TRULY.isdisjoint(said[1:2]))
        or (first in words.ABOUT and not words.WOULD.isdisjoint(said[1:2]))
        or (not words.CONTRASTS.isdisjoint(before) and denied(sentence))
    )


def _goes_on(sentence: str, value: T, reader: AnswerReader[T]) -> bool:
    """Whether the rest of an answer's sentence leaves it standing."""
    listing = True  # nothing but other answers so far
    for part in CUT.split(sentence):
        said, at = lower(part), len(part) - len(part.lstrip(" ,/&+|"))
        while (join := WORD.match(part, at)) is not None and join[0].casefold() in words.JOINS:
            at = len(part) - len(part[join.end() :].lstrip(" ,"))
        if part[at : at + 4].casefold() == "not " and reader.begins(part[at + 4 :]) is not None:
            continue  # "(C), not (D)"
        other = reader.begins(part[at:])
        if listing and ((other is not None and not reader.same(other, value)) or said[:1] == ["or"]):
            return False
        listing = listing and (not said or other is not None)
        if not said:
            continue
        theirs = said[0] in ("is", "was") and said[1:2] == ["what"] and said[2:3] not in (["we"], ["i"])  # "(A) is what Tom got"
        if theirs or (said[0] == "which" and denied(part)):
            return False
        if said[0] in words.REASONS:
            return True
        turns = said[0].partition("'")[0] in words.TURNS or said[0].endswith("n't") or part.lstrip().startswith("(")
        reported = len(said) <= 3 and not words.SAID.isdisjoint(said)  # "…, Tom said"
        tells = not words.TELLS.isdisjoint(said) or (re.match(r"\s*I['\s]", part) and words.SAYS.isdisjoint(said[1:2]))
        if said[0] in words.WITHDRAWS or tells or reported or (turns and denied(" ".join(said[:_NEAR]))):
            return False
    return True
