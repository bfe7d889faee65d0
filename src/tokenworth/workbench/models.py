"""Models by name: the first source of the catalogue that claims a name loads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenworth.backends.http.source import is_address
from tokenworth.backends.model import LoadOptions, Model, ModelSource
from tokenworth.catalog import BACKENDS, load
from tokenworth.errors import InvalidInput, MissingExtra, MissingFile, unknown_name


def load_model(name: str | Sequence[str], options: LoadOptions | None = None) -> Model:
    """The model a name stands for. Several names are addresses of servers of one model.

    Raises as `source_of`, what the source's ``load`` raises, and MissingExtra where a library is not installed.
    """
    names, source = source_of(name)
    try:
        return source.load(names, options or LoadOptions())
    except ImportError as error:
        if isinstance(error, MissingExtra) or not source.extra or str(error.name).startswith("tokenworth"):
            raise
        told = f"the model {names[0]} needs {error.name}, which is not installed; run: pip install 'tokenworth[{source.extra}]'"
        raise MissingExtra(told) from error


def source_of(name: str | Sequence[str]) -> tuple[tuple[str, ...], ModelSource]:
    """The names, and the source that claims them; nothing is loaded.

    Raises UnknownName for a name that no source claims, MissingFile for a path that is not there.
    """
    names: tuple[str, ...] = (name,) if isinstance(name, str) else tuple(name)
    sources: list[ModelSource] = [load(BACKENDS, "backend", one) for one in BACKENDS]
    usage = [way for source in sources for way in source.usage]
    if not names:
        raise InvalidInput(f"no model is named; give one of {', '.join(usage)}")
    check_names(names)
    for source in sources:
        if all(map(source.claims, names)):
            return names, source
    (only,) = names
    if "/" in only or Path(only).exists():
        raise MissingFile(
            f"model {only!r}: no folder with a config.json there; write hf:NAME for a hub model, gguf:FILE for a GGUF file, toy:FILE for "
            "an automaton"
        )
    raise unknown_name("model", only, usage)


def check_names(name: str | Sequence[str]) -> None:
    """Refuses several names that are not all addresses of servers."""
    if not isinstance(name, str) and len(name) != 1 and not is_served(name):
        raise InvalidInput(f"{len(name)} models are named; only addresses of servers of one model form a pool")


def is_served(name: str | Sequence[str]) -> bool:
    """Whether a name stands for a server, which may cost money."""
    return all(map(is_address, (name,) if isinstance(name, str) else name))
