// A chart of several lines: its scale and its drawing. Lines are told apart by dashes and marks as well as by colours.
import { readTheme, steps } from "../kit";

export interface Line {
  readonly name: string;
  readonly step: boolean;
  readonly x: Int32Array;
  readonly y: Float32Array;
  readonly low: Float32Array | null;
  readonly high: Float32Array | null;
  readonly outerLow: Float32Array | null;
  readonly outerHigh: Float32Array | null;
}
export interface Bracket { readonly start: number; readonly stop: number; readonly label: string; readonly at: number | null; readonly row: string }
export interface Chart {
  readonly lines: readonly Line[];
  readonly length: number;
  readonly limits: readonly [number, number];
  readonly brackets: readonly Bracket[];
  readonly rules: readonly { readonly y: number; readonly label: string }[];
}

// A line is thin, so its colour is drawn towards the ink: 3 to 1 against either paper.
export function colourOf(fill: string, ink: string): string {
  return `color-mix(in srgb, ${fill} 62%, ${ink})`;
}

export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
export const LEFT = 44;
export const RIGHT = 12;
const TOP = 10;
const BRACKET = 16;

export interface Layout { readonly width: number; readonly height: number; readonly bottom: number; readonly lanes: readonly number[]; x(cut: number): number; y(v: number): number; cut(x: number): number }

// A lane for each bracket: the first one that is free where it and its label stand.
export function lanesOf(brackets: readonly Bracket[], x: (cut: number) => number, wide: (label: string) => number): number[] {
  const ends: number[] = [];
  return brackets.map((b) => {
    const from = x(b.start);
    const to = Math.max(x(b.stop), from + wide(b.label)) + 8;
    let lane = ends.findIndex((end) => end <= from);
    if (lane < 0) lane = ends.length;
    ends[lane] = to;
    return lane;
  });
}

export function layoutOf(chart: Chart, width: number, plot: number, wide: (label: string) => number): Layout {
  const [low, high] = chart.limits;
  const room = Math.max(10, width - LEFT - RIGHT);
  const x = (cut: number) => LEFT + (cut / Math.max(1, chart.length)) * room;
  const lanes = lanesOf(chart.brackets, x, wide);
  const bottom = TOP + plot;
  return {
    width, bottom, lanes, x,
    height: bottom + 18 + BRACKET * Math.max(0, ...lanes.map((lane) => lane + 1)),
    y: (v) => TOP + ((high - v) / (high - low)) * plot,
    cut: (px) => Math.max(0, Math.min(chart.length, Math.round(((px - LEFT) / room) * chart.length))),
  };
}

// The last point at or before a place (of a step line), or the one at it; -1: the line says nothing there.
export function pointAt(line: Line, cut: number): number {
  let found = -1;
  for (let k = 0; k < line.x.length && line.x[k]! <= cut; k++) found = k;
  return found >= 0 && (line.step || line.x[found] === cut) && !Number.isNaN(line.y[found]!) ? found : -1;
}

export function paint(ctx: CanvasRenderingContext2D, canvas: HTMLCanvasElement, chart: Chart, layout: Layout, outer: boolean, cursor: number | null): void {
  const theme = readTheme();
  ctx.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  ctx.lineJoin = "round";
  frame(ctx, chart, layout, theme);
  chart.lines.forEach((line, k) => {
    const colour = chart.lines.length === 1 ? theme.line : colourOf(String(theme.fill(ctx, k % 8)), theme.ink);
    const [low, high] = outer && line.outerLow ? [line.outerLow, line.outerHigh] : [line.low, line.high];
    if (low && high) band(ctx, line, low, high, layout, colour);
    stroke(ctx, line, layout, colour, DASHES[k % DASHES.length]!);
  });
  chart.rules.forEach((rule) => {
    ctx.strokeStyle = ctx.fillStyle = theme.ink;
    ctx.lineWidth = 1;
    ctx.setLineDash([1, 3]);
    segment(ctx, LEFT, layout.y(rule.y), layout.width - RIGHT, layout.y(rule.y));
    ctx.setLineDash([]);
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(rule.label, layout.width - RIGHT, layout.y(rule.y) - 1);
  });
  brackets(ctx, chart, layout, theme);
  if (cursor === null) return;
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1;
  segment(ctx, layout.x(cursor), TOP, layout.x(cursor), layout.bottom);
}

