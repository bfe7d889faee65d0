"""Edits of a part of a trace: a cut, a sentence, words, and text that is added."""

from __future__ import annotations

import re
from dataclasses import replace

from tokenworth.errors import InvalidInput
from tokenworth.methods.intervene.entry import Made, Material, TraceChange, TraceEdit
from tokenworth.methods.intervene.text import NOT_WRITTEN, Spliced, TextPatch, TokenText
from tokenworth.methods.intervene.whole import repeated

NO_SENTENCE = "the trace has a single sentence"
_NEGATED = (
    (re.compile(r"\b(is|are|was|were|can|could|will|would|should|must|does|do|did|has|have) not\b"), r"\1"),
    (re.compile(r"\b(is|are|was|were|can|could|will|would|should|must)\b"), r"\1 not"),
    (re.compile(r"="), "≠"),
)
"""Rules by which a sentence is negated; the first that applies does, at its first place."""


def changed(material: Material, made: Spliced | str, told: str, *, toward: str | None = None, restated: str = "") -> Made:
    """The change of a part of the trace: the rest is drawn anew or kept, as the settings say."""
    if isinstance(made, str):
        return made
    if made.ids == material.ids:
        return "the edit changes nothing"
    n, keep = len(material.ids), material.settings.rest == "keep"
    return TraceChange(
        ids=made.ids,
        cut=len(made.ids) if keep else made.last,
        base_cut=n if keep else made.base_last,
        closed=keep,
        first=made.first,
        last=made.last,
        base_last=made.base_last,
        told=told,
        toward=toward,
        restated=restated,
    )


def _kept(change: Made, material: Material) -> Made:
    """The change with the rest of the trace kept: a model that writes the rest anew would write the part again."""
    if isinstance(change, str):
        return change
    return replace(change, cut=len(change.ids), base_cut=len(material.ids), closed=True)


def _truncate(material: Material) -> Made:
    n = len(material.ids)
    if n < 2:
        return "the trace has a single token"
    cut = 1 + material.place(n - 1)
    made = Spliced(material.ids[:cut], cut, cut, n)
    return _kept(changed(material, made, f"the first {cut:,} of {n:,} tokens"), material)


def _drop(material: Material) -> Made:
    runs = material.text.sentences()
    if len(runs) < 2:
        return NO_SENTENCE
    at = material.place(len(runs))
    first, last = runs[at]
    made = Spliced(material.ids[:first] + material.ids[last:], first, first, last)
    return _kept(changed(material, made, f"without sentence {at + 1} of {len(runs)}"), material)


def _negate(material: Material) -> Made:
    runs = material.text.sentences()
    able = [run for run in runs if _negated(_said(material.text, run)) is not None]
    if not able:
        return "no sentence can be negated by a rule"
    run = able[material.place(len(able))]
    start, end, text = _negated(_said(material.text, run)) or (0, 0, "")
    at = int(material.text.offsets[run[0]])
    made = material.text.splice([TextPatch(at + start, at + end, text)])
    return changed(material, made, f"sentence {runs.index(run) + 1} of {len(runs)} negated")


def _said(text: TokenText, run: tuple[int, int]) -> bytes:
    return text.bytes[text.offsets[run[0]] : text.offsets[run[1]]]


def _negated(sentence: bytes) -> tuple[int, int, str] | None:
    """Where the sentence is negated, as bytes, and what stands there then."""
    said = sentence.decode("utf-8", "surrogateescape")
    for rule, text in _NEGATED:
        if (found := rule.search(said)) is not None:
            start, end = (len(said[:at].encode("utf-8", "surrogateescape")) for at in found.span())
            return start, end, found.expand(text)
    return None


def _replace(material: Material) -> Made:
    assert material.other is not None
    runs, others = material.text.sentences(), material.other.sentences()
    if not runs or not others:
        return "there is no sentence to replace, or to put in its place"
    at, other = material.place(len(runs)), others[int(material.rng.integers(len(others)))]
    (first, last), put = runs[at], material.other.ids[slice(*other)]
    made = Spliced(material.ids[:first] + put + material.ids[last:], first, first + len(put), last)
    return changed(material, made, f"sentence {at + 1} of {len(runs)} replaced by one of another problem's trace")


