"""A derived measure of one's own in one module: the highest value of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenworth.core.document import About, Document, Provenance
from tokenworth.core.measure import Derives, Measure
from tokenworth.errors import InvalidInput
from tokenworth.methods.curve.document import CurveDoc


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakSettings:
    """Find the highest value of each curve."""

    least: float = 0.0
    """Values below this are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakDoc:
    """The highest value of each curve."""

    schema: str = "tokenworth.peak/1"
    peaks: tuple[float, ...]
    provenance: Provenance


def peaks(documents: Sequence[Document], settings: PeakSettings, about: About) -> PeakDoc:
    """The highest values that are not below the least."""
    curves = [one for one in documents if isinstance(one, CurveDoc)]
    if not curves:
        raise InvalidInput("no curve among the documents; give what curve wrote")
    found = (max(x for x in one.value if x is not None) for one in curves)
    return PeakDoc(peaks=tuple(x for x in found if x >= settings.least), provenance=about.provenance)


MEASURE = Measure(
    name="peak", settings=PeakSettings, document=PeakDoc, run=Derives(document=peaks), subject=lambda doc: doc.provenance.source
)
