"""From documents of one table over many problems to their views."""

from __future__ import annotations

from collections.abc import Iterator

from tokenworth.core.document import ModelDoc, Number, TabledDoc
from tokenworth.core.sampling import Sampling
from tokenworth.methods.edits.document import EditGroupDoc, EditsDoc, EstimateDoc
from tokenworth.methods.modulo.document import ArmDoc, CountDoc, ModuloDoc
from tokenworth.report.facts import sampler_text
from tokenworth.report.inert import whole
from tokenworth.report.sheet_model import SheetCell, SheetColumn, SheetView

Facts = Iterator[tuple[str, str]]


def sheet_view(doc: TabledDoc) -> SheetView:
    """The table of a document."""
    return edits_sheet(doc) if isinstance(doc, EditsDoc) else modulo_sheet(doc)


# -- edits ----------------------------------------------------------------------------------------------------------------------------

_PLACE_TOLD = {"edit": "rollouts go on after the edit", "plan": "the whole trace is kept, the plan is drawn"}
_BASE_TOLD = {"solver": "the solver's valid traces", "model": "the model's valid traces"}
_REPAIR_TOLD = {"solver": ", of repair the solver's with one rule broken", "model": ", of repair the model's invalid ones"}
_EDIT_COLUMNS = (
    SheetColumn(name="edit", kind="text"),
    SheetColumn(name="mazes", kind="count"),
    SheetColumn(name="n before/after", kind="count"),
    SheetColumn(name="P before", kind="share"),
    SheetColumn(name="P after", kind="share"),
    SheetColumn(name="difference", kind="difference"),
    SheetColumn(name="valid before", kind="share"),
    SheetColumn(name="valid after", kind="share"),
    SheetColumn(name="unknown", kind="count"),
)


def edits_sheet(doc: EditsDoc) -> SheetView:
    """Edits by kind, in the order asked for: P(plan correct) before and after, and the difference."""
    base = _BASE_TOLD.get(doc.base, doc.base) + (_REPAIR_TOLD.get(doc.base, "") if "repair" in doc.codes else "")
    caption = f"{_PLACE_TOLD.get(doc.place, doc.place)}; base: {base}; {doc.level:.0%} intervals"
    order = {code: place for place, code in enumerate(doc.codes)}
    groups = sorted(doc.groups, key=lambda group: order.get(group.edit, len(order)))
    return SheetView(
        title=whole(f"Edits of traces: {doc.task}, {doc.model.name}"),
        lead=(),
        caption=whole(caption) if groups else "no edit could be made; see the notes",
        level=doc.level,
        columns=_EDIT_COLUMNS,
        rows=tuple(_edit_row(group) for group in groups),
        facts=_whole(_edit_facts(doc)),
        notes=tuple(map(whole, doc.notes)),
    )


def _edit_facts(doc: EditsDoc) -> Facts:
    sampler = Sampling(temperature=doc.temperature, top_k=doc.top_k, top_p=doc.top_p, min_p=doc.min_p, max_tokens=0)
    yield from _model_facts(doc.model)
    yield "task", f"{doc.task}, items {doc.item}"
    yield "rollouts", f"{doc.rollouts:,} of each arm of each edit"
    yield "sampler", sampler_text(sampler)
    yield "seed", str(doc.seed)
    if doc.alone:
        yield "edits", "those that break no other rule at their event first"
    yield from _made(doc.version, doc.created, doc.command)


def _edit_row(group: EditGroupDoc) -> tuple[SheetCell, ...]:
    return (
        _plain(whole(group.edit)),
        _plain(f"{group.instances:,}"),
        _plain(f"{group.rollouts_before}/{group.rollouts_after}"),
        _estimate(group.before, sign=(group.before.low or 0) < 0),
        _estimate(group.after, sign=(group.after.low or 0) < 0),
        _estimate(group.difference, sign=True),
        _value(group.trace_valid_before),
        _value(group.trace_valid_after),
        _plain(f"{group.unknown_before}/{group.unknown_after}"),
    )


# -- modulo ---------------------------------------------------------------------------------------------------------------------------

_PLAN_NAMES = {"n_samples": "samples", "share": "unsound share"}
_ARM_COLUMNS = (
    SheetColumn(name="arm", kind="text", width=26),
    SheetColumn(name="right", kind="share", width=22, right=True),
    SheetColumn(name="answered", kind="count", width=10, right=True),
    SheetColumn(name="wrong", kind="count", width=7, right=True),
    SheetColumn(name="right of answered", kind="share", width=23, right=True),
    SheetColumn(name="tokens", kind="count", width=10, right=True),
    SheetColumn(name="than loop", kind="difference", width=24, right=True),
)


