"""Whether a text stands by an answer that occurs in it: not denied, supposed, asked, doubted, reported of others or withdrawn.

The rules are of English. They look at three places: the clause before the answer, the rest of its sentence, and how the sentences
after it begin. The words they know are in `cues`; what is said in others is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.tasks.grade import cues

_BEFORE = 200
_AFTER = 600
_MOST = 12
"""Sentences after the answer that are looked at."""

_ASIDE = 8
"""Words of the longest sentence that a sentence after it may reach over, to refer to the answer."""


def sentences(text: str, at: int) -> Iterator[tuple[str, str]]:
    """(sentence, its end mark) of each sentence from ``at`` on, at most 600 characters in all."""
    stop = min(len(text), at + _AFTER)
    while at < stop:
        match = cues.END.search(text, at, stop)
        end, after = (stop, stop) if match is None else match.span()
        yield text[at:end], text[end:after]
        at = after


def asserted(text: str, start: int, end: int, *, strict: bool = True) -> bool:
    """Whether the text stands by the answer at ``start:end``, as far as the words around it tell.

    False where the clause before it denies, doubts or supposes it or reports it of somebody, where its sentence is a question or goes on
    to deny, doubt or replace it, and where a sentence after it begins by withdrawing it ("That is wrong.", "No.", "Wait, …"). ``strict``:
    also where the sentence after it speaks about it, or of the writer, and not in words known to support it ("I made that up.").
    """
    return not (_unstated(text, start) or _withdrawn(text, start, end, strict))


def _unstated(text: str, start: int) -> bool:
    """Whether the clause before an answer keeps it from being stated."""
    sentence = cues.SENTENCE_BEFORE.split(text[max(0, start - _BEFORE) : start])[-1]
    clause = sentence
    for match in cues.CLAUSE.finditer(sentence):
        if not cues.SAID_LAST.search(sentence[: match.start()]):
            clause = sentence[match.end() :]
    clause = cues.INNOCENT.sub(" ", clause.strip())
    owner = cues.OWNER.search(clause)
    foreign = owner is not None and (
        (owner["whose"].casefold() in cues.ARTICLES and not cues.KINDS.issuperset(owner["kind"].casefold().split()))
        or (owner["whose"].endswith(("'s", "’s")) and owner["whose"].casefold()[:-2] not in ("question", "problem", "it", "that", "here"))
    )
    return foreign or cues.UNSTATED.search(clause) is not None or cues.ALL_BUT.search(sentence) is not None


def _withdrawn(text: str, start: int, end: int, strict: bool) -> bool:
    """Whether the rest of the sentence, or a later sentence, takes the answer back."""
    closers = cues.CLOSERS.match(text, end)
    near, bare = True, cues.SET_OUT.search(text[max(0, start - 30) : start]) is None
    for count, (sentence, mark) in enumerate(sentences(text, closers.end() if closers else end)):
        if count > _MOST:
            break
        parts = cues.CUT.split(cues.INNOCENT.sub(" ", sentence))
        if count == 0:
            first = parts[0].strip()
            if (
                "?" in mark
                or cues.PREDICATE.match(first)
                or (bare and cues.AS_SUBJECT.match(first))
                or _any_withdraws(parts[1:], same=True)
            ):
                return True
            continue
        if _any_withdraws(parts if near else parts[:1], near=near) or cues.ANEW.match(sentence) or (near and _in_short(sentence, mark)):
            return True
        if strict and near and (_comments(parts[:2]) or _is_aside(sentence) or (bare and count == 1 and _speaks_against(parts[:2]))):
            return True
        near = near and len(sentence.split()) <= _ASIDE
    return False


def _speaks_against(parts: list[str]) -> bool:
    """Whether the sentence right after an answer denies or doubts anything but what other answers or steps are."""
    about_others = cues.OTHERS.match(parts[0]) or cues.REASON.match(parts[0]) or cues.DUMMY.match(parts[0].strip())
    return not about_others and any(cues.AGAINST.search(part) for part in parts)


def _comments(parts: list[str]) -> bool:
    """Whether a sentence speaks about the answer, or of the writer, and not in words known to support the answer."""
    for count, part in enumerate(parts):
        if (cues.REASON if count == 0 else cues.CONSEQUENCE).match(part):
            return False
        comment = cues.COMMENT.match(part)
        if comment is not None:
            return cues.SUPPORT.match(part, comment.end()) is None
    return False


def _is_aside(sentence: str) -> bool:
    """Whether a sentence after an answer is a short remark that no closing words explain: "Cancel that.", "Well, almost."."""
    words = sentence.split()
    return 0 < len(words) <= 4 and all(char.isalpha() or char in " ,'’!-\t" for char in sentence) and not cues.CLOSING.match(sentence)


def _in_short(sentence: str, mark: str) -> bool:
    """Whether a sentence without a subject denies or asks: "Not quite.", "Or is it?"."""
    return bool(cues.BARE.match(cues.INNOCENT.sub(" ", sentence)) or ("?" in mark and len(sentence) <= 24 and cues.ASKED.match(sentence)))


def _any_withdraws(parts: list[str], *, near: bool = True, same: bool = False) -> bool:
    for count, part in enumerate(parts):
        if (cues.REASON if count == 0 else cues.CONSEQUENCE).match(part):
            return False
        soft = cues.SOFT.match(part)
        at = soft.end() if soft else 0
        if cues.TAKES_BACK.match(part, at) or (same and cues.TAG.match(part)):
            return True
        if near and cues.REFERS_BACK.match(part, at) and not cues.DUMMY.match(part.strip()):
            return True
    return False


def retracted(answer: str) -> bool:
    """Whether a sentence that holds an answer goes on to take it back: "12, no wait, 13"."""
    return _any_withdraws(cues.CUT.split(cues.INNOCENT.sub(" ", answer))[1:], same=True)


def doubted(text: str) -> bool:
    """Whether a short text that is all answer denies, doubts, asks or takes back anything."""
    sayings = (part for sentence, _ in sentences(text, 0) for part in cues.CUT.split(cues.INNOCENT.sub(" ", sentence)))
    return "?" in text or cues.UNSTATED.search(cues.INNOCENT.sub(" ", text)) is not None or _any_withdraws(list(sayings)[1:], same=True)
