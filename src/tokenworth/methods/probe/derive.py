"""The document of a probe over many questions."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from tokenworth.core.document import About, numbers
from tokenworth.core.measure import Done
from tokenworth.errors import InvalidInput
from tokenworth.methods.probe.document import ProbeDoc, ProbePlan, ProbeRowsDoc, StatesDoc
from tokenworth.methods.probe.evaluate import PROBE, Evaluation, applied_probe, evaluated, why_not
from tokenworth.methods.probe.experiment import applied, exit_of
from tokenworth.methods.probe.pool import Pool, pooled
from tokenworth.methods.probe.result import QuestionRows
from tokenworth.methods.probe.settings import ProbeSettings
from tokenworth.stats.nested import reliability
from tokenworth.stats.paired_scores import noise_ceiling


def probe_document(done: Sequence[Done], settings: ProbeSettings, about: About) -> ProbeDoc:
    """Fits, or applies, a probe on the rows of all questions."""
    if not done:
        raise InvalidInput("no question could be measured; see what was reported of each")
    subject = done[0].subject
    asked = applied(subject, settings)
    found: list[QuestionRows] = [one.result for one in done]
    pool = pooled(found)
    saved = subject.documents.get("apply")
    why = why_not(pool, asked)
    if isinstance(saved, ProbeDoc) and saved.probe is not None:
        if len(pool.label) and pool.classes != saved.classes:
            raise InvalidInput(f"--apply {settings.apply} tells {', '.join(saved.classes)}; these questions have {', '.join(pool.classes)}")
        result = applied_probe(pool, saved.probe, asked) if len(pool.label) else nothing(pool)
    else:
        result = nothing(pool) if why else evaluated(pool, asked)
    p, y = result.probability, pool.labelled.y
    fitted = p.shape[1] > 0 and len(y) > 0
    bins, error = reliability(*_likeliest(p, pool)) if fitted else ((), float("nan"))
    base = np.average(y, axis=0) if len(y) else np.zeros(y.shape[1])
    brier = [float(((q - y) ** 2).sum(axis=1).mean()) if fitted else float("nan") for q in (p, base)]
    return ProbeDoc(
        model=about.model,
        task=about.task,
        ask=asked.asked,
        place=asked.place,
        exit=exit_of(subject, asked).text,
        sampling=subject.sampling,
        plan=ProbePlan(**{name: getattr(asked, name) for name in ProbePlan.__dataclass_fields__}),
        level=asked.level,
        questions=pool.questions,
        classes=pool.classes,
        counts=tuple(int((pool.label == k).sum()) for k in range(len(pool.classes))),
        ceiling=None if pool.classes or not len(y) else numbers([noise_ceiling(pool.label, pool.labelled.weight)])[0],
        scores=result.scores,
        strata=result.strata,
        layers=result.layers,
        calibration=bins,
        calibration_error=numbers([error])[0],
        brier=numbers(brier)[0],
        brier_base=numbers(brier)[1],
        probe=result.fitted,
        applied=settings.apply or "",
        rows=_rows(pool, result),
        states=_states(pool) if asked.states and len(y) else None,
        left_out=len(found) - len(pool.questions) + about.failed,
        notes=tuple(_notes(found, pool, result, why)),
        provenance=about.provenance,
    )


def nothing(pool: Pool) -> Evaluation:
    """Where nothing can be fitted."""
    none = np.zeros((len(pool.label), 0))
    return Evaluation(scores=(), strata=(), layers=(), probability=none, baseline=none, fitted=None)


def _likeliest(p: Float[np.ndarray, "row class"], pool: Pool) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """What calibration is of: the one probability, or that of the likeliest of several classes, and whether it was so."""
    if p.shape[1] == 1:
        return p[:, 0], pool.labelled.y[:, 0]
    top = p.argmax(axis=1)
    return p.max(axis=1), (top == pool.label).astype(np.float64)


def _rows(pool: Pool, result: Evaluation) -> ProbeRowsDoc:
    return ProbeRowsDoc(
        question=tuple(pool.labelled.question.tolist()),
        trace=tuple(pool.trace.tolist()),
        cut=tuple(pool.cut.tolist()),
        label=numbers(pool.label.tolist()),
        probability=tuple(tuple(one) for one in result.probability.T.tolist()),
        baseline=tuple(tuple(one) for one in result.baseline.T.tolist()),
    )


def _states(pool: Pool) -> StatesDoc:
    rows = np.moveaxis(pool.states, 0, 1).astype("<f4")
    return StatesDoc(layers=pool.layers, width=rows.shape[2], data=base64.b64encode(rows.tobytes()).decode("ascii"))


def _notes(found: Sequence[QuestionRows], pool: Pool, result: Evaluation, why: str) -> Iterator[str]:
    if why:
        yield why
    for told, count in Counter(one.told for one in found if one.told).items():
        yield f"{count:,} question{'s' * (count != 1)} left out: {told}"
    unclear = sum(one.unclear for one in found)
    if unclear:
        yield f"{unclear:,} questions left out: the interval of V(0) less the forced share contains the margin; more --samples settle them"
    empty = [name for k, name in enumerate(pool.classes) if len(pool.label) and not (pool.label == k).any()]
    if empty:
        yield f"no row is {' or '.join(repr(one) for one in empty)}"
    by_name = {one.name: one for one in result.scores}
    leak = by_name.get("random by question")
    if leak is not None and leak.quality.low is not None and leak.quality.low > 0.5:
        yield "a coin for each question is told above chance: either by chance, which an interval at this level allows, or the split leaks"
    gains = {one.name: one.gain for one in result.scores if one.kind == "baseline"}
    equal = [name for name, gain in gains.items() if gain is None or gain.low is None or gain.low <= 0]
    if equal:
        yield f"the probe is not shown to tell more than {', '.join(equal)}: a claim needs every difference above 0, limits included"
    if PROBE in by_name:
        yield "what a probe decodes need not be what the model uses: to show that, change it and see what follows"
