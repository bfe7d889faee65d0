"""Makes `tests/helpers.py` importable; must not import the package (the type-checking hook comes first)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
