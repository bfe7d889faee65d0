// One line that says what the cursor stands on: the same on every screen size.
import { count } from "../format";
import { lineOf, missing, rowOf } from "../model";
import type { Trace } from "../model";
import { eventSpan } from "../formal/change";
import type { Formal, Violation } from "../formal/model";
import { Across } from "./Across";
import { spokenEvent } from "./GridPicture";
import { Num, Open, Piece } from "./parts";
import { useReport } from "./context";

export function Readout() {
  const { trace, shown, metric, metricName, given, range } = useReport();
  const found = trace.value;
  const unit = shown.value;
  if (!found) return null;
  const curve = found.curve;
  const line = curve && lineOf(curve, given.value);
  const chosen = metric.value;
  const row = curve ? rowOf(curve.cuts, unit + 1) : -1;
  const p = found.metrics.get("probability")?.values[unit];
  return (
    <p class={found.formal && curve ? "readout tall" : "readout"}>
      <span class="where">
        {unit < 0 ? `before the first ${found.head.unit}` : `${found.head.unit} ${count(unit)}`}
      </span>
      {unit >= 0 && <Piece found={found} unit={unit} most={24} />}
      {found.formal && unit >= 0 && <FormalPart found={found} formal={found.formal} unit={unit} />}
      {curve && line && (
        <span>
          {line.label} {row < 0 || Number.isNaN(line.value[row]!) ? <em>{missing(curve, row)}</em> : <Num x={line.value[row]!} digits={2} />}
          {row >= 0 && !Number.isNaN(line.low[row]!) && (
            <span class="interval">
              {" "}
              [<Num x={line.low[row]!} digits={2} />, <Num x={line.high[row]!} digits={2} />]
            </span>
          )}
          {row >= 0 && <Open curve={curve} row={row} />}
        </span>
      )}
      {row >= 0 && curve && !Number.isNaN(curve.delta[row]!) && (
        <span>
          Δ <Num x={curve.delta[row]!} digits={2} sign />
        </span>
      )}
      {metricName.value === "forced" && chosen && unit >= 0 && (
        <span>
          {chosen.name} {Number.isNaN(chosen.values[unit]!) ? <em>not measured</em> : <Num x={chosen.values[unit]!} digits={2} />}
        </span>
      )}
      {p !== undefined && !Number.isNaN(p) && (
        <span class="wide">
          p <Num x={p} digits={2} />
        </span>
      )}
      {range.value && (
        <button type="button" class="plain unzoom" onClick={() => (range.value = null)} aria-label="show the whole trace">
          cuts {count(range.value[0])}–{count(range.value[1])} ✕
        </button>
      )}
    </p>
  );
}

function stands(formal: Formal, at: Violation, n: number, unit: number): boolean {
  const span = eventSpan(formal, at, n);
  return span !== null && span[0] <= unit && unit < span[1];
}

// At an error the change across the event takes the room of what the event says, which the grid says too.
function FormalPart({ found, formal, unit }: { found: Trace; formal: Formal; unit: number }) {
  const { step } = useReport();
  const about = formal.violations.filter((v) => stands(formal, v, found.n, unit));
  const changes = about.length > 0 && found.curve !== null;
  return (
    <>
      {formal.grid && step.value >= 0 && (
        <span>
          event {count(step.value)} {!changes && <span class="dim">{spokenEvent(formal.grid, step.value)}</span>}
        </span>
      )}
      {about.length > 0 && <span class="code">✗ {[...new Set(about.map((v) => v.code.name))].join(" ")}</span>}
      {changes && <Across found={found} at={about[0]!} what="across this event" />}
    </>
  );
}
