"""The experiment of patching: readings and rollouts with spans hidden, then transplants from a donor that answers otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworth.core.grade import RESERVED_OUTCOMES
from tokenworth.core.measure import Most, Subject, check_batch
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.hide import Hide
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.regenerate import Regenerate
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.request.transplant import Transplant
from tokenworth.core.tokens import TokenSequence, Trace, pieces_text
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.experiment import ExitText, check_options, encode_exit
from tokenworth.methods.patch.result import Moved, PatchResult, TargetCount
from tokenworth.methods.patch.settings import DIRECT, REGENERATE, TOTAL, TRANSPLANT, PatchSettings
from tokenworth.methods.patch.spans import TokenSpan, earlier_window, named, sentences, windows_of
from tokenworth.tasks.target import GOLD, LABEL, OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is asked of one trace."""

    spans: tuple[TokenSpan, ...]
    windows: tuple[tuple[TokenSpan, ...], ...]
    earlier: tuple[TokenSpan | None, ...]
    """For each span, what is hidden instead of all but its last token."""

    @property
    def edges(self) -> tuple[int, ...]:
        """Cuts before and after each span."""
        return tuple(sorted({cut for span in self.spans for cut in span}))

    @property
    def all(self) -> tuple[TokenSpan, ...]:
        """Spans and windows, each once."""
        return tuple(dict.fromkeys([*self.spans, *(one for several in self.windows for one in several)]))


def exit_of(subject: Subject, settings: PatchSettings) -> ExitText:
    """Exit text and options as ids, checked; nothing is drawn. Raises InvalidInput for what cannot be read."""
    labels = settings.options or (() if subject.problem is None else subject.problem.labels)
    check_options(labels)
    if settings.target not in (GOLD, OWN) and settings.target.removeprefix(LABEL) not in labels:
        raise InvalidInput(f"target {settings.target!r}: expected one of the options {', '.join(labels)}")
    if not settings.exit_text and not subject.exit_texts:
        raise InvalidInput(f"{subject.model} has no trace format, so there is no known exit text; give --exit-text TEXT")
    return encode_exit("exit", settings.exit_text.replace("\\n", "\n") or subject.exit_texts[0], labels, subject.codec)


def patch_of(subject: Subject, settings: PatchSettings) -> Experiment[PatchResult]:
    """What hiding each span, and moving a state, does to the answer of a subject's base trace."""
    assert subject.trace is not None
    trace, exit_ = subject.trace, exit_of(subject, settings)
    labels = settings.options or (() if subject.problem is None else subject.problem.labels)
    plan, own = _plan(subject, trace, settings), subject.judge(trace.sequence.completion, trace.stop)
    target = _target(subject, settings, labels, own.outcome)
    asked = [*_readings(trace, exit_, plan, settings), *_rollouts(subject, trace, plan, settings)]
    check_batch(len(asked))
    answers = dict(zip(asked, (yield tuple(asked)), strict=True))
    moved: Moved | None = None
    donor = _donor(subject, answers, own.outcome, labels) if TRANSPLANT in settings.ways else None
    if donor is not None:
        moved = yield from _transplants(trace, exit_, *donor)
    drawn, windows = _drawn(subject, trace, answers, target), list(zip(plan.spans, plan.earlier, strict=True))
    tables = {request: answer.logprob for request, answer in answers.items() if isinstance(answer, ReadTable)}
    plain = next(request for request in asked if isinstance(request, Read))
    return PatchResult(
        trace=trace,
        exit_text=exit_.text,
        options=labels,
        target=target,
        own=own,
        spans=plan.spans,
        windows=plan.windows,
        plain=dict(zip(plain.cuts, tables[plain], strict=True)),
        hidden={one.way: dict(zip(one.spans, tables[one], strict=True)) for one in asked if isinstance(one, Hide)},
        values={cut: drawn[cut, None] for cut in plan.edges if (cut, None) in drawn},
        regenerated={(a, b): drawn[b, (a, b - 1)] for a, b in plan.spans if (b, (a, b - 1)) in drawn},
        other={span: (one, drawn[span[1], one]) for span, one in windows if one is not None and (span[1], one) in drawn},
        moved=moved,
        looked=settings.donors if TRANSPLANT in settings.ways else 0,
    )


def _plan(subject: Subject, trace: Trace, settings: PatchSettings) -> _Plan:
    pieces = pieces_text(subject.codec.piece_bytes(trace.ids))
    spans = named(settings.spans(), trace.n_trace) or sentences(pieces)
    if not spans:
        raise InvalidInput("the trace is empty, so there is nothing to hide; choose another base")
    rng = np.random.default_rng(settings.seed)
    return _Plan(
        spans=spans,
        windows=tuple(windows_of(span, trace.n_trace, settings.gap, settings.windows) for span in spans),
        earlier=tuple(earlier_window((a, b - 1), settings.gap, rng) if b - a > 1 and settings.windows else None for a, b in spans),
    )


