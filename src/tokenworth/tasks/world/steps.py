"""Family *steps*: chains of small-integer operations, with slips and re-checks in the training traces."""

from __future__ import annotations

from dataclasses import dataclass

from tokenworth.tasks.world.draws import KeyedDraws
from tokenworth.tasks.world.item import LABELS, WorldQuestion, place_options
from tokenworth.tasks.world.lexicon import PEOPLE, THINGS_COUNTED

# Lengths are drawn with these weights; two-step chains are the ones a model can learn to do in one look.
_LENGTHS = (2, 3, 4, 5)
_LENGTH_WEIGHTS = (0.3, 0.3, 0.25, 0.15)
_TOP = 60
_FAR_OPTIONS = 0.25


_MORE = ("gets {n} more", "finds {n} more", "buys {n} more")
_LESS = ("gives away {n}", "loses {n}", "sells {n}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One operation: ``plus`` or ``minus`` an amount, or ``twice`` (amount 2)."""

    kind: str
    amount: int

    def result(self, before: int) -> int:
        """The right result of the operation."""
        if self.kind == "plus":
            return before + self.amount
        return before - self.amount if self.kind == "minus" else 2 * before

    def hard(self, before: int) -> bool:
        """Whether the operation crosses a ten (a carry or a borrow), where slips are common."""
        if self.kind == "plus":
            return before % 10 + self.amount >= 10
        return before % 10 < self.amount if self.kind == "minus" else before % 10 >= 5

    def slipped(self, before: int) -> int:
        """The one wrong result this operation is prone to: off by one, towards the start.

        A single wrong result, not a spread of them, keeps slips likely when sampling sharpens the distribution.
        """
        right = self.result(before)
        return right + 1 if self.kind == "minus" else right - 1

    def sentence(self, before: int, result: int) -> str:
        """The operation as a trace states it."""
        if self.kind == "twice":
            return f"Twice {before} is {result}."
        return f"{before} {self.kind} {self.amount} is {result}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The numbers behind a question."""

    start: int
    steps: tuple[ChainStep, ...]
    noun: str


def build(draws: KeyedDraws) -> WorldQuestion[Chain]:
    """A question drawn from the stream."""
    length = draws.weighted(_LENGTHS, _LENGTH_WEIGHTS)
    start = value = draws.between(3, 19)
    steps: list[ChainStep] = []
    for _ in range(length):
        step = _draw_step(value, draws)
        steps.append(step)
        value = step.result(value)
    chain = Chain(start=start, steps=tuple(steps), noun=draws.choice(THINGS_COUNTED))
    options = place_options(str(value), [str(other) for other in _distractors(chain, value, draws)], draws)
    moves = " ".join(f"{step.kind} {step.amount}" for step in steps)
    listed = " ".join(sorted(options))
    return WorldQuestion(
        content=f"steps: {start} {moves}: {listed}",
        question=_question(chain, draws),
        options=options,
        gold=str(value),
        plan=chain,
    )


def _draw_step(value: int, draws: KeyedDraws) -> ChainStep:
    kinds: list[str] = []
    if value <= _TOP - 9:
        kinds += ["plus"] * 4
    if value >= 4:
        kinds += ["minus"] * 4
    if 2 <= value <= _TOP // 3:
        kinds += ["twice"]
    kind = draws.choice(kinds)
    if kind == "twice":
        return ChainStep(kind=kind, amount=2)
    return ChainStep(kind=kind, amount=draws.between(2, min(9, value - 1) if kind == "minus" else 9))


def _question(chain: Chain, draws: KeyedDraws) -> str:
    name = draws.choice(PEOPLE)
    parts = [f"{name} has {chain.start} {chain.noun}."]
    for number, step in enumerate(chain.steps):
        who = "Then the number doubles" if step.kind == "twice" else name if number == 0 else f"Then {name}"
        if step.kind == "twice":
            parts.append(f"{who}.")
        else:
            parts.append(f"{who} {draws.choice(_MORE if step.kind == 'plus' else _LESS).format(n=step.amount)}.")
    parts.append(f"How many {chain.noun} does {name} have?")
    return " ".join(parts)


def _distractors(chain: Chain, gold: int, draws: KeyedDraws) -> list[int]:
    if draws.chance(_FAR_OPTIONS):
        # Far options: the size of the result is enough, so a guess without a trace can do well.
        gaps = draws.sample([-36, -30, -24, -18, -12, 12, 18, 24, 30, 36], 10)
        far = [gold + gap for gap in gaps if 0 <= gold + gap <= 99]
        return far[: len(LABELS) - 1]
    near = [end for end in _ends_with_one_slip(chain) if end != gold]
    pool = [gold + gap for gap in (-3, -2, -1, 1, 2, 3) if gold + gap >= 0]
    wanted = list(dict.fromkeys(draws.shuffled(sorted(set(near))) + draws.shuffled(pool)))
    return wanted[: len(LABELS) - 1]


def _ends_with_one_slip(chain: Chain) -> list[int]:
    ends: list[int] = []
    for at in range(len(chain.steps)):
        value = chain.start
        for number, step in enumerate(chain.steps):
            value = step.slipped(value) if number == at and step.hard(value) else step.result(value)
        ends.append(value)
    return ends
