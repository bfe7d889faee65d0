"""A text as the graders read it: without emphasis, cut into sentences and clauses, its frame words told from its answers."""

from __future__ import annotations

import itertools
import re

from tokenworth.tasks.grade import words

CJK = "\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
_SIGNS = str.maketrans(
    {"’": "'", "−": "-", "。": ". ", "．": ". ", "，": ", ", "、": ", ", "：": ": ", "；": "; ", "！": "! ", "？": "? "}
    | {"（": " (", "）": ") ", "【": " [", "】": "] ", "「": ' "', "」": '" ', "।": ". "}
)
_CLUTTER = re.compile(
    r"<<[-+*/=().\d%$ ]{0,200}>>|</(?!(?:final_)?answer>)\w{1,30}>|<(?:b|i|strong|em|span)>"
    r"|<[|｜](?!begin_of_box|end_of_box)[^<>\s]{1,40}[|｜]>"
    r"|[\u2705\u2713\u2714\u2611\ufe0f\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6aa\U0001f900-\U0001faff]"
)
"""Foreign tags, notes of a calculator, and pictures that only adorn; a cross says that something is wrong, and stays."""
_EMPHASIS = re.compile(r"(?<![\w*})\]])(\*\*\*|\*\*|\*|`|__|_)(?=[^\s*`_])([^\n]{1,400}?)(?<![\s*])\1(?!\*)(?:(?<=\*\*)|(?!\w))")
_SCRIPTS = re.compile(rf"(?<=[A-Za-z0-9)])(?=[{CJK}])|(?<=[{CJK}])(?=[A-Za-z0-9(])")
_COMMANDS = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathsf|mathit|boldsymbol|mbox|rm|bf)\s*\{([^{}]*)\}")
_MATH = re.compile(r"\\[()\[\]]|\\left(?![a-z])|\\right(?![a-z])")
_OTHERS = re.compile(
    r"\b(?:people|students?|friends?|others|some|most|everyone|everybody|someone|first|second|other|previous|you)\b[^,;:]{0,16}?"
    r"\b(?:got|gets?|gave|gives?|says?|thinks?|would|answers?|writes?|wrote|claims?)\b|\bat\sfirst\b",
    re.IGNORECASE,
)
"""Who else gives an answer."""
_FINAL = re.compile(r"(?<!\.)\.\Z")
_WRAPS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("*", "*"), ("`", "`"), ('"', '"'), ("“", "”"))

END = re.compile(r"[.!?…]+(?=[\s\"”'*)\]}$]|\Z)|\n+")
"""The end of a sentence or line."""
CLAUSES = re.compile(
    r"\n+|[.!?…]+[\"”')\]]*\s+|[,;:—][\"”')\]]*\s+|\s[-–]\s+|\s\(|\s(?=(?:(?:it|this|that|which|so)\s(?:is|was|must|should)|gives|leaves|yields|means|suggests)\s)"
)
"""What a clause follows that may state an answer."""
CUT = re.compile(
    r"[,;:—](?!\d)|(?:\A|\s)[-–]\s|\s?(?=\([^\W\d_]{2})|(?:\A|\s)(?=(?:but|yet|though|although|which|unless|or|and)\b)", re.IGNORECASE
)
"""What separates the parts of a sentence after an answer."""
_LETTERS = r"(?:[^\W\d_]|[\u0900-\u0dff\u0e00-\u0eff])+"  # with the vowel signs of Indian scripts, Thai and Lao
WORD = re.compile(rf"{_LETTERS}(?:['-]{_LETTERS})*")
MARKS = re.compile(r"(?:[#•·\s]|[-+*>]\s)*")
"""Marks of headings and lists before a line."""
_PHRASES = "|".join(phrase.replace(" ", r"\s") for phrase in sorted(words.FRAME) if " " in phrase)
_FRAMED = re.compile(
    rf"[ \t]*((?:{_PHRASES})\b|{_LETTERS}(?:'{_LETTERS})*)(?:[ \t]*[:=,]|[ \t]*[-–—>]+(?=\s)|(?=[\s(\[{{$\".!;\\])|\Z)", re.IGNORECASE
)
_CLOSERS = r"(?:\\[)\]]|[\s*_`\"'”)\]}$])*"
_BREAK = re.compile(rf"{_CLOSERS}(?:[.!;,:…]+(?=\s|\Z)|\n|\Z|\s[-–—]+\s|\s?—|\s\()")
_STOP = re.compile(rf"{_CLOSERS}[.!:;…]*{_CLOSERS}(?:\n|\Z)|{_CLOSERS}[.!;…]+\s")


