"""Do effects of hidden sentences go with value jumps? Prints Markdown tables.

    python bench/patch.py [--traces N] [--samples N] [--store FILE] [--seed S]

The bundled model, one trace of each problem of `world:steps`, `world:recall` and `world:guess`. Of every sentence but the last of a trace:
the value jump (rollouts after less before), the value less that with the sentence hidden from the rollouts (regenerated), and what hiding
it does to the forced answer at the end (total, direct), with the change of the forced answer over the sentence. Spearman's ρ with the jump,
limits by the bootstrap over questions. A jump and a regenerated effect share the rollouts after the sentence, whose noise makes them agree.
So "fresh" takes the jump from one half of them and the effect from the other. With a store a stopped run goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

import tokenworth as tw
from tokenworth.methods.patch.document import PatchDoc
from tokenworth.methods.patch.result import PatchResult
from tokenworth.stats.by_cluster import correlation_of, mean_of, ranks

TASKS = ("steps", "recall", "guess")
NAMES = ("regenerated", "regenerated, fresh", "window, fresh", "forced change", "total", "direct")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that is not the last of its trace."""

    task: str
    question: str
    jumps: tuple[float, float]
    """From all rollouts after the sentence, and from the first half of them."""
    effects: tuple[float, ...]
    percentile: float


def sentences(task: str, document: PatchDoc, result: PatchResult) -> list[Sentence]:
    """Those of one trace."""
    found: list[Sentence] = []
    for row in document.rows[:-1]:
        span = (row.first, row.end)
        before, after, hidden = result.values[row.first], result.values[row.end], result.regenerated.get(span)
        if hidden is None or row.total is None or row.direct is None:
            continue
        other = result.other.get(span)
        half = len(after.hits) // 2
        first, second = after.hits[:half].mean(), after.hits[half:].mean()
        drawn = (second - hidden.hits.mean(), np.nan if other is None else second - other[1].hits.mean())
        effects = (
            after.hits.mean() - hidden.hits.mean(),
            *drawn,
            row.forced_change or 0.0,
            row.total.change or 0.0,
            row.direct.change or 0.0,
        )
        rank = np.nan if row.total.percentile is None else row.total.percentile
        jumps = (after.hits.mean() - before.hits.mean(), first - before.hits.mean())
        found.append(Sentence(task, document.problem.id if document.problem else "", jumps, effects, rank))
    return found


def table(rows: list[Sentence], seed: int) -> None:
    """Correlations of all tasks together and of each."""
    print("| | sentences | traces | " + " | ".join(f"ρ(jump, {name})" for name in NAMES) + " |")
    print("|---|---:|---:|" + "---:|" * len(NAMES))
    for task in ("all", *TASKS):
        some = [row for row in rows if task in ("all", row.task)]
        questions = [row.question for row in some]
        cluster = np.unique(np.asarray(questions), return_inverse=True)[1]
        cells: list[str] = []
        for k in range(len(NAMES)):
            jumps = [row.jumps["fresh" in NAMES[k]] for row in some]
            x, y = (np.asarray(one, dtype=np.float64) for one in (jumps, [row.effects[k] for row in some]))
            use = np.isfinite(y)
            found = correlation_of(ranks(x[use]), ranks(y[use]), cluster[use], level=0.95, rng=np.random.default_rng(seed))
            cells.append("–" if found.value is None else "{:.2f} [{:.2f}, {:.2f}]".format(*(x or 0.0 for x in found)))
        print(f"| {task} | {len(some)} | {len(set(questions))} | " + " | ".join(cells) + " |")


def sizes(rows: list[Sentence], seed: int) -> None:
    """Mean effects, and how often each is large where the jump is large or small."""
    cluster = np.unique(np.asarray([row.question for row in rows]), return_inverse=True)[1]
    jump = np.asarray([row.jumps[0] for row in rows])
    print("\n| | mean | > .3 where the jump is > .3 | > .3 where |jump| < .1 |\n|---|---:|---:|---:|".replace("|jump|", "its size"))
    for k, name in enumerate(("jump", *NAMES)):
        values = jump if name == "jump" else np.asarray([row.effects[k - 1] for row in rows])
        use = np.isfinite(values)
        mean = mean_of(values[use], cluster[use], level=0.95, rng=np.random.default_rng(seed))
        large, small = use & (jump > 0.3), use & (np.abs(jump) < 0.1)
        shares = [f"{int((values[where] > 0.3).sum())} of {int(where.sum())}" for where in (large, small)]
        print(f"| {name} | " + "{:.3f} [{:.3f}, {:.3f}]".format(*(x or 0.0 for x in mean)) + " | " + " | ".join(shares) + " |")
    rank = np.asarray([row.percentile for row in rows])
    print(f"\nPercentile of the total effect among windows of the same length: mean {np.nanmean(rank):.2f} (chance .5)")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--traces", type=int, default=20, help="of each task")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--store", default=None)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows: list[Sentence] = []
    traces, ends = 0, []
    with tw.Workbench("tiny", store=args.store) as bench:
        for task in TASKS:
            asked = {"ways": ("direct", "total", "regenerate"), "samples": args.samples, "windows": 8, "seed": args.seed}
            for ended in bench.measure("patch", f"world:{task}", f"0-{args.traces - 1}", **asked):
                document = ended.document
                if isinstance(document, PatchDoc) and document.rows and ended.done is not None:
                    traces += 1
                    rows += sentences(task, document, ended.done.result)
                    last = document.rows[-1].total
                    ends.append((last.change or 0.0, last.percentile) if last else (0.0, None))
    print(f"{traces} traces, {args.samples} rollouts at each point, seed {args.seed}\n")
    table(rows, args.seed)
    sizes(rows, args.seed)
    known = [rank for _, rank in ends if rank is not None]
    print(f"Last sentences: mean total effect {np.mean([change for change, _ in ends]):.2f}, percentile {np.mean(known):.2f}")


if __name__ == "__main__":
    main()
