import { describe, expect, it } from "vitest";
import { across, eventSpan, movingUnit, unitOf } from "../src/formal/change";
import type { Violation } from "../src/formal/model";

const floats = (...x: number[]) => Float32Array.from(x);
const curve = {
  cuts: Int32Array.from([0, 2, 3, 4, 8]),
  value: floats(0.5, 0.5, 0.75, NaN, 0.25),
  low: floats(0.4, 0.4, 0.65, NaN, 0.2),
  high: floats(0.6, 0.6, 0.85, NaN, 0.3),
  delta: floats(NaN, 0, 0.25, NaN, -0.5),
  deltaLow: floats(NaN, -0.1, 0.1, NaN, -0.6),
  deltaHigh: floats(NaN, 0.1, 0.4, NaN, -0.4),
  deltaFrom: floats(NaN, 0, 2, NaN, 3),
  logKept: null,
  widened: null,
};
const at = (from: number, to: number, step = -1): Violation => ({ code: { name: "X", tier: "", text: "" }, event: 0, from, to, expected: "", got: "", step });

describe("the change across an event", () => {
  it("is that of the curve where the cuts around it are neighbours", () => {
    const found = across(curve, 2, 3)!;
    expect([found.from, found.to, found.before, found.after, found.delta]).toEqual([2, 3, 0.5, 0.75, 0.25]);
    expect(found.low).toBeCloseTo(0.1);
    expect(found.high).toBeCloseTo(0.4);
  });
  it("has outer limits over several", () => {
    const found = across(curve, 0, 3)!;
    expect([found.from, found.to, found.delta]).toEqual([0, 3, 0.25]);
    expect(found.low).toBeCloseTo(0.05);
    expect(found.high).toBeCloseTo(0.45);
  });
  it("takes the nearest cuts with a value around it", () => {
    expect(across(curve, 1, 2)).toMatchObject({ from: 0, to: 2 });
    expect(across(curve, 4, 5)).toMatchObject({ from: 3, to: 8, delta: -0.5 });
    expect(across(curve, 7, 9)).toBeNull();
  });
  it("stays within what the recursion allows", () => {
    const kept = { ...curve, logKept: floats(0, 0, Math.log(0.7), 0, 0), widened: floats(0, 0, 0, 0, 0) };
    expect(across(kept, 0, 3)!.high).toBeCloseTo(0.3);
    expect(across({ ...kept, widened: floats(0.1, 0, 0, 0, 0) }, 0, 3)!.high).toBeCloseTo(0.4);
    expect(across(kept, 0, 3)!.low).toBeCloseTo(0.05);
    const tighter = { ...curve, logKept: floats(0, 0, Math.log(0.9), 0, 0), widened: floats(0, 0, 0, 0, 0) };
    expect(across(tighter, 0, 3)!.delta).toBeCloseTo(0.1);
  });
  it("is pinned where the value moves most", () => {
    expect(movingUnit(curve, 1, 4)).toBe(2);
    expect(movingUnit(curve, 3, 8)).toBe(7);
    expect(movingUnit(curve, 4, 8)).toBe(4);
    expect(movingUnit(null, 4, 8)).toBe(4);
  });
  it("is about the whole event, and about nothing in the answer", () => {
    const grid = { steps: { n: 1, from: Int32Array.from([1]), to: Int32Array.from([4]) } } as never;
    expect(eventSpan({ grid }, at(2, 3, 0), 9)).toEqual([1, 4]);
    expect(eventSpan({ grid }, at(5, 7, 0), 6)).toEqual([5, 6]);
    expect(eventSpan({ grid: null }, at(9, 10), 9)).toBeNull();
    expect(eventSpan({ grid: null }, at(-1, -1), 9)).toBeNull();
    expect(eventSpan({ grid: null }, at(3, 3), 9)).toBeNull();
    expect([unitOf({ grid }, at(2, 3, 0), 9, curve), unitOf({ grid }, at(9, 10), 9, curve)]).toEqual([2, 9]);
  });
});
