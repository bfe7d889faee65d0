"""Starts real servers, and prints what tests with a real model measured.

Must not import the package outside a fixture (the type-checking hook comes first).
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.checked import install

install()
# A busy machine is slow, not wrong; and a test run that draws other examples each time cannot be repeated.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


_MEASURED: list[str] = []


@pytest.fixture(scope="session")
def measured() -> list[str]:
    """Lines to be printed after the tests."""
    return _MEASURED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _MEASURED:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as a GGUF file."""
    return _written(tmp_path_factory, "F32")


@pytest.fixture(scope="session")
def llama_url(tiny_gguf: Path) -> Iterator[str]:
    """A llama.cpp server of the bundled model with 8 slots, as ``--model`` takes it."""
    from tests.servers.llama import llama_server

    with llama_server(tiny_gguf, slots=8) as url:
        yield url


@pytest.fixture(scope="session", params=["Q4_0", "Q8_0"] if "TOKENWORTH_REAL" in os.environ else ["Q4_0"])
def quantised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """How its weights are quantised, and a llama.cpp server of it with 8 slots."""
    from tests.servers.llama import llama_server

    with llama_server(_written(tmp_path_factory, request.param), slots=8) as url:
        yield request.param, url


def _written(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Path:
    missing = [name for name in ("xllamacpp", "gguf") if importlib.util.find_spec(name) is None]
    if missing and "TOKENWORTH_REQUIRE_ALL" not in os.environ:
        pytest.skip(f"not installed: {', '.join(missing)} (llama.cpp's server)")
    from recipes.tiny.to_gguf import TINY, write_gguf

    out = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(TINY, out, kind)
    return out
