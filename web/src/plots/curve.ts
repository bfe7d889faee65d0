// The value curve: band and line where neighbouring cuts have values, whiskers and dots at single cuts, dashes across gaps.
import { lastAtMost } from "../codec";
import { MEASURED, lineOf, openShare } from "../model";
import type { Curve, Line } from "../model";
import { perPixel, runs } from "./decimate";
import type { Run } from "./decimate";
import { LEFT, RIGHT, hatch } from "./scale";
import type { Scale, Theme } from "./scale";

const TOP = 8;
const BOTTOM = 10;
const DOTS_FROM = 5;

export function drawFrame(ctx: CanvasRenderingContext2D, scale: Scale, theme: Theme, height: number, bottom = BOTTOM): (v: number) => number {
  const y = (v: number) => TOP + (1 - v) * (height - TOP - bottom);
  ctx.font = "11px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 1;
  for (const v of [0, 0.5, 1]) {
    ctx.strokeStyle = theme.rule;
    ctx.beginPath();
    ctx.moveTo(LEFT, Math.round(y(v)) + 0.5);
    ctx.lineTo(scale.width - RIGHT, Math.round(y(v)) + 0.5);
    ctx.stroke();
    ctx.fillStyle = theme.muted;
    ctx.fillText(v === 0.5 ? "0.5" : String(v), LEFT - 8, y(v));
  }
  return y;
}

// A place that is named on the curve: from the cut before its first token to the cut after its last.
export interface Rule { readonly from: number; readonly to: number; readonly text: string }

export function drawRule(ctx: CanvasRenderingContext2D, rule: Rule, scale: Scale, theme: Theme, height: number): void {
  if (rule.to < scale.from || rule.from > scale.to) return;
  const [a, b] = [Math.max(LEFT, scale.x(rule.from)), Math.min(scale.width - RIGHT, scale.x(rule.to))];
  ctx.save();
  ctx.globalAlpha = 0.16;
  ctx.fillStyle = theme.mark;
  ctx.fillRect(a, 0, Math.max(1, b - a), height);
  ctx.restore();
  ctx.fillStyle = theme.mark;
  if (rule.from >= scale.from) ctx.fillRect(Math.round(a) - 0.5, 0, 1.5, height);
  ctx.font = "600 11px system-ui, sans-serif";
  ctx.textBaseline = "top";
  const width = ctx.measureText(rule.text).width;
  const left = a + 6 + width > scale.width - RIGHT;
  ctx.textAlign = left ? "right" : "left";
  const x = left ? a - 5 : a + 5;
  ctx.fillStyle = theme.paper;
  ctx.globalAlpha = 0.85;
  ctx.fillRect(left ? x - width - 2 : x - 2, 1, width + 4, 14);
  ctx.globalAlpha = 1;
  ctx.fillStyle = theme.mark;
  ctx.fillText(rule.text, x, 2);
}

// `given`: among rollouts with a verdict, so that nothing is left open.
// `band`: whether the limits of the whole curve are drawn.
export function drawCurve(ctx: CanvasRenderingContext2D, curve: Curve, given: boolean, band: boolean, scale: Scale, theme: Theme, height: number): void {
  const line = lineOf(curve, given);
  const y = drawFrame(ctx, scale, theme, height);
  const first = Math.max(0, lastAtMost(curve.cuts, scale.from) - 1);
  const last = Math.min(curve.cuts.length, lastAtMost(curve.cuts, scale.to) + 3);
  ctx.save();
  ctx.beginPath();
  ctx.rect(LEFT - 4, 0, scale.width - LEFT - RIGHT + 8, height);
  ctx.clip();
  const cuts = curve.cuts.subarray(first, last);
  const [value, low, high] = [line.value, line.low, line.high].map((c) => c.subarray(first, last)) as [Float32Array, Float32Array, Float32Array];
  const xs = Float64Array.from(cuts, (c) => scale.x(c));
  const parts = runs(cuts, value);
  if (!given) drawOpen(ctx, curve, first, last, xs, y, theme, scale);
  drawGaps(ctx, parts, xs, value, y, theme);
  for (const run of parts) {
    if (run.to - run.from === 1) drawWhisker(ctx, xs[run.from]!, low[run.from]!, high[run.from]!, y, theme, scale);
    else drawRun(ctx, run, xs, value, low, high, y, theme);
  }
  // Limits without a value: a bar a cut, next to one another they are a band without a line.
  for (let i = 0; i < cuts.length; i++) if (Number.isNaN(value[i]!) && !Number.isNaN(low[i]!)) drawWhisker(ctx, xs[i]!, low[i]!, high[i]!, y, theme, scale);
  if (band && !given) for (const side of [curve.bandLow, curve.bandHigh]) if (side) drawSide(ctx, cuts, xs, side.subarray(first, last), y, theme, scale);
  drawMeasured(ctx, curve, line, first, last, scale, y, theme, height);
  ctx.restore();
}

