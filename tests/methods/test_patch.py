"""Spans and windows; patches of the planted model, whose truth is known; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.methods.tabled_cases import patch
from tokenworth.errors import InvalidInput, TokenworthError
from tokenworth.methods.patch.document import PatchDoc, patch_table
from tokenworth.methods.patch.settings import PatchSettings
from tokenworth.methods.patch.spans import earlier_window, named, sentences, windows_of


def test_sentences_are_spans_that_cover_the_trace() -> None:
    pieces = (" 16", " less", " 7", " is", " 9", ".", " So", " 1", ".", "5", "?", "\n", "Yes")
    found = sentences(pieces)
    assert ["".join(pieces[a:b]) for a, b in found] == [" 16 less 7 is 9.", " So 1.5?", "\nYes"]
    assert sentences(()) == () and sentences(("no end",)) == ((0, 1),)


@pytest.mark.parametrize("span", [(0, 3), (8, 12), (17, 20), (0, 20)])
def test_windows_are_as_long_and_far_enough_away(span: tuple[int, int]) -> None:
    length = span[1] - span[0]
    for most in (0, 3, 100):
        found = windows_of(span, 20, 2, most)
        assert len(found) <= most and all(b - a == length and a >= 0 and b <= 20 for a, b in found)
        assert all(b + 2 <= span[0] or a >= span[1] + 2 for a, b in found) and len(set(found)) == len(found)
    everything = [w for w in range(20 - length + 1) if w + length + 2 <= span[0] or w >= span[1] + 2]
    assert [a for a, _ in windows_of(span, 20, 2, 100)] == everything
    window = earlier_window(span, 2, np.random.default_rng(0))
    assert window is None if span[0] < length + 2 else window is not None and window[1] + 2 <= span[0] and window[1] - window[0] == length


def test_spans_outside_the_trace_are_refused() -> None:
    assert named(((5, 8), (0, 2)), 8) == ((0, 2), (5, 8))
    with pytest.raises(InvalidInput, match=r"span 5-8: the trace has 8 tokens, 0 to 7"):
        named(((5, 9),), 8)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ways": ("directly",)}, "unknown way 'directly'"),
        ({"ways": ()}, "expected at least one of direct, total, regenerate, transplant"),
        ({"ways": ("total", "total")}, "each once"),
        ({"span": ("3-",)}, "span '3-': expected A-B"),
        ({"span": ("9-3",)}, "span '9-3': expected A-B"),
        ({"span": ("3-9", "3-9")}, "a span is given twice"),
        ({"samples": 0}, "samples 0: expected at least 1"),
        ({"gap": -1}, "gap -1"),
        ({"target": "best"}, "expected gold, own or label:X"),
    ],
)
def test_settings_that_say_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenworthError, match=words):
        PatchSettings(**settings)


@pytest.fixture(scope="module")
def measured() -> PatchDoc:
    """A trace of the bundled model, patched in every way."""
    from tokenworth.workbench.bench import Workbench

    ways = ("direct", "total", "regenerate", "transplant")
    with Workbench("tiny") as bench:
        return bench.case("world:recall", 3).measure("patch", ways=ways, samples=60, donors=16).document


def test_the_bundled_model_reads_the_last_mention_and_needs_the_one_before(measured: PatchDoc) -> None:
    """Reference behaviour: teacher-forced hiding sees the last sentence alone; rollouts need the sentence that names the answer."""
    *_, before, last = measured.rows
    assert last.total is not None and last.direct is not None and before.total is not None
    assert last.total.change is not None and last.total.change > 0.4 and last.direct.change == pytest.approx(last.total.change, abs=1e-5)
    assert before.total.change == pytest.approx(0, abs=0.1)
    assert before.regenerated is not None and before.regenerated.low is not None and before.regenerated.low > 0.1
    assert before.jump is not None and before.jump.value is not None and before.jump.value > 0.1


def test_a_moved_state_answers_from_layer_2_on_as_its_donor(measured: PatchDoc) -> None:
    moved = measured.transplant
    assert moved is not None and moved.answer != measured.target
    assert moved.target[0] == pytest.approx(measured.share, abs=1e-5), "layer 0 changes nothing"
    assert all(share is not None and share > 0.9 for share in moved.donor[2:])
    assert all(a is not None and b is not None and a > b for a, b in zip(moved.donor[2:], moved.control[2:], strict=True))


def test_rows_are_a_table(measured: PatchDoc) -> None:
    rows = list(patch_table(measured).rows)
    assert len(rows) == len(measured.rows) and all(len(row) == len(patch_table(measured).columns) for row in rows)


@pytest.mark.parametrize("span", [(0, 4), (2, 2), (-1, 2)])
def test_a_row_outside_the_trace_is_refused(span: tuple[int, int]) -> None:
    from dataclasses import replace

    document = patch("x", "y")
    with pytest.raises(InvalidInput, match="expected a span of the 3 trace tokens"):
        replace(document, rows=(replace(document.rows[0], first=span[0], end=span[1]),))
