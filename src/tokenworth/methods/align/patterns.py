"""Places of a kind in the text of a trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tokenworth.errors import InvalidInput
from tokenworth.methods.align.settings import CODE, FINAL, OPTION, TAG
from tokenworth.methods.align.traces import AlignedTrace, Span
from tokenworth.tasks.user_code import first_line, user_callable

Finder = Callable[[AlignedTrace], Iterator[Span]]
MOST = 10_000
"""Places of one pattern in one trace, the first of them."""


def finder(pattern: str) -> Finder:
    """What finds the places of a pattern in a trace, as cuts before and after each. Raises InvalidInput."""
    if pattern == FINAL:
        return _final
    if pattern == OPTION:
        return lambda trace: (span for _, span in mentions(trace))
    if pattern.startswith(TAG):
        name = pattern.removeprefix(TAG)
        return lambda trace: ((unit, unit + 1) for unit, tag in trace.tags if tag == name)
    if CODE.fullmatch(pattern):
        return _called(pattern)
    expression = re.compile(pattern)

    def by_expression(trace: AlignedTrace) -> Iterator[Span]:
        # An empty match is at no word.
        found = (trace.span(*one.span()) for one in expression.finditer(trace.text) if one.end() > one.start())
        return _apart(one for one in found if one is not None)

    return by_expression


def _called(pattern: str) -> Finder:
    function = user_callable(pattern, "pattern", "a text that returns (first, end) pairs of characters")

    def by_function(trace: AlignedTrace) -> Iterator[Span]:
        try:
            given: Any = list(function(trace.text))
            found = [trace.span(int(first), int(end)) for first, end in given]
        except Exception as error:
            raise InvalidInput(f"pattern {pattern!r} failed: {first_line(error)}; expected pairs (first, end) of characters") from error
        return _apart(one for one in sorted(one for one in found if one is not None))

    return by_function


def _apart(spans: Iterator[Span]) -> Iterator[Span]:
    """The spans that do not begin in the one before, at most `MOST`."""
    end, n = -1, 0
    for span in spans:
        if span[0] >= end and n < MOST:
            end, n = span[1], n + 1
            yield span


def _labels(trace: AlignedTrace) -> tuple[str, ...]:
    return () if trace.problem is None else trace.problem.labels


def mentions(trace: AlignedTrace) -> Iterator[tuple[str, Span]]:
    """(option, place) where an option is named: ``Option B``, ``the answer is (B)``, ``choice 3``."""
    labels = _labels(trace)
    if not labels:
        return
    some = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
    lead = r"(?i:\b(?:answer|option|choice)\b(?:\s+(?:is|should\s+be|must\s+be|would\s+be))?\s*:?\s*(?:(?:option|choice|number)\s+)?)"
    expression = re.compile(rf"{lead}[(\[*\"']{{0,3}}({some})(?![\w]|[.,]\d)")
    for one in expression.finditer(trace.text):
        span = trace.span(*one.span())
        if span is not None:
            yield one[1], span


def _final(trace: AlignedTrace) -> Iterator[Span]:
    """The first mention of the answer that the trace ends with: of an option by name, of any other answer as it is written."""
    if trace.own is None:
        return
    if trace.own in _labels(trace):
        first = next((span for label, span in mentions(trace) if label == trace.own), None)
    else:
        found = re.search(rf"(?<![\w.]){re.escape(trace.own)}(?!\w|\.\d)", trace.text)
        first = None if found is None else trace.span(*found.span())
    if first is not None:
        yield first
