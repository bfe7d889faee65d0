"""Makes `tests/helpers.py` importable; must not import the package (the type-checking hook comes first)."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A busy machine is slow, not wrong; and a test run that draws other examples each time cannot be repeated.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
