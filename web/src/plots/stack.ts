// Shares stacked at cuts. A reading fills its own cut only; cuts without one stay empty.
import { lastAtMost } from "../codec";
import { unlisted } from "../model";
import type { Stack } from "../model";
import { drawFrame } from "./curve";
import { LEFT, RIGHT, hatch } from "./scale";
import type { Scale, Theme } from "./scale";

// Rows that hold a reading of their own.
export function readings(stack: Stack): Int32Array {
  const rows: number[] = [];
  for (let i = 0; i < stack.cuts.length; i++) if (!stack.held?.[i] && !Number.isNaN(stack.mass[i]!)) rows.push(i);
  return Int32Array.from(rows);
}

function usualGap(stack: Stack, rows: Int32Array): number {
  const gaps = Array.from({ length: Math.min(2000, rows.length - 1) }, (_, k) => stack.cuts[rows[k + 1]!]! - stack.cuts[rows[k]!]!).sort((a, b) => a - b);
  return gaps[gaps.length >> 1] ?? 1;
}

export function drawStack(ctx: CanvasRenderingContext2D, stack: Stack, share: boolean, scale: Scale, theme: Theme, height: number): void {
  const y = drawFrame(ctx, scale, theme, height, 8);
  const rows = readings(stack);
  const gap = usualGap(stack, rows);
  const width = gap <= 1 ? scale.perCut : Math.max(1, gap * scale.perCut * 0.6);
  ctx.save();
  ctx.beginPath();
  ctx.rect(LEFT - 4, 0, scale.width - LEFT - RIGHT + 8, height);
  ctx.clip();
  const pens: Pens = { colours: stack.colours.map((c) => theme.fill(ctx, c)), rest: hatch(ctx, theme.muted), open: theme.band, gold: theme.ink, mass: theme.ink };
  if (scale.perCut * gap >= 1) {
    for (const i of rows) {
      if (stack.cuts[i]! < scale.from - 1 || stack.cuts[i]! > scale.to + 1) continue;
      column(ctx, stack, share, [i], scale.x(stack.cuts[i]!) - width / 2, Math.max(1, width + (gap <= 1 ? 0.5 : 0)), y, pens);
    }
  } else {
    for (let x = LEFT, k = 0; x <= scale.width - RIGHT; x++) {
      const here: number[] = [];
      while (k < rows.length && scale.x(stack.cuts[rows[k]!]!) < x + 1) {
        if (scale.x(stack.cuts[rows[k]!]!) >= x) here.push(rows[k]!);
        k++;
      }
      if (here.length) column(ctx, stack, share, here, x, 1, y, pens);
    }
  }
  if (share) massLine(ctx, stack, rows, scale, y, theme);
  ctx.restore();
}

interface Pens { readonly colours: readonly (CanvasPattern | string)[]; readonly rest: CanvasPattern | string; readonly open: string; readonly gold: string; readonly mass: string }

function mean(row: Float32Array, at: readonly number[]): number {
  let sum = 0;
  for (const i of at) sum += Number.isNaN(row[i]!) ? 0 : row[i]!;
  return sum / at.length;
}

function column(
  ctx: CanvasRenderingContext2D, stack: Stack, share: boolean, at: readonly number[], x: number, width: number, y: (v: number) => number, pens: Pens,
): void {
  let base = 0;
  (share ? stack.share : stack.raw).forEach((row, k) => {
    const size = mean(row, at);
    if (!(size > 0)) return;
    ctx.fillStyle = pens.colours[k]!;
    ctx.fillRect(x, y(base + size), width, y(base) - y(base + size));
    if (stack.gold[k]) {
      ctx.fillStyle = pens.gold;
      ctx.fillRect(x, y(base + size) - 0.75, width, 1.5);
    }
    base += size;
  });
  // A light band: options that were not listed are somewhere in it.
  const open = stack.massHigh ? at.reduce((sum, i) => sum + unlisted(stack, i, share), 0) / at.length : 0;
  if (open > 0) {
    ctx.fillStyle = pens.open;
    ctx.fillRect(x, y(Math.min(1, base + open)), width, y(base) - y(Math.min(1, base + open)));
    base += open;
  }
  if (share || base > 0.9995) return;
  ctx.fillStyle = pens.rest;
  ctx.fillRect(x, y(1), width, y(Math.min(1, base)) - y(1));
}

// Renormalised shares hide how much was on the options at all, so the mass is drawn over them.
function massLine(ctx: CanvasRenderingContext2D, stack: Stack, rows: Int32Array, scale: Scale, y: (v: number) => number, theme: Theme): void {
  for (const [colour, width] of [[theme.paper, 3.5], [theme.ink, 1.5]] as const) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.setLineDash(width > 2 ? [] : [5, 3]);
    ctx.beginPath();
    let before = -1;
    for (const i of rows) {
      const x = scale.x(stack.cuts[i]!);
      if (Math.floor(x) === before) continue;
      before = Math.floor(x);
      ctx.lineTo(x, y(Math.min(1, stack.mass[i]!)));
    }
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

// The stack's row at a cut, or -1 where it has no reading of its own there.
export function readingAt(stack: Stack, cut: number): number {
  const row = lastAtMost(stack.cuts, cut);
  return row >= 0 && stack.cuts[row] === cut && !stack.held?.[row] && !Number.isNaN(stack.mass[row]!) ? row : -1;
}
