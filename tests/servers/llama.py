"""llama.cpp's server, from the package ``xllamacpp``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import serving


@contextmanager
def llama_server(gguf: Path, slots: int = 8, *, threads: int = 1, fast: bool = False) -> Iterator[str]:
    """The address of a server of the model, as ``--model`` takes it: ``http://127.0.0.1:PORT/v1#tiny``."""
    command = [sys.executable, "-m", "tokenworth", "serve-model", str(gguf.resolve()), "--port", "0"]
    command += ["--slots", str(slots), "--threads", str(threads)]
    with serving([*command, *(["--fast"] if fast else [])], _address) as url:
        yield url


def _address(printed: str) -> str | None:
    return printed.splitlines()[0] if "\n" in printed else None
