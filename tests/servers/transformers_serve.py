"""The server of transformers (``transformers[serving]``): takes text only, and ignores n, logprobs and the temperature."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import answers, free_port, serving


@contextmanager
def transformers_server(model: Path) -> Iterator[str]:
    """The address of a server of the model in the folder: ``http://127.0.0.1:PORT/v1#FOLDER``, the only name it answers to."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "serve", str(model), "--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    # Without a folder of downloads, even an empty one, its list of models is an internal error.
    with tempfile.TemporaryDirectory(prefix="tokenworth-hub-") as hub:
        environment = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": hub}
        with serving(command, lambda _: base if answers(f"{base}/health") else None, environment) as address:
            yield f"{address}/v1#{model}"
