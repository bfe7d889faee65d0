import { METRICS } from "../hash";
import type { MetricName } from "../hash";
import { count, figure, unseen } from "../format";
import { NO_BIN, lineOf } from "../model";
import { GLYPHS, Key, swatchClass } from "./parts";
import type { State } from "../state";
import { useReport } from "./context";

const BINS: readonly number[] = Array.from({ length: 21 }, (_, i) => i);

function nameOf(report: State, name: MetricName): string {
  const all = report.trace.value?.metrics;
  if (name === "forced") return [...(all?.values() ?? [])].find((m) => m.key.startsWith("forced/"))?.name ?? "forced P(gold)";
  return all?.get(name)?.name ?? name;
}

export function MetricBar() {
  const report = useReport();
  return (
    <div class="metricbar">
      <div class="seg" role="group" aria-label="colour by" hidden={!report.offered.value.length}>
        {METRICS.filter((m) => report.offered.value.includes(m)).map((m) => (
          <button type="button" aria-pressed={report.metricName.value === m} onClick={() => (report.metricName.value = m)} data-metric={m}>
            {m === "value" ? (report.metric.value?.key === "given" ? report.metric.value.name : nameOf(report, m)) : nameOf(report, m)}
          </button>
        ))}
      </div>
      <Scale />
    </div>
  );
}

// What a colour means, on which scale, from how many rollouts, and what no colour means.
function Scale() {
  const report = useReport();
  const m = report.metric.value;
  if (!m && report.trace.value?.formal) return <FormalLegend />;
  if (!m) return <p class="legend">no number to colour by</p>;
  const n = m.bins.reduce((sum, bin) => sum + (bin === NO_BIN ? 0 : 1), 0);
  const digits = report.stretch.value ? 2 : Math.abs(m.low) < 0.1 && m.low !== 0 ? 2 : m.low === 0 ? 0 : 1;
  return (
    <div class="legend" data-palette={m.palette}>
      <span>{figure(m.low, digits).replace("-", "−")}</span>
      <span class="ramp" aria-hidden="true">
        {BINS.map((b) => (
          <i class={`b${b}`} />
        ))}
      </span>
      <span>{m.low < 0 ? "+" : ""}{figure(m.high, digits)}</span>
      <button type="button" class="chip" aria-pressed={report.stretch.value} onClick={() => (report.stretch.value = !report.stretch.value)}>
        {report.stretch.value ? "stretched to the data" : "stretch to the data"}
      </button>
      <span class="what">
        {m.scale}
        {m.note && `, ${m.note}`}
        {report.metricName.value === "value" && samplesPerCut(report)}
      </span>
      {m.hatched && (
        <span class="key">
          <span class="u demo b10 open-half">abc</span> half or more of the rollouts have no verdict
        </span>
      )}
      <span class="key">
        <span class="nm demo">abc</span> not measured ({count(m.values.length - n)} of {count(m.values.length)})
      </span>
      {report.trace.value?.formal && (
        <span class="key">
          <span class="u demo viol vstart">
            <i class="vm" />
            <i class="vt">abc</i>
          </span>{" "}
          breaks a rule
        </span>
      )}
    </div>
  );
}

// Of a verified trace without a curve: what the marks on its words mean.
function FormalLegend() {
  const { trace } = useReport();
  const found = trace.value!.formal!;
  return (
    <p class="legend">
      {found.grid && (
        <span class="key">
          <span class="u demo ev-on">event</span> at the cursor
        </span>
      )}
      <span class="key">
        <span class="u demo viol">words</span> that break a rule
      </span>
      <span class="key">
        <span class="u demo viol vfirst vstart">
          <i class="vm" />
          <i class="vt">words</i>
        </span>
      </span>
      {!found.kept && <span>text left out</span>}
    </p>
  );
}

function samplesPerCut(report: State): string {
  const curve = report.trace.value?.curve;
  if (!curve) return "";
  const started = curve.nStarted.filter((x) => x > 0);
  if (!started.length) return "";
  const [low, high] = started.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)] as const, [Infinity, 0] as readonly [number, number]);
  return `, n ${low === high ? low : `${low}–${high}`} at a measured cut`;
}

