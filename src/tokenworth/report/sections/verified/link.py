"""Which verified trace is which other trace of the page: the same words after the same prompt."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tokenworth.report.sections.traces.model import TracesView, TraceView
from tokenworth.report.sections.verified.model import FormalTraceView, VerifiedView

_WORD = re.compile(r"[^ \t\n\r\f\v]+")
_END = 64
_MARKERS = {"bos", "eos", "<bos>", "<eos>", "<s>", "</s>", "<|endoftext|>", "<|bos|>", "<|eos|>", "<end>", "end", "<pad>"}
"""Words that a tokenizer puts around a text, and the last word of some dialects."""


def linked(traces: TracesView, verified: VerifiedView) -> tuple[TracesView, VerifiedView]:
    """Both with each trace joined to the first verified trace of the same words; it is then called as that one is.

    A verified trace of a group that bears a model's name is joined with traces of that model, and those of such a model with no others:
    two models may write the same words.
    """
    groups = {row.group for one in verified.documents for row in one.traces}
    found = _Candidates(traces)
    names: dict[int, str] = {}
    rows: list[FormalTraceView] = []

    def joined(row: FormalTraceView) -> FormalTraceView:
        mine = _trimmed(_words(row.text))
        for i, words in found.ending(mine):
            skip = len(mine) - len(words)
            model = found.models[i]
            if i in names or skip < 0 or mine[skip:] != words or (model in groups and model != row.group):
                continue
            if _same_prompt(row, mine[:skip], traces.traces[i]):
                chosen = ", chosen" if traces.traces[i].name.endswith(", chosen") else ""
                names[i] = (" · ".join(x for x in (row.group, row.id) if x) or traces.traces[i].name) + chosen
                rows.append(replace(row, measured=i, skip=skip))
                return rows[-1]
        return row

    documents = tuple(replace(one, traces=tuple(map(joined, one.traces))) for one in verified.documents)
    named = tuple(replace(t, name=names.get(i, t.name)) for i, t in enumerate(traces.traces))
    n_measured = sum(t.measured for t in traces.traces)
    return replace(traces, traces=named, verified=tuple(rows)), replace(verified, documents=documents, n_measured=n_measured)


class _Candidates:
    """The traces of a view by their last words, in order: comparing every pair of a thousand traces would take seconds."""

    def __init__(self, view: TracesView) -> None:
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
    """Where both sides have a prompt it must be the same, marks apart; words of the text that no prompt explains do not match."""
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
