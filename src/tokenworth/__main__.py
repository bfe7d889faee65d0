"""``python -m tokenworth``, and the program ``tokenworth``: quiet when it is stopped before it has begun."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 - nothing is loaded before this
    # As ``python -m`` puts it: files in the folder of the data would pass for modules.
    del sys.path[0]

import signal

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that stop a run: Ctrl-C, a batch system, and the end of a terminal."""


def _leave(number: int, frame: object) -> None:
    del number, frame
    os.write(2, b"stopped\n")
    os._exit(130)


def start() -> None:
    """Runs the command line and exits."""
    for name in STOPPING:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _leave)
    from tokenworth.cli.main import main

    main()


if __name__ == "__main__":
    start()
