"""The lens: its last layer is the forced answer, on every family; layers below are the stock states through norm and head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.backends.local.architectures import ARCHITECTURES
from tests.backends.local.local_models import ask_one, backend_of, sequence_of
from tests.internals.test_hidden import stock_states
from tokenworth.core.request.lens import Lens, LensTable
from tokenworth.core.request.read import Read
from tokenworth.errors import InvalidInput

SUFFIX, TOKENS = (40, 41, 42), (50, 60, 70, 80)
CUTS = (0, 3, 17, 70, 75)
SEQUENCE = sequence_of(9, 75, seed=4)
ASKED = Lens(sequence=SEQUENCE, cuts=CUTS, place="exit", suffix=SUFFIX, tokens=TOKENS, mass="all")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_last_layer_is_the_forced_answer(architecture: str) -> None:
    backend = backend_of(architecture)
    table = ask_one(backend, replace(ASKED, mass="last"))
    read = ask_one(backend, Read(sequence=SEQUENCE, cuts=CUTS, suffix=SUFFIX, continuations=tuple((one,) for one in TOKENS)))
    p = np.exp(read.logprob)
    np.testing.assert_allclose(table.share[-1], p / p.sum(axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(table.mass[-1], p.sum(axis=1), atol=1e-5, rtol=1e-5)
    assert np.isnan(table.mass[:-1]).all()
    whole = ask_one(backend, ASKED)
    np.testing.assert_allclose(whole.share, table.share, atol=1e-5)
    assert np.isfinite(whole.mass).all() and table.layers == 4


@pytest.mark.parametrize("architecture", ["llama", "llama-mha", "gemma2", "gpt2", "cohere", "granite", "opt", "phi"])
def test_a_layer_below_is_its_state_through_norm_and_head(architecture: str) -> None:
    """Norms of several kinds, heads tied and untied, with and without a bias, scaled and soft-capped."""
    import torch

    from tokenworth.internals.layers import layers_of

    backend = backend_of(architecture)
    exits = ask_one(backend, replace(ASKED, layers=(0, 2)))
    along = ask_one(backend, replace(ASKED, layers=(0, 2), place="trace", suffix=()))
    whole = stock_states(backend, SEQUENCE.prefix(75))
    for i, cut in enumerate(CUTS):
        after = stock_states(backend, (*SEQUENCE.prefix(cut), *SUFFIX))
        for k, layer in enumerate((0, 2)):
            for table, state in ((exits, after[layer][-1]), (along, whole[layer][9 + cut - 1])):
                with torch.inference_mode():
                    normed = layers_of(backend.model).final(torch.from_numpy(state)[None])
                    expected = backend.model.logits(normed)[0].log_softmax(-1)[list(TOKENS)].double().exp().numpy()
                np.testing.assert_allclose(table.share[k, i] * table.mass[k, i], expected, atol=2e-5)


def test_half_precision_is_the_forced_answer_too(tmp_path: Any) -> None:
    """In bfloat16 the last layer is what forced answers are to the last bit; float32 differs from both by what rounding does."""
    from tests.backends.local.local_models import folder_of
    from tokenworth.backends.local.load import load_local

    half = load_local(str(folder_of("llama")), dtype="bfloat16")
    read = Read(sequence=SEQUENCE, cuts=CUTS, suffix=SUFFIX, continuations=tuple((one,) for one in TOKENS))
    table, p = ask_one(half, ASKED), np.exp(ask_one(half, read).logprob)
    np.testing.assert_allclose(table.share[-1], p / p.sum(axis=1, keepdims=True), atol=1e-9)
    apart = np.abs(table.share - ask_one(backend_of("llama"), ASKED).share).max()
    assert 1e-5 < apart < 0.2


def test_mass_at_some_layers_costs_a_quarter_at_most() -> None:
    from tokenworth.internals.layers import layers_of
    from tokenworth.internals.lens import with_mass

    inside = layers_of(backend_of("llama").model)
    body = sum(one.numel() for one in inside.blocks.parameters())
    head = inside.model.vocab_size * 64
    for suffix in (SUFFIX, SUFFIX * 2, SUFFIX * 20):
        chosen = with_mass(inside, replace(ASKED, suffix=suffix, mass="some"))
        spent = (len(chosen) - 1) * head / (len(suffix) * body + head)
        assert inside.depth in chosen and spent <= 0.25
    assert with_mass(inside, replace(ASKED, mass="some", suffix=SUFFIX * 20)) == {0, 1, 2, 3}
    table = ask_one(backend_of("llama"), replace(ASKED, mass="some"))
    assert isinstance(table, LensTable)
    assert set(np.flatnonzero(np.isfinite(table.mass).all(axis=1))) == with_mass(inside, replace(ASKED, mass="some"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": ()}, "expected at least one, each once"),
        ({"tokens": (5, 5)}, "expected at least one, each once"),
    ],
)
def test_what_cannot_be_read_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        replace(ASKED, **changes)


@pytest.mark.parametrize("measure", ["lens", "patch"])
def test_models_whose_weights_are_elsewhere_are_refused_in_one_sentence(measure: str) -> None:
    """Servers, llama.cpp and automata answer none of these kinds; a file of llama.cpp opened here does, because its weights are here."""
    from tokenworth import catalog
    from tokenworth.core.ports import Capabilities
    from tokenworth.errors import Unsupported

    one = catalog.load(catalog.MEASURES, "measure", measure)
    served = Capabilities(kinds=frozenset({"sample", "next_token", "read"}), leave=False)
    words = r"^served does not support [\w ()]+: it needs the weights in this process \(.*\); forced still works$"
    for need in one.run.needs(one.settings()):
        with pytest.raises(Unsupported, match=words):
            need.check("served", served)
        need.check("local", backend_of("llama").capabilities)
