"""The option label an answer text states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tokenworth.core.grade import Grade
from tokenworth.core.problem import Option, Problem
from tokenworth.tasks.grade import words
from tokenworth.tasks.grade.answers import answer_label, graded, unparseable
from tokenworth.tasks.grade.places import BOX, CLAUSE, AnswerRead, AnswerReader
from tokenworth.tasks.grade.stated import clauses, settled, stated, strongest
from tokenworth.tasks.grade.text import END, ends, lower, opened

_JOINED = re.compile(r"[ \t]?[-+/*&=<>^|:·×,;.]?[ \t]?\(?[^\W_]+|[-+*/^']")
_EXPRESSION = re.compile(r"\s?(?:[,&/]|and|or)\s?[IVX]{2,4}\b|\.\s[A-Z]\.|\s?[-+/*^=]\s?\(?\w(?!\w)|\*|\w?\(|['′](?!\w)")
"""Numerals, initials or an operator: "I, II", "B. F.", "C - D", "A*", "F(x)"."""
_STOP = re.compile(r"[\s\"'”)\]}]*(?:[.!;]+(?=\s|\Z)|\n|\Z)")
_LIST = re.compile(r"\s*(?:[,;/&+|]|(?:and|or|as well as)\b)", re.IGNORECASE)
_SPACED = re.compile(r"(?:\\s\+)?(?=\\[)\]}])|(?<=\\[(\[{])(?:\\s\+)?")
"""White space of a pattern inside of brackets."""
_SEPARATOR = re.compile(r"[\s)\].:*_`–—,(-]*")


def _source(text: str) -> str:
    return opened(text).replace("$", "")


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of a problem, ready to be looked for."""

    label: re.Pattern[str]
    last: re.Pattern[str]
    fold: dict[str, str]
    texts: dict[str, str]
    whole: dict[str, re.Pattern[str]]

    def read(self, text: str, where: str) -> AnswerRead[str] | None:
        """An option's whole text, which outside of a place needs its label; or a label that nothing turns into something else."""
        found = {label: one.end() for label, own in self.whole.items() if (one := own.match(text)) and _STOP.match(text, one.end())}
        if found and where != CLAUSE:
            end = max(found.values())
            same = [label for label, at in found.items() if at == end]
            same = [label for label in same if self.texts[label] == text[:end]] or same
            if len(same) == 1 and self._label(text[:end]) in (None, same[0]):
                return AnswerRead(value=same[0], end=end) if where != BOX or not text[end:].strip(" .\n\"')") else None
        return self._labelled(text, where)

    def _label(self, said: str) -> str | None:
        return self.fold.get(said) or self.fold.get(said.casefold())

    def _labelled(self, text: str, where: str) -> AnswerRead[str] | None:
        match = self.label.match(text)
        label = None if match is None else self._label(match["label"])
        if match is None or label is None or (label.isdigit() and "[" in match["open"]):  # [1] is a footnote
            return None
        if label == "I" and not match["open"].strip() and not words.SAYS.isdisjoint(lower(text[match.end() : match.end() + 12])[:1]):
            return None  # "I think so"
        restated = self._restated(label, text, match.end("label"))
        if restated is not None:
            return AnswerRead(value=label, end=restated, listed=True)
        rest = text[match.end() :]
        enclosed = any(mark in match["close"] for mark in ")]}>")
        if ("(" in match["open"] and not enclosed) or self._is_another(label, text, match.end("label")):
            return None  # cut off, or "B) red" where red is A
        if match["label"] != label and not enclosed and not re.match(r"[\s.!]*(?:\n|\Z)", rest):
            return None
        if where == BOX:
            return AnswerRead(value=label, end=match.end()) if not rest.strip(" .:!\n") else None
        if enclosed:
            alone = not re.match(r"[\w'(\[{]", rest) and self._is_own(label, rest)
        else:
            alone = ends(rest) and not self._is_text(label, text[match.end() if match["open"].strip() else match.end("label") :])
        return AnswerRead(value=label, end=match.end()) if alone else None

    def _restated(self, label: str, text: str, at: int) -> int | None:
        """Where an option's own text ends that follows its label."""
        start = at + len(_SEPARATOR.match(text, at)[0])  # type: ignore[index]
        restated = self.whole[label].match(text, start)
        alone = (
            restated is not None
            and start > at
            and ((len(self.texts[label]) > 1 and text[at:start].strip()) or _STOP.match(text, restated.end()))
        )
        return restated.end() if restated is not None and alone else None

    def _is_another(self, label: str, text: str, at: int) -> bool:
        """Whether the whole text of another option follows a label."""
        start = at + len(_SEPARATOR.match(text, at)[0])  # type: ignore[index]
        start -= text[start - 1] == "-" and text[start : start + 1].isdigit()  # a sign
        others = (own.match(text, start) for other, own in self.whole.items() if other != label and start > at)
        return any(one is not None and _STOP.match(text, one.end()) for one in others)

    def _is_own(self, label: str, rest: str) -> bool:
        """Whether the words after a label in brackets are of its own text, or lead on: "(C) at best" says something else."""
        own, said = (set(re.findall(r"[^\W_]+", text.casefold())) for text in (self.texts[label], END.split(rest)[0]))
        word = re.match(r"[ \t]+([^\W_]+)", rest)
        leads = word is not None and word[1].casefold() in words.FRAME | words.REASONS | {"and", "not"}
        return word is None or (word[1].casefold() not in words.AWAY and (leads or bool(own & said)))

    def _is_text(self, label: str, rest: str) -> bool:
        """Whether a label and what follows it stand together in the text of an option, or are initials or an expression."""
        species = re.match(r"\.\s([a-z]+)", rest)
        if _EXPRESSION.match(rest) or (species is not None and species[1] not in words.FRAME | words.REASONS):
            return True
        joined = _JOINED.match(rest)
        together = re.compile(rf"(?<!\w){re.escape(label + joined[0])}(?!\w)", re.IGNORECASE) if joined else None
        return together is not None and any(together.search(text) for other, text in self.texts.items() if other != label)

    def begins(self, text: str) -> str | None:
        """The label that a text begins with: in brackets, or where nothing but a further one follows in its clause."""
        text = text.lstrip()
        match = self.label.match(text)
        label = None if match is None else self._label(match["label"])
        if match is None or label is None or (label.isdigit() and "[" in match["open"]):
            return None
        rest = text[match.end() :]
        alone = match["label"] == label and (_STOP.match(rest) or _LIST.match(rest))
        return label if alone or (match["open"].strip(" \"'“‘") and match["close"].strip()) else None

    def hint(self, sentence: str) -> str | None:
        """The label that a sentence ends with; digits may be anything."""
        match = self.last.search(sentence)
        return (
            None if match is None or match["label"].isdigit() else self.fold.get(match["label"], self.fold.get(match["label"].casefold()))
        )


