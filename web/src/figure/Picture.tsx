// A figure for a paper: the curve, or the shares of the forced answer, and below it the trace in the colours of the page. As SVG that needs
// nothing else, all of its numbers in points; it looks like those of `tokenworth.plot`.
import type { ComponentChildren } from "preact";
import { lastAtMost } from "../codec";
import { MEASURED, NO_BIN, lineOf, openShare } from "../model";
import type { Curve, Metric, Stack, Trace } from "../model";
import { count, figure } from "../format";
import { perPixel, runs as runsOf } from "../plots/decimate";
import { steps } from "../plots/scale";
import { LINE, MM, SIZE, WIDE, columnsIn, columnsOf, inert, lay, within } from "./lay";
import type { Run } from "./lay";
import type { Colours } from "./colours";

const CURVE = 42 * MM;
const MARGIN = 1.5 * MM;
const [LEFT, BELOW, RIGHT] = [11 * MM, 10 * MM, 2.5 * MM];
const MOST_LINES = 60;
const SANS = "DejaVu Sans, Verdana, sans-serif";
const FIXED = "DejaVu Sans Mono, Menlo, Consolas, monospace";

export interface Shown {
  readonly found: Trace;
  readonly metric: Metric | null;
  readonly stack: Stack | null;
  readonly given: boolean;
  readonly range: readonly [number, number] | null;
  readonly unit: number;
  readonly colours: Colours;
  readonly width: number;
}

interface Axes { readonly x: (cut: number) => number; readonly y: (v: number) => number; readonly from: number; readonly to: number }

// What rollouts without a verdict leave open.
const HATCH = "tokenworth-hatch";
const HATCHED = `url(#${HATCH})`;

const n = (x: number) => Number(x.toFixed(2));
const points = (all: readonly (readonly [number, number])[]) => all.map(([x, y]) => `${n(x)} ${n(y)}`).join("L");

export function Picture(shown: Shown) {
  const { found, metric, colours, range } = shown;
  const width = shown.width * MM;
  const [from, to] = range ?? [0, found.n];
  const all = lay(found.pieces, from, to, columnsIn(width - 2 * MM));
  const kept = within(all, shown.unit, MOST_LINES);
  const lines = (kept.at(-1)?.line ?? -1) + 1;
  const stack = found.curve ? null : shown.stack;
  const legend = stack ? legendOf(stack, colours, width - LEFT - RIGHT) : null;
  const plot = found.curve || stack ? CURVE + (legend?.height ?? 0) : 0;
  const height = 2 * MARGIN + plot + (lines + 1.8) * LINE;
  const top = MARGIN + (legend?.height ?? 0);
  const axes: Axes = {
    from, to: Math.max(from + 1, to),
    x: (cut) => LEFT + ((cut - from) / Math.max(1, to - from)) * (width - LEFT - RIGHT),
    y: (v) => top + (1 - v) * (CURVE - BELOW - 3) + 3,
  };
  const label = found.curve ? lineOf(found.curve, shown.given).label : "share of the forced answer";
  return (
    <svg width={`${shown.width}mm`} height={`${n(height / MM)}mm`} viewBox={`0 0 ${n(width)} ${n(height)}`} font-family={SANS} font-size={SIZE} fill={colours.ink} role="img">
      <title>{inert(caption(shown, kept))}</title>
      <defs>
        <pattern id={HATCH} width={2.2} height={2.2} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0V2.2" stroke={colours.stroke} stroke-width={0.5} stroke-opacity={0.6} />
        </pattern>
      </defs>
      <rect width={n(width)} height={n(height)} fill="#fff" />
      {plot > 0 && (
        <Frame axes={axes} colours={colours} label={label} unit={found.head.unit}>
          {found.curve ? <Line curve={found.curve} given={shown.given} axes={axes} colours={colours} /> : <Shares stack={stack!} axes={axes} colours={colours} />}
        </Frame>
      )}
      {legend?.drawn}
      <g transform={`translate(${n(MM)} ${n(MARGIN + plot)})`} font-family={FIXED}>
        <Words runs={kept} metric={metric} colours={colours} />
        {metric && <Scale metric={metric} colours={colours} y={(lines + 0.8) * LINE} />}
      </g>
    </svg>
  );
}

