"""The experiment of the lens: one request, and at the place ``trace`` the forced answer beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenworth.core.measure import Subject
from tokenworth.core.request.experiment import Experiment
from tokenworth.core.request.lens import Lens, LensTable
from tokenworth.core.request.read import Read, ReadTable
from tokenworth.errors import InvalidInput
from tokenworth.methods.cuts import fitting, restrict
from tokenworth.methods.forced.experiment import check_options, cut_grid, encode_exit
from tokenworth.methods.lens.result import LensResult
from tokenworth.methods.lens.settings import LensSettings
from tokenworth.methods.lens.tokens import first_different, own_words
from tokenworth.tasks.target import GOLD, LABEL, OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlace:
    """What is read after what."""

    labels: tuple[str, ...]
    text: str
    suffix: tuple[int, ...]
    """The exit text as ids."""
    ids: tuple[tuple[int, ...], ...]
    """Each option after it."""
    beginning: tuple[int, ...]
    """What all options begin with."""
    tokens: tuple[int, ...]


def place_of(subject: Subject, settings: LensSettings) -> ReadPlace:
    """Exit text and tokens, checked; nothing is drawn. Raises InvalidInput for what cannot be read."""
    labels = settings.options or (() if subject.problem is None else subject.problem.labels)
    check_options(labels)
    if settings.target not in (GOLD, OWN) and settings.target.removeprefix(LABEL) not in labels:
        raise InvalidInput(f"target {settings.target!r}: expected one of the options {', '.join(labels)}")
    if not settings.exit_text and not subject.exit_texts:
        raise InvalidInput(f"{subject.model} has no trace format, so there is no known exit text; give --exit-text TEXT")
    text = settings.exit_text.replace("\\n", "\n") or subject.exit_texts[0]
    exit_ = encode_exit("exit", text, labels, subject.codec)
    if settings.place == "trace":
        tokens = own_words(labels, subject.problem, subject.codec)
        return ReadPlace(labels=labels, text=text, suffix=exit_.suffix, ids=exit_.options, beginning=(), tokens=tokens)
    shared, tokens = first_different(labels, exit_.options, "after the exit text")
    return ReadPlace(labels=labels, text=text, suffix=exit_.suffix, ids=exit_.options, beginning=shared, tokens=tokens)


def lens_of(subject: Subject, settings: LensSettings) -> Experiment[LensResult]:
    """Shares of the options at every layer, along a subject's base trace."""
    assert subject.trace is not None
    place, trace = place_of(subject, settings), subject.trace
    after = len(place.suffix) + max(map(len, place.ids))
    room = None if subject.context_length is None else subject.context_length - len(subject.prompt) - after
    grid = cut_grid(trace.n_trace, settings.step(trace.n_trace))
    cuts, missed = restrict(grid, None, snap=False, longest=fitting(trace.n_trace, room))
    at_exit = settings.place == "exit"
    suffix = (*place.suffix, *place.beginning) if at_exit else ()
    lens = Lens(sequence=trace.sequence, cuts=cuts, place=settings.place, suffix=suffix, tokens=place.tokens, mass=settings.mass)
    read = Read(sequence=trace.sequence, cuts=cuts, suffix=place.suffix, continuations=place.ids)
    tables = yield (lens,) if at_exit else (lens, read)
    assert isinstance(tables[0], LensTable)
    share, mass = tables[0].share, tables[0].mass
    forced, forced_mass = share[-1], mass[-1]
    if not at_exit:
        assert isinstance(tables[1], ReadTable)
        p = np.exp(tables[1].logprob)
        forced_mass = p.sum(axis=1)
        forced = p / np.maximum(forced_mass, np.finfo(np.float64).tiny)[:, None]
    return LensResult(
        trace=trace,
        place=settings.place,
        exit_text=place.text,
        cuts=np.asarray(cuts, dtype=np.int64),
        options=place.labels,
        tokens=place.tokens,
        share=share,
        mass=mass,
        forced=forced,
        forced_mass=forced_mass,
        own=subject.judge(trace.sequence.completion, trace.stop),
        missed=missed,
    )
