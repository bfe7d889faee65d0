"""Which verified trace is which trace of the view: the same words after the same prompt."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tokenworth.report.formal_model import FormalTraceView
from tokenworth.report.model import TraceView, View

_WORD = re.compile(r"[^ \t\n\r\f\v]+")
_END = 64
_MARKERS = {"bos", "eos", "<bos>", "<eos>", "<s>", "</s>", "<|endoftext|>", "<|bos|>", "<|eos|>", "<end>", "end", "<pad>"}
"""Words that a tokenizer puts around a text, and the last word of some dialects."""


def linked(view: View) -> View:
    """The view with each of its traces joined to the first verified trace of the same words; it is then called as that one is.

    A verified trace of a group that bears a model's name is joined with traces of that model, and those of such a model with no others:
    two models may write the same words.
    """
    if not view.formal or not view.traces:
        return view
    groups = {row.group for f in view.formal for row in f.traces}
    found = _Candidates(view)
    taken: dict[int, str] = {}

    def joined(row: FormalTraceView) -> FormalTraceView:
        mine = _trimmed(_words(row.text))
        for i, words in found.ending(mine):
            skip = len(mine) - len(words)
            model = found.models[i]
            if i in taken or skip < 0 or mine[skip:] != words or (model in groups and model != row.group):
                continue
            if _same_prompt(row, mine[:skip], view.traces[i]):
                chosen = ", chosen" if view.traces[i].name.endswith(", chosen") else ""
                taken[i] = (" · ".join(x for x in (row.group, row.id) if x) or view.traces[i].name) + chosen
                return replace(row, measured=i, skip=skip)
        return row

    formal = tuple(replace(f, traces=tuple(map(joined, f.traces))) for f in view.formal)
    traces = tuple(replace(t, name=taken.get(i, t.name)) for i, t in enumerate(view.traces))
    return replace(view, traces=traces, formal=formal)


class _Candidates:
    """The traces of a view by their last words, in order: comparing every pair of a thousand traces would take seconds."""

    def __init__(self, view: View) -> None:
        self.models = [next((f.value for f in t.facts if f.label == "model"), "") for t in view.traces]
        self._ends: dict[tuple[str, ...], list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        self._sizes: set[int] = set()
        for i, trace in enumerate(view.traces):
            for words in {_trimmed(x) for x in _spellings(trace)} - {()}:
                self._ends[words[-_END:]].append((i, words))
                self._sizes.add(min(_END, len(words)))

    def ending(self, words: tuple[str, ...]) -> list[tuple[int, tuple[str, ...]]]:
        """Traces that may be the end of ``words``, each with its own words."""
        sizes = [n for n in self._sizes if n <= len(words)]
        return sorted((pair for n in sizes for pair in self._ends.get(words[len(words) - n :], ())), key=lambda pair: pair[0])


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
