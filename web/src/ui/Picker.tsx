// The list of traces. Where several problems share the page: the measured traces first, then each problem's samples.
import { START } from "../hash";
import type { TraceHead } from "../model";
import { openTrace } from "../state";
import { useReport } from "./context";

type Entry = readonly [number, TraceHead];

function groups(traces: readonly TraceHead[]): readonly (readonly [string, readonly Entry[]])[] {
  const all = traces.map((t, i): Entry => [i, t]);
  const problems = [...new Set(traces.filter((t) => !t.measured).map((t) => t.problem))];
  const samples = problems.map((name) => [`samples · ${name}`, all.filter(([, t]) => !t.measured && t.problem === name)] as const);
  return [["measured traces", all.filter(([, t]) => t.measured)] as const, ...samples].filter(([, entries]) => entries.length > 0);
}

// A group of samples has the name of the problem, so that there is room for their numbers.
function Choice({ entry: [index, t], grouped = false }: { entry: Entry; grouped?: boolean }) {
  return (
    <option value={index}>
      {grouped && !t.measured ? t.label.replace(`${t.problem} · `, "") : t.label} · {t.outcome || "no outcome"} {t.verdict === "correct" ? "✓" : t.verdict === "incorrect" ? "✗" : ""}
    </option>
  );
}

export function TracePicker() {
  const report = useReport();
  const { traces } = report.header;
  if (traces.length < 2 || report.traceIndex.value >= traces.length) return null;
  const several = traces.some((t) => t.problem !== "");
  return (
    <label class="picker">
      trace{" "}
      <select value={report.traceIndex.value} onChange={(e) => void openTrace(report, Number(e.currentTarget.value), START)}>
        {several
          ? groups(traces).map(([name, entries]) => (
              <optgroup label={name}>
                {entries.map((entry) => (
                  <Choice entry={entry} grouped />
                ))}
              </optgroup>
            ))
          : traces.map((t, i) => <Choice entry={[i, t]} />)}
      </select>
    </label>
  );
}
