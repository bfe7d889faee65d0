"""The card of a checker: what it said of answers whose truth was known, class by class."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import numpy as np

from tokenworth.core.problem import Problem
from tokenworth.errors import InvalidInput
from tokenworth.stats.proportion import beta_limits
from tokenworth.tasks.audit.attack import Attack, Check, Claim, Surface

SECONDS = 20.0
"""How long one call may take; a longer one is counted as a failure of the checker and decides nothing."""
_MOST_HANGS = 3
_MAX_WITNESS = 400
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """An answer that shows a fault. ``text`` may be cut: then ``chars`` is longer. ``said`` is the verdict, or what was raised."""

    problem: str
    gold: str | None
    text: str
    chars: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attack. tried = accepted + refused + unread + failed; ``skipped`` were not tried, after three calls had hung.

    ``faulty``: of ``items`` items, how many had an answer on which the checker is at fault (accepted though wrong; not accepted though
    right); ``low`` and ``high``: exact limits of that share. 0 of n items leaves ``high`` = 1 − (α/2)^(1/n). None for an open claim, and
    where nothing is known: ``items`` counts those with one verdict at least, and there is none. ``failed``: the checker raised or ran out
    of time. ``slowest_s``: its longest call.
    """

    attack: str
    claim: Claim
    truth: str
    tried: int
    accepted: int
    refused: int
    unread: int
    failed: int
    skipped: int
    items: int
    faulty: int | None
    low: float | None
    high: float | None
    slowest_s: float
    witness: Witness | None
    failure: Witness | None

    @property
    def is_unknown(self) -> bool:
        """Whether there were answers and the checker gave no verdict on any."""
        return self.items == 0 and self.tried + self.skipped > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What an audit found. ``unsound``: wrong answers accepted; ``incomplete``: right ones not; ``failed``: calls without a verdict.

    ``unknown``: attacks of wrong answers on none of which the checker gave a verdict: whether it accepts such answers is not known.
    """

    grader: str
    kind: str
    version: str
    items: int
    seed: int
    level: float
    wrong_tried: int
    unsound: int
    right_tried: int
    incomplete: int
    failed: int
    unknown: int
    seconds: float
    rows: tuple[Row, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no wrong answer was accepted: evidence, not proof."""
        return self.unsound == 0


class _Late(BaseException):
    """Not an `Exception`, so that a checker that catches everything does not catch this too."""


@contextlib.contextmanager
def _limited(seconds: float) -> Generator[None, None, None]:
    """Ends what runs inside after that long, where the platform can: in the main thread of a POSIX system."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ask(check: Check, problem: Problem, text: str, limit_s: float) -> tuple[bool | None, str, float]:
    """(verdict, what went wrong or "", seconds)."""
    began = time.perf_counter()
    said: bool | None = None
    failure = ""
    try:
        with _limited(limit_s):
            said = check(problem, text)
    except _Late:
        failure = f"no answer in {limit_s:g} s"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the checker under audit raises is a finding, `sys.exit` included
        failure = f"{type(error).__name__}: {str(error)[:200]}"
    return said, failure, time.perf_counter() - began


class _Count:
    def __init__(self, attack: Attack[Any]) -> None:
        self.attack = attack
        self.said: dict[bool | None, int] = {True: 0, False: 0, None: 0}
        self.failed = self.skipped = self.hung = self.items = self.faulty = 0
        self.slowest = 0.0
        self.witness: Witness | None = None
        self.failure: Witness | None = None

    def item(self, check: Check, problem: Problem, texts: Sequence[str], limit_s: float) -> None:
        """Tries all answers to one item."""
        faults = verdicts = 0
        for text in texts:
            if self.hung >= _MOST_HANGS:
                self.skipped += 1
                continue
            said, failure, seconds = _ask(check, problem, text, limit_s)
            self.slowest = max(self.slowest, seconds)
            if failure:
                self.failed += 1
                self.hung += seconds >= limit_s
                self.failure = self.failure or _witness(problem, text, failure)
                continue
            self.said[said] += 1
            verdicts += 1
            if (said is True) == (self.attack.claim is Claim.WRONG) and self.attack.claim is not Claim.OPEN:
                faults += 1
                words = {True: "accepted", False: "refused", None: "read no answer"}
                self.witness = self.witness or _witness(problem, text, words[said])
        self.items += verdicts > 0
        self.faulty += faults > 0

    def row(self, level: float) -> Row:
        low = high = None
        is_known = self.attack.claim is not Claim.OPEN and self.items > 0
        if is_known:
            limits = beta_limits(np.array([float(self.faulty)]), np.array([float(self.items)]), level)
            low, high = float(limits[0][0]), float(limits[1][0])
        tried = sum(self.said.values()) + self.failed
        return Row(
            attack=self.attack.name, claim=self.attack.claim, truth=self.attack.truth, tried=tried, accepted=self.said[True],
            refused=self.said[False], unread=self.said[None], failed=self.failed, skipped=self.skipped, items=self.items,
            faulty=self.faulty if is_known else None, low=low, high=high, slowest_s=self.slowest,
            witness=self.witness, failure=self.failure,
        )  # fmt: skip


def _witness(problem: Problem, text: str, said: str) -> Witness:
    return Witness(problem=problem.question[:_MAX_WITNESS], gold=problem.gold, text=text[:_MAX_WITNESS], chars=len(text), said=said)


def audit(
    check: Check,
    surface: Surface[T],
    items: Sequence[T],
    *,
    grader: str,
    version: str,
    seed: int,
    level: float = 0.95,
    limit_s: float = SECONDS,
) -> Card:
    """The card of a checker on these items: every attack of the surface on every item.

    Answers are drawn from streams named by seed, attack and index of the item, so that a card does not depend on which attacks ran before.
    The limits are of the share of items with a fault, items being independent draws; the answers to one item are not.

    Raises: InvalidInput without items, or when every single call failed: then nothing was found out.
    """
    if not items:
        raise InvalidInput(f"no item to audit {grader} with; expected at least one problem whose gold answer fits the kind {surface.name}")
    began, counts = time.perf_counter(), [_Count(attack) for attack in surface.attacks]
    for index, item in enumerate(items):
        for count in counts:
            stream = np.random.default_rng([seed, index, zlib.crc32(count.attack.name.encode())])
            texts = list(dict.fromkeys(count.attack.answers(item, stream)))
            if texts:
                count.item(check, surface.problem(item), texts, limit_s)
    rows = tuple(count.row(level) for count in counts)
    if all(row.failed == row.tried for row in rows):
        failure = next((row.failure.said for row in rows if row.failure), "no call was made")
        raise InvalidInput(f"cannot audit {grader}: every call failed, the first with {failure}")
    wrong = [row for row in rows if row.claim is Claim.WRONG]
    right = [row for row in rows if row.claim is Claim.RIGHT]
    return Card(
        grader=grader, kind=surface.name, version=version, items=len(items), seed=seed, level=level, rows=rows,
        wrong_tried=sum(row.tried for row in wrong), unsound=sum(row.accepted for row in wrong),
        right_tried=sum(row.tried for row in right), incomplete=sum(row.refused + row.unread for row in right),
        failed=sum(row.failed for row in rows), unknown=sum(row.is_unknown for row in wrong), seconds=time.perf_counter() - began,
    )  # fmt: skip
