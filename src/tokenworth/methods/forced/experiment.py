"""The experiment of `forced`: the answer read when the trace is stopped at a cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tokenworth.core.grade import Judge
from tokenworth.core.measure import Most, Subject
from tokenworth.core.request.experiment import BudgetSpent, Experiment
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.core.tokens import Codec, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.cuts import fitting, reachable, restrict
from tokenworth.methods.forced.result import ForcedReading, ForcedResult, TriedExit
from tokenworth.methods.forced.settings import AUTO, LEAST_MASS, ForcedSettings
from tokenworth.tasks.target import GOLD, LABEL, OWN

TRIAL_CUTS = 5
"""Cuts at which exit texts are tried to choose one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitText:
    """What is written at a cut to stop the trace and begin the answer, with the ids of each option after it."""

    name: str
    text: str
    suffix: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


def encode_exit(name: str, text: str, labels: tuple[str, ...], codec: Codec) -> ExitText:
    """The exit text and its options as ids.

    An option's ids are those the tokenizer gives it after the exit text; where it would merge the two, the option is encoded alone.

    Raises InvalidInput when an option's ids are the beginning of another's: their probabilities would overlap.
    """
    suffix = codec.encode(text)
    if not suffix:
        raise InvalidInput("the exit text is empty; expected text that closes the trace and begins the answer")
    _check_round_trip(text, suffix, codec)
    options: list[tuple[int, ...]] = []
    for label in labels:
        joined = codec.encode(text + label)
        goes_on = joined[: len(suffix)] == suffix and len(joined) > len(suffix)
        options.append(joined[len(suffix) :] if goes_on else codec.encode(label))
        _check_round_trip(label, options[-1], codec)
    for i, first in enumerate(options):
        for j, second in enumerate(options):
            if i != j and second[: len(first)] == first:
                raise InvalidInput(
                    f"options {labels[i]!r} and {labels[j]!r} overlap after the exit text: token ids {list(first)} are the beginning of "
                    f"{list(second)}; use labels that differ, such as A and B"
                )
    return ExitText(name=name, text=text, suffix=suffix, options=tuple(options))


def check_options(options: tuple[str, ...]) -> None:
    """Refuses options that cannot be compared: fewer than two, or one twice."""
    if len(options) < 2:
        raise InvalidInput(f"forced answers need at least two options, got {len(options)}; use a multiple-choice problem or --options")
    if len(set(options)) != len(options):
        raise InvalidInput(f"options repeat: {', '.join(options)}; give each once")


def _check_round_trip(text: str, ids: tuple[int, ...], codec: Codec) -> None:
    """Refuses a tokenizer that changes the text it is given; white space at its ends is allowed to differ."""
    back = codec.decode(ids)
    if "".join(back.split()) != "".join(text.split()):
        raise InvalidInput(f"the tokenizer does not round-trip: the exit text {text!r} comes back as {back!r}; choose another exit text")


def cut_grid(n_trace: int, stride: int) -> tuple[int, ...]:
    """Cuts 0, stride, 2·stride, …, and always T."""
    if stride < 1:
        raise InvalidInput(f"stride {stride}: expected at least 1")
    return tuple(sorted({*range(0, n_trace + 1, stride), n_trace}))


def forced(
    trace: Trace,
    *,
    options: tuple[str, ...],
    exits: tuple[ExitText, ...],
    stride: int,
    judge: Judge,
    least_mass: float = LEAST_MASS,
    choose: bool = False,
    cuts_allowed: tuple[int, ...] | None = None,
    snap: bool = False,
    room: int | None = None,
) -> Experiment[ForcedResult]:
    """Log-probability of every option after every exit text, at cuts 0…T.

    ``choose``: of the exit texts, only the one with the most mass over `TRIAL_CUTS` cuts is read everywhere.

    The natural end of the trace is a wall: no cut lies in the answer. Multi-token options are read by teacher forcing
    (the sum of their tokens' log-probabilities). If the budget ends first, the exit texts that were read are returned; without a
    single one ``BudgetSpent`` is raised again. ``cuts_allowed``: the only cuts that can be read (None: all); other planned cuts are
    left out, or with ``snap`` move to the nearest. ``room``: how many trace tokens the context leaves room for, with exit text and option
    after them; later cuts are left out. Source: Lanham et al. 2023 (early answering), at token level.
    """
    check_options(options)
    allowed, longest = reachable(trace.n_trace, cuts_allowed), fitting(trace.n_trace, room)
    cuts, missed = restrict(cut_grid(trace.n_trace, stride), allowed, snap=snap, longest=longest)
    tried: tuple[TriedExit, ...] = ()
    if choose:
        exits, tried = yield from _fullest(trace, exits, trial_cuts(cuts))
    try:
        tables = yield tuple(Read(sequence=trace.sequence, cuts=cuts, suffix=text.suffix, continuations=text.options) for text in exits)
    except BudgetSpent as spent:
        # A reading is not random, so whichever are there may be used.
        tables = spent.answers
        if all(table is None for table in tables):
            raise
    readings = tuple(_reading(text, table) for text, table in zip(exits, tables, strict=True) if isinstance(table, ReadTable))
    return ForcedResult(
        trace=trace,
        cuts=np.asarray(cuts, dtype=np.int64),
        options=options,
        readings=readings,
        own=judge(trace.sequence.completion, trace.stop),
        token_forwards=sum(table.token_forwards for table in tables if isinstance(table, ReadTable)),
        least_mass=least_mass,
        tried=tried,
        unresolved="" if len(readings) == len(exits) else f"{len(readings)} of {len(exits)} exit texts were read",
        missed=missed,
    )


