import { describe, expect, it } from "vitest";
import { sharesOf, words } from "../src/pieces/Bars";
import { layoutOf, lanesOf, pointAt } from "../src/pieces/chart";
import type { Bracket, Line } from "../src/pieces/chart";
import { runsOf } from "../src/pieces/marks";
import type { Mark } from "../src/pieces/marks";
import { binOf, boxOf, cellAt, frameOf, moved } from "../src/pieces/matrix";
import type { SheetCell } from "../src/model";
import { numberOf, pressed, sorted } from "../src/sections/sorting";

const cell = (main: string, value: number | null = null): SheetCell => ({ main, number: value === null ? null : [value, null, null] });

describe("sorting", () => {
  const rows = [[cell("1,200"), cell("b")], [cell("–"), cell("a")], [cell("−3"), cell("a10")], [cell("20"), cell("a9")]];
  it("goes by number where there are numbers, by text elsewhere; what says nothing is last", () => {
    expect(sorted(rows, { column: 0, falling: true })).toEqual([0, 3, 2, 1]);
    expect(sorted(rows, { column: 0, falling: false })).toEqual([2, 3, 0, 1]);
    expect(sorted(rows, { column: 1, falling: false })).toEqual([1, 3, 2, 0]);
    expect(sorted(rows, null)).toEqual([0, 1, 2, 3]);
  });
  it("takes the number that is drawn before the text", () => expect(numberOf(cell("PIVOT", -0.5))).toBe(-0.5));
  it("turns with each press and then goes away", () => {
    const first = pressed(null, 2, true);
    expect(first).toEqual({ column: 2, falling: true });
    expect(pressed(first, 2, true)).toEqual({ column: 2, falling: false });
    expect(pressed({ column: 2, falling: false }, 2, true)).toBeNull();
    expect(pressed(first, 1, false)).toEqual({ column: 1, falling: false });
  });
});

describe("bars", () => {
  const bar = { shares: [0.5, null, 0.2], low: null, high: null, n: 1000, name: "", detail: "", row: "" };
  const labels = ["A", "B", "C"].map((name, k) => ({ name, colour: k, letter: name, gold: false }));
  it("say what is missing, and no number is not 0", () => {
    expect(sharesOf(bar).missing).toBeCloseTo(0.3);
    expect(words(bar, labels)).toBe("A 0.50, B –, C 0.20, missing 0.30, n 1,000");
    expect(sharesOf({ shares: [0.8, 0.8] })).toEqual({ shares: [0.5, 0.5], missing: 0 });
  });
});

describe("a heat map", () => {
  for (const topDown of [true, false]) {
    it(`finds the cell that it drew, ${topDown ? "top down" : "bottom up"}`, () => {
      const f = frameOf(1200, 64, 400, 40, topDown);
      for (const at of [[0, 0], [63, 399], [5, 17]] as const) {
        const [x, y, w, h] = boxOf(f, at[0], at[1]);
        expect(cellAt(f, x + w / 2, y + h / 2)).toEqual(at);
      }
      expect(cellAt(f, 0, 0)).toBeNull();
      expect(moved(f, [0, 0], "ArrowUp")).toEqual(topDown ? [0, 0] : [1, 0]);
      expect(moved(f, [0, 399], "ArrowRight")).toEqual([0, 399]);
      expect(moved(f, [0, 0], "x")).toBeNull();
    });
  }
  it("has no colour for no number", () => {
    expect([NaN, -1, 0, 1, 2].map((x) => binOf(x, -1))).toEqual([-1, 0, 10, 20, 20]);
  });
});

describe("lines", () => {
  const line = (step: boolean): Line => ({ name: "", step, x: Int32Array.of(0, 4, 9), y: Float32Array.of(1, NaN, 0.5), low: null, high: null, outerLow: null, outerHigh: null });
  it("say nothing where they have no number", () => {
    expect([0, 3, 4, 9].map((cut) => pointAt(line(false), cut))).toEqual([0, -1, -1, 2]);
    expect([0, 3, 4, 9].map((cut) => pointAt(line(true), cut))).toEqual([0, 0, -1, 2]);
  });
  it("put brackets that overlap into lanes of their own", () => {
    const of = (start: number, stop: number): Bracket => ({ start, stop, label: "", at: null, row: "" });
    expect(lanesOf([of(0, 50), of(20, 30), of(70, 90)], (x) => x, () => 10)).toEqual([0, 1, 0]);
    const l = layoutOf({ lines: [], length: 100, limits: [0, 1], brackets: [], rules: [] }, 800, 100, () => 0);
    expect(l.cut(l.x(37))).toBe(37);
  });
});

describe("marks", () => {
  it("cover every token once, whatever overlaps", () => {
    const marks: Mark[] = [[2, 5, "span", "", ""], [3, 4, "up", "", "t3"]];
    const runs = runsOf(7, marks);
    expect(runs.map((r) => [r.from, r.to, r.marks.length])).toEqual([[0, 2, 0], [2, 3, 1], [3, 4, 2], [4, 5, 1], [5, 7, 0]]);
    expect(runsOf(0, [])).toEqual([]);
  });
});
