"""Forced answers: exit texts as ids, and reads against an automaton's exact probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import answer_directly, ladder, toy_trace
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, toy_judge
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.experiment import cut_grid, encode_exit, forced
from tokenworth.methods.forced.result import ForcedResult


class Merging:
    """A codec that merges "x" with a following label, lower-cases Q and encodes one character an id otherwise."""

    vocab_size = 1 << 21

    def encode(self, text: str) -> tuple[int, ...]:
        ids: list[int] = []
        for character in text.replace("Q", "q"):
            if character == "A" and ids and ids[-1] == ord("x"):
                ids[-1] = 1 << 20
            else:
                ids.append(ord(character))
        return tuple(ids)

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join("xA" if i == 1 << 20 else chr(i) for i in ids)

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self.decode((i,)).encode() for i in ids)


def test_an_option_is_encoded_as_it_stands_after_the_exit_text() -> None:
    plain = encode_exit("e", "is (", ("A", "B"), Merging())
    assert plain.options == ((ord("A"),), (ord("B"),))
    # "x" + "A" would merge, so A is encoded alone: the suffix must be the same ids for every option.
    merged = encode_exit("e", "is x", ("A", "B"), Merging())
    assert merged.suffix == tuple(map(ord, "is x")) and merged.options == ((ord("A"),), (ord("B"),))


def test_a_tokenizer_that_changes_the_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="round-trip"):
        encode_exit("e", "Question: ", ("A", "B"), Merging())
    with pytest.raises(InvalidInput, match="round-trip"):
        encode_exit("e", "is (", ("A", "Q"), Merging())


@pytest.mark.parametrize("labels", [("A", "A"), ("A", "AB"), ("AB", "A")])
def test_options_whose_ids_begin_alike_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="overlap"):
        encode_exit("e", "is (", labels, Merging())


def test_an_empty_exit_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        encode_exit("e", "", ("A", "B"), Merging())


@given(st.integers(0, 200), st.integers(1, 60))
def test_the_grid_begins_at_0_and_ends_at_the_wall(n_trace: int, stride: int) -> None:
    grid = cut_grid(n_trace, stride)
    assert grid[0] == 0 and grid[-1] == n_trace and list(grid) == sorted(set(grid))
    assert max(np.diff(grid), default=0) <= stride


def test_reads_equal_the_automatons_probabilities() -> None:
    automaton = ladder()
    codec = ToyCodec(vocab_size=8)
    exits = (encode_exit("one", "t3 ", ("t6", "t7"), codec), encode_exit("two", "t5 ", ("t6", "t7"), codec))
    trace = toy_trace(automaton, ids=(0, 1, 3, 6))
    experiment = forced(trace, options=("t6", "t7"), exits=exits, stride=1, judge=toy_judge(automaton))
    result = answer_directly(experiment, ToyBackend(automaton))
    assert isinstance(result, ForcedResult)
    one, two = result.readings
    # t3 leads from b (cut 2) to d, where t6 has .8 and t7 .2; nowhere else can it be written, and t5 cannot be written on the base.
    np.testing.assert_allclose(one.probability[2], [0.8, 0.2])
    assert (one.mass[[0, 1, 3, 4]] == 0).all() and (two.mass == 0).all()
    assert np.isnan(two.renormalised).all(), "no mass is no data, not 0"
    assert result.own.outcome == "yes"


def test_fewer_than_two_options_are_refused() -> None:
    automaton = ladder()
    with pytest.raises(InvalidInput, match="two options"):
        next(forced(toy_trace(automaton, ids=(0, 1, 3, 6)), options=("t6",), exits=(), stride=1, judge=toy_judge(automaton)))
