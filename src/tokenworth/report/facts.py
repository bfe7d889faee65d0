"""The facts of a report's header: who made the numbers, how, how many, and what hash they carry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tokenworth.core.document import ModelDoc, Provenance
from tokenworth.core.no_verdict import MATTERS, percent
from tokenworth.core.sampling import Sampling
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc


@dataclass(frozen=True, slots=True, kw_only=True)
class FactView:
    """One fact about the run: a name, its value, and more. ``minor`` facts stand in the full list only."""

    label: str
    value: str
    detail: str = ""
    minor: bool = False


def sampler_text(doc: Sampling) -> str:
    """The sampler in one line; filters that are off are left out."""
    parts = [f"T {doc.temperature:g}"]
    parts += [f"top-k {doc.top_k}"] * (doc.top_k > 0) + [f"top-p {doc.top_p:g}"] * (doc.top_p < 1)
    return " · ".join(parts + [f"min-p {doc.min_p:g}"] * (doc.min_p > 0))


def _budget(doc: BudgetDoc) -> str:
    parts = [f"≤ {doc.max_rollouts:,} rollouts"] if doc.max_rollouts is not None else []
    parts += [f"≤ {doc.max_tokens:,} tokens"] if doc.max_tokens is not None else []
    parts += [f"half-width {doc.half_width:g}"] if doc.half_width is not None else []
    parts += [f"as precise as {doc.effective_samples:,} plain rollouts per cut"] if doc.effective_samples is not None else []
    return " · ".join(parts)


def _trace_fact(doc: CurveDoc) -> Iterator[FactView]:
    """How probable the base trace is under the curve's sampling, where that is known of every token."""
    known = [p for p in doc.trace.probabilities or () if p is not None]
    if doc.widened is not None or not known or len(known) < len(doc.trace.pieces):
        return
    if never := sum(p == 0 for p in known):
        yield FactView(label="base trace", value="never sampled", detail=f"{never:,} of its tokens have probability 0 under this sampling")
        return
    logs = [math.log(p) for p in known]
    mean = math.exp(sum(logs) / len(logs))
    power = sum(logs) / math.log(10)  # a long trace is less probable than the least number that is not 0
    exponent = math.floor(power)
    yield FactView(
        label="base trace",
        value=f"probability {10 ** (power - exponent):.1f}e{exponent:+03}" if exponent < -3 else f"probability {math.exp(sum(logs)):.2g}",
        detail=f"of being sampled whole; {mean:.2g} per token, geometric mean",
        minor=True,
    )


def _curve_facts(doc: CurveDoc) -> Iterator[FactView]:
    plan = doc.plan
    name = f"{plan.name}:{plan.stride}" if plan.stride is not None and ":" not in plan.name else plan.name
    extra = [f"{plan.samples} rollouts per cut"] if plan.samples is not None else []
    extra += [f"refined where it moves by {plan.refine:g}"] if plan.refine is not None else []
    yield FactView(label="plan", value=name, detail=", ".join(extra))
    started = sum(n > 0 for n in doc.n_started)
    measured = f"measured at {started:,} of {len(doc.trace.pieces) + 1:,} cuts"
    yield FactView(label="rollouts", value=f"{doc.rollouts:,}", detail=measured)
    missing = () if doc.verdicts is None else [x for x in doc.verdicts.missing if x is not None]
    if missing and max(missing) >= MATTERS:
        low, high = (percent(x) for x in (min(missing), max(missing)))
        detail = "of the rollouts from a cut; they are in the denominator of the value"
        yield FactView(label="no verdict", value=high if low == high else f"{low} to {high}", detail=detail)
    yield from _trace_fact(doc)
    if doc.generated_tokens:
        yield FactView(label="generated", value=f"{doc.generated_tokens:,} tokens")
    if _budget(doc.budget) or doc.budget.stopped:
        yield FactView(label="budget", value=_budget(doc.budget) or "none set", detail=doc.budget.stopped)
    yield FactView(label="interval", value=f"{doc.level:.0%} {plan.interval}".strip(), detail=plan.assumption)
    if doc.seed is not None:
        yield FactView(label="seed", value=str(doc.seed), minor=True)


