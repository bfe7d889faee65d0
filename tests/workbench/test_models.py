"""Which source a model's name goes to, what is refused, and that a new source is one line of the catalogue."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.checkout import ROOT
from tests.helpers import ladder
from tokenworth.backends.model import LoadOptions, Model, ModelSource
from tokenworth.backends.toy.backend import ToyBackend, ToyCodec
from tokenworth.catalog import BACKENDS, load
from tokenworth.errors import InvalidInput, MissingFile, TokenworthError, UnknownName
from tokenworth.workbench.models import load_model


def _mine(names: tuple[str, ...], options: LoadOptions) -> Model:
    del options
    automaton = ladder()
    return Model(
        name=names[0],
        backend=ToyBackend(automaton, name=names[0]),
        codec=ToyCodec(vocab_size=automaton.vocab_size),
        stop=(),
        render=None,
        context_length=None,
        format=None,
        instruction=None,
    )


MINE = ModelSource(usage=("mine:NAME",), claims=lambda name: name.startswith("mine:"), load=_mine)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("toy:x.json", "toy"),
        ("tiny", "local"),
        ("maze-correct", "local"),
        ("hf:x/y", "local"),
        ("http://h:1/v1#m", "http"),
        ("https://h", "http"),
        ("HTTP://h:1", "http"),
        ("localhost:8000", "http"),
        ("toy:", None),
        ("hf:", None),
        ("tinyy", None),
        ("", None),
    ],
)
def test_one_source_claims_a_name(name: str, source: str | None) -> None:
    claiming = [one for one in BACKENDS if load(BACKENDS, "backend", one).claims(name)]
    assert claiming == ([source] if source else [])


@pytest.mark.parametrize(
    ("name", "error", "expected"),
    [
        ((), InvalidInput, "no model is named; give one of toy:FILE.json, tiny"),
        (("tiny", "http://h"), InvalidInput, "2 models are named; only addresses of servers"),
        ("HTTP://h:1", InvalidInput, "a server's address begins with http:// or https://"),
        ("localhost:8000", InvalidInput, "a server's address begins with http:// or https://"),
        ("no/such", MissingFile, "no folder with a config.json there"),
        ("tinyy", UnknownName, "did you mean tiny"),
        ("toy:", UnknownName, "unknown model 'toy:'"),
        ("toy:no-such.json", MissingFile, "no-such.json"),
    ],
)
def test_what_is_refused(name: str | tuple[str, ...], error: type[TokenworthError], expected: str) -> None:
    with pytest.raises(error) as caught:
        load_model(name)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_new_source_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName):
        load_model("mine:a")
    monkeypatch.setitem(BACKENDS, "mine", f"{__name__}:MINE")  # pyright: ignore[reportArgumentType]
    assert load_model("mine:a").name == "mine:a" and load_model("mine:a").is_toy
    with pytest.raises(UnknownName, match="mine:NAME"):
        load_model("xyz")


@pytest.mark.slow
def test_nothing_is_loaded_for_a_source_that_is_not_asked() -> None:
    toy = ROOT / "examples" / "toy.json"
    code = (
        "import sys\nfrom tokenworth.workbench.models import load_model\n"
        f"load_model('toy:{toy}')\nprint(sorted({{'torch', 'transformers', 'httpx', 'tokenizers'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
