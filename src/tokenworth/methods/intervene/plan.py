"""Which changes are made of one trace, and which edits are refused, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from tokenworth.catalog import EDITS, load
from tokenworth.core.measure import Subject
from tokenworth.core.sampling import Sampling
from tokenworth.core.tokens import StopReason, TokenSequence, Trace
from tokenworth.errors import InvalidInput
from tokenworth.methods.forced.experiment import ExitText, check_options, encode_exit
from tokenworth.methods.intervene.entry import Made, Material, TraceEdit
from tokenworth.methods.intervene.result import ChangePlan
from tokenworth.methods.intervene.settings import InterveneSettings
from tokenworth.methods.intervene.text import TokenText
from tokenworth.tasks.judge import find_close

CONTROL = " (control)"
"""Ends the name of a control."""
NO_OTHER = "it needs a trace of another problem, and the task has no other problem with one"


def edit_named(name: str) -> TraceEdit:
    """The entry of the catalogue."""
    return load(EDITS, "edit", name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """How answers are read from a subject."""

    subject: Subject
    settings: InterveneSettings
    trace: Trace
    exit: ExitText | None
    unread: str
    """Why no forced answers can be read; empty where they can."""
    closing: tuple[int, ...]
    """What ends a trace where only the answer is to be drawn; none where the model has no such thing."""

    def place(self, prompt: tuple[int, ...] | None, ids: tuple[int, ...], *, closed: bool) -> TokenSequence:
        """The prefix from which rollouts are drawn; all of it is kept."""
        return TokenSequence(prompt=self.subject.prompt if prompt is None else prompt, completion=ids + self.closing * closed)

    def sampling(self, prompt: tuple[int, ...]) -> Sampling:
        """The sampling after a prompt: a longer one than the problem's own leaves less of the context."""
        return sampling_after(self.subject, prompt)


def sampling_after(subject: Subject, prompt: tuple[int, ...]) -> Sampling:
    """The subject's sampling with the limit that the context leaves after a prompt."""
    limit = subject.sampling.max_tokens
    room = limit if subject.context_length is None else subject.context_length - len(prompt)
    return subject.sampling if room >= limit else replace(subject.sampling, max_tokens=max(1, room))


def setting_of(subject: Subject, settings: InterveneSettings, trace: Trace) -> Setting:
    """How answers are read from a subject. Raises InvalidInput for an exit text or options that cannot be used."""
    labels = settings.options or (() if subject.problem is None else subject.problem.labels)
    text = settings.exit_text.replace("\\n", "\n") if settings.exit_text is not None else next(iter(subject.exit_texts), None)
    unread, exit_text = "", None
    if not subject.able.can("read"):
        unread = subject.able.lacks.get("read", "the model gives no log-probabilities")
    elif len(labels) < 2:
        unread = "the problem has no options; --options A,B,… names some"
    elif text is None:
        unread = "the model has no known exit text; --exit-text gives one"
    else:
        check_options(labels)
        exit_text = encode_exit("exit", text, labels, subject.codec)
    closing = subject.close if subject.close is not None else () if text is None else subject.codec.encode(text)
    return Setting(subject=subject, settings=settings, trace=trace, exit=exit_text, unread=unread, closing=closing)


def plan_changes(setting: Setting, other: tuple[int, ...] | None) -> tuple[tuple[ChangePlan, ...], dict[str, str]]:
    """The changes of a trace, each after its control, and the edits that cannot be made of it with the reason."""
    plans, refused = list[ChangePlan](), dict[str, str]()
    for name in setting.settings.names:
        edit = edit_named(name)
        made = list(_plans(setting, name, edit, other))
        for one in made:
            if isinstance(one, str):
                refused[name] = one
        if name not in refused:
            plans += [one for one in made if isinstance(one, ChangePlan)]
    return tuple(plans), refused


def _plans(setting: Setting, name: str, edit: TraceEdit, other: tuple[int, ...] | None) -> Iterator[ChangePlan | str]:
    material = material_of(setting, name, other)
    if edit.needs_other and not other:
        yield NO_OTHER
        return
    if not material.ids and edit.family != "prompt":
        yield "the trace is empty"
        return
    change = _checked(setting, edit.make(material))
    if isinstance(change, str) or edit.control is None:
        yield change if isinstance(change, str) else ChangePlan(name=name, family=edit.family, change=change)
        return
    control = _checked(setting, edit.control(material, change))
    if isinstance(control, str):
        yield f"its control cannot be made: {control}"
        return
    yield ChangePlan(name=name + CONTROL, family=edit.family, change=control)
    yield ChangePlan(name=name, family=edit.family, change=change, control=name + CONTROL)


def material_of(setting: Setting, name: str, other: tuple[int, ...] | None) -> Material:
    """What the edit of this name may see. Its random stream depends on seed, problem and name alone."""
    subject = setting.subject
    problem = subject.problem
    seed = [setting.settings.seed, crc32(("" if problem is None else problem.id).encode("utf-8", "surrogatepass")), crc32(name.encode())]
    return Material(
        text=TokenText(setting.trace.ids, subject.codec),
        other=None if not other else TokenText(other, subject.codec),
        problem=problem,
        codec=subject.codec,
        put=subject.put,
        settings=setting.settings,
        rng=np.random.default_rng(seed),
        banned=frozenset((*subject.sampling.stop, *(subject.close or ()))),
    )


def _checked(setting: Setting, change: Made) -> Made:
    """The change, or why nothing can be drawn from it or from the place that it is compared with."""
    if isinstance(change, str):
        return change
    subject, base = setting.subject, setting.trace.ids
    kept, beside = change.ids[: change.cut], base[: change.base_cut]
    if change.prompt is None and kept == beside:
        return "the edit changes nothing"
    if not set(subject.sampling.stop).isdisjoint(kept) or (subject.close and find_close(kept, subject.close) is not None):
        return "the edited trace would hold the mark that ends it"
    for ids, prompt, closed in ((kept, change.prompt, change.closed), (beside, None, change.ends_base)):
        place = setting.place(prompt, ids, closed=closed)
        limit = setting.sampling(place.prompt).max_tokens
        if len(place.completion) >= limit:
            return f"its {len(ids):,} tokens leave no room for an answer under the limit of {limit:,}"
        if subject.reach is not None and not subject.able.any_cut and not subject.reach(place, (len(place.completion),), ())[0]:
            return "the server cannot start there: prefixes travel as text, which does not come back as these tokens"
    return change


def check_exit(subject: Subject, settings: InterveneSettings) -> None:
    """Refuses settings that do not fit the problem."""
    setting_of(subject, settings, Trace(sequence=TokenSequence(prompt=subject.prompt, completion=()), n_trace=0, stop=StopReason.STOP))
    labels = settings.options or (() if subject.problem is None else subject.problem.labels)
    hints = [name for name in settings.names if edit_named(name).family == "prompt"]
    if hints and settings.hint != "wrong" and labels and settings.hint not in labels:
        raise InvalidInput(f"hint {settings.hint!r}: expected wrong, or one of the options {', '.join(labels)}")
