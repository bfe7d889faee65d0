"""Edits of maze traces with known truth: which rule they break first, at which event, and how many words they change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokenworth.core.verification import Cell, FormalText, Strictness, Verification, Violation
from tokenworth.errors import InvalidInput, unknown_name
from tokenworth.tasks.maze.edit_course import Course
from tokenworth.tasks.maze.edit_places import PROPOSALS, Change, changes
from tokenworth.tasks.maze.edit_text import Edit, MazeText, first_of_trace, n_changed, read, read_valid, stretch
from tokenworth.tasks.maze.grammar import MazeEvent, render_trace

EDIT_CODES: tuple[str, ...] = tuple(PROPOSALS)
"""The codes of a trace that an edit can be asked for."""
TIE_CODES = ("TIE_ORDER", "CHILD_ORDER")
"""Codes that are violations at strictness ``strict+ties`` only, and edits judged there."""
_BATCH = 24


# -- breaking one rule ---------------------------------------------------------------------------------------------------


def edit(text: FormalText, code: str, *, dialect: str, rng: np.random.Generator, alone: bool = False) -> Edit | None:
    """A smallest change of one event after which the first violation of a valid trace has this code; None where there is none.

    Smallest: the fewest words changed; among equals one with the fewest other codes at the event, then one at random. ``alone`` puts
    the fewest other codes first. The verifier confirms each edit, at strictness ``strict`` and, where the trace is valid there too, at
    ``strict+ties``; the two tie codes are judged at ``strict+ties`` alone.

    None: the dialect cannot write the fault (no heuristic in ``compact``, no order in a dialect that breaks ties at random), or the
    trace has no place for it (a corridor has no open cell of a greater f). Raises UnknownName for a code that is none of a trace,
    InvalidInput for a text whose trace is not valid.
    """
    if code not in PROPOSALS:
        raise unknown_name("code of a maze trace", code, PROPOSALS)
    strictness = Strictness.TIES if code in TIE_CODES else Strictness.STRICT
    base = read_valid(text, dialect, Strictness.STRICT)
    if strictness not in base.dialect.strictness or not base.check(base.text, strictness).trace_valid:
        return None
    checks = [strictness]
    if (
        strictness is Strictness.STRICT
        and Strictness.TIES in base.dialect.strictness
        and base.check(base.text, Strictness.TIES).trace_valid
    ):
        checks.append(Strictness.TIES)
    proposed = changes(code, base.maze, base.dialect, base.events)
    by_size: dict[int, list[Change]] = {}
    for i in _shuffled(len(proposed), rng):
        by_size.setdefault(_size(proposed[i], base), []).append(proposed[i])
    best: Edit | None = None
    for _, group in sorted(by_size.items(), key=lambda item: item[0]):
        found = _fewest_along(base, group, code, checks)
        if found is not None and (best is None or len(found.along) < len(best.along)):
            best = found
        if best is not None and not (alone and best.along):
            break
    return best


def _shuffled(n: int, rng: np.random.Generator) -> list[int]:
    return [int(i) for i in rng.permutation(n)]


def _size(change: Change, base: MazeText) -> int:
    if change.how == "insert":
        return len(change.words)
    at = base.place(change.event)
    return n_changed(base.words[at : base.place(change.event + 1)], change.words)


def _fewest_along(base: MazeText, group: list[Change], code: str, checks: list[Strictness]) -> Edit | None:
    """The first of these changes with the fewest other codes; a batch is looked through, the rest only while nothing is found."""
    for begun in range(0, len(group), _BATCH):
        made: list[Edit] = []
        for change in group[begun : begun + _BATCH]:
            found = _made(base, change, code, checks)
            if found is not None and not found.along:
                return found
            made += [] if found is None else [found]
        if made:
            return min(made, key=lambda edit: len(edit.along))
    return None


def _made(base: MazeText, change: Change, code: str, checks: list[Strictness]) -> Edit | None:
    """The edit that a change makes; None where another code comes first."""
    words = base.words
    at = base.place(change.event)
    past = at if change.how == "insert" else base.place(change.event + 1)
    after = base.with_words([*words[:at], *change.words, *words[past:]])
    for strictness in checks:
        found = base.check(after, strictness)
        first = first_of_trace(found)
        if first is None or first.code != code:
            return None
    found = base.check(after, checks[0])
    first = first_of_trace(found)
    assert first is not None
    added = len(change.words) - (past - at)
    plan_after = base.plan_at + added
    cut = plan_after if first.event is None else max(first.tokens[1], at + len(change.words))
    return Edit(
        code=code,
        kind=change.told,
        strictness=checks[0],
        before=base.text,
        after=after,
        event=first.event,
        along=_along(found, first),
        words=(at, at + len(change.words)),
        n_changed=_size(change, base),
        cut_before=cut - added,
        cut_after=cut,
        plan_before=base.plan_at,
        plan_after=plan_after,
    )


def _along(found: Verification, first: Violation) -> tuple[str, ...]:
    """The other codes of the trace at the event of the first violation."""
    here = [one for one in found.violations if one.tier.is_of_trace and one.event == first.event and one.tokens == first.tokens]
    return tuple(dict.fromkeys(one.code for one in here if one.code != first.code))


# -- changes that keep or restore validity, and a foreign trace --------------------------------------------------------------


def paraphrase(text: FormalText, *, dialect: str, rng: np.random.Generator, kind: str = "any") -> Edit | None:
    """Another valid run of A* on the same maze, by one other choice among equals; None where the trace has none to make.

    ``kind``: ``children`` (two creates of one expansion exchanged; the rest stays), ``closes`` (another open cell of the least f is
    closed, and the solver continues from there, plan included), or ``any``. Valid at strictness ``strict``; at ``strict+ties`` it is not.
    """
    if kind not in ("any", "children", "closes"):
        raise unknown_name("kind of paraphrase", kind, ("any", "children", "closes"))
    base = read_valid(text, dialect, Strictness.STRICT)
    options: list[tuple[int, MazeEvent | None]] = []
    course = Course(base.maze, base.dialect)
    for index, event in enumerate(base.events):
        if event.verb == "create" and len(course.due) > 1 and kind != "closes":
            options.append((index, None))
        if event.verb == "close" and kind != "children":
            options += [(index, other) for other in course.following() if other.cell != event.cell]
        course.apply(event)
    for at in _shuffled(len(options), rng):
        index, other = options[at]
        found = _reordered(base, index, other, rng)
        if base.check(found.after, Strictness.STRICT).is_valid:
            return found
    return None


def _reordered(base: MazeText, index: int, other: MazeEvent | None, rng: np.random.Generator) -> Edit:
    events = list(base.events)
    if other is None:
        events[index : index + 2] = [events[index + 1], events[index]]
        told, n_new, plan = "two children created in the other order", index + 2, base.parsed.plan
    else:
        events, plan = _continued(base, [*base.events[:index], other], rng)
        told, n_new = "another open cell of the same f closed first", index + 1
    after = _written(base, events, plan)
    again = read(after, base.dialect.name)
    return _change_of(base, again, None, told, event=None, cut=again.place(n_new), cut_before=base.place(n_new))


def _continued(
    base: MazeText, prefix: Sequence[MazeEvent], rng: np.random.Generator | None
) -> tuple[list[MazeEvent], tuple[Cell, ...] | None]:
    """A valid beginning and what the solver makes of it: all events, and the plan they find."""
    course = Course(base.maze, base.dialect)
    for event in prefix:
        course.apply(event)
    events = [*prefix, *course.finish(rng)]
    return events, course.plan()


def _written(base: MazeText, events: Sequence[MazeEvent], plan: Sequence[Cell] | None) -> FormalText:
    """The text with these events; its own prompt part is kept, and its plan where ``plan`` is None."""
    words, (first, past) = base.words, base.span
    made = render_trace(base.maze, events, plan or (), base.dialect).split()
    n_events = len(events) * (3 if base.dialect.compact else 5)
    tail = words[past:] if plan is None else made[n_events:]
    return base.with_words([*words[:first], *made[:n_events], *tail])


def _change_of(base: MazeText, again: MazeText, code: str | None, told: str, *, event: int | None, cut: int, cut_before: int) -> Edit:
    before, after = base.words, again.words
    first, last = stretch(before, after)
    return Edit(
        code=code,
        kind=told,
        strictness=Strictness.STRICT,
        before=base.text,
        after=again.text,
        event=event,
        along=(),
        words=(first, len(after) - last),
        n_changed=n_changed(before, after),
        cut_before=cut_before,
        cut_after=cut,
        plan_before=base.plan_at,
        plan_after=again.plan_at,
    )


def swap(text: FormalText, other: FormalText, *, dialect: str) -> Edit:
    """The events of another instance's valid trace under this prompt; the plan stays. Both cuts are at the plan.

    ``code`` is the first rule that the foreign trace breaks here; None in the rare case that it breaks none.
    """
    base, foreign = read_valid(text, dialect, Strictness.STRICT), read_valid(other, dialect, Strictness.STRICT)
    (first, past), (begun, end) = base.span, foreign.span
    again = read(base.with_words([*base.words[:first], *foreign.words[begun:end], *base.words[past:]]), dialect)
    found = first_of_trace(again.check(again.text, Strictness.STRICT))
    code, event = (None, None) if found is None else (found.code, found.event)
    return _change_of(base, again, code, "the trace of another maze", event=event, cut=again.plan_at, cut_before=base.plan_at)


def repair(text: FormalText, *, dialect: str, rng: np.random.Generator | None = None) -> Edit:
    """A valid trace from an invalid one: the smallest change at the first violation that works, or else the solver continues from there.

    Tried first: the event of the first violation left out; replaced by an event that may stand there; one to four such events put before
    it. Where none of this makes the trace valid, its longest valid beginning stays and the solver writes the rest. A plan that is not
    the trace's own is replaced. ``rng`` breaks ties where the dialect does so at random. The cuts are after the repair's first event.

    Raises InvalidInput for a trace that is valid, and where the maze has no way to the goal.
    """
    base = read(text, dialect)
    first = first_of_trace(base.check(base.text, Strictness.STRICT))
    if first is None:
        raise InvalidInput(f"text {text.id!r}: the trace is valid; there is nothing to repair")
    assert base.parsed.events is not None
    index = base.parsed.events.index
    kept = [event for event, number in zip(base.events, index, strict=True) if first.event is None or number < first.event]
    course = Course(base.maze, base.dialect)
    usable: list[MazeEvent] = []
    for event in kept:
        if course.goal_closed:
            break
        course.apply(event)
        usable.append(event)
    found = None if first.event is None else _local_repair(base, usable, course, first)
    if found is None:
        events, plan = _continued(base, usable, rng)
        if plan is None:
            raise InvalidInput(f"text {text.id!r}: the maze has no way to the goal; there is no valid trace")
        found = "the solver continues from the longest valid beginning", read(_written(base, events, plan), dialect)
    told, again = found
    at = min(len(usable) + 1, len(again.events))
    cut = again.place(at)
    return _change_of(
        base, again, None, told, event=len(usable), cut=cut, cut_before=base.plan_at if first.event is None else first.tokens[1]
    )


def _local_repair(base: MazeText, usable: list[MazeEvent], course: Course, first: Violation) -> tuple[str, MazeText] | None:
    """The smallest of the changes at the violation that make the trace valid, with what it does."""
    words, dialect, (at, past) = base.words, base.dialect, first.tokens
    choices = [render_trace(base.maze, [event], (), dialect).split()[: 3 if dialect.compact else 5] for event in course.following()]
    together = [word for choice in choices for word in choice]
    options = [("the event left out", list[str](), past), *(("the event replaced", choice, past) for choice in choices)]
    options += [("an event put before it", choice, at) for choice in choices]
    if len(choices) > 1 and course.due:
        options.append(("the missing children put before it", together, at))
    for told, new, end in sorted(options, key=lambda option: n_changed(words[at : option[2]], option[1])):
        candidate = base.with_words([*words[:at], *new, *words[end:]])
        found = base.check(candidate, Strictness.STRICT)
        if not found.trace_valid:
            continue
        again = read(candidate, dialect.name)
        if not (found.plan_valid and found.plan_follows_trace):
            plan = _continued(again, again.events, None)[1]
            again = read(_written(again, again.events, plan), dialect.name)
        return told, again
    return None