def trial_cuts(cuts: tuple[int, ...]) -> tuple[int, ...]:
    """At most `TRIAL_CUTS` of the cuts, evenly spread, the first and the last among them."""
    n = min(TRIAL_CUTS, len(cuts))
    return tuple(cuts[round(k * (len(cuts) - 1) / max(1, n - 1))] for k in range(n))


def _fullest(
    trace: Trace, exits: tuple[ExitText, ...], cuts: tuple[int, ...]
) -> Experiment[tuple[tuple[ExitText, ...], tuple[TriedExit, ...]]]:
    """The exit text with the largest mean mass at the cuts (the first of equals), and what each came to, this one first."""
    tables = yield tuple(Read(sequence=trace.sequence, cuts=cuts, suffix=text.suffix, continuations=text.options) for text in exits)
    masses = [float(_reading(text, table).mass.mean()) for text, table in zip(exits, tables, strict=True) if isinstance(table, ReadTable)]
    order = sorted(range(len(exits)), key=lambda i: -masses[i])
    return (exits[order[0]],), tuple(TriedExit(text=exits[i].text, mass=masses[i]) for i in order)


def _reading(text: ExitText, table: ReadTable) -> ForcedReading:
    return ForcedReading(
        name=text.name,
        text=text.text,
        suffix=text.suffix,
        logprob=table.logprob,
        top_id=table.top_id,
        top_logprob=table.top_logprob,
        ceiling=table.ceiling,
    )


def labels_of(subject: Subject, settings: ForcedSettings) -> tuple[str, ...]:
    """The options given, or the problem's."""
    return settings.options or (() if subject.problem is None else subject.problem.labels)


def exits_of(subject: Subject, settings: ForcedSettings) -> tuple[ExitText, ...]:
    """Exit texts and options as ids, checked; nothing is drawn. Raises InvalidInput for what cannot be read."""
    labels, texts = labels_of(subject, settings), tuple(text.replace("\\n", "\n") for text in settings.exit if text != AUTO)
    if not texts and not subject.exit_texts:
        raise InvalidInput(f"{subject.model} has no trace format, so there is no known exit text; give --exit TEXT")
    check_options(labels)
    if settings.target not in (GOLD, OWN) and settings.target.removeprefix(LABEL) not in labels:
        raise InvalidInput(f"target {settings.target!r}: expected one of the options {', '.join(labels)}")
    if AUTO in settings.exit:
        return _readable(subject.exit_texts, labels, subject.codec)
    named = {f"exit {i + 1}": text for i, text in enumerate(texts)} or {"default": subject.exit_texts[0]}
    return tuple(encode_exit(name, text, labels, subject.codec) for name, text in named.items())


def _readable(texts: tuple[str, ...], labels: tuple[str, ...], codec: Codec) -> tuple[ExitText, ...]:
    """The known exit texts that this tokenizer can write and after which no two options begin alike; there must be one."""
    found: list[ExitText] = []
    for text in texts:
        try:
            found.append(encode_exit(AUTO, text, labels, codec))
        except InvalidInput:
            if text == texts[-1] and not found:
                raise
    return tuple(found)


def forced_of(subject: Subject, settings: ForcedSettings) -> Experiment[ForcedResult]:
    """The forced answers along a subject's base trace, at the cuts that its model can be asked at."""
    assert subject.trace is not None
    exits, trace = exits_of(subject, settings), subject.trace
    return forced(
        trace,
        options=labels_of(subject, settings),
        exits=exits,
        stride=settings.step(trace.n_trace),
        judge=subject.judge,
        least_mass=settings.least_mass,
        choose=AUTO in settings.exit,
        cuts_allowed=subject.reachable(trace.sequence, trace.n_trace, [one.suffix for one in exits]),
        snap=settings.snap,
        room=_room(subject, exits),
    )


def _room(subject: Subject, exits: tuple[ExitText, ...]) -> int | None:
    """Trace tokens that fit between the prompt and the longest exit text with its longest option."""
    if subject.context_length is None:
        return None
    after = max(len(one.suffix) + max(len(ids) for ids in one.options) for one in exits)
    return subject.context_length - len(subject.prompt) - after


def most(subject: Subject, settings: ForcedSettings) -> list[Most]:
    """A reading after each exit text, of the longest trace there can be."""
    longest = TokenSequence(prompt=subject.prompt, completion=(0,) * subject.longest_trace)
    cuts = cut_grid(subject.longest_trace, settings.stride)
    exits = exits_of(subject, settings)
    reads = [Read(sequence=longest, cuts=cuts, suffix=one.suffix, continuations=one.options) for one in exits]
    if AUTO in settings.exit:
        longer = max(reads, key=lambda one: len(one.suffix) + max(map(len, one.continuations)))
        reads = [*(replace(one, cuts=trial_cuts(cuts)) for one in reads), longer]
    return [Most(n=1, reads=one, writes=one) for one in reads]
