"""States of the residual stream against transformers' own, on every family that the engine computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.backends.local.architectures import ARCHITECTURES
from tests.backends.local.local_models import ask_one, backend_of, keyed, sequence_of
from tests.backends.toy.toy_cases import document, sequence
from tokenworth.backends.local.backend import LocalBackend
from tokenworth.backends.toy.backend import ToyBackend, parse_automaton
from tokenworth.core.request.hidden import Hidden, HiddenTable
from tokenworth.errors import InvalidInput, Unsupported
from tokenworth.store.codec import decode_response, encode_response

SUFFIX = (40, 41, 42)
CUTS = (0, 3, 17, 70, 75)
SEQUENCE = sequence_of(9, 75, seed=4)


def stock_states(backend: LocalBackend, ids: tuple[int, ...]) -> list[np.ndarray]:
    """What transformers calls hidden states: the embedding, each block but the last, and the last after the final norm."""
    import torch

    with torch.inference_mode(), backend.model.stock_attention() as stock:
        out = stock(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    return [one[0].numpy() for one in out.hidden_states]


def close(got: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(got - expected).max() <= 1e-4 * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_states_are_those_of_the_stock_model(architecture: str) -> None:
    import torch

    from tokenworth.internals.layers import layers_of

    backend = backend_of(architecture)
    after_exit = ask_one(backend, Hidden(sequence=SEQUENCE, cuts=CUTS, place="exit", suffix=SUFFIX)).cube
    along = ask_one(backend, Hidden(sequence=SEQUENCE, cuts=(-4, *CUTS), place="trace")).cube
    inside = layers_of(backend.model)
    assert after_exit.shape == (len(CUTS), inside.depth + 1, backend.model.config.hidden_size)
    with torch.inference_mode():
        ends = [inside.final(torch.from_numpy(one[:, -1])).numpy() for one in (after_exit, along)]
    whole = stock_states(backend, SEQUENCE.prefix(75))
    for i, cut in enumerate(CUTS):
        expected = stock_states(backend, (*SEQUENCE.prefix(cut), *SUFFIX))
        for layer in range(inside.depth):
            close(after_exit[i, layer], expected[layer][-1])
            close(along[i + 1, layer], whole[layer][9 + cut - 1])
            close(along[0, layer], whole[layer][4])
        close(ends[0][i], expected[-1][-1])
        close(ends[1][i + 1], whole[-1][9 + cut - 1])


def test_layers_are_chosen_and_the_rest_is_the_same() -> None:
    backend = backend_of("llama")
    for place, suffix in (("exit", SUFFIX), ("trace", ())):
        everything = Hidden(sequence=SEQUENCE, cuts=CUTS, place=place, suffix=suffix)  # pyright: ignore[reportArgumentType]
        whole, some = ask_one(backend, everything), ask_one(backend, replace(everything, layers=(1, 3)))
        assert isinstance(some, HiddenTable) and some.layers == 2
        np.testing.assert_array_equal(some.cube, whole.cube[:, [1, 3]])


def test_an_answer_depends_on_the_request_alone() -> None:
    asked = Hidden(sequence=SEQUENCE, cuts=CUTS, place="exit", suffix=SUFFIX)
    first = ask_one(backend_of("llama"), asked)
    ask_one(backend_of("llama"), replace(asked, sequence=sequence_of(9, 60, seed=5), cuts=(60,)))
    np.testing.assert_array_equal(ask_one(backend_of("llama"), asked).states, first.states)
    assert ask_one(backend_of("llama"), replace(asked, cuts=())).states.shape == (0, 64)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": (0, 4)}, "layer 4: expected 0 to 3, the layers of the model"),
        ({"layers": (2, 1)}, "expected ascending whole numbers"),
        ({"layers": ()}, "expected ascending whole numbers"),
        ({"layers": (-1,)}, "expected ascending whole numbers"),
        ({"place": "root"}, "place 'root': expected exit or trace"),
        ({"place": "trace"}, "place trace: expected no exit text"),
        ({"suffix": ()}, "place exit: expected an exit text"),
        ({"cuts": (76,)}, "cut 76: expected 0 to 75"),
        ({"cuts": (-1,)}, "cut -1: expected 0 to 75"),
        ({"cuts": (-9,), "place": "trace", "suffix": ()}, "cut -9: the prompt has 9 tokens"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(changes: dict[str, object], words: str) -> None:
    asked = Hidden(sequence=SEQUENCE, cuts=CUTS, place="exit", suffix=SUFFIX)
    with pytest.raises(InvalidInput, match=words):
        ask_one(backend_of("llama"), replace(asked, **changes))  # type: ignore[arg-type]


def test_a_table_is_stored_and_read_back() -> None:
    table = ask_one(backend_of("llama"), Hidden(sequence=SEQUENCE, cuts=CUTS, place="trace"))
    back = decode_response("k", encode_response(table))
    assert isinstance(back, HiddenTable) and back.layers == table.layers
    np.testing.assert_array_equal(back.states, table.states)
    for wrong in (replace(table, layers=3), replace(table, states=table.states * np.nan)):
        with pytest.raises(InvalidInput, match="expected finite states, all layers of each cut"):
            encode_response(wrong)


def test_other_backends_refuse_in_one_sentence() -> None:
    backend = ToyBackend(parse_automaton(document()), name="toy:here.json")
    words = (
        r"^toy:here.json cannot answer a hidden request \(it needs the weights in this process .*\); it answers next_token, read, sample$"
    )
    with pytest.raises(Unsupported, match=words):
        list(backend.answer(keyed(backend, [Hidden(sequence=sequence(1, 4), cuts=(0,), place="exit", suffix=(2,))])))  # type: ignore[arg-type]


def test_a_final_norm_that_is_not_a_module_is_refused() -> None:
    """It is not guessed: a model that does something else to its last state cannot be read."""

    def louder(module: object, args: object, out: dict[str, Any]) -> Any:
        out["last_hidden_state"] = out["last_hidden_state"] * 2
        return out

    _refused(backend_of("llama").model.decoder.register_forward_hook(louder), "no norm of the model turns its last state")


def test_blocks_that_do_not_hand_on_their_state_are_refused() -> None:
    def other(module: object, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return args[0] + 1, *args[1:]

    block = backend_of("llama").model.decoder.layers[1]
    _refused(block.register_forward_pre_hook(other, prepend=True), "no residual stream to look at")


def _refused(handle: Any, words: str) -> None:
    from tokenworth.internals.layers import Layers

    try:
        with pytest.raises(Unsupported, match=words):
            Layers(backend_of("llama").model)
    finally:
        handle.remove()
