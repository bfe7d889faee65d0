// Rows in the order of a number.

const BUCKETS = 256;

// A key that sorts as the number does: negative numbers in reverse, rows without a number last.
function keysOf(values: ArrayLike<number>): Uint32Array {
  const floats = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) floats[i] = values[i]! + 0;
  const keys = new Uint32Array(floats.buffer);
  for (let i = 0; i < keys.length; i++) {
    const bits = keys[i]!;
    keys[i] = Number.isNaN(values[i]!) ? 0xffffffff : (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;
  }
  return keys;
}

// Radix sort, stable: rows of the same number keep their order. Falling, rows without a number are last all the same.
export function ordered(values: ArrayLike<number>, falling: boolean): Uint32Array {
  const keys = keysOf(values);
  if (falling) for (let i = 0; i < keys.length; i++) if (keys[i] !== 0xffffffff) keys[i] = ~keys[i]! >>> 0;
  let rows = Uint32Array.from({ length: keys.length }, (_, i) => i);
  let next = new Uint32Array(keys.length);
  for (let shift = 0; shift < 32; shift += 8) {
    const starts = new Uint32Array(BUCKETS + 1);
    for (const key of keys) starts[((key >>> shift) & 255) + 1]!++;
    for (let k = 0; k < BUCKETS; k++) starts[k + 1]! += starts[k]!;
    for (const row of rows) next[starts[(keys[row]! >>> shift) & 255]!++] = row;
    [rows, next] = [next, rows];
  }
  return rows;
}
