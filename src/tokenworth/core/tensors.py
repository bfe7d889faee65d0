"""Arrays of a document under their names, for export to tools that compute with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensors:
    """Arrays, and what is said of them."""

    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, str]
