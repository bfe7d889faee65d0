import { METRICS } from "../hash";
import type { MetricName } from "../hash";
import { figure } from "../format";
import { NO_BIN } from "../model";
import { metric, metricName, offered, share, stackIndex, trace } from "../state";
import { Swatch, unitWord } from "./parts";

const BINS = Array.from({ length: 21 }, (_, i) => i);

function nameOf(name: MetricName): string {
  const all = trace.value?.metrics;
  if (name === "forced") return [...(all?.values() ?? [])].find((m) => m.key.startsWith("forced/"))?.name ?? "forced P(gold)";
  return all?.get(name)?.name ?? name;
}

export function MetricBar() {
  return (
    <div class="metricbar">
      <div class="seg" role="group" aria-label="colour by" hidden={!offered.value.length}>
        {METRICS.filter((m) => offered.value.includes(m)).map((m) => (
          <button type="button" aria-pressed={metricName.value === m} onClick={() => (metricName.value = m)} data-metric={m}>
            {nameOf(m)}
          </button>
        ))}
      </div>
      <Scale />
    </div>
  );
}

// What a colour means, on which scale, from how many rollouts, and what no colour means.
function Scale() {
  const m = metric.value;
  if (!m && trace.value?.formal) return <FormalLegend />;
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
        {metricName.value === "value" && samplesPerCut()}
      </span>
      <span class="key">
        <span class="nm demo">abc</span> not measured ({(m.values.length - n).toLocaleString("en-US")} of {m.values.length.toLocaleString("en-US")})
      </span>
      {trace.value?.formal && (
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

function samplesPerCut(): string {
  const curve = trace.value?.curve;
  if (!curve) return "";
  const started = curve.nStarted.filter((x) => x > 0);
  if (!started.length) return "";
  const [low, high] = started.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)] as const, [Infinity, 0] as readonly [number, number]);
  return `, n ${low === high ? low : `${low}–${high}`} at a measured cut`;
}

export function StackLegend() {
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
        {stack.massHigh?.some((x, i) => x > stack.mass[i]!) && (
          <span class="key">
            <i class="sw open" aria-hidden="true" /> not listed: up to
          </span>
        )}
        <span class="key">
          {share.value && stack.kind === "forced" ? <i class="sw dash" aria-hidden="true" /> : <i class="sw hatch" aria-hidden="true" />}{" "}
          {stack.kind === "forced" ? (share.value ? "mass on options" : "not on options") : "no outcome known"}
        </span>
      </span>
    </div>
  );
}

export function CurveLegend() {
  const curve = trace.value?.curve;
  if (!curve) return null;
  const anyFollows = curve.state.includes(1);
  const gaps = curve.cuts.length < (trace.value?.n ?? 0) + 1 || curve.low.some(Number.isNaN);
  const noDraw = curve.value.some((v, i) => Number.isNaN(v) && !Number.isNaN(curve.low[i]!));
  return (
    <div class="stackbar">
      <b>{curve.label}</b>
      <span class="keys">
        <span class="key">
          <i class="sw bandkey" aria-hidden="true" /> {Math.round(curve.level * 100)} % pointwise interval
        </span>
        <span class="key">
          <i class="sw tickkey" aria-hidden="true" /> rollouts began here
        </span>
        {anyFollows && (
          <span class="key">
            <i class="sw linekey" aria-hidden="true" /> {curve.follows}
          </span>
        )}
        {noDraw && (
          <span class="key">
            <i class="sw bandkey" aria-hidden="true" /> no draw: limits alone
          </span>
        )}
        {gaps && (
          <span class="key">
            <i class="sw dash" aria-hidden="true" /> not measured
          </span>
        )}
        <span class="key dim">x: {unitWord()}s kept</span>
      </span>
    </div>
  );
}
