"""Read the forced answer after two exit texts and say where they disagree. Run: python compare_exits.py"""

import numpy as np

import tokenworth as tw

EXITS = ("</think> The answer is (", " So it is (")

with tw.Workbench("tiny", store="exits.db") as bench:
    case = bench.case("world:recall", 0)
    trace = case.sample(1, seed=0).trace()
    result = case.forced(trace, exits=EXITS).result

for text, reading in zip(EXITS, result.readings, strict=True):
    likeliest = result.options[int(np.argmax(reading.probability[-1]))]
    print(f"{text!r:28} at cut {result.cuts[-1]}: {likeliest}, mass on the options {reading.mass[-1]:.3f}")
first, second = (reading.renormalised.argmax(axis=1) for reading in result.readings)
print(f"the two differ in the likeliest option at {int((first != second).sum())} of {len(result.cuts)} cuts")
print(f"the model's own answer: {result.own.outcome}")
