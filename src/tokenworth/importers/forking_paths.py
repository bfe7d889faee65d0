"""Tables of Forking Paths: outcomes of each likely token along a base path (`idx_tok_df.csv`, and `ans_df.csv` beside it)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from tokenworth import __version__
from tokenworth.core.document import ModelDoc, Provenance, TraceDoc
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.errors import InvalidInput
from tokenworth.importers.branching import ASSUMPTION, Branch, Column, by_cut, share_at
from tokenworth.importers.files import decimal_of, digits_of, read_object, read_table
from tokenworth.importers.importer import Importer
from tokenworth.importers.sentences import LEVEL
from tokenworth.methods.curve.document import BudgetDoc, CurveDoc, PlanDoc
from tokenworth.tasks.target import GOLD, LABEL

SHARES, DRAWS, ARGS = "idx_tok_df.csv", "ans_df.csv", "args.json"
NO_ANSWER = "(none)"
"""Shown for an answer that is empty."""
_MOST_PLACES = 100_000


def forking_paths_folder(path: Path) -> CurveDoc:
    """The curve of one base path. The value is P(correct) where `args.json` beside the table has the right answer and it is one of the
    outcomes, else P(the outcome that leads at the last place).

    Raises InvalidInput naming file and line.
    """
    draws, shares = path.parent / DRAWS, path.parent / SHARES
    source = draws if draws.exists() else shares
    branches = tuple(_of_draws(draws) if source is draws else _of_shares(shares))
    if not branches:
        raise InvalidInput(f"{source}: no rows; expected one for each draw, or for each place, token and outcome")
    places = by_cut(branches)
    cuts = tuple(sorted(places))
    labels = sorted({label for one in branches for label in (one.counts if one.shares is None else one.shares)})
    columns = {label: Column() for label in labels}
    for cut in cuts:
        for label, column in columns.items():
            column.add(*share_at(places[cut], (label,), LEVEL))
    end = max(labels, key=lambda label: (columns[label].value[-1] or 0.0, label))
    problem = _problem(path.parent, labels)
    gold = None if problem is None else problem.gold
    target = gold or end
    value = columns[target]
    pieces = tuple(next((one.text for one in places.get(i, ()) if one.is_base), "") for i in range(cuts[-1] + 1))
    task, name = path.parent.parent.name, path.parent.name
    return CurveDoc(
        problem=problem,
        model=ModelDoc(name="unknown"),
        plan=PlanDoc(name="plain", samples=max(one.n for one in branches) or None, interval="wilson", assumption=ASSUMPTION),
        trace=TraceDoc(
            unit="token", pieces=pieces, outcome=end, verdict="unknown" if gold is None else "correct" if end == gold else "incorrect"
        ),
        cuts=cuts,
        value=tuple(value.value),
        low=tuple(value.low),
        high=tuple(value.high),
        level=LEVEL,
        n_effective=tuple(value.n),
        n_started=tuple(sum(one.n for one in places[cut]) for cut in cuts),
        outcomes={label: tuple(column.value) for label, column in columns.items()},
        outcomes_low={label: tuple(column.low) for label, column in columns.items()},
        outcomes_high={label: tuple(column.high) for label, column in columns.items()},
        branches=tuple(one.document() for one in branches),
        rollouts=sum(one.n for one in branches),
        budget=BudgetDoc(),
        provenance=Provenance(version=__version__, source=f"{task}/{name}/{source.name}"),
        value_label=f"P({target})" if gold is None else "P(correct)",
        target=f"{LABEL}{target}" if gold is None else GOLD,
        notes=tuple(_notes(source is draws, [sum(one.p for one in places[cut]) for cut in cuts], cuts, gold)),
    )


def _of_draws(path: Path) -> Iterator[Branch]:
    counts: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    found: dict[tuple[int, str], float] = {}
    for where, row in read_table(path, ("idx", "tok", "tok_p", "ans")):
        key = _place(row, where)
        found[key] = decimal_of(row["tok_p"], "tok_p", where)
        counts[key][row["ans"].strip()[:200] or NO_ANSWER] += 1
    for (cut, text), p, is_base in _with_base(found):
        yield Branch(cut=cut, text=text, p=p, is_base=is_base, counts=counts[cut, text])


def _of_shares(path: Path) -> Iterator[Branch]:
    shares: defaultdict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    found: dict[tuple[int, str], float] = {}
    for where, row in read_table(path, ("idx", "tok", "ans", "tok_p", "ans_mean")):
        key, label = _place(row, where), row["ans"].strip()[:200] or NO_ANSWER
        found[key] = decimal_of(row["tok_p"], "tok_p", where)
        if label in shares[key]:
            raise InvalidInput(f"{where}: outcome {label[:40]!r} stands twice for this place and token")
        shares[key][label] = decimal_of(row["ans_mean"], "ans_mean", where)
        if sum(shares[key].values()) > 1.01:
            raise InvalidInput(f"{where}: the outcomes of this place and token have shares above 1 together")
    for (cut, text), p, is_base in _with_base(found):
        yield Branch(cut=cut, text=text, p=p, is_base=is_base, shares=shares[cut, text])


def _place(row: dict[str, str], where: str) -> tuple[int, str]:
    return digits_of(row["idx"], "idx", where, most=_MOST_PLACES), row["tok"][:1000]


def _with_base(found: dict[tuple[int, str], float]) -> Iterator[tuple[tuple[int, str], float, bool]]:
    """Each place and token with its probability and whether it is the base's: of a greedy path, the likeliest."""
    best: dict[int, tuple[float, str]] = {}
    for (cut, text), p in found.items():
        if cut not in best or p > best[cut][0]:
            best[cut] = p, text
    for (cut, text), p in sorted(found.items(), key=lambda pair: (pair[0][0], -pair[1], pair[0][1])):
        yield (cut, text), p, best[cut][1] == text


