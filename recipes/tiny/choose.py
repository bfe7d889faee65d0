"""Which held-out problems the demo and the README show: those whose trace holds the largest changes of value, by a stated rule.

Of the first problems of each family, with the base trace that the demo takes (the first of 32 answers, seed 0): the largest rise and the
largest fall of P(correct) from one cut to the next, as far as the interval of the change guarantees it, and the trace that has both
(the lesser of the two counts). Prints Markdown tables. Nothing is chosen by looking.

python -m recipes.tiny.choose [--problems 60] [--half-width 0.1]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from tokenworth.cli.demo import DRAWS
from tokenworth.errors import TokenworthError
from tokenworth.methods.curve.document import CurveDoc
from tokenworth.tasks.world.problems import FAMILIES
from tokenworth.workbench.bench import Workbench


@dataclass(frozen=True)
class Found:
    """The largest sure rise and fall of one trace, with the token of each; 0 where no change is sure."""

    item: int
    rise: float
    rises_at: str
    fall: float
    falls_at: str


def extremes(item: int, doc: CurveDoc) -> Found:
    """By the limit of each change that is nearest to zero."""
    pieces = doc.trace.pieces
    rises = [(low or 0.0, pieces[cut - 1]) for cut, low in zip(doc.cuts[1:], (doc.change_low or ())[1:], strict=False)]
    falls = [(-(high or 0.0), pieces[cut - 1]) for cut, high in zip(doc.cuts[1:], (doc.change_high or ())[1:], strict=False)]
    rise, fall = max(rises, default=(0.0, "")), max(falls, default=(0.0, ""))
    return Found(item=item, rise=max(0.0, rise[0]), rises_at=rise[1], fall=max(0.0, fall[0]), falls_at=fall[1])


def scan(bench: Workbench, family: str, problems: int, half_width: float) -> list[Found]:
    """The extremes of the first problems of a family."""
    found: list[Found] = []
    for item in range(problems):
        case = bench.case(f"world:{family}", item)
        try:
            trace = case.sample(DRAWS, seed=0, base="any").trace("any")
            found.append(extremes(item, case.curve(trace, half_width=half_width, seed=0).document))
        except TokenworthError as error:  # a base trace that stops before its answer
            print(f"{family} {item}: {error}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--half-width", type=float, default=0.1)
    args = parser.parse_args()
    with Workbench("tiny") as bench:
        for family in FAMILIES:
            found = scan(bench, family, args.problems, args.half_width)
            print(f"\n### {family}\n\n| by | problem | rise | at | fall | at |\n|---|--:|--:|---|--:|---|", flush=True)
            for name, key in (
                ("rise", lambda one: one.rise),
                ("fall", lambda one: one.fall),
                ("both", lambda one: min(one.rise, one.fall)),
            ):
                for best in sorted(found, key=key, reverse=True)[:3]:
                    print(
                        f"| {name} | {best.item} | {best.rise:.2f} | {best.rises_at!r} | {best.fall:.2f} | {best.falls_at!r} |", flush=True
                    )


if __name__ == "__main__":
    main()
