// The event lane: one glyph a kind, drawn from quiet to loud, and the axis numbers under it.
import { count } from "../format";
import type { TraceEvent } from "../model";
import { LEFT, RIGHT, steps } from "./scale";
import type { Scale, Theme } from "./scale";

const ORDER: readonly string[] = ["sentence", "paragraph", "answer", "violation", "note", "flip", "change", "first error"];
const MIDDLE = 10;

export function drawLane(ctx: CanvasRenderingContext2D, events: readonly TraceEvent[], scale: Scale, theme: Theme, height: number): void {
  ctx.fillStyle = theme.rule;
  ctx.fillRect(LEFT, MIDDLE * 2, scale.width - LEFT - RIGHT, 1);
  const drawn = new Set<string>();
  const quiet = scale.perCut * 12 < 3;
  const crowded = events.reduce((sum, e) => sum + (e.kind === "note" ? 1 : 0), 0) * 12 > scale.perCut * (events.at(-1)?.cut ?? 0);
  for (const kind of ORDER) {
    if (kind === "sentence" && quiet) continue;
    for (const event of events) {
      if (event.kind !== kind || event.cut < scale.from || event.cut > scale.to) continue;
      const x = Math.round(scale.x(event.cut)) + 0.5;
      if (drawn.has(kind + x)) continue;
      drawn.add(kind + x);
      glyph(ctx, crowded && kind === "note" ? "dot" : kind, x, theme);
    }
  }
  axis(ctx, scale, theme, height);
}

export function glyph(ctx: CanvasRenderingContext2D, kind: string, x: number, theme: Theme): void {
  ctx.lineWidth = 1;
  ctx.strokeStyle = kind === "sentence" ? theme.rule : theme.muted;
  ctx.fillStyle = kind === "change" ? theme.mark : theme.ink;
  if (kind === "violation" || kind === "first error") {
    const size = kind === "violation" ? 3 : 5;
    ctx.strokeStyle = theme.mark;
    ctx.lineWidth = kind === "violation" ? 1 : 2.2;
    ctx.beginPath();
    ctx.moveTo(x - size, MIDDLE - size);
    ctx.lineTo(x + size, MIDDLE + size);
    ctx.moveTo(x - size, MIDDLE + size);
    ctx.lineTo(x + size, MIDDLE - size);
    return ctx.stroke();
  }
  ctx.beginPath();
  switch (kind) {
    case "sentence":
      ctx.moveTo(x, MIDDLE + 4);
      ctx.lineTo(x, MIDDLE * 2);
      return ctx.stroke();
    case "paragraph":
      ctx.moveTo(x, MIDDLE);
      ctx.lineTo(x, MIDDLE * 2);
      return ctx.stroke();
    case "answer":
      ctx.fillRect(x - 1.5, 2, 2.5, 2 * MIDDLE - 2);
      return;
    case "flip":
      ctx.moveTo(x, 4);
      ctx.lineTo(x + 5, 13);
      ctx.lineTo(x - 5, 13);
      return ctx.fill();
    case "dot":
      ctx.arc(x, MIDDLE, 1.5, 0, 2 * Math.PI);
      return ctx.fill();
    case "note":
      ctx.arc(x, MIDDLE, 3.5, 0, 2 * Math.PI);
      return ctx.stroke();
    default:
      ctx.moveTo(x, 2);
      ctx.lineTo(x + 5, 9);
      ctx.lineTo(x, 16);
      ctx.lineTo(x - 5, 9);
      return ctx.fill();
  }
}

function axis(ctx: CanvasRenderingContext2D, scale: Scale, theme: Theme, height: number): void {
  ctx.fillStyle = theme.muted;
  ctx.font = "11px system-ui, sans-serif";
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "center";
  for (const cut of steps(scale.from, scale.to, Math.max(2, scale.width / 90))) {
    const x = scale.x(cut);
    ctx.fillRect(Math.round(x), MIDDLE * 2, 1, 4);
    ctx.fillText(count(cut), Math.min(x, scale.width - RIGHT - 8), height - 3);
  }
}
