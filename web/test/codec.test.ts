import { describe, expect, it } from "vitest";
import { bytesOf, floats, fromLengths, inflate, integers, lastAtMost, small, texts } from "../src/codec";

function shuffled(buffer: ArrayBuffer): Uint8Array {
  const bytes = new Uint8Array(buffer);
  const n = bytes.length / 4;
  return Uint8Array.from(bytes, (_, k) => bytes[4 * (k % n) + Math.floor(k / n)]!);
}

describe("columns", () => {
  it("reads floats with gaps, and those that share another column's bytes", () => {
    const values = new Float32Array([0, 0.1, NaN, -3.5, 1e-7]);
    const blob = new Uint8Array([9, 9, ...shuffled(values.buffer as ArrayBuffer)]);
    expect(floats(blob, { at: 2, n: 5, kind: "f4" })).toEqual(values);
    expect(floats(blob, { at: 2, n: 5, kind: "f4", skip: 1 })).toEqual(values.slice(1));
  });
  it("reads signed integers and bytes", () => {
    const values = new Int32Array([-1, 0, 2 ** 31 - 1, -(2 ** 31)]);
    expect(integers(shuffled(values.buffer as ArrayBuffer), { at: 0, n: 4, kind: "i4" })).toEqual(values);
    expect(small(new Uint8Array([1, 2, 3]), { at: 1, n: 2, kind: "u1" })).toEqual(new Uint8Array([2, 3]));
  });
  it("keeps every character: split bytes, joiners, right-to-left, line ends, a byte-order mark", () => {
    const parts = ["\ufeff", "⟨E2 80⟩", "👩‍👩‍👧", "שלום", "\r\n", "<script>", "", "\u0000"];
    const run = new TextEncoder().encode(parts.join(""));
    const lengths = new Int32Array(parts.map((p) => p.length));
    const blob = new Uint8Array([...run, ...shuffled(lengths.buffer as ArrayBuffer)]);
    const read = texts(blob, { at: 0, n: run.length, kind: "text", lengths: { at: run.length, n: parts.length, kind: "i4" } });
    expect(parts.map((_, i) => read.at(i))).toEqual(parts);
  });
  it("unpacks zlib in base64", async () => {
    const stream = new Blob(["abc".repeat(100)]).stream().pipeThrough(new CompressionStream("deflate"));
    const packed = btoa(String.fromCharCode(...new Uint8Array(await new Response(stream).arrayBuffer())));
    expect(new TextDecoder().decode(await inflate(bytesOf(packed)))).toBe("abc".repeat(100));
  });
});

describe("lastAtMost", () => {
  it("agrees with a search from the end", () => {
    const sorted = [0, 3, 3, 7, 10];
    for (let x = -1; x < 12; x++) expect(lastAtMost(sorted, x)).toBe(sorted.filter((s) => s <= x).length - 1);
    expect(lastAtMost([], 1)).toBe(-1);
  });
  it("finds the part of a character offset", () => {
    const t = fromLengths("aabcc", [2, 1, 2]);
    expect([0, 1, 2, 3, 4].map((i) => lastAtMost(t.offsets, i))).toEqual([0, 0, 1, 2, 2]);
  });
});
