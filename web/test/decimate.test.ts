import { describe, expect, it } from "vitest";
import { perPixel, runs } from "../src/plots/decimate";
import { makeScale, steps } from "../src/plots/scale";

function random(seed: number): () => number {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

describe("perPixel", () => {
  it("keeps the extremes of every pixel, by brute force", () => {
    const next = random(5);
    const n = 5000;
    const scale = makeScale(700, 0, n);
    const xs = Array.from({ length: n }, (_, i) => scale.x(i));
    const value = xs.map(() => (next() < 0.05 ? NaN : next()));
    const low = value.map((v) => v - 0.1);
    const high = value.map((v) => v + 0.2);
    const c = perPixel(xs, value, low, high, 0, n);
    const groups = new Map<number, number[]>();
    xs.forEach((x, i) => {
      if (!Number.isNaN(value[i]!)) groups.set(Math.floor(x), [...(groups.get(Math.floor(x)) ?? []), i]);
    });
    expect(c.x).toEqual([...groups.keys()].map((x) => x + 0.5));
    [...groups.values()].forEach((at, k) => {
      const v = at.map((i) => value[i]!);
      expect([c.min[k], c.max[k], c.first[k], c.last[k]]).toEqual([Math.min(...v), Math.max(...v), v[0], v.at(-1)]);
      expect([c.low[k], c.high[k]]).toEqual([Math.min(...v.map((x) => x - 0.1)), Math.max(...v.map((x) => x + 0.2))]);
    });
  });
});

describe("runs", () => {
  it("splits at cuts that were not measured and at missing values", () => {
    expect(runs([0, 1, 2, 5, 6, 9], [1, 1, NaN, 1, 1, 1])).toEqual([{ from: 0, to: 2 }, { from: 3, to: 5 }, { from: 5, to: 6 }]);
    expect(runs([], [])).toEqual([]);
  });
});

describe("scale", () => {
  it("goes to pixels and back", () => {
    for (const [from, to] of [[0, 1], [0, 30000], [100, 240]] as const) {
      const s = makeScale(900, from, to);
      for (const cut of [from, to, Math.round((from + to) / 2)]) expect(s.cut(s.x(cut))).toBe(cut);
      expect(s.cut(-50)).toBe(from);
      expect(s.cut(5000)).toBe(to);
    }
  });
  it("labels round whole cuts", () => {
    expect(steps(0, 262, 10)).toEqual([0, 50, 100, 150, 200, 250]);
    expect(steps(0, 1, 10)).toEqual([0, 1]);
  });
});
