"""The shared shape of a world question: its text, its options and what the split is decided on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from tokenworth.tasks.world.draws import KeyedDraws

LABELS = ("A", "B", "C", "D")

PlanT = TypeVar("PlanT")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldQuestion(Generic[PlanT]):
    """One question before it becomes a ``Problem``.

    ``content`` is what makes two questions the same question whoever is named in it and however its options are
    ordered; train and test are separated by its hash. ``plan`` is what the family needs to write traces.
    """

    content: str
    question: str
    options: tuple[str, ...]
    gold: str
    plan: PlanT

    def label(self, text: str) -> str:
        """The label of the option with this text."""
        return LABELS[self.options.index(text)]

    @property
    def gold_label(self) -> str:
        """The label of the right option."""
        return self.label(self.gold)


def place_options(gold: str, others: list[str], draws: KeyedDraws) -> tuple[str, ...]:
    """The options with the gold one at a uniformly drawn position, the others in random order around it."""
    rest = draws.shuffled(others)
    at = draws.below(len(LABELS))
    return (*rest[:at], gold, *rest[at:])
