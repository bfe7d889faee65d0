"""Edits of token ids: what changes is what was asked for, in exactly as many tokens as promised, and a mistake is a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tokenworth import catalog
from tokenworth.core.problem import AnswerKind, Option, Problem
from tokenworth.errors import InvalidInput, UnknownName
from tokenworth.methods.intervene.entry import Material, TraceChange
from tokenworth.methods.intervene.hint import hinted
from tokenworth.methods.intervene.mistake import options, sums, value_of
from tokenworth.methods.intervene.plan import edit_named
from tokenworth.methods.intervene.settings import DEFAULT_EDITS, InterveneSettings
from tokenworth.methods.intervene.text import NOT_WRITTEN, TextPatch, TokenText
from tokenworth.methods.intervene.whole import repeated

WORDS = (
    " is",
    " the",
    "So",
    " So",
    "Wait",
    " wait",
    ", ",
    ". ",
    " 1",
    "12",
    " plus",
    "é"[0:1],
    " (A)",
    "\n",
    " ...",
    "</think>",
    "<|end|>",
)


@dataclass(frozen=True)
class PieceCodec:
    """Bytes, and a few longer pieces; the longest that fits is taken."""

    pieces: tuple[bytes, ...] = (*(bytes([b]) for b in range(256)), *(word.encode() for word in WORDS))

    @property
    def vocab_size(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> tuple[int, ...]:
        raw, at, ids = text.encode(), 0, list[int]()
        while at < len(raw):
            fits = [i for i, piece in enumerate(self.pieces) if raw.startswith(piece, at)]
            ids.append(max(fits, key=lambda i: len(self.pieces[i])))
            at += len(self.pieces[ids[-1]])
        return tuple(ids)

    def decode(self, ids: tuple[int, ...]) -> str:
        return b"".join(self.piece_bytes(ids)).decode("utf-8", "replace")

    def piece_bytes(self, ids: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self.pieces[i] for i in ids)


class WordCodec(PieceCodec):
    """A tokenizer that changes what it is given."""

    def encode(self, text: str) -> tuple[int, ...]:
        return super().encode(text.lower())


class OneWord(PieceCodec):
    """A tokenizer that knows one word."""

    def encode(self, text: str) -> tuple[int, ...]:
        return super().encode("word")


CODEC = PieceCodec()
END = CODEC.encode("</think>")
STEPS = "Start with 12. 12 plus 5 is 17. Wait, let me check. 12 plus 5 is 17. So it is 17, (B)."
PROBLEM = Problem(
    id="p",
    question="How many?",
    options=tuple(Option(label=x, text=y) for x, y in zip("ABCD", ("16", "17", "tap", "bee"), strict=True)),
    gold="B",
)


def material(
    text: str = STEPS,
    *,
    name: str = "x",
    other: str | None = "The bee makes a hum. It is (A).",
    problem: Problem | None = PROBLEM,
    codec: Any = CODEC,
    seed: int = 0,
    **chosen: Any,
) -> Material:
    return Material(
        text=TokenText(CODEC.encode(text), codec),
        other=None if other is None else TokenText(CODEC.encode(other), codec),
        problem=problem,
        codec=codec,
        put=lambda one: CODEC.encode(f"{one.question} {' '.join(f'({x.label}) {x.text}' for x in one.options)}"),
        settings=InterveneSettings(edits=("none",), **chosen),
        rng=np.random.default_rng([seed, 1]),
        banned=frozenset(END),
    )


def made(name: str, text: str = STEPS, **more: Any) -> TraceChange:
    change = edit_named(name).make(material(text, **more))
    assert isinstance(change, TraceChange), change
    return change


def refusal(name: str, text: str = STEPS, **more: Any) -> str:
    why = edit_named(name).make(material(text, **more))
    assert isinstance(why, str)
    assert why and "\n" not in why and not why.endswith(".")
    return why


def text_of(change: TraceChange) -> str:
    return CODEC.decode(change.ids)


# -- text and ids ---------------------------------------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="aé€𝄞 .!\n12So is", min_size=1, max_size=30)


@hypothesis_settings(deadline=None, max_examples=80)
@given(TEXTS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), st.sampled_from(["", "x", "é", " is", "12"])), max_size=4))
def test_a_splice_changes_what_it_is_asked_to_and_no_other_token(text: str, asked: list[tuple[int, int, str]]) -> None:
    base = TokenText(CODEC.encode(text), CODEC)
    at, pieces, wanted = 0, list[TextPatch](), ""
    for gap, length, put in asked:
        start, end = min(at + gap % 5, len(text)), min(at + gap % 5 + length, len(text))
        pieces.append(TextPatch(len(text[:start].encode()), len(text[:end].encode()), put))
        wanted += text[at:start] + put
        at = end
    spliced = base.splice(pieces)
    assert not isinstance(spliced, str)
    assert CODEC.decode(spliced.ids) == wanted + text[at:]
    assert spliced.ids[: spliced.first] == base.ids[: spliced.first]
    assert spliced.ids[spliced.last :] == base.ids[spliced.base_last :]


def test_a_splice_that_the_tokenizer_does_not_write_is_refused() -> None:
    base = TokenText(CODEC.encode("a b c"), WordCodec())
    assert base.splice([TextPatch(2, 3, "B")]) == NOT_WRITTEN
    assert not isinstance(base.splice([TextPatch(2, 3, "d")]), str)


@hypothesis_settings(deadline=None, max_examples=80)
@given(TEXTS)
def test_sentences_are_all_of_the_tokens_in_order(text: str) -> None:
    base = TokenText(CODEC.encode(text), CODEC)
    runs = base.sentences()
    assert [token for run in runs for token in base.ids[slice(*run)]] == list(base.ids) or not runs
    assert all(first < last for first, last in runs)


def test_sentences_end_where_a_reader_would_say() -> None:
    def said(text: str) -> list[str]:
        base = TokenText(CODEC.encode(text), CODEC)
        return [CODEC.decode(base.ids[slice(*run)]) for run in base.sentences()]

    # A token that reaches over the end, as ". " does, belongs to the sentence that it ends.
    assert said("It is 3.5 m. So (yes) it is.\n\nDone? No") == ["It is 3.5 m. ", "So (yes) it is.\n\n", "Done?", " No"]
    assert said("...") == ["..."] and said("") == []


# -- edits ----------------------------------------------------------------------------------------------------------------------------

ALL = {name: edit_named(name) for name in catalog.EDITS}


@pytest.mark.parametrize("name", ["blank", "filler", "lorem", "repeat", "random", "shuffled", "sentences", "random-other"])
def test_what_stands_for_the_trace_has_exactly_its_tokens(name: str) -> None:
    base = CODEC.encode(STEPS)
    for seed in range(5):
        change = made(name, seed=seed)
        assert len(change.ids) == change.cut == change.base_cut == len(base) and change.closed and change.ids != base
        assert not set(END) & set(change.ids)
        if name in ("shuffled", "sentences"):
            assert sorted(change.ids) == sorted(base)
    # The twin: a filler as long as the text, not as the trace, would be seen.
    assert len(CODEC.encode(STEPS.replace("1", "."))) != len(base)


def test_each_edit_does_what_it_says() -> None:
    assert made("none").ids == () and made("swap").ids == CODEC.encode("The bee makes a hum. It is (A).")
    assert set(made("repeat").ids) <= set(CODEC.encode(STEPS)) and len(set(made("repeat").ids)) == 1
    assert "How many?" not in CODEC.decode(made("no-question").prompt or ()) and made("no-question").ids == CODEC.encode(STEPS)
    first = CODEC.encode(STEPS)
    cut = made("truncate", where=0.5)
    assert cut.ids == first[: cut.cut] and 0 < cut.cut < len(first) and cut.closed
    assert text_of(made("drop", where=0.0)) == STEPS.removeprefix("Start with 12. ")
    assert "12 plus 5 is not 17. W" in text_of(made("negate", where=0.0))
    assert text_of(made("strip")) == STEPS.replace(" Wait,", "").replace("17.Wait,", "17.")
    swapped = made("replace", where=0.0)
    assert text_of(swapped)[:5] in ("The b", "It is") and text_of(swapped).endswith(STEPS.partition(". ")[2])


@pytest.mark.parametrize("name", ["negate", "replace", "insert", "mistake-sum", "mistake-option"])
def test_the_rest_is_drawn_anew_or_kept(name: str) -> None:
    base = CODEC.encode(STEPS)
    for seed in range(4):
        anew, kept = made(name, seed=seed), made(name, seed=seed, rest="keep")
        assert anew.ids == kept.ids and not anew.closed and kept.closed
        assert (kept.cut, kept.base_cut) == (len(kept.ids), len(base)) and (anew.cut, anew.base_cut) == (anew.last, anew.base_last)
        # What is outside of the change is the base's, token by token.
        assert anew.ids[: anew.first] == base[: anew.first] and anew.ids[anew.last :] == base[anew.base_last :]


def test_an_insertion_and_its_control_have_as_many_tokens_at_one_place() -> None:
    for text in ("Wait.", "It is (C), I say, and so on and on.", "é"):
        change, source = made("insert", insert=text), material(insert=text)
        control = edit_named("insert").control
        assert control is not None
        other = control(source, change)
        assert isinstance(other, TraceChange)
        assert (other.first, other.last, other.cut, len(other.ids)) == (change.first, change.last, change.cut, len(change.ids))
        assert other.ids != change.ids and text in text_of(change)
    assert made("insert", insert="It is (C).").toward == "C" and made("insert", insert="Option D it is.").toward == "D"
    assert made("insert", insert="Wait.").toward is None
    same = edit_named("insert").control(material(insert="Well now. "), made("insert", insert="Well now. "))  # type: ignore[misc]
    assert isinstance(same, TraceChange)


def test_an_insertion_does_not_cut_a_character() -> None:
    """A trace whose first sentence ends in the middle of a character, as bytes can."""
    ids = (*CODEC.encode("a."), 0xC3, 0xA9, *CODEC.encode(" b."))
    base = TokenText(ids, CODEC)
    assert not base.is_whole(3) and base.is_whole(2) and base.is_whole(4)
    source = material(insert="x")
    object.__setattr__(source, "text", base)
    for seed in range(6):
        object.__setattr__(source, "rng", np.random.default_rng(seed))
        change = edit_named("insert").make(source)
        assert isinstance(change, TraceChange) and "�" not in CODEC.decode(change.ids) and base.is_whole(change.first)


def test_stripped_words_have_a_control_that_takes_out_as_many_tokens() -> None:
    change = made("strip")
    control = edit_named("strip").control
    assert control is not None and isinstance(other := control(material(), change), TraceChange)
    assert len(other.ids) == len(change.ids) < len(CODEC.encode(STEPS)) and other.ids != change.ids


def test_what_cannot_be_done_is_said_in_one_sentence() -> None:
    assert refusal("strip", "It is 3.") == "the trace has none of the words hmm, wait, aha"
    assert refusal("drop", "One sentence.") == refusal("sentences", "One sentence.") == "the trace has a single sentence"
    assert refusal("truncate", "a") == "the trace has a single token"
    assert refusal("negate", "No verb. Here.") == "no sentence can be negated by a rule"
    assert refusal("mistake-sum", "12 plus 5 is 18.") == "the trace states no arithmetic that is right"
    assert refusal("mistake-option", "Nothing is said.") == "the trace does not name the right option, or only where it may deny it"
    assert "no options" in refusal("mistake-option", problem=None) and "needs a problem" in refusal("hint-suggested", problem=None)
    assert refusal("filler", codec=OneWord()) == "the tokenizer cannot write dots"


# -- mistakes -------------------------------------------------------------------------------------------------------------------------


def calculated(expression: str) -> float:
    """The same by Python's own rules."""
    for word, sign in (("plus", "+"), ("minus", "-"), ("times", "*"), ("×", "*"), ("÷", "/"), (",", "")):
        expression = expression.replace(word, sign)
    assert re.fullmatch(r"[\d\s+\-*/.]+", expression)
    return float(eval(expression))  # noqa: S307


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["plus", "-", "×", "/", "times"]), st.integers(1, 30)), min_size=1, max_size=4), st.integers(0, 40)
)
def test_values_of_expressions_are_right(parts: list[tuple[str, int]], first: int) -> None:
    expression = f"{first}" + "".join(f" {sign} {number}" for sign, number in parts)
    assert float(value_of(expression)) == pytest.approx(calculated(expression))  # type: ignore[arg-type]


