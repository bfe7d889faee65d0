"""A text as the graders read it: without emphasis, in sentences and clauses, with the words around an answer told apart from it."""

from __future__ import annotations

import itertools
import re

from tokenworth.tasks.grade import words

CJK = "\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
_SIGNS = str.maketrans({
    "’": "'", "−": "-", "（": " (", "）": ") ", "：": ": ", "，": ", ", "、": ", ", "；": "; ", "。": ". ", "．": ". ", "！": "! ", "？": "? ", "】": "] ", "【": " [",
})  # fmt: skip
_CLUTTER = re.compile(r"<<[-+*/=().\d%$ ]{0,200}>>|</(?!(?:final_)?answer>)\w{1,30}>|<[|｜](?!begin_of_box|end_of_box)[^<>\s]{1,40}[|｜]>")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*\*|\*\*|\*|`)(?=[^\s*`])([^\n]{1,400}?)(?<![\s*])\1(?!\*)(?:(?<=\*\*)|(?!\w))")
_SCRIPTS = re.compile(rf"(?<=[A-Za-z0-9)])(?=[{CJK}])|(?<=[{CJK}])(?=[A-Za-z0-9(])")


def plain(text: str) -> str:
    """The text without emphasis, foreign tags and calculator notes, and with one form of quotes, brackets and stops."""
    text = _CLUTTER.sub("", text.translate(_SIGNS))
    return _SCRIPTS.sub(" ", _EMPHASIS.sub(r"\2", text))


END = re.compile(r"[.!?…]+(?=[\s\"”'*)\]}$]|\Z)|\n+")
CLAUSE = re.compile(r"\n+|[.!?…]+[\"”')\]]*\s+|[,;:—][\"”')\]]*\s+|\s[-–]\s+|\s\(|\s(?=(?:it|this|that|which|so)\s(?:is|was|must|should)\s)")
CUT = re.compile(r"[,;:—](?!\d)|(?:\A|\s)[-–]\s|\s?(?=\([^\W\d_]{2})|(?:\A|\s)(?=(?:but|yet|though|although|which|unless|or|and)\b)", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_PHRASES = "|".join(sorted((phrase.replace(" ", r"\s") for phrase in words.FRAME if " " in phrase), key=len, reverse=True))
_FRAMED = re.compile(rf"[ \t]*((?:{_PHRASES})\b|[^\W\d_]+(?:'[^\W\d_]+)*)(?:[ \t]*[:=,][ \t]*|[ \t]*[-–—>]+[ \t]+|(?=[\s(\[{{$\".!;]|\\)|\Z)[ \t\n]*", re.IGNORECASE)
MARKS = re.compile(r"(?:[#>•·\s]|[-+*]\s)*")
_CLOSERS = r"(?:\\[)\]]|[\s*_`\"'”’)\]}$])*"
_BREAK = re.compile(rf"{_CLOSERS}(?:[.!;,:…]+(?=\s|\Z)|\n|\Z|\s[-–—]+\s|\s?—|\s\()")
_STOP = re.compile(rf"{_CLOSERS}[.!:;…]*{_CLOSERS}(?:\n|\Z)|{_CLOSERS}[.!;…]+\s")


_OPENED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathsf|mathit|boldsymbol|mbox|rm|bf)\s*\{([^{}]*)\}")
_MATH = re.compile(r"\\[()\[\]]|\\left(?![a-z])|\\right(?![a-z])")


def opened(text: str) -> str:
    """The plain text with ``\\text{}`` opened and without ``\\(`` and ``\\[``."""
    return _MATH.sub(" ", _OPENED.sub(r"\1", plain(text)))


def lower(text: str) -> list[str]:
    """The words of a text, case folded."""
    return WORD.findall(text.casefold())


def innocent(text: str) -> str:
    """The text, case folded, without phrases such as "no other" that deny nothing."""
    text = text.casefold()
    for phrase in words.INNOCENT:
        text = text.replace(phrase, " ")
    return text


def denied(text: str, more: frozenset[str] = frozenset()) -> bool:
    """Whether a text denies or doubts anything, up to the first reason; ``more``: further words that count."""
    said = itertools.takewhile(lambda word: word not in ("because", "since"), WORD.findall(innocent(text)))
    return any(word in words.DENIED or word in more for word in said)


def framed(text: str) -> tuple[int, int]:
    """(where a text goes on after the words of a frame that it begins with, how many they are); an "I" only before a verb."""
    at = count = 0
    while (match := _FRAMED.match(text, at)) is not None and " ".join(match[1].casefold().split()) in words.FRAME:
        if match[1] == "I" and ((verb := WORD.match(text, match.end())) is None or verb[0] not in words.SAYS):
            break
        at, count = match.end(), count + 1
    return at, count


def breaks(rest: str) -> bool:
    """Whether what follows an answer ends it: the end of a sentence or line, a clause, a reason, or words of a frame before one of these."""
    at, _ = framed(rest) if rest[:1].isspace() else (0, 0)
    if _BREAK.match(rest) or _BREAK.match(rest, at) or (at and _BREAK.match(rest, at - 1)):
        return True
    word = WORD.match(rest.lstrip())
    return word is not None and rest[:1].isspace() and word[0].casefold() in words.REASONS


def stops(rest: str) -> bool:
    """Whether what follows an answer is the end of its sentence or line, or a reason."""
    at, _ = framed(rest) if rest[:1].isspace() else (0, 0)
    if _STOP.match(rest, at) or (at and _STOP.match(rest, at - 1)):
        return True
    comma = rest.lstrip(" )\"'").startswith(",")
    word = WORD.search(rest[:20])
    return word is not None and word[0].casefold() in (words.REASONS if comma else ("because", "since"))


_WRAPS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("*", "*"), ("`", "`"), ('"', '"'), ("“", "”"))


def unwrapped(answer: str) -> str:
    """The answer without the marks around it (dollar signs, bold, quotes) and without a final full stop."""
    while True:
        before = answer
        answer = answer.strip().strip("*_").removesuffix(".").strip()
        for left, right in _WRAPS:
            if len(answer) >= len(left) + len(right) and answer.startswith(left) and answer.endswith(right):
                answer = answer[len(left) : len(answer) - len(right)].strip()
        if answer == before:
            return answer
