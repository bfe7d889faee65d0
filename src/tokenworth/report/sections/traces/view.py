"""From result documents to the view of traces: joins what belongs to one trace and refuses what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tokenworth.core.document import TraceDoc
from tokenworth.core.problem import Problem
from tokenworth.errors import MismatchError
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.facts import facts, sampler_text
from tokenworth.report.sections.traces.events import all_events
from tokenworth.report.sections.traces.forks import branch_views, count_outcomes, one_verdict, sample_views
from tokenworth.report.sections.traces.lead import lead
from tokenworth.report.sections.traces.model import CurveView, MetricView, OptionView, SetView, StackView, TracesView, TraceView
from tokenworth.report.sections.traces.names import page_title, short_title
from tokenworth.report.sections.traces.series import curve_view, known, metric, nice_limit, outcome_views, per_unit, within_limits
from tokenworth.report.sections.traces.stacks import exit_stack, forced_metrics, forced_target, outcome_stack
from tokenworth.report.sections.traces.verdicts import given_metric, hatched_units, verdicts_view
from tokenworth.stats.proportion import share


def trace_part(
    curve: CurveDoc | None = None,
    forced: ForcedDoc | None = None,
    samples: SampleSetDoc | None = None,
    *,
    elsewhere: Sequence[TraceDoc] | None = (),
) -> TracesView:
    """What up to three documents about one problem show.

    ``curve`` and ``forced`` must describe the same trace; ``samples`` the same problem. The traces of a sample set
    follow the measured one, without it and those in ``elsewhere`` (shown in another part of the page; None: all of them).

    Raises:
        MismatchError: the documents describe different traces, problems or models.
    """
    if curve is not None and forced is not None:
        _same_trace(curve, forced)
    _same_subject(curve, forced, samples)
    traces: list[TraceView] = []
    if curve is not None or forced is not None:
        traces.append(_measured(curve, forced))
    if samples is not None and elsewhere is not None:
        traces += _others(samples, [*(d.trace for d in (curve, forced) if d is not None), *elsewhere])
    problem = next((d.problem for d in (curve, forced, samples) if d is not None and d.problem is not None), None)
    return TracesView(
        titles=(page_title(problem) or "trace",),
        traces=tuple(replace(t, sample_set=0) for t in traces) if samples is not None else tuple(traces),
        sets=(_set_view(samples),) if samples is not None else (),
    )


def _same_trace(curve: CurveDoc, forced: ForcedDoc) -> None:
    a, b = curve.trace, forced.trace
    if a.unit != b.unit:
        raise MismatchError(f"the curve's trace is cut into {a.unit}s, the forced answers' into {b.unit}s; report them separately")
    if a.ids is not None and b.ids is not None and a.ids != b.ids:
        raise MismatchError(f"curve and forced answers are about different traces: token ids differ from unit {_first(a.ids, b.ids)} on")
    if a.pieces != b.pieces:
        raise MismatchError(
            f"curve and forced answers are about different traces: {len(a.pieces)} and {len(b.pieces)} units, "
            f"different from unit {_first(a.pieces, b.pieces)} on"
        )


def _first(a: tuple[object, ...], b: tuple[object, ...]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _same_subject(*documents: CurveDoc | ForcedDoc | SampleSetDoc | None) -> None:
    given = [d for d in documents if d is not None]
    problems = [d.problem for d in given if d.problem is not None]
    for problem in problems[1:]:
        if (problem.id, problem.question) != (problems[0].id, problems[0].question):
            raise MismatchError(f"documents are about different problems: {problems[0].id!r} and {problem.id!r}")
    prints = {d.model.fingerprint for d in given if d.model.fingerprint}
    if len(prints) > 1:
        raise MismatchError("documents were made by different models: fingerprints " + " and ".join(sorted(p[:12] for p in prints)))


def _measured(curve: CurveDoc | None, forced: ForcedDoc | None) -> TraceView:
    """The view of the trace that curve and forced answers describe."""
    first = curve or forced
    assert first is not None
    trace = first.trace
    problem = next((d.problem for d in (curve, forced) if d is not None and d.problem is not None), None)
    gold = problem.gold if problem else None
    totals, verdicts = count_outcomes(curve)
    outcomes = outcome_views(totals, verdicts, problem)
    line = curve_view(curve, verdicts_view(curve)) if curve is not None else None
    stacks: list[StackView] = [exit_stack(e, gold, forced.least_mass) for e in forced.exits] if forced is not None else []
    if curve is not None and (shares := outcome_stack(curve, outcomes)) is not None:
        stacks.append(shares)
    branches = branch_views(curve, outcomes) if curve is not None else ()
    given = curve.events if curve is not None else ()
    notes = tuple(dict.fromkeys(n for d in (curve, forced) if d is not None for n in d.notes))
    return _trace_view(
        trace,
        problem,
        name="measured trace",
        measured=True,
        facts=facts(curve, forced, None),
        curve=line,
        stacks=tuple(stacks),
        metrics=_metrics(trace, line, forced, tuple(stacks), gold),
        outcomes=outcomes,
        branches=branches,
        samples=sample_views(curve, branches) if curve is not None else (),
        events=all_events(trace.pieces, trace.unit, line, stacks, given, has_answer=bool(trace.answer_pieces)),
        notes=notes,
        lead=lead(trace.pieces, trace.unit, line, curve.target if curve is not None else "", trace.probabilities, stacks),
    )


def _trace_view(trace: TraceDoc, problem: Problem | None, **rest: object) -> TraceView:
    """A trace view with what the trace and its problem say filled in."""
    options = (
        () if problem is None else tuple(OptionView(label=o.label, text=o.text, gold=o.label == problem.gold) for o in problem.options)
    )
    return TraceView(
        unit=trace.unit,
        title=short_title(problem),
        problem_id=problem.id if problem else "",
        question=problem.question if problem else "",
        options=options,
        prompt=trace.prompt,
        pieces=trace.pieces,
        answer_pieces=trace.answer_pieces,
        outcome=trace.outcome or "",
        verdict=trace.verdict,
        **rest,  # pyright: ignore[reportArgumentType]
    )


def _metrics(
    trace: TraceDoc, line: CurveView | None, forced: ForcedDoc | None, stacks: tuple[StackView, ...], gold: str | None
) -> tuple[MetricView, ...]:
    """The numbers units can be coloured by, in the order they are offered."""
    n, found = len(trace.pieces), list[MetricView]()
    if line is not None:
        values, deltas = per_unit(line.cuts, line.value, n), per_unit(line.cuts, line.delta, n)
        hatched = () if line.verdicts is None else hatched_units(line.verdicts, line.cuts, n)
        coloured = per_unit(line.cuts, within_limits(line.value, line.low, line.high), n)
        found.append(metric("value", line.label, "value", values, scale="probability", note="", coloured=coloured))
        if line.verdicts is not None:
            found.append(given_metric(line.label, line.verdicts, line.cuts, n))
        most = nice_limit(deltas)
        note = f"change of {line.label} from the previous cut with a value"
        coloured = per_unit(line.cuts, within_limits(line.delta, line.delta_low, line.delta_high), n)
        found.append(metric("delta", "Δ", "delta", deltas, scale="difference", note=note, low=-most, high=most, coloured=coloured))
        found = [replace(one, hatched=hatched) for one in found]
    target = forced_target(forced, gold) if forced is not None else None
    roles = {} if forced is None else {forced.target: "target", forced.own_answer: "own answer", gold: "gold"}
    role = "" if target is None else roles.get(target, "")
    for index, stack in enumerate(stacks):
        if stack.kind == "forced" and target in stack.all_labels:
            found += forced_metrics(stack, index, target, n, role=role)
    if trace.probabilities is not None:
        laid = [known(x) for x in trace.probabilities]
        note = f"of each {trace.unit} under the run's sampling"
        found.append(metric("probability", f"{trace.unit} probability", "probability", laid, scale="probability", note=note))
    return tuple(found)


def _others(samples: SampleSetDoc, measured: Sequence[TraceDoc]) -> list[TraceView]:
    """The traces of a sample set, the measured ones left out."""
    shown = {(t.pieces, t.answer_pieces) for t in measured}
    views: list[TraceView] = []
    for i, trace in enumerate(samples.traces):
        if (trace.pieces, trace.answer_pieces) in shown:
            continue
        chosen = ", chosen" if samples.chosen == i else ""
        views.append(
            _trace_view(
                trace,
                samples.problem,
                name=f"sample {i}{chosen}",
                measured=False,
                facts=facts(None, None, samples),
                curve=None,
                stacks=(),
                metrics=_metrics(trace, None, None, (), None),
                outcomes=(),
                branches=(),
                samples=(),
                events=all_events(trace.pieces, trace.unit, None, (), (), has_answer=bool(trace.answer_pieces)),
                notes=(),
            )
        )
    return views


def _set_view(doc: SampleSetDoc) -> SetView:
    verdicts = one_verdict((t.outcome, t.verdict) for t in doc.traces if t.outcome is not None)
    n_known = sum(t.verdict != "unknown" for t in doc.traces)
    given = share(sum(t.verdict == "correct" for t in doc.traces), n_known, doc.level)
    return SetView(
        problem_id=doc.problem.id if doc.problem else "",
        question=doc.problem.question if doc.problem else "",
        model=doc.model.name,
        sampling="sampler not known" if doc.sampling is None else sampler_text(doc.sampling),
        n=doc.n,
        accuracy=known(doc.accuracy),
        low=known(doc.low),
        high=known(doc.high),
        level=doc.level,
        outcomes=outcome_views(doc.outcomes, verdicts, doc.problem),
        given=given.value,
        given_low=given.low,
        given_high=given.high,
        correlation=known(doc.length_correlation),
        correlation_low=known(doc.length_correlation_low),
        correlation_high=known(doc.length_correlation_high),
        lengths=tuple(len(t.pieces) for t in doc.traces),
        verdicts=tuple(t.verdict for t in doc.traces),
        notes=tuple(dict.fromkeys(doc.notes)),
    )
