// Thumbnails as pixels: only what is seen is painted, straight from the points of the curves.
import { ABSENT, OPEN, STEPS } from "./data";
import type { Gallery } from "./data";
import type { Kind } from "./view";

// Colours of 256 points, as pixels; of paper, of hatching, and of a line.
export interface Inks { readonly point: Uint32Array; readonly hatch: number; readonly line: number; readonly rule: number }

const BINS = 21;
const TALLEST = 16;

function pixel(colour: string): number {
  const x = parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((x & 255) << 16) | (x & 0xff00) | (x >> 16)) >>> 0;
}

export function readInks(): Inks {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => pixel(style.getPropertyValue(name).trim());
  const ramp = Array.from({ length: BINS }, (_, k) => get(`--value-${k}`));
  const point = new Uint32Array(256).fill(get("--paper"));
  for (let k = 0; k <= STEPS; k++) point[k] = point[k + OPEN] = ramp[Math.round((k / STEPS) * (BINS - 1))]!;
  return { point, hatch: get("--stroke"), line: get("--line"), rule: get("--ground") };
}

// The size of a thumbnail, in its own pixels, and of the place it stands in.
export interface Cell { readonly width: number; readonly height: number; readonly columns: number; readonly dot: number; readonly wide: number; readonly tall: number }

// Below a thumbnail stands one line of text.
export const CAPTION = 15;
const GAP = 8;

// Matrix: raster order, 50 points a row where curves are long. `size` is the side of a point, or a third of the height of a line.
export function cellOf(kind: Kind, size: number, longest: number): Cell {
  const columns = longest > 200 ? 50 : longest > 50 ? 25 : 12;
  const dot = kind === "matrix" ? size * (columns === 50 ? 1 : columns === 25 ? 2 : 4) : size;
  const rows = Math.min(TALLEST, Math.max(1, Math.ceil(longest / columns)));
  const width = kind === "matrix" ? columns * dot : 50 * size;
  const height = kind === "matrix" ? rows * dot : kind === "strip" ? 8 * size : 18 * size;
  return { width, height, columns, dot, wide: width + GAP, tall: height + CAPTION + GAP };
}

// One thumbnail at (x, y) of an image `stride` pixels wide and `limit` tall; `ratio` device pixels per pixel.
export function paintThumb(image: Uint32Array, stride: number, limit: number, x: number, y: number, gallery: Gallery, row: number, kind: Kind, cell: Cell, ratio: number, inks: Inks): void {
  const from = gallery.offsets[row]!;
  const n = gallery.offsets[row + 1]! - from;
  if (!n) return;
  const put = { image, stride, limit, inks };
  if (kind === "line") return paintLine(put, x, y, gallery.points, from, n, Math.round(cell.width * ratio), Math.round(cell.height * ratio));
  if (kind === "strip") return paintStrip(put, x, y, gallery.points, from, n, Math.round(cell.width * ratio), Math.round(cell.height * ratio));
  const side = Math.max(1, Math.round(cell.dot * ratio));
  const room = cell.columns * Math.round(cell.height / cell.dot);
  const shown = Math.min(n, room);
  for (let k = 0; k < shown; k++) {
    const point = gallery.points[from + (n <= room ? k : Math.round((k * (n - 1)) / (room - 1)))]!;
    square(put, x + (k % cell.columns) * side, y + Math.floor(k / cell.columns) * side, side, side, point);
  }
}

interface Put { readonly image: Uint32Array; readonly stride: number; readonly limit: number; readonly inks: Inks }

// A point that is open is hatched; one without a number is a frame of dots.
function square({ image, stride, limit, inks }: Put, x: number, y: number, width: number, height: number, point: number): void {
  const colour = inks.point[point]!;
  const open = point >= OPEN;
  const ink = point === ABSENT ? inks.rule : inks.hatch;
  const every = point === ABSENT ? 4 : 3;
  for (let b = Math.max(0, y); b < Math.min(limit, y + height); b++) {
    const at = b * stride;
    for (let a = x; a < x + width; a++) image[at + a] = open && (a + b) % every === 0 ? ink : colour;
  }
}

function paintStrip(put: Put, x: number, y: number, points: Uint8Array, from: number, n: number, width: number, height: number): void {
  for (let a = 0; a < width; a++) square(put, x + a, y, 1, height, points[from + Math.floor((a * n) / width)]!);
}

// Joins neighbouring columns, so that a jump is a line and not a gap.
function paintLine({ image, stride, limit, inks }: Put, x: number, y: number, points: Uint8Array, from: number, n: number, width: number, height: number): void {
  let before = -1;
  for (let a = 0; a < width; a++) {
    const point = points[from + (n === 1 ? 0 : Math.round((a * (n - 1)) / (width - 1)))]!;
    for (const b of [0, height - 1]) if (a % 2 === 0 && y + b >= 0 && y + b < limit) image[(y + b) * stride + x + a] = inks.rule;
    if (point === ABSENT) {
      before = -1;
      continue;
    }
    const open = point >= OPEN;
    const at = Math.round((1 - (open ? point - OPEN : point) / STEPS) * (height - 2));
    const [top, end] = before < 0 ? [at, at + 1] : [Math.min(at, before), Math.max(at, before) + 1];
    for (let b = top; b <= end; b++) if (y + b >= 0 && y + b < limit && (!open || (a + b) % 3)) image[(y + b) * stride + x + a] = inks.line;
    before = at;
  }
}
