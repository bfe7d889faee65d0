"""Compare a measured curve with the exact one: an automaton's values are known. Run: python toy_oracle.py"""

from pathlib import Path

import tokenworth as tw
from tokenworth.backends.toy.backend import load_toy
from tokenworth.backends.toy.values import exact_values

FILE = Path(__file__).with_name("toy.json")

with tw.Workbench(f"toy:{FILE}") as bench:
    case = bench.case()
    trace = case.sample(1, seed=8).trace()
    result = case.curve(trace, half_width=0.05, seed=8).result
    exact = exact_values(load_toy(FILE), trace.sequence, case.sampling())

inside = 0
print(" cut   exact  measured  interval        rollouts begun")
for i, cut in enumerate(result.cuts):
    value, low, high = result.value[i], result.low[i], result.high[i]
    inside += low <= exact[cut] <= high
    print(f"{cut:4d}  {exact[cut]:.3f}     {value:.3f}  [{low:.3f}, {high:.3f}]  {result.n_started[i]}")
print(f"{inside} of {len(result.cuts)} intervals hold the exact value (level {result.settings.level})")
