"""The derivation of `clocks`: leads of layers over the forced answer, with limits over questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from tokenworth.core.document import About, Document
from tokenworth.core.estimate import Estimate
from tokenworth.core.table import trace_id
from tokenworth.errors import InvalidInput
from tokenworth.methods.clocks.document import ClockGroup, ClocksDoc, LayerRow
from tokenworth.methods.clocks.settings import ClocksSettings
from tokenworth.methods.lens.clocks import leader
from tokenworth.methods.lens.document import LensDoc
from tokenworth.methods.survey.rows import question_key
from tokenworth.stats.band import level_of_each
from tokenworth.stats.by_cluster import mean_of, share_of

_NONE = Estimate(value=None, low=None, high=None, n=0)


def clocks_document(documents: Iterable[Document], settings: ClocksSettings, about: About) -> ClocksDoc:
    """Clocks by model, task and place. Raises InvalidInput without a lens that has a target."""
    found = {(trace_id(one.model.name, one.trace), one.place): one for one in documents if isinstance(one, LensDoc)}
    lenses = [one for one in found.values() if one.clocks is not None and one.cuts and one.trace.pieces]
    if not lenses:
        raise InvalidInput("no lens with clocks among the documents; give results of lens whose target is an option")
    groups: dict[tuple[str, str, str, int], list[LensDoc]] = {}
    for one in lenses:
        task = "" if one.problem is None else one.problem.task
        groups.setdefault((one.model.name, task, one.place, len(one.layers)), []).append(one)
    rng = np.random.default_rng(settings.seed)
    made = tuple(_group(key, group, settings, rng) for key, group in sorted(groups.items()))
    notes = [f"{len(found) - len(lenses):,} of {len(found):,} lenses have no target and are left out"] if len(found) > len(lenses) else []
    if any(one.questions == 1 for one in made):
        notes.append("a group has one question only: its numbers have no limits")
    return ClocksDoc(
        traces=len(lenses), level=settings.level, agree=settings.agree, groups=made, provenance=about.provenance, notes=tuple(notes)
    )


def _group(key: tuple[str, str, str, int], lenses: Sequence[LensDoc], settings: ClocksSettings, rng: np.random.Generator) -> ClockGroup:
    clocks = [one.clocks for one in lenses if one.clocks is not None]
    names = {name: number for number, name in enumerate(dict.fromkeys(map(_question, lenses)))}
    question = np.asarray([names[_question(one)] for one in lenses], dtype=np.int64)
    length = np.asarray([len(one.trace.pieces) for one in lenses], dtype=np.float64)
    text, forced = (np.asarray([getattr(one, name) for one in clocks], dtype=np.float64) for name in ("text", "forced"))
    deep = [layer for one in clocks for layer in one.depth if layer is not None]
    return ClockGroup(
        model=key[0],
        task=key[1],
        place=key[2],
        traces=len(lenses),
        questions=len(names),
        length=float(np.median(length)),
        text=float(np.median(text)),
        forced=float(np.median(forced)),
        text_lead=mean_of((forced - text) / length, question, level=settings.level, rng=rng),
        depth=float(np.median(deep)) if deep else None,
        layers=tuple(_rows(lenses, question, forced, length, settings, rng)),
    )


def _question(one: LensDoc) -> str:
    return question_key(one.problem, trace_id(one.model.name, one.trace))


def _rows(
    lenses: Sequence[LensDoc],
    question: Int[np.ndarray, " trace"],
    forced: Float[np.ndarray, " trace"],
    length: Float[np.ndarray, " trace"],
    settings: ClocksSettings,
    rng: np.random.Generator,
) -> Iterator[LayerRow]:
    clocks = [one.clocks for one in lenses if one.clocks is not None]
    inside = np.asarray([one.inside for one in clocks], dtype=np.float64)
    at_end = np.asarray([one.at_end for one in clocks], dtype=np.bool_)
    ahead = np.asarray([one.ahead for one in clocks], dtype=np.float64)
    last = [leader(np.asarray([[row[-1]] for row in one.share], dtype=np.float64))[:, 0] for one in lenses]
    named = np.asarray([[one.options[k] if k >= 0 else "" for k in row] for one, row in zip(lenses, last, strict=True)])
    own = np.asarray([one.target for one in clocks])
    gold = np.asarray([(one.problem.gold or "") if one.problem is not None else "" for one in lenses])
    shares = at_end.mean(axis=0)
    eligible = shares >= settings.agree * shares[-1] if shares[-1] > 0 else np.zeros(len(shares), dtype=np.bool_)
    level = level_of_each(settings.level, len(shares))
    for layer in range(len(shares)):
        lead = (forced - inside[:, layer]) / length
        mass = [one.mass[layer][-1] for one in lenses]
        known = [one for one in mass if one is not None]
        yield LayerRow(
            layer=layer,
            at_end=share_of(at_end[:, layer], question, level),
            null=_null(named[:, layer], own, question),
            gold=share_of((named[:, layer] == gold)[gold != ""], question[gold != ""], level),
            eligible=bool(eligible[layer]),
            lead=mean_of(lead, question, level=level, rng=rng) if eligible[layer] else _NONE,
            ahead=mean_of(ahead[:, layer], question, level=level, rng=rng),
            mass=float(np.mean(known)) if known else None,
        )


def _null(named: np.ndarray, own: np.ndarray, question: Int[np.ndarray, " trace"]) -> float | None:
    """How often a layer names a trace's answer on the traces of other questions."""
    other: Bool[np.ndarray, "trace trace"] = question[:, None] != question[None, :]
    return float((named[None, :] == own[:, None])[other].mean()) if other.any() else None
