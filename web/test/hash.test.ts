import { describe, expect, it } from "vitest";
import { START, parseHash, printHash } from "../src/hash";
import type { Place } from "../src/hash";

const FULL: Place = { trace: 2, unit: 1043, pinned: true, metric: "forced", stack: 1, share: true, tab: "samples", range: [900, 1200] };

describe("the address", () => {
  it("comes back as it went", () => {
    for (const place of [START, FULL, { ...START, unit: 0, metric: "delta" as const }]) expect(parseHash(printHash(place))).toEqual(place);
    expect(printHash(FULL)).toBe("#v1&i=2&t=1043&m=forced&p=1&x=1&n=1&s=samples&r=900-1200");
  });
  it("ignores what it does not know", () => {
    expect(parseHash("")).toBeNull();
    expect(parseHash("#v2&t=3")).toBeNull();
    expect(parseHash("#v1&t=<script>&m=colour&r=9-3&s=x&x=-4&i=1e9&zz=1")).toEqual(START);
  });
});
