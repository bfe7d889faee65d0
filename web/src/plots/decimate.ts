// One drawn column a pixel for curves with more cuts than pixels.

export interface Columns {
  readonly x: number[];
  readonly first: number[];
  readonly last: number[];
  readonly min: number[];
  readonly max: number[];
  readonly low: number[];
  readonly high: number[];
}

// Groups known points whose x falls in the same pixel: first and last value (for the line), extremes of value and limits.
export function perPixel(
  xs: ArrayLike<number>, value: ArrayLike<number>, low: ArrayLike<number>, high: ArrayLike<number>, from: number, to: number,
): Columns {
  const out: Columns = { x: [], first: [], last: [], min: [], max: [], low: [], high: [] };
  let pixel = NaN;
  let k = -1;
  for (let i = from; i < to; i++) {
    const v = value[i]!;
    if (Number.isNaN(v)) continue;
    const at = Math.floor(xs[i]!);
    const [a, b] = [Number.isNaN(low[i]!) ? v : low[i]!, Number.isNaN(high[i]!) ? v : high[i]!];
    if (at !== pixel) {
      pixel = at;
      k++;
      out.x.push(at + 0.5);
      for (const list of [out.first, out.last, out.min, out.max]) list.push(v);
      out.low.push(a);
      out.high.push(b);
      continue;
    }
    out.last[k] = v;
    if (v < out.min[k]!) out.min[k] = v;
    if (v > out.max[k]!) out.max[k] = v;
    if (a < out.low[k]!) out.low[k] = a;
    if (b > out.high[k]!) out.high[k] = b;
  }
  return out;
}

export interface Run { readonly from: number; readonly to: number }

// Runs of neighbouring cuts that all have a value; between two runs nothing was measured.
export function runs(cuts: ArrayLike<number>, value: ArrayLike<number>): Run[] {
  const out: Run[] = [];
  let from = -1;
  for (let i = 0; i <= cuts.length; i++) {
    const known = i < cuts.length && !Number.isNaN(value[i]!);
    if (from >= 0 && (!known || cuts[i]! !== cuts[i - 1]! + 1)) {
      out.push({ from, to: i });
      from = -1;
    }
    if (known && from < 0) from = i;
  }
  return out;
}
