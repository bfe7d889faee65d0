// How a trace is divided: blocks (paragraphs) and, inside over-long ones, inline groups. Pure, so it can be tested alone.
import type { Texts } from "../codec";

export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly block: number;
}

const SMALL = 24;
const LONG = 600;
const GROUP = 300;

// Blocks end at a line end once they hold a few units, and always at an empty line; so a block's text shows as it would unbroken.
export function blockStarts(pieces: Texts): number[] {
  const starts: number[] = [];
  let start = 0;
  for (let i = 0; i < pieces.n; i++) {
    if (i === start) starts.push(i);
    const end = pieces.offsets[i + 1]!;
    if (pieces.text[end - 1] !== "\n" || pieces.offsets[i] === end) continue;
    if (i + 1 - start >= SMALL || pieces.text[end - 2] === "\n") start = i + 1;
  }
  return starts;
}

export function chunksOf(pieces: Texts): Chunk[] {
  const starts = blockStarts(pieces);
  const chunks: Chunk[] = [];
  starts.forEach((start, block) => {
    const end = starts[block + 1] ?? pieces.n;
    const step = end - start > LONG ? GROUP : end - start;
    for (let from = start; from < end; from += step) chunks.push({ start: from, end: Math.min(end, from + step), block });
  });
  return chunks;
}

// A word starts at a unit that begins with white space or follows white space.
export function startsWord(pieces: Texts, i: number): boolean {
  if (i <= 0) return true;
  const at = pieces.offsets[i]!;
  return /\s/.test(pieces.text.slice(at - 1, at)) || /^\s/.test(pieces.at(i));
}

export function nextWord(pieces: Texts, from: number, step: 1 | -1): number {
  let i = from + step;
  while (i > 0 && i < pieces.n && !startsWord(pieces, i)) i += step;
  return Math.max(-1, Math.min(pieces.n - 1, i));
}
