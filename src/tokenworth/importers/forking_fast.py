"""Stores of Forking Fast: outcome categories of forced tokens along a base trace (`rowNNN.json[.gz]`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Option, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.branching import ASSUMPTION, Branch, Column, by_cut, share_at, verdicts_of
from tokenworth.importers.files import beginning, count_of, gold_note, list_of, objects_of, rate_of, read_object, text_of, texts_of
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.tasks.target import GOLD, LABEL

UNKNOWN = "Other"
"""Their category of a rollout of which no letter was found."""
_ROUNDING = 1e-3


def forking_fast_row(path: Path) -> CurveDoc:
    """The value curve of one store: P(gold letter) at each place, tokens weighted by their renormalised probability.

    Raises InvalidInput naming the file.
    """
    row, where = read_object(path), str(path)
    meta, base = _object(row, "meta", where), _object(row, "base", where)
    labels = texts_of(row, "categories", where)
    pieces = texts_of(base, "token_texts", where)
    ids = tuple(count_of(one, "a token id", where) for one in list_of(base, "gen_ids", where))
    if len(ids) != len(pieces) or len(set(labels)) != len(labels) or not labels:
        raise InvalidInput(f"{where}: expected as many token_texts as gen_ids, and categories that differ from each other")
    cuts = tuple(count_of(one, "an entry of 'idxs'", where) for one in list_of(row, "idxs", where))
    branches = tuple(_branches(row, labels, pieces, where))
    places = by_cut(branches)
    if not cuts or any(b <= a for a, b in zip(cuts, cuts[1:], strict=False)) or cuts[-1] > len(pieces) or not places.keys() <= set(cuts):
        raise InvalidInput(f"{where}: 'idxs' must rise within the {len(pieces)} tokens of the base and name the place of every branch")
    told = _told(row, cuts, labels, where)
    problem = _problem(meta, path)
    gold = problem.gold if problem.gold in labels else None
    target = gold or _last(told, labels) or labels[0]
    measured = [places.get(cut, []) for cut in cuts]
    columns, differ = _columns(measured, labels, told)
    value = columns[target]
    kept = [sum(one.p for one in here) for here in measured if here]
    return CurveDoc(
        problem=problem,
        model=ModelDoc(name=str(meta.get("model") or "unknown")[:200]),
        plan=PlanDoc(name="plain", samples=_samples(row, branches), interval="wilson", assumption=ASSUMPTION),
        trace=TraceDoc(unit="token", pieces=pieces, ids=ids),
        cuts=cuts,
        value=tuple(value.value),
        low=tuple(value.low),
        high=tuple(value.high),
        level=LEVEL,
        n_effective=tuple(value.n),
        n_started=tuple(sum(one.n for one in here) for here in measured),
        verdicts=verdicts_of(measured, target, UNKNOWN, LEVEL) if gold is not None else None,
        outcomes={label: tuple(column.value) for label, column in columns.items()},
        outcomes_low={label: tuple(column.low) for label, column in columns.items()},
        outcomes_high={label: tuple(column.high) for label, column in columns.items()},
        branches=tuple(one.document() for one in branches),
        rollouts=sum(one.n for one in branches),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=path.name),
        value_label="P(correct)" if gold is not None else f"P({target})",
        target=GOLD if gold is not None else f"{LABEL}{target}",
        notes=tuple(_notes(kept, differ, len(cuts) - len(kept), meta, gold)),
    )


def _columns(
    measured: Sequence[Sequence[Branch]], labels: Sequence[str], told: Sequence[Sequence[float]] | None
) -> tuple[dict[str, Column], int]:
    """The share of each label at each place, of the draws or else as the source gives it; how often these two differ."""
    columns, differ = {label: Column() for label in labels}, 0
    for index, here in enumerate(measured):
        for k, label in enumerate(labels):
            found, n = share_at(here, (label,), LEVEL)
            theirs = None if told is None else told[index][k]
            differ += found.value is not None and theirs is not None and abs(found.value - theirs) > _ROUNDING
            columns[label].add(found if here else Estimate(value=theirs, low=None, high=None), n)
    return columns, differ


def _object(row: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value: object = row.get(key)
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: {key!r} must be an object")
    return cast("dict[str, Any]", value)


def _branches(row: dict[str, Any], labels: Sequence[str], pieces: Sequence[str], where: str) -> Iterator[Branch]:
    seen = set[tuple[int, int]]()
    for one in objects_of(row, "branches", where):
        cut, token = count_of(one.get("t"), "'t' of a branch", where), count_of(one.get("tok_id"), "'tok_id' of a branch", where)
        counts = Counter(texts_of(one, "answers", where))
        other = next((label for label in counts if label not in labels), None)
        if other is not None:
            raise InvalidInput(f"{where}: a branch at {cut} has the answer {other[:40]!r}; expected one of {', '.join(labels)[:80]}")
        if (cut, token) in seen or cut >= max(1, len(pieces)):
            raise InvalidInput(f"{where}: token {token} at place {cut} stands twice, or behind the last of {len(pieces)} tokens")
        seen.add((cut, token))
        is_base = one.get("is_base") is True
        text = pieces[cut] if is_base and cut < len(pieces) else f"#{token}"
        yield Branch(cut=cut, text=text, token=token, p=rate_of(one.get("tok_p"), "'tok_p'", where), is_base=is_base, counts=counts)


def _told(row: dict[str, Any], cuts: Sequence[int], labels: Sequence[str], where: str) -> list[list[float]] | None:
    """Their own distribution at each place."""
    if row.get("o_t_full") is None:
        return None
    found = [
        [rate_of(x, "'o_t_full'", where) for x in cast("list[object]", one)]
        for one in list_of(row, "o_t_full", where)
        if isinstance(one, list)
    ]
    if len(found) != len(cuts) or any(len(one) != len(labels) for one in found):
        raise InvalidInput(f"{where}: 'o_t_full' must have {len(cuts)} lists of {len(labels)} numbers, one for each of 'idxs'")
    return found


def _last(told: Sequence[Sequence[float]] | None, labels: Sequence[str]) -> str | None:
    return None if not told else labels[max(range(len(labels)), key=lambda k: told[-1][k])]


def _samples(row: dict[str, Any], branches: Sequence[Branch]) -> int | None:
    given: object = row.get("s")
    most = max((one.n for one in branches), default=0)
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 < given < 1 << 31 else most or None


def _problem(meta: dict[str, Any], path: Path) -> Problem:
    where = str(path)
    choices = texts_of(meta, "choices", where)
    if len(choices) > 26:
        raise InvalidInput(f"{where}: {len(choices)} choices; expected at most 26")
    options = tuple(Option(label=label, text=text) for label, text in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", choices, strict=False))
    gold: object = meta.get("answer_letter")
    known = gold if isinstance(gold, str) and gold in {one.label for one in options} else None
    name = path.name.removesuffix(".gz").removesuffix(".json")
    return Problem(id=name, question=text_of(meta, "question", where), options=options, gold=known, task="forking-fast")


def _notes(kept: Sequence[float], differ: int, bare: int, meta: dict[str, Any], gold: str | None) -> Iterator[str]:
    yield (
        "At each place likely tokens were forced and so many rollouts drawn of each; a value weighs these tokens by their probability, "
        "renormalised over those that were kept."
    )
    if kept and min(kept) < 1:
        yield f"The tokens that were kept have a probability of {sum(kept) / len(kept):.2f} in the mean and {min(kept):.2f} at least."
    yield (
        "The source keeps the categories of rollouts and neither their texts nor, here, their order; sampling parameters and texts of "
        "tokens other than the base's are not in the file: such a token is shown by its id."
    )
    if bare:
        yield f"{bare} places have no branch in the file: their values are the source's own, without limits."
    if differ:
        yield f"{differ} of the source's own shares differ by more than {_ROUNDING} from those of its draws; the draws are shown."
    answer: object = meta.get("answer_letter")
    if gold is None:
        yield gold_note(str(answer))


ROWS = Importer(
    reads="a store of Forking Fast, row*.json[.gz]",
    patterns=("row*.json", "row*.json.gz", "*/row*.json", "*/row*.json.gz"),
    claims=lambda path: path.suffix in (".json", ".gz") and all(f'"{key}"' in beginning(path) for key in ("meta", "row_id")),
    read=lambda path: (forking_fast_row(path),),
)
