import { describe, expect, it } from "vitest";
import { fromLengths } from "../src/codec";
import { figure, signed, unseen, visible } from "../src/format";
import { blockStarts, chunksOf, nextWord } from "../src/pane/chunks";
import { findText } from "../src/pane/find";

const of = (...parts: string[]) => fromLengths(parts.join(""), parts.map((p) => p.length));

describe("chunks", () => {
  it("cover every unit once, in order, whatever the text", () => {
    for (const pieces of [of(), of("a"), of("\n"), of(...Array.from({ length: 2000 }, (_, i) => (i % 7 ? "x " : "y\n\n"))), of(...Array<string>(1700).fill("z"))]) {
      const chunks = chunksOf(pieces);
      expect(chunks.flatMap((c) => Array.from({ length: c.end - c.start }, (_, k) => c.start + k))).toEqual(Array.from({ length: pieces.n }, (_, i) => i));
    }
  });
  it("end a block only at a line end", () => {
    const parts = Array.from({ length: 900 }, (_, i) => (i % 11 === 10 ? ".\n" : " w"));
    for (const start of blockStarts(of(...parts)).slice(1)) expect(parts[start - 1]).toMatch(/\n$/);
  });
  it("divide a paragraph without line ends into groups of one block", () => {
    const chunks = chunksOf(of(...Array<string>(1700).fill("z")));
    expect(chunks.length).toBe(6);
    expect(new Set(chunks.map((c) => c.block)).size).toBe(1);
  });
});

describe("words and finding", () => {
  const pieces = of("The", " kid", "neys", " fil", "ter", "\n", "It");
  it("moves by words", () => {
    expect([0, 1, 3, 5].map((i) => nextWord(pieces, i, 1))).toEqual([1, 3, 5, 6]);
    expect([6, 5, 2].map((i) => nextWord(pieces, i, -1))).toEqual([5, 3, 1]);
  });
  it("finds text across units, literally, ignoring case", () => {
    expect(findText(pieces, "KIDNEYS f")).toEqual([{ from: 1, to: 3 }]);
    expect(findText(of("a.*b", "(", "x"), ".*")).toEqual([{ from: 0, to: 0 }]);
    expect(findText(pieces, "")).toEqual([]);
  });
});

describe("shown strings", () => {
  it("make every character visible", () => {
    expect(visible(" a\n\t\u001b\u202e<b>")).toBe("␣a↵⇥⟨U+001B⟩⟨U+202E⟩<b>");
    expect(visible("abcdef", 3)).toBe("abc…");
    expect([unseen("ok"), unseen("\u202e"), unseen("👩‍👩‍👧"), unseen("\n")]).toEqual([false, true, false, false]);
  });
  it("never show a missing number as zero", () => {
    expect([figure(NaN), figure(null), figure(0), signed(-0.5, 1), signed(0, 1)]).toEqual(["–", "–", "0.000", "−0.5", "±0.0"]);
  });
});