def provenance_facts(doc: Provenance) -> Iterator[FactView]:
    """Where the numbers of any document come from: how much was drawn and paid for, by what version and command."""
    if doc.second_look:
        yield FactView(label="second look", value=doc.second_look)
    if doc.control_tokens:
        yield FactView(label="control tokens", value=f"{doc.control_tokens:,}", detail="spelled by the text of the problem, read as text")
    if doc.reader:
        yield FactView(label="read on by", value=doc.reader)
    if doc.drawn or doc.reused:
        # More than the rollouts that are counted elsewhere: the base trace and its table are asked for too.
        answered = f"{doc.drawn:,} drawn, {doc.reused:,} from the store"
        yield FactView(label="requests", value=answered, detail="base trace, rollouts, tables of next tokens, readings")
    if doc.tokens_drawn:
        yield FactView(label="tokens drawn", value=f"{doc.tokens_drawn:,}")
    if doc.cost is not None:
        cached = f"; {doc.tokens_cached:,} prompt tokens from the server's cache" if doc.tokens_cached else ""
        yield FactView(label="cost", value=f"{doc.cost:.4g}", detail=f"in the unit of the price table{cached}")
    if doc.probe_requests:
        cost = "" if doc.probe_cost is None else f", cost {doc.probe_cost:.4g}"
        detail = f"requests that found out what the server does, {doc.probe_tokens:,} tokens{cost}; in none of the other counts"
        yield FactView(label="probe", value=f"{doc.probe_requests:,}", detail=detail)
    if doc.retried:
        yield FactView(label="retried", value=f"{doc.retried:,}", detail="requests sent again after a transport failure")
    if doc.errors:
        yield FactView(label="errors", value=f"{doc.errors:,}", detail="replies that could not be used; their outcome is error")
    named = {"server": doc.server, "version": f"tokenworth {doc.version}" if doc.version else "", "made": doc.created, "source": doc.source}
    yield from (FactView(label=k, value=v, minor=True) for k, v in {**named, "command": doc.command}.items() if v)


def model_fact(doc: ModelDoc) -> FactView:
    """Which model made the tokens."""
    return FactView(label="model", value=doc.name, detail=f"fingerprint {doc.fingerprint}" if doc.fingerprint else "")


def _facts(curve: CurveDoc | None, forced: ForcedDoc | None, samples: SampleSetDoc | None) -> Iterator[FactView]:
    first = curve or forced or samples
    assert first is not None
    yield model_fact(first.model)
    sampling = curve.sampling if curve is not None else samples.sampling if samples is not None else None
    if sampling is not None:
        yield FactView(label="sampler", value=sampler_text(sampling), detail=f"at most {sampling.max_tokens:,} tokens")
    if curve is not None:
        yield from _curve_facts(curve)
    if forced is not None:
        yield FactView(label="forced", value=f"{len(forced.exits)} exit text{'s' * (len(forced.exits) != 1)}")
        if forced.own_answer is not None or forced.forced_at_end is not None:
            own, end = forced.own_answer or "none", forced.forced_at_end or "none"
            yield FactView(label="own answer", value=own, detail=f"forced at the end: {end}")
    if samples is not None:
        yield FactView(label="samples", value=f"{samples.n:,}", detail=f"{samples.generated_tokens:,} tokens generated")
        if samples.seed is not None:
            yield FactView(label="seed", value=str(samples.seed), minor=True)
    yield from provenance_facts(first.provenance)


def facts(curve: CurveDoc | None, forced: ForcedDoc | None, samples: SampleSetDoc | None) -> tuple[FactView, ...]:
    """The header's facts in the order they are shown."""
    return tuple(_facts(curve, forced, samples))
