"""Attacks on checkers of Countdown answers given as a search: the lines of Stream of Search that lead to the goal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, permutations

import numpy as np

from tests.audit.relaxed import cheat
from tokenworth.core.problem import AnswerKind, Problem
from tokenworth.tasks.audit import noise
from tokenworth.tasks.audit.attack import Surface, open_answers, right_answers, wrong_answers
from tokenworth.tasks.audit.hands import Hand, make_hands
from tokenworth.tasks.audit.sums import LOOSE, Move, exact, fewer, ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """One operation: a and b are taken, c is put back."""

    a: int
    op: str
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.c}"


def _first(target: int, numbers: Sequence[int]) -> str:
    return f"Current State: {target}:[{', '.join(map(str, numbers))}], Operations: []"


def _make(count: int, rng: np.random.Generator) -> list[Hand]:
    """Hands of which every fourth can lose a second copy of a number."""
    twins = iter(make_hands(count // 4, rng, lambda hand: _without_copies(hand) is not None))
    hands = make_hands(count - count // 4, rng)
    mixed = (hand for at, hand in enumerate(hands, 1) for hand in ([hand, *islice(twins, 1)] if at % 3 == 0 else [hand]))
    return [
        replace(hand, problem=Problem(id=f"countdown-{number}", question=_first(hand.target, hand.numbers), kind=AnswerKind.EXACT))
        for number, hand in enumerate(mixed)
    ]


def solves(item: Hand, steps: Sequence[Reduction]) -> bool:
    """Whether the operations are right, use numbers that are there, and leave the target alone."""
    pool = Counter(item.numbers)
    for step in steps:
        taken = Counter((step.a, step.b))
        value = {"+": step.a + step.b, "-": step.a - step.b, "*": step.a * step.b}.get(step.op)
        if step.op == "/":
            value = step.a // step.b if step.b and step.a % step.b == 0 else None
        if value is None or value != step.c or value < 0 or taken - pool:
            return False
        pool = pool - taken + Counter((step.c,))
    return bool(steps) and +pool == Counter((item.target,))


def _steps(item: Hand) -> tuple[Reduction, ...]:
    return tuple(_reductions(item.steps))


def _text(item: Hand, steps: Sequence[Reduction], *, end: str | None = None) -> str:
    """The lines of a search that goes these steps without a detour, numbers left over written as they come."""
    pool, lines, path = list(item.numbers), [_first(item.target, item.numbers)], "#0"
    for at, step in enumerate(steps):
        for used in (step.a, step.b):
            if used in pool:
                pool.remove(used)
        pool.append(step.c)
        shown = f"[{', '.join(map(str, pool))}]"
        lines.append(f"Exploring Operation: {step}, Resulting Numbers: {shown}")
        if at + 1 < len(steps):
            path += ",0"
            done = ", ".join(f"'{before}'" for before in steps[: at + 1])
            lines += [f"Generated Node {path}: {item.target}:{shown} Operation: {step}", f"Moving to Node {path}"]
            lines.append(f"Current State: {item.target}:{shown}, Operations: [{done}]")
    lines.append(end if end is not None else f"{item.target},{item.target} equal: Goal Reached")
    # The problem is the first line, and comes with the prompt.
    return "\n".join(lines[1:]) + "\n"


def _wrong_only(item: Hand, found: Iterator[Sequence[Reduction]]) -> Iterator[str]:
    yield from (_text(item, steps) for steps in found if not solves(item, steps))


def _step(a: int, op: str, b: int) -> Reduction:
    return Reduction(a=a, op=op, b=b, c={"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else 0}[op])


def _reuse(item: Hand) -> Iterator[str]:
    t, n = item.target, item.numbers
    paths: list[Sequence[Reduction]] = []
    for number in n:
        one = _step(number, "/", number)
        paths += [(one, _step(t, "*", 1)), (*_steps(item), _step(t, "-", number), _step(t - number, "+", number)), (one, *_steps(item))]
        low = t % number
        paths.append((*(_step(number * k, "+", number) for k in range(1, min(t // number, 6))), _step(t - low, "+", low)))
    paths.append((*_steps(item), *_steps(item)))
    yield from _wrong_only(item, iter(paths))


def _unused(item: Hand) -> Iterator[str]:
    """Goals claimed with numbers left over, or before anything was done."""
    yield from _wrong_only(item, (_steps(item)[at:] for at in range(1, len(_steps(item)))))
    yield from _wrong_only(item, (_steps(item)[:at] for at in range(1, len(_steps(item)))))
    made = fewer(item.numbers, item.target)
    yield from _wrong_only(item, iter([] if made is None else [_reductions(made)]))
    yield f"{item.target},{item.target} equal: Goal Reached\n"


def _invented(item: Hand) -> Iterator[str]:
    t = item.target
    paths: list[Sequence[Reduction]] = [
        (_step(t - 1, "+", 1),),
        (_step(t, "*", 1),),
        (_step(t, "+", 0),),
        (_step(2 * t, "-", t),),
        (_step(t * t, "/", t),),
    ]
    paths += [(*_steps(item)[:-1], _step(t - 1, "+", 1))]
    yield from _wrong_only(item, iter(paths))


def _arithmetic(item: Hand) -> Iterator[str]:
    a, b = item.numbers[:2]
    steps = _steps(item)
    bad = [
        Reduction(a=last.a, op=op, b=last.b, c=item.target) for last in steps[-1:] for op in ("+", "-", "*", "/", "**", "%", "//", "^", "")
    ]
    yield from _wrong_only(item, ((*steps[:-1], step) for step in bad))
    yield from _wrong_only(item, iter([(Reduction(a=a, op="+", b=b, c=item.target),), (Reduction(a=a, op="-", b=a, c=item.target),)]))
    yield from _wrong_only(
        item, ([*steps[:at], Reduction(a=s.a, op=s.op, b=s.b, c=s.c + 1), *steps[at + 1 :]] for at, s in enumerate(steps))
    )


def _bent(item: Hand, *, rules: tuple[str, ...]) -> Iterator[str]:
    """Operations that leave the target alone, and of which one has a result that only a checker without this rule takes."""
    found = (ways(item.numbers, lambda value: value == item.target, _BENT[rule]) for rule in rules)
    yield from _wrong_only(item, (_reductions(steps) for steps in found if steps is not None))


def _one_off(a: float, b: float) -> Iterator[tuple[str, float, bool]]:
    for sign, c, _ in exact(a, b):
        yield from ((sign, c, False), (sign, c + 1, True))


_BENT = {**LOOSE, "one off": _one_off}


def _reductions(steps: Sequence[Move]) -> list[Reduction]:
    return [Reduction(a=int(a), op=op, b=int(b), c=int(c)) for a, op, b, c in steps]


def _without_copies(item: Hand) -> tuple[Reduction, ...] | None:
    """Operations after one of which a second copy of a number that is taken has gone too, so that they leave the target alone."""
    if len(set(item.numbers)) == len(item.numbers):
        return None

    def moves(pool: tuple[int, ...]) -> Iterator[tuple[Reduction, tuple[int, ...], bool]]:
        for a, b in permutations(pool, 2):
            rest = [number for number in pool if number not in (a, b)]
            for sign, c, _ in exact(a, b):
                step = Reduction(a=a, op=sign, b=b, c=int(c))
                yield step, tuple(sorted((*rest, step.c))), len(rest) < len(pool) - 2

    return cheat(tuple(sorted(item.numbers)), moves, lambda pool: pool == (item.target,), any_length=True)


def _copies(item: Hand) -> Iterator[str]:
    found = _without_copies(item)
    yield from _wrong_only(item, iter([] if found is None else [found]))


def _listed(item: Hand) -> Iterator[str]:
    """A right operation after which the list of numbers holds what is lacking."""
    (a, b), t = item.numbers[:2], item.target
    c = a + b
    last = Reduction(a=c, op="+" if c <= t else "-", b=abs(t - c), c=t)
    first = Reduction(a=a, op="+", b=b, c=c)
    if not solves(item, (first, last)):
        shown = f"[{c}, {last.b}]"
        yield (
            f"Exploring Operation: {first}, Resulting Numbers: {shown}\nGenerated Node #0,0: {t}:{shown} Operation: {first}\n"
            f"Moving to Node #0,0\nCurrent State: {t}:{shown}, Operations: ['{first}']\n"
            f"Exploring Operation: {last}, Resulting Numbers: [{t}]\n{t},{t} equal: Goal Reached\n"
        )


def _claims(item: Hand) -> Iterator[str]:
    """The goal claimed of a search that did not find it, and the right search that does not claim it."""
    n, t = item.numbers, item.target
    total = [_step(n[0], "+", n[1])]
    total += [_step(total[-1].c, "+", n[2])] if len(n) == 3 else [_step(total[-1].c, "+", n[2]), _step(total[-1].c + n[2], "+", n[3])]
    if not solves(item, total):
        made = total[-1].c
        for end in (
            f"{made},{t} equal: Goal Reached",
            f"{t},{t} equal: Goal Reached",
            f"{made},{made} equal: Goal Reached",
            "Goal Reached",
            f"{t},{t} equal: Goal Reached\n" * 3,
        ):
            yield _text(item, total, end=end)
    yield _text(item, _steps(item), end=f"{t},{t} unequal: No Solution")
    yield _text(item, _steps(item), end="No solution found.")
    yield _text(item, _steps(item), end="")


def _syntax(item: Hand) -> Iterator[str]:
    t, last = item.target, _steps(item)[-1]
    text = _text(item, _steps(item))
    yield text.replace(f"={last.c}", f"={last.c}e0")
    yield text.replace(f"={last.c}", f"=0x{last.c:x}")
    yield text.replace(str(last), f"{last.a}{last.op}{last.b}={last.c}={last.c}")
    yield text.replace(str(last), f"({last.a}{last.op}{last.b})={last.c}")
    yield text.replace(str(last), f"{last.a}{last.op}{last.b}={'9' * 5000}")
    yield text.replace(str(last), f"{last.a}{last.op}{last.b}={''.join(chr(0x660 + int(c)) for c in str(last.c))}")
    yield f"So {t} is reached: {' '.join(map(str, _steps(item)))}. {t},{t} equal: Goal Reached"
    yield item.expression
    yield f"{t}e0 + 0e0*({'+'.join(map(str, item.numbers))})"
    yield f"Exploring Operation: 0x{t:x}*1={t}, Resulting Numbers: [{t}]\n{t},{t} equal: Goal Reached\n"


def _replaced(item: Hand) -> Iterator[str]:
    """Answers that bring a hand or a target of their own."""
    t = item.target
    goal = f"{t},{t} equal: Goal Reached\n"
    yield f"{_first(t, [t])}\n{goal}"
    yield f"{_first(t, [t - 1, 1])}\nExploring Operation: {t - 1}+1={t}, Resulting Numbers: [{t}]\n{goal}"
    a, b = item.numbers[:2]
    c = a + b
    yield f"{_first(c, [a, b])}\nExploring Operation: {a}+{b}={c}, Resulting Numbers: [{c}]\n{c},{c} equal: Goal Reached\n"
    yield f"Moving to Node #0,0\nCurrent State: {t}:[{t}], Operations: ['{t}*1={t}']\n{goal}"
    yield f"Generated Node #0,0: {t}:[{t}] Operation: {a}+{b}={t}\nMoving to Node #0,0\n{goal}"


def _nothing(item: Hand) -> Iterator[str]:
    yield from noise.NOTHING
    yield from (
        "Goal Reached",
        "equal: Goal Reached",
        str(item.target),
        "0,0 equal: Goal Reached",
        "No solution found.",
        "4*6*1*1",
        item.problem.question,
    )


def _long(item: Hand) -> Iterator[str]:
    yield from noise.ENORMOUS
    yield "Exploring Operation: " * 2000
    yield f"Exploring Operation: 1+1=2, Resulting Numbers: [{'2, ' * 5000}2]\n{item.target},{item.target} equal: Goal Reached\n"
    yield f"Moving to Node #0{',0' * 10_000}\n{item.target},{item.target} equal: Goal Reached\n"


def _right(item: Hand) -> Iterator[str]:
    flipped = [Reduction(a=s.b, op=s.op, b=s.a, c=s.c) if s.op in "+*" else s for s in _steps(item)]
    yield from (_text(item, steps) for steps in (_steps(item), flipped) if solves(item, steps))


def _convention(item: Hand) -> Iterator[str]:
    text = _text(item, _steps(item))
    yield from (text.replace("\n", "\r\n"), text.rstrip("\n"), text + "\n\n", text.replace(" ", "  "), f"Sure.\n{text}", f"{text}Done.\n")
    # The operations are right, the closing line misstates the target.
    yield _text(item, _steps(item), end=f"{item.target},{item.target + 1} equal: Goal Reached")


COUNTDOWN: Surface[Hand] = Surface(
    name="countdown",
    make=_make,
    of=lambda problem: None,
    problem=lambda item: item.problem,
    attacks=(
        wrong_answers("number reuse", "a number is taken that is not there any more; the audit's own replay stops", _reuse),
        wrong_answers("numbers unused", "the goal is claimed with numbers left over or steps left out", _unused),
        wrong_answers("numbers invented", "a number is taken that the hand never had", _invented),
        wrong_answers("wrong arithmetic", "a result is wrong, or the operation is not one of + - * /", _arithmetic),
        wrong_answers("numbers listed", "a list of remaining numbers has one that was not there", _listed),
        wrong_answers(
            "copies dropped", "leaves the target alone because a second copy of a number goes with the first; all else is right", _copies
        ),
        wrong_answers(
            "divisions rounded",
            "leaves the target alone because a division is rounded; all else is right",
            partial(_bent, rules=("divisions rounded down", "divisions rounded")),
        ),
        wrong_answers(
            "differences turned",
            "leaves the target alone because 3 - 7 is taken for 4; all else is right",
            partial(_bent, rules=("differences turned",)),
        ),
        wrong_answers(
            "results one off",
            "leaves the target alone because a result is one too large; all else is right",
            partial(_bent, rules=("one off",)),
        ),
        wrong_answers(
            "signs of Python", "leaves the target alone by //, % or **; all else is right", partial(_bent, rules=("//", "%", "**"))
        ),
        wrong_answers("wrong claims", "the goal is claimed of another number, or is not claimed", _claims),
        wrong_answers("number syntax", "numbers not in plain digits, expressions, the goal in prose", _syntax),
        wrong_answers("another problem", "the answer restates hand, target or state", _replaced),
        wrong_answers("nothing said", "constants, empty texts, a bare claim", _nothing),
        wrong_answers("enormous", "long texts that solve nothing", _long),
        right_answers("right, other forms", "the audit's own replay leaves the target alone; operands may be swapped", _right),
        open_answers("conventions", "line ends, spacing, words before and after, a closing line that misstates the target", _convention),
    ),
)
"""Countdown answers as Stream of Search."""
