"""One small document of each kind that draws."""

from __future__ import annotations

from typing import Any

from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc, SampleDoc
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc

ABOUT: dict[str, Any] = {"model": ModelDoc(name="toy"), "provenance": Provenance(version="0")}


TRACE = TraceDoc(unit="token", pieces=("a", " b"), ids=(1, 2), answer_pieces=(".",), answer_ids=(3,), probabilities=(0.5, None))


SAMPLE = SampleDoc(cut=1, index=0, text="x</script>", outcome="A", verdict="correct", stop="stop", n_tokens=2, ids=(2, 3))


CURVE = CurveDoc(
    **ABOUT,
    plan=PlanDoc(name="plain"),
    trace=TRACE,
    cuts=(0, 2),
    value=(0.5, None),
    low=(0.1, None),
    high=(0.9, None),
    level=0.95,
    n_effective=(20.0, None),
    n_started=(20, 0),
    outcomes={"B": (0.5, None), "A": (0.5, None)},
    samples=(SAMPLE,),
    budget=BudgetDoc(),
)


FORCED = ForcedDoc(
    **ABOUT,
    trace=TRACE,
    exits=(ExitDoc(name="e", text="(", cuts=(0, 1), options=("A", "B"), probability=((0.1, 0.2), (0.3, None)), mass=(0.4, None)),),
)


SAMPLES = SampleSetDoc(
    **ABOUT,
    sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=9, stop=()),
    seed=1,
    accuracy=0.5,
    low=0.0,
    high=1.0,
    level=0.95,
    n=2,
    outcomes={"A": 1, "B": 1},
    length_correlation=None,
    length_correlation_low=None,
    length_correlation_high=None,
    chosen=1,
    traces=(TRACE, TRACE),
    rollouts=2,
    generated_tokens=6,
)
