"""Sample answers of the bundled model, measure one trace, write the report. Run: python quickstart.py"""

import tokenworth as tw

with tw.Workbench("tiny", store="quickstart.db") as bench:
    case = bench.case("world:steps", 3)
    samples = case.sample(16, seed=0)
    trace = samples.trace("any")
    curve = case.curve(trace, max_rollouts=200)
    forced = case.forced(trace)

accuracy = samples.result
print(f"accuracy {accuracy.accuracy:.2f} [{accuracy.low:.2f}, {accuracy.high:.2f}] over {len(accuracy.rollouts)} answers")
first, last = curve.result.value[0], curve.result.value[-1]
print(f"value {first:.2f} before the first token, {last:.2f} after the last, from {curve.result.n_rollouts} rollouts")
print(tw.write_report("quickstart.html", samples, curve, forced))
