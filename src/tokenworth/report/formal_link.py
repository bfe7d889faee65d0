"""Which verified trace is which measured one: the same words after the same prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tokenworth.report.formal_model import FormalTraceView
from tokenworth.report.model import TraceView, View

_WORD = re.compile(r"[^ \t\n\r\f\v]+")
_MARKERS = {"bos", "eos", "<bos>", "<eos>", "<s>", "</s>", "<|endoftext|>", "<|bos|>", "<|eos|>", "<end>", "end", "<pad>"}
"""Words that a tokenizer puts around a text, and the last word of some dialects."""


def linked(view: View) -> View:
    """The view with each measured trace joined to the first verified trace of the same words; it is then called as that one is."""
    measured = [(i, {_trimmed(words) for words in _spellings(t)}) for i, t in enumerate(view.traces) if t.measured]
    if not view.formal or not measured:
        return view
    taken: dict[int, str] = {}

    def joined(row: FormalTraceView) -> FormalTraceView:
        mine = _trimmed(_words(row.text))
        for i, spellings in measured:
            for words in () if i in taken else spellings:
                skip = len(mine) - len(words)
                if words and skip >= 0 and mine[skip:] == words and _same_prompt(row, mine[:skip], view.traces[i]):
                    taken[i] = " · ".join(x for x in (row.group, row.id) if x)
                    return replace(row, measured=i, skip=skip)
        return row

    formal = tuple(replace(f, traces=tuple(map(joined, f.traces))) for f in view.formal)
    traces = tuple(replace(t, name=taken.get(i, t.name)) for i, t in enumerate(view.traces))
    return replace(view, traces=traces, formal=formal)


def _same_prompt(row: FormalTraceView, before: Sequence[str], trace: TraceView) -> bool:
    """Where both sides have a prompt it must be the same, marks apart; words of the text that no prompt explains are no match."""
    mine, other = _bare([*_words(row.prompt), *before]), _bare(_words(trace.prompt))
    if not other:
        return len(before) <= len(_words(row.text[: row.head]))
    return not mine or mine == other


def _bare(words: Sequence[str]) -> list[str]:
    return [w for w in words if w not in _MARKERS and w not in {"query", "reasoning"}]


def _spellings(trace: TraceView) -> Iterator[list[str]]:
    """The words of trace and answer: as the pieces stand, and with a space between pieces (a vocabulary of whole words)."""
    pieces = (*trace.pieces, *trace.answer_pieces)
    yield _words("".join(pieces))
    yield _words(" ".join(pieces))


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _trimmed(words: Sequence[str]) -> tuple[str, ...]:
    end = len(words)
    while end and words[end - 1] in _MARKERS:
        end -= 1
    return tuple(words[:end])
