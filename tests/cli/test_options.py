"""Options from settings: what a command line gives is what the settings are."""

from __future__ import annotations

import click
import pytest

from tokenworth.cli.choices import ModelChoice, ServerChoice
from tokenworth.cli.options import parameters_of, taken
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.settings import ForcedSettings


def given(kind: type, *words: str) -> object:
    found: list[object] = []
    command = click.Command("verb", params=parameters_of(kind), callback=lambda **values: found.append(taken(kind, values)))
    command.main(list(words), standalone_mode=False)
    return found[0]


def test_an_option_that_may_be_repeated_is_a_list_also_when_given_once() -> None:
    assert given(ForcedSettings, "--exit", "t3 ") == ForcedSettings(exit=("t3 ",))
    assert given(ForcedSettings, "--exit", "a", "--exit", "b") == ForcedSettings(exit=("a", "b"))
    assert given(ForcedSettings, "--seed", "8", "--options", "t0,t1") == ForcedSettings(seed=8, options=("t0", "t1"))


def test_a_model_given_once_is_its_name() -> None:
    assert given(ModelChoice, "--model", "tiny") == ModelChoice(model="tiny")
    assert given(ModelChoice, "--model", "http://a/v1#m", "--model", "http://b/v1#m") == ModelChoice(
        model=("http://a/v1#m", "http://b/v1#m")
    )


def test_what_is_said_of_a_server_is_for_the_reader_too() -> None:
    choice, address = ServerChoice(tokenizer="tiny", timeout=5.0), "http://127.0.0.1:1/v1#m"
    for models in ((address, None), ("tiny", address)):
        options = choice.options(*models)
        assert options is not None and options.tokenizer == "tiny" and options.patience.deadline_s == 5.0
    with pytest.raises(InvalidInput, match="--tokenizer is for servers, and tiny is not one"):
        choice.options("tiny", "maze-correct")
    assert ServerChoice(thinking=False).options("tiny") is None
