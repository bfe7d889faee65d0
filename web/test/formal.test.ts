import { describe, expect, it } from "vitest";
import { fromLengths } from "../src/codec";
import { EVERYTHING, parseFilter, printFilter } from "../src/formal/filter";
import type { Cells, Grid } from "../src/formal/model";
import { CLOSED, OPEN, eventsOf, replay } from "../src/formal/replay";
import { aligned, piecesOf } from "../src/formal/words";

const strings = (text: string) => {
  const found = piecesOf(text);
  return Array.from({ length: found.n }, (_, i) => found.at(i));
};
const pieces = (...parts: string[]) => fromLengths(parts.join(""), parts.map((p) => p.length));

describe("words as units", () => {
  it("loses and adds nothing", () => {
    for (const text of ["", " ", "a", " a  b\n\n c \n", "close 1 2 c0", "\u00a0x\u2003y z", "a\r\nb\tc "]) expect(strings(text).join("")).toBe(text);
    expect(strings(" a  b\n c ")).toEqual([" a", "  b\n", " c", " "]);
    expect(strings("x\u00a0y z")).toEqual(["x\u00a0y", " z"]);
  });
  it("takes linear time", () => {
    const from = performance.now();
    piecesOf(" ".repeat(300_000) + "a" + " ".repeat(300_000));
    piecesOf("\n ".repeat(200_000));
    expect(performance.now() - from).toBeLessThan(2000);
  });
});

describe("places of a text on the units shown", () => {
  const text = "start 0 1 reasoning close 0 1 c0 plan 1 1 end";
  const at = (part: string): [number, number] => [text.indexOf(part), text.indexOf(part) + part.length];
  it("finds its own words", () => {
    const unit = aligned(text, text.indexOf("close"), 0, piecesOf("close 0 1 c0"), piecesOf(" plan 1 1 end"));
    expect(unit(...at("close 0 1 c0"))).toEqual([0, 4]);
    expect(unit(...at("c0"))).toEqual([3, 4]);
    expect(unit(...at("plan 1 1"))).toEqual([4, 7]);
    expect(unit(...at("start 0"))).toEqual([-1, -1]);
    expect(unit(text.length, text.length)).toEqual([8, 8]);
  });
  it("finds tokens of other shapes", () => {
    const unit = aligned(text, null, 4, pieces(" cl", "ose 0", " 1 c", "0"), pieces("plan", "1", "1"));
    expect(unit(...at("close 0 1 c0"))).toEqual([0, 4]);
    expect(unit(...at("1 c0"))).toEqual([2, 4]);
    expect(unit(...at("plan 1 1"))).toEqual([4, 7]);
  });
});

describe("the filter", () => {
  it("comes back as it went, and ignores what it does not know", () => {
    const f = { table: 3, state: 0, link: 2, answer: 1, code: "PLAN_STEP" };
    const [places, code] = printFilter(f);
    expect(parseFilter(places!.slice(2), code!.slice(2))).toEqual(f);
    expect(printFilter(EVERYTHING)).toEqual([]);
    expect(parseFilter("g99999999.txx", "a b")).toEqual(EVERYTHING);
  });
});

describe("the replay", () => {
  const cells = (...list: [number, number][]): Cells => ({ n: list.length, x: Int32Array.from(list, (c) => c[0]), y: Int32Array.from(list, (c) => c[1]) });
  const events: [number, number, number][] = [[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 9, 9], [0, 0, 0]];
  const column = (f: (e: [number, number, number]) => number) => Int32Array.from(events, f);
  const grid: Grid = {
    rows: 2, cols: 2, start: cells([0, 0]), walls: cells(), goals: cells([1, 1]), boxes: cells([1, 1]), plan: cells(),
    steps: {
      n: 5, verbs: ["create", "close"], verb: column((e) => e[0]), x: column((e) => e[1]), y: column((e) => e[2]), g: column(() => 0), h: column(() => -1),
      from: column(() => 0), to: column(() => 0), boxAt: Int32Array.of(0, 1, 1, 1, 1, 1), boxes: cells([0, 1]),
    },
  };
  it("shows the trace as it stands", () => {
    expect([...replay(grid, -1).state]).toEqual([0, 0, 0, 0]);
    expect([...replay(grid, 1).state]).toEqual([CLOSED, OPEN, 0, 0]);
    expect([...replay(grid, 2).order]).toEqual([1, 2, 0, 0]);
    expect(replay(grid, 3).current).toBe(-1);
    expect([...replay(grid, 99).state]).toEqual([OPEN, CLOSED, 0, 0]);
    expect(eventsOf(grid, 0)).toEqual([0, 4]);
  });
  it("has the boxes that the event writes", () => {
    expect(replay(grid, -1).boxes!.n).toBe(1);
    expect([...replay(grid, 0).boxes!.y]).toEqual([1]);
    expect(replay(grid, 1).boxes!.n).toBe(0);
  });
});
