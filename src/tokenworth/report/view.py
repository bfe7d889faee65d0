"""From result documents to the view model: joins what belongs to one trace and refuses what does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tokenworth import __version__
from tokenworth.core.document import TabledDoc, TraceDoc
from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.confusion.document import VerifiedDoc
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.methods.forced.document import ExitDoc, ForcedDoc
from tokenworth.methods.sample.document import SampleSetDoc
from tokenworth.report.events import all_events
from tokenworth.report.facts import facts, sampler_text
from tokenworth.report.forks import branch_views, count_outcomes, one_verdict, sample_views
from tokenworth.report.formal import formal_view
from tokenworth.report.formal_link import linked
from tokenworth.report.inert import whole
from tokenworth.report.model import MetricView, OptionView, SetView, StackView, TraceView, View
from tokenworth.report.names import page_title, short_title
from tokenworth.report.series import curve_view, known, metric, nice_limit, outcome_views, per_unit
from tokenworth.report.sheets import sheet_view
from tokenworth.report.stacks import exit_stack, forced_metrics, forced_target, outcome_stack


def build_view(
    curve: CurveDoc | None = None,
    forced: ForcedDoc | None = None,
    samples: SampleSetDoc | None = None,
    *,
    title: str | None = None,
    max_samples: int | None = None,
    elsewhere: Sequence[TraceDoc] | None = (),
) -> View:
    """The view of up to three documents about one problem.

    ``curve`` and ``forced`` must describe the same trace; ``samples`` the same problem. The traces of a sample set
    follow the measured one, without it and those in ``elsewhere`` (shown by another view of the page; None: all of them).
    ``max_samples`` keeps at most that many rollout texts per cut (all by default).

    Raises:
        MismatchError: the documents describe different traces, problems or models.
        InvalidInput: no document at all, or a document whose lists have different lengths.
    """
    if curve is None and forced is None and samples is None:
        raise InvalidInput("nothing to report: expected a curve, a forced-answer or a sample document")
    _check_lengths(curve, forced)
    if curve is not None and forced is not None:
        _same_trace(curve, forced)
    _same_subject(curve, forced, samples)
    traces: list[TraceView] = []
    if curve is not None or forced is not None:
        traces.append(_measured(curve, forced, max_samples))
    if samples is not None:
        traces += _others(samples, [*(d.trace for d in (curve, forced) if d is not None), *elsewhere]) if elsewhere is not None else ()
    problem = next((d.problem for d in (curve, forced, samples) if d is not None and d.problem is not None), None)
    return View(
        title=whole(title or page_title(problem) or "trace"),
        generator=f"tokenworth {__version__}",
        traces=tuple(replace(t, sample_set=0) for t in traces) if samples is not None else tuple(traces),
        sets=(_set_view(samples),) if samples is not None else (),
    )


def verified_view(doc: VerifiedDoc) -> View:
    """The view of a document of verified traces alone."""
    title = f"{doc.domain}: traces against the rules ({doc.dialect}, {doc.strictness})"
    return View(title=whole(title), generator=f"tokenworth {__version__}", traces=(), sets=(), formal=(formal_view(doc),))


def tabled_view(doc: TabledDoc) -> View:
    """The view of a document of one table over many problems alone."""
    sheet = sheet_view(doc)
    return View(title=sheet.title, generator=f"tokenworth {__version__}", traces=(), sets=(), sheets=(sheet,))


def join_views(views: Iterable[View], *, title: str) -> View:
    """One report of several: the measured traces in order, then the others; each keeps the sample set it belongs to. Verified traces
    are joined with the measured traces of the same words."""
    views = tuple(views)
    sets = list(dict.fromkeys(s for v in views for s in v.sets))
    traces = [t if t.sample_set < 0 else replace(t, sample_set=sets.index(v.sets[t.sample_set])) for v in views for t in v.traces]
    return linked(
        View(
            title=title,
            generator=views[0].generator if views else f"tokenworth {__version__}",
            traces=tuple(sorted(traces, key=lambda t: not t.measured)),
            sets=tuple(sets),
            formal=tuple(f for v in views for f in v.formal),
            sheets=tuple(s for v in views for s in v.sheets),
        )
    )


def _check_lengths(curve: CurveDoc | None, forced: ForcedDoc | None) -> None:
    if curve is not None:
        lists = {"value": curve.value, "low": curve.low, "high": curve.high, "n_started": curve.n_started}
        lists |= {} if curve.widened is None else {"widened": curve.widened}
        lists |= {"n_effective": curve.n_effective} | {f"outcomes[{k!r}]": v for k, v in curve.outcomes.items()}
        _parallel("curve", curve.cuts, lists, len(curve.trace.pieces))
        per_token = curve.trace.probabilities
        if per_token is not None and len(per_token) != len(curve.trace.pieces):
            raise InvalidInput(f"curve document: {len(per_token)} probabilities for {len(curve.trace.pieces)} units")
    for exit_doc in forced.exits if forced is not None else ():
        rows = {f"probability of {k!r}": v for k, v in zip(exit_doc.options, exit_doc.probability, strict=False)}
        if len(exit_doc.options) != len(exit_doc.probability):
            raise InvalidInput(f"forced document: {len(exit_doc.probability)} rows for {len(exit_doc.options)} options")
        if exit_doc.probability_high is not None and len(exit_doc.options) != len(exit_doc.probability_high):
            raise InvalidInput(f"forced document: {len(exit_doc.probability_high)} upper bounds for {len(exit_doc.options)} options")
        assert forced is not None
        _parallel("forced", exit_doc.cuts, rows | {"mass": exit_doc.mass} | _optional(exit_doc), len(forced.trace.pieces))


def _optional(doc: ExitDoc) -> dict[str, tuple[object, ...]]:
    pairs = {"held": doc.held, "top_token": doc.top_token, "top_probability": doc.top_probability, "mass_high": doc.mass_high}
    pairs |= {f"probability_high of {k!r}": row for k, row in zip(doc.options, doc.probability_high or (), strict=False)}
    return {k: v for k, v in pairs.items() if v is not None}


def _parallel(kind: str, cuts: tuple[int, ...], lists: Mapping[str, tuple[object, ...]], n_units: int) -> None:
    for name, items in lists.items():
        if len(items) != len(cuts):
            raise InvalidInput(f"{kind} document: {len(items)} entries of {name} for {len(cuts)} cuts")
    if any(b <= a for a, b in zip(cuts, cuts[1:], strict=False)) or (cuts and not (cuts[0] >= 0 and cuts[-1] <= n_units)):
        raise InvalidInput(f"{kind} document: cuts must rise strictly within 0 to {n_units}")


def _same_trace(curve: CurveDoc, forced: ForcedDoc) -> None:
    a, b = curve.trace, forced.trace
    if a.unit != b.unit:
        raise MismatchError(f"the curve's trace is cut into {a.unit}s, the forced answers' into {b.unit}s; report them apart")
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


def _measured(curve: CurveDoc | None, forced: ForcedDoc | None, max_samples: int | None) -> TraceView:
    """The view of the trace that curve and forced answers describe."""
    first = curve or forced
    assert first is not None
    trace = first.trace
    problem = next((d.problem for d in (curve, forced) if d is not None and d.problem is not None), None)
    gold = problem.gold if problem else None
    totals, verdicts = count_outcomes(curve)
    outcomes = outcome_views(totals, verdicts, problem)
    line = curve_view(curve) if curve is not None else None
    stacks: list[StackView] = [exit_stack(e, gold) for e in forced.exits] if forced is not None else []
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
        metrics=_metrics(trace, curve, forced, tuple(stacks), gold),
        outcomes=outcomes,
        branches=branches,
        samples=sample_views(curve, branches, max_samples) if curve is not None else (),
        events=all_events(trace.pieces, trace.unit, line, stacks, given, has_answer=bool(trace.answer_pieces)),
        notes=tuple(whole(n) for n in notes),
    )


def _trace_view(trace: TraceDoc, problem: Problem | None, **rest: object) -> TraceView:
    """A trace view with what the trace and its problem say filled in."""
    options = (
        ()
        if problem is None
        else tuple(OptionView(label=whole(o.label), text=whole(o.text), gold=o.label == problem.gold) for o in problem.options)
    )
    return TraceView(
        unit=trace.unit,
        title=whole(short_title(problem)),
        problem_id=whole(problem.id) if problem else "",
        question=whole(problem.question) if problem else "",
        options=options,
        prompt=whole(trace.prompt),
        pieces=tuple(whole(p) for p in trace.pieces),
        answer_pieces=tuple(whole(p) for p in trace.answer_pieces),
        outcome=whole(trace.outcome or ""),
        verdict=trace.verdict,
        **rest,  # pyright: ignore[reportArgumentType]
    )


def _metrics(
    trace: TraceDoc, curve: CurveDoc | None, forced: ForcedDoc | None, stacks: tuple[StackView, ...], gold: str | None
) -> tuple[MetricView, ...]:
    """The numbers units can be coloured by, in the order they are offered."""
    n, found = len(trace.pieces), list[MetricView]()
    if curve is not None:
        line = curve_view(curve)
        found.append(metric("value", curve.value_label, "value", per_unit(line.cuts, line.value, n), scale="probability", note=""))
        deltas = per_unit(line.cuts, line.delta, n)
        most = nice_limit(deltas)
        note = f"change of {curve.value_label} from the previous cut with a value"
        found.append(metric("delta", "Δ", "delta", deltas, scale="difference", note=note, low=-most, high=most))
    target = forced_target(forced, gold) if forced is not None else None
    own = forced.own_answer if forced is not None else None
    role = "" if target is None else "gold" if target == gold else "own answer" if target == own else ""
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
    return SetView(
        problem_id=whole(doc.problem.id) if doc.problem else "",
        question=whole(doc.problem.question) if doc.problem else "",
        model=whole(doc.model.name),
        sampling=sampler_text(doc.sampling),
        n=doc.n,
        accuracy=known(doc.accuracy),
        low=known(doc.low),
        high=known(doc.high),
        level=doc.level,
        outcomes=outcome_views(doc.outcomes, verdicts, doc.problem),
        correlation=known(doc.length_correlation),
        correlation_low=known(doc.length_correlation_low),
        correlation_high=known(doc.length_correlation_high),
        lengths=tuple(len(t.pieces) for t in doc.traces),
        verdicts=tuple(t.verdict for t in doc.traces),
        notes=tuple(whole(x) for x in dict.fromkeys(doc.notes)),
    )