// One limit of the whole curve: a thin line, short at a cut that stands alone.
function drawSide(ctx: CanvasRenderingContext2D, cuts: Int32Array, xs: Float64Array, side: Float32Array, y: (v: number) => number, theme: Theme, scale: Scale): void {
  const half = Math.min(3, scale.perCut / 3);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 0.75;
  ctx.beginPath();
  xs.forEach((x, i) => {
    ctx[cuts[i - 1] === cuts[i]! - 1 ? "lineTo" : "moveTo"](x - half, y(side[i]!));
    ctx.lineTo(x + half, y(side[i]!));
  });
  ctx.stroke();
}

// From the upper limit to what it would be if every rollout without a verdict met the target: hatched, a column a cut.
function drawOpen(
  ctx: CanvasRenderingContext2D, curve: Curve, first: number, last: number, xs: Float64Array, y: (v: number) => number, theme: Theme, scale: Scale,
): void {
  if (!curve.verdicts) return;
  ctx.fillStyle = hatch(ctx, theme.muted);
  for (let i = first; i < last; i++) {
    const [low, high] = [curve.high[i]!, curve.verdicts.high_if_met[i]!];
    if (!openShare(curve, i) || !(high > low)) continue;
    // Neighbours meet in the middle; a cut by itself is as wide as its whisker.
    const alone = (by: number) => curve.cuts[i + by] !== curve.cuts[i]! + by || !openShare(curve, i + by);
    const half = Math.max(0.5, alone(-1) && alone(1) ? Math.min(2.5, scale.perCut * 0.3) : scale.perCut / 2);
    const x = xs[i - first]!;
    const [a, b] = [Math.floor(x - half), Math.floor(x + half)];
    ctx.fillRect(a, y(high), Math.max(1, b - a), y(low) - y(high));
  }
}

// Nothing was measured between two runs: only a thin dashed connection, no band.
function drawGaps(ctx: CanvasRenderingContext2D, parts: Run[], xs: Float64Array, value: Float32Array, y: (v: number) => number, theme: Theme): void {
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  for (let k = 0; k + 1 < parts.length; k++) {
    const [a, b] = [parts[k]!.to - 1, parts[k + 1]!.from];
    ctx.moveTo(xs[a]!, y(value[a]!));
    ctx.lineTo(xs[b]!, y(value[b]!));
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

function drawRun(
  ctx: CanvasRenderingContext2D, run: Run, xs: Float64Array, value: Float32Array, low: Float32Array, high: Float32Array,
  y: (v: number) => number, theme: Theme,
): void {
  const c = perPixel(xs, value, low, high, run.from, run.to);
  ctx.fillStyle = theme.band;
  ctx.beginPath();
  c.x.forEach((x, k) => ctx.lineTo(x, y(c.high[k]!)));
  for (let k = c.x.length - 1; k >= 0; k--) ctx.lineTo(c.x[k]!, y(c.low[k]!));
  ctx.closePath();
  ctx.fill();
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1.75;
  ctx.lineJoin = "round";
  ctx.beginPath();
  c.x.forEach((x, k) => {
    ctx.lineTo(x, y(c.first[k]!));
    if (c.min[k] !== c.max[k]) {
      ctx.lineTo(x, y(c.min[k]!));
      ctx.lineTo(x, y(c.max[k]!));
      ctx.lineTo(x, y(c.last[k]!));
    }
  });
  ctx.stroke();
}

function drawWhisker(ctx: CanvasRenderingContext2D, x: number, low: number, high: number, y: (v: number) => number, theme: Theme, scale: Scale): void {
  ctx.strokeStyle = theme.band;
  ctx.lineWidth = Math.max(1, Math.min(5, scale.perCut * 0.6));
  ctx.beginPath();
  ctx.moveTo(x, y(low));
  ctx.lineTo(x, y(high));
  ctx.stroke();
}

// A tick under every cut where rollouts began, and a dot on the curve where there is room. What merely follows has neither.
function drawMeasured(
  ctx: CanvasRenderingContext2D, curve: Curve, line: Line, first: number, last: number, scale: Scale, y: (v: number) => number, theme: Theme, height: number,
): void {
  ctx.fillStyle = theme.line;
  let before = -1;
  let known = -Infinity;
  let closest = Infinity;
  for (let i = first; i < last; i++) {
    if (curve.state[i] !== MEASURED) continue;
    closest = Math.min(closest, scale.x(curve.cuts[i]!) - known);
    known = scale.x(curve.cuts[i]!);
  }
  const radius = closest >= DOTS_FROM ? 2.2 : closest >= 2.5 ? 1.3 : 0;
  for (let i = first; i < last; i++) {
    if (curve.state[i] !== MEASURED) continue;
    const x = scale.x(curve.cuts[i]!);
    if (radius && !Number.isNaN(line.value[i]!)) {
      ctx.beginPath();
      ctx.arc(x, y(line.value[i]!), radius, 0, 2 * Math.PI);
      ctx.fill();
    }
    const pixel = Math.floor(x);
    if (pixel !== before) ctx.fillRect(pixel, height - 5, 1, 4);
    before = pixel;
  }
}
