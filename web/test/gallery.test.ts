import { describe, expect, it } from "vitest";
import type { Rule } from "../src/gallery/data";
import { ordered } from "../src/gallery/order";
import { cellOf, paintThumb } from "../src/gallery/paint";
import { countsOf, labelsOf } from "../src/gallery/rules";
import type { View } from "../src/gallery/view";
import { parseView, printView } from "../src/gallery/view";

const START: View = { kind: "matrix", size: 2, sort: -1, falling: false, label: -1, subject: -1, correct: -1, cluster: -1, query: "", x: 0, y: 1, box: null, at: -1, thresholds: [0.3, 0.2] };

// Numbers from a fixed sequence, some of them the same and some of them none.
function numbers(n: number): Float32Array {
  let seed = 7;
  return Float32Array.from({ length: n }, () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % 17 === 0 ? NaN : seed % 13 === 0 ? -0 : Math.fround((seed % 2001) / 100 - 10);
  });
}

describe("the order of rows", () => {
  it("is that of a stable sort, rows without a number last", () => {
    const values = numbers(5000);
    for (const falling of [false, true]) {
      const rows = Array.from(values, (_, i) => i);
      const rank = (i: number) => (Number.isNaN(values[i]!) ? Infinity : (falling ? -1 : 1) * values[i]!);
      rows.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)));
      expect(Array.from(ordered(values, falling))).toEqual(rows);
    }
  });
});

describe("labels", () => {
  const features = [{ name: "start", note: "", values: Float32Array.of(0.1, 0.9, NaN, 0.5) }, { name: "change", note: "", values: Float32Array.of(0.7, -0.6, 0.4, 0) }];
  const rules: Rule[] = [
    { label: "up", note: "", conditions: [{ feature: 1, op: ">=", threshold: 0, scale: 1 }, { feature: 0, op: ">=", threshold: -1, scale: 0 }] },
    { label: "down", note: "", conditions: [{ feature: 1, op: "<=", threshold: 0, scale: -1 }] },
    { label: "rest", note: "", conditions: [] },
  ];
  it("are those of the first rule that holds; no number meets no condition", () => {
    expect(Array.from(labelsOf({ n: 4, features, rules }, [0.3]))).toEqual([0, 1, 2, 2]);
    expect(Array.from(labelsOf({ n: 4, features, rules }, [0.65]))).toEqual([0, 2, 2, 2]);
    expect(countsOf(Uint8Array.of(0, 2, 2, 2), 3)).toEqual([1, 0, 3]);
  });
});

describe("the link of a gallery", () => {
  it("comes back as it went", () => {
    const full: View = { kind: "table", size: 4, sort: 3, falling: true, label: 2, subject: 0, correct: 1, cluster: 5, query: "a,b=&~ é", x: 2, y: 3, box: [-0.5, 0.25, 0, 1], at: 77, thresholds: [0.3, 0.05] };
    expect(printView(START, START)).toBe("");
    expect(parseView(printView(full, START), START)).toEqual(full);
    expect(printView(full, START)).not.toMatch(/[&=]/);
  });
  it("that is nonsense changes nothing", () => {
    for (const text of ["", "s", "sx,k99,h7~1,h0~x,b1~2", "a1e9,%,q%E0", "z-,"]) expect(parseView(text, START)).toEqual({ ...START, query: "" });
  });
});

describe("a thumbnail", () => {
  const gallery = { offsets: Uint32Array.of(0, 3), points: Uint8Array.of(0, 120, 255) } as never;
  const inks = { point: Uint32Array.from({ length: 256 }, (_, k) => k + 1), hatch: 9001, line: 9002, rule: 9003 };
  it("has one square per point and none outside of the image", () => {
    const cell = cellOf("matrix", 1, 3);
    const image = new Uint32Array(cell.width * 4);
    paintThumb(image, cell.width, 4, 0, 0, gallery, 0, "matrix", cell, 1, inks);
    expect([image[0], image[cell.dot]]).toEqual([1, 121]);
    expect(Array.from(image.slice(2 * cell.dot, 3 * cell.dot)).every((x) => x === 256 || x === 9003)).toBe(true);
    expect(image[3 * cell.dot]).toBe(0);
    paintThumb(image, cell.width, 4, 0, -100, gallery, 0, "matrix", cell, 1, inks);
    expect(image.length).toBe(cell.width * 4);
  });
});
