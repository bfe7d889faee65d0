"""Where tests find the real data that is not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.checkout import ROOT


def shared(*parts: str) -> Path:
    """A file of the real data; skips the test where it is not here, unless everything is required."""
    root = Path(os.environ.get("TOKENWORTH_SHARED") or ROOT.parent / "shared" / "data")
    path = root.joinpath(*parts)
    if not path.exists() and not os.environ.get("TOKENWORTH_REQUIRE_ALL"):
        pytest.skip(f"real data {'/'.join(parts)} is not here; set TOKENWORTH_SHARED to its folder")
    return path
