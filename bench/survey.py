"""A survey's traces with their forced answers: all problems in one stream against one problem after the other, and the memory of the run.

``python bench/survey.py [--model MODEL] [--task TASK ...] [--problems N] [--rounds N] [--limit N]``. Both sides of a pair run in one
process, in changing order, and their rows are compared.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from functools import partial
from statistics import median

from tokenworth.core.document import About, Provenance
from tokenworth.core.measure import Derives
from tokenworth.errors import TokenworthError
from tokenworth.methods.survey import MEASURE
from tokenworth.methods.survey.document import SurveyDoc
from tokenworth.methods.survey.settings import SurveySettings
from tokenworth.tasks.load import load_task
from tokenworth.workbench.bench import Workbench
from tokenworth.workbench.choices import SamplerSettings
from tokenworth.workbench.gather import Cases, Gathering, gathered

NOWHERE = About(provenance=Provenance(version="0"))


def failed(item: str, error: TokenworthError) -> None:
    raise SystemExit(f"item {item}: {error}")


def measured(bench: Workbench, cases: Cases, sampler: SamplerSettings) -> tuple[list[SurveyDoc], float, float]:
    """The surveys of the cases, all in one stream, with seconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    gathering = Gathering(bench.runner, task="bench", sampler=sampler, config={}, on_error=failed)
    assert isinstance(MEASURE.run, Derives)
    *_, document = gathered(gathering, MEASURE.run, SurveySettings(), cases, lambda: NOWHERE)
    assert isinstance(document, SurveyDoc)
    return [document], time.perf_counter() - wall, time.process_time() - cpu


def together(model: str, tasks: Sequence[str], n: int, sampler: SamplerSettings, *, alone: bool) -> tuple[list[SurveyDoc], float, float]:
    """All problems in one stream, or each of them alone, on a model that is loaded before the clock starts."""
    with Workbench(model) as bench:
        loaded = {task: load_task(task) for task in tasks}
        named = [(task, k) for k in range(n) for task in tasks][:n]
        cases: Cases = [(f"{task}/{k}", partial(bench.case, loaded[task], item=k)) for task, k in named]
        if not alone:
            return measured(bench, cases, sampler)
        parts = [measured(bench, [case], sampler) for case in cases]
        return [doc for docs, _, _ in parts for doc in docs], sum(wall for _, wall, _ in parts), sum(cpu for _, _, cpu in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--task", nargs="+", default=["world:steps", "world:recall", "world:guess"])
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int)
    chosen = parser.parse_args()
    sampler = SamplerSettings(limit=chosen.limit)
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    found: dict[bool, dict[str, tuple[str, int]]] = {}
    for number in range(chosen.rounds):
        for alone in (False, True) if number % 2 == 0 else (True, False):
            docs, wall, cpu = together(chosen.model, chosen.task, chosen.problems, sampler, alone=alone)
            times[alone].append((wall, cpu))
            found[alone] = {row.problem: (row.own_curve, row.tokens) for doc in docs for row in doc.rows}
    same = sum(found[False][name] == found[True][name] for name in found[False])
    print("| problems | way | problems/min | processor s | tokens of a trace, mean |")
    print("|--:|---|--:|--:|--:|")
    tokens = sum(n for _, n in found[False].values()) / len(found[False])
    for alone, name in ((False, "one stream"), (True, "one by one")):
        wall, cpu = (median(one[k] for one in times[alone]) for k in (0, 1))
        print(f"| {chosen.problems} | {name} | {60 * chosen.problems / wall:,.0f} | {cpu:.1f} | {tokens:.0f} |")
    print(f"\nrows that agree to the last digit: {same} of {len(found[False])}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
