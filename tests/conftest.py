"""Starts real servers.

Must not import the package outside a fixture (the type-checking hook comes first).
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong; and a test run that draws other examples each time cannot be repeated.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as a GGUF file."""
    missing = [name for name in ("xllamacpp", "gguf") if importlib.util.find_spec(name) is None]
    if missing and "TOKENWORTH_REQUIRE_ALL" not in os.environ:
        pytest.skip(f"not installed: {', '.join(missing)} (llama.cpp's server)")
    from recipes.tiny.to_gguf import TINY, write_gguf

    out = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(TINY, out)
    return out


@pytest.fixture(scope="session")
def llama_url(tiny_gguf: Path) -> Iterator[str]:
    """A llama.cpp server of the bundled model with 8 slots, as ``--model`` takes it."""
    from tests.servers.llama import llama_server

    with llama_server(tiny_gguf, slots=8) as url:
        yield url
