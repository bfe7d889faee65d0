import { describe, expect, it } from "vitest";
import { fromLengths } from "../src/codec";
import { columnsOf, lay, within } from "../src/figure/lay";
import { NO_BIN, stretched } from "../src/model";
import type { Metric } from "../src/model";

const pieces = (...all: string[]) => fromLengths(all.join(""), all.map((x) => x.length));

describe("the text of a figure", () => {
  it("is laid in lines of so many columns, broken at units and at line ends", () => {
    const runs = lay(pieces("One", " two", " three", ".", "\n", "四五"), 0, 6, 12);
    expect(runs.map((r) => [r.line, r.column, r.text])).toEqual([[0, 0, "One"], [0, 3, " two"], [1, 0, " three"], [1, 6, "."], [1, 7, "↵"], [2, 0, "四五"]]);
    expect(columnsOf("四五e\u0301")).toBe(5);
    // A full stop never begins a line, and a sentence is broken at its spaces.
    expect(lay(pieces("a full line", "."), 0, 2, 11).map((r) => r.line)).toEqual([0, 0]);
    expect(lay(pieces("a sentence that is longer than a line"), 0, 1, 16).every((r) => r.column + r.width <= 16)).toBe(true);
  });
  it("has at most so many lines, around a unit", () => {
    const runs = lay(pieces(...Array.from({ length: 100 }, (_, i) => `${i}\n`)), 0, 100, 20);
    const kept = within(runs, 50, 9);
    expect([kept[0]!.line, kept[0]!.unit, kept.at(-1)!.line, kept.at(-1)!.unit]).toEqual([0, 47, 8, 55]);
  });
});

describe("a stretched scale", () => {
  const metric = (values: number[], bins: number[], low = 0): Metric => ({ key: "", name: "", scale: "", note: "", low, high: 1, palette: "value", values: Float32Array.from(values), bins: Uint8Array.from(bins), hatched: null });
  it("goes from the least number to the largest, and counts a colour without a number", () => {
    const made = stretched(metric([0.25, NaN, NaN, 0.5], [5, 15, NO_BIN, 10]));
    expect([made.low, made.high, ...made.bins]).toEqual([0.25, 0.75, 0, 20, NO_BIN, 10]);
  });
  it("of changes keeps 0 in the middle, and of one number is what it was", () => {
    const made = stretched(metric([-0.25, 0, 0.125], [8, 10, 11], -1));
    expect([made.low, made.high, ...made.bins]).toEqual([-0.25, 0.25, 0, 10, 15]);
    const same = metric([0.5, 0.5], [10, 10]);
    expect(stretched(same)).toBe(same);
  });
});
