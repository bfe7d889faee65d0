"""llama.cpp in a process of its own, which begins and ends with this one: nobody starts a server.

A damaged file makes llama.cpp abort the process it runs in, with its own messages on the terminal; here that is an error in one line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenworth.backends.llama.file import GgufFile
from tokenworth.backends.llama.settings import LlamaSettings
from tokenworth.errors import InvalidInput, MissingExtra, ServerError

_PROGRAM = Path(__file__).with_name("worker.py")
_LOADING = "error loading model: "
_ASSERTION = "GGML_ASSERT("
_LOG_BYTES = 1 << 16


class LlamaProcess:
    """llama.cpp with one file. ``key``: what requests must carry, None: nothing."""

    def __init__(self, file: GgufFile, settings: LlamaSettings, *, key: str | None, name: str | None = None) -> None:
        if find_spec("xllamacpp") is None:
            raise MissingExtra(f"{file.path}: llama.cpp needs xllamacpp, which is not installed; run: pip install 'tokenworth[gguf]'")
        self.file, self.settings = file, settings
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # In a session of its own, Ctrl-C is not for it: what is under way is waited for.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _end, self._process)
        asked: dict[str, Any] = {
            "path": str(file.path.resolve()), "name": name or file.path.stem, "key": key, "settings": settings.to_json()
        }  # fmt: skip
        assert self._process.stdin is not None
        with suppress(OSError):  # It has ended; `address` says why.
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()

    def address(self) -> str:
        """Where it answers, once it has loaded the model. Raises: `InvalidInput` where it cannot."""
        assert self._process.stdout is not None
        try:
            said = json.loads(self._process.stdout.readline() or b"{}")
        except ValueError:
            said = {}
        if "address" not in said:
            self.close()
            raise InvalidInput(f"{self.file.path}: llama.cpp cannot load it: {self._said() or said.get('failed') or 'it ended at once'}")
        return said["address"]

    def fault(self) -> ServerError | None:
        """Why it has ended; None while it runs."""
        if self._process.poll() is None:
            return None
        return ServerError(
            f"llama.cpp has ended by itself: {self._said() or f'exit code {self._process.returncode}'}; "
            "what was drawn is in the --store, if one was given"
        )

    def wait(self) -> None:
        """Returns when it has ended."""
        self._process.wait()

    def close(self) -> None:
        """Ends it."""
        self._end()

    def _said(self) -> str:
        """The plainest of its messages."""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _LOG_BYTES))
        lines = [line.strip() for line in self._log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        loading = [line.split(_LOADING, 1)[1] for line in lines if _LOADING in line]
        asserted = [_ASSERTION + line.split(_ASSERTION, 1)[1] for line in lines if _ASSERTION in line]
        return next(iter([*loading, *asserted, *reversed(lines)]), "")[:300]


def installed_version() -> str:
    """The installed version of xllamacpp."""
    return version("xllamacpp")


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
