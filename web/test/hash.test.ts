import { describe, expect, it } from "vitest";
import { START, parseHash, printHash } from "../src/hash";
import type { Place } from "../src/hash";
import { EVERYTHING } from "../src/formal/filter";

const FULL: Place = { trace: 2, unit: 1043, pinned: true, metric: "forced", stack: 1, share: true, given: true, stretch: true, tab: "samples", range: [900, 1200], screen: null, filter: EVERYTHING, gallery: "s3,l1,qa%20b", row: "1.s0-3" };
const FILTERED: Place = { ...START, unit: -1, screen: "tables", filter: { table: 1, state: 2, link: 1, answer: 0, code: "NOT_OPEN" } };

describe("the address", () => {
  it("comes back as it went", () => {
    for (const place of [START, FULL, { ...START, unit: 0, metric: "delta" as const }]) expect(parseHash(printHash(place))).toEqual(place);
    expect(printHash(FULL)).toBe("#v1&i=2&t=1043&m=forced&p=1&x=1&n=1&g=1&z=1&s=samples&r=900-1200&y=s3,l1,qa%20b");
  });
  it("carries the screen and the filter of verified traces", () => {
    expect(printHash(FILTERED)).toBe("#v1&t=-1&o=1&f=g1.tu.ld.ac&c=NOT_OPEN");
    expect(parseHash(printHash(FILTERED))).toEqual(FILTERED);
    expect(parseHash("#v1")).toEqual(START);
    expect(parseHash("#v1&t=-1")?.unit).toBe(-1);
    expect(parseHash("#v1&o=constructor&f=g-1.tx.l.ac.zz&c=<b>")).toEqual({ ...START, filter: { ...EVERYTHING, answer: 0 } });
  });
  it("ignores what it does not know", () => {
    expect(parseHash("")).toBeNull();
    expect(parseHash("#v2&t=3")).toBeNull();
    expect(parseHash("#v1&t=<script>&m=colour&r=9-3&s=x&x=-4&i=1e9&zz=1")).toEqual(START);
  });
});