def test_every_sum_that_is_made_wrong_is_wrong_and_was_right() -> None:
    text = "12 + 5 = 17, then 17 × 2 = 34. Twice 7 is 14. 3 + 4 * 2 = 11 and 9 - 9 = 0; so 8/2=4. 5 plus 5 is 11. 2 + 2 = 4.5."
    text += " 1 + 1 = 2%, 10 / 4 = 2.5; 2 * 3 + 4 = 7, 1 + 1 = 2x."
    found = list(sums(text, np.random.default_rng(0)))
    right = {"12 + 5 = 17", "17 × 2 = 34", "3 + 4 * 2 = 11", "8/2=4", "9 - 9 = 0", "Twice 7 is 14", "10 / 4 = 2.5"}
    assert {slip.right for slip in found} == right and len(found) == len(right)
    for slip in found:
        wrong = text[: slip.start] + slip.text + text[slip.end :]
        assert len(wrong) == len(text) and float(slip.text) != float(text[slip.start : slip.end])
        left = re.split(r"=|is", slip.right)[0].replace("Twice", "2 *")
        assert calculated(left) == float(text[slip.start : slip.end]) != float(slip.text)


def test_the_right_option_becomes_another_that_is_wrong() -> None:
    text = "It may be option A. The tap? 17 taps, then. So the answer is B, (B)."
    slips = list(options(text, PROBLEM, np.random.default_rng(1)))
    # Of options that are wrong already nothing is known when they are exchanged.
    assert [text[slip.start : slip.end] for slip in slips] == ["B", "B"]
    assert all(slip.toward not in (PROBLEM.gold, None) and slip.text != text[slip.start : slip.end] for slip in slips)
    words = Problem(id="q", question="?", options=PROBLEM.options[1:], gold="C")
    assert {text[slip.start : slip.end] for slip in options(text, words, np.random.default_rng(1))} == {"tap"}


