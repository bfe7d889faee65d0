// Where the cells of a heat map lie, and how it is painted.
import { hatch, readTheme, steps } from "../kit";

export const BINS = 21;

export interface Frame { readonly left: number; readonly top: number; readonly width: number; readonly height: number; readonly rows: number; readonly columns: number; readonly topDown: boolean }

// Room for labels on the left and below.
export function frameOf(width: number, rows: number, columns: number, labels: number, topDown: boolean): Frame {
  const left = Math.min(width * 0.3, labels);
  const side = Math.max(2, Math.min(columns > 12 ? 26 : 64, (width - left - 8) / Math.max(1, columns)));
  const tall = Math.max(6, Math.min(22, 420 / Math.max(1, rows)));
  return { left, top: 4, width: side * columns, height: tall * rows, rows, columns, topDown };
}

export function boxOf(f: Frame, row: number, column: number): readonly [x: number, y: number, w: number, h: number] {
  const [w, h] = [f.width / f.columns, f.height / f.rows];
  return [f.left + column * w, f.top + (f.topDown ? row : f.rows - 1 - row) * h, w, h];
}

// Row and column under a point; null outside.
export function cellAt(f: Frame, x: number, y: number): readonly [row: number, column: number] | null {
  const [column, line] = [Math.floor(((x - f.left) / f.width) * f.columns), Math.floor(((y - f.top) / f.height) * f.rows)];
  return column < 0 || column >= f.columns || line < 0 || line >= f.rows ? null : [f.topDown ? line : f.rows - 1 - line, column];
}

// The colour of a number; -1: there is none.
export function binOf(x: number, low: number): number {
  return Number.isNaN(x) ? -1 : Math.max(0, Math.min(BINS - 1, Math.floor(((x - low) / (1 - low)) * (BINS - 1) + 0.5)));
}

// The cell that a key leads to, seen on the page; null: not a key of the map.
export function moved(f: Frame, [row, column]: readonly [number, number], key: string): readonly [number, number] | null {
  const up = f.topDown ? -1 : 1;
  const to: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [row + up, column], ArrowDown: [row - up, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], Home: [row, 0], End: [row, f.columns - 1],
  };
  const next = to[key];
  return next ? [Math.max(0, Math.min(f.rows - 1, next[0])), Math.max(0, Math.min(f.columns - 1, next[1]))] : null;
}

export interface Picture { readonly values: Float32Array; readonly low: number; readonly palette: string; readonly rows: readonly string[]; readonly columns: readonly string[] }

export function paint(ctx: CanvasRenderingContext2D, canvas: HTMLCanvasElement, f: Frame, p: Picture, at: readonly [number, number] | null): void {
  const theme = readTheme();
  const style = getComputedStyle(canvas);
  const colours = Array.from({ length: BINS }, (_, k) => style.getPropertyValue(`--${p.palette}-${k}`).trim());
  const missing = hatch(ctx, theme.muted);
  for (let row = 0; row < f.rows; row++) {
    for (let column = 0; column < f.columns; column++) {
      const [x, y, w, h] = boxOf(f, row, column);
      const bin = binOf(p.values[row * f.columns + column]!, p.low);
      ctx.fillStyle = bin < 0 ? missing : colours[bin]!;
      const gap = w > 8 ? 1 : 0;
      ctx.fillRect(x, y, Math.max(0.5, w - gap), Math.max(0.5, h - (h > 8 ? 1 : 0)));
    }
  }
  ctx.strokeStyle = theme.rule;
  ctx.strokeRect(f.left - 0.5, f.top - 0.5, f.width + 1, f.height + 1);
  ctx.fillStyle = theme.muted;
  ctx.font = `11px ${style.fontFamily}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const row of steps(0, f.rows - 1, f.height / 14)) {
    const [, y, , h] = boxOf(f, row, 0);
    ctx.fillText(clipped(ctx, p.rows[row]!, f.left - 8), f.left - 6, y + h / 2);
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const widest = Math.max(12, ...p.columns.map((c) => Math.min(60, ctx.measureText(c.slice(0, 10)).width)));
  // Every label has room up to the next one.
  const every = Math.max(1, ...steps(0, f.columns - 1, f.width / (widest + 12)).slice(1, 2), Math.ceil((widest + 12) / (f.width / f.columns)));
  for (let column = 0; column < f.columns; column += every) {
    const [x, , w] = boxOf(f, 0, column);
    ctx.fillText(clipped(ctx, p.columns[column]!, widest + 8), x + w / 2, f.top + f.height + 4);
  }
  if (!at) return;
  const [x, y, w, h] = boxOf(f, at[0], at[1]);
  for (const [colour, width] of [[theme.paper, 4], [theme.ink, 2]] as const) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.strokeRect(x - 1, y - 1, Math.max(3, w + 1), Math.max(3, h + 1));
  }
}

function clipped(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  const line = text.replace(/\s+/g, " ").slice(0, 60);
  if (ctx.measureText(line).width <= room) return line;
  let n = line.length;
  while (n > 1 && ctx.measureText(`${line.slice(0, n)}…`).width > room) n--;
  return `${line.slice(0, n)}…`;
}
