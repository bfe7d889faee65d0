"""A curve at hand as a screen: it leaves tokens out, and no draw of it is used for a test."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from tokenworth.core.sampling import Sampling
from tokenworth.errors import MismatchError
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.curve.labels import Reader
from tokenworth.methods.pivots.settings import PivotSettings


def screened(
    curve: CurveDoc, reader: Reader, sampling: Sampling, tokens: Int[np.ndarray, " row"], settings: PivotSettings
) -> Bool[np.ndarray, " row"]:
    """Which of ``tokens`` a curve of the same trace shows to change the value by less than delta: its limits of their change are within it.

    Raises MismatchError for the curve of another trace, target or sampling.
    """
    trace, own = reader.trace, (*(curve.trace.ids or ()), *(curve.trace.answer_ids or ()))
    if own != trace.sequence.completion or (curve.trace.prompt_ids or ()) != trace.sequence.prompt:
        raise MismatchError(f"--screen {settings.screen} is the curve of another trace; measure both on the same base")
    for what, theirs, ours in (("target", curve.target, settings.target), ("sampling", curve.sampling, sampling)):
        if theirs != ours:
            raise MismatchError(f"--screen {settings.screen} has another {what}: {theirs}, expected {ours}")
    out = np.zeros(trace.n_trace, dtype=bool)
    before = -1
    for cut, low, high in zip(curve.cuts, curve.change_low or (), curve.change_high or (), strict=False):
        if before == cut - 1 and low is not None and high is not None:
            out[before] = low > -settings.delta and high < settings.delta
        before = cut
    return out[tokens]
