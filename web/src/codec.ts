// From base64 blobs to typed columns. The counterpart of report/encode.py.

export interface Column {
  readonly at: number;
  readonly n: number;
  readonly kind: "f4" | "i4" | "u1" | "text";
  // Leading entries that belong to another column which shares these bytes.
  readonly skip?: number;
}

export interface TextColumn extends Column {
  readonly lengths: Column;
}

interface FromBase64 {
  fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as FromBase64).fromBase64;
  if (native) return native.call(Uint8Array, base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Undoes the byte shuffle: the k-th byte of every number lies in the k-th quarter.
function unshuffled(blob: Uint8Array, column: Column): ArrayBuffer {
  const { at, n } = column;
  const out = new Uint8Array(4 * n);
  for (let k = 0; k < 4; k++) {
    const from = at + k * n;
    for (let i = 0; i < n; i++) out[4 * i + k] = blob[from + i]!;
  }
  return out.buffer;
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function swapped(buffer: ArrayBuffer): ArrayBuffer {
  if (!LITTLE) new Uint8Array(buffer).forEach((_, i, a) => i % 4 === 0 && a.subarray(i, i + 4).reverse());
  return buffer;
}

export function floats(blob: Uint8Array, column: Column): Float32Array {
  return new Float32Array(swapped(unshuffled(blob, column))).subarray(column.skip ?? 0);
}

export function integers(blob: Uint8Array, column: Column): Int32Array {
  return new Int32Array(swapped(unshuffled(blob, column)));
}

export function small(blob: Uint8Array, column: Column): Uint8Array {
  return blob.slice(column.at, column.at + column.n);
}

// One string and the offsets of its parts: part i is text.slice(offsets[i], offsets[i + 1]).
export interface Texts {
  readonly text: string;
  readonly offsets: Uint32Array;
  readonly n: number;
  at(i: number): string;
}

export function texts(blob: Uint8Array, column: TextColumn): Texts {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(blob.subarray(column.at, column.at + column.n));
  return fromLengths(text, integers(blob, column.lengths));
}

export function fromLengths(text: string, lengths: ArrayLike<number>): Texts {
  const offsets = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) offsets[i + 1] = offsets[i]! + lengths[i]!;
  return { text, offsets, n: lengths.length, at: (i) => text.slice(offsets[i], offsets[i + 1]) };
}

// The last index i with sorted[i] <= x, or -1.
export function lastAtMost(sorted: ArrayLike<number>, x: number): number {
  let low = -1;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= x) low = middle;
    else high = middle;
  }
  return low;
}
