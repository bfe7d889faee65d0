"""Sentences laid over tokens: every boundary is at a token and outside of characters, whatever the segmenter and the tokens are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.methods.segments import check_segmenter, sentences_of, token_cuts


def cut(pieces: list[str], name: str = "sentence") -> list[str]:
    """The sentences as text."""
    encoded = [piece.encode() for piece in pieces]
    bounds = [*token_cuts(encoded, name).tolist(), len(pieces)]
    return ["".join(pieces[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def test_a_boundary_inside_a_token_goes_before_it() -> None:
    assert cut([" So", " it", " is", ".", " Wait", "!", "\n\n", "No", "."]) == [" So it is.", " Wait!\n\n", "No."]
    assert cut(["Yes", ". No", " more"]) == ["Yes", ". No more"], "the token belongs to the sentence that begins in it"
    assert cut(["One.", "\n", "\nTwo."]) == ["One.\n", "\nTwo."]
    assert cut(["3", ".", "14", " is", " pi", "."]) == ["3.14 is pi."]


def test_segments_without_a_letter_join_the_sentence_before() -> None:
    assert cut(["\n", "\n", "A", ".", "\n", " ", "\n", "B"]) == ["\n\nA.\n \n", "B"]
    assert cut([" ", "\n"]) == [" \n"]
    assert token_cuts([], "sentence").tolist() == []


def test_each_kind_cuts_where_it_says() -> None:
    pieces = ["a", " b", ".", " c", "\n", "d", ";", "e"]
    assert cut(pieces, "newline") == ["a b. c\n", "d;e"]
    assert cut(pieces, "fixed:3") == ["a b.", " c\nd", ";e"]
    assert cut(pieces, "regex:;|\\.") == ["a b.", " c\nd;", "e"]
    assert cut(["你", "好", "。", "再", "见", "。"]) == ["你好。", "再见。"]


@pytest.mark.parametrize("name", ["fixed:1", "fixed:2", "fixed:3", "regex:é", "sentence"])
def test_no_cut_is_inside_a_character(name: str) -> None:
    """Tokens of single bytes: a cut within 😀 or é moves on to its end."""
    text = "é😀. 😀é。é"
    pieces = [bytes([byte]) for byte in text.encode()]
    cuts = token_cuts(pieces, name).tolist()
    assert cuts[0] == 0 and cuts == sorted(set(cuts)) and len(cuts) > 2
    bounds = [*cuts, len(pieces)]
    assert "".join(b"".join(pieces[a:b]).decode() for a, b in zip(bounds[:-1], bounds[1:], strict=True)) == text, "each decodes by itself"
    raw = b"".join(pieces[:3])
    with pytest.raises(UnicodeDecodeError):
        raw.decode()  # the negative twin: without the move, fixed:3 would cut here


def test_bytes_that_are_no_text_have_places_too() -> None:
    pieces = [b"\xff", b"a", b". ", b"\xe2\x80", b"b"]
    assert token_cuts(pieces, "fixed:1").tolist() == [0, 1, 2, 3, 4]
    assert token_cuts(pieces, "sentence").tolist() == [0, 3]


@given(st.lists(st.binary(min_size=0, max_size=4), max_size=12), st.sampled_from(["sentence", "newline", "fixed:2", "regex:a|b"]))
@settings(max_examples=60, deadline=None)
def test_cuts_rise_within_the_tokens_whatever_they_hold(pieces: list[bytes], name: str) -> None:
    cuts = token_cuts(pieces, name)
    assert (len(cuts) == 0) == (not pieces)
    assert not pieces or (cuts[0] == 0 and (np.diff(cuts) > 0).all() and cuts[-1] < len(pieces))
    assert all(sentences_of(b"".join(pieces).decode("utf-8", "replace"), pieces, name))


def test_a_text_is_cut_as_its_tokens_are() -> None:
    pieces = [b" So", b".", b" Then", b".", b"\n"]
    assert sentences_of(" So. Then.\n", pieces, "sentence") == ("So.", "Then.")
    assert sentences_of(" So. Then.\n", pieces, "fixed:3") == ("So. Then", ".")
    assert sentences_of("", [], "sentence") == ()


@pytest.mark.parametrize("name", ["fixed:", "fixed:x", "fixed:0", "regex:", "regex:[", "word", ""])
def test_names_of_no_segmenter_are_refused_in_one_line(name: str) -> None:
    with pytest.raises((InvalidInput, UnknownName)) as caught:
        check_segmenter(name)
    assert "\n" not in str(caught.value)