def _problem(folder: Path, labels: Sequence[str]) -> Problem | None:
    """What `args.json` says was asked; gold only where it is one of the outcomes. None without the file."""
    if not (path := folder / ARGS).exists():
        return None
    row: object = read_object(path).get("row")
    fields = cast("dict[str, object]", row) if isinstance(row, dict) else {}
    asked = next((text for name in ("question", "inputs") if isinstance(text := fields.get(name), str)), "")
    said = [str(fields[name]).rpartition("####")[2].strip() for name in ("correct", "targets", "answer") if name in fields]
    # Of choices the number of the right one is given, and letters are the outcomes.
    said += ["ABCDEFGHIJ"[int(one)] for one in said if len(one) == 1 and one.isascii() and one.isdecimal() and "choices" in fields]
    gold = next((one for one in said if one in labels), None)
    return Problem(id=folder.name, question=asked, gold=gold, kind=AnswerKind.EXACT, task=folder.parent.name)


def _notes(has_draws: bool, kept: Sequence[float], cuts: Sequence[int], gold: str | None) -> Iterator[str]:
    if gold is None:
        yield f"No outcome is known to be right ({ARGS}): the value is the share of the outcome that leads at the last place."
    yield "Token ids, prompt, model and sampling parameters are not in the tables; the base's answer is what leads at the last place."
    yield "The base's token at a place is taken to be the likeliest one, as on a greedy path."
    if min(kept) < 1:
        yield (
            f"Likely tokens only were forced, of probability {sum(kept) / len(kept):.2f} in the mean and {min(kept):.2f} at least; "
            "values weigh them by it, renormalised."
        )
    if not has_draws:
        yield f"{SHARES} gives shares without the number of draws, so there are no limits; {DRAWS} beside it would give them."
    if len(cuts) <= cuts[-1]:
        yield f"{cuts[-1] + 1 - len(cuts)} places have no row and are empty here."


TABLES = Importer(
    reads=f"a folder of Forking Paths with {SHARES} or {DRAWS}",
    patterns=(SHARES, f"*/{SHARES}", f"*/*/{SHARES}", f"*/*/*/{SHARES}"),
    claims=lambda path: path.name in (SHARES, DRAWS),
    read=lambda path: (forking_paths_folder(path),),
)
