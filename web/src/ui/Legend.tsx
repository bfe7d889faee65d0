import { METRICS } from "../hash";
import type { MetricName } from "../hash";
import { count, figure } from "../format";
import { NO_BIN } from "../model";
import { Key, Swatch } from "./parts";
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
            {nameOf(report, m)}
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
  const digits = Math.abs(m.low) < 0.1 && m.low !== 0 ? 2 : m.low === 0 ? 0 : 1;
  return (
    <div class="legend" data-palette={m.palette}>
      <span>{figure(m.low, digits).replace("-", "−")}</span>
      <span class="ramp" aria-hidden="true">
        {BINS.map((b) => (
          <i class={`b${b}`} />
        ))}
      </span>
      <span>{m.low < 0 ? "+" : ""}{figure(m.high, digits)}</span>
      <span class="what">
        {m.scale}
        {m.note && `, ${m.note}`}
        {report.metricName.value === "value" && samplesPerCut(report)}
      </span>
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
            <Swatch colour={stack.colours[k]!} /> {label}
            {stack.gold[k] && " ✓"}
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
  const { trace } = useReport();
  const found = trace.value;
  const curve = found?.curve;
  if (!curve) return null;
  const anyFollows = curve.state.includes(1);
  const gaps = curve.cuts.length < found.n + 1 || curve.low.some(Number.isNaN);
  const noDraw = curve.value.some((v, i) => Number.isNaN(v) && !Number.isNaN(curve.low[i]!));
  return (
    <div class="stackbar">
      <b>{curve.label}</b>
      <span class="keys">
        <Key of="bandkey">{Math.round(curve.level * 100)} % pointwise interval</Key>
        <Key of="tickkey">rollouts began here</Key>
        {anyFollows && <Key of="linekey">{curve.follows}</Key>}
        {noDraw && <Key of="bandkey">no draw: limits alone</Key>}
        {gaps && <Key of="dash">not measured</Key>}
        <span class="key dim">x: {found.head.unit}s kept</span>
      </span>
    </div>
  );
}
