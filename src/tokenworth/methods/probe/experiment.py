"""The experiment of `probe` on one question: hidden states at cuts, and what they are to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tokenworth.core.grade import Verdict
from tokenworth.core.measure import Most, Need, Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.hidden import Hidden, HiddenTable
from tokenworth.core.request.inside import NEEDS_WEIGHTS, StatePlace
from tokenworth.core.request.kind import Request, Response
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.request.sample import Rollout, Sample
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput, MismatchError
from tokenworth.methods.forced.experiment import ExitText, exits_of
from tokenworth.methods.forced.settings import ForcedSettings
from tokenworth.methods.probe.document import ProbeDoc
from tokenworth.methods.probe.labels import ending_label, forced_features, needed_label, state_labels, value_labels
from tokenworth.methods.probe.result import QuestionRows
from tokenworth.methods.probe.settings import ProbeAsk, ProbeSettings
from tokenworth.methods.sample.choice import choose_trace
from tokenworth.methods.sample.experiment import answers_of, draws_of
from tokenworth.methods.sample.result import SampleResult
from tokenworth.methods.survey.two_curves import STATES

CLASSES: dict[ProbeAsk, tuple[str, ...]] = {"needed": ("not needed", "needed"), "right": ("wrong", "right"), "settled": STATES, "value": ()}
"""Those of `option` are the problem's labels."""
DRAWN_AT_CUTS = ("settled", "value")
"""What is asked of rollouts from every cut."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Base:
    """A trace and the cuts that are looked at."""

    trace: Trace
    cuts: tuple[int, ...]


def needs(settings: ProbeSettings) -> list[Need]:
    """Hidden states, answers, and forced answers beside them."""
    instead = {"sample": "sample and curve work, and survey sets values beside forced answers"}
    return [Need(able="hidden", what="a probe of hidden states", instead=instead, why=NEEDS_WEIGHTS), draws_of("labels")]


def check_subject(subject: Subject, settings: ProbeSettings) -> None:
    """Refuses a problem that cannot be asked this."""
    if subject.problem is None:
        raise InvalidInput(f"{subject.model} is an automaton, which has no hidden states; use a model of the local backend")
    exit_of(subject, settings)
    if settings.asked in ("needed", "right", "value") and subject.problem.gold is None:
        raise InvalidInput(f"problem {subject.problem.id!r} has no gold answer, which --ask {settings.asked} takes; ask option or settled")


def exit_of(subject: Subject, settings: ProbeSettings) -> ExitText:
    """The exit text with the options after it."""
    return exits_of(subject, ForcedSettings(exit=(settings.exit_text,) if settings.exit_text else ()))[0]


def applied(subject: Subject, settings: ProbeSettings) -> ProbeSettings:
    """The settings, with what a saved probe says of itself. Raises MismatchError for the probe of another model."""
    doc = subject.documents.get("apply")
    if doc is None:
        return settings
    if not isinstance(doc, ProbeDoc) or doc.probe is None:
        raise InvalidInput(f"--apply {settings.apply}: this result holds no probe; give one of a run of probe that could fit one")
    if doc.model.fingerprint != subject.fingerprint:
        raise MismatchError(
            f"--apply {settings.apply} is of another model: {doc.model.name} {doc.model.fingerprint[:12]}, expected {subject.model} "
            f"{subject.fingerprint[:12]}; a probe reads the states of the model it was fitted on"
        )
    if settings.ask not in (None, doc.ask):
        raise InvalidInput(f"--apply {settings.apply} tells {doc.ask}, not {settings.ask}; leave --ask out")
    return replace(
        settings, ask=cast("ProbeAsk", doc.ask), place=cast("StatePlace", doc.place), exit_text=doc.exit, layers=(str(doc.probe.layer),)
    )


def probe_of(subject: Subject, settings: ProbeSettings) -> Experiment[QuestionRows]:
    """The rows of one question. Rollouts are those of `sample` and of a plain `curve`: a store that has them draws none."""
    assert subject.problem is not None
    settings = applied(subject, settings)
    text = exit_of(subject, settings)
    answers = yield from answers_of(subject, settings.samples, seed=settings.seed, level=settings.level)
    bases, told = _bases(subject, settings, answers, text)
    answered = yield tuple(one for base in bases for one in _requests(subject, settings, text, base))
    parts: list[QuestionRows] = []
    at = 0
    for number, base in enumerate(bases):
        n = len(_requests(subject, settings, text, base))
        parts.append(_rows(subject, settings, base, number, answers, answered[at : at + n]))
        at += n
    return joined_rows(parts) if parts else _none(subject, settings, told)


def _bases(subject: Subject, settings: ProbeSettings, answers: SampleResult, text: ExitText) -> tuple[list[_Base], str]:
    """The traces that are looked at, or why there is none."""
    if settings.asked == "needed":
        empty = Trace(sequence=TokenSequence(prompt=subject.prompt, completion=()), n_trace=0, stop=StopReason.STOP)
        return [_Base(trace=empty, cuts=(0,))], ""
    ended = [i for i, one in enumerate(answers.rollouts) if one.stop is StopReason.STOP][: settings.per_question]
    after = len(text.suffix) + max(map(len, text.options))
    longest = None if subject.context_length is None else subject.context_length - len(subject.prompt) - after
    bases: list[_Base] = []
    for index in ended:
        trace = choose_trace(answers, str(index))[1]
        n = trace.n_trace if longest is None else min(trace.n_trace, longest)
        cuts = tuple(sorted({round(k * n / max(1, settings.cuts - 1)) for k in range(settings.cuts)}))
        bases.append(_Base(trace=trace, cuts=cuts[:-1] if settings.asked == "settled" and len(cuts) > 1 else cuts))
    return bases, "" if bases else f"none of {len(answers.rollouts)} answers ended by itself"


def _requests(subject: Subject, settings: ProbeSettings, text: ExitText, base: _Base) -> list[Request]:
    """States and forced answers at the cuts, and rollouts where these are asked for."""
    sequence = base.trace.sequence
    suffix = text.suffix if settings.place == "exit" else ()
    asked: list[Request] = [
        Hidden(sequence=sequence, cuts=base.cuts, place=settings.place, suffix=suffix, layers=settings.chosen_layers),
        Read(sequence=sequence, cuts=base.cuts, suffix=text.suffix, continuations=text.options),
    ]
    if settings.asked in DRAWN_AT_CUTS:
        params, seed = subject.sampling, settings.seed
        asked += [
            Sample(sequence=sequence, cut=cut, params=params, seed=seed, index=index)
            for cut in base.cuts
            for index in range(settings.samples)
        ]
    return asked


def _rows(
    subject: Subject, settings: ProbeSettings, base: _Base, number: int, answers: SampleResult, answered: Sequence[Response]
) -> QuestionRows:
    hidden, read, *rollouts = answered
    assert isinstance(hidden, HiddenTable) and isinstance(read, ReadTable) and subject.problem is not None
    labels = subject.problem.labels
    forced, shares, mass = forced_features(read.logprob)
    gold = labels.index(subject.problem.gold) if subject.problem.gold in labels else None
    n = len(base.cuts)
    forced_gold = np.full(n, np.nan) if gold is None else shares[:, gold]
    if settings.asked == "needed":
        k = sum(grade.verdict is Verdict.CORRECT for grade in answers.grades)
        share, level = float(forced_gold[0]), settings.level
        label = np.asarray([needed_label(k, len(answers.grades), share, margin=settings.margin, level=level, keep=settings.unclear)])
    elif settings.asked in DRAWN_AT_CUTS:
        grades = [subject.judge(one.ids, one.stop) for one in rollouts if isinstance(one, Rollout)]
        by_cut = [grades[i * settings.samples : (i + 1) * settings.samples] for i in range(n)]
        label = value_labels(by_cut) if settings.asked == "value" else state_labels(by_cut, labels, shares, mass, settings.decided)
    else:
        grade = subject.judge(base.trace.sequence.completion, base.trace.stop)
        label = np.full(n, ending_label(settings.asked, grade, labels))
    sequence = base.trace.sequence
    return QuestionRows(
        question=subject.problem.id,
        stratum=subject.problem.task,
        prompt_tokens=len(subject.prompt),
        trace=np.full(n, number),
        slot=np.arange(n),
        cut=np.asarray(base.cuts, dtype=np.int64),
        ids=tuple(sequence.prefix(cut) for cut in base.cuts),
        layers=settings.chosen_layers or tuple(range(hidden.layers)),
        states=hidden.cube.astype(np.float64),
        label=label.astype(np.float64),
        draws=np.full(n, float(settings.samples if settings.asked == "value" else 1)),
        classes=labels if settings.asked == "option" else CLASSES[settings.asked],
        forced=forced,
        forced_gold=forced_gold,
        unclear=int(settings.asked == "needed" and np.isnan(label).any()),
    )


def joined_rows(parts: Sequence[QuestionRows]) -> QuestionRows:
    """The rows of several traces of one question."""
    names = ("trace", "slot", "cut", "states", "label", "draws", "forced", "forced_gold")
    together = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
    return replace(parts[0], **together, ids=tuple(ids for one in parts for ids in one.ids), unclear=sum(one.unclear for one in parts))


def _none(subject: Subject, settings: ProbeSettings, told: str) -> QuestionRows:
    assert subject.problem is not None
    none = np.zeros(0)
    return QuestionRows(
        question=subject.problem.id,
        stratum=subject.problem.task,
        prompt_tokens=len(subject.prompt),
        trace=none.astype(np.int64),
        slot=none.astype(np.int64),
        cut=none.astype(np.int64),
        ids=(),
        layers=(),
        states=np.zeros((0, 0, 0)),
        label=none,
        draws=none,
        classes=CLASSES.get(settings.asked, subject.problem.labels),
        forced=np.zeros((0, 0)),
        forced_gold=none,
        told=told,
    )


def most(subject: Subject, settings: ProbeSettings) -> list[Most]:
    """The answers, and for each trace its states, its forced answers and its rollouts."""
    text = exit_of(subject, settings)
    start = Sample(sequence=TokenSequence(prompt=subject.prompt, completion=()), cut=0, params=subject.sampling, seed=0, index=0)
    room = 0 if settings.asked == "needed" else subject.sampling.max_tokens
    whole = TokenSequence(prompt=subject.prompt, completion=(0,) * room)
    longest = _Base(trace=Trace(sequence=whole, n_trace=room, stop=StopReason.STOP), cuts=(room,))
    hidden, read, *samples = _requests(subject, replace(settings, samples=1), text, longest)
    n = 1 if settings.asked == "needed" else settings.per_question
    cuts = tuple([room] * settings.cuts) if room else (0,)
    assert isinstance(hidden, Hidden) and isinstance(read, Read)
    looks = [Most(n=n, reads=one, writes=one) for one in (replace(hidden, cuts=cuts), replace(read, cuts=cuts))]
    drawn = [Most(n=n * settings.cuts * settings.samples, reads=one, writes=start) for one in samples]
    return [Most(n=settings.samples, reads=start, writes=start), *looks, *drawn]
