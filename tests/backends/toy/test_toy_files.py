"""Automaton files: every fault is refused with the state named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.toy.toy_cases import document, with_state
from tokenworth.backends.toy.backend import load_toy, parse_automaton
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.4, "s"]]}), "'a'.*sum to 0.9"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5 + 1e-8, "s"]]}), "'a'.*sum"),
        (with_state("a", {"edges": [[2, 1.0, "A"], [4, 0.0, "s"]]}), "'a'.*probability 0.0"),
        (with_state("a", {"edges": [[2, 1.5, "A"], [4, -0.5, "s"]]}), "'a'.*probability -0.5"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [4, 0.5, "nowhere"]]}), "'a'.*'nowhere'"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [2, 0.5, "s"]]}), "'a'.*token 2.*two edges"),
        (with_state("a", {"edges": [[2, 0.5, "A"], [10, 0.5, "s"]]}), "'a'.*token 10.*0 to 9"),
        (with_state("a", {"edges": [[-1, 1.0, "A"]]}), "'a'.*token -1"),
        (with_state("a", {"edges": []}), "'a'.*neither"),
        (with_state("a", {}), "'a'.*neither"),
        (with_state("a", {"edges": [[2, 1.0, "A"]], "outcome": "yes"}), "'a'.*both"),
        (with_state("loop", {"edges": [[2, 1.0, "loop"]]}), "'loop'.*cycle without exit"),
        (with_state("a", {"edges": [[2, 1.0, "A"]], "note": "x"}), "'a'.*unknown field"),
        (with_state("a", {"edges": [[2, 1.0, "A", 3]]}), "'a'.*length"),
        (with_state("a", {"edges": [["2", 1.0, "A"]]}), "'a'.*int"),
        (with_state("a", [1]), "'a'.*object"),
        (document() | {"start": "z"}, "start state 'z'"),
        (document() | {"correct": "maybe"}, "'maybe'.*'no', 'yes'"),
        (document() | {"vocab_size": 0}, "vocab_size 0"),
        (document() | {"extra": 1}, "unknown field"),
        ({"vocab_size": 3}, "missing required field"),
    ],
)
def test_faults_are_refused_with_the_state_named(made, named):
    with pytest.raises(InvalidInput, match=named) as caught:
        parse_automaton(made)
    assert "\n" not in str(caught.value)


def test_states_that_nothing_leads_to_are_allowed():
    assert parse_automaton(with_state("spare", {"outcome": "no"})).outcomes["spare"] == "no"


def test_files(tmp_path: Path):
    path = tmp_path / "toy.json"
    text = json.dumps(document())
    path.write_text(text)
    assert load_toy(path) == parse_automaton(document())
    with pytest.raises(MissingFile):
        load_toy(tmp_path / "none.json")
    faults = {
        text[: len(text) // 2]: "not JSON",
        "": "not JSON",
        "[1, 2]": "object",
        "[" * 100_000: "nested|not JSON",
        text.replace("0.25", "NaN"): "NaN",
        text.replace("0.25", "1e999"): "inf",
        text.replace('"B": {', '"A": {"outcome": "no"}, "B": {', 1): "twice",
        text.replace("0.25", "9" * 5_000): "digits|probability",
    }
    for content, named in faults.items():
        path.write_text(content)
        with pytest.raises(InvalidInput, match=named) as caught:
            load_toy(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InvalidInput, match="UTF-8"):
        load_toy(path)
    with pytest.raises(InvalidInput, match="directory"):
        load_toy(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_readers_refuse_or_read_anything(data, tmp_path_factory):
    made = document()
    place = data.draw(st.sampled_from(["", "vocab_size", "start", "correct", "states", "a", "edges"]))
    value = data.draw(JSON)
    if place == "a":
        made["states"]["a"] = value
    elif place == "edges":
        made["states"]["a"]["edges"] = value
    elif place:
        made[place] = value
    else:
        made = value
    path = tmp_path_factory.mktemp("fuzz") / "toy.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    message = ""
    try:
        load_toy(path)
    except TokenworthError as error:
        message = str(error)
    assert "\n" not in message