def _insert(material: Material) -> Made:
    settings = material.settings
    cuts = [run[0] for run in material.text.sentences()] or [0]
    cut = cuts[material.place(len(cuts))]
    while not material.text.is_whole(cut):
        cut += 1
    ids = _added(material, settings.insert, cut)
    if ids is None:
        return NOT_WRITTEN
    labels = () if material.problem is None else material.problem.labels
    named = re.findall(r"\(([A-Za-z0-9]{1,3})\)", settings.insert) + re.findall(r"\b[Oo]ption ([A-Z])\b", settings.insert)
    toward = next((one for one in named if one in labels), None)
    made = Spliced(material.ids[:cut] + ids + material.ids[cut:], cut, cut + len(ids), cut)
    return changed(material, made, f"{settings.insert!r} added after {cut:,} tokens", toward=toward)


def _added(material: Material, text: str, cut: int) -> tuple[int, ...] | None:
    """Ids of a text at a cut, apart from what stands before and behind it by the white space that stands there in the trace."""
    after = material.text.bytes[material.text.offsets[cut] :][:1]
    shown = (
        f" {text}"
        if after == b" " or cut == len(material.ids)
        else f"{text} "
        if cut == 0
        else f"{text}\n"
        if after == b"\n"
        else f"{text} "
    )
    try:
        ids = material.codec.encode(shown)
    except InvalidInput:
        return None
    return ids if b"".join(material.codec.piece_bytes(ids)).decode("utf-8", "replace") == shown else None


def _neutral(material: Material, change: TraceChange) -> Made:
    """The neutral text at the same place, repeated and cut to exactly as many tokens."""
    n = change.last - change.first
    ids = _added(material, material.settings.neutral, change.first)
    if ids is None:
        return NOT_WRITTEN
    put = repeated(ids, n)
    if put == change.ids[change.first : change.last]:
        return "the control would add the same text"
    whole = change.ids[: change.first] + put + change.ids[change.last :]
    return replace(change, ids=whole, told=f"{n} tokens of {material.settings.neutral!r} added there", toward=None)


def _strip(material: Material) -> Made:
    words = "|".join(re.escape(word.strip()) for word in material.settings.strip)
    text = material.text.bytes.decode("utf-8", "surrogateescape")
    found = [one.span() for one in re.finditer(rf"\s*\b(?:{words})\b[,.!…]*", text, re.IGNORECASE)]
    if not found:
        return f"the trace has none of the words {', '.join(material.settings.strip)}"
    spans = ((len(text[:a].encode("utf-8", "surrogateescape")), len(text[:b].encode("utf-8", "surrogateescape"))) for a, b in found)
    made = material.text.splice([TextPatch(a, b, "") for a, b in spans])
    return _kept(changed(material, made, f"{len(found)} words taken out"), material)


def _fewer(material: Material, change: TraceChange) -> Made:
    """As many tokens fewer, taken out at random."""
    n, less = len(material.ids), len(material.ids) - len(change.ids)
    if not 0 < less < n:
        return "no tokens were taken out"
    out = set(material.rng.choice(n, size=less, replace=False).tolist())
    ids = tuple(token for i, token in enumerate(material.ids) if i not in out)
    return replace(change, ids=ids, cut=len(ids), first=min(out), last=len(ids), base_last=n, told=f"{less} tokens taken out at random")


TRUNCATE = TraceEdit(family="part", told="the trace up to a cut", make=_truncate)
DROP = TraceEdit(family="part", told="one sentence left out", make=_drop)
NEGATE = TraceEdit(family="part", told="one sentence negated by a rule", make=_negate)
REPLACE = TraceEdit(family="part", told="one sentence replaced by one of another problem's trace", make=_replace, needs_other=True)
INSERT = TraceEdit(family="insertion", told="a text added between sentences", make=_insert, control=_neutral)
STRIP = TraceEdit(family="part", told="all of some words taken out", make=_strip, control=_fewer)