export function StackLegend() {
  const { trace, stackIndex, share } = useReport();
  const found = trace.value;
  const stack = found?.stacks[stackIndex.value];
  if (!found || !stack) return null;
  return (
    <div class="stackbar">
      {found.stacks.length > 1 ? (
        <select aria-label="stacked shares" value={stackIndex.value} onChange={(e) => (stackIndex.value = Number(e.currentTarget.value))}>
          {found.stacks.map((s, i) => (
            <option value={i}>{s.kind === "forced" ? `forced answer: ${s.name}` : s.name}</option>
          ))}
        </select>
      ) : (
        <b>{stack.kind === "forced" ? `forced answer: ${stack.name}` : stack.name}</b>
      )}
      {stack.kind === "forced" && (
        <div class="seg small" role="group" aria-label="probabilities">
          <button type="button" aria-pressed={!share.value} onClick={() => (share.value = false)}>
            raw
          </button>
          <button type="button" aria-pressed={share.value} onClick={() => (share.value = true)}>
            renormalised
          </button>
        </div>
      )}
      <span class="keys">
        {stack.labels.map((label, k) => (
          <span class={stack.gold[k] ? "key gold" : "key"}>
            <i class={`${swatchClass(stack.colours[k]!)}${stack.gold[k] ? " edge" : ""}`} aria-hidden="true" /> {label}
            {stack.gold[k] && " ✓ correct"}
          </span>
        ))}
        {stack.massHigh?.some((x, i) => x > stack.mass[i]!) && <Key of="open">not listed: up to</Key>}
        <Key of={share.value && stack.kind === "forced" ? "dash" : "hatch"}>
          {stack.kind === "forced" ? (share.value ? "mass on options" : "not on options") : "no outcome known"}
        </Key>
      </span>
    </div>
  );
}

export function CurveLegend() {
  const { trace, given, band } = useReport();
  const found = trace.value;
  const curve = found?.curve;
  if (!curve) return null;
  const anyFollows = curve.state.includes(1);
  const gaps = curve.cuts.length < found.n + 1 || curve.low.some(Number.isNaN);
  const line = lineOf(curve, given.value);
  const noDraw = line.value.some((v, i) => Number.isNaN(v) && !Number.isNaN(line.low[i]!));
  return (
    <div class="stackbar">
      <b>{line.label}</b>
      {curve.verdicts && (
        <div class="seg small" role="group" aria-label="rollouts that count">
          <button type="button" aria-pressed={!given.value} onClick={() => (given.value = false)}>
            all rollouts
          </button>
          <button type="button" aria-pressed={given.value} onClick={() => (given.value = true)}>
            with a verdict
          </button>
        </div>
      )}
      <span class="keys">
        <Key of="bandkey">{Math.round(curve.level * 100)} % pointwise interval</Key>
        {curve.bandLow && !given.value && (
          <button type="button" class="plain" aria-pressed={band.value} onClick={() => (band.value = !band.value)}>
            <Key of={band.value ? "bothkey" : "offkey"}>{Math.round(curve.level * 100)} % band of the whole curve</Key>
          </button>
        )}
        {curve.verdicts && !given.value && <Key of="hatch">if those without a verdict hit</Key>}
        <Key of="tickkey">rollouts began here</Key>
        {anyFollows && <Key of="linekey">{curve.follows}</Key>}
        {noDraw && <Key of="bandkey">{line === curve ? "no draw: limits alone" : "no verdict: nothing known"}</Key>}
        {gaps && <Key of="dash">not measured</Key>}
        <span class="key dim">x: {found.head.unit}s kept</span>
      </span>
    </div>
  );
}

const MARKS: readonly (readonly [string, string])[] = [
  ["change", "change with limits that exclude 0, boxed"],
  ["flip", "another forced answer leads, underlined"],
  ["first error", "first error"],
  ["violation", "later error"],
  ["note", "note"],
  ["answer", "end of the trace"],
  ["paragraph", "paragraph ends"],
  ["sentence", "sentence ends"],
];

// The marks of the lane that this trace has, and the lines that stand across the plots.
export function LaneLegend() {
  const { trace, stackIndex } = useReport();
  const found = trace.value;
  if (!found) return null;
  const kinds = new Set(found.events.filter((e) => e.stack < 0 || e.stack === stackIndex.value).map((e) => e.kind));
  return (
    <p class="keys lanekeys">
      {MARKS.filter(([kind]) => kinds.has(kind)).map(([kind, words]) => (
        <span class="key">
          <span class={`glyph g-${kind.replace(" ", "-")}`}>{GLYPHS[kind]}</span> {words}
        </span>
      ))}
      <Key of="cursorkey">cursor, thick if pinned</Key>
      {unseen(found.pieces.text) && (
        <span class="key">
          <span class="u ctl">abc</span> holds an unseen character
        </span>
      )}
    </p>
  );
}
