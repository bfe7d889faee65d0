"""Synthetic results of measures that a page shows as tables: of `edits` and `modulo` as JSON objects, of others as documents."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

from tokenworth.core.document import About, Document, ModelDoc, Provenance, TraceDoc
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.core.sampling import Sampling
from tokenworth.methods.anchors.document import (
    AnchorDoc,
    AnchorPlanDoc,
    AnchorsDoc,
    BaselineDoc,
    DivergenceDoc,
    ResilienceDoc,
    SentenceDoc,
    SourceDoc,
)
from tokenworth.methods.attention.document import AgreementDoc, AttentionDoc, GapDoc, HeadDoc, LookedDoc
from tokenworth.methods.audit.document import AuditDoc
from tokenworth.methods.clocks.derive import clocks_document
from tokenworth.methods.clocks.settings import ClocksSettings
from tokenworth.methods.first_errors.document import FirstErrorsDoc, FirstErrorTable
from tokenworth.methods.first_errors.rows import FirstError, MeasuredError, ValueAt
from tokenworth.methods.inside.derive import inside_document
from tokenworth.methods.inside.settings import InsideSettings
from tokenworth.methods.intervene.area import AreaDoc, AreaRow
from tokenworth.methods.intervene.document import AnswersDoc, EditedDoc, IntervenedDoc, InterveneDoc
from tokenworth.methods.intervene.following import FollowingRow
from tokenworth.methods.intervene.paired import InterventionRow, RateChange
from tokenworth.methods.lens.document import LensDoc, TraceClocks
from tokenworth.methods.patch.document import PatchDoc, ReadEffect, SpanRow, TransplantDoc
from tokenworth.methods.pivots.document import CriticalDoc, PairDoc, PivotDoc, PivotPlanDoc, PivotsDoc
from tokenworth.methods.prevalence.derive import prevalence_document
from tokenworth.methods.prevalence.settings import PrevalenceSettings
from tokenworth.methods.probe.document import FittedProbe, LayerDoc, ProbeDoc, ProbePlan, ProbeRowsDoc, ScoreDoc, StratumDoc
from tokenworth.methods.replay.document import RecordedLoopDoc, ReplayDoc
from tokenworth.methods.replay.loops import ReplayedLoop, ReplayedStep, summary
from tokenworth.stats.nested import Bin
from tokenworth.store.documents import parse_document
from tokenworth.tasks.audit.attack import Claim
from tokenworth.tasks.audit.card import Card, Row, Witness
from tokenworth.tasks.critics.critic import Acceptance

MODEL = {"name": "tiny-world 5M", "fingerprint": "9f2c61d07ab1443e"}
SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": 64, "stop": [0]}
MADE = {"version": "0.1.0", "created": "2026-01-02T03:04:05+00:00", "command": "tokenworth edits --task maze:searchformer/7"}


def attention(text: str) -> AttentionDoc:
    """One receiver head, one other, one trace of two segments; ``text`` stands everywhere."""
    number = Estimate(value=0.5, low=0.4, high=0.6, n=12)
    head = HeadDoc(layer=1, head=0, chosen_by=0.6, peak=number, recency=0.9, receiver=True)
    looked = LookedDoc(
        question=text, unit=text, texts=(text, text), strength=(0.4, None), random=(0.2, None), effect=(0.1, None), percentile=(0.9, None),
        chooses=False,
    )  # fmt: skip
    return AttentionDoc(
        model=ModelDoc(name=text),
        task=text,
        procedure=text,
        gap=4,
        level=0.95,
        seed=0,
        heads=(head, replace(head, head=1, receiver=False)),
        reliability=0.9,
        random_peak=0.97,
        gaps=(GapDoc(gap=8, heads=((1, 0),), shared=1),),
        agreement=(AgreementDoc(score=text, correlation=number),),
        percentile=number,
        traces=(looked,),
        left_out=1,
        notes=(text,),
        provenance=Provenance(version="0", command=text, drawn=1234),
    )


def probe(text: str) -> ProbeDoc:
    """A probe with one row of each kind; ``text`` stands everywhere."""
    number = Estimate(value=0.75, low=0.7, high=0.8, n=40)
    score = ScoreDoc(name=text, kind="probe", features=text, metric="AUROC", quality=number, gain=None)
    return ProbeDoc(
        model=ModelDoc(name=text),
        task=text,
        ask=text,
        place="trace",
        exit=text,
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=64, stop=()),
        plan=ProbePlan(samples=4, per_question=1, cuts=1, margin=0.2, decided=0.8, folds=5, unclear=False, seed=0),
        level=0.95,
        questions=(text,),
        classes=(text, text),
        counts=(1, 0),
        ceiling=None,
        scores=(score, replace(score, kind="baseline", gain=number), replace(score, kind="control")),
        strata=(StratumDoc(name=text, questions=40, rows=40, base=0.5, probe=number, baseline=number, gain=number),),
        layers=(LayerDoc(layer=0, quality=number, chosen=5),),
        calibration=(Bin(predicted=0.2, observed=0.25, n=4),),
        calibration_error=0.05,
        brier=0.2,
        brier_base=0.25,
        probe=FittedProbe(layer=0, c=0.1, mean=(0.0,), scale=(1.0,), weight=((1.0,),), intercept=(0.0,), slope=(1.0,), offset=(0.0,)),
        applied=text,
        rows=ProbeRowsDoc(question=(0,), trace=(0,), cut=(0,), label=(1.0,), probability=((0.8,),), baseline=((0.6,),)),
        states=None,
        left_out=1,
        notes=(text,),
        provenance=Provenance(version="0", command=text, drawn=1234),
    )


def anchors(text: str, piece: str) -> AnchorsDoc:
    """One claim, one sentence that is excluded and one that is not decided; ``text`` stands everywhere, ``piece`` in the trace."""
    base = TraceDoc(
        unit="token", pieces=(piece, "b.", piece, "d."), answer_pieces=("e",), ids=(1, 2, 3, 4), outcome=text, verdict="correct"
    )

    def sentence(start: int, end: int, value: float, **over: Any) -> SentenceDoc:
        change = Estimate(value=value, low=value - 0.1, high=value + 0.1, n=9)
        share = Estimate(value=0.4, low=0.3, high=0.5, n=20)
        own = {"kept": 0.5, "unlike": 0.4, "n": 12, "n_unlike": 9, "p": 0.2, "control": 0.1} | over
        return SentenceDoc(start=start, end=end, text=text, value=share, resampling=change, counterfactual=change, **own)

    def row(number: int, delta: float, **over: Any) -> AnchorDoc:
        limits = {"low": delta - 0.05, "high": delta + 0.05, "level": 0.9, "p_value": 1.0, "at_least_delta": False, "look": 1, "n": 9}
        return AnchorDoc(sentence=number, text=text, leave=0.4, delta=delta, **{**limits, **over})

    plan = AnchorPlanDoc(
        segment=text, similarity=text, threshold=0.8, alpha=0.5, claims=True, delta=0.2, least=0.1, false_discovery=0.05, futility=0.1,
        dependence="positive",
    )  # fmt: skip
    unknown = Estimate(value=None, low=-1.0, high=1.0, n=0)
    kl = DivergenceDoc(value=0.4, null=0.1, null_high=0.3, p=0.01)
    last = replace(sentence(3, 4, 0.0, unlike=None, n_unlike=0, p=None, control=None), counterfactual=unknown)
    return AnchorsDoc(
        problem=Problem(id=text, question=text, options=(), gold=None),
        model=ModelDoc(name=text),
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=64, stop=()),
        plan=plan,
        seed=0,
        level=0.95,
        trace=base,
        value_label=text,
        sentences=(sentence(0, 2, 0.3, counterfactual_kl=kl, forced=-0.2), sentence(2, 3, 0.01), last),
        effects=(SourceDoc(sentence=0, effect=(0.5, None), low=(0.3, -1.0), high=(0.7, 1.0)),),
        resilience=(ResilienceDoc(sentence=0, runs=30, away=20, back=4, stuck=6, unfinished=0, rounds=2.5, counterfactual=unknown),),
        baselines=BaselineDoc(position=-0.5, position_p=0.4, length=None, length_p=None),
        claims=(row(0, 0.3, at_least_delta=True, p_value=1e-6, missing=-0.2),),
        excluded=(row(1, 0.01),),
        undecided=(row(2, 0.15, needed=1200),),
        family=3,
        looks=2,
        rollouts=300,
        generated_tokens=4000,
        claim_rollouts=100,
        claim_tokens=1500,
        stopped="every cut reached its target; every candidate is decided",
        provenance=Provenance(version="0.1.0"),
        notes=(text,),
    )


def pivots(text: str, piece: str) -> PivotsDoc:
    """One claim, one token that is excluded and one that is not decided; ``text`` stands everywhere, ``piece`` in the trace."""
    base = TraceDoc(unit="token", pieces=(piece, "b", "c", piece), answer_pieces=("d",), ids=(1, 2, 3, 4), outcome=text, verdict="correct")

    def row(token: int, delta: float, **over: Any) -> PivotDoc:
        limits = {"low": delta - 0.05, "high": delta + 0.05, "level": 0.9, "p_value": 1.0, "at_least_delta": False, "look": 1, "n": 9}
        return PivotDoc(token=token, text=base.pieces[token], p=0.08 * token, delta=delta, **{**limits, **over})

    claim = row(0, 0.3, at_least_delta=True, p_value=1e-6, missing=-0.2)
    pair = PairDoc(
        token=0, text=piece, p=0.1, other=7, other_text=text, other_p=0.8, n_token=40, k_token=30, unknown_token=1, n_other=40, k_other=10,
        unknown_other=0, delta=0.5, low=0.3, high=0.7, level=0.95, p_value=1e-5, better="token",
    )  # fmt: skip
    plan = PivotPlanDoc(name="search", delta=0.2, least=0.1, false_discovery=0.05, futility=0.1, dependence="positive", screen=text)
    return PivotsDoc(
        problem=Problem(id=text, question=text, options=(), gold=None),
        model=ModelDoc(name=text),
        sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=64, stop=()),
        plan=plan,
        seed=0,
        trace=base,
        value_label=text,
        claims=(claim,),
        excluded=(row(1, 0.01),),
        undecided=(row(3, 0.15, needed=1200),),
        unlikely=(claim,),
        pairs=(pair,),
        family=3,
        looks=2,
        start=0.4,
        start_low=0.3,
        start_high=0.5,
        most=6.25,
        critical=CriticalDoc(bound=0.05, level=0.95, below=None, above=3),
        rollouts=200,
        generated_tokens=4000,
        stopped="every candidate is decided",
        provenance=Provenance(version="0.1.0", command=text),
        notes=(text,),
    )


def intervene(text: str) -> InterveneDoc:
    """Two edits of one problem, one of them in the prompt, and all tables; ``text`` stands everywhere."""
    some = Estimate(value=0.4, low=0.3, high=0.6, n=10, k=4)
    change = RateChange(problems=2, before=some, after=some, change=Estimate(value=-0.2, low=-0.3, high=0.1))
    counts = {"problems": 2, "n_before": 20, "n_after": 20, "unknown_before": 0, "unknown_after": 1}
    row = InterventionRow(
        edit=text,
        family="necessity",
        reading="free",
        against="base",
        unit="problems",
        **counts,
        correct=change,
        same=change,
        toward=None,
        flips=None,
        restated=None,
    )
    answers = AnswersDoc(n=10, unknown=0, correct=some, same=some, toward=None, outcomes={text: 10}, forced={text: 0.4})
    base = TraceDoc(unit="token", pieces=(text, "b", "c"), answer_pieces=("d",), ids=(1, 2, 3), outcome=text, verdict="correct")
    edit = EditedDoc(
        edit=text,
        family="part",
        against="base",
        told=text,
        first=1,
        base_last=2,
        pieces=(text,),
        cut=2,
        base_cut=2,
        closed=True,
        toward=None,
        restated=None,
        before=answers,
        after=answers,
    )
    asked = Problem(id=text, question=text, options=(), gold=None)
    curve = {"cuts": (0, 3), "final": text, "same": (False, True), "probability": (0.2, 0.9), "areas": {"left": 1.0}}
    area = AreaRow(rule="left", area=some, beyond_chance=0.5, less_noise=None)
    return InterveneDoc(
        model=ModelDoc(name=text),
        task=text,
        item=text,
        sampling=None,
        samples=10,
        rest="regenerate",
        where=None,
        edits=(text,),
        seed=0,
        level=0.95,
        rows=(row, dataclasses.replace(row, toward=change, restated=some, reading="forced", flips=some)),
        following=(
            FollowingRow(
                edit=text,
                problems=2,
                pairs=9,
                baseline=some,
                followed=some,
                other=some,
                beyond_chance=some,
                alpha=0.5,
                said=some,
                said_without=some,
            ),
        ),
        area=AreaDoc(
            grid="parts", problems=2, unnamed=1, rows=(area,), chance=0.5, noise=0.1, at_start=some, accuracy_start=some, accuracy_end=some
        ),
        problems=(IntervenedDoc(item=text, problem=asked, trace=base, changes=(edit,), refused={text: text}, unresolved="", **curve),),
        failed_items=0,
        provenance=Provenance(version="0.1.0", command=text),
        notes=(text,),
    )


def estimate(value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def group(edit: str, **over: Any) -> dict[str, Any]:
    return {
        "edit": edit,
        "unit": "instances",
        "instances": 3,
        "variants": 3,
        "missing": 0,
        "rollouts_before": 60,
        "rollouts_after": 60,
        "unknown_before": 0,
        "unknown_after": 2,
        "before": estimate(0.9, 0.7, 1.0),
        "after": estimate(0.4, 0.1, 0.7),
        "difference": estimate(-0.5, -0.8, -0.2),
        "trace_valid_before": estimate(0.95, 0.9, 1.0),
        "trace_valid_after": None,
        **over,
    }


def edits(*groups: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {
        "schema": "tokenworth.edits/2",
        "provenance": MADE,
        "model": MODEL,
        "task": "maze:searchformer/7",
        "item": "0-2",
        "samples": 20,
        "place": "edit",
        "trace_of": "solver",
        "seed": 0,
        "level": 0.95,
        "sampling": SAMPLING,
        "alone": False,
        "codes": ["WALL", "paraphrase"],
        "groups": list(groups) or [group("paraphrase"), group("WALL")],
        "instances": [
            {"item": "maze 0", "base_trace": "x", "base_valid": True, "base_code": None, "edits": [], "skipped": {}, "unresolved": ""}
        ],
        "failed_items": 0,
        "notes": ["OOB skipped in 3 of 3 mazes: the model has no token for a word of the edit"],
        **over,
    }


def count(k: int, n: int) -> dict[str, float | None]:
    return {"k": k, "n": n, "value": k / n if n else None, "low": 0.1, "high": 0.8}


def arm(name: str, versus: bool = True, **over: Any) -> dict[str, Any]:
    paired = {"both": 1, "first_only": 0, "second_only": 1, "neither": 0, "difference": -0.5, "low": -0.9, "high": 0.1, "p": 1.0}
    return {
        "name": name,
        "solved": count(1, 2),
        "answered": count(2, 2),
        "right_of_answered": count(1, 2),
        "n_unknown": 0,
        "n_wrong": 1,
        "tokens": 1234,
        "draws": 4,
        "versus": paired if versus else None,
        **over,
    }


def modulo(**over: Any) -> dict[str, Any]:
    by = {"critic": "reference", "version": "0.1.0", "strictness": "reference"}
    attempt = {"outcome": "7", "verdict": "correct", "messages": [], "prompt_tokens": 9, "generated_tokens": 700, "text": "It is 7."}
    item = {
        "stopped": "accepted",
        "correct": True,
        "generated_tokens": 700,
        "read_tokens": 9,
        "unresolved": "",
        "draws": [{"outcome": "7", "correct": True, "accepted": True, "passed": True, "n_tokens": 700}],
    }
    return {
        "schema": "tokenworth.modulo/2",
        "model": MODEL,
        "task": "world:steps",
        "verifiers": [by],
        "is_sound": True,
        "plan": {
            "critic": "reference",
            "feedback": "none",
            "max_attempts": 8,
            "arm_tokens": None,
            "unsound_share": 0.5,
            "level": 0.95,
        },
        "sampling": SAMPLING,
        "arms": [arm("majority vote"), arm("loop", versus=False)],
        "items": [
            {"id": "a", "accepted": 0, "attempts": [{**attempt, "accepted": True, "accepted_by": [by]}], **item},
            {"id": "b", "accepted": None, "attempts": [{**attempt, "accepted": False, "accepted_by": []}], **{**item, "correct": None}},
        ],
        "failed": 0,
        "short": 0,
        "provenance": MADE,
        **over,
    }


def document(facts: dict[str, Any]) -> Document:
    """The document of a JSON object."""
    return parse_document(json.dumps(facts).encode(), "here")


PROVENANCE = Provenance(**MADE)


def prevalence(text: str, piece: str) -> Document:
    """Of one trace that was drawn and one that was given."""
    one = pivots(text, piece)
    other = dataclasses.replace(one, trace=dataclasses.replace(one.trace, ids=(4, 3, 2, 1)), most=None)
    about = About(provenance=Provenance(version="0", command=text))
    return prevalence_document([one, other], PrevalenceSettings(), about)


def first_errors(name: str = "tiny-world 5M", code: str = "WALL") -> FirstErrorsDoc:
    at = MeasuredError(
        draw=3,
        event=7,
        before=ValueAt(cut=20, value=Estimate(value=0.8, low=0.6, high=0.9)),
        after=ValueAt(cut=25, value=Estimate(value=0.1, low=0.0, high=0.3)),
    )
    rows = (
        FirstError(code="", draws=(0, 1, 2), n_right=3, n_unknown=0, measured=MeasuredError(draw=0)),
        FirstError(code=code, draws=(3, 4, 5, 6), n_right=1, n_unknown=1, measured=at),
        FirstError(code="NOT_OPEN", draws=(7,), n_right=0, n_unknown=1),
    )
    table = FirstErrorTable(model=ModelDoc(name=name), problem="maze:searchformer/7", n=8, rows=rows)
    return FirstErrorsDoc(level=0.95, tables=(table, table), provenance=PROVENANCE)


def replay(name: str = "loop 1", message: str = "the block is not clear") -> ReplayDoc:
    by = Acceptance(critic="blocksworld", version="blocksworld/1", strictness="strict")
    steps = (
        ReplayedStep(accepted=False, recorded=False, messages=(message,), by=(), n_tokens=120),
        ReplayedStep(accepted=True, recorded=None, messages=(), by=(by,), n_tokens=None),
    )
    loops = (
        ReplayedLoop(id=name, steps=steps, ended_well=True),
        ReplayedLoop(id=f"{name} again", steps=(dataclasses.replace(steps[0], recorded=True),), ended_well=True),
    )
    return ReplayDoc(
        verifier=by,
        summary=summary(loops),
        loops=tuple(
            RecordedLoopDoc(id=one.id, accepted_at=one.accepted_at, disagreements=one.disagreements, steps=one.steps) for one in loops
        ),
        provenance=PROVENANCE,
    )


def audit(grader: str = "exact", text: str = "42") -> AuditDoc:
    found = Witness(problem="2 + 2", gold="4", text=text, chars=len(text), said="correct")
    counts = {"truth": "", "refused": 8, "unread": 0, "failed": 0, "skipped": 0, "items": 10, "slowest_s": 0.01, "failure": None}
    rows = (
        Row(attack="near miss", claim=Claim.WRONG, tried=10, accepted=2, faulty=2, low=0.02, high=0.56, witness=found, **counts),
        Row(attack="as it is", claim=Claim.RIGHT, tried=10, accepted=10, faulty=0, low=0.0, high=0.3, witness=None, **counts),
        Row(attack="open", claim=Claim.OPEN, tried=10, accepted=2, faulty=None, low=None, high=None, witness=None, **counts),
    )
    card = Card(
        grader=grader, kind="number", version="1", items=10, seed=0, level=0.95, wrong_tried=10, unsound=2, right_tried=10,
        incomplete=0, failed=0, unknown=0, seconds=1.2, rows=rows,
    )  # fmt: skip
    return AuditDoc(cards=(card,), provenance=PROVENANCE)


def lens(text: str, piece: str) -> LensDoc:
    """Three layers over two cuts, the first of which names one option throughout; ``text`` stands everywhere, ``piece`` in the trace."""
    named = (((0.7, 0.3), (0.7, 0.3)), ((0.5, 0.5), (0.4, 0.6)), ((0.5, 0.5), (0.1, 0.9)))
    clocks = TraceClocks(
        target="B", text=4, forced=3, inside=(4, 3, 3), at_end=(False, True, True), ahead=(-0.5, 0.0, 0.0), depth=(None, 1)
    )
    return LensDoc(
        problem=Problem(id=text, question=text, task=text),
        model=ModelDoc(name=text),
        trace=TraceDoc(unit="token", pieces=(piece, "b", piece), ids=(1, 2, 3), outcome="B", verdict="correct"),
        place="exit",
        exit_text=text,
        layers=(0, 1, 2),
        cuts=(0, 3),
        options=("A", "B"),
        reads=(piece, "B"),
        share=named,
        mass=((None, None), (0.5, 0.6), (0.9, 1.0)),
        forced=named[-1],
        sure=0.8,
        clocks=clocks,
        provenance=Provenance(version="0", command=text, drawn=1234),
        notes=(text,),
    )


def inside(text: str) -> Document:
    """A lens, and the claims of another trace."""
    lenses = [lens(text, text), pivots(text, text)]
    return inside_document(lenses, InsideSettings(), About(provenance=Provenance(version="0", command=text, drawn=1234)))


def clocks(text: str) -> Document:
    """The clocks of two such lenses."""
    lenses = [lens(text, piece) for piece in ("a", "c")]
    return clocks_document(lenses, ClocksSettings(), About(provenance=Provenance(version="0", command=text, drawn=1234)))


def patch(text: str, piece: str) -> PatchDoc:
    """Two spans, the second of which carries the answer, and a transplant; ``text`` stands everywhere, ``piece`` in the trace."""
    none, all_ = Estimate(value=0.0, low=-0.2, high=0.2, n=40), Estimate(value=0.6, low=0.4, high=0.7, n=40)

    def row(first: int, end: int, change: float, found: Estimate) -> SpanRow:
        effect = ReadEffect(change=change, log_odds=3 * change, percentile=0.5, windows=2)
        return SpanRow(
            first=first, end=end, text=piece, forced_change=change, direct=effect, total=effect, jump=found, regenerated=found,
            window=None, window_first=None,
        )  # fmt: skip

    return PatchDoc(
        problem=Problem(id=text, question=text, task=text),
        model=ModelDoc(name=text),
        trace=TraceDoc(unit="token", pieces=(piece, "b", piece), ids=(1, 2, 3), outcome="B", verdict="correct"),
        exit_text=text,
        options=("A", "B"),
        target="B",
        share=0.9,
        rows=(row(0, 2, 0.0, none), row(2, 3, 0.8, all_)),
        transplant=TransplantDoc(answer="A", text=text, donor=(0.1, 0.8), target=(0.9, 0.2), control=(0.1, None)),
        samples=20,
        level=0.95,
        provenance=Provenance(version="0", command=text, drawn=1234),
        notes=(text,),
    )
