"""``toy:FILE.json``: an exact automaton."""

from __future__ import annotations

from tokenworth.backends.model import LoadOptions, Model, ModelSource


def _load(names: tuple[str, ...], options: LoadOptions) -> Model:
    from tokenworth.backends.toy.backend import ToyBackend, ToyCodec, load_toy

    del options
    (name,) = names
    automaton = load_toy(name.removeprefix("toy:"))
    return Model(
        name=name,
        backend=ToyBackend(automaton, name=name),
        codec=ToyCodec(vocab_size=automaton.vocab_size),
        stop=(),
        render=None,
        context_length=None,
        format=None,
        instruction=None,
    )


SOURCE = ModelSource(usage=("toy:FILE.json",), claims=lambda name: name.startswith("toy:") and name != "toy:", load=_load)