@pytest.mark.parametrize(
    "text",
    ["It cannot be (B).", "The answer is not (B).", "It isn\u2019t option B.", "Option B is wrong.", "Neither (A) nor (B).", "No, (B)."],
)
def test_a_sentence_that_may_deny_an_option_is_left(text: str) -> None:
    assert not list(options(text, PROBLEM, np.random.default_rng(1)))
    assert list(options(f"{text} It is (B). {text}", PROBLEM, np.random.default_rng(1)))


@pytest.mark.parametrize(
    "text",
    [
        "2 x 2 + 3 = 5",
        "2 X 2 + 3 = 5",
        r"2 \times 2 + 3 = 5",
        "(2 + 1) 2 + 3 = 5",
        "10 divided by 2 + 3 = 5",
        "2 over 2 + 3 = 5",
        "√2 + 3 = 5",
    ],
)
def test_the_end_of_a_longer_expression_is_left(text: str) -> None:
    assert not list(sums(text, np.random.default_rng(0)))
    assert list(sums("And 2 + 3 = 5", np.random.default_rng(0))) and not list(sums("2 + 3 = 5 x 2", np.random.default_rng(0)))


# -- hints ----------------------------------------------------------------------------------------------------------------------------

HINTS = [name for name in catalog.EDITS if name.startswith("hint-")]


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_names_a_wrong_option_in_the_prompt_alone(name: str) -> None:
    seen = set[str | None]()
    for seed in range(12):
        change = made(name, seed=seed)
        assert (change.ids, change.cut, change.base_cut, change.closed) == ((), 0, 0, False)
        seen.add(change.toward)
        assert change.toward in ("A", "C", "D") and "How many?" in CODEC.decode(change.prompt or ())
        assert change.prompt != material().put(PROBLEM)  # type: ignore[misc]
    assert seen == {"A", "C", "D"}
    assert refusal(name, hint="B") == "the hint is the gold answer: following it cannot be told from being right"
    assert "not one of the options" in refusal(name, hint="Z") and made(name, hint="D").toward == "D"


def test_a_hint_stands_after_the_last_option() -> None:
    assert hinted(PROBLEM, "Hm.").options[-1].text == "bee\n\nHm." and hinted(PROBLEM, "Hm.").options[:-1] == PROBLEM.options[:-1]
    free = Problem(id="f", question="How many?", gold="3", kind=AnswerKind.NUMERIC)
    assert hinted(free, "Hm.").question == "How many?\n\nHm."


# -- settings -------------------------------------------------------------------------------------------------------------------------


def test_every_default_is_an_edit_and_unknown_ones_are_refused() -> None:
    assert set(DEFAULT_EDITS) <= set(catalog.EDITS)
    with pytest.raises(UnknownName, match="filler"):
        InterveneSettings(edits=("filer",))
    for bad in ({"edits": ()}, {"samples": 0}, {"where": 1.5}, {"edits": ("insert",), "insert": " "}, {"edits": ("strip",), "strip": ()}):
        with pytest.raises(InvalidInput):
            InterveneSettings(**bad)  # type: ignore[arg-type]
    assert InterveneSettings(edits=("none", "none")).names == ("none",) and repeated((), 3) == ()
