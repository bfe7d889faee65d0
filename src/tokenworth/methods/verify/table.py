"""Verdicts of many traces as a table that cannot mislead: trace validity, answer, and whether the plan follows from the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import isfinite

import numpy as np

from tokenworth.core.estimate import check_level
from tokenworth.core.verification import Verification
from tokenworth.methods.verify.document import ANSWER_STATES, LINK_STATES, TRACE_STATES, CellDoc, OddsDoc, ShareDoc, TableDoc
from tokenworth.stats.proportion import wilson
from tokenworth.stats.tables import odds_ratio

JointState = tuple[str, str, str]
"""(trace, link, answer) of one text: one each of `TRACE_STATES`, `LINK_STATES`, `ANSWER_STATES`."""

_KNOWN: tuple[JointState, ...] = tuple(product(TRACE_STATES[:2], LINK_STATES[:2], ANSWER_STATES[:2]))
_ORDER: Mapping[JointState, int] = {state: number for number, state in enumerate(product(TRACE_STATES, LINK_STATES, ANSWER_STATES))}
_JUDGED = TRACE_STATES[:3]
_AXES = (_JUDGED, LINK_STATES[:2], ANSWER_STATES[:2])
WORDS: Mapping[str, str] = {
    **{state: f"trace {state}" for state in _JUDGED},
    "none": "no trace",
    "follows": "plan follows",
    "differs": "plan differs",
    "correct": "answer correct",
    "incorrect": "answer incorrect",
}
"""States as shares and odds ratios name them; several at once are joined by `` and ``."""

States = tuple[str, ...]
_V, _I, _F, _C = "valid", "invalid", "follows", "correct"
_ASKED: tuple[tuple[States, States], ...] = (
    *(((state,), ()) for state in (_V, _F, _C)),
    *(((state, _C), ()) for state in (_V, _I)),
    *(((_C,), (state,)) for state in TRACE_STATES),
    *(((state,), (answer,)) for answer in ANSWER_STATES[:2] for state in _JUDGED),
    *(((_C,), (link,)) for link in LINK_STATES[:2]),
    *(((_F,), (state,)) for state in (_V, _I, *ANSWER_STATES[:2])),
    *(((_C,), (state, link)) for state in (_V, _I) for link in LINK_STATES[:2]),
    ((_F,), (_I, _C)),
    # What came later stands last: readers show the first few.
    *(((state, "incorrect"), ()) for state in (_V, _I)),
    (("unparsed",), ()),
    *(((state,), (link,)) for link in LINK_STATES[:2] for state in (_V, _I)),
    *(((_F,), facts) for facts in ((_V, _C), (_V, "incorrect"), (_I, "incorrect"))),
)
_PAIRS: tuple[tuple[str, States, States, States], ...] = (
    ("", (_V, _I), ANSWER_STATES[:2], ()),
    ("the unparsed counted as invalid", (_V, "invalid or unparsed"), ANSWER_STATES[:2], ()),
    ("", LINK_STATES[:2], ANSWER_STATES[:2], ()),
    ("", (_V, _I), LINK_STATES[:2], ()),
    *(("where ", (_V, _I), ANSWER_STATES[:2], (link,)) for link in LINK_STATES[:2]),
    *(("where ", LINK_STATES[:2], ANSWER_STATES[:2], (state,)) for state in (_V, _I)),
)


def state_of(verification: Verification, *, optimal: bool = False) -> JointState:
    """The cell that a verdict belongs in. ``optimal``: an answer is correct only if it is as short as can be.

    A text that does not parse is ``unparsed`` whatever else is known of it, and so is one whose trace could not be followed to its end;
    ``unknown`` is never counted as incorrect or differing.
    """
    if not verification.parsed or verification.undecided:
        trace = "unparsed"
    else:
        trace = "none" if verification.trace_valid is None else "valid" if verification.trace_valid else "invalid"
    link = verification.plan_follows_trace
    answer = verification.plan_valid
    if optimal and answer is not False:
        answer = verification.plan_optimal
    return trace, _told(link, LINK_STATES), _told(answer, ANSWER_STATES)


def _told(fact: bool | None, states: tuple[str, str, str]) -> str:
    return states[2] if fact is None else states[0] if fact else states[1]


def table_of(counts: Mapping[JointState, int], first_errors: Mapping[str, int], *, level: float, group: str = "") -> TableDoc:
    """The table of n texts counted by state, with score intervals for shares and exact limits for odds ratios.

    Cell: share n(t, l, a) / n of all texts. Share of A among B: n(A and B) / n(B and A is known), so that a text whose answer is
    unknown is in no denominator of ``correct``; ``unparsed`` counts as a state of the trace, ``none`` (no trace to judge) does not.
    With B empty the denominator is every text, unknown and unparsed ones included: the joint share.

    Odds ratios are of texts of which both facts are known, pooled and within each value of the third one; the first row and column of an
    `OddsDoc` are where its facts hold. Of a ratio that is infinite ``value`` and ``high`` are None; if the table does not determine it
    (a sum is 0), all four numbers are.

    Assumption: independent texts. Raises: InvalidInput for a level outside (0, 1).
    """
    check_level(level)
    present = {state: count for state, count in counts.items() if count}
    n = sum(present.values())
    states = sorted({*_KNOWN, *present}, key=lambda state: _ORDER[state])
    low, high = _limits([present.get(state, 0) for state in states], [n] * len(states), level)
    cells = tuple(
        CellDoc(
            trace=state[0],
            link=state[1],
            answer=state[2],
            n=present.get(state, 0),
            share=present.get(state, 0) / n if n else None,
            low=low[i],
            high=high[i],
        )
        for i, state in enumerate(states)
    )
    return TableDoc(
        group=group,
        n=n,
        n_unparsed=_count(present, ("unparsed",)),
        n_unknown=sum(count for state, count in present.items() if state[2] == "unknown"),
        cells=cells,
        shares=_shares(present, n, level),
        odds=tuple(_odds(present, level)),
        first_errors=dict(sorted(first_errors.items(), key=lambda item: (-item[1], item[0]))),
    )


def _count(counts: Mapping[JointState, int], what: States) -> int:
    """Number of texts of which all these facts hold; alternatives within a fact are joined by `` or ``."""
    wanted = [fact.split(" or ") for fact in what]
    return sum(count for state, count in counts.items() if all(any(name in state for name in names) for names in wanted))


def _known(what: States) -> States:
    """The fact, for each of these, that it is known whether it holds."""
    return tuple(" or ".join(axis) for fact in what for axis in _AXES if fact in axis)


def _words(what: States) -> str:
    return " and ".join(WORDS[fact] for fact in what)


def _limits(k: list[int], n: list[int], level: float) -> tuple[list[float | None], list[float | None]]:
    low, high = wilson(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64), level)
    return (
        [float(x) if m else None for x, m in zip(low, n, strict=True)],
        [float(x) if m else None for x, m in zip(high, n, strict=True)],
    )


def _shares(counts: Mapping[JointState, int], n: int, level: float) -> tuple[ShareDoc, ...]:
    ks = [_count(counts, of + given) for of, given in _ASKED]
    ns = [_count(counts, _known(of) + given) if given else n for of, given in _ASKED]
    low, high = _limits(ks, ns, level)
    return tuple(
        ShareDoc(of=_words(of), given=_words(given), k=k, n=m, value=k / m if m else None, low=low[i], high=high[i])
        for i, ((of, given), k, m) in enumerate(zip(_ASKED, ks, ns, strict=True))
    )


def _odds(counts: Mapping[JointState, int], level: float) -> Iterator[OddsDoc]:
    for note, rows, columns, given in _PAIRS:
        if "unparsed" in rows[1] and not _count(counts, ("unparsed",)):
            continue
        (a, b), (c, d) = (tuple(_count(counts, (row, column, *given)) for column in columns) for row in rows)
        table = ((a, b), (c, d))
        found = odds_ratio(table, level)
        told = note + _words(given)
        yield OddsDoc(
            rows=WORDS[rows[0]] + (f", {told}" if told else ""),
            columns=WORDS[columns[0]],
            counts=table,
            value=found.value if isfinite(found.value) else None,
            low=found.low if found.is_known else None,
            high=found.high if isfinite(found.high) else None,
            p=found.p if found.is_known else None,
        )
