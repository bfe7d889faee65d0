// Finding text in a trace: case is ignored, everything else is literal.
import { lastAtMost } from "../codec";
import type { Texts } from "../codec";

const MOST = 5000;

export interface Hit { readonly from: number; readonly to: number }

// Units (first and last) that each occurrence touches.
export function findText(pieces: Texts, query: string): Hit[] {
  if (!query) return [];
  const pattern = new RegExp(query.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"), "gi");
  const hits: Hit[] = [];
  for (let match = pattern.exec(pieces.text); match && hits.length < MOST; match = pattern.exec(pieces.text)) {
    const last = match.index + match[0].length - 1;
    hits.push({ from: lastAtMost(pieces.offsets, match.index), to: lastAtMost(pieces.offsets, last) });
  }
  return hits;
}