def modulo_sheet(doc: ModuloDoc) -> SheetView:
    """The arms on the same draws: right answers, wrong ones, what they cost, and the difference from the loop."""
    accepted = [one.attempts[one.accepted] for one in doc.items if one.accepted is not None]
    by = sorted({f"{who.critic} {who.version} ({who.level})" for attempt in accepted for who in attempt.accepted_by})
    spent = sum(one.generated_tokens for one in doc.items)
    told = f"{len(accepted)} of {len(doc.items)} problems have an accepted answer; {spent:,} tokens generated"
    tokens = doc.plan.get("max_tokens")
    budget = f"{doc.plan.get('max_attempts')} draws" if tokens is None else f"{tokens:,} generated tokens"
    unsound = [] if doc.is_sound else ["This verifier is UNSOUND: it may accept wrong answers."]
    short = f"in {doc.short} of {len(doc.items)} problems the shared draws end before the budget; more --max-attempts let all arms spend it"
    return SheetView(
        title=whole(f"Generate and test: {doc.task}, {doc.model.name}"),
        lead=tuple(map(whole, (told + (f"; accepted by {', '.join(by)}" if by else ""), *unsound))),
        caption=f"Arms on the same draws, each within {budget} a problem:",
        level=_level(doc),
        columns=_ARM_COLUMNS,
        rows=tuple(_arm_row(arm) for arm in doc.arms),
        facts=_whole(_modulo_facts(doc)),
        notes=(short,) if doc.short else (),
    )


def _level(doc: ModuloDoc) -> float:
    level = doc.plan.get("level")
    assert isinstance(level, float)
    return level


def _modulo_facts(doc: ModuloDoc) -> Facts:
    yield from _model_facts(doc.model)
    failed = f", and {doc.failed} that failed" if doc.failed else ""
    yield "task", f"{doc.task}, {len(doc.items)} problem{'s' * (len(doc.items) != 1)}{failed}"
    yield "verifier", ", ".join(f"{one.critic} {one.version} ({one.level})" for one in doc.verifiers)
    yield "sampler", f"{sampler_text(doc.sampling)}, at most {doc.sampling.max_tokens:,} tokens"
    for name, value in doc.plan.items():
        if name != "level" and value is not None:
            yield _PLAN_NAMES.get(name, name.replace("_", " ")), str(value)
    yield from _made(doc.provenance.version, doc.provenance.created, doc.provenance.command)


def _arm_row(arm: ArmDoc) -> tuple[SheetCell, ...]:
    versus = arm.versus
    return (
        _plain(whole(arm.name)),
        _count(arm.solved),
        _plain(str(arm.answered.k)),
        _plain(f"{arm.n_wrong} +{arm.n_unknown}?" if arm.n_unknown else str(arm.n_wrong)),
        _count(arm.right_of_answered),
        _plain(f"{arm.tokens:,}"),
        _plain("")
        if versus is None
        else SheetCell(
            text=f"{versus.difference:+.2f} ({versus.low:+.2f} to {versus.high:+.2f})",
            main=f"{versus.difference:+.2f}",
            value=versus.difference,
            low=versus.low,
            high=versus.high,
        ),
    )


# -- cells ----------------------------------------------------------------------------------------------------------------------------


def _plain(text: str) -> SheetCell:
    return SheetCell(text=text, main=text)


def _count(count: CountDoc) -> SheetCell:
    if not count.n:
        return _plain("-")
    main = f"{count.k}/{count.n}"
    return SheetCell(
        text=f"{main} ({count.low:.2f} to {count.high:.2f})", main=main, value=count.k / count.n, low=count.low, high=count.high
    )


def _number(x: Number, *, sign: bool) -> str:
    return "–" if x is None else f"{x:+.2f}" if sign else f"{x:.2f}"


def _estimate(estimate: EstimateDoc, *, sign: bool) -> SheetCell:
    main, low, high = (_number(x, sign=sign) for x in (estimate.value, estimate.low, estimate.high))
    return SheetCell(text=f"{main} [{low}, {high}]", main=main, value=estimate.value, low=estimate.low, high=estimate.high)


def _value(estimate: EstimateDoc | None) -> SheetCell:
    """A number whose limits the terminal has no room for."""
    if estimate is None:
        return _plain("–")
    main = _number(estimate.value, sign=False)
    return SheetCell(text=main, main=main, value=estimate.value, low=estimate.low, high=estimate.high)


def _model_facts(model: ModelDoc) -> Facts:
    yield "model", model.name
    if model.fingerprint:
        yield "fingerprint", model.fingerprint


def _made(version: str, created: str, command: str) -> Facts:
    yield "version", f"tokenworth {version}"
    if created:
        yield "made", created
    if command:
        yield "command", command


def _whole(facts: Facts) -> tuple[tuple[str, str], ...]:
    return tuple((whole(label), whole(value)) for label, value in facts)