// What the figure shows, for the text below it.
export function caption({ found, metric, stack, given, range }: Shown, kept: readonly Run[] | null = null): string {
  const { curve } = found;
  const parts: string[] = [];
  if (curve) {
    const begun = curve.nStarted.reduce((sum, x) => sum + x, 0);
    parts.push(`${lineOf(curve, given).label} by cut, with ${Math.round(curve.level * 100)} % ${curve.interval} intervals (${curve.assumption}). Ticks: the ${count(curve.nStarted.filter((x) => x > 0).length)} cuts where the ${count(begun)} rollouts began.`);
    if (curve.verdicts && !given) parts.push("Hatched: the limit would be so high if all rollouts without a verdict were hits; tokens: half or more have none.");
  } else if (stack) parts.push(`Shares of the forced answers by cut, after the exit text ${stack.name}, and the mass on all options.`);
  if (metric) parts.push(`Colour of a ${found.head.unit}: ${metric.name} after it, from ${figure(metric.low, 2)} to ${figure(metric.high, 2)}.`);
  const [from, to] = kept?.length ? [kept[0]!.unit, kept.at(-1)!.unit + 1] : (range ?? [0, found.n]);
  if (to - from < found.n) parts.push(`Text: ${found.head.unit}s ${count(from)} to ${count(to - 1)} of ${count(found.n)}.`);
  return parts.join(" ");
}

function Frame({ axes, colours, label, unit, children }: { axes: Axes; colours: Colours; label: string; unit: string; children: ComponentChildren }) {
  const [left, right, base, top] = [axes.x(axes.from), axes.x(axes.to), axes.y(0), axes.y(1)];
  const middle = (base + top) / 2;
  return (
    <g>
      {children}
      <path d={`M${n(left)} ${n(top)}V${n(base)}H${n(right)}`} fill="none" stroke={colours.stroke} stroke-width={0.5} />
      {[0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => (
        <>
          <path d={`M${n(left)} ${n(axes.y(v))}h-3.5`} stroke={colours.stroke} stroke-width={0.5} />
          <text x={n(left - 5.5)} y={n(axes.y(v) + 0.36 * SIZE)} text-anchor="end">{v.toFixed(1)}</text>
        </>
      ))}
      {steps(axes.from, axes.to, (right - left) / 34).map((cut) => (
        <>
          <path d={`M${n(axes.x(cut))} ${n(base)}v3.5`} stroke={colours.stroke} stroke-width={0.5} />
          <text x={n(axes.x(cut))} y={n(base + 10.5)} text-anchor="middle">{count(cut)}</text>
        </>
      ))}
      <text x={n((left + right) / 2)} y={n(base + 20)} text-anchor="middle">{`cut (after this many ${unit}s)`}</text>
      <text transform={`translate(${n(1.6 * MM + SIZE)} ${n(middle)}) rotate(-90)`} text-anchor="middle">{inert(label)}</text>
    </g>
  );
}

// Columns in a point: more of them no printer shows, and a long trace has more cuts.
const FINE = 8;

