// How the text of a figure is laid: words in lines of so many characters, as `plot.py` lays them. In points, as all of the figure.
import { visible } from "../format";
import type { Texts } from "../codec";

export const SIZE = 6.5;
export const LINE = 1.45 * SIZE;
// Of one character of the fixed font.
export const WIDE = 0.602 * SIZE;
export const MM = 72 / 25.4;

// A part of a unit on one line: its place, what stands there, and how many columns it takes.
export interface Run { readonly line: number; readonly column: number; readonly width: number; readonly text: string; readonly unit: number }

// Characters that take two columns of a fixed font: those of East Asia, and pictures.
const DOUBLE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\u{1f300}-\u{1faff}]/u;
const NO_WIDTH = /[\p{Mn}\u200c\u200d\ufe0f]/u;
// A longer unit, a sentence, may be broken at its spaces.
const SHORT = 24;

export function columnsOf(text: string): number {
  let n = 0;
  for (const char of text) n += NO_WIDTH.test(char) ? 0 : DOUBLE.test(char) ? 2 : 1;
  return n;
}

// A character that XML cannot hold, or that acts unseen, is written out.
export function inert(text: string): string {
  return visible(text, Infinity, false).replace(/[\ufffe\uffff]/g, "\ufffd");
}

export function columnsIn(width: number): number {
  return Math.max(8, Math.floor(width / WIDE) - 1);
}

function words(shown: string, columns: number): string[] {
  const parts = columnsOf(shown) <= SHORT ? [shown] : (shown.match(/\s?[^\s]*/gu) ?? []);
  return parts.flatMap((part) => {
    const pieces: string[] = [];
    let held = "";
    for (const char of part) {
      if (columnsOf(held + char) > columns) {
        pieces.push(held);
        held = "";
      }
      held += char;
    }
    return held ? [...pieces, held] : pieces;
  });
}

export function lay(pieces: Texts, from: number, to: number, columns: number): Run[] {
  const runs: Run[] = [];
  let [line, column] = [0, 0];
  for (let unit = from; unit < to; unit++) {
    pieces.at(unit).split("\n").forEach((part, k) => {
      if (k > 0) {
        runs.push({ line, column, width: 1, text: "↵", unit });
        [line, column] = [line + 1, 0];
      }
      for (const text of words(inert(part), columns)) {
        const width = columnsOf(text);
        // A full stop may stand in the column that is kept for a line end.
        const over = width === 1 && /[^\s\p{L}\p{N}]/u.test(text) ? 1 : 0;
        if (column && column + width > columns + over) [line, column] = [line + 1, 0];
        runs.push({ line, column, width, text, unit });
        column += width;
      }
    });
  }
  return runs;
}

// At most so many lines, from a few above a unit on where not all fit. Lines count from 0 again.
export function within(runs: readonly Run[], unit: number, most: number): Run[] {
  const lines = (runs.at(-1)?.line ?? 0) + 1;
  if (lines <= most) return [...runs];
  const at = runs.find((run) => run.unit >= unit)?.line ?? 0;
  const first = Math.max(0, Math.min(lines - most, at - Math.floor(most / 3)));
  return runs.filter((run) => run.line >= first && run.line < first + most).map((run) => ({ ...run, line: run.line - first }));
}
