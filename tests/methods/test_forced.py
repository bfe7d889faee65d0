"""Forced answers: exit texts as ids, and reads against an automaton's exact probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import answer_directly, ladder, toy_trace
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, toy_judge
from tokenworth.core.document import About, ModelDoc, Provenance
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.document import forced_document
from tokenworth.methods.forced.experiment import cut_grid, encode_exit, forced, trial_cuts
from tokenworth.methods.forced.result import ForcedResult
from tokenworth.methods.forced.settings import ForcedSettings


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


def read_ladder(*texts: str, least_mass: float = 0.5, choose: bool = False) -> ForcedResult:
    automaton = ladder()
    exits = tuple(encode_exit(f"exit {text}", text, ("t6", "t7"), ToyCodec(vocab_size=8)) for text in texts)
    trace = toy_trace(automaton, ids=(0, 1, 3, 6))
    experiment = forced(
        trace, options=("t6", "t7"), exits=exits, stride=1, judge=toy_judge(automaton), least_mass=least_mass, choose=choose
    )
    result = answer_directly(experiment, ToyBackend(automaton))
    assert isinstance(result, ForcedResult)
    return result


def test_below_the_least_mass_no_option_is_named() -> None:
    """After t3 the options have all the mass at cut 2 and none elsewhere."""
    (reading,) = read_ladder("t3 ").readings
    assert reading.named(0.5).tolist() == [-1, -1, 0, -1, -1]
    assert reading.named(0.0).tolist() == reading.leader.tolist()
    # After t4 they have half of it, split evenly: .5 is enough, more is not there.
    half = read_ladder("t4 ").readings[0]
    at = int(half.mass.argmax())
    assert half.named(half.mass[at])[at] == half.leader[at] and half.named(half.mass[at] + 1e-6)[at] == -1


def test_the_document_names_none_and_says_what_to_do() -> None:
    document = forced_document(
        read_ladder("t3 "), "gold", ToyCodec(vocab_size=8), About(model=ModelDoc(name="toy"), provenance=Provenance(version="0"))
    )
    assert document.forced_at_end is None and document.least_mass == 0.5
    (note,) = [one for one in document.notes if "mass below" in one]
    assert "at 4 of 5 cuts" in note and "--exit" in note
    free = forced_document(
        read_ladder("t3 ", least_mass=0.0),
        "gold",
        ToyCodec(vocab_size=8),
        About(model=ModelDoc(name="toy"), provenance=Provenance(version="0")),
    )
    assert not [one for one in free.notes if "mass below" in one]


def test_the_exit_text_with_the_most_mass_is_chosen() -> None:
    found = read_ladder("t5 ", "t3 ", "t2 ", choose=True)
    assert [reading.text for reading in found.readings] == ["t3 "] or found.tried[0].mass > 0.2
    assert [one.mass for one in found.tried] == sorted((one.mass for one in found.tried), reverse=True) and len(found.tried) == 3
    alone = read_ladder(found.tried[0].text)
    np.testing.assert_array_equal(found.readings[0].logprob, alone.readings[0].logprob)
    assert found.tried[0].mass == pytest.approx(alone.readings[0].mass[list(trial_cuts((0, 1, 2, 3, 4)))].mean())


def test_few_cuts_are_tried_and_the_ends_are_among_them() -> None:
    assert trial_cuts((0,)) == (0,) and trial_cuts((0, 7)) == (0, 7) and trial_cuts(tuple(range(0, 101))) == (0, 25, 50, 75, 100)


def test_auto_stands_alone_and_a_mass_is_a_probability() -> None:
    with pytest.raises(InvalidInput, match="give it alone"):
        ForcedSettings(exit=("auto", "x"))
    with pytest.raises(InvalidInput, match="least mass 2"):
        ForcedSettings(least_mass=2.0)
