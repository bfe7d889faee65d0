"""Numbers from 0 to 1 in one byte each, as text: what rows keep of curves."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from jaxtyping import Float

from tokenworth.errors import InvalidInput

STEPS = 254
MISSING = 255


def packed(values: Float[np.ndarray, " position"]) -> str:
    """Base64 of round(254 v), 255 for NaN; off by at most .002."""
    known = np.isfinite(values)
    steps = np.where(known, np.rint(np.clip(np.where(known, values, 0.0), 0, 1) * STEPS), MISSING)
    return base64.b64encode(steps.astype(np.uint8).tobytes()).decode()


def unpacked(text: str) -> Float[np.ndarray, " position"]:
    """The numbers of `packed`. Raises InvalidInput for other text."""
    try:
        steps = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"a curve is {text[:20]!r}, expected base64 of one byte for each position") from error
    return np.where(steps == MISSING, np.nan, steps / STEPS)