type Theme = ReturnType<typeof readTheme>;

function segment(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function frame(ctx: CanvasRenderingContext2D, chart: Chart, { width, bottom, x, y }: Layout, theme: Theme): void {
  const [low, high] = chart.limits;
  ctx.strokeStyle = theme.rule;
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const v of [low, (low + high) / 2, high]) {
    segment(ctx, LEFT, Math.round(y(v)) + 0.5, width - RIGHT, Math.round(y(v)) + 0.5);
    ctx.fillText(String(Number(v.toPrecision(3))).replace("-", "−"), LEFT - 6, y(v));
  }
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const cut of steps(0, chart.length, (width - LEFT) / 70)) ctx.fillText(cut.toLocaleString("en-US"), x(cut), bottom + 4);
}

// Neighbours are joined; a point beside none is a bar.
function band(ctx: CanvasRenderingContext2D, line: Line, low: Float32Array, high: Float32Array, { x, y }: Layout, colour: string): void {
  ctx.save();
  ctx.globalAlpha = 0.17;
  ctx.fillStyle = ctx.strokeStyle = colour;
  for (let k = 0; k < line.x.length; k++) {
    if (Number.isNaN(low[k]!) || Number.isNaN(high[k]!)) continue;
    const next = k + 1 < line.x.length && !Number.isNaN(low[k + 1]!) ? k + 1 : -1;
    if (next < 0) {
      ctx.fillRect(x(line.x[k]!) - 1.5, y(high[k]!), 3, Math.max(1, y(low[k]!) - y(high[k]!)));
      continue;
    }
    const [a, b] = [x(line.x[k]!), x(line.x[next]!)];
    const to = line.step ? k : next;
    ctx.beginPath();
    ctx.moveTo(a, y(high[k]!));
    ctx.lineTo(b, y(high[to]!));
    ctx.lineTo(b, y(low[to]!));
    ctx.lineTo(a, y(low[k]!));
    ctx.fill();
  }
  ctx.restore();
}

function stroke(ctx: CanvasRenderingContext2D, line: Line, { x, y }: Layout, colour: string, dash: readonly number[]): void {
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1.75;
  ctx.setLineDash([...dash]);
  ctx.beginPath();
  let before = -1;
  for (let k = 0; k < line.x.length; k++) {
    if (Number.isNaN(line.y[k]!)) {
      before = -1;
      continue;
    }
    const [px, py] = [x(line.x[k]!), y(line.y[k]!)];
    if (before < 0) ctx.moveTo(px, py);
    else if (line.step) ctx.lineTo(px, y(line.y[before]!));
    ctx.lineTo(px, py);
    before = k;
  }
  ctx.stroke();
  ctx.setLineDash([]);
  const close = line.x.length > 1 && x(line.x[line.x.length - 1]!) - x(line.x[0]!) < 5 * line.x.length;
  for (let k = 0; k < line.x.length; k++) {
    const alone = Number.isNaN(line.y[k - 1] ?? NaN) && Number.isNaN(line.y[k + 1] ?? NaN);
    if (Number.isNaN(line.y[k]!) || (close && !alone)) continue;
    ctx.beginPath();
    ctx.arc(x(line.x[k]!), y(line.y[k]!), 2.2, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function brackets(ctx: CanvasRenderingContext2D, chart: Chart, { width, bottom, lanes, x }: Layout, theme: Theme): void {
  ctx.strokeStyle = ctx.fillStyle = theme.mark;
  ctx.lineWidth = 1.5;
  ctx.textBaseline = "top";
  chart.brackets.forEach((b, k) => {
    const [from, to, y] = [x(b.start), Math.max(x(b.stop), x(b.start) + 2), bottom + 21 + BRACKET * lanes[k]!];
    ctx.beginPath();
    ctx.moveTo(from, y - 4);
    ctx.lineTo(from, y);
    ctx.lineTo(to, y);
    ctx.lineTo(to, y - 4);
    ctx.stroke();
    if (b.at !== null) segment(ctx, x(b.at), y - 5, x(b.at), y + 3);
    const fits = from + ctx.measureText(b.label).width < width - 2;
    ctx.textAlign = fits ? "left" : "right";
    ctx.fillText(b.label, fits ? from : to, y + 2);
  });
}
