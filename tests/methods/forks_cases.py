"""A document of forks with one text everywhere."""

from __future__ import annotations

from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.methods.forks.document import (
    ChangeIntervalDoc,
    ContinuationDoc,
    ForkBranchDoc,
    ForkDoc,
    ForkPlanDoc,
    ForksDoc,
    ModelCurveDoc,
)


def forks_doc(text: str) -> ForksDoc:
    """One fork with one branch that is far and one without a draw, one change, one model."""
    pieces = (text, "b", "c", text)
    half = Estimate(value=0.5, low=0.4, high=0.6)
    shares = {text: half, "B": half}
    none = {"n": 0, "value": Estimate(value=None, low=0.0, high=1.0), "distance": Estimate(value=None, low=0.0, high=1.0)}
    far = ForkBranchDoc(
        token=5,
        text=text,
        p=0.3,
        n=30,
        topped=20,
        outcomes={text: Estimate(value=1.0, low=0.9, high=1.0, n=30, k=30)},
        value=Estimate(value=0.0, low=0.0, high=0.1, n=30),
        l2=0.5,
        tv=0.6,
        tv_chance=0.1,
        tv_p=0.001,
        kl=1.2,
        distance=Estimate(value=0.6, low=0.4, high=0.8),
        verdict="far",
        continuations=(ContinuationDoc(text=text, outcome=text, cut_off=True),),
    )
    undrawn = ForkBranchDoc(token=6, text="d", p=0.1, verdict="open", **none)  # type: ignore[arg-type]
    fork = ForkDoc(
        token=1,
        text=pieces[1],
        p=0.5,
        outcomes=shares,
        base=shares,
        branches=(far, undrawn),
        rest=0.1,
        rest_n=3,
        rest_outcomes={text: 3},
        mixed=False,
        delta=Estimate(value=0.3, low=0.1, high=0.5),
        variance=0.05,
        hazard_low=0.3,
        hazard_high=0.5,
    )
    unit = (0.5, 0.5, 0.5, 0.5, 0.5)
    return ForksDoc(
        problem=Problem(id=text, question=text, options=(), gold=None),
        model=ModelDoc(name=text),
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=64, stop=()),
        plan=ForkPlanDoc(floor=0.05, samples=30, distance="tv", far=0.3),
        seed=0,
        trace=TraceDoc(unit="token", pieces=pieces, answer_pieces=("d",), ids=(1, 2, 3, 4), outcome=text, verdict="correct"),
        value_label=text,
        level=0.95,
        labels=(text, "B"),
        forks=(fork,),
        changes=(ChangeIntervalDoc(first=1, last=2, change=Estimate(value=0.3, low=0.1, high=0.5)),),
        changes_level=0.999,
        change_pairs=10,
        value=unit,
        low=(0.4,) * 5,
        high=(0.6,) * 5,
        survival_low=(1.0, 1.0, 0.5, 0.4, 0.4),
        survival_high=(1.0, 1.0, 0.7, 0.7, 0.7),
        survival_kept=(1.0, 1.0, 0.6, 0.6, 0.6),
        below_floor=0.3,
        variance=0.05,
        variance_bound=0.25,
        models=(ModelCurveDoc(name=text, begins=(2,), value=unit, chosen=text, rollouts=30, generated_tokens=300),),
        excursions=100,
        topped=20,
        rollouts=120,
        generated_tokens=2000,
        stopped="every cut reached its target",
        provenance=Provenance(version="0.1.0", command=text),
        notes=(text,),
    )
