"""The option label an answer text states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Option, Problem
from tokenworth.tasks.grade.answers import answer_label, graded, unparseable
from tokenworth.tasks.grade.places import Read, Reader, clauses, settled, stated
from tokenworth.tasks.grade.text import END, breaks, opened

_OPEN = r"[(\[{<\"'“‘]{0,3}\s?"
_CLOSE = r"\s?[)\]}>\"'”’]{0,3}"
_JOINED = re.compile(r"[ \t]?[-+/*&=<>^|:·×,;.]?[ \t]?\(?[^\W_]+|[-+*/^']")
_JOINS = re.compile(r"\s*(?:[,;/&+|]|(?:and|or|as well as)\b)", re.IGNORECASE)
_END = re.compile(r"[\s\"'”)\]}]*(?:[.!;]+(?=\s|\Z)|\n|\Z)")
_SEPARATOR = re.compile(r"[\s)\].:*_`–—,-]*")
_EXPRESSION = re.compile(r"\.\s[A-Z]\.|\s?[-+/*^=]\s?\(?\w(?!\w)|\*|\w?\(")
"""Initials, or an operator: "B. F.", "C - D", "A*", "F(x)"."""
_ENOUGH = 40
"""Characters of an option's text that say that it is restated after its label."""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .")


def _pattern(text: str, most: int) -> re.Pattern[str] | None:
    """A pattern of a text's words, the first ones that have so many characters; None for a text without any."""
    kept: list[str] = []
    for word in opened(text).replace("$", "").strip().rstrip(".").split():
        kept.append(re.escape(word))
        if sum(map(len, kept)) >= most:
            break
    return re.compile(r"\s+".join(kept) + r"(?![\w'])", re.IGNORECASE) if kept else None


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of a problem, ready to be looked for."""

    label: re.Pattern[str]
    fold: dict[str, str]
    texts: dict[str, re.Pattern[str] | None]
    begun: dict[str, re.Pattern[str] | None]
    folded: dict[str, str]
    own: dict[str, str]

    def read(self, text: str, closed: bool) -> Read[str] | None:
        """An option's whole text, or a label that nothing turns into something else."""
        ends = {label: one.end() for label, at in self.texts.items() if at is not None and (one := at.match(text)) and _END.match(text, one.end())}
        if ends:
            end = max(ends.values())
            said, same = text[:end], [label for label, at in ends.items() if at == end]
            same = [label for label in same if self.own[label] == said] or same
            if len(same) == 1 and self._label(said) in (None, same[0]):
                return Read(value=same[0], end=end, loose=True) if not closed or not text[end:].strip(" .\n\"')") else None
        return self._labelled(text, closed)

    def _label(self, said: str) -> str | None:
        return self.fold.get(said) or self.fold.get(said.casefold())

    def _labelled(self, text: str, closed: bool) -> Read[str] | None:
        match = self.label.match(text)
        label = None if match is None else self._label(match["label"])
        if match is None or label is None or (label.isdigit() and "[" in match["open"]):  # [1] is a footnote
            return None
        end, rest = match.end(), text[match.end() :]
        own = self.begun[label]
        start = end + len(_SEPARATOR.match(rest)[0])  # type: ignore[index]
        whole = self.texts[label]
        restated = (whole and whole.match(text, start)) or (own and own.match(text, start)) if start > match.end("label") else None
        if restated is not None and (text[match.end("label") : start].strip() or _END.match(text, restated.end())):
            stop = END.search(text, restated.end()) if restated.re is not whole else None
            return Read(value=label, end=stop.start() if stop else restated.end(), listed=True)
        enclosed = any(mark in match["close"] for mark in ")]}>")
        if match["label"] != label and not enclosed and not re.match(r"[\s.!]*(?:\n|\Z)", rest):
            return None
        if closed:
            return Read(value=label, end=end) if not rest.strip(" .:!\n") else None
        if not enclosed and self._is_text(label, text[match.end("label") :]):
            return None
        return Read(value=label, end=end) if breaks(rest) or (enclosed and not re.match(r"[\w'(\[{]", rest)) else None

    def _is_text(self, label: str, rest: str) -> bool:
        """Whether a label and what follows it stand together in the text of an option, or are initials or an expression."""
        if _EXPRESSION.match(rest):
            return True
        joined = _JOINED.match(rest)
        together = re.compile(rf"(?<!\w){re.escape(_folded(label + joined[0]))}(?!\w)") if joined else None
        return together is not None and any(together.search(text) for other, text in self.folded.items() if other != label)

    def begins(self, text: str) -> str | None:
        """The label that a text begins with: in brackets, or where nothing but a further one follows in its clause."""
        text = text.lstrip()
        match = self.label.match(text)
        label = None if match is None else self._label(match["label"])
        if match is None or label is None or (label.isdigit() and "[" in match["open"]):
            return None
        rest = text[match.end() :]
        alone = match["label"] == label and (_END.match(rest) or _JOINS.match(rest))
        return label if alone or (match["open"].strip(" \"'“‘") and match["close"].strip()) else None


@lru_cache(maxsize=64)
def _options(options: tuple[Option, ...]) -> _Options:
    labels = [option.label for option in options]
    one = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    keys = [label.casefold() for label in labels]
    unique = len(set(keys)) == len(keys)
    return _Options(
        label=re.compile(rf"(?P<open>{_OPEN})(?P<label>{one})(?!\w)(?P<close>{_CLOSE})(?!\w)", re.IGNORECASE if unique else 0),
        fold=dict(zip(keys if unique else labels, labels, strict=True)),
        texts={option.label: _pattern(option.text, 1000) for option in options},
        begun={option.label: _pattern(option.text, _ENOUGH) for option in options},
        own={option.label: option.text.strip().rstrip(".") for option in options},
        folded={option.label: _folded(opened(option.text).replace("$", "")) for option in options},
    )


def option(problem: Problem, text: str) -> Grade:
    """Grade of the option label the text states.

    A whole answer is a label ("C", "(C)", "C) blue", "C, because …") or an option's whole text. What follows a bare label must not make it
    something else: "E. coli", "I and II only", "E/c" and "C - D" are no labels. Where nothing is stated, clauses such as "It's C." and lines such
    as "C: cell wall" are read.
    """
    if not problem.options or not text.strip():
        return unparseable()
    options = _options(problem.options)
    reader = Reader(read=options.read, begins=options.begins, same=str.__eq__)
    text = opened(text).replace("$", "")
    found = stated(text, reader)
    if found is None:
        found = _unmarked(text, reader)
    if len(set(found)) != 1:
        return unparseable()
    return graded(answer_label(found[-1]), None if problem.gold is None else found[-1] == problem.gold)


def _unmarked(text: str, reader: Reader[str]) -> list[str]:
    """The labels of clauses that say nothing else; without any, of lines that restate an option."""
    found = [one for one in clauses(text, reader) if not one.denied]
    found = [one for one in found if not one.listed] or found
    return [one.value for one in found] if found and settled(text[found[-1].end :], found[-1].value, reader) else []
