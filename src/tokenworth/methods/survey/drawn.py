"""What a survey of a task draws: which curves of which traces."""

from __future__ import annotations

from collections.abc import Sequence

from tokenworth.core.measure import Gather
from tokenworth.methods.curve.settings import CurveSettings
from tokenworth.methods.forced.settings import ForcedSettings
from tokenworth.methods.survey.document import SurveyDoc
from tokenworth.methods.survey.features import NAMES
from tokenworth.methods.survey.settings import SurveySettings


def gathers(settings: SurveySettings) -> Sequence[Gather]:
    """The curves of every problem's first traces."""
    forced = ForcedSettings(exit=settings.exit, max_cuts=settings.max_cuts, least_mass=settings.least_mass, seed=settings.seed)
    found: list[Gather] = []
    for base in map(str, range(settings.samples)):
        if settings.curves != "value":
            found.append(Gather(measure="forced", settings=forced, base=base))
        if settings.curves != "forced":
            found.append(Gather(measure="curve", settings=_values(settings), base=base))
    return found


def refines(document: SurveyDoc, settings: SurveySettings) -> tuple[Sequence[str], Gather] | None:
    """The ids of the traces whose feature is largest, and the curve of values of each; None where nothing is refined."""
    if settings.then == "none":
        return None
    column = NAMES.index(settings.by)
    ranked = [(value, row.id) for row in document.rows if (value := row.features[column]) is not None]
    ranked.sort(key=lambda one: (-one[0], one[1]))
    return [ident for _, ident in ranked[: settings.top]], Gather(measure="curve", settings=_values(settings))


def _values(settings: SurveySettings) -> CurveSettings:
    return CurveSettings(max_rollouts=settings.rollouts, level=settings.level, seed=settings.seed)
