"""Where this checkout is, and how a process that a test starts finds it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def child_environment(**more: str) -> dict[str, str]:
    """This process's environment, in which a child imports ``tests`` and ``recipes`` from any folder."""
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **more}
