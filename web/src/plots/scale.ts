// The shared x axis (cuts) and small drawing helpers.
import { RISING, STATES, TILE } from "../states";
import type { Line } from "../states";

export const LEFT = 44;
export const RIGHT = 14;

export interface Scale {
  readonly width: number;
  readonly from: number;
  readonly to: number;
  x(cut: number): number;
  cut(x: number): number;
  readonly perCut: number;
}

export function makeScale(width: number, from: number, to: number): Scale {
  const room = Math.max(10, width - LEFT - RIGHT);
  const span = Math.max(1, to - from);
  const perCut = room / span;
  return {
    width,
    from,
    to,
    perCut,
    x: (cut) => LEFT + (cut - from) * perCut,
    cut: (x) => Math.max(from, Math.min(to, Math.round(from + (x - LEFT) / perCut))),
  };
}

export function steps(from: number, to: number, most: number): number[] {
  const raw = Math.max(1, (to - from) / Math.max(1, most));
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? raw);
  const out: number[] = [];
  for (let x = Math.ceil(from / step) * step; x <= to; x += step) out.push(x);
  return out;
}

// Draws at device resolution; returns null where there is no room or no canvas.
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const ctx = canvas.getContext("2d");
  ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx?.clearRect(0, 0, width, height);
  return ctx;
}

export interface Theme {
  readonly ink: string;
  readonly muted: string;
  readonly rule: string;
  readonly line: string;
  readonly band: string;
  readonly paper: string;
  readonly mark: string;
  fill(ctx: CanvasRenderingContext2D, index: number): CanvasPattern | string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: get("--ink"),
    muted: get("--muted"),
    rule: get("--rule"),
    line: get("--line"),
    band: get("--band"),
    paper: get("--paper"),
    mark: get("--mark"),
    fill: (ctx, index) => {
      if (index >= 0) return get(`--cat-${index}`);
      const state = STATES[index];
      return state ? tiled(ctx, get(state.ground), get(state.stroke), state.lines, state.width) : get("--other");
    },
  };
}

// Lines over a ground, repeated; a ground of "" is transparent.
function tiled(ctx: CanvasRenderingContext2D, ground: string, stroke: string, lines: readonly Line[], width: number): CanvasPattern | string {
  if (!lines.length) return ground;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE;
  const pen = tile.getContext("2d");
  if (!pen) return stroke;
  if (ground) {
    pen.fillStyle = ground;
    pen.fillRect(0, 0, TILE, TILE);
  }
  pen.strokeStyle = stroke;
  pen.lineWidth = width;
  for (const [x0, y0, x1, y1] of lines) {
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat") ?? stroke;
}

// A diagonal hatch in one colour: mass that is on no option.
export function hatch(ctx: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  return tiled(ctx, "", colour, RISING, 1);
}
