"""The pass of `audit` over the checkers that are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tokenworth.core.document import About
from tokenworth.core.measure import Fold
from tokenworth.errors import InvalidInput
from tokenworth.methods.audit.document import AuditDoc
from tokenworth.methods.audit.settings import AuditSettings
from tokenworth.tasks.audit.attack import Checker
from tokenworth.tasks.audit.card import Card, audit
from tokenworth.tasks.audit.checkers import SURFACES, checker_for
from tokenworth.tasks.load import load_task


def graders(settings: AuditSettings) -> Iterator[tuple[str, object]]:
    """The names of the checkers to attack."""
    return ((name, name) for name in (SURFACES if settings.grader == "all" else (settings.grader,)))


class AuditFold(Fold):
    """One pass of `audit`."""

    def __init__(self, settings: AuditSettings) -> None:
        self._settings = settings
        self._cards: list[Card] = []

    def add(self, where: str, record: object) -> None:
        """Attacks the checker of this name."""
        del where
        chosen, name = self._settings, str(record)
        checker = checker_for(name, kind=chosen.kind)
        items = _items(checker, chosen.task, chosen.problems, chosen.seed)
        self._cards.append(
            audit(
                checker.check, checker.surface, items, grader=name, version=checker.version,
                seed=chosen.seed, level=chosen.level, limit_s=chosen.seconds,
            )
        )  # fmt: skip

    def document(self, about: About) -> AuditDoc:
        """The cards."""
        return AuditDoc(cards=tuple(self._cards), provenance=about.provenance)

    def exit_code(self) -> int:
        """1 where a wrong answer was accepted, 3 where of some attack nothing is known."""
        if not all(card.is_sound for card in self._cards):
            return 1
        return 3 if any(card.unknown for card in self._cards) else 0


def _items(checker: Checker, task: str | None, count: int, seed: int) -> Sequence[Any]:
    """Drawn problems, or the first ones of a task whose gold answer can be read with certainty."""
    if task is None:
        return checker.surface.make(count, np.random.default_rng(seed))
    problems = load_task(task)
    found: list[Any] = []
    for problem in problems:
        item = checker.surface.of(problem)
        if item is not None:
            found.append(item)
        if len(found) == count:
            break
    if not found:
        raise InvalidInput(
            f"task {task!r} has no problem to audit {checker.name} with; expected answers of the kind {checker.surface.name} "
            "whose truth is certain, or leave --task away"
        )
    return found