function Line({ curve, given, axes, colours }: { curve: Curve; given: boolean; axes: Axes; colours: Colours }) {
  const { value, low, high } = lineOf(curve, given);
  const blue = colours.categorical[0]!;
  const first = lastAtMost(curve.cuts, axes.from - 1) + 1;
  const last = lastAtMost(curve.cuts, axes.to) + 1;
  const xs = Float64Array.from(curve.cuts, (cut) => axes.x(cut) * FINE);
  const parts = runsOf(curve.cuts, value)
    .map(({ from, to }) => perPixel(xs, value, low, high, Math.max(from, first), Math.min(to, last)))
    .filter(({ x }) => x.length);
  const place = (column: readonly number[]) => (x: number, k: number) => [x / FINE, axes.y(column[k]!)] as const;
  const inside = Array.from({ length: last - first }, (_, k) => first + k);
  // Limits that have no value are a bar of their own, as on the page.
  const bars = inside.filter((i) => !Number.isNaN(low[i]!) && (Number.isNaN(value[i]!) || !(curve.cuts[i - 1] === curve.cuts[i]! - 1 || curve.cuts[i + 1] === curve.cuts[i]! + 1)));
  // From the upper limit to what it would be if all of these rollouts hit.
  const met = given ? undefined : curve.verdicts?.high_if_met;
  const open = met ? runsOf(curve.cuts, curve.high.map((v, i) => (openShare(curve, i) ? v : NaN))).map(({ from, to }) => perPixel(xs, curve.high, curve.high, met, Math.max(from, first), Math.min(to, last))) : [];
  const sparse = parts.length > 1 && parts.every(({ x }) => x.length === 1);
  const at = (i: number, v: number) => `M${n(axes.x(curve.cuts[i]!))} ${n(v)}`;
  return (
    <g fill="none" stroke={blue}>
      {parts.filter(({ x }) => x.length > 1).map((c) => (
        <path d={`M${points([...c.x.map(place(c.high)), ...c.x.map(place(c.low)).reverse()])}z`} fill={blue} fill-opacity={0.2} stroke="none" />
      ))}
      {open.map((c) => {
        // A cut by itself is as wide as its bar.
        const [xs, half] = [c.x, c.x.length > 1 ? 0 : FINE];
        const side = (column: readonly number[]) => xs.flatMap((x, k) => [[(x - half) / FINE, axes.y(column[k]!)] as const, [(x + half) / FINE, axes.y(column[k]!)] as const]);
        return xs.length > 0 && <path d={`M${points([...side(c.high), ...side(c.first).reverse()])}z`} fill={HATCHED} stroke="none" />;
      })}
      <path d={bars.map((i) => `${at(i, axes.y(low[i]!))}V${n(axes.y(high[i]!))}`).join("")} stroke-width={0.8} stroke-opacity={0.5} />
      {parts.length > 1 && <path d={`M${points(parts.flatMap((c) => c.x.map(place(c.first))))}`} stroke={colours.stroke} stroke-width={0.4} stroke-dasharray="2 2" />}
      <path d={parts.map((c) => `M${points(c.x.flatMap((x, k) => (c.min[k] === c.max[k] ? [c.first] : [c.first, c.min, c.max, c.last]).map((column) => place(column)(x, k))))}`).join("")} stroke-width={1} stroke-linejoin="round" />
      {sparse && parts.map((c) => <circle cx={n(c.x[0]! / FINE)} cy={n(axes.y(c.first[0]!))} r={1} fill={blue} stroke="none" />)}
      <path d={inside.filter((i) => curve.state[i] === MEASURED).map((i) => `${at(i, axes.y(0) - 1.5)}v3`).join("")} stroke={colours.stroke} stroke-width={0.7} />
    </g>
  );
}

const nameOf = (stack: Stack, k: number) => inert(stack.labels[k]!) + (stack.gold[k] ? " (gold)" : "");
const colourOf = (stack: Stack, k: number, colours: Colours) => colours.categorical[stack.colours[k]!] ?? colours.stroke;

function Shares({ stack, axes, colours }: { stack: Stack; axes: Axes; colours: Colours }) {
  const path = (row: Float32Array) => {
    const known = Array.from(stack.cuts, (_, i) => i).filter((i) => !Number.isNaN(row[i]!) && stack.cuts[i]! >= axes.from && stack.cuts[i]! <= axes.to);
    return known.length ? `M${points(known.map((i) => [axes.x(stack.cuts[i]!), axes.y(row[i]!)] as const))}` : "";
  };
  return (
    <g fill="none">
      {stack.share.map((row, k) => (
        <path d={path(row)} stroke={colourOf(stack, k, colours)} stroke-width={stack.gold[k] ? 1.2 : 0.8} />
      ))}
      <path d={path(stack.mass)} stroke={colours.stroke} stroke-width={0.6} stroke-dasharray="0.6 1" />
    </g>
  );
}

