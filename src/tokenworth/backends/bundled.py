"""The models that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ASSETS = Path(__file__).parent.parent / "assets"
TINY = _ASSETS / "tiny"
"""Folder of the bundled model that answers questions."""
BUNDLED: Mapping[str, tuple[Path, str]] = {
    "tiny": (TINY, "tiny"),
    "maze-correct": (_ASSETS / "maze-correct", "maze"),
    "maze-swapped": (_ASSETS / "maze-swapped", "maze"),
    "maze-feedback": (_ASSETS / "maze-feedback", "maze"),
}
"""Folder and trace format of the bundled models."""


def is_bundled(folder: Path) -> bool:
    """Whether a folder is that of a bundled model, whose files are as trusted as this package."""
    return any(folder == own for own, _ in BUNDLED.values())