@lru_cache(maxsize=64)
def _options(options: tuple[Option, ...]) -> _Options:
    labels = [option.label for option in options]
    one = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    keys = [label.casefold() for label in labels]
    unique = len(set(keys)) == len(keys)
    pattern = rf"(?P<open>[(\[{{<\"'“‘]{{0,3}}\s?)(?P<label>{one})(?!\w)(?P<close>\s?[)\]}}>\"'”’]{{0,3}})(?!\w)"
    texts = {option.label: " ".join(_source(option.text).split()).rstrip(".") for option in options}
    return _Options(
        label=re.compile(pattern, re.IGNORECASE if unique else 0),
        last=re.compile(rf"(?:\A|[\s(:>])(?P<label>{one})[)\]\"']*\s*\Z"),
        fold=dict(zip(keys if unique else labels, labels, strict=True)),
        texts=texts,
        whole={
            label: re.compile(_SPACED.sub(r"\\s*", re.sub(r"(?:\\ )+", r"\\s+", re.escape(text))) + r"(?![\w'])" if text else r"(?!)", re.I)
            for label, text in texts.items()
        },
    )


def option(problem: Problem, text: str) -> Grade:
    """Grade of the option label the text states.

    A whole answer is a label ("C", "(C)", "C) blue", "C, because …") or, in a place, an option's whole text. What follows a bare label
    must not make it something else: "E. coli", "I and II only", "E/c" and "C - D" are no labels. Where nothing is stated, clauses such as
    "It's C." count, and without any, lines such as "C: cell wall".
    """
    if not problem.options or not text.strip():
        return unparseable()
    options = _options(problem.options)
    reader = AnswerReader(read=options.read, begins=options.begins, same=str.__eq__, hint=options.hint)
    text = _source(text)
    found = stated(text, reader)
    if found is None:
        alone = clauses(text, reader)
        found = strongest(alone) if alone and settled(text[alone[-1].end :], alone[-1].value, reader) else []
    if len(set(found)) != 1:
        return unparseable()
    return graded(answer_label(found[-1]), None if problem.gold is None else found[-1] == problem.gold)