// The names of the lines, in rows above the axes.
function legendOf(stack: Stack, colours: Colours, width: number) {
  let [x, row] = [0, 0];
  const entries = [...stack.labels.map((_, k) => [nameOf(stack, k), colourOf(stack, k, colours), ""] as const), ["mass on the options", colours.stroke, "0.6 1"] as const].map(([name, colour, dash]) => {
    const wide = 16 + 0.62 * SIZE * columnsOf(name);
    if (x && x + wide > width) [x, row] = [0, row + 1];
    const at = [LEFT + x, MARGIN + (row + 0.7) * LINE] as const;
    x += wide;
    return (
      <>
        <path d={`M${n(at[0])} ${n(at[1] - 2.2)}h8`} stroke={colour} stroke-width={1} stroke-dasharray={dash || undefined} />
        <text x={n(at[0] + 10)} y={n(at[1])}>{name}</text>
      </>
    );
  });
  return { height: (row + 1) * LINE, drawn: <g>{entries}</g> };
}

function Words({ runs, metric, colours }: { runs: readonly Run[]; metric: Metric | null; colours: Colours }) {
  // Neighbours of one colour are one area, without seams.
  const areas: { line: number; column: number; end: number; bin: number; open: boolean }[] = [];
  for (const { line, column, width, unit } of runs) {
    const bin = metric ? metric.bins[unit]! : NO_BIN;
    const open = metric?.hatched?.[unit] === 1;
    const last = areas.at(-1);
    if (last?.bin === bin && last.open === open && last.line === line && last.end === column) last.end += width;
    else areas.push({ line, column, end: column + width, bin, open });
  }
  return (
    <>
      {areas.filter(({ bin }) => bin !== NO_BIN).map(({ line, column, end, bin, open }) =>
        [colours.ramp[bin], ...(open ? [HATCHED] : [])].map((fill) => <rect x={n(column * WIDE)} y={n(line * LINE)} width={n((end - column) * WIDE)} height={n(LINE)} fill={fill} />),
      )}
      {runs.map((run) => {
        // White space at the ends is left out, because programs differ in what they make of it.
        const bare = run.text.trim();
        const x = (run.column + columnsOf(run.text) - columnsOf(run.text.trimStart())) * WIDE;
        return bare && <text x={n(x)} y={n((run.line + 0.72) * LINE)} textLength={n(columnsOf(bare) * WIDE)} lengthAdjust="spacingAndGlyphs">{bare}</text>;
      })}
    </>
  );
}

function Scale({ metric, colours, y }: { metric: Metric; colours: Colours; y: number }) {
  const wide = 0.602 * (SIZE - 1);
  const before = `${inert(metric.name)}\u00a0 ${shortly(metric.low)}`;
  const after = shortly(metric.high) + (metric.bins.includes(NO_BIN) ? " \u00a0 no colour: not measured" : "") + (metric.hatched ? " \u00a0 hatched: half have no verdict" : "");
  const left = columnsOf(before) * wide + 2;
  const step = 2.4;
  return (
    <g font-size={SIZE - 1}>
      <text x={0} y={n(y + 0.62 * LINE)} textLength={n(left - 2)} lengthAdjust="spacingAndGlyphs">{before}</text>
      {colours.ramp.map((colour, k) => (
        <rect x={n(left + k * step)} y={n(y)} width={step} height={n(0.8 * LINE)} fill={colour} />
      ))}
      <rect x={n(left)} y={n(y)} width={n(21 * step)} height={n(0.8 * LINE)} fill="none" stroke={colours.ground} stroke-width={0.4} />
      <text x={n(left + 21 * step + 2)} y={n(y + 0.62 * LINE)}>{after}</text>
    </g>
  );
}

const shortly = (x: number) => String(Number(x.toFixed(2))).replace("-", "−");