def plain(text: str) -> str:
    """The text without emphasis, foreign tags and calculator notes, with one form of quotes, brackets and stops."""
    text = _CLUTTER.sub("", text.translate(_SIGNS))
    return _SCRIPTS.sub(" ", _EMPHASIS.sub(r"\2", text))


def opened(text: str) -> str:
    """The plain text with ``\\text{}`` opened and without ``\\(`` and ``\\[``."""
    return _MATH.sub(" ", _COMMANDS.sub(r"\1", plain(text)))


def unwrapped(answer: str) -> str:
    """The answer without the marks around it (dollar signs, bold, quotes) and without a final full stop."""
    while True:
        before = answer
        answer = _FINAL.sub("", answer.strip().strip("*_")).strip()
        for left, right in _WRAPS:
            if len(answer) >= len(left) + len(right) and answer.startswith(left) and answer.endswith(right):
                answer = answer[len(left) : len(answer) - len(right)].strip()
        if answer == before:
            return answer


def lower(text: str) -> list[str]:
    """The words of a text, case folded, without those of phrases such as "no other" that deny nothing."""
    text = text.casefold()
    for phrase in words.INNOCENT:
        text = text.replace(phrase, " ")
    return WORD.findall(text)


def denied(text: str, more: frozenset[str] = frozenset()) -> bool:
    """Whether a text denies or doubts anything, up to the first reason; ``more``: further words that count."""
    said = itertools.takewhile(lambda word: word not in ("because", "since"), lower(text))
    return any(word in words.DENIED or word in words.DENIES or word in more for word in said) or any(one in text for one in words.DENYING)


def reported(sentence: str) -> bool:
    """Whether a sentence, up to an answer in its last clause, leaves that answer to somebody else, or only supposes it."""
    clause = lower(re.split(r"[,;:—]", sentence)[-1])
    if not words.FOLLOWS.isdisjoint((*clause[:1], *clause[-1:])):
        return False
    return not words.REPORTS.isdisjoint(lower(sentence)) or _OTHERS.search(sentence) is not None


def framed(text: str) -> int:
    """Where the words of a frame end that a text begins with; an "I" is one only before a verb."""
    at = 0
    while (match := _FRAMED.match(text, at)) is not None and " ".join(match[1].casefold().split()) in words.FRAME:
        if match[1] == "I" and ((verb := WORD.search(text, match.end(), match.end() + 12)) is None or verb[0] not in words.SAYS):
            break
        at = match.end()
    return at


def ends(rest: str, *, sentence: bool = False) -> bool:
    """Whether an answer ends where ``rest`` follows it: at the end of a clause (``sentence``: of a sentence or line) or before a reason.

    Words of a frame may stand in between.
    """
    pattern = _STOP if sentence else _BREAK
    start = len(rest) - len(rest.lstrip(","))
    if pattern.match(rest) or (rest[:1] in (" ", ",") and (at := framed(rest[start:])) and pattern.match(rest, start + at)):
        return True
    comma = rest.lstrip(" )\"'").startswith(",")
    word = WORD.match(rest.lstrip(" )\"',")) if rest[:1] in (" ", ",", ")", '"', "'") else None
    return word is not None and word[0].casefold() in (words.REASONS if comma or not sentence else ("because", "since"))
