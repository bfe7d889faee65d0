"""Other work for a server: what a probe and readings must not depend on."""

from __future__ import annotations

import json
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def busy(url: str, *, clients: int = 3, vocab: int = 900) -> Iterator[None]:
    """A llama.cpp server (``http://HOST:PORT/v1#NAME``) that others draw from meanwhile: prompts and answers of all lengths."""
    root, over = url.split("/v1")[0], threading.Event()

    def ask(number: int) -> None:
        dice = random.Random(number)
        while not over.is_set():
            prompt = [dice.randrange(300, vocab) for _ in range(dice.randrange(3, 40))]
            body = json.dumps({"prompt": prompt, "n_predict": 12, "temperature": 1.0, "seed": dice.randrange(10**6)}).encode()
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(urllib.request.Request(f"{root}/completion", body), timeout=60).read()

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=60)
