// Words of a formal text as units, and places in that text as units of what the pane shows. Pure, so it can be tested alone.
import { fromLengths } from "../codec";
import type { Texts } from "../codec";

const SPACE = " \t\n\r\f\v";

// A word with the white space before it and the line ends after it; white space at the end is a unit of its own. Only ASCII white space
// parts words.
export function piecesOf(text: string): Texts {
  const units = text.match(/[ \t\n\r\f\v]*[^ \t\n\r\f\v]+(?:[ \t\r\f\v]*\n)*|[ \t\n\r\f\v]+$/g) ?? [];
  return fromLengths(text, units.map((unit) => unit.length));
}

// For each place of a text, how many characters that are no white space come before it.
function solids(text: string): Uint32Array {
  const out = new Uint32Array(text.length + 1);
  for (let i = 0; i < text.length; i++) out[i + 1] = out[i]! + (SPACE.includes(text[i]!) ? 0 : 1);
  return out;
}

// Where the words after the first `skip` ones begin, counted in characters that are no white space.
function solidsBefore(text: string, skip: number): number {
  let at = 0;
  const words = text.match(/[^ \t\n\r\f\v]+/g) ?? [];
  for (let k = 0; k < Math.min(skip, words.length); k++) at += words[k]!.length;
  return at;
}

// From a span of characters of `text` to the units that write it: the k-th character that is no white space here is the k-th there.
// The shown units begin at `head`, or after `skip` words where head is null.
export function aligned(text: string, head: number | null, skip: number, pieces: Texts, answer: Texts): (from: number, to: number) => [number, number] {
  const before = solids(text);
  const base = head === null ? solidsBefore(text, skip) : before[Math.min(head, text.length)]!;
  const owner: number[] = [];
  [pieces, answer].forEach((texts, part) => {
    for (let i = 0; i < texts.n; i++) {
      for (let at = texts.offsets[i]!; at < texts.offsets[i + 1]!; at++) {
        if (!SPACE.includes(texts.text[at]!)) owner.push(part === 0 ? i : pieces.n + i);
      }
    }
  });
  const clip = (at: number) => before[Math.max(0, Math.min(text.length, at))]! - base;
  return (from, to) => {
    const [a, b] = [clip(from), clip(to)];
    if (b <= 0 && a < b) return [-1, -1];
    const total = pieces.n + answer.n;
    const first = a >= owner.length ? total : owner[Math.max(0, a)]!;
    return [first, b > Math.max(0, a) && b <= owner.length ? owner[b - 1]! + 1 : b > owner.length ? total : first];
  };
}