def _target(subject: Subject, settings: PatchSettings, labels: Sequence[str], own: str) -> str | None:
    gold = None if subject.problem is None else subject.problem.gold
    wanted = settings.target
    found = wanted.removeprefix(LABEL) if wanted.startswith(LABEL) else (gold or own) if wanted == GOLD else own
    return found if found in labels else None


def _readings(trace: Trace, exit_: ExitText, plan: _Plan, settings: PatchSettings) -> Iterator[Request]:
    """The forced answers before and after each span and at the end, and those with spans hidden."""
    cuts = tuple(sorted({*plan.edges, trace.n_trace}))
    yield Read(sequence=trace.sequence, cuts=cuts, suffix=exit_.suffix, continuations=exit_.options)
    for way in (DIRECT, TOTAL):
        if way in settings.ways:
            yield Hide(
                sequence=trace.sequence, cut=trace.n_trace, spans=plan.all, way=way, suffix=exit_.suffix, continuations=exit_.options
            )  # fmt: skip


def _rollouts(subject: Subject, trace: Trace, plan: _Plan, settings: PatchSettings) -> Iterator[Request]:
    """Answers among which there may be a donor; rollouts before and after each span, and after it with it or a window hidden."""
    sequence, params, seed = trace.sequence, subject.sampling, settings.seed
    wanted = {0: settings.donors} if TRANSPLANT in settings.ways else {}
    if REGENERATE in settings.ways:
        wanted |= {cut: max(settings.samples, wanted.get(cut, 0)) for cut in plan.edges}
    for cut, n in wanted.items():
        yield from (Sample(sequence=sequence, cut=cut, params=params, seed=seed, index=index) for index in range(n))
    if REGENERATE in settings.ways:
        for (first, end), window in zip(plan.spans, plan.earlier, strict=True):
            hidden = [one for one in ((first, end - 1), window) if one is not None] if end - first > 1 else []
            yield from (
                Regenerate(sequence=sequence, cut=end, span=span, params=params, seed=seed, index=index)
                for span in hidden
                for index in range(settings.samples)
            )


def _drawn(
    subject: Subject, trace: Trace, answers: dict[Request, Response], target: str | None
) -> dict[tuple[int, TokenSpan | None], TargetCount]:
    """Rollouts that end in the target, by the cut they go on from and what is hidden."""
    found: dict[tuple[int, TokenSpan | None], list[bool]] = {}
    for request, answer in answers.items():
        if isinstance(request, Sample) and isinstance(answer, Rollout):
            ids = (*trace.sequence.completion[: request.cut], *answer.ids)
            hits = subject.judge(ids, answer.stop).outcome == target
            found.setdefault((request.cut, request.span if isinstance(request, Regenerate) else None), []).append(hits)
    return {key: TargetCount(hits=np.asarray(hits, dtype=np.bool_)) for key, hits in found.items()}


def _donor(subject: Subject, answers: dict[Request, Response], own: str, labels: Sequence[str]) -> tuple[TokenSequence, int, str] | None:
    """The first answer to the same problem that is another option: its sequence, the end of its trace, and what it answers."""
    for request, answer in answers.items():
        if type(request) is Sample and request.cut == 0 and isinstance(answer, Rollout):
            outcome = subject.judge(answer.ids, answer.stop).outcome
            if outcome in labels and outcome != own and outcome not in RESERVED_OUTCOMES:
                sequence = TokenSequence(prompt=request.sequence.prompt, completion=answer.ids)
                return sequence, subject.find_wall(answer.ids), outcome
    return None


def _transplants(trace: Trace, exit_: ExitText, donor: TokenSequence, end: int, answer: str) -> Experiment[Moved]:
    """The state that answers, at every layer: the donor's at the end of its trace, and for comparison before its first token."""
    tables = yield tuple(
        Transplant(
            sequence=trace.sequence, cut=trace.n_trace, donor=donor, donor_cut=cut, place="exit", suffix=exit_.suffix,
            continuations=exit_.options,
        )
        for cut in (end, 0)
    )  # fmt: skip
    first, second = (table.logprob for table in tables if isinstance(table, ReadTable))
    return Moved(answer=answer, ids=donor.completion[:end], logprob=first, control=second)


def most(subject: Subject, settings: PatchSettings) -> list[Most] | None:
    """None where a second batch follows, whose donor is not known before; else nothing follows the first one."""
    return None if TRANSPLANT in settings.ways else []
