"""The pieces the sentence importers are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenworth.importers.sentences import answered, rejoined, split_text

WORDS = st.lists(st.text(st.sampled_from("ab. \n"), min_size=1, max_size=8).filter(str.strip), max_size=6)


@given(WORDS, st.data())
def test_split_text_loses_nothing(sentences: list[str], data: st.DataObject) -> None:
    gaps = [data.draw(st.sampled_from(["", " ", "\n\n"])) for _ in sentences]
    whole = "".join(sentence + gap for sentence, gap in zip(sentences, gaps, strict=True))
    folded = [" ".join(sentence.split()) for sentence in sentences]
    pieces = split_text(whole, folded)
    assert pieces is not None and "".join(pieces) == whole and len(pieces) == len(sentences)
    tail = split_text(whole + "zz end.", folded)
    assert tail is not None and "".join(tail) == whole + "zz end." and len(tail) == len(sentences) + 1
    if sentences:
        assert split_text(whole, [*folded, "zz"]) is None
        assert "".join(rejoined(folded)) == " ".join(folded)


@given(st.integers(1, 120), st.data())
def test_answered_finds_a_count_that_gives_the_rate(stored: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, stored))
    right = data.draw(st.integers(0, count))
    found = answered(right / count, stored)
    assert count <= found <= stored and abs(right / count * found - round(right / count * found)) < 1e-6
